/* Records from outside: whatever the bytes, decoding reads nothing behind them, answers with finite numbers or
 * with none, and what it accepts is what encoding would write. */
#include "store/record/head.h"
#include "store/record/page.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { WIDTH = 3, PARAMS = 37, GENERATION = 7 };

/* The first bytes are the head of the params, the others their body. */
static void check(const uint8_t *data, size_t size) {
  float h[WIDTH], values[PARAMS];
  solid_params params = {.h = h, .values = values, .seq = 1, .generation = 2, .width = WIDTH, .count = PARAMS};
  const uint8_t *body = data + SOL_PARAMS_HEAD;
  sol_record_verdict verdict = sol_params_decode(data, body, size - SOL_PARAMS_HEAD, GENERATION, &params);
  if (verdict != SOL_RECORD_OK) {
    if (params.seq != 1 || params.generation != 2) abort();
    return;
  }
  if (params.generation != GENERATION || !sol_values_finite(h, WIDTH) || !sol_values_finite(values, PARAMS)) abort();
  solid_element element = (solid_element)data[32];
  if (params.element != data[32]) abort();
  uint8_t again[sizeof(float) * (WIDTH + PARAMS) + SOL_PARAMS_HEAD];
  if (sol_body_size(element, WIDTH, PARAMS) != size - SOL_PARAMS_HEAD) abort();
  sol_params_encode(&params, again, again + SOL_PARAMS_HEAD);
  /* an i8 block may be written in more than one way (its scale need not be its largest value's) */
  if (element != SOLID_I8 && memcmp(again, data, size)) abort();
}

static void check_head(const uint8_t *data, size_t size) {
  sol_head head;
  uint8_t again[SOL_HEAD_MAX];
  if (!sol_head_decode(data, size, &head)) return;
  if (sol_head_encode(&head, again) != size) abort();
  /* that version is read, and never written */
  if (data[2] == SOL_HEAD_OLD_HISTORY && again[2] == SOL_HEAD_WITH_HISTORY) again[2] = data[2];
  if (memcmp(again, data, size)) abort();
}

/* A page whose birth and number are its own, and whose checksum is made to fit. */
static void check_page(const uint8_t *data, size_t size) {
  solid_step steps[SOLID_PAGE_STEPS];
  uint8_t copy[SOL_PAGE_SIZE_MAX], again[SOL_PAGE_SIZE_MAX];
  uint64_t birth, from, first, sum;
  if (size < SOL_PAGE_HEAD + SOL_SUM_SIZE || size > sizeof copy) return;
  memcpy(copy, data, size);
  sum = XXH3_64bits(copy, size - SOL_SUM_SIZE);
  memcpy(copy + size - SOL_SUM_SIZE, &sum, SOL_SUM_SIZE);
  memcpy(&birth, copy, 8);
  memcpy(&from, copy + 8, 8);
  size_t n = sol_page_decode(copy, size, birth, from / SOLID_PAGE_STEPS, steps, &first);
  if (n && (sol_page_encode(birth, first, steps, n, again) != size || memcmp(again, copy, size) != 0)) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  solid_state_stamp stamp;
  uint32_t n_parts;
  check_head(data, size);
  check_page(data, size);
  if (sol_state_head_decode(data, size, &stamp, &n_parts) && (!n_parts || size != SOL_STATE_HEAD)) abort();
  if (size < SOL_PARAMS_HEAD) return 0;
  check(data, size);
  /* the same with a checksum that fits, so that what lies behind the checksum is reached */
  uint8_t *copy = malloc(size);
  if (!copy) return 0;
  memcpy(copy, data, size);
  sol_params_seal(copy, copy + SOL_PARAMS_HEAD, size - SOL_PARAMS_HEAD);
  check(copy, size);
  free(copy);
  return 0;
}
