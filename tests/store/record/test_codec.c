#include "store/record/head.h"
#include "store/record/page.h"
#include "tests/support/seed.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 6, PARAMS = 70 };

typedef struct record {
  float h[WIDTH], values[PARAMS];
  solid_params params;
} record;

static void fill(record *r, float scale) {
  seed_rng rng = seed_start(21);
  seed_fill_normal(&rng, r->h, WIDTH, 1.0f);
  seed_fill_normal(&rng, r->values, PARAMS, scale);
  r->params = (solid_params){.h = r->h,
                             .values = r->values,
                             .seq = 0x1122334455667788ULL,
                             .generation = 0x99aabbccddeeff00ULL,
                             .width = WIDTH,
                             .count = PARAMS};
}

/* binary16 to double by its definition. */
static double half_value(uint16_t half) {
  int exponent = half >> 10 & 31, mantissa = half & 1023;
  double mag = exponent ? ldexp(1024 + mantissa, exponent - 25) : ldexp(mantissa, -24);
  return half & 0x8000 ? -mag : mag;
}

Test(codec, every_half_is_read_exactly) {
  for (uint32_t bits = 0; bits < 65536; bits++) {
    uint16_t half = (uint16_t)bits, back;
    uint8_t bytes[2] = {(uint8_t)bits, (uint8_t)(bits >> 8)};
    float value;
    int finite = sol_values_unpack(SOLID_F16, bytes, 1, &value);
    cr_assert_eq(finite, (half >> 10 & 31) != 31, "half %04x", bits);
    if (!finite) continue;
    cr_assert_eq((double)value, half_value(half), "half %04x", bits);
    sol_values_pack(SOLID_F16, &value, 1, bytes);
    memcpy(&back, bytes, 2);
    cr_assert_eq(back, half, "half %04x came back as %04x", bits, back);
  }
}

/* The half written is the nearest of the two around the value, the even one of a tie. */
Test(codec, halves_are_rounded_to_nearest_even) {
  seed_rng rng = seed_start(1);
  for (int i = 0; i < 300000; i++) {
    uint16_t below = (uint16_t)seed_below(&rng, 0x7bff);
    double low = half_value(below), high = half_value((uint16_t)(below + 1));
    int kind = seed_below(&rng, 4);
    float value = (float)(kind == 0 ? (low + high) / 2 : low + (high - low) * seed_uniform(&rng));
    uint16_t expected =
                 (uint16_t)(value - low < high - value || (value - low == high - value && below % 2 == 0) ? below
                                                                                                          : below + 1),
             half;
    uint8_t bytes[2];
    sol_values_pack(SOLID_F16, &value, 1, bytes);
    memcpy(&half, bytes, 2);
    cr_assert_eq(half, expected, "%a is %04x, %04x expected", (double)value, half, expected);
  }
  const float large[] = {65504.0f, 65519.0f, 65520.0f, 1e18f, -1e18f};
  const float kept[] = {65504.0f, 65504.0f, 65504.0f, 65504.0f, -65504.0f};
  for (int i = 0; i < 5; i++) {
    uint8_t bytes[2];
    float value;
    sol_values_pack(SOLID_F16, &large[i], 1, bytes);
    cr_assert(sol_values_unpack(SOLID_F16, bytes, 1, &value) && value == kept[i]);
  }
}

