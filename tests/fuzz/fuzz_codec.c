/* Params records from outside: whatever the bytes, decoding reads nothing behind them, answers with finite numbers or
 * with none, and what it accepts is what encoding would write. */
#include "store/record/codec.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { WIDTH = 3, PARAMS = 37, GENERATION = 7 };

static void check(const uint8_t *data, size_t size) {
  float h[WIDTH], values[PARAMS];
  solid_params params = {.h = h, .values = values, .seq = 1, .generation = 2, .width = WIDTH, .count = PARAMS};
  sol_record_verdict verdict = sol_record_decode(data, size, GENERATION, &params);
  if (verdict != SOL_RECORD_OK) {
    if (params.seq != 1 || params.generation != 2) abort();
    return;
  }
  if (params.generation != GENERATION || !sol_values_finite(h, WIDTH) || !sol_values_finite(values, PARAMS)) abort();
  solid_element element = (solid_element)data[5];
  if (params.element != data[5]) abort();
  uint8_t again[sizeof(float) * (WIDTH + PARAMS) + SOL_RECORD_HEADER + SOL_RECORD_TAIL];
  if (sol_record_size(element, WIDTH, PARAMS) != size) abort();
  sol_record_encode(&params, again);
  /* an i8 block may be written in more than one way (its scale need not be its largest value's) */
  if (element != SOLID_I8 && memcmp(again, data, size)) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  check(data, size);
  if (size < SOL_RECORD_TAIL) return 0;
  /* the same with a checksum that fits, so that what lies behind the checksum is reached */
  uint8_t *copy = malloc(size);
  if (!copy) return 0;
  memcpy(copy, data, size);
  uint32_t crc = (uint32_t)crc32_z(0, copy, size - SOL_RECORD_TAIL);
  memcpy(copy + size - SOL_RECORD_TAIL, &crc, SOL_RECORD_TAIL);
  check(copy, size);
  free(copy);
  return 0;
}
