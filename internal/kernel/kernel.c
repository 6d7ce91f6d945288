// Products must not be joined with sums: the twin in Go has each rounded.
#pragma GCC optimize("fp-contract=off", "no-trapping-math")

#include "kernel.h"

#include <math.h>
#include <string.h>

// Nobody here looks at errno, so that an instruction does as well as a call.
double sqrt(double) __attribute__((const));

// One function for each of these sets of instructions, of which the loader
// takes the best that the processor has.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define VECTOR __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define VECTOR
#endif
#define INLINE static inline __attribute__((always_inline))

// Sums run in so many lanes, value i in lane i % LANES, which are then added
// one behind the other: few sums that wait for one another, and one order.
#define LANES 16
#define BLOCK 512 // values that lie between two loops, in the nearest cache

VECTOR double jcs_square_sum(const float *x, int64_t n) {
  double lane[LANES] = {0};
  int64_t i = 0;
  for (; i + LANES <= n; i += LANES)
    for (int l = 0; l < LANES; l++) lane[l] += (double)x[i + l] * (double)x[i + l];
  for (int l = 0; i + l < n; l++) lane[l] += (double)x[i + l] * (double)x[i + l];
  double sum = 0;
  for (int l = 0; l < LANES; l++) sum += lane[l];
  return sum;
}

INLINE double sum_of(const double *x, int64_t n) {
  double lane[LANES] = {0};
  int64_t i = 0;
  for (; i + LANES <= n; i += LANES)
    for (int l = 0; l < LANES; l++) lane[l] += x[i + l];
  for (int l = 0; i + l < n; l++) lane[l] += x[i + l];
  double sum = 0;
  for (int l = 0; l < LANES; l++) sum += lane[l];
  return sum;
}

VECTOR void jcs_scale(float *x, int64_t n, float factor) {
  for (int64_t i = 0; i < n; i++) x[i] *= factor;
}

VECTOR void jcs_adam_move(float *restrict value, const float *restrict grad, float *restrict mean,
                          float *restrict square, int64_t n, const jcs_adam *a) {
  double size = a->size, over_spread = a->over_spread, eps = a->eps, shrink = a->shrink, added = a->added;
  double keep = a->beta2, take_mean = 1 - a->beta1, take_square = 1 - a->beta2;
  for (int64_t i = 0; i < n; i++) {
    double v = (double)value[i] * shrink;
    double g = (double)grad[i] + added * v;
    double m = (double)mean[i] + take_mean * (g - (double)mean[i]);
    double s = keep * (double)square[i] + take_square * g * g;
    mean[i] = (float)m;
    square[i] = (float)s;
    value[i] = (float)(v - size * m / (sqrt(s) * over_spread + eps));
  }
}

VECTOR void jcs_move_towards(float *restrict average, const float *restrict value, int64_t n, double share) {
  for (int64_t i = 0; i < n; i++) {
    double a = (double)average[i];
    average[i] = (float)(a + share * ((double)value[i] - a));
  }
}

INLINE uint64_t bits_of(double x) {
  uint64_t b;
  memcpy(&b, &x, sizeof b);
  return b;
}

INLINE double with_bits(uint64_t b) {
  double x;
  memcpy(&x, &b, sizeof x);
  return x;
}

#define ROUNDER 0x1.8p52 // adding it to a small number leaves that rounded in its low bits

// exp(-a) for a from 0 to 700: a power of two times a Taylor series.
INLINE double exp_minus(double a) {
  double shifted = a * -0x1.71547652b82fep+0 + ROUNDER; // 1/ln 2
  double n = shifted - ROUNDER;
  double r = (-a - n * 0x1.62e42fee00000p-1) - n * 0x1.a39ef35793c76p-33; // ln 2 in two parts
  double p = 1.0 / 6227020800;
  p = p * r + 1.0 / 479001600;
  p = p * r + 1.0 / 39916800;
  p = p * r + 1.0 / 3628800;
  p = p * r + 1.0 / 362880;
  p = p * r + 1.0 / 40320;
  p = p * r + 1.0 / 5040;
  p = p * r + 1.0 / 720;
  p = p * r + 1.0 / 120;
  p = p * r + 1.0 / 24;
  p = p * r + 1.0 / 6;
  p = p * r + 0.5;
  p = p * r + 1;
  p = p * r + 1;
  return p * with_bits((bits_of(shifted) + 1023) << 52);
}

