#include "store/record/page.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { STAMP_AT = 12, STAMP_SIZE = 40 };

static uint64_t zigzag(uint64_t difference) {
  return difference << 1 ^ (0 - (difference >> 63));
}

static uint64_t unzigzag(uint64_t code) {
  return code >> 1 ^ (0 - (code & 1));
}

static uint8_t *put_number(uint8_t *to, uint64_t value) {
  for (; value >= 128; value >>= 7) *to++ = (uint8_t)(value | 128);
  *to++ = (uint8_t)value;
  return to;
}

/* NULL: cut off, or no number of 64 bits. */
static const uint8_t *get_number(const uint8_t *from, const uint8_t *end, uint64_t *value) {
  *value = 0;
  for (unsigned shift = 0; from && from < end && shift < 64; shift += 7) {
    uint64_t bits = *from & 127;
    if (shift == 63 && bits > 1) return NULL;
    *value |= bits << shift;
    if (*from++ < 128) return bits || !shift ? from : NULL; /* a number is written in one way only */
  }
  return NULL;
}

size_t sol_page_encode(uint64_t birth, uint64_t first, const solid_step *steps, size_t n,
                       uint8_t out[SOL_PAGE_SIZE_MAX]) {
  uint16_t count = (uint16_t)n;
  assert(n >= 1 && (first + n) % SOLID_PAGE_STEPS == 0 && n <= SOLID_PAGE_STEPS);
  memcpy(out, &birth, 8);
  memcpy(out + 8, &first, 8);
  memcpy(out + 16, &count, 2);
  for (size_t i = 0; i < n; i++) memcpy(out + SOL_PAGE_HEAD + 8 * i, &steps[i].item, 8);
  uint8_t *at = out + SOL_PAGE_HEAD + 8 * n;
  memcpy(at, &steps[0].time_ms, 8);
  at += 8;
  for (size_t i = 1; i < n; i++)
    at = put_number(at, zigzag((uint64_t)steps[i].time_ms - (uint64_t)steps[i - 1].time_ms));
  uint64_t sum = XXH3_64bits(out, (size_t)(at - out));
  memcpy(at, &sum, SOL_SUM_SIZE);
  return (size_t)(at - out) + SOL_SUM_SIZE;
}

size_t sol_page_decode(const uint8_t *data, size_t size, uint64_t birth, uint64_t number,
                       solid_step steps[SOLID_PAGE_STEPS], uint64_t *first) {
  uint64_t of, sum, begin, time;
  uint16_t n;
  if (size < SOL_PAGE_HEAD + 16 + SOL_SUM_SIZE) return 0;
  const uint8_t *end = data + size - SOL_SUM_SIZE;
  memcpy(&of, data, 8);
  memcpy(&begin, data + 8, 8);
  memcpy(&n, data + 16, 2);
  memcpy(&sum, end, SOL_SUM_SIZE);
  if (of != birth || n < 1 || n > SOLID_PAGE_STEPS || begin != SOLID_PAGE_STEPS * (number + 1) - n) return 0;
  if (size < SOL_PAGE_HEAD + 8 * (size_t)n + 8 + SOL_SUM_SIZE || sum != XXH3_64bits(data, size - SOL_SUM_SIZE))
    return 0;
  const uint8_t *at = data + SOL_PAGE_HEAD + 8 * (size_t)n;
  memcpy(&time, at, 8);
  at += 8;
  for (size_t i = 0; i < n && at; i++) {
    uint64_t code = 0;
    if (i) at = get_number(at, end, &code);
    time += unzigzag(code);
    memcpy(&steps[i].item, data + SOL_PAGE_HEAD + 8 * i, 8);
    steps[i].time_ms = (int64_t)time;
  }
  *first = begin;
  return at == end ? n : 0;
}

void sol_state_head_encode(const solid_state_stamp *stamp, uint32_t n_parts, uint8_t out[SOL_STATE_HEAD]) {
  const uint64_t words[] = {stamp->birth, stamp->seq, stamp->generation, stamp->selector, stamp->events};
  const uint32_t rest = ~n_parts;
  memcpy(out, "ST\1", 4);
  memcpy(out + 4, &n_parts, 4);
  memcpy(out + 8, &rest, 4);
  memcpy(out + STAMP_AT, words, STAMP_SIZE);
  uint64_t sum = XXH3_64bits(words, STAMP_SIZE);
  memcpy(out + STAMP_AT + STAMP_SIZE, &sum, SOL_SUM_SIZE);
}

int sol_state_head_decode(const uint8_t *data, size_t size, solid_state_stamp *stamp, uint32_t *n_parts) {
  uint64_t words[5], sum;
  uint32_t n, rest;
  if (size != SOL_STATE_HEAD || memcmp(data, "ST\1", 4) != 0) return 0;
  memcpy(&n, data + 4, 4);
  memcpy(&rest, data + 8, 4);
  memcpy(words, data + STAMP_AT, STAMP_SIZE);
  memcpy(&sum, data + STAMP_AT + STAMP_SIZE, SOL_SUM_SIZE);
  if (n != ~rest || n < 1 || n > SOLID_STATE_PARTS || sum != XXH3_64bits(words, STAMP_SIZE)) return 0;
  *stamp = (solid_state_stamp){words[0], words[1], words[2], words[3], words[4]};
  *n_parts = n;
  return 1;
}

/* Not of seq and events: a part outlives them. */
uint64_t sol_state_sum(const solid_state_stamp *stamp, uint32_t number, const void *data, size_t size) {
  const uint64_t of[] = {stamp->birth, stamp->generation, stamp->selector, number};
  return XXH3_64bits_withSeed(data, size, XXH3_64bits(of, sizeof of));
}

static int compare(const void *left, const void *right) {
  uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
  return (a > b) - (a < b);
}

/* To the end in any case: without a branch an item takes a cycle. */
int sol_seen_is_sound(const void *data, size_t size) {
  int is_off = size % 8 != 0;
  for (size_t at = 0; at + 16 <= size; at += 8) {
    uint64_t pair[2];
    memcpy(pair, (const char *)data + at, sizeof pair);
    is_off |= pair[1] <= pair[0];
  }
  return !is_off;
}

size_t sol_seen_sort(uint64_t *items, size_t n) {
  size_t kept = 0;
  qsort(items, n, sizeof *items, compare);
  for (size_t i = 0; i < n; i++)
    if (!kept || items[kept - 1] != items[i]) items[kept++] = items[i];
  return kept;
}
