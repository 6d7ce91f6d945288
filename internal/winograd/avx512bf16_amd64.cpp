// Blocks of 16 channels, products of bfloat16.
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma")
#include <immintrin.h>
#define WIDTH 16
#define PAIRS
#define KERNELS avx512bf16_kernels
#include "kernel.hpp"
