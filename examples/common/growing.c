#include "examples/common/growing.h"
#include "examples/common/ground.h"
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  FIRST_ROOM = 2048, /* an answer of ten items with titles */
  USUAL = 128        /* bytes that most pieces fit into, so that they are written once */
};

static int reserve(growing *text, size_t more) {
  if (text->is_broken) return 0;
  if (more < text->room - text->size) return 1; /* one for the zero byte */
  size_t room = text->room ? text->room : FIRST_ROOM;
  while (room - text->size <= more && room < SIZE_MAX / 2) room *= 2;
  char *bytes = room - text->size > more ? realloc(text->bytes, room) : NULL;
  if (!bytes) {
    text->is_broken = 1;
    return 0;
  }
  text->bytes = bytes;
  text->room = room;
  return 1;
}

void growing_bytes(growing *text, const void *bytes, size_t size) {
  if (!reserve(text, size)) return;
  memcpy(text->bytes + text->size, bytes, size);
  text->size += size;
  text->bytes[text->size] = 0;
}

void growing_text(growing *text, const char *zero_terminated) {
  growing_bytes(text, zero_terminated, strlen(zero_terminated));
}

void growing_add(growing *text, const char *format, ...) {
  va_list arguments, again;
  va_start(arguments, format);
  va_copy(again, arguments);
  int size = 0;
  if (reserve(text, USUAL)) size = vsnprintf(text->bytes + text->size, text->room - text->size, format, arguments);
  va_end(arguments);
  if (size < 0) text->is_broken = 1;
  if (size > USUAL && (size_t)size >= text->room - text->size && reserve(text, (size_t)size))
    vsnprintf(text->bytes + text->size, (size_t)size + 1, format, again);
  if (!text->is_broken) text->size += (size_t)size;
  va_end(again);
}

static int is_plain(unsigned char c) {
  return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

void growing_json(growing *text, const void *bytes, size_t size) {
  const unsigned char *at = bytes;
  growing_bytes(text, "\"", 1);
  for (size_t i = 0; i < size;) {
    size_t length = sol_utf8_bytes(at + i, size - i);
    if (!length) {
      growing_text(text, "\\ufffd");
      i++;
    } else if (at[i] == '"' || at[i] == '\\') {
      growing_add(text, "\\%c", at[i++]);
    } else if (at[i] < 0x20 || at[i] == 0x7f) {
      growing_add(text, "\\u%04x", at[i++]);
    } else { /* the longest part that needs no escape */
      size_t from = i;
      for (i += length; i < size; i += length) {
        length = 1;
        if (is_plain(at[i])) continue;
        length = sol_utf8_bytes(at + i, size - i);
        if (length < 2) break;
      }
      growing_bytes(text, at + from, i - from);
    }
  }
  growing_bytes(text, "\"", 1);
}

static void write_whole(growing *text, uint64_t value, unsigned base, int digits) {
  char out[24], *at = out + sizeof out;
  for (int n = 0; n < digits || value || !n; n++, value /= base) *--at = "0123456789abcdef"[value % base];
  growing_bytes(text, at, (size_t)(out + sizeof out - at));
}

void growing_whole(growing *text, uint64_t value) {
  write_whole(text, value, 10, 1);
}

void growing_hex(growing *text, uint64_t value, int digits) {
  write_whole(text, value, 16, digits);
}

/* What "%.9g" writes, in a tenth of its time, for values of 1e-4 to 1e8, as scores are. 0 = it is another value. */
static size_t write_plain(double value, char out[32]) {
  static const double tens[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12};
  double size = fabs(value);
  if (!(size >= 1e-4 && size < 1e8)) return 0;
  int decimals = 8; /* nine digits in all */
  for (double bound = 10; size >= bound; bound *= 10) decimals--;
  for (double bound = 1; size < bound; bound /= 10) decimals++;
  uint64_t digits = (uint64_t)(size * tens[decimals] + 0.5);
  for (; decimals && digits % 10 == 0; decimals--) digits /= 10;
  char *at = out + 32, *end = at;
  for (int i = 0; i < decimals; i++, digits /= 10) *--at = (char)('0' + digits % 10);
  if (decimals) *--at = '.';
  do *--at = (char)('0' + digits % 10);
  while (digits /= 10);
  if (value < 0) *--at = '-';
  memmove(out, at, (size_t)(end - at));
  return (size_t)(end - at);
}

void growing_number(growing *text, double value) {
  char plain[32];
  size_t size = write_plain(value, plain);
  if (size)
    growing_bytes(text, plain, size);
  else if (isfinite(value))
    growing_add(text, "%.9g", value);
  else
    growing_text(text, "null");
}

void growing_reset(growing *text) {
  text->size = 0;
  text->is_broken = 0;
}

void growing_clear(growing *text) {
  free(text->bytes);
  *text = (growing){0};
}
