// Blocks of 16 channels.
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")
#define WIDTH 16
#define KERNELS avx512_kernels
#include "kernel.hpp"
