// What a primitive wants to know of its memories, and a primitive with them.
#include "onednn.hpp"

using namespace jcs;

namespace {

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
    case JCS_SCRATCHPAD: return DNNL_ARG_SCRATCHPAD;
    case JCS_DIFF_SRC: return DNNL_ARG_DIFF_SRC;
    case JCS_DIFF_DST: return DNNL_ARG_DIFF_DST;
    case JCS_DIFF_WEIGHTS: return DNNL_ARG_DIFF_WEIGHTS;
    case JCS_DIFF_BIAS: return DNNL_ARG_DIFF_BIAS;
    case JCS_DIFF_SCALE: return DNNL_ARG_DIFF_SCALE;
    case JCS_DIFF_SHIFT: return DNNL_ARG_DIFF_SHIFT;
    default: return DNNL_ARG_MULTIPLE_SRC + (role - JCS_MULTIPLE_SRC);
  }
}

dnnl::query query_of(jcs_role role, int *index) {
  *index = 0;
  switch (role) {
    case JCS_SRC: return dnnl::query::src_md;
    case JCS_DST: return dnnl::query::dst_md;
    case JCS_WEIGHTS: return dnnl::query::weights_md;
    case JCS_BIAS: *index = 1; return dnnl::query::weights_md;
    case JCS_WORKSPACE: return dnnl::query::workspace_md;
    case JCS_SCRATCHPAD: return dnnl::query::scratchpad_md;
    case JCS_DIFF_SRC: return dnnl::query::diff_src_md;
    case JCS_DIFF_DST: return dnnl::query::diff_dst_md;
    case JCS_DIFF_WEIGHTS: return dnnl::query::diff_weights_md;
    case JCS_DIFF_BIAS: *index = 1; return dnnl::query::diff_weights_md;
    default: return dnnl::query::exec_arg_md;
  }
}

}  // namespace

extern "C" {

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
    auto s = new jcs_step{p->primitive, p->arguments};
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