Test(codec, i8_error_is_within_half_a_step) {
  const float scales[] = {1e-7f, 1e-4f, 0.3f, 1.0f, 1e4f};
  for (size_t n = 1; n < 100; n += 7)
    for (int s = 0; s < 5; s++) {
      float values[100], back[100];
      uint8_t bytes[120];
      seed_rng rng = seed_start(n);
      seed_fill_normal(&rng, values, n, scales[s]);
      sol_values_pack(SOLID_I8, values, n, bytes);
      cr_assert(sol_values_unpack(SOLID_I8, bytes, n, back));
      for (size_t from = 0; from < n; from += SOL_I8_BLOCK) {
        double largest = 0, bound;
        size_t to = from + SOL_I8_BLOCK < n ? from + SOL_I8_BLOCK : n;
        for (size_t i = from; i < to; i++) largest = fmax(largest, fabs((double)values[i]));
        /* half a step, the rounding of the scale, and its absolute rounding where it is a subnormal half */
        bound = largest * (0.5 / 127 + 0x1p-11) + 128 * 0x1p-25;
        for (size_t i = from; i < to; i++)
          cr_assert(fabs((double)values[i] - (double)back[i]) <= bound, "%g became %g", (double)values[i],
                    (double)back[i]);
      }
    }
}

Test(codec, zeros_stay_zeros) {
  float values[PARAMS] = {0}, back[PARAMS];
  uint8_t bytes[4 * PARAMS];
  for (int element = SOLID_F32; element <= SOLID_I8; element++) {
    memset(back, 1, sizeof back);
    sol_values_pack((solid_element)element, values, PARAMS, bytes);
    cr_assert(sol_values_unpack((solid_element)element, bytes, PARAMS, back));
    for (int i = 0; i < PARAMS; i++) cr_assert_eq(back[i], 0.0f);
  }
}

Test(codec, params_are_laid_out_as_documented) {
  const uint8_t expected[] = {0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 0xfe, 0xff, 0xff, 0xff,
                              0xff, 0xff, 0xff, 0xff, 0x00, 0xff, 0xee, 0xdd, 0xcc, 0xbb, 0xaa, 0x99,
                              1,    0,    0,    0,    3,    0,    0,    0,    1,    0,    0,    0};
  const uint8_t body[] = {0, 0, 0x80, 0x3f, 0, 0x38, 0, 0xc0, 0, 0};
  float h[] = {1.0f}, values[] = {0.5f, -2.0f, 0.0f};
  solid_params params = {.h = h,
                         .values = values,
                         .seq = 0x1122334455667788ULL,
                         .made_ms = -2,
                         .generation = 0x99aabbccddeeff00ULL,
                         .width = 1,
                         .count = 3,
                         .element = SOLID_F16};
  uint8_t bytes[64];
  cr_assert_eq(SOL_PARAMS_HEAD, sizeof expected + 4);
  cr_assert_eq(sol_body_size(SOLID_F16, 1, 3), sizeof body);
  cr_assert_eq(sol_body_size(SOLID_F32, 1, 3), 4 + 12);
  cr_assert_eq(sol_body_size(SOLID_I8, 1, 33), 4 + 33 + 4);
  sol_params_encode(&params, bytes, bytes + SOL_PARAMS_HEAD);
  cr_assert_arr_eq(bytes, expected, sizeof expected);
  cr_assert_arr_eq(bytes + SOL_PARAMS_HEAD, body, sizeof body);
}

static size_t encode(const solid_params *params, uint8_t *bytes) {
  sol_params_encode(params, bytes, bytes + SOL_PARAMS_HEAD);
  return SOL_PARAMS_HEAD + sol_body_size((solid_element)params->element, params->width, params->count);
}

static sol_record_verdict decode(const uint8_t *bytes, size_t size, uint64_t generation, solid_params *params) {
  return sol_params_decode(bytes, bytes + SOL_PARAMS_HEAD, size - SOL_PARAMS_HEAD, generation, params);
}

static void expect_same(const record *made, solid_element element, const uint8_t *bytes, size_t size) {
  record got;
  got.params = (solid_params){.h = got.h, .values = got.values, .width = WIDTH, .count = PARAMS};
  cr_assert_eq(decode(bytes, size, made->params.generation, &got.params), SOL_RECORD_OK);
  cr_assert_eq(got.params.seq, made->params.seq);
  cr_assert_eq(got.params.generation, made->params.generation);
  cr_assert_arr_eq(got.h, made->h, sizeof made->h);
  for (int i = 0; i < PARAMS; i++)
    cr_assert_float_eq(got.values[i], made->values[i], element == SOLID_F32 ? 0 : element == SOLID_F16 ? 1e-3 : 2e-2);
}

