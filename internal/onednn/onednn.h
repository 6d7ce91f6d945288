// The whole of oneDNN that jcs uses, as C functions. No type of oneDNN's
// appears here, so that another version of the library is one more .cpp file.
//
// Functions that can fail return NULL (or non-zero) and write a sentence of at
// most JCS_ERROR bytes, ended by a zero, into `error`.
#ifndef JCS_ONEDNN_H
#define JCS_ONEDNN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define JCS_ERROR 256
#define JCS_MAX_INPUTS 16

typedef struct jcs_engine jcs_engine;       // processor, stream, thread count
typedef struct jcs_layout jcs_layout;       // shape, type and order of a tensor in memory
typedef struct jcs_memory jcs_memory;       // a layout at an address
typedef struct jcs_primitive jcs_primitive; // a compiled operation
typedef struct jcs_step jcs_step;           // a primitive with its memories

typedef enum { JCS_F32, JCS_BF16, JCS_S32, JCS_S8, JCS_U8 } jcs_type;
// Blocked: channels in blocks of 16 or 8, each block's channels innermost.
typedef enum { JCS_PLAIN, JCS_CHANNELS_LAST, JCS_BLOCKED_16, JCS_BLOCKED_8 } jcs_order;

// What a memory is to a primitive. The numbers are ours.
typedef enum {
  JCS_SRC,
  JCS_SRC_1,
  JCS_DST,
  JCS_WEIGHTS,
  JCS_BIAS,
  JCS_MEAN,
  JCS_VARIANCE,
  JCS_SCALE,
  JCS_SHIFT,
  JCS_WORKSPACE,
  JCS_SCRATCHPAD, // what a primitive works in, and leaves nothing in
  JCS_DIFF_SRC,
  JCS_DIFF_DST,
  JCS_DIFF_WEIGHTS,
  JCS_DIFF_BIAS,
  JCS_DIFF_SCALE,
  JCS_DIFF_SHIFT,
  JCS_MULTIPLE_SRC // + index of the input, of concat and sum
} jcs_role;

typedef enum { JCS_RELU, JCS_RELU6, JCS_HARDSWISH, JCS_SIGMOID, JCS_NO_ACTIVATION } jcs_activation;
typedef enum { JCS_DIRECT, JCS_WINOGRAD } jcs_algorithm;
typedef enum { JCS_MAX, JCS_AVERAGE_COUNTING_PADDING, JCS_AVERAGE } jcs_pooling;
typedef enum { JCS_ADD, JCS_MULTIPLY } jcs_binary;

typedef struct {
  int64_t n, in, height, width, out, out_height, out_width;
  int64_t kernel, stride, dilation, groups;
  int64_t pad_top, pad_left, pad_bottom, pad_right;
  int bias;
  int training;   // forward only: keep what a backward pass needs
  int accumulate; // forward only: add to what the result's memory holds
  jcs_activation activation; // forward only, after the accumulation
  jcs_algorithm algorithm;
  jcs_type src_type, weights_type, dst_type;
  // With weights of type JCS_S8, forward only: a sum times scales[o] is the
  // result's real value at channel o; what the result's memory holds times
  // sum_scale is the real value to add to; a real value over dst_scale is what
  // is kept. The library copies the scales.
  const float *scales;
  float sum_scale, dst_scale;
} jcs_convolution;

typedef struct {
  int64_t kernel_height, kernel_width, stride_height, stride_width;
  int64_t pad_top, pad_left, pad_bottom, pad_right;
  int64_t out_height, out_width;
  jcs_pooling kind;
  int training;
} jcs_pool;

const char *jcs_library_version(void);
const char *jcs_instruction_set(void);
// Whether an 8-bit convolution wants its bias in units of the sums (divided by
// the scales) rather than in real ones.
int jcs_bias_in_sums(void);

void *jcs_allocate(size_t bytes); // aligned to a page, zeroed; NULL when there is none
void jcs_release(void *p, size_t bytes);

jcs_engine *jcs_engine_new(char *error);
void jcs_engine_free(jcs_engine *e);
// Sets the OpenMP thread count of the calling thread.
void jcs_set_threads(int threads);

