// Loops over float32 that a training step spends time in beside oneDNN's
// primitives. Each has a twin in Go, kernel.go, with the same operations in the
// same order: both give the same bits.
#ifndef JCS_KERNEL_H
#define JCS_KERNEL_H

#include <stdint.h>

double jcs_square_sum(const float *x, int64_t n);
void jcs_scale(float *x, int64_t n, float factor);

typedef struct {
  double size, over_spread, eps, beta1, beta2, shrink, added;
} jcs_adam;

void jcs_adam_move(float *value, const float *grad, float *mean, float *square, int64_t n, const jcs_adam *a);
void jcs_move_towards(float *average, const float *value, int64_t n, double share);

typedef struct {
  double entropy, overlap, both;
} jcs_mask_sums;

// small is exp(-|x|), for jcs_logit_slopes.
void jcs_logit_sums(const float *x, const float *target, float *small, int64_t n, jcs_mask_sums *sums);
void jcs_probability_sums(const float *p, const float *target, int64_t n, jcs_mask_sums *sums);

// A slope is entropy times that of the cross entropy, less (2 target - dice)
// times overlap times that of the probability.
typedef struct {
  double entropy, overlap, dice;
} jcs_mask_slope;

// grad holds small, and then the slope.
void jcs_logit_slopes(const float *x, const float *target, float *grad, int64_t n, const jcs_mask_slope *s);
void jcs_probability_slopes(const float *p, const float *target, float *grad, int64_t n, const jcs_mask_slope *s);

#endif
