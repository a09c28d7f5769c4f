/* Texts that grow: JSON whatever the bytes are, and numbers that read as what they were. */
#include "examples/common/growing.h"
#include "tests/support/seed.h"
#include <criterion/criterion.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Test(growing, numbers_read_as_what_they_were) {
  const float odd[] = {0.0f,  -0.0f,    1,       -1,     0.1f,        9.9999999e7f, 1e8f,
                       1e-4f, 9.99e-5f, 3.4e38f, 1e-45f, 123456.789f, 0.25f,        -42.5f};
  seed_rng rng = seed_start(5);
  for (int i = 0; i < 200000; i++) {
    growing text = {0};
    char printed[64];
    float value = i < (int)(sizeof odd / sizeof *odd)
                      ? odd[i]
                      : (float)((seed_below(&rng, 2000001) - 1000000) * pow(10, seed_below(&rng, 14) - 10));
    snprintf(printed, sizeof printed, "%.9g", (double)value);
    growing_number(&text, (double)value);
    cr_assert_eq(strtof(text.bytes, NULL), value, "%s is written as %s", printed, text.bytes);
    cr_assert_leq(text.size, strlen(printed), "%s is written as %s", printed, text.bytes);
    growing_clear(&text);
  }
  const double none[] = {NAN, INFINITY, -INFINITY};
  for (int i = 0; i < 3; i++) {
    growing text = {0};
    growing_number(&text, none[i]);
    cr_assert_str_eq(text.bytes, "null");
    growing_clear(&text);
  }
}

/* What is UTF-8 comes back as it was; whatever else it is, it is JSON. */
Test(growing, any_bytes_become_json) {
  static const char *const pieces[] = {
      "a", "é", "日", "😀", "\"", "\\", "\n", "\x7f", "\xff", "\xc3", "\xed\xa0\x80", "zz zz", "\xf4\x90\x80\x80"};
  seed_rng rng = seed_start(6);
  for (int i = 0; i < 5000; i++) {
    char bytes[128];
    size_t size = 0;
    int is_sound = 1;
    for (int n = seed_below(&rng, 12); n > 0; n--) {
      int which = seed_below(&rng, 13);
      size_t more = strlen(pieces[which]);
      memcpy(bytes + size, pieces[which], more);
      size += more;
      is_sound &= which < 8 || which == 11;
    }
    growing text = {0};
    growing_json(&text, bytes, size);
    json_t *read = json_loadb(text.bytes, text.size, JSON_DECODE_ANY, NULL);
    cr_assert_not_null(read, "no JSON: %s", text.bytes);
    if (is_sound) {
      cr_assert_eq(json_string_length(read), size);
      cr_assert(!memcmp(json_string_value(read), bytes, size), "%s", text.bytes);
    }
    json_decref(read);
    growing_clear(&text);
  }
}

Test(growing, whole_numbers) {
  const uint64_t values[] = {0, 7, 10, 255, 1234567890123, UINT64_MAX};
  for (int i = 0; i < 6; i++) {
    char printed[64];
    growing text = {0};
    growing_whole(&text, values[i]);
    growing_text(&text, " ");
    growing_hex(&text, values[i], 16);
    growing_text(&text, " ");
    growing_hex(&text, values[i], 1);
    snprintf(printed, sizeof printed, "%" PRIu64 " %016" PRIx64 " %" PRIx64, values[i], values[i], values[i]);
    cr_assert_str_eq(text.bytes, printed);
    growing_clear(&text);
  }
}

Test(growing, long_pieces_are_whole) {
  static char word[5000];
  memset(word, 'x', sizeof word - 1);
  for (size_t size = 1; size < sizeof word; size += 37) {
    growing text = {0};
    growing_add(&text, "<%.*s|%d>", (int)size, word, 7);
    growing_add(&text, "%s", "end");
    cr_assert_eq(text.size, size + 7);
    cr_assert(text.bytes[size] == 'x' && !strcmp(text.bytes + size + 1, "|7>end"), "after %zu bytes", size);
    growing_clear(&text);
  }
}