jcs_layout *jcs_layout_new(int rank, const int64_t *dims, jcs_type type, jcs_order order, char *error);
// A part of a tensor that shares its memory; NULL when the layout's blocks do not allow it.
jcs_layout *jcs_layout_part(const jcs_layout *l, const int64_t *dims, const int64_t *offsets, char *error);
jcs_layout *jcs_layout_reshape(const jcs_layout *l, int rank, const int64_t *dims, char *error);
jcs_layout *jcs_layout_copy(const jcs_layout *l);
// The layout without strides of a parent: a tensor of its own in the same order.
jcs_layout *jcs_layout_dense(const jcs_layout *l, char *error);
void jcs_layout_free(jcs_layout *l);
size_t jcs_layout_bytes(const jcs_layout *l);
jcs_type jcs_layout_type(const jcs_layout *l);
int jcs_layout_equal(const jcs_layout *a, const jcs_layout *b);
int jcs_layout_is_zero(const jcs_layout *l);

jcs_memory *jcs_memory_new(jcs_engine *e, const jcs_layout *l, void *address, char *error);
void jcs_memory_free(jcs_memory *m);

// Layouts that may be NULL are chosen by the library; jcs_primitive_layout tells.
jcs_primitive *jcs_convolution_forward(jcs_engine *e, const jcs_convolution *c, const jcs_layout *src,
                                       const jcs_layout *dst, char *error);
jcs_primitive *jcs_convolution_backward_data(jcs_engine *e, const jcs_convolution *c, const jcs_layout *diff_src,
                                             const jcs_layout *diff_dst, char *error);
jcs_primitive *jcs_convolution_backward_weights(jcs_engine *e, const jcs_convolution *c, const jcs_layout *src,
                                                const jcs_layout *diff_dst, char *error);
// By the statistics that it is given, in inference.
jcs_primitive *jcs_batch_norm_forward(jcs_engine *e, const jcs_layout *src, float eps, char *error);
jcs_primitive *jcs_activation_forward(jcs_engine *e, jcs_activation a, const jcs_layout *src, int training,
                                      char *error);
// The backward pass reads JCS_DST, but for hard-swish, which reads JCS_SRC.
jcs_primitive *jcs_activation_backward(jcs_engine *e, jcs_activation a, const jcs_layout *data,
                                       const jcs_layout *diff_dst, char *error);
jcs_primitive *jcs_softmax_forward(jcs_engine *e, const jcs_layout *src, int axis, char *error);
jcs_primitive *jcs_softmax_backward(jcs_engine *e, const jcs_layout *dst, const jcs_layout *diff_dst, int axis,
                                    char *error);
jcs_primitive *jcs_pool_forward(jcs_engine *e, const jcs_pool *p, const jcs_layout *src, char *error);
jcs_primitive *jcs_pool_backward(jcs_engine *e, const jcs_pool *p, const jcs_layout *src,
                                 const jcs_layout *diff_dst, char *error);
jcs_primitive *jcs_resize_forward(jcs_engine *e, const jcs_layout *src, int64_t height, int64_t width, char *error);
jcs_primitive *jcs_binary_new(jcs_engine *e, jcs_binary kind, const jcs_layout *a, const jcs_layout *b,
                              const jcs_layout *dst, char *error);
jcs_primitive *jcs_concat(jcs_engine *e, int inputs, const jcs_layout *const *src, const jcs_layout *dst,
                          char *error);
// scales: none (count 0), one for all, or one for each index of the first axis; dst is src times its scale.
jcs_primitive *jcs_reorder(jcs_engine *e, const jcs_layout *src, const jcs_layout *dst, const float *scales, int count,
                           char *error);
void jcs_primitive_free(jcs_primitive *p);
jcs_layout *jcs_primitive_layout(const jcs_primitive *p, jcs_role role, char *error);
const char *jcs_primitive_implementation(const jcs_primitive *p);

jcs_step *jcs_step_new(const jcs_primitive *p, int count, const int *roles, jcs_memory *const *memories,
                       char *error);
int jcs_step_run(jcs_engine *e, jcs_step *s, char *error); // returns when it is done
void jcs_step_free(jcs_step *s);

#ifdef __cplusplus
}
#endif
#endif
