// Winograd's convolution of 3x3 kernels (Lavin and Gray, Fast Algorithms for
// Convolutional Neural Networks, 2016) in float32, for vectors of WIDTH. It is
// included once for each instruction set, behind the pragma that names it, so
// nothing in it may have linkage, nor use templates of the standard library:
// the linker could take their copies for a processor that lacks the set. With
// PAIRS the products are of bfloat16, two at a time, and their sums float32.
//
// A tile of M x M outputs depends on N x N inputs, N = M + 2. Both are seen
// through transforms in which the convolution is a product at each of the E =
// N * N places, so that over all tiles and channels it is E products of
// matrices. Tensors lie in blocks of W channels, [N][C/W][height][width][W]. A
// dilated kernel is a plain one on each of the grids of every dilation-th pixel.
#include <omp.h>

#include "kernels.hpp"

namespace {

constexpr int W = WIDTH;
typedef float vec __attribute__((vector_size(4 * W)));
typedef float loose __attribute__((vector_size(4 * W), aligned(4), may_alias));

[[gnu::always_inline]] inline vec load(const float *p) { return *(const loose *)p; }
[[gnu::always_inline]] inline void store(float *p, vec v) { *(loose *)p = v; }

// A bfloat16 is the upper half of a float, rounded to the nearest even one.
typedef uint16_t bf16;
typedef uint32_t bits __attribute__((vector_size(4 * W)));
typedef uint16_t halves __attribute__((vector_size(2 * W), aligned(2), may_alias));

[[gnu::always_inline]] inline vec load(const bf16 *p) { return (vec)(__builtin_convertvector(*(const halves *)p, bits) << 16); }

#ifdef PAIRS
[[gnu::always_inline]] inline halves rounded(vec v) { return (halves)_mm512_cvtneps_pbh((__m512)v); }
[[gnu::always_inline]] inline void store(bf16 *p, vec v) { *(halves *)p = rounded(v); }

// Two vectors, their values side by side.
[[gnu::always_inline]] inline void storePair(bf16 *p, vec a, vec b) {
  bits low = __builtin_convertvector(rounded(a), bits), high = __builtin_convertvector(rounded(b), bits);
  store((float *)p, (vec)(low | high << 16));
}

typedef bf16 value;  // of what is transformed
#else
[[gnu::always_inline]] inline void store(bf16 *p, vec v) {
  bits b = (bits)v, rounded = b + 0x7fff + ((b >> 16) & 1);
  rounded = v == v ? rounded : b | 0x400000;  // not a number stays none
  *(halves *)p = __builtin_convertvector(rounded >> 16, halves);
}

typedef float value;  // of what is transformed
#endif

// The transforms of one axis. gradient is the transpose of output, weights that
// of kernel. Large tiles have the points 0, 1, -1, 2, -2, 1/2, -1/2 and infinity.
template <int M> struct Transform;

template <> struct Transform<6> {
  [[gnu::always_inline]] static inline void input(const vec *d, vec *o) {
    o[0] = d[0] - d[6] + 5.25f * (d[4] - d[2]);
    o[7] = d[7] - d[1] + 5.25f * (d[3] - d[5]);
    vec a = d[2] + d[6] - 4.25f * d[4], b = d[1] + d[5] - 4.25f * d[3];
    o[1] = a + b;
    o[2] = a - b;
    a = d[6] + 0.25f * d[2] - 1.25f * d[4];
    b = 0.5f * d[1] - 2.5f * d[3] + 2.0f * d[5];
    o[3] = a + b;
    o[4] = a - b;
    a = d[6] + 4.0f * d[2] - 5.0f * d[4];
    b = 2.0f * d[1] - 2.5f * d[3] + 0.5f * d[5];
    o[5] = a + b;
    o[6] = a - b;
  }
  [[gnu::always_inline]] static inline void output(const vec *m, vec *o) {
    vec s1 = m[1] + m[2], d1 = m[1] - m[2], s2 = m[3] + m[4], d2 = m[3] - m[4], s3 = m[5] + m[6], d3 = m[5] - m[6];
    o[0] = m[0] + s1 + s2 + 32.0f * s3;
    o[1] = d1 + 2.0f * d2 + 16.0f * d3;
    o[2] = s1 + 4.0f * s2 + 8.0f * s3;
    o[3] = d1 + 8.0f * d2 + 4.0f * d3;
    o[4] = s1 + 16.0f * s2 + 2.0f * s3;
    o[5] = m[7] + d1 + 32.0f * d2 + d3;
  }
  [[gnu::always_inline]] static inline void kernel(const vec *g, vec *o) {
    o[0] = g[0];
    vec a = (-2.0f / 9) * (g[0] + g[2]), b = (-2.0f / 9) * g[1];
    o[1] = a + b;
    o[2] = a - b;
    a = (1.0f / 90) * g[0] + (2.0f / 45) * g[2];
    b = (1.0f / 45) * g[1];
    o[3] = a + b;
    o[4] = a - b;
    a = (1.0f / 45) * g[0] + (1.0f / 180) * g[2];
    b = (1.0f / 90) * g[1];
    o[5] = a + b;
    o[6] = a - b;
    o[7] = g[2];
  }
  [[gnu::always_inline]] static inline void gradient(const vec *y, vec *z) {
    z[0] = y[0];
    vec a = y[0] + y[2] + y[4], b = y[1] + y[3] + y[5];
    z[1] = a + b;
    z[2] = a - b;
    a = y[0] + 4.0f * y[2] + 16.0f * y[4];
    b = 2.0f * y[1] + 8.0f * y[3] + 32.0f * y[5];
    z[3] = a + b;
    z[4] = a - b;
    a = 32.0f * y[0] + 8.0f * y[2] + 2.0f * y[4];
    b = 16.0f * y[1] + 4.0f * y[3] + y[5];
    z[5] = a + b;
    z[6] = a - b;
    z[7] = y[5];
  }
  [[gnu::always_inline]] static inline void weights(const vec *m, vec *w) {
    vec s1 = m[1] + m[2], d1 = m[1] - m[2], s2 = m[3] + m[4], d2 = m[3] - m[4], s3 = m[5] + m[6], d3 = m[5] - m[6];
    w[0] = m[0] + (-2.0f / 9) * s1 + (1.0f / 90) * s2 + (1.0f / 45) * s3;
    w[1] = (-2.0f / 9) * d1 + (1.0f / 45) * d2 + (1.0f / 90) * d3;
    w[2] = (-2.0f / 9) * s1 + (2.0f / 45) * s2 + (1.0f / 180) * s3 + m[7];
  }
};

// Small ones have 0, a, -a, b, -b and infinity. With a and b of 5/8 and 3/2 what
// the products lose by rounding is less than half of what it is with the usual 1
// and 2 (4.8 and 10.8 times a direct convolution's, where neighbouring inputs
// have nothing to do with each other; 1.7 and 2.8 where they go with each other
// by 0.9), and all factors but the kernel's are exact.
template <> struct Transform<4> {
  static constexpr float A = 0.625f, B = 1.5f, A2 = A * A, B2 = B * B, A3 = A * A2, B3 = B * B2;
  static constexpr float P = A2 * B2, S = A2 + B2, FA = 1 / (2 * A2 * (A2 - B2)), FB = 1 / (2 * B2 * (B2 - A2));

  [[gnu::always_inline]] static inline void input(const vec *d, vec *o) {
    o[0] = P * d[0] - S * d[2] + d[4];
    vec e = d[4] - B2 * d[2], f = A * (d[3] - B2 * d[1]);
    o[1] = e + f;
    o[2] = e - f;
    e = d[4] - A2 * d[2];
    f = B * (d[3] - A2 * d[1]);
    o[3] = e + f;
    o[4] = e - f;
    o[5] = P * d[1] - S * d[3] + d[5];
  }
  [[gnu::always_inline]] static inline void output(const vec *m, vec *o) {
    vec s1 = m[1] + m[2], d1 = m[1] - m[2], s2 = m[3] + m[4], d2 = m[3] - m[4];
    o[0] = m[0] + s1 + s2;
    o[1] = A * d1 + B * d2;
    o[2] = A2 * s1 + B2 * s2;
    o[3] = A3 * d1 + B3 * d2 + m[5];
  }
  [[gnu::always_inline]] static inline void kernel(const vec *g, vec *o) {
    o[0] = (1 / P) * g[0];
    vec e = FA * g[0] + (FA * A2) * g[2], f = (FA * A) * g[1];
    o[1] = e + f;
    o[2] = e - f;
    e = FB * g[0] + (FB * B2) * g[2];
    f = (FB * B) * g[1];
    o[3] = e + f;
    o[4] = e - f;
    o[5] = g[2];
  }
  [[gnu::always_inline]] static inline void gradient(const vec *y, vec *z) {
    z[0] = y[0];
    vec e = y[0] + A2 * y[2], f = A * y[1] + A3 * y[3];
    z[1] = e + f;
    z[2] = e - f;
    e = y[0] + B2 * y[2];
    f = B * y[1] + B3 * y[3];
    z[3] = e + f;
    z[4] = e - f;
    z[5] = y[3];
  }
  [[gnu::always_inline]] static inline void weights(const vec *m, vec *w) {
    vec s1 = m[1] + m[2], d1 = m[1] - m[2], s2 = m[3] + m[4], d2 = m[3] - m[4];
    w[0] = (1 / P) * m[0] + FA * s1 + FB * s2;
    w[1] = (FA * A) * d1 + (FB * B) * d2;
    w[2] = (FA * A2) * s1 + (FB * B2) * s2 + m[5];
  }
};

inline int64_t up(int64_t a, int64_t b) { return (a + b - 1) / b; }

// How many of a tile's pixels, step apart, lie in so much of an axis.
inline int64_t within(int64_t length, int64_t step, int64_t side) {
  int64_t n = length > 0 ? up(length, step) : 0;
  return n < side ? n : side;
}

// The strides from one row of channels to the next, and from one place of a tile
// to the next: of an odd number of cache lines, as even ones, and powers of two
// most of all, fall on few sets of the caches. A tile's transform walks all
// places at once, and takes twice as long then.
template <typename T> inline int64_t oddOf(int64_t n) {
  constexpr int64_t LINE = 64 / sizeof(T);
  return (up(n, LINE) | 1) * LINE;
}
inline int64_t odd(int64_t n) { return oddOf<float>(n); }
inline int64_t pitch(int64_t channels) { return oddOf<value>(channels); }
inline int64_t spread(int64_t in, int64_t nv) { return oddOf<value>(in * nv * W); }

// The memory of so many transformed values, whole cache lines, in floats.
inline int64_t floats(int64_t values) { return values * sizeof(value) / sizeof(float); }

// Transformed inputs of about this many bytes are made at a time: they are read
// again from the second cache.
constexpr int64_t BUDGET = 2 << 20;

// With weights of at most so many bytes each thread works by itself, on so many
// bytes of transformed inputs. Threads that work together wait for each other
// twice a chunk and read what the other one wrote, which takes up to twice as
// long where they are far from each other or one has gone to sleep.
constexpr int64_t APART_WEIGHTS = 5 << 20, APART_INPUTS = 480 << 10;

// What a convolution is cut into. At least so many tiles are transformed at
// once: with fewer the weights would be read more often than they pay.
template <int M> struct Plan {
  static constexpr int N = M + 2, E = N * N;
  int64_t n, in, out, height, width, out_height, out_width, top, left, dilation;  // in and out in whole blocks
  int64_t down, across, tiles;  // of a grid of every dilation-th pixel, and of all grids and images
  int64_t chunk, chunks;  // tiles that are transformed at once
  bool apart = false;     // chunks of one thread each, where weights and inputs of some tiles are small enough

  Plan(const jcs_winograd *c, int64_t cin, int64_t cout, int64_t h, int64_t w, int64_t oh, int64_t ow, int64_t t, int64_t l,
       int64_t perTile, int64_t least)
      : n(c->n), in(up(cin, W) * W), out(up(cout, W) * W), height(h), width(w), out_height(oh), out_width(ow), top(t), left(l),
        dilation(c->dilation) {
    down = up(up(oh, dilation), M);
    across = up(up(ow, dilation), M);
    tiles = n * dilation * dilation * down * across;
    int64_t most = BUDGET / ((int64_t)sizeof(value) * E * perTile);
    if (most < least) most = least;
    chunks = up(tiles, most);
    chunk = up(tiles, chunks);
    chunks = up(tiles, chunk);
  }

  // The first output of a tile.
  struct Place {
    int64_t image, y, x;
  };
  Place place(int64_t tile) const {
    int64_t grid = tile / (down * across), image = grid / (dilation * dilation);
    int64_t y = tile / across % down * M * dilation + grid / dilation % dilation;
    int64_t x = tile % across * M * dilation + grid % dilation;
    return {image, y, x};
  }

  // Gives each thread chunks of so many tiles, if there are enough for all.
  void part(int64_t size) {
    if (up(tiles, size) < omp_get_max_threads()) return;
    apart = true;
    chunk = size;
    chunks = up(tiles, size);
  }
};

// Where a tile's patch of S x S pixels begins in a plane, and what of it lies
// inside: from ya to yb and from xa to xb.
template <int S> struct Patch {
  int64_t begin, row, column;  // values from one of its pixels to the next
  int64_t ya, yb, xa, xb;
  bool whole;

  Patch(int64_t height, int64_t width, int64_t y0, int64_t x0, int64_t step)
      : begin((y0 * width + x0) * W), row(step * width * W), column(step * W), ya(y0 < 0 ? up(-y0, step) : 0),
        yb(within(height - y0, step, S)), xa(x0 < 0 ? up(-x0, step) : 0), xb(within(width - x0, step, S)),
        whole(ya == 0 && xa == 0 && yb == S && xb == S) {}
};

// Transforms a patch of one plane, and puts each place's vector.
template <int M, bool GRADIENT, int S, typename T, typename Put>
[[gnu::always_inline]] inline void transformBlock(const T *plane, const Patch<S> &a, Put put) {
  constexpr int N = M + 2;
  const T *p = plane + a.begin;
  vec t[S][N];
  if (a.whole) {
#pragma GCC unroll 1
    for (int y = 0; y < S; y++) {
      vec d[S];
#pragma GCC unroll 8
      for (int x = 0; x < S; x++) d[x] = load(p + y * a.row + x * a.column);
      if (GRADIENT) Transform<M>::gradient(d, t[y]);
      else Transform<M>::input(d, t[y]);
    }
  } else {
#pragma GCC unroll 1
    for (int y = 0; y < S; y++) {
      vec d[S];
#pragma GCC unroll 8
      for (int x = 0; x < S; x++) {
        bool inside = y >= a.ya && y < a.yb && x >= a.xa && x < a.xb;
        d[x] = inside ? load(p + y * a.row + x * a.column) : vec{};
      }
      if (GRADIENT) Transform<M>::gradient(d, t[y]);
      else Transform<M>::input(d, t[y]);
    }
  }
#pragma GCC unroll 1
  for (int x = 0; x < N; x++) {
    vec d[S], o[N];
#pragma GCC unroll 8
    for (int y = 0; y < S; y++) d[y] = t[y][x];
    if (GRADIENT) Transform<M>::gradient(d, o);
    else Transform<M>::input(d, o);
#pragma GCC unroll 8
    for (int y = 0; y < N; y++) put(y * N + x, o[y]);
  }
}

// A tile's patch of all blocks, transformed into its row of v[E][es].
template <int M, bool GRADIENT, int S, typename T>
void transformTile(const T *src, int64_t plane, int64_t blocks, const Patch<S> &a, value *v, int64_t es) {
  for (int64_t b = 0; b < blocks; b++)
    transformBlock<M, GRADIENT>(src + b * plane * W, a, [=](int e, vec o) __attribute__((always_inline)) { store(v + e * es + b * W, o); });
}

// What one step of a sum multiplies: a value, or a pair of them.
#ifdef PAIRS
constexpr int STEP = 2;
typedef __m512i factor;
typedef uint32_t pair __attribute__((aligned(2), may_alias));
[[gnu::always_inline]] inline factor factors(const value *p) { return _mm512_loadu_si512(p); }
[[gnu::always_inline]] inline factor same(const value *p) { return _mm512_set1_epi32(*(const pair *)p); }
[[gnu::always_inline]] inline void add(vec &sum, factor a, factor b) { sum = (vec)_mm512_dpbf16_ps((__m512)sum, (__m512bh)b, (__m512bh)a); }
#else
constexpr int STEP = 1;
typedef vec factor;
[[gnu::always_inline]] inline factor factors(const value *p) { return load(p); }
[[gnu::always_inline]] inline float same(const value *p) { return *p; }
[[gnu::always_inline]] inline void add(vec &sum, float a, factor b) { sum += a * b; }
#endif

// m[R][NV*W] = v[R][c] u[c][NV*W], the rows of v vs apart. In pairs it is
// u[c/2][NV*W][2].
template <int R, int NV>
[[gnu::noinline]] void multiply(const value *__restrict v, int64_t vs, const value *__restrict u, int64_t c, float *__restrict m) {
  vec acc[R][NV];
#pragma GCC unroll 16
  for (int r = 0; r < R; r++)
#pragma GCC unroll 4
    for (int k = 0; k < NV; k++) acc[r][k] = vec{};
#pragma GCC unroll 1
  for (int64_t i = 0; i < c; i += STEP) {
    factor b[NV];
#pragma GCC unroll 4
    for (int k = 0; k < NV; k++) b[k] = factors(u + (i * NV + k * STEP) * W);
#pragma GCC unroll 16
    for (int r = 0; r < R; r++) {
      auto a = same(v + r * vs + i);
#pragma GCC unroll 4
      for (int k = 0; k < NV; k++) add(acc[r][k], a, b[k]);
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; r++)
#pragma GCC unroll 4
    for (int k = 0; k < NV; k++) store(m + (r * NV + k) * W, acc[r][k]);
}

// Rows whose sums the registers hold beside what they are made of.
#if WIDTH == 8
constexpr int ROWS = 6, CORRELATED = 4;
#else
constexpr int ROWS = 14, CORRELATED = 8;
#endif

typedef void (*multiplier)(const value *, int64_t, const value *, int64_t, float *);

template <int NV> multiplier multiplierOf(int64_t rows) {
  switch (rows) {
    case 1: return multiply<1, NV>;
    case 2: return multiply<2, NV>;
    case 3: return multiply<3, NV>;
    case 4: return multiply<4, NV>;
    case 5: return multiply<5, NV>;
#if WIDTH == 8
    default: return multiply<6, NV>;
#else
    case 6: return multiply<6, NV>;
    case 7: return multiply<7, NV>;
    case 8: return multiply<8, NV>;
    case 9: return multiply<9, NV>;
    case 10: return multiply<10, NV>;
    case 11: return multiply<11, NV>;
    case 12: return multiply<12, NV>;
    case 13: return multiply<13, NV>;
    default: return multiply<14, NV>;
#endif
  }
}

constexpr int64_t GROUP = 5 * ROWS;  // tiles of a work item, so that its sums stay in the second cache

// Scratch is cut into transformed inputs, sums for each thread, and weights:
// all, or where a pair of blocks is done with before the next one begins, one
// for each thread.
template <int M> int64_t inputsOf(const Plan<M> &p) {
  return (p.apart ? omp_get_max_threads() : 1) * floats(Plan<M>::E * oddOf<value>(p.chunk * pitch(p.in)));
}
template <int M> int64_t sumsOf(const Plan<M> &) { return Plan<M>::E * odd(GROUP * 2 * W); }
template <int M> int64_t weightsOf(const Plan<M> &p) { return Plan<M>::E * spread(p.in, 2); }  // values
template <int M> bool packsLate(const Plan<M> &p, int threads) { return !p.apart && p.chunks == 1 && up(p.out, 2 * W) >= threads; }
template <int M> int vectorsOf(const Plan<M> &p, int64_t pair) { return p.out - pair * 2 * W > W ? 2 : 1; }

template <int M> size_t scratchOf(const Plan<M> &p, bool packed) {
  int threads = omp_get_max_threads();
  int64_t weights = packed ? 0 : packsLate(p, threads) ? threads : up(p.out, 2 * W);
  return inputsOf(p) + threads * sumsOf(p) + weights * floats(weightsOf(p));
}

// The transformed weights from input i to the outputs from o on. The transposed
// ones are what leads gradients back: rotated kernels, inputs and outputs changed.
template <int M, bool BACK>
[[gnu::always_inline]] inline void transformKernel(const jcs_winograd *c, const float *weights, int64_t i, int64_t o, vec *u) {
  constexpr int N = M + 2;
  int64_t cin = BACK ? c->out : c->in, cout = BACK ? c->in : c->out;
  alignas(64) float g[9][W];
  for (int j = 0; j < W; j++) {
    if (i < cin && o + j < cout) {
      const float *w = weights + (BACK ? i * c->in + o + j : (o + j) * c->in + i) * 9;
      for (int e = 0; e < 9; e++) g[e][j] = w[BACK ? 8 - e : e];
    } else {
      for (int e = 0; e < 9; e++) g[e][j] = 0;
    }
  }
  vec t[3][N];
  for (int y = 0; y < 3; y++) {
    vec d[3] = {load(g[3 * y]), load(g[3 * y + 1]), load(g[3 * y + 2])};
    Transform<M>::kernel(d, t[y]);
  }
  for (int x = 0; x < N; x++) {
    vec d[3] = {t[0][x], t[1][x], t[2][x]}, a[N];
    Transform<M>::kernel(d, a);
    for (int y = 0; y < N; y++) u[y * N + x] = a[y];
  }
}

// u[E][in][nv*W], of the outputs from k0 on; in pairs u[E][in/2][nv*W][2].
template <int M, bool BACK>
void packBlock(const jcs_winograd *c, const float *weights, int64_t k0, int nv, int64_t in, value *u) {
  constexpr int E = (M + 2) * (M + 2);
  for (int64_t i = 0; i < in; i += STEP)
    for (int k = 0; k < nv; k++) {
      vec a[E];
      transformKernel<M, BACK>(c, weights, i, k0 + k * W, a);
      value *to = u + (i * nv + k * STEP) * W;
#ifdef PAIRS
      vec b[E];
      transformKernel<M, BACK>(c, weights, i + 1, k0 + k * W, b);
      for (int e = 0; e < E; e++) storePair(to + e * spread(in, nv), a[e], b[e]);
#else
      for (int e = 0; e < E; e++) store(to + e * spread(in, nv), a[e]);
#endif
    }
}

// All weights, two blocks of outputs behind the other.
template <int M, bool BACK> void packAll(const jcs_winograd *c, const Plan<M> &p, const float *weights, value *u) {
#pragma omp parallel for schedule(dynamic, 1)
  for (int64_t pair = 0; pair < up(p.out, 2 * W); pair++)
    packBlock<M, BACK>(c, weights, pair * 2 * W, vectorsOf(p, pair), p.in, u + pair * weightsOf(p));
}

// The outputs of a tile out of its sums m[E][es], for nv blocks from k0 on.
template <int M, typename T>
void finishTile(const float *m, int64_t es, int nv, const Plan<M> &p, int64_t tile, int64_t k0, const float *bias, int64_t biases,
                bool accumulate, bool relu, T *dst) {
  constexpr int N = M + 2;
  auto at = p.place(tile);
  int64_t yb = within(p.out_height - at.y, p.dilation, M), xb = within(p.out_width - at.x, p.dilation, M);
  for (int k = 0; k < nv; k++) {
    int64_t channel = k0 + k * W;
    vec shift = {};
    if (bias)
      for (int j = 0; j < W; j++) shift[j] = channel + j < biases ? bias[channel + j] : 0;
    vec t[M][N];
#pragma GCC unroll 1
    for (int x = 0; x < N; x++) {
      vec d[N], o[M];
#pragma GCC unroll 8
      for (int y = 0; y < N; y++) d[y] = load(m + (y * N + x) * es + k * W);
      Transform<M>::output(d, o);
#pragma GCC unroll 8
      for (int y = 0; y < M; y++) t[y][x] = o[y];
    }
    T *q = dst + (((at.image * p.out / W + channel / W) * p.out_height + at.y) * p.out_width + at.x) * W;
#pragma GCC unroll 1
    for (int y = 0; y < yb; y++) {
      vec o[M];
      Transform<M>::output(t[y], o);
#pragma GCC unroll 8
      for (int x = 0; x < M; x++) {
        if (x >= xb) break;
        T *to = q + (y * p.out_width + x) * p.dilation * W;
        vec v = o[x] + shift;
        if (accumulate) v += load(to);
        if (relu) v = v > 0 ? v : vec{};
        store(to, v);
      }
    }
  }
}

template <typename In, typename Out> struct Pass {
  const In *src;
  const float *weights;
  const value *packed;
  const float *bias;
  Out *dst;
  float *scratch;
  bool relu, accumulate;
};

// Threads work by themselves where a second cache holds the inputs of enough
// tiles, and, unless weights are transformed late, where there are enough tiles
// for all of them.
template <int M> Plan<M> parted(Plan<M> p, bool packed) {
  constexpr int64_t E = Plan<M>::E;
  int64_t most = APART_INPUTS / ((int64_t)sizeof(value) * E * p.in), chunk = most < GROUP ? most / ROWS * ROWS : GROUP, threads = omp_get_max_threads();
  if ((int64_t)sizeof(value) * E * p.in * p.out <= APART_WEIGHTS && chunk > 0)
    p.part(chunk);
  else if ((packed || p.chunks > 1) && p.tiles >= 2 * ROWS * threads)
    p.part(up(p.tiles, up(up(p.tiles, GROUP), threads) * threads));
  return p;
}

template <int M> Plan<M> forwardPlan(const jcs_winograd *c, bool packed) {
  return parted(Plan<M>(c, c->in, c->out, c->height, c->width, c->out_height, c->out_width, c->pad_top, c->pad_left, up(c->in, W) * W, 64), packed);
}

template <int M> Plan<M> backwardPlan(const jcs_winograd *c) {
  return parted(Plan<M>(c, c->out, c->in, c->out_height, c->out_width, c->height, c->width, 2 * c->dilation - c->pad_top, 2 * c->dilation - c->pad_left, up(c->out, W) * W, 64), false);
}

// A forward pass, or the same from the result's gradient back to the source's.
template <int M, bool BACK, typename In, typename Out> struct Convolve {
  static constexpr int E = Plan<M>::E;
  const jcs_winograd *c;
  Plan<M> p;
  Pass<In, Out> a;

  // Inputs of the tiles from first on, count of them, to v[E][es].
  void transform(int64_t first, int64_t t, value *v, int64_t es) const {
    auto at = p.place(first + t);
    Patch<Plan<M>::N> patch(p.height, p.width, at.y - p.top, at.x - p.left, p.dilation);
    int64_t plane = p.height * p.width;
    transformTile<M, false>(a.src + at.image * p.in * plane, plane, p.in / W, patch, v + t * pitch(p.in), es);
  }

  // A pair of blocks of outputs for some tiles, at most GROUP, from first on.
  void outputs(int64_t pair, int64_t first, int64_t rows, const value *v, int64_t es, const value *u, float *m) const {
    int nv = vectorsOf(p, pair);
    int64_t parts = up(rows, ROWS), vs = pitch(p.in), ms = odd(GROUP * nv * W);
    for (int e = 0; e < E; e++)
      for (int64_t i = 0; i < parts; i++) {
        int64_t r0 = rows * i / parts, r1 = rows * (i + 1) / parts;
        multiplier f = nv == 2 ? multiplierOf<2>(r1 - r0) : multiplierOf<1>(r1 - r0);
        f(v + e * es + r0 * vs, vs, u + e * spread(p.in, nv), p.in, m + e * ms + r0 * nv * W);
      }
    for (int64_t r = 0; r < rows; r++)
      finishTile<M>(m + r * nv * W, ms, nv, p, first + r, pair * 2 * W, a.bias, c->out, a.accumulate, a.relu, a.dst);
  }

  void run() const {
    int threads = omp_get_max_threads();
    float *sums = a.scratch + inputsOf(p);
    value *own = (value *)(sums + threads * sumsOf(p));
    const value *packed = a.packed;
    bool late = !packed && packsLate(p, threads);
    if (!packed && !late) {
      packAll<M, BACK>(c, p, a.weights, own);
      packed = own;
    }
    if (p.apart)
      runApart(packed, sums);
    else
      runTogether(packed, sums, own);
  }

  // Each thread by itself, with tiles whose inputs its second cache holds.
  void runApart(const value *packed, float *sums) const {
    int64_t chunks = up(p.tiles, p.chunk), pairs = up(p.out, 2 * W), es = oddOf<value>(p.chunk * pitch(p.in));
#pragma omp parallel
    {
      value *v = (value *)a.scratch + omp_get_thread_num() * E * es;
      float *m = sums + omp_get_thread_num() * sumsOf(p);
#pragma omp for schedule(dynamic, 1)
      for (int64_t i = 0; i < chunks; i++) {
        int64_t first = i * p.chunk, count = p.tiles - first < p.chunk ? p.tiles - first : p.chunk;
        for (int64_t t = 0; t < count; t++) transform(first, t, v, es);
        for (int64_t pair = 0; pair < pairs; pair++) outputs(pair, first, count, v, es, packed + pair * weightsOf(p), m);
      }
    }
  }

  // All threads on the same tiles, so that the weights are read seldom.
  void runTogether(const value *packed, float *sums, value *own) const {
    int64_t pairs = up(p.out, 2 * W), es = oddOf<value>(p.chunk * pitch(p.in));
    value *v = (value *)a.scratch;
    for (int64_t first = 0; first < p.tiles; first += p.chunk) {
      int64_t count = p.tiles - first < p.chunk ? p.tiles - first : p.chunk;
      int64_t groups = up(count, GROUP), group = up(count, groups);
      groups = up(count, group);
#pragma omp parallel
      {
#pragma omp for schedule(static)
        for (int64_t t = 0; t < count; t++) transform(first, t, v, es);
        float *m = sums + omp_get_thread_num() * sumsOf(p);
        value *u = own + omp_get_thread_num() * weightsOf(p);
        auto item = [&](int64_t pair, int64_t g, const value *weights) {
          int64_t from = g * group, rows = count - from < group ? count - from : group;
          outputs(pair, first + from, rows, v + from * pitch(p.in), es, weights, m);
        };
        if (packed) {
#pragma omp for schedule(dynamic, 1)
          for (int64_t i = 0; i < pairs * groups; i++) item(i / groups, i % groups, packed + i / groups * weightsOf(p));
        } else {
#pragma omp for schedule(dynamic, 1)
          for (int64_t pair = 0; pair < pairs; pair++) {
            packBlock<M, BACK>(c, a.weights, pair * 2 * W, vectorsOf(p, pair), p.in, u);
            for (int64_t g = 0; g < groups; g++) item(pair, g, u);
          }
        }
      }
    }
  }
};

// acc[CORRELATED][NV*W] = z[t][CORRELATED]^T v[t][NV*W], or more of it. In pairs
// of tiles they are z[t][CORRELATED][2] and v[t][NV*W][2].
template <int NV>
[[gnu::noinline]] void correlate(const value *__restrict z, int64_t zs, const value *__restrict v, int64_t vs, int64_t count,
                                 bool more, float *__restrict acc, int64_t as) {
  constexpr int R = CORRELATED;
  vec s[R][NV];
#pragma GCC unroll 8
  for (int r = 0; r < R; r++)
#pragma GCC unroll 4
    for (int k = 0; k < NV; k++) s[r][k] = more ? load(acc + r * as + k * W) : vec{};
#pragma GCC unroll 1
  for (int64_t t = 0; t < count; t++) {
    factor b[NV];
#pragma GCC unroll 4
    for (int k = 0; k < NV; k++) b[k] = factors(v + t * vs + k * STEP * W);
#pragma GCC unroll 8
    for (int r = 0; r < R; r++) {
      auto a = same(z + t * zs + r * STEP);
#pragma GCC unroll 4
      for (int k = 0; k < NV; k++) add(s[r][k], a, b[k]);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < R; r++)
#pragma GCC unroll 4
    for (int k = 0; k < NV; k++) store(acc + r * as + k * W, s[r][k]);
}

// Channels on the side of a square of the kernel's gradient, and from one place's
// square of sums to the next.
constexpr int64_t SIDE = 64, PLACE = SIDE * SIDE + 16;

// With fewer tiles at once the sums of all squares would go through memory more
// often.
template <int M> Plan<M> weightsPlan(const jcs_winograd *c) {
  Plan<M> p(c, c->in, c->out, c->height, c->width, c->out_height, c->out_width, c->pad_top, c->pad_left,
            up(c->in, W) * W + up(c->out, W) * W, 512);
  if (4 * Plan<M>::E * p.in * p.out <= APART_WEIGHTS) p.part(GROUP * STEP);
  return p;
}

template <int M> int64_t squaresOf(const Plan<M> &p) { return up(p.out, SIDE) * up(p.in, SIDE); }

// Whether each square is done with before the next one begins, so that its sums
// need no memory but a thread's.
template <int M> bool squaresOnce(const Plan<M> &p) { return p.chunks == 1 && squaresOf(p) >= omp_get_max_threads(); }

// Values from one row of so many channels to the next, of a tile or a pair of
// them, and from one place's rows to those of the next.
inline int64_t rowOf(int64_t channels) { return pitch(STEP * channels); }
template <int M> int64_t rowsOf(const Plan<M> &p, int64_t channels) { return oddOf<value>(up(p.chunk, STEP) * rowOf(channels)); }

template <int M> size_t weightsScratch(const jcs_winograd *c) {
  Plan<M> p = weightsPlan<M>(c);
  int64_t threads = omp_get_max_threads(), inputs = floats(rowsOf(p, p.in) + rowsOf(p, p.out));
  if (p.apart) return Plan<M>::E * threads * (inputs + squaresOf(p) * PLACE);
  return Plan<M>::E * (inputs + (squaresOnce(p) ? threads : squaresOf(p)) * PLACE);
}

// A square's gradients of the kernel out of its sums acc[E][PLACE].
template <int M> void finishKernel(const jcs_winograd *c, const float *acc, int64_t k0, int64_t ks, int64_t c0, int64_t cs, float *dw) {
  constexpr int N = M + 2;
  for (int64_t k = 0; k < ks && k0 + k < c->out; k++)
    for (int64_t i = 0; i < cs; i += W) {
      vec t[N][3];
      for (int y = 0; y < N; y++) {
        vec d[N];
        for (int x = 0; x < N; x++) d[x] = load(acc + (y * N + x) * PLACE + k * SIDE + i);
        Transform<M>::weights(d, t[y]);
      }
      alignas(64) float g[9][W];
      for (int x = 0; x < 3; x++) {
        vec d[N], o[3];
        for (int y = 0; y < N; y++) d[y] = t[y][x];
        Transform<M>::weights(d, o);
        for (int y = 0; y < 3; y++) store(g[3 * y + x], o[y]);
      }
      float *w = dw + ((k0 + k) * c->in + c0 + i) * 9;
      for (int64_t j = 0; j < W && c0 + i + j < c->in; j++)
        for (int e = 0; e < 9; e++) w[j * 9 + e] = g[e][j];
    }
}

// The gradient by the kernel. Its sums, [squares][E][PLACE], are over all tiles.
template <int M> struct Correlate {
  static constexpr int E = Plan<M>::E;
  const jcs_winograd *c;
  Plan<M> p;
  const float *src, *dy;
  float *dw, *scratch;
  int64_t vs = rowOf(p.in), zs = rowOf(p.out), ve = rowsOf(p, p.in), ze = rowsOf(p, p.out);
  int64_t across = up(p.in, SIDE), squares = squaresOf(p);

  // Row t of the tiles from first on, count of them, of what the kernel read and
  // of the gradient.
  void transform(int64_t first, int64_t count, int64_t t, value *v, value *z) const {
    int64_t tile = first + t * STEP, more = count - t * STEP - 1;
    transformRow<false, Plan<M>::N>(src, p.in, p.height, p.width, p.top, p.left, tile, more > 0, v + t * vs, ve);
    transformRow<true, M>(dy, p.out, p.out_height, p.out_width, 0, 0, tile, more > 0, z + t * zs, ze);
  }

  template <bool GRADIENT, int S>
  void transformRow(const float *from, int64_t channels, int64_t height, int64_t width, int64_t top, int64_t left, int64_t tile,
                    bool another, value *row, int64_t es) const {
    int64_t plane = height * width;
    auto at = p.place(tile);
    Patch<S> patch(height, width, at.y - top, at.x - left, p.dilation);
    from += at.image * channels * plane;
#ifdef PAIRS
    auto next = p.place(another ? tile + 1 : tile);
    Patch<S> second(height, width, next.y - top, next.x - left, p.dilation);
    const float *with = from + (next.image - at.image) * channels * plane;
    for (int64_t b = 0; b < channels / W; b++) {
      vec o[E];
      value *to = row + b * 2 * W;
      transformBlock<M, GRADIENT>(from + b * plane * W, patch, [&](int e, vec a) __attribute__((always_inline)) { o[e] = a; });
      if (another)
        transformBlock<M, GRADIENT>(with + b * plane * W, second, [=, &o](int e, vec a) __attribute__((always_inline)) { storePair(to + e * es, o[e], a); });
      else
        for (int e = 0; e < E; e++) storePair(to + e * es, o[e], vec{});
    }
#else
    (void)another;
    transformTile<M, GRADIENT>(from, plane, channels / W, patch, row, es);
#endif
  }

  // A place of a square, out of so many rows.
  void place(int64_t s, int e, int64_t rows, bool more, const value *v, const value *z, float *acc) const {
    int64_t k0 = s / across * SIDE, c0 = s % across * SIDE;
    int64_t ks = p.out - k0 < SIDE ? p.out - k0 : SIDE, cs = p.in - c0 < SIDE ? p.in - c0 : SIDE;
    for (int64_t i = 0; i < cs; i += 2 * W)
      for (int64_t k = 0; k < ks; k += CORRELATED) {
        const value *zz = z + e * ze + (k0 + k) * STEP, *vv = v + e * ve + (c0 + i) * STEP;
        float *at = acc + e * PLACE + k * SIDE + i;
        if (cs - i > W)
          correlate<2>(zz, zs, vv, vs, rows, more, at, SIDE);
        else
          correlate<1>(zz, zs, vv, vs, rows, more, at, SIDE);
      }
  }

  void finish(int64_t s, const float *acc) const {
    int64_t k0 = s / across * SIDE, c0 = s % across * SIDE;
    finishKernel<M>(c, acc, k0, p.out - k0 < SIDE ? p.out - k0 : SIDE, c0, p.in - c0 < SIDE ? p.in - c0 : SIDE, dw);
  }

  void run() const {
    if (p.apart)
      runApart();
    else
      runTogether();
  }

  // Each thread by itself, with sums of its own.
  void runApart() const {
    int threads = omp_get_max_threads(), took = 0;
    int64_t inputs = E * (ve + ze), size = squares * E * PLACE;
    float *all = scratch + threads * floats(inputs);
#pragma omp parallel
    {
      value *v = (value *)scratch + omp_get_thread_num() * inputs, *z = v + E * ve;
      float *acc = all + omp_get_thread_num() * size;
      bool more = false;
#pragma omp single
      took = omp_get_num_threads() < p.chunks ? omp_get_num_threads() : p.chunks;
#pragma omp for schedule(static)
      for (int64_t i = 0; i < p.chunks; i++) {
        int64_t first = i * p.chunk, count = p.tiles - first < p.chunk ? p.tiles - first : p.chunk;
        int64_t rows = up(count, STEP);
        for (int64_t t = 0; t < rows; t++) transform(first, count, t, v, z);
        for (int64_t s = 0; s < squares; s++)
          for (int e = 0; e < E; e++) place(s, e, rows, more, v, z, acc + s * E * PLACE);
        more = true;
      }
#pragma omp for schedule(static)
      for (int64_t i = 0; i < size / 16; i++)
        for (int t = 1; t < took; t++)
          for (int j = 0; j < 16; j += W) store(all + i * 16 + j, load(all + i * 16 + j) + load(all + t * size + i * 16 + j));
#pragma omp for schedule(dynamic, 1)
      for (int64_t s = 0; s < squares; s++) finish(s, all + s * E * PLACE);
    }
  }

  // All threads on the same tiles.
  void runTogether() const {
    value *v = (value *)scratch, *z = v + E * ve;
    float *acc = scratch + floats(E * (ve + ze));
    bool once = squaresOnce(p);
    for (int64_t first = 0; first < p.tiles; first += p.chunk) {
      int64_t count = p.tiles - first < p.chunk ? p.tiles - first : p.chunk, rows = up(count, STEP);
#pragma omp parallel
      {
#pragma omp for schedule(static)
        for (int64_t t = 0; t < rows; t++) transform(first, count, t, v, z);
        if (once) {
          float *own = acc + omp_get_thread_num() * E * PLACE;
#pragma omp for schedule(dynamic, 1)
          for (int64_t s = 0; s < squares; s++) {
            for (int e = 0; e < E; e++) place(s, e, rows, false, v, z, own);
            finish(s, own);
          }
        } else {
#pragma omp for schedule(dynamic, 1)
          for (int64_t i = 0; i < squares * E; i++) place(i / E, i % E, rows, first > 0, v, z, acc + i / E * E * PLACE);
          if (first + p.chunk >= p.tiles) {
#pragma omp for schedule(dynamic, 1)
            for (int64_t s = 0; s < squares; s++) finish(s, acc + s * E * PLACE);
          }
        }
      }
    }
  }
};

// The sum of each channel of y.
void sums(const jcs_winograd *c, const float *y, float *out) {
  int64_t blocks = up(c->out, W);
#pragma omp parallel for schedule(static)
  for (int64_t b = 0; b < blocks; b++) {
    vec all = {};
    for (int64_t n = 0; n < c->n; n++)
      for (int64_t h = 0; h < c->out_height; h++) {
        const float *p = y + ((n * blocks + b) * c->out_height + h) * c->out_width * W;
        vec row = {};
        for (int64_t x = 0; x < c->out_width; x++) row += load(p + x * W);
        all += row;
      }
    for (int64_t j = 0; j < W && b * W + j < c->out; j++) out[b * W + j] = all[j];
  }
}

template <int M> size_t packedSize(const jcs_winograd *c) {
  Plan<M> p = forwardPlan<M>(c, true);
  return up(p.out, 2 * W) * floats(weightsOf(p));
}

template <int M> void pack(const jcs_winograd *c, const float *weights, float *packed) {
  Plan<M> p = forwardPlan<M>(c, true);
  packAll<M, false>(c, p, weights, (value *)packed);
}

template <int M> size_t forwardScratch(const jcs_winograd *c, int packed) { return scratchOf(forwardPlan<M>(c, packed), packed); }
template <int M> size_t dataScratch(const jcs_winograd *c) { return scratchOf(backwardPlan<M>(c), false); }

template <int M, typename In, typename Out>
void runForwardOf(const jcs_winograd *c, const void *src, const float *weights, const float *packed, const float *bias, void *dst,
                  float *scratch) {
  Pass<In, Out> pass{(const In *)src, weights, (const value *)packed, bias, (Out *)dst, scratch, c->relu != 0, c->accumulate != 0};
  Convolve<M, false, In, Out>{c, forwardPlan<M>(c, packed), pass}.run();
}

template <int M>
void runForward(const jcs_winograd *c, const void *src, const float *weights, const float *packed, const float *bias, void *dst,
                float *scratch) {
  auto run = c->src_bf16 ? c->dst_bf16 ? runForwardOf<M, bf16, bf16> : runForwardOf<M, bf16, float>
             : c->dst_bf16 ? runForwardOf<M, float, bf16> : runForwardOf<M, float, float>;
  run(c, src, weights, packed, bias, dst, scratch);
}

template <int M>
void runData(const jcs_winograd *c, const float *diff_dst, const float *weights, float *diff_src, float *scratch) {
  Pass<float, float> pass{diff_dst, weights, nullptr, nullptr, diff_src, scratch, false, false};
  Convolve<M, true, float, float>{c, backwardPlan<M>(c), pass}.run();
}

template <int M>
void runWeights(const jcs_winograd *c, const float *src, const float *diff_dst, float *diff_weights, float *diff_bias, float *scratch) {
  Correlate<M>{c, weightsPlan<M>(c), src, diff_dst, diff_weights, scratch}.run();
  if (diff_bias) sums(c, diff_dst, diff_bias);
}

template <int M> constexpr kernels table() {
  return {packedSize<M>, forwardScratch<M>, dataScratch<M>, weightsScratch<M>, pack<M>, runForward<M>, runData<M>, runWeights<M>};
}

}  // namespace

#ifdef PAIRS
const kernels KERNELS[1] = {table<4>()};  // larger tiles would lose too much
#else
const kernels KERNELS[2] = {table<4>(), table<6>()};
#endif
