// Winograd's convolution with 3x3 kernels in steps of one.
#ifndef JCS_WINOGRAD_H
#define JCS_WINOGRAD_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  int64_t n, in, height, width, out, out_height, out_width, pad_top, pad_left;
  int64_t dilation;  // pixels from one of a kernel's weights to the next: 1 or more
  int block;       // channels in a block of the tensors: 16 or 8
  int tile;        // outputs on a tile's side: 6 or 4
  int relu;        // forward: cut the result at 0
  int accumulate;  // forward: add to what the result's memory holds, before that
  int src_bf16, dst_bf16;  // forward: tensors of bfloat16 instead of float
  int products_bf16;       // tiles of 4, blocks of 16: transformed inputs and weights are multiplied as bfloat16
} jcs_winograd;

// Whether this processor has what blocks of so many channels need, and products
// of bfloat16.
int jcs_winograd_available(int block);
int jcs_winograd_multiplies_bf16(void);

// Floats of the transformed weights, and of the memory that each pass works
// in. The scratch memory is that of the calling thread's number of threads.
size_t jcs_winograd_packed_size(const jcs_winograd *c);
size_t jcs_winograd_forward_scratch(const jcs_winograd *c, int packed);
size_t jcs_winograd_data_scratch(const jcs_winograd *c);
size_t jcs_winograd_weights_scratch(const jcs_winograd *c);

// Weights and their gradient are [out][in][3][3], without blocks. Of weights
// and packed ones one may be null; bias and its gradient may be.
void jcs_winograd_pack(const jcs_winograd *c, const float *weights, float *packed);
void jcs_winograd_forward(const jcs_winograd *c, const void *src, const float *weights, const float *packed,
                          const float *bias, void *dst, float *scratch);
void jcs_winograd_data(const jcs_winograd *c, const float *diff_dst, const float *weights, float *diff_src,
                       float *scratch);
void jcs_winograd_weights(const jcs_winograd *c, const float *src, const float *diff_dst, float *diff_weights,
                          float *diff_bias, float *scratch);

#ifdef __cplusplus
}
#endif

#endif
