#include "solid/base/values.h"
#include <assert.h>
#include <string.h>

#define VALUE_LIMIT 0x5f000000u /* SOL_VALUE_LIMIT as bits: those of larger floats, infinities and NaN are above */

enum { HALF_SIZE = 2 };

static uint32_t bits_of(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

static float float_of(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

/* Nearest binary16, ties to even, saturating. Without branches, so that loops over it become vector code:
 * a normal number has its exponent moved by 112 and its mantissa rounded at bit 13; for a subnormal one the adder
 * rounds, because one unit of 0.5f is 2^-24, the unit of subnormal halves. */
static uint16_t half_of_float(float x) {
  uint32_t bits = bits_of(x), sign = bits >> 16 & 0x8000u, mag = bits & 0x7fffffffu;
  uint32_t normal = (mag - 0x38000000u + 0xfffu + (mag >> 13 & 1u)) >> 13;
  uint32_t subnormal = bits_of(float_of(mag) + 0.5f) - 0x3f000000u;
  uint32_t half = mag < 0x38800000u ? subnormal : normal;
  half = mag >= 0x477ff000u ? 0x7bffu : half;
  return (uint16_t)(sign | half);
}

/* Exact. Infinities and NaNs come out as numbers above 65504; half_is_finite tells them apart beforehand. */
static float float_of_half(uint16_t half) {
  uint32_t sign = (uint32_t)(half & 0x8000u) << 16, mag = (uint32_t)(half & 0x7fffu) << 13;
  float normal = float_of(mag + 0x38000000u), subnormal = float_of(mag + 0x38800000u) - 0x1p-14f;
  return float_of(sign | bits_of(mag < 0x00800000u ? subnormal : normal));
}

static int half_is_finite(uint16_t half) {
  return (half & 0x7c00u) != 0x7c00u;
}

static size_t smaller(size_t a, size_t b) {
  return a < b ? a : b;
}

int sol_values_finite(const float *values, size_t n) {
  uint32_t bad = 0;
  for (size_t i = 0; i < n; i++) bad |= (bits_of(values[i]) & 0x7fffffffu) >= VALUE_LIMIT;
  return !bad;
}

int sol_halves_finite(const uint16_t *values, size_t n) {
  uint32_t bad = 0;
  for (size_t i = 0; i < n; i++) bad |= !half_is_finite(values[i]);
  return !bad;
}

static void pack_f16(const float *values, size_t n, uint8_t *out) {
  for (size_t i = 0; i < n; i++) {
    uint16_t half = half_of_float(values[i]);
    memcpy(out + HALF_SIZE * i, &half, HALF_SIZE);
  }
}

static int unpack_f16(const uint8_t *in, size_t n, float *values) {
  uint32_t bad = 0;
  for (size_t i = 0; i < n; i++) {
    uint16_t half;
    memcpy(&half, in + HALF_SIZE * i, HALF_SIZE);
    bad |= !half_is_finite(half);
    values[i] = float_of_half(half);
  }
  return !bad;
}

/* One block: q = round(x / s), s = max |x| / 127 rounded to binary16. */
static void pack_i8_block(const float *values, size_t n, uint8_t *out) {
  float largest = 0.0f;
  for (size_t i = 0; i < n; i++) {
    float mag = float_of(bits_of(values[i]) & 0x7fffffffu);
    largest = mag > largest ? mag : largest;
  }
  uint16_t half = half_of_float(largest / 127.0f);
  float scale = float_of_half(half), inverse = half ? 1.0f / scale : 0.0f;
  memcpy(out, &half, HALF_SIZE);
  for (size_t i = 0; i < n; i++) {
    float q = values[i] * inverse;
    q = q > 127.0f ? 127.0f : q < -127.0f ? -127.0f : q;
    out[HALF_SIZE + i] = (uint8_t)(int8_t)(q + (q < 0.0f ? -0.5f : 0.5f));
  }
}

static int unpack_i8_block(const uint8_t *in, size_t n, float *values) {
  uint16_t half;
  memcpy(&half, in, HALF_SIZE);
  float scale = float_of_half(half);
  for (size_t i = 0; i < n; i++) values[i] = scale * (float)(int8_t)in[HALF_SIZE + i];
  return half_is_finite(half);
}

size_t sol_values_size(int element, size_t n) {
  if (element == SOL_VALUES_F16) return HALF_SIZE * n;
  if (element == SOL_VALUES_I8) return n + HALF_SIZE * ((n + SOL_I8_BLOCK - 1) / SOL_I8_BLOCK);
  return sizeof(float) * n;
}

void sol_values_pack(int element, const float *values, size_t n, uint8_t *out) {
  assert(sol_values_finite(values, n));
  if (n == 0) return;
  if (element == SOL_VALUES_F32) memcpy(out, values, sizeof(float) * n);
  if (element == SOL_VALUES_F16) pack_f16(values, n, out);
  if (element != SOL_VALUES_I8) return;
  for (size_t i = 0; i < n; i += SOL_I8_BLOCK, out += HALF_SIZE + SOL_I8_BLOCK)
    pack_i8_block(values + i, smaller(SOL_I8_BLOCK, n - i), out);
}

int sol_values_unpack(int element, const uint8_t *in, size_t n, float *values) {
  int finite = 1;
  if (n == 0) return finite;
  if (element == SOL_VALUES_F16) return unpack_f16(in, n, values);
  if (element == SOL_VALUES_F32) {
    memcpy(values, in, sizeof(float) * n);
    return sol_values_finite(values, n);
  }
  for (size_t i = 0; i < n; i += SOL_I8_BLOCK, in += HALF_SIZE + SOL_I8_BLOCK)
    finite &= unpack_i8_block(in, smaller(SOL_I8_BLOCK, n - i), values + i);
  return finite;
}
