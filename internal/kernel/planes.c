// The compiler may turn every comparison into a choice of lanes.
#pragma GCC optimize("no-trapping-math")

#include "planes.h"

#include <omp.h>
#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define VECTOR __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define VECTOR
#endif
#define INLINE static inline __attribute__((always_inline))

// Rows are cut into pieces of about so many values. A sum is one of its pieces'
// sums, so that it does not depend on the threads.
#define PIECE 8192
#define MOST_LANES 16
#define BLOCK 1024

static int64_t piece_pixels(const jcs_planes *s) { return PIECE / s->lanes; }

static int64_t pieces_of(const jcs_planes *s, int64_t pixels) { return (s->pixels + pixels - 1) / pixels; }

int64_t jcs_parts(const jcs_planes *s) { return 2 * s->rows * s->lanes * pieces_of(s, piece_pixels(s)); }

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

// Calls f with a number of lanes that is known when it is compiled.
#define WITH_LANES(lanes, f, ...)          \
  do {                                     \
    if ((lanes) == 16) f(__VA_ARGS__, 16); \
    else if ((lanes) == 8) f(__VA_ARGS__, 8); \
    else f(__VA_ARGS__, 1);                \
  } while (0)

INLINE void add_term(float *restrict sum, const float *restrict v, const float *restrict f, float scale,
                     int64_t pixels, int first, int64_t lanes) {
  for (int64_t p = 0; p < pixels; p++)
    for (int64_t l = 0; l < lanes; l++) {
      float x = (v ? v[p * lanes + l] : 1.0f) * (f ? f[l] : 1.0f) * scale;
      sum[p * lanes + l] = first ? x : sum[p * lanes + l] + x;
    }
}

INLINE void add_any_term(float *restrict sum, const float *restrict v, const float *restrict f, float scale,
                         int64_t pixels, int first, int64_t lanes) {
  if (!f) add_term(sum, v, 0, scale, pixels * lanes, first, 1);
  else if (!v) add_term(sum, 0, f, scale, pixels, first, lanes);
  else add_term(sum, v, f, scale, pixels, first, lanes);
}

VECTOR static void combine_block(float *out, const jcs_term *terms, int count, int64_t row, int64_t from,
                                 int64_t pixels, int64_t lanes, const float *gate, float top) {
  float sum[BLOCK];
  for (int t = 0; t < count; t++) {
    const float *v = terms[t].values ? terms[t].values + from : 0;
    const float *f = terms[t].factors ? terms[t].factors + row * lanes : 0;
    if (t == 0) WITH_LANES(lanes, add_any_term, sum, v, f, terms[t].scale, pixels, 1);
    else WITH_LANES(lanes, add_any_term, sum, v, f, terms[t].scale, pixels, 0);
  }
  out += from;
  int64_t n = pixels * lanes;
  if (!gate) {
    memcpy(out, sum, n * sizeof *sum);
    return;
  }
  gate += from;
  for (int64_t i = 0; i < n; i++) out[i] = gate[i] > 0 && gate[i] < top ? sum[i] : 0;
}

void jcs_combine(float *out, const jcs_planes *shape, const jcs_term *terms, int count, const float *gate, float top) {
  jcs_planes s = *shape;
  int64_t each = piece_pixels(&s), pieces = pieces_of(&s, each);
#pragma omp parallel for schedule(static)
  for (int64_t i = 0; i < s.rows * pieces; i++) {
    int64_t row = i / pieces, at = i % pieces * each, end = least(s.pixels, at + each);
    int64_t step = BLOCK / s.lanes;
    for (; at < end; at += step)
      combine_block(out, terms, count, row, (row * s.pixels + at) * s.lanes, least(step, end - at), s.lanes, gate, top);
  }
}

// Sums of a piece, one for each lane, in runs of float32 that are short enough
// to lose nothing to speak of.
#define RUN 16

INLINE void product_piece(double *restrict sum, const float *restrict x, const float *restrict y, int64_t pixels,
                          int64_t lanes) {
  if (lanes == 1) { // the pixels take the lanes' place
    float run[RUN] = {0};
    double total = 0;
    int64_t p = 0;
    while (p + RUN <= pixels) {
      int64_t end = least(pixels, p + RUN * RUN);
      for (int l = 0; l < RUN; l++) run[l] = 0;
      for (; p + RUN <= end; p += RUN)
        for (int l = 0; l < RUN; l++) run[l] += y ? x[p + l] * y[p + l] : x[p + l];
      for (int l = 0; l < RUN; l++) total += run[l];
    }
    for (; p < pixels; p++) total += y ? x[p] * y[p] : x[p];
    sum[0] = total;
    return;
  }
  float run[MOST_LANES];
  for (int64_t l = 0; l < lanes; l++) sum[l] = 0;
  for (int64_t p = 0; p < pixels;) {
    for (int64_t l = 0; l < lanes; l++) run[l] = 0;
    for (int64_t end = least(pixels, p + RUN); p < end; p++)
      for (int64_t l = 0; l < lanes; l++) run[l] += y ? x[p * lanes + l] * y[p * lanes + l] : x[p * lanes + l];
    for (int64_t l = 0; l < lanes; l++) sum[l] += run[l];
  }
}