// log(x) of a normal number above 0: the exponent, and twice the series of
// artanh((m-1)/(m+1)) for the m from sqrt(1/2) to sqrt(2) that is left.
INLINE double log_of(double x) {
  uint64_t above = bits_of(x) - 0x3fe6a09e667f3bcdu + ((uint64_t)1024 << 52);
  uint64_t exponent = above >> 52; // plus 1024
  double m = with_bits(bits_of(x) - ((exponent - 1024) << 52));
  double n = with_bits(exponent + 0x4330000000000000u) - (0x1p52 + 1024);
  double t = (m - 1) / (m + 1), q = t * t;
  double p = 1.0 / 23;
  p = p * q + 1.0 / 21;
  p = p * q + 1.0 / 19;
  p = p * q + 1.0 / 17;
  p = p * q + 1.0 / 15;
  p = p * q + 1.0 / 13;
  p = p * q + 1.0 / 11;
  p = p * q + 1.0 / 9;
  p = p * q + 1.0 / 7;
  p = p * q + 1.0 / 5;
  p = p * q + 1.0 / 3;
  p = p * q + 1;
  return n * 0x1.62e42fefa39efp-1 + 2 * t * p;
}

// sigmoid(x), given exp(-|x|).
INLINE double sigmoid(double x, double small) { return (x < 0 ? small : 1.0) / (1 + small); }

VECTOR void jcs_logit_sums(const float *restrict x, const float *restrict target, float *restrict small, int64_t n,
                           jcs_mask_sums *sums) {
  jcs_mask_sums total = {0, 0, 0};
  double entropy[BLOCK], overlap[BLOCK], both[BLOCK];
  for (int64_t from = 0; from < n; from += BLOCK) {
    int64_t size = n - from < BLOCK ? n - from : BLOCK;
    for (int64_t i = 0; i < size; i++) {
      double v = (double)x[from + i], y = (double)target[from + i];
      double a = fabs(v);
      double s = exp_minus(a > 700 ? 700 : a);
      double p = sigmoid(v, s);
      small[from + i] = (float)s;
      entropy[i] = ((v < 0 ? 0.0 : v) - v * y) + log_of(1 + s);
      overlap[i] = p * y;
      both[i] = p + y;
    }
    total.entropy += sum_of(entropy, size);
    total.overlap += sum_of(overlap, size);
    total.both += sum_of(both, size);
  }
  *sums = total;
}

VECTOR void jcs_logit_slopes(const float *restrict x, const float *restrict target, float *restrict grad, int64_t n,
                             const jcs_mask_slope *s) {
  double entropy = s->entropy, overlap = s->overlap, dice = s->dice;
  for (int64_t i = 0; i < n; i++) {
    double y = (double)target[i];
    double p = sigmoid((double)x[i], (double)grad[i]);
    grad[i] = (float)(entropy * (p - y) - (2 * y - dice) * overlap * (p * (1 - p)));
  }
}

// log(x) of a number from 0 to 1, not below -100.
INLINE double clamped_log(double x) {
  double l = log_of(x < 0x1p-200 ? 0x1p-200 : x);
  return l < -100 ? -100 : l;
}

VECTOR void jcs_probability_sums(const float *restrict x, const float *restrict target, int64_t n,
                                 jcs_mask_sums *sums) {
  jcs_mask_sums total = {0, 0, 0};
  double entropy[BLOCK], overlap[BLOCK], both[BLOCK];
  for (int64_t from = 0; from < n; from += BLOCK) {
    int64_t size = n - from < BLOCK ? n - from : BLOCK;
    for (int64_t i = 0; i < size; i++) {
      double p = (double)x[from + i], y = (double)target[from + i];
      entropy[i] = -((1 - y) * clamped_log(1 - p)) - y * clamped_log(p);
      overlap[i] = p * y;
      both[i] = p + y;
    }
    total.entropy += sum_of(entropy, size);
    total.overlap += sum_of(overlap, size);
    total.both += sum_of(both, size);
  }
  *sums = total;
}

VECTOR void jcs_probability_slopes(const float *restrict x, const float *restrict target, float *restrict grad,
                                   int64_t n, const jcs_mask_slope *s) {
  double entropy = s->entropy, overlap = s->overlap, dice = s->dice;
  for (int64_t i = 0; i < n; i++) {
    double p = (double)x[i], y = (double)target[i];
    double spread = p * (1 - p);
    grad[i] = (float)(entropy * ((p - y) / (spread < 1e-12 ? 1e-12 : spread)) - (2 * y - dice) * overlap);
  }
}
