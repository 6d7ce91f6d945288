// Tensors in memory: the memory itself, layouts of it, and both together.
#include "onednn.hpp"

#include <sys/mman.h>

using namespace jcs;

extern "C" {

void *jcs_allocate(size_t bytes) {
  void *p = mmap(nullptr, bytes ? bytes : 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) return nullptr;
  madvise(p, bytes, MADV_HUGEPAGE);
  return p;
}

void jcs_release(void *p, size_t bytes) {
  if (p) munmap(p, bytes ? bytes : 1);
}

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
    size_t rank = dims_of(l->desc).size();
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

void jcs_layout_free(jcs_layout *l) { delete l; }
size_t jcs_layout_bytes(const jcs_layout *l) { return l->desc.get_size(); }
jcs_type jcs_layout_type(const jcs_layout *l) {
  switch (type_of(l->desc)) {
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

}  // extern "C"
