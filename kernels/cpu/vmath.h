/* Element functions in float that gcc and clang turn into vector code inside `#pragma omp simd` loops: no branches, no
 * tables, no calls. Polynomials are those of Cephes (Moshier). Error over all floats: exp and log 1 ulp, tanh 1.3,
 * sigmoid 2 down to x = -88, below which it is 0. NaN gives NaN; exp(-inf) = 0, exp(inf) = inf, log(0) = -inf,
 * log(x < 0) = NaN. */
#ifndef SK_CPU_VMATH_H
#define SK_CPU_VMATH_H

#include <math.h>
#include <stdint.h>
#include <string.h>

static inline float sk_from_bits(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

static inline uint32_t sk_bits(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

/* Nearest binary16, ties to even; 65504 for what is beyond. A normal number has its exponent moved by 112 and its
 * mantissa rounded at bit 13; for a subnormal one the adder rounds, because one unit of 0.5f is 2^-24. */
static inline uint16_t sk_half(float x) {
  uint32_t bits = sk_bits(x), sign = bits >> 16 & 0x8000u, size = bits & 0x7fffffffu;
  uint32_t normal = (size - 0x38000000u + 0xfffu + (size >> 13 & 1u)) >> 13;
  uint32_t subnormal = sk_bits(sk_from_bits(size) + 0.5f) - 0x3f000000u;
  uint32_t half = size < 0x38800000u ? subnormal : normal;
  half = size >= 0x477ff000u ? 0x7bffu : half;
  half = size > 0x7f800000u ? 0x7fffu : half; /* a NaN */
  return (uint16_t)(sign | half);
}

/* exp(x) = 2^n exp(r), n = round(x / ln 2), |r| <= ln 2 / 2. Adding 1.5 * 2^23 leaves n in the low bits of the sum, so
 * that no conversion of a NaN to an integer occurs. 2^n is made in two halves to reach denormals and infinity. */
static inline float sk_exp(float x) {
  const float magic = 12582912.0f;
  float c = x < -104.0f ? -104.0f : x;
  c = c > 89.0f ? 89.0f : c; /* NaN passes both */
  float shifted = c * 1.44269504088896341f + magic;
  float n = shifted - magic;
  float r = c - n * 0.693359375f;
  r = r - n * -2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = (p * r) * r + r + 1.0f;
  uint32_t e = sk_bits(shifted) - 0x4B400000u + 256u; /* n + 256, positive */
  uint32_t half = e >> 1;
  return p * sk_from_bits((half - 1u) << 23) * sk_from_bits((e - half - 1u) << 23);
}

/* log(x) = e ln 2 + log(m), m in [sqrt(1/2), sqrt(2)). */
static inline float sk_log(float x) {
  int tiny = x < 1.17549435e-38f;
  float scaled = tiny ? x * 8388608.0f : x;
  uint32_t bits = sk_bits(scaled);
  uint32_t shift = bits - 0x3F3504F3u; /* bits of sqrt(1/2) */
  int32_t e = (int32_t)shift >> 23;
  float m = sk_from_bits((shift & 0x007FFFFFu) + 0x3F3504F3u) - 1.0f;
  float z = m * m;
  float p = 7.0376836292e-2f;
  p = p * m - 1.1514610310e-1f;
  p = p * m + 1.1676998740e-1f;
  p = p * m - 1.2420140846e-1f;
  p = p * m + 1.4249322787e-1f;
  p = p * m - 1.6668057665e-1f;
  p = p * m + 2.0000714765e-1f;
  p = p * m - 2.4999993993e-1f;
  p = p * m + 3.3333331174e-1f;
  float n = (float)e - (tiny ? 23.0f : 0.0f);
  float y = p * m * z + n * -2.12194440e-4f - 0.5f * z;
  y = m + y + n * 0.693359375f;
  y = x == INFINITY ? INFINITY : y;
  y = x == 0.0f ? -INFINITY : y;
  return x >= 0.0f ? y : NAN;
}

/* The polynomial keeps small values exact; beyond 0.625, 1 - 2 / (exp(2|x|) + 1) loses nothing. */
static inline float sk_tanh(float x) {
  float a = fabsf(x), z = x * x;
  float p = -5.70498872745e-3f;
  p = p * z + 2.06390887954e-2f;
  p = p * z - 5.37397155531e-2f;
  p = p * z + 1.33314422036e-1f;
  p = p * z - 3.33332819422e-1f;
  float small = p * z * x + x;
  float large = copysignf(1.0f - 2.0f / (sk_exp(2.0f * a) + 1.0f), x);
  return a < 0.625f ? small : large; /* NaN: large, which is NaN */
}

static inline float sk_sigmoid(float x) {
  return 1.0f / (1.0f + sk_exp(-x));
}

/* sum x_i y_i */
static inline float sk_dot(const float *x, const float *y, int64_t n) {
  float sum = 0.0f;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < n; i++) sum += x[i] * y[i];
  return sum;
}

/* out_j = sum_i x_i rows[j * stride + i], j = 0 .. 3: four sums at once hide the latency of one. */
static inline void sk_dot4(const float *x, const float *rows, int64_t stride, int64_t n, float out[4]) {
  const float *r0 = rows, *r1 = rows + stride, *r2 = rows + 2 * stride, *r3 = rows + 3 * stride;
  float s0 = 0.0f, s1 = 0.0f, s2 = 0.0f, s3 = 0.0f;
#pragma omp simd reduction(+ : s0, s1, s2, s3)
  for (int64_t i = 0; i < n; i++) {
    s0 += x[i] * r0[i];
    s1 += x[i] * r1[i];
    s2 += x[i] * r2[i];
    s3 += x[i] * r3[i];
  }
  out[0] = s0, out[1] = s1, out[2] = s2, out[3] = s3;
}

/* max x_i, -INFINITY for none; a NaN is skipped. Lanes are written out because compilers do not vectorise a maximum
 * that must respect NaN. */
static inline float sk_max(const float *x, int64_t n) {
  float lane[16], m = -INFINITY;
  int64_t i = 0;
  for (int l = 0; l < 16; l++) lane[l] = -INFINITY;
  for (; i + 16 <= n; i += 16) {
#pragma omp simd
    for (int l = 0; l < 16; l++) lane[l] = x[i + l] > lane[l] ? x[i + l] : lane[l];
  }
  for (; i < n; i++) m = x[i] > m ? x[i] : m;
  for (int l = 0; l < 16; l++) m = lane[l] > m ? lane[l] : m;
  return m;
}

/* y += a x; x and y do not overlap */
static inline void sk_axpy(float a, const float *restrict x, float *restrict y, int64_t n) {
#pragma omp simd
  for (int64_t i = 0; i < n; i++) y[i] += a * x[i];
}

/* x_i = exp((x_i - max x) scale), scale > 0; returns max x, and in *sum the sum of the results. */
static inline float sk_exp_below_max(float *x, int64_t n, float scale, float *sum) {
  float top = sk_max(x, n), total = 0.0f;
#pragma omp simd reduction(+ : total)
  for (int64_t i = 0; i < n; i++) {
    float y = sk_exp((x[i] - top) * scale);
    x[i] = y;
    total += y;
  }
  *sum = total;
  return top;
}

#endif
