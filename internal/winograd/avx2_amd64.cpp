// Blocks of 8 channels.
#pragma GCC target("avx2,fma")
#define WIDTH 8
#define KERNELS avx2_kernels
#include "kernel.hpp"
