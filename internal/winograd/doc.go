// Package winograd computes convolutions with 3x3 kernels by Winograd's
// algorithm (Lavin and Gray, Fast Algorithms for Convolutional Neural Networks,
// 2016), forward and backward, in float32 or with products of bfloat16.
//
// oneDNN has the algorithm in tiles of 4x4, for AVX-512, and only up to version
// 3.1. This one has tiles of 6x6 too, needs AVX2 only, and no version of a
// library. docs/decisions/0007-own-winograd.md has the figures.
//
// Everything runs on the threads of the calling thread's OpenMP pool, so it is
// called on an engine's thread, as oneDNN's primitives are.
package winograd
