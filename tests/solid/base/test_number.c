/* Numbers from text: the C library in the C locale is the judge. */
#include "solid/base/number.h"
#include "tests/support/seed.h"
#include <criterion/criterion.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check(const char *text) {
  double got = 77;
  cr_assert(sol_number_double(text, strlen(text), &got), "%s is a number", text);
  double want = strtod(text, NULL);
  cr_expect(memcmp(&got, &want, sizeof got) == 0, "%s: %a, want %a", text, got, want);
}

Test(number, doubles_are_the_nearest_ones) {
  static const char *const texts[] = {"0",
                                      "-0",
                                      "1",
                                      "+1.5",
                                      ".5",
                                      "5.",
                                      "1e3",
                                      "1E-3",
                                      "0.1",
                                      "2.675",
                                      "1e22",
                                      "1e23",
                                      "1e-22",
                                      "1e-23",
                                      "5e-324",
                                      "2.2250738585072011e-308",
                                      "9007199254740993",
                                      "179769313486231570e291",
                                      "123456789012345678901234567890",
                                      "0.000000000000000000000000000000000000001",
                                      "1.7976931348623157e308",
                                      "1e-400",
                                      "00000000000000000000000000000001",
                                      "1690000000.25",
                                      "9223372036854775808"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) check(texts[i]);
  seed_rng rng = seed_start(1);
  for (int i = 0; i < 20000; i++) {
    char text[64];
    uint64_t bits = seed_next(&rng);
    double value;
    memcpy(&value, &bits, sizeof value);
    if (!isfinite(value)) continue;
    snprintf(text, sizeof text, "%.*g", (int)(seed_next(&rng) % 19) + 1, value);
    if (isfinite(strtod(text, NULL))) check(text); /* a rounding may go beyond the largest */
    snprintf(text, sizeof text, "%.*f", (int)(seed_next(&rng) % 9), (double)(int64_t)(bits >> 20) / 1024);
    check(text);
  }
}

Test(number, what_is_none_is_refused) {
  static const char *const texts[] = {"",    "-",   "+",        ".",    "e5",    "1e",    "1e+", "1,5",   "1 ", " 1",
                                      "nan", "inf", "infinity", "0x10", "1.5.5", "1e999", "--1", "1_000", "1f"};
  double value = 77;
  float single = 77;
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    cr_expect(!sol_number_double(texts[i], strlen(texts[i]), &value), "%s was read as %g", texts[i], value);
    cr_expect(!sol_number_float(texts[i], strlen(texts[i]), &single), "%s", texts[i]);
  }
  cr_expect(!sol_number_double("1\0", 2, &value));
  cr_expect(!sol_number_double(NULL, 0, &value));
  cr_expect(!sol_number_float("1e39", 4, &single));
  cr_expect_eq(value, 77);
  cr_expect_eq(single, 77);
  cr_expect(sol_number_double("12345", 2, &value) && value == 12);
}

Test(number, whole_numbers_fit_64_bits) {
  static const struct {
    const char *text;
    int is_number;
    int64_t value;
  } cases[] = {{"0", 1, 0},
               {"-7", 1, -7},
               {"+7", 1, 7},
               {"9223372036854775807", 1, INT64_MAX},
               {"9223372036854775808", 0, 0},
               {"-9223372036854775808", 1, INT64_MIN},
               {"-9223372036854775809", 0, 0},
               {"", 0, 0},
               {"-", 0, 0},
               {"1.0", 0, 0},
               {"007", 1, 7}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    int64_t value = 0;
    cr_expect_eq(sol_number_int(cases[i].text, strlen(cases[i].text), &value), cases[i].is_number, "%s", cases[i].text);
    cr_expect_eq(value, cases[i].value, "%s", cases[i].text);
  }
}

Test(number, texts_are_the_shortest_that_read_back) {
  static const struct {
    double value;
    const char *text;
  } cases[] = {{0, "0"}, {0.1, "0.1"}, {-2.5, "-2.5"}, {1e-5, "1e-05"}, {0.999999, "0.999999"}, {1e22, "1e+22"}};
  char text[SOL_NUMBER_TEXT];
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    sol_number_text(cases[i].value, text, sizeof text);
    cr_expect_str_eq(text, cases[i].text, "%s", text);
  }
  seed_rng rng = seed_start(2);
  for (int i = 0; i < 1000; i++) {
    double value = seed_uniform(&rng) / 3, back = 0;
    sol_number_text(value, text, sizeof text);
    cr_expect(sol_number_double(text, strlen(text), &back) && back == value, "%s", text);
  }
}

/* A program around the library may speak with a comma. */
Test(number, no_locale_changes_a_point) {
  static const char *const names[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "pt_BR.UTF-8",
                                      "ru_RU.UTF-8", "de_DE",       "sv_SE.UTF-8"};
  size_t i = 0;
  while (i < sizeof names / sizeof *names && !setlocale(LC_NUMERIC, names[i])) i++;
  if (i == sizeof names / sizeof *names) {
    fprintf(stderr, "[SKIP] no_locale_changes_a_point: no locale with a comma is installed\n");
    return;
  }
  double value = 0;
  char text[SOL_NUMBER_TEXT];
  cr_expect(sol_number_double("1690000000.123456789", 20, &value) && value > 1690000000.1);
  cr_expect(!sol_number_double("1,5", 3, &value));
  sol_number_text(0.1, text, sizeof text);
  cr_expect_str_eq(text, "0.1");
}