VECTOR static void product_sums(double *sum, const float *x, const float *y, int64_t pixels, int64_t lanes) {
  if (y) WITH_LANES(lanes, product_piece, sum, x, y, pixels);
  else WITH_LANES(lanes, product_piece, sum, x, 0, pixels);
}

void jcs_row_sums(float *sums, const jcs_planes *shape, const float *x, const float *y, float scale, double *parts) {
  jcs_planes s = *shape;
  int64_t each = piece_pixels(&s), pieces = pieces_of(&s, each);
#pragma omp parallel for schedule(static)
  for (int64_t i = 0; i < s.rows * pieces; i++) {
    int64_t row = i / pieces, at = i % pieces * each, begin = (row * s.pixels + at) * s.lanes;
    product_sums(parts + i * s.lanes, x + begin, y ? y + begin : 0, least(each, s.pixels - at), s.lanes);
  }
  for (int64_t row = 0; row < s.rows; row++)
    for (int64_t l = 0; l < s.lanes; l++) {
      double sum = 0;
      for (int64_t i = 0; i < pieces; i++) sum += parts[(row * pieces + i) * s.lanes + l];
      sums[row * s.lanes + l] = (float)(sum * scale);
    }
}

// The first two moments of a piece.
INLINE void moments_piece(double *restrict sum, double *restrict square, const float *restrict x, int64_t pixels,
                          int64_t lanes) {
  if (lanes == 1) {
    double a[RUN] = {0}, b[RUN] = {0}, total = 0, squares = 0;
    int64_t p = 0;
    for (; p + RUN <= pixels; p += RUN)
      for (int l = 0; l < RUN; l++) {
        double v = x[p + l];
        a[l] += v;
        b[l] += v * v;
      }
    for (int l = 0; p + l < pixels; l++) {
      double v = x[p + l];
      a[l] += v;
      b[l] += v * v;
    }
    for (int l = 0; l < RUN; l++) {
      total += a[l];
      squares += b[l];
    }
    sum[0] = total;
    square[0] = squares;
    return;
  }
  double a[MOST_LANES], b[MOST_LANES];
  for (int64_t l = 0; l < lanes; l++) a[l] = b[l] = 0;
  for (int64_t p = 0; p < pixels; p++)
    for (int64_t l = 0; l < lanes; l++) {
      double v = x[p * lanes + l];
      a[l] += v;
      b[l] += v * v;
    }
  for (int64_t l = 0; l < lanes; l++) {
    sum[l] = a[l];
    square[l] = b[l];
  }
}

VECTOR static void moments(double *sum, double *square, const float *x, int64_t pixels, int64_t lanes) {
  WITH_LANES(lanes, moments_piece, sum, square, x, pixels);
}

// Adds up what the pieces of a channel left, two sums for each lane.
static void add_parts(double total[2], const jcs_planes *s, int64_t pieces, const double *parts, int64_t channel) {
  int64_t group = channel / s->lanes, lane = channel % s->lanes;
  total[0] = total[1] = 0;
  for (int64_t row = group; row < s->rows; row += s->groups)
    for (int64_t i = 0; i < pieces; i++) {
      const double *part = parts + (row * pieces + i) * 2 * s->lanes;
      total[0] += part[lane];
      total[1] += part[s->lanes + lane];
    }
}

void jcs_channel_statistics(float *mean, float *variance, const jcs_planes *shape, const float *x, double *parts) {
  jcs_planes s = *shape;
  int64_t each = piece_pixels(&s), pieces = pieces_of(&s, each);
#pragma omp parallel for schedule(static)
  for (int64_t i = 0; i < s.rows * pieces; i++) {
    int64_t row = i / pieces, at = i % pieces * each;
    double *part = parts + i * 2 * s.lanes;
    moments(part, part + s.lanes, x + (row * s.pixels + at) * s.lanes, least(each, s.pixels - at), s.lanes);
  }
  double n = (double)(s.rows / s.groups * s.pixels);
  for (int64_t c = 0; c < s.groups * s.lanes; c++) {
    double total[2];
    add_parts(total, &s, pieces, parts, c);
    double m = total[0] / n, v = total[1] / n - m * m;
    mean[c] = (float)m;
    variance[c] = (float)(v < 0 ? 0 : v);
  }
}

