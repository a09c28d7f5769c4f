#include "store/record/codec.h"
#include <assert.h>
#include <string.h>
#include <zlib.h>

/* Multi-byte fields are copied as they lie in memory: a port to a big-endian machine starts here. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the codec copies little-endian fields");
_Static_assert(sizeof(solid_step) == SOL_STEP_SIZE, "a step in memory is a step on the wire");
_Static_assert(sizeof(solid_position) == SOL_POSITION_SIZE, "so is a position");

enum { CHECKED = SOL_PARAMS_HEAD - 4 /* bytes of the head that its checksum is about */ };

void sol_params_pack(const solid_params *params, uint8_t *out) {
  assert(!params->halves || params->element == SOLID_F16);
  if (!params->halves)
    sol_values_pack((solid_element)params->element, params->values, params->count, out);
  else if (params->count)
    memcpy(out, params->halves, sizeof(uint16_t) * (size_t)params->count);
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
  const uint8_t kind[4] = {(uint8_t)params->element, 0, 0, 0};
  memcpy(head, &params->seq, 8);
  memcpy(head + 8, &params->made_ms, 8);
  memcpy(head + 16, &params->generation, 8);
  memcpy(head + 24, &params->width, 4);
  memcpy(head + 28, &params->count, 4);
  memcpy(head + 32, kind, 4);
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
  if (crc != crc_of(head, body, size) || head[32] > SOLID_I8 || head[33] || head[34] || head[35])
    return SOL_RECORD_DAMAGED;
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
  return SOL_RECORD_OK;
}

void sol_steps_encode(const solid_step *steps, size_t n, uint8_t *out) {
  if (n) memcpy(out, steps, SOL_STEP_SIZE * n);
}

void sol_steps_decode(const uint8_t *in, size_t n, solid_step *steps) {
  if (n) memcpy(steps, in, SOL_STEP_SIZE * n);
}
