#include "solid/base/number.h"
#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST = 512, LARGEST_EXPONENT = 100000 };

/* A number in its parts: digits * 10^exponent; `rest` = 1 if `digits` could not hold all digits. */
typedef struct parts {
  uint64_t digits;
  int64_t exponent;
  int is_negative, rest;
} parts;

static int is_digit(char c) {
  return c >= '0' && c <= '9';
}

/* Reads digits from `at` on (`scale` = 1: they stand after the point); returns where they end. */
static const char *take_digits(parts *p, const char *at, const char *end, int scale, int *count) {
  uint64_t digits = p->digits; /* in a register: `at` may point to anything, *p too */
  const char *begin = at;
  for (; at < end && is_digit(*at) && digits < UINT64_MAX / 10 - 1; at++) digits = 10 * digits + (uint64_t)(*at - '0');
  p->digits = digits;
  p->exponent -= scale * (at - begin);
  for (; at < end && is_digit(*at); at++) {
    p->rest |= *at != '0';
    p->exponent += !scale;
  }
  *count += (int)(at - begin);
  return at;
}

static const char *take_exponent(parts *p, const char *at, const char *end) {
  int64_t exponent = 0;
  int is_negative = 0, count = 0;
  at++;
  if (at < end && (*at == '-' || *at == '+')) is_negative = *at++ == '-';
  for (; at < end && is_digit(*at); at++, count++)
    if (exponent < LARGEST_EXPONENT) exponent = 10 * exponent + (*at - '0');
  p->exponent += is_negative ? -exponent : exponent;
  return count ? at : NULL;
}

/* 1 if the whole text is a number. */
static int take_parts(parts *p, const char *text, size_t size) {
  const char *at = text, *end = text + size;
  int count = 0;
  *p = (parts){0};
  if (at < end && (*at == '-' || *at == '+')) p->is_negative = *at++ == '-';
  at = take_digits(p, at, end, 0, &count);
  if (at < end && *at == '.') at = take_digits(p, at + 1, end, 1, &count);
  if (!count) return 0;
  if (at < end && (*at == 'e' || *at == 'E')) at = take_exponent(p, at, end);
  return at == end;
}

/* The C locale, of this thread and until leave_locale. */
typedef struct locale_guard {
  locale_t plain, before;
} locale_guard;

static int enter_locale(locale_guard *guard) {
  guard->plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
  if (guard->plain == (locale_t)0) return 0;
  guard->before = uselocale(guard->plain);
  return 1;
}

static void leave_locale(const locale_guard *guard) {
  uselocale(guard->before);
  freelocale(guard->plain);
}

/* Numbers that one product cannot give exactly go through the C library. */
static int convert_slowly(const char *text, size_t size, double *out) {
  char copy[LONGEST];
  locale_guard guard;
  if (size >= sizeof copy) return 0;
  memcpy(copy, text, size);
  copy[size] = 0;
  if (!enter_locale(&guard)) return 0;
  double value = strtod(copy, NULL);
  leave_locale(&guard);
  if (!isfinite(value)) return 0;
  *out = value;
  return 1;
}

int sol_number_double(const char *text, size_t size, double *out) {
  static const double power[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
  parts p;
  if (!text || !take_parts(&p, text, size)) return 0;
  int is_exact = !p.rest && p.digits <= (uint64_t)1 << 53 && p.exponent >= -22 && p.exponent <= 22;
  if (!is_exact) return convert_slowly(text, size, out);
  double value = (double)p.digits; /* both factors are exact, so the product is rounded once, correctly */
  value = p.exponent < 0 ? value / power[-p.exponent] : value * power[p.exponent];
  *out = p.is_negative ? -value : value;
  return 1;
}

int sol_number_float(const char *text, size_t size, float *out) {
  double value;
  if (!sol_number_double(text, size, &value) || fabs(value) > (double)FLT_MAX) return 0;
  *out = (float)value;
  return 1;
}

int sol_number_int(const char *text, size_t size, int64_t *out) {
  size_t i = size > 0 && (text[0] == '-' || text[0] == '+');
  int is_negative = i && text[0] == '-';
  uint64_t value = 0, most = (uint64_t)INT64_MAX + (uint64_t)is_negative;
  if (i == size) return 0;
  for (; i < size; i++) {
    if (!is_digit(text[i])) return 0;
    uint64_t digit = (uint64_t)(text[i] - '0');
    if (value > (most - digit) / 10) return 0;
    value = 10 * value + digit;
  }
  *out = is_negative ? (int64_t)(~value + 1) : (int64_t)value;
  return 1;
}

void sol_number_text(double value, char *text, size_t size) {
  locale_guard guard;
  int is_inside = enter_locale(&guard);
  for (int digits = 1; digits <= 17; digits++) {
    snprintf(text, size, "%.*g", digits, value);
    if (strtod(text, NULL) == value) break;
  }
  if (is_inside) leave_locale(&guard);
}