// A norm's result before its bounds, and what of dy gets through these.
#define NORMED(x, l) (((x)-mean[l]) * factor[l] + shift[l])
#define THROUGH(dy, v) ((v) > low && (v) < top ? (dy) : 0.0f)

INLINE void norm_piece(float *restrict y, const float *restrict x, const float *restrict mean,
                       const float *restrict factor, const float *restrict shift, float low, float top, int64_t pixels,
                       int64_t lanes) {
  for (int64_t p = 0; p < pixels; p++)
    for (int64_t l = 0; l < lanes; l++) {
      float v = NORMED(x[p * lanes + l], l);
      v = v < low ? low : v;
      y[p * lanes + l] = v > top ? top : v;
    }
}

VECTOR static void norm_values(float *y, const float *x, const jcs_norm *n, int64_t channel, int64_t pixels,
                               int64_t lanes) {
  WITH_LANES(lanes, norm_piece, y, x, n->mean + channel, n->factor + channel, n->shift + channel, n->low, n->top,
             pixels);
}

void jcs_norm_forward(float *y, const jcs_planes *shape, const float *x, const jcs_norm *norm) {
  jcs_planes s = *shape;
  int64_t each = piece_pixels(&s), pieces = pieces_of(&s, each);
#pragma omp parallel for schedule(static)
  for (int64_t i = 0; i < s.rows * pieces; i++) {
    int64_t row = i / pieces, at = i % pieces * each, begin = (row * s.pixels + at) * s.lanes;
    int64_t channel = row % s.groups * s.lanes;
    norm_values(y + begin, x + begin, norm, channel, least(each, s.pixels - at), s.lanes);
  }
}

INLINE void norm_sums_piece(double *restrict sum, double *restrict product, const float *restrict x,
                            const float *restrict dy, const float *restrict mean, const float *restrict factor,
                            const float *restrict shift, float low, float top, int64_t pixels, int64_t lanes) {
  if (lanes == 1) {
    double total = 0, products = 0;
    for (int64_t p = 0; p < pixels;) {
      float a[RUN] = {0}, b[RUN] = {0};
      int64_t end = least(pixels, p + RUN * RUN);
      for (; p + RUN <= end; p += RUN)
        for (int l = 0; l < RUN; l++) {
          float v = NORMED(x[p + l], 0);
          float g = THROUGH(dy[p + l], v);
          a[l] += g;
          b[l] += g * (x[p + l] - mean[0]);
        }
      for (int l = 0; p < end; l++, p++) {
        float v = NORMED(x[p], 0);
        float g = THROUGH(dy[p], v);
        a[l] += g;
        b[l] += g * (x[p] - mean[0]);
      }
      for (int l = 0; l < RUN; l++) {
        total += a[l];
        products += b[l];
      }
    }
    sum[0] = total;
    product[0] = products;
    return;
  }
  float a[MOST_LANES], b[MOST_LANES];
  for (int64_t l = 0; l < lanes; l++) sum[l] = product[l] = 0;
  for (int64_t p = 0; p < pixels;) {
    for (int64_t l = 0; l < lanes; l++) a[l] = b[l] = 0;
    for (int64_t end = least(pixels, p + RUN); p < end; p++)
      for (int64_t l = 0; l < lanes; l++) {
        float here = x[p * lanes + l], v = NORMED(here, l);
        float g = THROUGH(dy[p * lanes + l], v);
        a[l] += g;
        b[l] += g * (here - mean[l]);
      }
    for (int64_t l = 0; l < lanes; l++) {
      sum[l] += a[l];
      product[l] += b[l];
    }
  }
}

VECTOR static void norm_sums(double *sum, double *product, const float *x, const float *dy, const jcs_norm *n,
                             int64_t channel, int64_t pixels, int64_t lanes) {
  WITH_LANES(lanes, norm_sums_piece, sum, product, x, dy, n->mean + channel, n->factor + channel, n->shift + channel,
             n->low, n->top, pixels);
}

