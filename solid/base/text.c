#include "solid/base/text.h"
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

sol_text sol_text_start(char *buffer, size_t size) {
  buffer[0] = '\0';
  return (sol_text){.at = buffer, .size = size};
}

void sol_text_add(sol_text *text, const char *format, ...) {
  if (text->is_cut) return;
  size_t left = text->size - text->used;
  va_list args;
  va_start(args, format);
  int n = vsnprintf(text->at + text->used, left, format, args);
  va_end(args);
  text->is_cut = n < 0 || (size_t)n >= left;
  text->used = text->is_cut ? text->size - 1 : text->used + (size_t)n;
  text->at[text->used] = '\0';
}

size_t sol_utf8_bytes(const void *at, size_t left) {
  const unsigned char *p = at;
  if (p[0] < 0x80) return 1;
  size_t n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
  if (p[0] < 0xc2 || p[0] > 0xf4 || left < n) return 0;
  unsigned least = 0x80, most = 0xbf; /* of the second byte */
  if (p[0] == 0xe0) least = 0xa0;
  if (p[0] == 0xed) most = 0x9f;
  if (p[0] == 0xf0) least = 0x90;
  if (p[0] == 0xf4) most = 0x8f;
  if (p[1] < least || p[1] > most) return 0;
  for (size_t i = 2; i < n; i++)
    if ((p[i] & 0xc0) != 0x80) return 0;
  return n;
}

/* The same of one that may be shown as it is: no control character. */
static size_t plain_bytes(const unsigned char *p, size_t left) {
  int is_control = p[0] < 0x20 || p[0] == 0x7f || (p[0] == 0xc2 && left > 1 && p[1] < 0xa0); /* U+0080 to U+009f */
  return is_control ? 0 : sol_utf8_bytes(p, left);
}

size_t sol_utf8_end(const void *data, size_t size) {
  const unsigned char *p = data;
  size_t i = 0, n;
  for (uint64_t eight; i + sizeof eight <= size; i += sizeof eight) { /* ASCII, as most ids are */
    memcpy(&eight, p + i, sizeof eight);
    if (eight & UINT64_C(0x8080808080808080)) break;
  }
  for (; i < size; i += n)
    if (!(n = sol_utf8_bytes(p + i, size - i))) return i;
  return size;
}

int sol_is_utf8(const void *data, size_t size) {
  return sol_utf8_end(data, size) == size;
}

void sol_text_mute(char *text) {
  for (size_t left = strlen(text), n; left; text += n, left -= n) {
    n = plain_bytes((const unsigned char *)text, left);
    if (!n) *text = '?', n = 1;
  }
}

sol_shown sol_show(const void *data, size_t size) {
  static const char hex[] = "0123456789abcdef";
  const unsigned char *p = data;
  sol_shown shown;
  char *to = shown.text;
  size_t i = 0;
  while (i < size) {
    size_t n = p[i] == '\\' ? 0 : plain_bytes(p + i, size - i);
    if (i + (n ? n : 1) > SOL_SHOWN) break;
    if (n) {
      memcpy(to, p + i, n);
      to += n;
    } else if (p[i] == '\\') {
      *to++ = '\\', *to++ = '\\';
    } else {
      *to++ = '\\', *to++ = 'x', *to++ = hex[p[i] >> 4], *to++ = hex[p[i] & 15];
    }
    i += n ? n : 1;
  }
  memcpy(to, i < size ? "..." : "", i < size ? 4 : 1);
  return shown;
}

int sol_text_part(const char **list, const char **part, size_t *size) {
  const char *at = *list;
  if (!at) return 0;
  *size = strcspn(at, ",");
  *part = at;
  *list = at[*size] ? at + *size + 1 : NULL;
  return 1;
}
