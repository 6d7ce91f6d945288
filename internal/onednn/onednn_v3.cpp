// What oneDNN 3.x has of its own behind onednn.h: no descriptions apart from
// an engine's, layouts that are closed to view, scales that are memory.
#include "onednn.hpp"

#if DNNL_VERSION_MAJOR == 3

#include <algorithm>
#include <numeric>

using namespace jcs;

namespace {

// One float for each scale, in memory of its own.
memory scales_memory(jcs_engine *e, const float *scales, memory::dim count) {
  memory m(memory::desc({count}, memory::data_type::f32, memory::format_tag::x), e->engine);
  std::copy(scales, scales + count, static_cast<float *>(m.get_data_handle()));
  return m;
}

// What follows the sums, in real values: the addition and the activation.
dnnl::post_ops after(const jcs_convolution *c) {
  dnnl::post_ops post;
  if (c->accumulate) post.append_sum(c->weights_type == JCS_S8 ? c->sum_scale : 1.0f);
  if (c->activation != JCS_NO_ACTIVATION) {
    eltwise a = activation(c->activation, false);
    post.append_eltwise(a.algorithm, a.alpha, a.beta);
  }
  return post;
}

dnnl::convolution_forward::primitive_desc forward_desc(jcs_engine *e, const jcs_convolution *c, const jcs_layout *src,
                                                       const jcs_layout *dst, const dnnl::primitive_attr &attr) {
  convolution_shapes s = shapes_of(c, src, dst);
  prop_kind kind = c->training ? prop_kind::forward_training : prop_kind::forward_inference;
  return {e->engine, kind, s.algorithm, s.src, s.weights, s.bias, s.dst, s.strides, s.dilates, s.pad_low, s.pad_high,
          attr};
}

dnnl::convolution_forward::primitive_desc hint(jcs_engine *e, const jcs_convolution *c) {
  jcs_convolution plain = hinting(c);
  return forward_desc(e, &plain, nullptr, nullptr, attributes());
}

dnnl::eltwise_forward::primitive_desc eltwise_desc(jcs_engine *e, jcs_activation a, const memory::desc &src,
                                                   int training) {
  eltwise x = activation(a, training && a != JCS_HARDSWISH);
  return {e->engine, training ? prop_kind::forward_training : prop_kind::forward_inference, x.algorithm, src, src,
          x.alpha, x.beta, attributes()};
}

dnnl::softmax_forward::primitive_desc softmax_desc(jcs_engine *e, const memory::desc &src, int axis) {
  return {e->engine, prop_kind::forward_training, dnnl::algorithm::softmax_accurate, src, src, axis, attributes()};
}

dnnl::pooling_forward::primitive_desc pool_desc(jcs_engine *e, const jcs_pool *p, const memory::desc &src,
                                                const memory::desc *dst) {
  pool_shapes s = shapes_of(p, src);
  return {e->engine, p->training ? prop_kind::forward_training : prop_kind::forward_inference, pooling(p->kind), src,
          dst ? *dst : s.dst, s.strides, s.kernel, {0, 0}, s.pad_low, s.pad_high, attributes()};
}

// Whether each plane is one pixel, and channels are not in blocks.
bool one_pixel(const memory::desc &d) {
  memory::dims n = d.get_dims();
  return n[2] * n[3] == 1 && d.get_inner_nblks() == 0;
}

memory::desc row_major(const memory::desc &d) {
  return memory::desc(d.get_dims(), d.get_data_type(), memory::format_tag::nchw);
}

// 3.7 resizes a plane of one pixel wrongly wherever channels are said to lie
// last, be it in what is read or in what is written. A dense tensor of such
// planes is the same bytes in row-major order, and is told to be in that.
memory::desc resizable(const memory::desc &d) { return one_pixel(d) ? row_major(d) : d; }

dnnl::resampling_forward::primitive_desc resize_desc(jcs_engine *e, const memory::desc &src, const memory::desc &dst) {
  return {e->engine, prop_kind::forward_training, dnnl::algorithm::resampling_linear, src, dst, attributes()};
}

// The axes from the one whose steps are the longest to that whose are the
// shortest. The step of an axis of one index says little: it comes last among
// equals.
std::vector<int> axes_by_stride(const memory::desc &d) {
  memory::dims dims = d.get_dims(), strides = d.get_strides();
  std::vector<int> axes(dims.size());
  std::iota(axes.begin(), axes.end(), 0);
  std::stable_sort(axes.begin(), axes.end(), [&](int a, int b) {
    return strides[a] != strides[b] ? strides[a] > strides[b] : dims[a] != 1 && dims[b] == 1;
  });
  return axes;
}

// Whether memory lies between the first and the last value that is not the
// tensor's.
bool has_gaps(const memory::desc &d) {
  memory::dims strides = d.get_strides(), extents = d.get_padded_dims();
  memory::dims blocks = d.get_inner_blks(), axes = d.get_inner_idxs();
  int64_t values = 1, span = 1;
  for (int64_t n : extents) values *= n;
  for (size_t i = 0; i < blocks.size(); i++) {
    extents[axes[i]] /= blocks[i];
    span *= blocks[i];
  }
  for (size_t i = 0; i < extents.size(); i++) span += (extents[i] - 1) * strides[i];
  return span != values;
}

}  // namespace

