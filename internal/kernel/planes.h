// Loops over the planes of tensors, spread over the threads of OpenMP that the
// calling thread has. Results do not depend on how many these are.
#ifndef JCS_PLANES_H
#define JCS_PLANES_H

#include <stdint.h>

// A tensor in memory: rows of pixels of 1, 8 or 16 lanes. In row-major order a
// row is a plane, of one lane; with channels in blocks a row is a block's planes
// and a lane a channel. What each channel has one of lies in groups of lanes, of
// which row r has group r % groups.
typedef struct {
  int64_t rows, pixels, lanes, groups;
} jcs_planes;

// values times factors, which each row has of its own, or either alone where
// the other is NULL, times scale.
typedef struct {
  const float *values, *factors;
  float scale;
} jcs_term;

// The sum of terms where gate, unless NULL, lies between 0 and top, and else 0.
// out may be the values of a term.
void jcs_combine(float *out, const jcs_planes *shape, const jcs_term *terms, int count, const float *gate, float top);

// parts, where a function has it, is room for two sums of each lane and piece of
// a row, as many as jcs_parts says.
int64_t jcs_parts(const jcs_planes *shape);

// For each row the sums over its pixels of x, or of x times y unless NULL, times scale.
void jcs_row_sums(float *sums, const jcs_planes *shape, const float *x, const float *y, float scale, double *parts);

// Of each channel: the mean and the biased variance over all rows of its group.
void jcs_channel_statistics(float *mean, float *variance, const jcs_planes *shape, const float *x, double *parts);

// (x - mean) * factor + shift, each of a channel, no less than low and no more
// than top.
typedef struct {
  const float *mean, *factor, *shift;
  float low, top;
} jcs_norm;

void jcs_norm_forward(float *y, const jcs_planes *shape, const float *x, const jcs_norm *norm);

// The sums over each channel of g, and of g times (x - mean), where g is dy
// where the norm of x lies between low and top, and else 0.
void jcs_norm_sums(float *sum, float *product, const jcs_planes *shape, const float *x, const float *dy,
                   const jcs_norm *norm, double *parts);

// dx = factor * g - offset - slope * (x - mean). dx may be dy.
void jcs_norm_slopes(float *dx, const jcs_planes *shape, const float *x, const float *dy, const jcs_norm *norm,
                     const float *offset, const float *slope);

// One axis of a bilinear resize, seen from the source: place i gives to the
// places first[i] and on of the result, as many as weights start[i] to
// start[i + 1].
typedef struct {
  int64_t from, to;
  const int32_t *first, *start;
  const float *weights;
} jcs_axis;

// The gradient by the source. spare is room for a line of the result for each
// of the threads.
void jcs_resize_back(float *dx, const float *dy, int64_t rows, int64_t lanes, const jcs_axis *lines,
                     const jcs_axis *columns, float *spare, int threads);

#endif
