#include "examples/common/growing.h"
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { USUAL = 128 }; /* bytes that most pieces fit into, so that they are written once */

static int reserve(growing *text, size_t more) {
  if (text->is_broken) return 0;
  if (more < text->room - text->size) return 1; /* one for the zero byte */
  size_t room = text->room ? text->room : 512;
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

/* Bytes of the character at `at`, 0 where it is no UTF-8 (RFC 3629: no overlong forms, no surrogates). */
static size_t utf8_length(const unsigned char *at, size_t left) {
  if (at[0] < 0x80) return 1;
  size_t length = at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
  if (at[0] < 0xc2 || at[0] > 0xf4 || length > left) return 0;
  for (size_t i = 1; i < length; i++)
    if ((at[i] & 0xc0) != 0x80) return 0;
  if (at[0] == 0xe0 && at[1] < 0xa0) return 0;
  if (at[0] == 0xed && at[1] > 0x9f) return 0;
  if (at[0] == 0xf0 && at[1] < 0x90) return 0;
  if (at[0] == 0xf4 && at[1] > 0x8f) return 0;
  return length;
}

void growing_json(growing *text, const void *bytes, size_t size) {
  const unsigned char *at = bytes;
  growing_bytes(text, "\"", 1);
  for (size_t i = 0; i < size;) {
    size_t length = utf8_length(at + i, size - i);
    if (!length) {
      growing_text(text, "\\ufffd");
      i++;
    } else if (at[i] == '"' || at[i] == '\\') {
      growing_add(text, "\\%c", at[i++]);
    } else if (at[i] < 0x20 || at[i] == 0x7f) {
      growing_add(text, "\\u%04x", at[i++]);
    } else { /* the longest part that needs no escape */
      size_t from = i;
      while (i < size && (length = utf8_length(at + i, size - i)) && at[i] >= 0x20 && at[i] != '"' && at[i] != '\\' &&
             at[i] != 0x7f)
        i += length;
      growing_bytes(text, at + from, i - from);
    }
  }
  growing_bytes(text, "\"", 1);
}

void growing_number(growing *text, double value) {
  if (!isfinite(value))
    growing_text(text, "null");
  else
    growing_add(text, "%.9g", value);
}

void growing_reset(growing *text) {
  text->size = 0;
  text->is_broken = 0;
}

void growing_clear(growing *text) {
  free(text->bytes);
  *text = (growing){0};
}
