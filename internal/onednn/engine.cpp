// The library, and the engine that its primitives belong to.
#include "onednn.hpp"

#include <omp.h>

using namespace jcs;

extern "C" {

const char *jcs_library_version(void) {
  static char version[64];
  const dnnl_version_t *v = dnnl_version();
  std::snprintf(version, sizeof version, "%d.%d.%d", v->major, v->minor, v->patch);
  return version;
}

const char *jcs_instruction_set(void) {
  dnnl::cpu_isa isa = dnnl::get_effective_cpu_isa();
  switch (isa) {
    case dnnl::cpu_isa::sse41: return "sse41";
    case dnnl::cpu_isa::avx: return "avx";
    case dnnl::cpu_isa::avx2: return "avx2";
    case dnnl::cpu_isa::avx2_vnni: return "avx2_vnni";
    case dnnl::cpu_isa::avx512_core: return "avx512_core";
    case dnnl::cpu_isa::avx512_core_vnni: return "avx512_core_vnni";
    case dnnl::cpu_isa::avx512_core_bf16: return "avx512_core_bf16";
    case dnnl::cpu_isa::avx512_core_amx: return "avx512_core_amx";
    default: break;
  }
  // Sets that only later versions name hold the bits of the earlier ones.
  unsigned least = static_cast<unsigned>(dnnl::cpu_isa::avx512_core);
  return (static_cast<unsigned>(isa) & least) == least ? "avx512_core_and_more" : "other";
}

jcs_engine *jcs_engine_new(char *error) {
  return guarded(error, [&]() -> jcs_engine * {
    // Else a variable of the environment could make float32 into less.
    dnnl::set_default_fpmath_mode(dnnl::fpmath_mode::strict);
    dnnl::engine engine(dnnl::engine::kind::cpu, 0);
    dnnl::stream stream(engine);
    return new jcs_engine{engine, stream};
  });
}

void jcs_engine_free(jcs_engine *e) { delete e; }
void jcs_set_threads(int threads) { omp_set_num_threads(threads); }

}  // extern "C"
