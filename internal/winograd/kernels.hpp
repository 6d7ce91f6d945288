// The kernels that kernel.hpp makes for one instruction set.
#ifndef JCS_KERNELS_HPP
#define JCS_KERNELS_HPP

#include "winograd.h"

struct kernels {
  size_t (*packed_size)(const jcs_winograd *);
  size_t (*forward_scratch)(const jcs_winograd *, int);
  size_t (*data_scratch)(const jcs_winograd *);
  size_t (*weights_scratch)(const jcs_winograd *);
  void (*pack)(const jcs_winograd *, const float *, float *);
  void (*forward)(const jcs_winograd *, const void *, const float *, const float *, const float *, void *, float *);
  void (*data)(const jcs_winograd *, const float *, const float *, float *, float *);
  void (*weights)(const jcs_winograd *, const float *, const float *, float *, float *, float *);
};

// For tiles of 4 and of 6; with products of bfloat16 those of 4.
extern const kernels avx2_kernels[2], avx512_kernels[2], avx512bf16_kernels[1];

#endif
