// Hands each call to the kernels of its block and tile.
#include "kernels.hpp"

static const kernels &of(const jcs_winograd *c) {
  if (c->products_bf16) return avx512bf16_kernels[0];
  const kernels *all = c->block == 16 ? avx512_kernels : avx2_kernels;
  return all[c->tile == 6];
}

extern "C" {

int jcs_winograd_available(int block) {
  switch (block) {
    case 16:
      return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
             __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma");
    case 8: return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    default: return 0;
  }
}

int jcs_winograd_multiplies_bf16(void) { return jcs_winograd_available(16) && __builtin_cpu_supports("avx512bf16"); }

size_t jcs_winograd_packed_size(const jcs_winograd *c) { return of(c).packed_size(c); }
size_t jcs_winograd_forward_scratch(const jcs_winograd *c, int packed) { return of(c).forward_scratch(c, packed); }
size_t jcs_winograd_data_scratch(const jcs_winograd *c) { return of(c).data_scratch(c); }
size_t jcs_winograd_weights_scratch(const jcs_winograd *c) { return of(c).weights_scratch(c); }

void jcs_winograd_pack(const jcs_winograd *c, const float *weights, float *packed) { of(c).pack(c, weights, packed); }

void jcs_winograd_forward(const jcs_winograd *c, const void *src, const float *weights, const float *packed, const float *bias,
                          void *dst, float *scratch) {
  of(c).forward(c, src, weights, packed, bias, dst, scratch);
}

void jcs_winograd_data(const jcs_winograd *c, const float *diff_dst, const float *weights, float *diff_src, float *scratch) {
  of(c).data(c, diff_dst, weights, diff_src, scratch);
}

void jcs_winograd_weights(const jcs_winograd *c, const float *src, const float *diff_dst, float *diff_weights, float *diff_bias,
                          float *scratch) {
  of(c).weights(c, src, diff_dst, diff_weights, diff_bias, scratch);
}

}  // extern "C"
