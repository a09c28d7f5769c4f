#include "solid/base/text.h"
#include "tests/support/seed.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

/* Every size of the buffer: the beginning of the whole text, and a zero byte. */
Test(text, is_cut_at_every_size) {
  const char *whole = "12 and three, then 4.5";
  for (size_t size = 1; size <= strlen(whole) + 4; size++) {
    char buffer[40];
    memset(buffer, 'x', sizeof buffer);
    sol_text text = sol_text_start(buffer, size);
    cr_assert_str_eq(buffer, "");
    sol_text_add(&text, "%d and %s", 12, "three");
    sol_text_add(&text, "%s", "");
    sol_text_add(&text, ", then %.1f", 4.5);
    size_t fits = size - 1 < strlen(whole) ? size - 1 : strlen(whole);
    cr_assert_eq(text.used, fits);
    cr_assert_eq(text.is_cut, fits < strlen(whole), "size %zu", size);
    cr_assert_eq(strncmp(buffer, whole, fits), 0, "\"%s\"", buffer);
    cr_assert_eq(buffer[fits], '\0');
    for (size_t i = size; i < sizeof buffer; i++) cr_assert_eq(buffer[i], 'x', "byte %zu of %zu", i, size);
  }
}

Test(text, adds_nothing_after_a_cut) {
  char buffer[6];
  sol_text text = SOL_TEXT(buffer);
  sol_text_add(&text, "abc");
  sol_text_add(&text, "defg");
  cr_assert_str_eq(buffer, "abcde");
  sol_text_add(&text, "h");
  cr_assert_str_eq(buffer, "abcde");
  cr_assert(text.is_cut);
}

#define SHOWS(bytes, wanted) cr_assert_str_eq(sol_show((bytes), sizeof(bytes) - 1).text, wanted)

Test(text, shows_what_a_line_can_hold) {
  SHOWS("", "");
  SHOWS("u-17 / A", "u-17 / A");
  SHOWS("a\nb\r\t\x1b[2J\x7f", "a\\x0ab\\x0d\\x09\\x1b[2J\\x7f");
  SHOWS("a\0b", "a\\x00b");
  SHOWS("say \"no\" \\ yes", "say \"no\" \\\\ yes");
  SHOWS("caf\xc3\xa9 \xe6\x9d\xb1 \xf0\x9f\x8e\xb5", "caf\xc3\xa9 \xe6\x9d\xb1 \xf0\x9f\x8e\xb5");
  SHOWS("\xc2\x9b\x31m", "\\xc2\\x9b1m"); /* a control character of two bytes */
  SHOWS("\xc2\xa0", "\xc2\xa0");
  SHOWS("\xc3", "\\xc3");
  SHOWS("\xc3(", "\\xc3(");
  SHOWS("\xa9", "\\xa9");
  SHOWS("\xc0\x80\xc1\xbf", "\\xc0\\x80\\xc1\\xbf");
  SHOWS("\xe0\x9f\xbf", "\\xe0\\x9f\\xbf");          /* longer than need be */
  SHOWS("\xed\xa0\x80", "\\xed\\xa0\\x80");          /* half of a pair */
  SHOWS("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"); /* above U+10FFFF */
  SHOWS("\xf0\x8f\xbf\xbf", "\\xf0\\x8f\\xbf\\xbf");
  SHOWS("\xf5\x80\x80\x80\xff", "\\xf5\\x80\\x80\\x80\\xff");
  SHOWS("\xf0\x9f\x8e", "\\xf0\\x9f\\x8e");
}

Test(text, shows_the_beginning_of_a_long_one) {
  char bytes[SOL_SHOWN + 3], wanted[SOL_SHOWN + 8];
  memset(bytes, 'a', sizeof bytes);
  memset(wanted, 'a', SOL_SHOWN);
  strcpy(wanted + SOL_SHOWN, "");
  cr_assert_str_eq(sol_show(bytes, SOL_SHOWN).text, wanted);
  strcpy(wanted + SOL_SHOWN, "...");
  cr_assert_str_eq(sol_show(bytes, SOL_SHOWN + 1).text, wanted);
  memcpy(bytes + SOL_SHOWN - 1, "\xc3\xa9", 2); /* a character is not cut in two */
  strcpy(wanted + SOL_SHOWN - 1, "...");
  cr_assert_str_eq(sol_show(bytes, SOL_SHOWN + 1).text, wanted);
  memset(bytes, 1, sizeof bytes);
  cr_assert_eq(strlen(sol_show(bytes, sizeof bytes).text), 4 * SOL_SHOWN + 3, "the longest there is");
}

/* Whatever the bytes, the text is one line without control characters. */
Test(text, shows_nothing_that_speaks_to_a_terminal) {
  seed_rng rng = seed_start(3);
  for (int round = 0; round < 20000; round++) {
    unsigned char bytes[24];
    size_t n = (size_t)seed_below(&rng, sizeof bytes);
    for (size_t i = 0; i < n; i++)
      bytes[i] = (unsigned char)(seed_below(&rng, 2) ? seed_below(&rng, 256) : 0xc2 + seed_below(&rng, 4));
    sol_shown shown = sol_show(bytes, n);
    for (const unsigned char *p = (const unsigned char *)shown.text; *p; p++) {
      cr_assert(*p >= 0x20 && *p != 0x7f, "seed %llu", (unsigned long long)seed_value());
      cr_assert(!(p[0] == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0), "seed %llu", (unsigned long long)seed_value());
    }
  }
}

static void parts(const char *list, const char *wanted) {
  char got[64] = "";
  sol_text text = SOL_TEXT(got);
  const char *part;
  size_t size;
  while (sol_text_part(&list, &part, &size)) sol_text_add(&text, "[%.*s]", (int)size, part);
  cr_assert_str_eq(got, wanted);
}

Test(text, parts_of_a_list) {
  parts(NULL, "");
  parts("", "[]");
  parts("a", "[a]");
  parts("a,bc,d", "[a][bc][d]");
  parts(",", "[][]");
  parts("a,", "[a][]");
  parts(",a,,b", "[][a][][b]");
}

Test(text, what_is_utf8_is_told) {
  static const char *const good[] = {"", "a\x1b\\", "caf\xc3\xa9", "\xc2\x80", "\xe2\x82\xac", "\xf4\x8f\xbf\xbf"};
  static const char *const bad[] = {"caf\xe9",          "\xc3", "\xc0\xaf", "\xed\xa0\x80",
                                    "\xf4\x90\x80\x80", "\x80", "\xe2\x82"};
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) cr_expect(sol_is_utf8(good[i], strlen(good[i])), "%zu", i);
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) cr_expect_not(sol_is_utf8(bad[i], strlen(bad[i])), "%zu", i);
}

Test(text, the_end_of_utf8_is_told) {
  static const struct {
    const char *text;
    size_t end;
  } cases[] = {{"", 0},        {"twelve bytes", 12},           {"caf\xc3\xa9", 5},
               {"caf\xe9", 3}, {"eight or more \xe2\x82", 14}, {"\xff", 0}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    cr_expect_eq(sol_utf8_end(cases[i].text, strlen(cases[i].text)), cases[i].end, "%zu", i);
}

Test(text, what_speaks_to_terminals_is_muted) {
  char text[] = "a\\b \x1b[2J\n\x7f caf\xc3\xa9 \xc2\x9b \x9b \xe2\x82";
  sol_text_mute(text);
  cr_expect_str_eq(text, "a\\b ?[2J?? caf\xc3\xa9 ?? ? ??");
}