extern "C" {

int jcs_bias_in_sums(void) { return 0; }

jcs_layout *jcs_layout_dense(const jcs_layout *l, char *error) {
  return guarded(error, [&]() -> jcs_layout * {
    const memory::desc &d = l->desc;
    memory::dims dims = d.get_dims(), strides = d.get_strides();
    if (d.get_inner_nblks() == 0) {
      std::vector<int> axes = axes_by_stride(d);
      int64_t step = 1;
      for (auto axis = axes.rbegin(); axis != axes.rend(); ++axis) {
        strides[*axis] = step;
        step *= dims[*axis];
      }
      return new jcs_layout{memory::desc(dims, d.get_data_type(), strides)};
    }
    // A blocked layout is only to be had by its name. These are all that a
    // part of a plane of channels is ever seen in.
    using tag = memory::format_tag;
    for (tag t : {tag::nChw16c, tag::nChw8c, tag::nChw4c}) {
      memory::desc named(dims, d.get_data_type(), t, true);
      if (named && named.get_inner_blks() == d.get_inner_blks() && named.get_inner_idxs() == d.get_inner_idxs())
        return new jcs_layout{named};
    }
    report(error, "oneDNN 3 has no name for this order of blocks");
    return nullptr;
  });
}

jcs_primitive *jcs_convolution_forward(jcs_engine *e, const jcs_convolution *c, const jcs_layout *src,
                                       const jcs_layout *dst, char *error) {
  return guarded(error, [&]() -> jcs_primitive * {
    dnnl::primitive_attr attr = attributes();
    attr.set_post_ops(after(c));
    std::unordered_map<int, memory> scales;
    if (c->weights_type == JCS_S8) {
      attr.set_scales_mask(DNNL_ARG_WEIGHTS, c->groups > 1 ? 1 << 0 | 1 << 1 : 1 << 0);
      scales[DNNL_ARG_ATTR_SCALES | DNNL_ARG_WEIGHTS] = scales_memory(e, c->scales, c->out);
      if (c->dst_scale != 1.0f) {
        attr.set_scales_mask(DNNL_ARG_DST, 0);
        scales[DNNL_ARG_ATTR_SCALES | DNNL_ARG_DST] = scales_memory(e, &c->dst_scale, 1);
      }
    }
    return compiled<dnnl::convolution_forward>(forward_desc(e, c, src, dst, attr), std::move(scales));
  });
}

jcs_primitive *jcs_convolution_backward_data(jcs_engine *e, const jcs_convolution *c, const jcs_layout *diff_src,
                                             const jcs_layout *diff_dst, char *error) {
  return guarded(error, [&]() -> jcs_primitive * {
    convolution_shapes s = shapes_of(c, diff_src, diff_dst);
    dnnl::convolution_backward_data::primitive_desc pd(e->engine, s.algorithm, s.src, s.weights, s.dst, s.strides,
                                                       s.dilates, s.pad_low, s.pad_high, hint(e, c), attributes());
    return compiled<dnnl::convolution_backward_data>(pd);
  });
}

jcs_primitive *jcs_convolution_backward_weights(jcs_engine *e, const jcs_convolution *c, const jcs_layout *src,
                                                const jcs_layout *diff_dst, char *error) {
  return guarded(error, [&]() -> jcs_primitive * {
    convolution_shapes s = shapes_of(c, src, diff_dst);
    s.weights = any(s.weights.get_dims(), memory::data_type::f32); // gradients are kept in f32
    dnnl::convolution_backward_weights::primitive_desc pd(e->engine, s.algorithm, s.src, s.weights, s.bias, s.dst,
                                                          s.strides, s.dilates, s.pad_low, s.pad_high, hint(e, c),
                                                          attributes());
    return compiled<dnnl::convolution_backward_weights>(pd);
  });
}

jcs_primitive *jcs_batch_norm_forward(jcs_engine *e, const jcs_layout *src, float eps, char *error) {
  return guarded(error, [&]() -> jcs_primitive * {
    dnnl::batch_normalization_forward::primitive_desc pd(e->engine, prop_kind::forward_inference, src->desc, src->desc,
                                                         eps, norm_flags());
    return compiled<dnnl::batch_normalization_forward>(pd);
  });
}

jcs_primitive *jcs_activation_forward(jcs_engine *e, jcs_activation a, const jcs_layout *src, int training,
                                      char *error) {
  return guarded(error, [&]() -> jcs_primitive * {
    return compiled<dnnl::eltwise_forward>(eltwise_desc(e, a, src->desc, training));
  });
}

jcs_primitive *jcs_activation_backward(jcs_engine *e, jcs_activation a, const jcs_layout *data,
                                       const jcs_layout *diff_dst, char *error) {
  return guarded(error, [&]() -> jcs_primitive * {
    eltwise x = activation(a, a != JCS_HARDSWISH);
    dnnl::eltwise_backward::primitive_desc pd(e->engine, x.algorithm, diff_dst->desc, diff_dst->desc, data->desc,
                                              x.alpha, x.beta, eltwise_desc(e, a, data->desc, 1), attributes());
    return compiled<dnnl::eltwise_backward>(pd);
  });
}

jcs_primitive *jcs_softmax_forward(jcs_engine *e, const jcs_layout *src, int axis, char *error) {
  return guarded(error, [&]() -> jcs_primitive * {
    return compiled<dnnl::softmax_forward>(softmax_desc(e, src->desc, axis));
  });
}

jcs_primitive *jcs_softmax_backward(jcs_engine *e, const jcs_layout *dst, const jcs_layout *diff_dst, int axis,
                                    char *error) {
  return guarded(error, [&]() -> jcs_primitive * {
    dnnl::softmax_backward::primitive_desc pd(e->engine, dnnl::algorithm::softmax_accurate, diff_dst->desc,
                                              diff_dst->desc, dst->desc, axis, softmax_desc(e, dst->desc, axis),
                                              attributes());
    return compiled<dnnl::softmax_backward>(pd);
  });
}

jcs_primitive *jcs_pool_forward(jcs_engine *e, const jcs_pool *p, const jcs_layout *src, char *error) {
  return guarded(error, [&]() -> jcs_primitive * {
    return compiled<dnnl::pooling_forward>(pool_desc(e, p, src->desc, nullptr));
  });
}

jcs_primitive *jcs_pool_backward(jcs_engine *e, const jcs_pool *p, const jcs_layout *src,
                                 const jcs_layout *diff_dst, char *error) {
  return guarded(error, [&]() -> jcs_primitive * {
    pool_shapes s = shapes_of(p, src->desc);
    dnnl::pooling_backward::primitive_desc pd(e->engine, pooling(p->kind), src->desc, diff_dst->desc, s.strides,
                                              s.kernel, {0, 0}, s.pad_low, s.pad_high,
                                              pool_desc(e, p, src->desc, &diff_dst->desc), attributes());
    return compiled<dnnl::pooling_backward>(pd);
  });
}

jcs_primitive *jcs_resize_forward(jcs_engine *e, const jcs_layout *src, int64_t height, int64_t width, char *error) {
  return guarded(error, [&]() -> jcs_primitive * {
    memory::dims d = src->desc.get_dims();
    memory::desc dst = any({d[0], d[1], height, width}, src->desc.get_data_type());
    if (one_pixel(src->desc)) dst = row_major(dst);
    return compiled<dnnl::resampling_forward>(resize_desc(e, resizable(src->desc), dst));
  });
}

jcs_primitive *jcs_binary_new(jcs_engine *e, jcs_binary kind, const jcs_layout *a, const jcs_layout *b,
                              const jcs_layout *dst, char *error) {
  return guarded(error, [&]() -> jcs_primitive * {
    auto algorithm = kind == JCS_ADD ? dnnl::algorithm::binary_add : dnnl::algorithm::binary_mul;
    return compiled<dnnl::binary>(dnnl::binary::primitive_desc(e->engine, algorithm, a->desc, b->desc, dst->desc,
                                                             attributes()));
  });
}

jcs_primitive *jcs_concat(jcs_engine *e, int inputs, const jcs_layout *const *src, const jcs_layout *dst,
                          char *error) {
  return guarded(error, [&]() -> jcs_primitive * {
    std::vector<memory::desc> in = descs(inputs, src);
    dnnl::concat::primitive_desc pd =
        dst ? dnnl::concat::primitive_desc(e->engine, dst->desc, 1, in, attributes())
            : dnnl::concat::primitive_desc(e->engine, 1, in, attributes());
    return compiled<dnnl::concat>(pd);
  });
}

jcs_primitive *jcs_reorder(jcs_engine *e, const jcs_layout *src, const jcs_layout *dst, const float *scales, int count,
                           char *error) {
  return guarded(error, [&]() -> jcs_primitive * {
    dnnl::primitive_attr attr = attributes();
    std::unordered_map<int, memory> arguments;
    // 3.7 copies between two layouts with the same gaps as if there were none
    // (issue 3280 of uxlfoundation/oneDNN), but not where there is something to
    // multiply.
    const float one = 1.0f;
    if (!count && has_gaps(src->desc) && has_gaps(dst->desc)) {
      scales = &one;
      count = 1;
    }
    if (count) {
      attr.set_scales_mask(DNNL_ARG_SRC, count > 1 ? 1 << 0 : 0);
      arguments[DNNL_ARG_ATTR_SCALES | DNNL_ARG_SRC] = scales_memory(e, scales, count);
    }
    dnnl::reorder::primitive_desc pd(e->engine, src->desc, e->engine, dst->desc, attr);
    return compiled<dnnl::reorder>(pd, std::move(arguments));
  });
}

}  // extern "C"

#endif  // DNNL_VERSION_MAJOR == 3
