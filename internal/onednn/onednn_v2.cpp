// What oneDNN 2.x has of its own behind onednn.h: descriptions that are made
// without an engine, scales that belong to them.
#include "onednn.hpp"

#if DNNL_VERSION_MAJOR == 2

using namespace jcs;

namespace {

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
  dnnl::primitive_attr attr = attributes();
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

dnnl::convolution_forward::primitive_desc hint(jcs_engine *e, const jcs_convolution *c) {
  jcs_convolution plain = hinting(c);
  return forward_desc(e, &plain, nullptr, nullptr);
}

dnnl::eltwise_forward::primitive_desc eltwise_desc(jcs_engine *e, jcs_activation a, const memory::desc &src,
                                                   int training) {
  eltwise x = activation(a, training && a != JCS_HARDSWISH);
  dnnl::eltwise_forward::desc d(training ? prop_kind::forward_training : prop_kind::forward_inference, x.algorithm,
                                src, x.alpha, x.beta);
  return {d, attributes(), e->engine};
}

dnnl::pooling_forward::primitive_desc pool_desc(jcs_engine *e, const jcs_pool *p, const memory::desc &src,
                                                const memory::desc *dst) {
  pool_shapes s = shapes_of(p, src);
  dnnl::pooling_forward::desc d(p->training ? prop_kind::forward_training : prop_kind::forward_inference,
                                pooling(p->kind), src, dst ? *dst : s.dst, s.strides, s.kernel, s.pad_low,
                                s.pad_high);
  return {d, attributes(), e->engine};
}

}  // namespace