void jcs_norm_sums(float *sum, float *product, const jcs_planes *shape, const float *x, const float *dy,
                   const jcs_norm *norm, double *parts) {
  jcs_planes s = *shape;
  int64_t each = piece_pixels(&s), pieces = pieces_of(&s, each);
#pragma omp parallel for schedule(static)
  for (int64_t i = 0; i < s.rows * pieces; i++) {
    int64_t row = i / pieces, at = i % pieces * each, begin = (row * s.pixels + at) * s.lanes;
    int64_t channel = row % s.groups * s.lanes;
    double *part = parts + i * 2 * s.lanes;
    norm_sums(part, part + s.lanes, x + begin, dy + begin, norm, channel, least(each, s.pixels - at), s.lanes);
  }
  for (int64_t c = 0; c < s.groups * s.lanes; c++) {
    double total[2];
    add_parts(total, &s, pieces, parts, c);
    sum[c] = (float)total[0];
    product[c] = (float)total[1];
  }
}

INLINE void norm_slopes_piece(float *dx, const float *x, const float *dy, const float *restrict mean,
                              const float *restrict factor, const float *restrict shift, const float *restrict offset,
                              const float *restrict slope, float low, float top, int64_t pixels, int64_t lanes) {
#pragma GCC ivdep
  for (int64_t p = 0; p < pixels; p++)
#pragma GCC ivdep
    for (int64_t l = 0; l < lanes; l++) {
      float here = x[p * lanes + l], v = NORMED(here, l);
      float g = THROUGH(dy[p * lanes + l], v);
      dx[p * lanes + l] = factor[l] * g - offset[l] - slope[l] * (here - mean[l]);
    }
}

VECTOR static void norm_slopes(float *dx, const float *x, const float *dy, const jcs_norm *n, const float *offset,
                               const float *slope, int64_t channel, int64_t pixels, int64_t lanes) {
  WITH_LANES(lanes, norm_slopes_piece, dx, x, dy, n->mean + channel, n->factor + channel, n->shift + channel,
             offset + channel, slope + channel, n->low, n->top, pixels);
}

void jcs_norm_slopes(float *dx, const jcs_planes *shape, const float *x, const float *dy, const jcs_norm *norm,
                     const float *offset, const float *slope) {
  jcs_planes s = *shape;
  int64_t each = piece_pixels(&s), pieces = pieces_of(&s, each);
#pragma omp parallel for schedule(static)
  for (int64_t i = 0; i < s.rows * pieces; i++) {
    int64_t row = i / pieces, at = i % pieces * each, begin = (row * s.pixels + at) * s.lanes;
    int64_t channel = row % s.groups * s.lanes;
    norm_slopes(dx + begin, x + begin, dy + begin, norm, offset, slope, channel, least(each, s.pixels - at), s.lanes);
  }
}

INLINE void add_line(float *restrict sum, const float *restrict line, float weight, int first, int64_t n) {
  for (int64_t i = 0; i < n; i++) sum[i] = first ? line[i] * weight : sum[i] + line[i] * weight;
}

INLINE void gather(float *restrict dx, const float *restrict line, const jcs_axis *columns, int64_t lanes) {
  for (int64_t x = 0; x < columns->from; x++) {
    float sum[MOST_LANES];
    for (int64_t l = 0; l < lanes; l++) sum[l] = 0;
    const float *from = line + columns->first[x] * lanes;
    for (int32_t k = columns->start[x]; k < columns->start[x + 1]; k++, from += lanes)
      for (int64_t l = 0; l < lanes; l++) sum[l] += from[l] * columns->weights[k];
    for (int64_t l = 0; l < lanes; l++) dx[x * lanes + l] = sum[l];
  }
}

VECTOR static void resize_line(float *dx, const float *dy, float *line, int64_t y, int64_t lanes,
                               const jcs_axis *lines, const jcs_axis *columns) {
  int64_t n = columns->to * lanes;
  int32_t begin = lines->start[y], end = lines->start[y + 1];
  const float *from = dy + lines->first[y] * n;
  if (begin == end) memset(line, 0, n * sizeof *line);
  for (int32_t k = begin; k < end; k++, from += n) {
    if (k == begin) add_line(line, from, lines->weights[k], 1, n);
    else add_line(line, from, lines->weights[k], 0, n);
  }
  WITH_LANES(lanes, gather, dx, line, columns);
}

void jcs_resize_back(float *dx, const float *dy, int64_t rows, int64_t lanes, const jcs_axis *lines,
                     const jcs_axis *columns, float *spare, int threads) {
#pragma omp parallel num_threads(threads)
  {
    float *line = spare + omp_get_thread_num() * columns->to * lanes;
#pragma omp for schedule(static)
    for (int64_t i = 0; i < rows * lines->from; i++) {
      int64_t row = i / lines->from, y = i % lines->from;
      resize_line(dx + i * columns->from * lanes, dy + row * lines->to * columns->to * lanes, line, y, lanes, lines,
                  columns);
    }
  }
}