/* Every single flipped bit, every cut and every added byte is noticed. */
Test(codec, damage_is_noticed) {
  for (int element = SOLID_F32; element <= SOLID_I8; element++) {
    record made, got;
    uint8_t bytes[512] = {0};
    fill(&made, 0.5f);
    got.params =
        (solid_params){.h = got.h, .values = got.values, .seq = 3, .generation = 4, .width = WIDTH, .count = PARAMS};
    made.params.element = (uint32_t)element;
    size_t size = encode(&made.params, bytes);
    expect_same(&made, (solid_element)element, bytes, size);
    for (size_t bit = 0; bit < 8 * size; bit++) {
      bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
      cr_assert_eq(decode(bytes, size, made.params.generation, &got.params), SOL_RECORD_DAMAGED, "bit %zu", bit);
      bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (size_t cut = SOL_PARAMS_HEAD; cut <= size + 8; cut++) {
      uint8_t *exact = malloc(cut + 1); /* so that a sanitizer sees a read behind the end */
      memcpy(exact, bytes, cut);
      if (cut != size)
        cr_assert_eq(decode(exact, cut, made.params.generation, &got.params), SOL_RECORD_DAMAGED, "cut to %zu", cut);
      free(exact);
    }
    cr_assert(got.params.seq == 3 && got.params.generation == 4, "untouched");
  }
}

Test(codec, others_are_stale) {
  record made, got;
  uint8_t bytes[512];
  fill(&made, 0.5f);
  uint64_t generation = made.params.generation;
  got.params =
      (solid_params){.h = got.h, .values = got.values, .seq = 3, .generation = 4, .width = WIDTH, .count = PARAMS};
  made.params.element = SOLID_F16;
  size_t size = encode(&made.params, bytes);
  cr_assert_eq(decode(bytes, size, generation + 1, &got.params), SOL_RECORD_STALE);
  got.params.width--;
  cr_assert_eq(decode(bytes, size, generation, &got.params), SOL_RECORD_STALE);
  got.params.width++, got.params.count--;
  cr_assert_eq(decode(bytes, size, generation, &got.params), SOL_RECORD_STALE);
  cr_assert(got.params.seq == 3 && got.params.generation == 4, "untouched");
}

Test(codec, steps_round_trip) {
  const solid_step steps[2] = {{0x0102030405060708ULL, -2}, {UINT64_MAX, INT64_MAX}};
  const uint8_t expected[16] = {8, 7, 6, 5, 4, 3, 2, 1, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
  uint8_t bytes[32];
  solid_step back[2];
  sol_steps_encode(steps, 2, bytes);
  cr_assert_arr_eq(bytes, expected, sizeof expected);
  sol_steps_decode(bytes, 2, back);
  for (int i = 0; i < 2; i++) cr_assert(back[i].item == steps[i].item && back[i].time_ms == steps[i].time_ms);
}

static sol_head head_of(size_t marks) {
  sol_head head = {.seq = 0x1205060708ULL, .has_params = 1, .has_dislikes = 1, .n_marks = marks};
  memset(head.epoch.bytes, 0xe0, sizeof head.epoch.bytes);
  memset(head.params, 0xaa, sizeof head.params);
  for (size_t i = 0; i < marks; i++) head.marks[i] = (solid_position){i + 1, UINT64_MAX - i};
  return head;
}

Test(codec, head_is_laid_out_as_documented) {
  uint8_t bytes[SOL_HEAD_MAX];
  sol_head head = head_of(2), back;
  const uint8_t mark[16] = {2, 0, 0, 0, 0, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
  cr_assert_eq(sol_head_encode(&head, bytes), 100);
  cr_assert(bytes[0] == 'S' && bytes[1] == 'U' && bytes[2] == 1 && bytes[3] == 130);
  cr_assert(bytes[4] == 0xe0 && bytes[19] == 0xe0 && bytes[20] == 8 && bytes[24] == 0x12 && bytes[25] == 0);
  cr_assert(bytes[28] == 0xaa && bytes[67] == 0xaa);
  cr_assert_arr_eq(bytes + 84, mark, sizeof mark);
  cr_assert(sol_head_decode(bytes, 100, &back));
  cr_assert(back.seq == head.seq && back.n_marks == 2 && back.has_params && back.has_dislikes);
  cr_assert_arr_eq(back.params, head.params, sizeof head.params);
  cr_assert(back.marks[1].stream == 2 && back.marks[1].offset == UINT64_MAX - 1);
  head.has_params = head.has_dislikes = 0;
  cr_assert(sol_head_decode(bytes, sol_head_encode(&head, bytes), &back));
  cr_assert(!back.has_params && !back.has_dislikes, "a head of zeros is none");
}

Test(codec, head_of_a_history_has_its_words_at_the_end) {
  uint8_t bytes[SOL_HEAD_MAX];
  sol_head head = head_of(2), back;
  head.birth = 0x1122, head.renewed_ms = 5, head.begun = 6;
  cr_assert_eq(sol_head_encode(&head, bytes), 124);
  cr_assert(bytes[2] == 3 && bytes[100] == 0x22 && bytes[101] == 0x11 && bytes[108] == 5 && bytes[116] == 6);
  cr_assert(sol_head_decode(bytes, 124, &back));
  cr_assert(back.birth == 0x1122 && back.renewed_ms == 5 && back.begun == 6 && back.n_marks == 2);
  bytes[2] = 2;
  cr_assert(sol_head_decode(bytes, 124, &back) && back.birth == 0x1122, "of the version before");
  bytes[100] = bytes[101] = 0;
  cr_assert_not(sol_head_decode(bytes, 124, &back), "no history has no birth");
  head.begun = head.seq + 1;
  cr_assert_not(sol_head_decode(bytes, sol_head_encode(&head, bytes), &back), "begun behind its end");
}

Test(codec, what_is_no_head_is_noticed) {
  uint8_t bytes[SOL_HEAD_MAX + 16] = {0};
  sol_head head = head_of(SOL_MARKS_MAX), back;
  head.birth = 1;
  size_t size = sol_head_encode(&head, bytes);
  cr_assert_eq(size, SOL_HEAD_MAX);
  for (size_t cut = 0; cut < sizeof bytes; cut++) {
    uint8_t *exact = malloc(cut + 1);
    memcpy(exact, bytes, cut);
    cr_assert_eq(sol_head_decode(exact, cut, &back), cut == size, "cut to %zu", cut);
    free(exact);
  }
  for (int i = 0; i < 4; i++) {
    uint8_t other[SOL_HEAD_MAX];
    memcpy(other, bytes, sizeof other);
    other[i]++; /* magic, version, one mark more than there is */
    cr_assert_eq(sol_head_decode(other, size, &back), 0, "byte %d", i);
  }
  head.seq = (1ULL << SOL_SEQ_BITS) - 1;
  cr_assert(sol_head_decode(bytes, sol_head_encode(&head, bytes), &back));
  cr_assert_eq(back.seq, head.seq);
  head.seq++;
  cr_assert_not(sol_head_decode(bytes, sol_head_encode(&head, bytes), &back), "more than pages have numbers for");
}

static const uint64_t birth = 0x0102030405060708ULL;

/* Steps some hours apart, with jumps as far as numbers go. */
static size_t page_of(size_t n, uint64_t number, uint8_t out[SOL_PAGE_SIZE_MAX], solid_step steps[SOLID_PAGE_STEPS]) {
  for (size_t i = 0; i < n; i++)
    steps[i] = (solid_step){UINT64_MAX / (i + 1), i % 50 == 49   ? INT64_MIN
                                                  : i % 50 == 48 ? INT64_MAX
                                                                 : (int64_t)(i * i)};
  return sol_page_encode(birth, SOLID_PAGE_STEPS * (number + 1) - n, steps, n, out);
}

Test(codec, pages_round_trip) {
  uint8_t bytes[SOL_PAGE_SIZE_MAX];
  solid_step steps[SOLID_PAGE_STEPS], back[SOLID_PAGE_STEPS];
  uint64_t first;
  for (size_t n = 1; n <= SOLID_PAGE_STEPS; n += n < 4 ? 1 : 63) {
    size_t size = page_of(n, 77, bytes, steps);
    cr_assert(size <= sizeof bytes);
    cr_assert_eq(sol_page_decode(bytes, size, birth, 77, back, &first), n);
    cr_assert_eq(first, SOLID_PAGE_STEPS * 78 - n);
    for (size_t i = 0; i < n; i++) cr_assert(back[i].item == steps[i].item && back[i].time_ms == steps[i].time_ms);
  }
  for (size_t i = 0; i < SOLID_PAGE_STEPS; i++) steps[i] = (solid_step){i, (int64_t)(1700000000000 + 7200000 * i)};
  cr_assert_eq(sol_page_encode(birth, 0, steps, SOLID_PAGE_STEPS, bytes), 18 + 8 * 256 + 8 + 4 * 255 + 8);
}

/* Cut off, changed, of another history, out of order: never read as right. */
Test(codec, what_is_no_page_is_noticed) {
  uint8_t bytes[SOL_PAGE_SIZE_MAX + 8] = {0};
  solid_step steps[SOLID_PAGE_STEPS];
  uint64_t first;
  size_t size = page_of(SOLID_PAGE_STEPS, 3, bytes, steps);
  for (size_t cut = 0; cut < size + 8; cut++) {
    uint8_t *exact = malloc(cut + 1);
    memcpy(exact, bytes, cut);
    cr_assert_eq(sol_page_decode(exact, cut, birth, 3, steps, &first) > 0, cut == size, "cut to %zu", cut);
    free(exact);
  }
  for (size_t i = 0; i < size; i++) {
    bytes[i] ^= 16;
    cr_assert_eq(sol_page_decode(bytes, size, birth, 3, steps, &first), 0, "byte %zu", i);
    bytes[i] ^= 16;
  }
  cr_assert_eq(sol_page_decode(bytes, size, birth + 1, 3, steps, &first), 0, "of another history");
  cr_assert_eq(sol_page_decode(bytes, size, birth, 4, steps, &first), 0, "in another's place");
}

Test(codec, what_is_no_head_of_a_state_is_noticed) {
  uint8_t bytes[SOL_STATE_HEAD + 8] = {0};
  const solid_state_stamp stamp = {1, 2, 3, 4, 2};
  solid_state_stamp back;
  uint32_t n;
  sol_state_head_encode(&stamp, 9, bytes);
  for (size_t cut = 0; cut < sizeof bytes; cut++)
    cr_assert_eq(sol_state_head_decode(bytes, cut, &back, &n), cut == SOL_STATE_HEAD);
  cr_assert(n == 9 && memcmp(&back, &stamp, sizeof stamp) == 0);
  for (size_t i = 0; i < SOL_STATE_HEAD; i++) {
    bytes[i] ^= 16;
    cr_assert_not(sol_state_head_decode(bytes, SOL_STATE_HEAD, &back, &n), "byte %zu", i);
    bytes[i] ^= 16;
  }
  cr_assert_neq(sol_state_sum(&stamp, 1, "abc", 3), sol_state_sum(&stamp, 2, "abc", 3), "one part in another's place");
}
