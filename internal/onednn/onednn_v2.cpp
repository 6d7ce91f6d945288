// oneDNN 2.x behind onednn.h.
#include "onednn.h"

#include <omp.h>
#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <oneapi/dnnl/dnnl.hpp>
#include <unordered_map>
#include <vector>

#if DNNL_VERSION_MAJOR == 2

using dnnl::memory;
using dnnl::prop_kind;

struct jcs_engine {
  dnnl::engine engine;
  dnnl::stream stream;
};
struct jcs_layout {
  memory::desc desc;
};
struct jcs_memory {
  dnnl::memory memory;
};
struct jcs_primitive {
  dnnl::primitive primitive;
  dnnl::primitive_desc_base desc;
};
struct jcs_step {
  dnnl::primitive primitive;
  std::unordered_map<int, dnnl::memory> arguments;
};

namespace {

void report(char *error, const char *what) { std::snprintf(error, JCS_ERROR, "%s", what); }

// Runs f and turns what it throws into a NULL and a sentence.
template <typename F>
auto guarded(char *error, F f) -> decltype(f()) {
  try {
    return f();
  } catch (const dnnl::error &e) {
    std::snprintf(error, JCS_ERROR, "oneDNN: %s (status %d)", e.what(), static_cast<int>(e.status));
  } catch (const std::exception &e) {
    report(error, e.what());
  } catch (...) {
    report(error, "unknown failure in oneDNN");
  }
  return {};
}

template <typename PD, typename P>
jcs_primitive *compiled(const PD &pd, P p) {
  return new jcs_primitive{std::move(p), pd};
}

memory::data_type data_type(jcs_type t) {
  switch (t) {
    case JCS_BF16: return memory::data_type::bf16;
    case JCS_S32: return memory::data_type::s32;
    case JCS_S8: return memory::data_type::s8;
    case JCS_U8: return memory::data_type::u8;
    default: return memory::data_type::f32;
  }
}

int argument(int role) {
  switch (role) {
    case JCS_SRC: return DNNL_ARG_SRC;
    case JCS_SRC_1: return DNNL_ARG_SRC_1;
    case JCS_DST: return DNNL_ARG_DST;
    case JCS_WEIGHTS: return DNNL_ARG_WEIGHTS;
    case JCS_BIAS: return DNNL_ARG_BIAS;
    case JCS_MEAN: return DNNL_ARG_MEAN;
    case JCS_VARIANCE: return DNNL_ARG_VARIANCE;
    case JCS_SCALE: return DNNL_ARG_SCALE;
    case JCS_SHIFT: return DNNL_ARG_SHIFT;
    case JCS_WORKSPACE: return DNNL_ARG_WORKSPACE;
    case JCS_DIFF_SRC: return DNNL_ARG_DIFF_SRC;
    case JCS_DIFF_DST: return DNNL_ARG_DIFF_DST;
    case JCS_DIFF_WEIGHTS: return DNNL_ARG_DIFF_WEIGHTS;
    case JCS_DIFF_BIAS: return DNNL_ARG_DIFF_BIAS;
    case JCS_DIFF_SCALE: return DNNL_ARG_DIFF_SCALE;
    case JCS_DIFF_SHIFT: return DNNL_ARG_DIFF_SHIFT;
    default: return DNNL_ARG_MULTIPLE_SRC + (role - JCS_MULTIPLE_SRC);
  }
}

// An activation as oneDNN has it. `from_dst` is the variant whose backward
// pass reads the result, so that the input need not be kept.
struct eltwise {
  dnnl::algorithm algorithm;
  float alpha, beta;
};

eltwise activation(jcs_activation a, bool from_dst) {
  switch (a) {
    case JCS_RELU:
      return {from_dst ? dnnl::algorithm::eltwise_relu_use_dst_for_bwd : dnnl::algorithm::eltwise_relu, 0, 0};
    case JCS_RELU6:
      return {from_dst ? dnnl::algorithm::eltwise_clip_v2_use_dst_for_bwd : dnnl::algorithm::eltwise_clip_v2, 0, 6};
    case JCS_SIGMOID:
      return {from_dst ? dnnl::algorithm::eltwise_logistic_use_dst_for_bwd : dnnl::algorithm::eltwise_logistic, 0, 0};
    default: return {dnnl::algorithm::eltwise_hardswish, 0, 0};
  }
}

struct convolution_shapes {
  memory::desc src, weights, bias, dst;
  memory::dims strides, dilates, pad_low, pad_high;
  dnnl::algorithm algorithm;
};

memory::desc any(const memory::dims &dims, memory::data_type type) {
  return memory::desc(dims, type, memory::format_tag::any);
}

memory::desc given_or_any(const jcs_layout *l, const memory::dims &dims, jcs_type type) {
  return l ? l->desc : any(dims, data_type(type));
}

convolution_shapes shapes_of(const jcs_convolution *c, const jcs_layout *src, const jcs_layout *dst) {
  convolution_shapes s;
  s.src = given_or_any(src, {c->n, c->in, c->height, c->width}, c->src_type);
  s.dst = given_or_any(dst, {c->n, c->out, c->out_height, c->out_width}, c->dst_type);
  memory::data_type w = data_type(c->weights_type);
  s.weights = c->groups > 1 ? any({c->groups, c->out / c->groups, c->in / c->groups, c->kernel, c->kernel}, w)
                            : any({c->out, c->in, c->kernel, c->kernel}, w);
  if (c->bias) s.bias = memory::desc({c->out}, memory::data_type::f32, memory::format_tag::x);
  s.strides = {c->stride, c->stride};
  s.dilates = {c->dilation - 1, c->dilation - 1};
  s.pad_low = {c->pad_top, c->pad_left};
  s.pad_high = {c->pad_bottom, c->pad_right};
  s.algorithm = c->algorithm == JCS_WINOGRAD ? dnnl::algorithm::convolution_winograd
                                             : dnnl::algorithm::convolution_direct;
  return s;
}

// Whether the result's scale can go into the sums' scales, as a function that
// commutes with it allows: none and ReLU.
bool scales_first(const jcs_convolution *c) {
  return c->activation == JCS_NO_ACTIVATION || c->activation == JCS_RELU;
}

// What follows the sums: the addition, the activation, and the result's scale.
dnnl::post_ops after(const jcs_convolution *c) {
  bool quantised = c->weights_type == JCS_S8, first = scales_first(c);
  float over = quantised ? c->dst_scale : 1.0f;
  dnnl::post_ops post;
  if (c->accumulate) post.append_sum(!quantised ? 1.0f : first ? c->sum_scale / over : c->sum_scale);
  if (c->activation != JCS_NO_ACTIVATION) {
    eltwise a = activation(c->activation, false);
    post.append_eltwise(first ? 1.0f : 1.0f / over, a.algorithm, a.alpha, a.beta);
  }
  return post;
}

dnnl::convolution_forward::primitive_desc forward_desc(jcs_engine *e, const jcs_convolution *c,
                                                       const jcs_layout *src, const jcs_layout *dst) {
  convolution_shapes s = shapes_of(c, src, dst);
  prop_kind kind = c->training ? prop_kind::forward_training : prop_kind::forward_inference;
  dnnl::primitive_attr attr;
  attr.set_post_ops(after(c));
  if (c->weights_type == JCS_S8) {
    float over = scales_first(c) ? c->dst_scale : 1.0f;
    std::vector<float> scales(c->scales, c->scales + c->out);
    for (float &s : scales) s /= over;
    attr.set_output_scales(1 << 1, scales);
  }
  dnnl::convolution_forward::desc d(kind, s.algorithm, s.src, s.weights, s.bias, s.dst, s.strides, s.dilates,
                                    s.pad_low, s.pad_high);
  return {d, attr, e->engine};
}

// A backward pass wants the forward one as a hint; layouts do not matter to it.
dnnl::convolution_forward::primitive_desc hint(jcs_engine *e, const jcs_convolution *c) {
  jcs_convolution plain = *c;
  plain.training = 1;
  plain.accumulate = 0;
  plain.activation = JCS_NO_ACTIVATION;
  plain.algorithm = JCS_DIRECT;
  return forward_desc(e, &plain, nullptr, nullptr);
}

dnnl::normalization_flags norm_flags(int running, int relu) {
  unsigned f = static_cast<unsigned>(dnnl::normalization_flags::use_scale) |
               static_cast<unsigned>(dnnl::normalization_flags::use_shift);
  if (running) f |= static_cast<unsigned>(dnnl::normalization_flags::use_global_stats);
  if (relu) f |= static_cast<unsigned>(dnnl::normalization_flags::fuse_norm_relu);
  return static_cast<dnnl::normalization_flags>(f);
}

dnnl::batch_normalization_forward::primitive_desc norm_desc(jcs_engine *e, const memory::desc &src, float eps,
                                                            int running, int training, int relu) {
  dnnl::batch_normalization_forward::desc d(training ? prop_kind::forward_training : prop_kind::forward_inference,
                                            src, eps, norm_flags(running, relu));
  return {d, e->engine};
}

dnnl::eltwise_forward::primitive_desc eltwise_desc(jcs_engine *e, jcs_activation a, const memory::desc &src,
                                                   int training) {
  eltwise x = activation(a, training && a != JCS_HARDSWISH);
  dnnl::eltwise_forward::desc d(training ? prop_kind::forward_training : prop_kind::forward_inference, x.algorithm,
                                src, x.alpha, x.beta);
  return {d, e->engine};
}

dnnl::algorithm pooling(jcs_pooling p) {
  switch (p) {
    case JCS_MAX: return dnnl::algorithm::pooling_max;
    case JCS_AVERAGE_COUNTING_PADDING: return dnnl::algorithm::pooling_avg_include_padding;
    default: return dnnl::algorithm::pooling_avg_exclude_padding;
  }
}

struct pool_shapes {
  memory::dims strides, kernel, pad_low, pad_high;
  memory::desc dst;
};

pool_shapes shapes_of(const jcs_pool *p, const memory::desc &src) {
  memory::dims d = src.dims();
  return {{p->stride_height, p->stride_width},
          {p->kernel_height, p->kernel_width},
          {p->pad_top, p->pad_left},
          {p->pad_bottom, p->pad_right},
          any({d[0], d[1], p->out_height, p->out_width}, src.data_type())};
}

dnnl::pooling_forward::primitive_desc pool_desc(jcs_engine *e, const jcs_pool *p, const memory::desc &src,
                                                const memory::desc *dst) {
  pool_shapes s = shapes_of(p, src);
  dnnl::pooling_forward::desc d(p->training ? prop_kind::forward_training : prop_kind::forward_inference,
                                pooling(p->kind), src, dst ? *dst : s.dst, s.strides, s.kernel, s.pad_low,
                                s.pad_high);
  return {d, e->engine};
}

std::vector<memory::desc> descs(int n, const jcs_layout *const *l) {
  std::vector<memory::desc> v;
  for (int i = 0; i < n; i++) v.push_back(l[i]->desc);
  return v;
}

dnnl::query query_of(jcs_role role, int *index) {
  *index = 0;
  switch (role) {
    case JCS_SRC: return dnnl::query::src_md;
    case JCS_DST: return dnnl::query::dst_md;
    case JCS_WEIGHTS: return dnnl::query::weights_md;
    case JCS_BIAS: *index = 1; return dnnl::query::weights_md;
    case JCS_WORKSPACE: return dnnl::query::workspace_md;
    case JCS_DIFF_SRC: return dnnl::query::diff_src_md;
    case JCS_DIFF_DST: return dnnl::query::diff_dst_md;
    case JCS_DIFF_WEIGHTS: return dnnl::query::diff_weights_md;
    case JCS_DIFF_BIAS: *index = 1; return dnnl::query::diff_weights_md;
    default: return dnnl::query::exec_arg_md;
  }
}

}  // namespace