extern "C" {

int jcs_bias_in_sums(void) { return 1; }

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

jcs_primitive *jcs_convolution_forward(jcs_engine *e, const jcs_convolution *c, const jcs_layout *src,
                                       const jcs_layout *dst, char *error) {
  return guarded(error, [&]() -> jcs_primitive * {
    auto pd = forward_desc(e, c, src, dst);
    return compiled<dnnl::convolution_forward>(pd);
  });
}

jcs_primitive *jcs_convolution_backward_data(jcs_engine *e, const jcs_convolution *c, const jcs_layout *diff_src,
                                             const jcs_layout *diff_dst, char *error) {
  return guarded(error, [&]() -> jcs_primitive * {
    convolution_shapes s = shapes_of(c, diff_src, diff_dst);
    dnnl::convolution_backward_data::desc d(s.algorithm, s.src, s.weights, s.dst, s.strides, s.dilates, s.pad_low,
                                            s.pad_high);
    dnnl::convolution_backward_data::primitive_desc pd(d, attributes(), e->engine, hint(e, c));
    return compiled<dnnl::convolution_backward_data>(pd);
  });
}

jcs_primitive *jcs_convolution_backward_weights(jcs_engine *e, const jcs_convolution *c, const jcs_layout *src,
                                                const jcs_layout *diff_dst, char *error) {
  return guarded(error, [&]() -> jcs_primitive * {
    convolution_shapes s = shapes_of(c, src, diff_dst);
    s.weights = any(s.weights.dims(), memory::data_type::f32); // gradients are kept in f32
    dnnl::convolution_backward_weights::desc d(s.algorithm, s.src, s.weights, s.bias, s.dst, s.strides, s.dilates,
                                               s.pad_low, s.pad_high);
    dnnl::convolution_backward_weights::primitive_desc pd(d, attributes(), e->engine, hint(e, c));
    return compiled<dnnl::convolution_backward_weights>(pd);
  });
}

jcs_primitive *jcs_batch_norm_forward(jcs_engine *e, const jcs_layout *src, float eps, char *error) {
  return guarded(error, [&]() -> jcs_primitive * {
    dnnl::batch_normalization_forward::desc d(prop_kind::forward_inference, src->desc, eps, norm_flags());
    dnnl::batch_normalization_forward::primitive_desc pd(d, e->engine);
    return compiled<dnnl::batch_normalization_forward>(pd);
  });
}

jcs_primitive *jcs_activation_forward(jcs_engine *e, jcs_activation a, const jcs_layout *src, int training,
                                      char *error) {
  return guarded(error, [&]() -> jcs_primitive * {
    auto pd = eltwise_desc(e, a, src->desc, training);
    return compiled<dnnl::eltwise_forward>(pd);
  });
}

jcs_primitive *jcs_activation_backward(jcs_engine *e, jcs_activation a, const jcs_layout *data,
                                       const jcs_layout *diff_dst, char *error) {
  return guarded(error, [&]() -> jcs_primitive * {
    eltwise x = activation(a, a != JCS_HARDSWISH);
    dnnl::eltwise_backward::desc d(x.algorithm, diff_dst->desc, data->desc, x.alpha, x.beta);
    dnnl::eltwise_backward::primitive_desc pd(d, attributes(), e->engine, eltwise_desc(e, a, data->desc, 1));
    return compiled<dnnl::eltwise_backward>(pd);
  });
}

jcs_primitive *jcs_softmax_forward(jcs_engine *e, const jcs_layout *src, int axis, char *error) {
  return guarded(error, [&]() -> jcs_primitive * {
    dnnl::softmax_forward::desc d(prop_kind::forward_training, src->desc, axis);
    dnnl::softmax_forward::primitive_desc pd(d, attributes(), e->engine);
    return compiled<dnnl::softmax_forward>(pd);
  });
}

jcs_primitive *jcs_softmax_backward(jcs_engine *e, const jcs_layout *dst, const jcs_layout *diff_dst, int axis,
                                    char *error) {
  return guarded(error, [&]() -> jcs_primitive * {
    dnnl::softmax_forward::desc f(prop_kind::forward_training, dst->desc, axis);
    dnnl::softmax_forward::primitive_desc fpd(f, attributes(), e->engine);
    dnnl::softmax_backward::desc d(diff_dst->desc, dst->desc, axis);
    dnnl::softmax_backward::primitive_desc pd(d, attributes(), e->engine, fpd);
    return compiled<dnnl::softmax_backward>(pd);
  });
}

jcs_primitive *jcs_pool_forward(jcs_engine *e, const jcs_pool *p, const jcs_layout *src, char *error) {
  return guarded(error, [&]() -> jcs_primitive * {
    auto pd = pool_desc(e, p, src->desc, nullptr);
    return compiled<dnnl::pooling_forward>(pd);
  });
}

jcs_primitive *jcs_pool_backward(jcs_engine *e, const jcs_pool *p, const jcs_layout *src,
                                 const jcs_layout *diff_dst, char *error) {
  return guarded(error, [&]() -> jcs_primitive * {
    pool_shapes s = shapes_of(p, src->desc);
    dnnl::pooling_backward::desc d(pooling(p->kind), src->desc, diff_dst->desc, s.strides, s.kernel, s.pad_low,
                                   s.pad_high);
    dnnl::pooling_backward::primitive_desc pd(d, attributes(), e->engine, pool_desc(e, p, src->desc, &diff_dst->desc));
    return compiled<dnnl::pooling_backward>(pd);
  });
}

jcs_primitive *jcs_resize_forward(jcs_engine *e, const jcs_layout *src, int64_t height, int64_t width, char *error) {
  return guarded(error, [&]() -> jcs_primitive * {
    memory::dims d = src->desc.dims();
    dnnl::resampling_forward::desc r(prop_kind::forward_training, dnnl::algorithm::resampling_linear, src->desc,
                                     any({d[0], d[1], height, width}, src->desc.data_type()));
    dnnl::resampling_forward::primitive_desc pd(r, attributes(), e->engine);
    return compiled<dnnl::resampling_forward>(pd);
  });
}

jcs_primitive *jcs_binary_new(jcs_engine *e, jcs_binary kind, const jcs_layout *a, const jcs_layout *b,
                              const jcs_layout *dst, char *error) {
  return guarded(error, [&]() -> jcs_primitive * {
    dnnl::binary::desc d(kind == JCS_ADD ? dnnl::algorithm::binary_add : dnnl::algorithm::binary_mul, a->desc,
                         b->desc, dst->desc);
    dnnl::binary::primitive_desc pd(d, attributes(), e->engine);
    return compiled<dnnl::binary>(pd);
  });
}

jcs_primitive *jcs_concat(jcs_engine *e, int inputs, const jcs_layout *const *src, const jcs_layout *dst,
                          char *error) {
  return guarded(error, [&]() -> jcs_primitive * {
    std::vector<memory::desc> in = descs(inputs, src);
    dnnl::concat::primitive_desc pd =
        dst ? dnnl::concat::primitive_desc(dst->desc, 1, in, e->engine, attributes())
            : dnnl::concat::primitive_desc(1, in, e->engine, attributes());
    return compiled<dnnl::concat>(pd);
  });
}

jcs_primitive *jcs_reorder(jcs_engine *e, const jcs_layout *src, const jcs_layout *dst, const float *scales, int count,
                           char *error) {
  return guarded(error, [&]() -> jcs_primitive * {
    dnnl::primitive_attr attr = attributes();
    if (count) attr.set_output_scales(count > 1 ? 1 : 0, std::vector<float>(scales, scales + count));
    dnnl::reorder::primitive_desc pd(e->engine, src->desc, e->engine, dst->desc, attr);
    return compiled<dnnl::reorder>(pd);
  });
}

}  // extern "C"

#endif  // DNNL_VERSION_MAJOR == 2
