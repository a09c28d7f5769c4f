#include "store/record/codec.h"
#include <assert.h>
#include <string.h>
#include <zlib.h>

/* Multi-byte fields are copied as they lie in memory: a port to a big-endian machine starts here. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the codec copies little-endian fields");
_Static_assert(sizeof(solid_step) == SOL_STEP_SIZE, "a step in memory is a step on the wire");
_Static_assert(sizeof(solid_position) == SOL_POSITION_SIZE, "so is a position");

#define VALUE_LIMIT 0x5f000000u /* SOL_VALUE_LIMIT as bits: those of larger floats, infinities and NaN are above */

enum { HALF_SIZE = 2, CHECKED = SOL_PARAMS_HEAD - 4 /* bytes of the head that its checksum is about */ };

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

size_t sol_values_size(solid_element element, size_t n) {
  switch (element) {
  case SOLID_F16:
    return HALF_SIZE * n;
  case SOLID_I8:
    return n + HALF_SIZE * ((n + SOL_I8_BLOCK - 1) / SOL_I8_BLOCK);
  case SOLID_F32:
    break;
  }
  return sizeof(float) * n;
}

void sol_values_pack(solid_element element, const float *values, size_t n, uint8_t *out) {
  assert(sol_values_finite(values, n));
  if (n == 0) return;
  if (element == SOLID_F32) memcpy(out, values, sizeof(float) * n);
  if (element == SOLID_F16) pack_f16(values, n, out);
  if (element != SOLID_I8) return;
  for (size_t i = 0; i < n; i += SOL_I8_BLOCK, out += HALF_SIZE + SOL_I8_BLOCK)
    pack_i8_block(values + i, smaller(SOL_I8_BLOCK, n - i), out);
}

void sol_params_pack(const solid_params *params, uint8_t *out) {
  assert(!params->halves || params->element == SOLID_F16);
  if (!params->halves)
    sol_values_pack((solid_element)params->element, params->values, params->count, out);
  else if (params->count)
    memcpy(out, params->halves, HALF_SIZE * (size_t)params->count);
}

int sol_values_unpack(solid_element element, const uint8_t *in, size_t n, float *values) {
  int finite = 1;
  if (n == 0) return finite;
  if (element == SOLID_F16) return unpack_f16(in, n, values);
  if (element == SOLID_F32) {
    memcpy(values, in, sizeof(float) * n);
    return sol_values_finite(values, n);
  }
  for (size_t i = 0; i < n; i += SOL_I8_BLOCK, in += HALF_SIZE + SOL_I8_BLOCK)
    finite &= unpack_i8_block(in, smaller(SOL_I8_BLOCK, n - i), values + i);
  return finite;
}

size_t sol_body_size(solid_element element, uint32_t width, uint32_t params) {
  return sizeof(float) * width + sol_values_size(element, params);
}

static uint32_t crc_of(const uint8_t *head, const uint8_t *body, size_t size) {
  return (uint32_t)crc32_z(crc32_z(0, head, CHECKED), body, size);
}

void sol_params_seal(uint8_t *head, const uint8_t *body, size_t size) {
  uint32_t crc = crc_of(head, body, size);
  memcpy(head + CHECKED, &crc, sizeof crc);
}

void sol_params_encode(const solid_params *params, uint8_t *head, uint8_t *body) {
  uint32_t kind = params->element | params->items << 8;
  memcpy(head, &params->seq, 8);
  memcpy(head + 8, &params->made_ms, 8);
  memcpy(head + 16, &params->generation, 8);
  memcpy(head + 24, &params->width, 4);
  memcpy(head + 28, &params->count, 4);
  memcpy(head + 32, &kind, 4);
  sol_values_pack(SOLID_F32, params->h, params->width, body);
  sol_params_pack(params, body + sizeof(float) * params->width);
  sol_params_seal(head, body, sol_body_size((solid_element)params->element, params->width, params->count));
}

sol_record_verdict sol_params_decode(const uint8_t *head, const uint8_t *body, size_t size, uint64_t generation,
                                     solid_params *params) {
  uint32_t crc, d, p;
  uint64_t seq, made_by;
  int64_t made_ms;
  memcpy(&crc, head + CHECKED, sizeof crc);
  if (crc != crc_of(head, body, size) || head[32] > SOLID_I8) return SOL_RECORD_DAMAGED;
  solid_element element = (solid_element)head[32];
  memcpy(&seq, head, 8);
  memcpy(&made_ms, head + 8, 8);
  memcpy(&made_by, head + 16, 8);
  memcpy(&d, head + 24, 4);
  memcpy(&p, head + 28, 4);
  if (size != sol_body_size(element, d, p)) return SOL_RECORD_DAMAGED;
  if (made_by != generation || d != params->width || p != params->count) return SOL_RECORD_STALE;
  if (!sol_values_unpack(SOLID_F32, body, d, params->h) ||
      !sol_values_unpack(element, body + sizeof(float) * d, p, params->values))
    return SOL_RECORD_DAMAGED;
  params->seq = seq;
  params->made_ms = made_ms;
  params->generation = made_by;
  params->element = element;
  params->items = (uint32_t)head[33] | (uint32_t)head[34] << 8 | (uint32_t)head[35] << 16;
  return SOL_RECORD_OK;
}

void sol_steps_encode(const solid_step *steps, size_t n, uint8_t *out) {
  if (n) memcpy(out, steps, SOL_STEP_SIZE * n);
}

void sol_steps_decode(const uint8_t *in, size_t n, solid_step *steps) {
  if (n) memcpy(steps, in, SOL_STEP_SIZE * n);
}
