/* rotate: x_r <- x_r turned by its position, in place (rotary positions; Su et al. 2021). For row r of n and every
 * head, the pair c of the head's numbers, places 2c and 2c + 1, is turned by the angle direction * positions_r *
 * SK_ROTATE_BASE^(-2c / dh) so that a query turned by its position times a key turned by its own depends on their
 * difference alone. An odd last place stays. turned, where it is not 0: only so many numbers of a head are, the first
 * ones, with turned in dh's place in the angle; the others know no position and match over any distance. direction -1
 * turns back: the backward pass of direction 1, and the same as positions of the other sign.
 *
 *   row r of head h starts at x + r * stride + h * dh; positions (n) int32
 *
 * Angles come from integers in double, in turns: a position up to 2^31 loses nothing. Sine and cosine are in float,
 * within 2e-7. The same bits for the same position, whatever stands beside it. */
#ifndef SK_ROTATE_H
#define SK_ROTATE_H

#include "kernels/scratch.h"
#include <stdint.h>

#ifdef __CUDACC__
#define SK_ROTATE_FN static __host__ __device__ inline
#else
#define SK_ROTATE_FN static inline
#endif

#define SK_ROTATE_BASE 10000.0

typedef struct sk_rotate_args {
  int32_t n, heads, dh, turned; /* turned <= dh */
  const int32_t *positions;
  int32_t direction;
  float *x;
  int32_t stride;
} sk_rotate_args;

SK_NO_SCRATCH(rotate)

/* Numbers of a head that are turned. */
SK_ROTATE_FN int32_t sk_rotate_width(const sk_rotate_args *a) {
  return a->turned > 0 ? a->turned : a->dh;
}

/* Sine and cosine of `turn` turns, |turn| <= 1/2: with a quarter turn taken off, the Taylor series up to 2^-1 pi ends
 * below half a unit of float. */
SK_ROTATE_FN void sk_rotate_angle(float turn, float *sine, float *cosine) {
  float quarter = turn < 0.0f ? (turn < -0.375f   ? -2.0f
                                 : turn < -0.125f ? -1.0f
                                                  : 0.0f)
                              : (turn > 0.375f   ? 2.0f
                                 : turn > 0.125f ? 1.0f
                                                 : 0.0f);
  float a = (turn - 0.25f * quarter) * 6.2831853071795865f, z = a * a; /* |a| <= pi / 4 */
  float s = a + a * z * (-1.6666666667e-1f + z * (8.3333333333e-3f + z * (-1.9841269841e-4f + z * 2.7557319224e-6f)));
  float c = 1.0f + z * (-0.5f + z * (4.1666666667e-2f + z * (-1.3888888889e-3f + z * 2.4801587302e-5f)));
  float turned_s = quarter == 1.0f ? c : quarter == -1.0f ? -c : quarter == 0.0f ? s : -s;
  float turned_c = quarter == 1.0f ? -s : quarter == -1.0f ? s : quarter == 0.0f ? c : -c;
  *sine = turned_s;
  *cosine = turned_c;
}

#endif