extern "C" {

const char *jcs_library_version(void) {
  static char version[64];
  const dnnl_version_t *v = dnnl_version();
  std::snprintf(version, sizeof version, "%d.%d.%d", v->major, v->minor, v->patch);
  return version;
}

const char *jcs_instruction_set(void) {
  switch (dnnl::get_effective_cpu_isa()) {
    case dnnl::cpu_isa::sse41: return "sse41";
    case dnnl::cpu_isa::avx: return "avx";
    case dnnl::cpu_isa::avx2: return "avx2";
    case dnnl::cpu_isa::avx2_vnni: return "avx2_vnni";
    case dnnl::cpu_isa::avx512_core: return "avx512_core";
    case dnnl::cpu_isa::avx512_core_vnni: return "avx512_core_vnni";
    case dnnl::cpu_isa::avx512_core_bf16: return "avx512_core_bf16";
    case dnnl::cpu_isa::avx512_core_amx: return "avx512_core_amx";
    default: return "other";
  }
}

int jcs_bias_in_sums(void) { return 1; }

void *jcs_allocate(size_t bytes) {
  void *p = mmap(nullptr, bytes ? bytes : 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) return nullptr;
  madvise(p, bytes, MADV_HUGEPAGE);
  return p;
}

void jcs_release(void *p, size_t bytes) {
  if (p) munmap(p, bytes ? bytes : 1);
}

jcs_engine *jcs_engine_new(char *error) {
  return guarded(error, [&]() -> jcs_engine * {
    dnnl::engine engine(dnnl::engine::kind::cpu, 0);
    dnnl::stream stream(engine);
    return new jcs_engine{engine, stream};
  });
}

void jcs_engine_free(jcs_engine *e) { delete e; }
void jcs_set_threads(int threads) { omp_set_num_threads(threads); }

jcs_layout *jcs_layout_new(int rank, const int64_t *dims, jcs_type type, jcs_order order, char *error) {
  return guarded(error, [&]() -> jcs_layout * {
    memory::dims d(dims, dims + rank);
    memory::dims strides(rank);
    int64_t step = 1;
    if ((order == JCS_BLOCKED_16 || order == JCS_BLOCKED_8) && rank == 4)
      return new jcs_layout{memory::desc(d, data_type(type),
                                         order == JCS_BLOCKED_16 ? memory::format_tag::nChw16c
                                                                 : memory::format_tag::nChw8c)};
    if (order == JCS_CHANNELS_LAST && rank == 4) {
      for (int i : {1, 3, 2, 0}) {
        strides[i] = step;
        step *= d[i];
      }
    } else {
      for (int i = rank - 1; i >= 0; i--) {
        strides[i] = step;
        step *= d[i];
      }
    }
    return new jcs_layout{memory::desc(d, data_type(type), strides)};
  });
}

jcs_layout *jcs_layout_part(const jcs_layout *l, const int64_t *dims, const int64_t *offsets, char *error) {
  return guarded(error, [&]() -> jcs_layout * {
    int rank = l->desc.data.ndims;
    memory::desc part = l->desc.submemory_desc(memory::dims(dims, dims + rank),
                                               memory::dims(offsets, offsets + rank), true);
    if (!part) {
      report(error, "this layout has no such part");
      return nullptr;
    }
    return new jcs_layout{part};
  });
}

jcs_layout *jcs_layout_reshape(const jcs_layout *l, int rank, const int64_t *dims, char *error) {
  return guarded(error, [&]() -> jcs_layout * {
    memory::desc d = l->desc.reshape(memory::dims(dims, dims + rank), true);
    if (!d) {
      report(error, "this layout cannot be reshaped without moving it");
      return nullptr;
    }
    return new jcs_layout{d};
  });
}

jcs_layout *jcs_layout_copy(const jcs_layout *l) { return new jcs_layout{l->desc}; }

jcs_layout *jcs_layout_dense(const jcs_layout *l, char *error) {
  return guarded(error, [&]() -> jcs_layout * {
    dnnl_memory_desc_t d = l->desc.data;
    dnnl_memory_desc_t dense = d;
    // Keep the order of the axes and the inner blocks, and close the gaps.
    int64_t step = 1;
    for (int i = 0; i < d.format_desc.blocking.inner_nblks; i++) step *= d.format_desc.blocking.inner_blks[i];
    bool done[DNNL_MAX_NDIMS] = {};
    for (int turn = 0; turn < d.ndims; turn++) {
      int axis = -1;
      for (int i = 0; i < d.ndims; i++)
        if (!done[i] &&
            (axis < 0 || d.format_desc.blocking.strides[i] < d.format_desc.blocking.strides[axis] ||
             (d.format_desc.blocking.strides[i] == d.format_desc.blocking.strides[axis] && d.dims[i] == 1)))
          axis = i;
      done[axis] = true;
      int64_t block = 1;
      for (int i = 0; i < d.format_desc.blocking.inner_nblks; i++)
        if (d.format_desc.blocking.inner_idxs[i] == axis) block *= d.format_desc.blocking.inner_blks[i];
      dense.format_desc.blocking.strides[axis] = step;
      dense.padded_dims[axis] = (d.dims[axis] + block - 1) / block * block;
      step *= dense.padded_dims[axis] / block;
    }
    dense.offset0 = 0;
    return new jcs_layout{memory::desc(dense)};
  });
}

void jcs_layout_free(jcs_layout *l) { delete l; }
size_t jcs_layout_bytes(const jcs_layout *l) { return l->desc.get_size(); }
jcs_type jcs_layout_type(const jcs_layout *l) {
  switch (l->desc.data_type()) {
    case memory::data_type::bf16: return JCS_BF16;
    case memory::data_type::s32: return JCS_S32;
    case memory::data_type::s8: return JCS_S8;
    case memory::data_type::u8: return JCS_U8;
    default: return JCS_F32;
  }
}
int jcs_layout_equal(const jcs_layout *a, const jcs_layout *b) { return a->desc == b->desc; }
int jcs_layout_is_zero(const jcs_layout *l) { return l->desc.is_zero(); }

jcs_memory *jcs_memory_new(jcs_engine *e, const jcs_layout *l, void *address, char *error) {
  return guarded(error,
                 [&]() -> jcs_memory * { return new jcs_memory{dnnl::memory(l->desc, e->engine, address)}; });
}

void jcs_memory_free(jcs_memory *m) { delete m; }

jcs_primitive *jcs_convolution_forward(jcs_engine *e, const jcs_convolution *c, const jcs_layout *src,
                                       const jcs_layout *dst, char *error) {
  return guarded(error, [&]() -> jcs_primitive * {
    auto pd = forward_desc(e, c, src, dst);
    return compiled(pd, dnnl::convolution_forward(pd));
  });
}

jcs_primitive *jcs_convolution_backward_data(jcs_engine *e, const jcs_convolution *c, const jcs_layout *diff_src,
                                             const jcs_layout *diff_dst, char *error) {
  return guarded(error, [&]() -> jcs_primitive * {
    convolution_shapes s = shapes_of(c, diff_src, diff_dst);
    dnnl::convolution_backward_data::desc d(s.algorithm, s.src, s.weights, s.dst, s.strides, s.dilates, s.pad_low,
                                            s.pad_high);
    dnnl::convolution_backward_data::primitive_desc pd(d, e->engine, hint(e, c));
    return compiled(pd, dnnl::convolution_backward_data(pd));
  });
}

jcs_primitive *jcs_convolution_backward_weights(jcs_engine *e, const jcs_convolution *c, const jcs_layout *src,
                                                const jcs_layout *diff_dst, char *error) {
  return guarded(error, [&]() -> jcs_primitive * {
    convolution_shapes s = shapes_of(c, src, diff_dst);
    s.weights = any(s.weights.dims(), memory::data_type::f32); // gradients are kept in f32
    dnnl::convolution_backward_weights::desc d(s.algorithm, s.src, s.weights, s.bias, s.dst, s.strides, s.dilates,
                                               s.pad_low, s.pad_high);
    dnnl::convolution_backward_weights::primitive_desc pd(d, e->engine, hint(e, c));
    return compiled(pd, dnnl::convolution_backward_weights(pd));
  });
}

jcs_primitive *jcs_batch_norm_forward(jcs_engine *e, const jcs_layout *src, float eps, int running, int training,
                                      int relu, char *error) {
  return guarded(error, [&]() -> jcs_primitive * {
    auto pd = norm_desc(e, src->desc, eps, running, training, relu);
    return compiled(pd, dnnl::batch_normalization_forward(pd));
  });
}

jcs_primitive *jcs_batch_norm_backward(jcs_engine *e, const jcs_layout *src, const jcs_layout *diff_dst, float eps,
                                       int running, int relu, char *error) {
  return guarded(error, [&]() -> jcs_primitive * {
    dnnl::batch_normalization_backward::desc d(prop_kind::backward, diff_dst->desc, src->desc, eps,
                                               norm_flags(running, relu));
    dnnl::batch_normalization_backward::primitive_desc pd(d, e->engine,
                                                          norm_desc(e, src->desc, eps, running, 1, relu));
    return compiled(pd, dnnl::batch_normalization_backward(pd));
  });
}

jcs_primitive *jcs_activation_forward(jcs_engine *e, jcs_activation a, const jcs_layout *src, int training,
                                      char *error) {
  return guarded(error, [&]() -> jcs_primitive * {
    auto pd = eltwise_desc(e, a, src->desc, training);
    return compiled(pd, dnnl::eltwise_forward(pd));
  });
}

jcs_primitive *jcs_activation_backward(jcs_engine *e, jcs_activation a, const jcs_layout *data,
                                       const jcs_layout *diff_dst, char *error) {
  return guarded(error, [&]() -> jcs_primitive * {
    eltwise x = activation(a, a != JCS_HARDSWISH);
    dnnl::eltwise_backward::desc d(x.algorithm, diff_dst->desc, data->desc, x.alpha, x.beta);
    dnnl::eltwise_backward::primitive_desc pd(d, e->engine, eltwise_desc(e, a, data->desc, 1));
    return compiled(pd, dnnl::eltwise_backward(pd));
  });
}

jcs_primitive *jcs_softmax_forward(jcs_engine *e, const jcs_layout *src, int axis, char *error) {
  return guarded(error, [&]() -> jcs_primitive * {
    dnnl::softmax_forward::desc d(prop_kind::forward_training, src->desc, axis);
    dnnl::softmax_forward::primitive_desc pd(d, e->engine);
    return compiled(pd, dnnl::softmax_forward(pd));
  });
}

jcs_primitive *jcs_softmax_backward(jcs_engine *e, const jcs_layout *dst, const jcs_layout *diff_dst, int axis,
                                    char *error) {
  return guarded(error, [&]() -> jcs_primitive * {
    dnnl::softmax_forward::desc f(prop_kind::forward_training, dst->desc, axis);
    dnnl::softmax_forward::primitive_desc fpd(f, e->engine);
    dnnl::softmax_backward::desc d(diff_dst->desc, dst->desc, axis);
    dnnl::softmax_backward::primitive_desc pd(d, e->engine, fpd);
    return compiled(pd, dnnl::softmax_backward(pd));
  });
}

jcs_primitive *jcs_pool_forward(jcs_engine *e, const jcs_pool *p, const jcs_layout *src, char *error) {
  return guarded(error, [&]() -> jcs_primitive * {
    auto pd = pool_desc(e, p, src->desc, nullptr);
    return compiled(pd, dnnl::pooling_forward(pd));
  });
}

jcs_primitive *jcs_pool_backward(jcs_engine *e, const jcs_pool *p, const jcs_layout *src,
                                 const jcs_layout *diff_dst, char *error) {
  return guarded(error, [&]() -> jcs_primitive * {
    pool_shapes s = shapes_of(p, src->desc);
    dnnl::pooling_backward::desc d(pooling(p->kind), src->desc, diff_dst->desc, s.strides, s.kernel, s.pad_low,
                                   s.pad_high);
    dnnl::pooling_backward::primitive_desc pd(d, e->engine, pool_desc(e, p, src->desc, &diff_dst->desc));
    return compiled(pd, dnnl::pooling_backward(pd));
  });
}

jcs_primitive *jcs_resize_forward(jcs_engine *e, const jcs_layout *src, int64_t height, int64_t width, char *error) {
  return guarded(error, [&]() -> jcs_primitive * {
    memory::dims d = src->desc.dims();
    dnnl::resampling_forward::desc r(prop_kind::forward_training, dnnl::algorithm::resampling_linear, src->desc,
                                     any({d[0], d[1], height, width}, src->desc.data_type()));
    dnnl::resampling_forward::primitive_desc pd(r, e->engine);
    return compiled(pd, dnnl::resampling_forward(pd));
  });
}

jcs_primitive *jcs_resize_backward(jcs_engine *e, const jcs_layout *diff_src, const jcs_layout *diff_dst,
                                   char *error) {
  return guarded(error, [&]() -> jcs_primitive * {
    dnnl::resampling_forward::desc f(prop_kind::forward_training, dnnl::algorithm::resampling_linear,
                                     diff_src->desc, diff_dst->desc);
    dnnl::resampling_forward::primitive_desc fpd(f, e->engine);
    dnnl::resampling_backward::desc d(dnnl::algorithm::resampling_linear, diff_src->desc, diff_dst->desc);
    dnnl::resampling_backward::primitive_desc pd(d, e->engine, fpd);
    return compiled(pd, dnnl::resampling_backward(pd));
  });
}

jcs_primitive *jcs_binary_new(jcs_engine *e, jcs_binary kind, const jcs_layout *a, const jcs_layout *b,
                              const jcs_layout *dst, char *error) {
  return guarded(error, [&]() -> jcs_primitive * {
    dnnl::binary::desc d(kind == JCS_ADD ? dnnl::algorithm::binary_add : dnnl::algorithm::binary_mul, a->desc,
                         b->desc, dst->desc);
    dnnl::binary::primitive_desc pd(d, e->engine);
    return compiled(pd, dnnl::binary(pd));
  });
}

jcs_primitive *jcs_concat(jcs_engine *e, int inputs, const jcs_layout *const *src, const jcs_layout *dst,
                          char *error) {
  return guarded(error, [&]() -> jcs_primitive * {
    std::vector<memory::desc> in = descs(inputs, src);
    dnnl::concat::primitive_desc pd =
        dst ? dnnl::concat::primitive_desc(dst->desc, 1, in, e->engine) : dnnl::concat::primitive_desc(1, in, e->engine);
    return compiled(pd, dnnl::concat(pd));
  });
}

jcs_primitive *jcs_sum(jcs_engine *e, int inputs, const jcs_layout *const *src, const jcs_layout *dst, char *error) {
  return guarded(error, [&]() -> jcs_primitive * {
    dnnl::sum::primitive_desc pd(dst->desc, std::vector<float>(inputs, 1.0f), descs(inputs, src), e->engine);
    return compiled(pd, dnnl::sum(pd));
  });
}

jcs_primitive *jcs_reorder(jcs_engine *e, const jcs_layout *src, const jcs_layout *dst, const float *scales, int count,
                           char *error) {
  return guarded(error, [&]() -> jcs_primitive * {
    dnnl::primitive_attr attr;
    if (count) attr.set_output_scales(count > 1 ? 1 : 0, std::vector<float>(scales, scales + count));
    dnnl::reorder::primitive_desc pd(e->engine, src->desc, e->engine, dst->desc, attr);
    return compiled(pd, dnnl::reorder(pd));
  });
}

void jcs_primitive_free(jcs_primitive *p) { delete p; }

jcs_layout *jcs_primitive_layout(const jcs_primitive *p, jcs_role role, char *error) {
  return guarded(error, [&]() -> jcs_layout * {
    int index;
    dnnl::query q = query_of(role, &index);
    return new jcs_layout{p->desc.query_md(q, index)};
  });
}

const char *jcs_primitive_implementation(const jcs_primitive *p) { return p->desc.impl_info_str(); }

jcs_step *jcs_step_new(const jcs_primitive *p, int count, const int *roles, jcs_memory *const *memories,
                       char *error) {
  return guarded(error, [&]() -> jcs_step * {
    auto s = new jcs_step{p->primitive, {}};
    for (int i = 0; i < count; i++) s->arguments.insert({argument(roles[i]), memories[i]->memory});
    return s;
  });
}

int jcs_step_run(jcs_engine *e, jcs_step *s, char *error) {
  bool done = guarded(error, [&]() -> bool {
    s->primitive.execute(e->stream, s->arguments);
    e->stream.wait();
    return true;
  });
  return done ? 0 : 1;
}

void jcs_step_free(jcs_step *s) { delete s; }

}  // extern "C"

#endif  // DNNL_VERSION_MAJOR == 2
