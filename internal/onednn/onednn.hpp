// What the C++ files behind onednn.h share; only they include it. What the
// versions of oneDNN spell alike is here and in engine.cpp, layout.cpp and
// step.cpp; what they do not, in onednn_v2.cpp and onednn_v3.cpp, of which one
// is empty.
#ifndef JCS_ONEDNN_HPP
#define JCS_ONEDNN_HPP

#include "onednn.h"

#include <cstdio>
#include <oneapi/dnnl/dnnl.hpp>
#include <unordered_map>
#include <utility>
#include <vector>

#if DNNL_VERSION_MAJOR != 2 && DNNL_VERSION_MAJOR != 3
#error "jcs knows oneDNN 2 and 3; another version is one more file beside onednn_v3.cpp"
#endif

struct jcs_engine {
  dnnl::engine engine;
  dnnl::stream stream;
};
struct jcs_layout {
  dnnl::memory::desc desc;
};
struct jcs_memory {
  dnnl::memory memory;
};
struct jcs_primitive {
  dnnl::primitive primitive;
  dnnl::primitive_desc_base desc;
  std::unordered_map<int, dnnl::memory> arguments; // that each step gets beside its own: scales
};
struct jcs_step {
  dnnl::primitive primitive;
  std::unordered_map<int, dnnl::memory> arguments;
};

namespace jcs {

using dnnl::memory;
using dnnl::prop_kind;

#if DNNL_VERSION_MAJOR == 2
inline memory::dims dims_of(const memory::desc &d) { return d.dims(); }
inline memory::data_type type_of(const memory::desc &d) { return d.data_type(); }
#else
inline memory::dims dims_of(const memory::desc &d) { return d.get_dims(); }
inline memory::data_type type_of(const memory::desc &d) { return d.get_data_type(); }
#endif

inline void report(char *error, const char *what) { std::snprintf(error, JCS_ERROR, "%s", what); }

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

// What every primitive is made with: it asks for the memory that it works in,
// where the library would keep as much as the greediest one wants for as long
// as any is there.
inline dnnl::primitive_attr attributes() {
  dnnl::primitive_attr a;
  a.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return a;
}

// A primitive from its description, and what its steps get beside their own.
template <typename P, typename PD>
jcs_primitive *compiled(const PD &pd, std::unordered_map<int, memory> arguments = {}) {
  return new jcs_primitive{P(pd), pd, std::move(arguments)};
}

inline memory::data_type data_type(jcs_type t) {
  switch (t) {
    case JCS_BF16: return memory::data_type::bf16;
    case JCS_S32: return memory::data_type::s32;
    case JCS_S8: return memory::data_type::s8;
    case JCS_U8: return memory::data_type::u8;
    default: return memory::data_type::f32;
  }
}

// An activation as oneDNN has it. `from_dst` is the variant whose backward
// pass reads the result, so that the input need not be kept.
struct eltwise {
  dnnl::algorithm algorithm;
  float alpha, beta;
};

inline eltwise activation(jcs_activation a, bool from_dst) {
  switch (a) {
    case JCS_RELU:
      return {from_dst ? dnnl::algorithm::eltwise_relu_use_dst_for_bwd : dnnl::algorithm::eltwise_relu, 0, 0};
    case JCS_RELU6:
      return {from_dst ? dnnl::algorithm::eltwise_clip_v2_use_dst_for_bwd : dnnl::algorithm::eltwise_clip_v2, 0, 6};
    case JCS_SIGMOID:
      return {from_dst ? dnnl::algorithm::eltwise_logistic_use_dst_for_bwd : dnnl::algorithm::eltwise_logistic, 0, 0};
    default: return {dnnl::algorithm::eltwise_hardswish, 1.0f / 6, 1.0f / 2};
  }
}

struct convolution_shapes {
  memory::desc src, weights, bias, dst;
  memory::dims strides, dilates, pad_low, pad_high;
  dnnl::algorithm algorithm;
};

inline memory::desc any(const memory::dims &dims, memory::data_type type) {
  return memory::desc(dims, type, memory::format_tag::any);
}

inline memory::desc given_or_any(const jcs_layout *l, const memory::dims &dims, jcs_type type) {
  return l ? l->desc : any(dims, data_type(type));
}

inline convolution_shapes shapes_of(const jcs_convolution *c, const jcs_layout *src, const jcs_layout *dst) {
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

// The convolution that a backward pass takes its hint from: layouts do not
// matter to it, and what was kept in float32 of one in bfloat16 does not either.
inline jcs_convolution hinting(const jcs_convolution *c) {
  jcs_convolution plain = *c;
  plain.training = 1;
  plain.accumulate = 0;
  plain.activation = JCS_NO_ACTIVATION;
  plain.algorithm = JCS_DIRECT;
  if (plain.weights_type == JCS_BF16) plain.src_type = plain.dst_type = JCS_BF16;
  return plain;
}

inline dnnl::normalization_flags norm_flags() {
  return static_cast<dnnl::normalization_flags>(static_cast<unsigned>(dnnl::normalization_flags::use_scale) |
                                                static_cast<unsigned>(dnnl::normalization_flags::use_shift) |
                                                static_cast<unsigned>(dnnl::normalization_flags::use_global_stats));
}

inline dnnl::algorithm pooling(jcs_pooling p) {
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

inline pool_shapes shapes_of(const jcs_pool *p, const memory::desc &src) {
  memory::dims d = dims_of(src);
  return {{p->stride_height, p->stride_width},
          {p->kernel_height, p->kernel_width},
          {p->pad_top, p->pad_left},
          {p->pad_bottom, p->pad_right},
          any({d[0], d[1], p->out_height, p->out_width}, type_of(src))};
}

inline std::vector<memory::desc> descs(int n, const jcs_layout *const *l) {
  std::vector<memory::desc> v;
  for (int i = 0; i < n; i++) v.push_back(l[i]->desc);
  return v;
}

}  // namespace jcs

#endif
