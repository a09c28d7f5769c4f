#include "examples/common/http_parts.h"
#include "examples/common/ground.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static int hex_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = (char)(c | 0x20);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

size_t http_decode(char *text, size_t size) {
  size_t used = 0;
  for (size_t i = 0; i < size; i++) {
    int high = text[i] == '%' && i + 2 < size ? hex_of(text[i + 1]) : -1;
    int low = high >= 0 ? hex_of(text[i + 2]) : -1;
    if (low >= 0) {
      text[used++] = (char)(high * 16 + low);
      i += 2;
    } else {
      text[used++] = text[i];
    }
  }
  return used;
}

/* The first % that is no escape, or NULL. */
static const char *bad_escape(const char *text) {
  const char *at = strchr(text, '%');
  while (at && hex_of(at[1]) >= 0 && hex_of(at[2]) >= 0) at = strchr(at + 3, '%');
  return at;
}

static const char *decoded_fault(solid_bytes text, char why[HTTP_FAULT_TEXT]) {
  const char *zero = text.size ? memchr(text.data, 0, text.size) : NULL;
  size_t end = zero ? (size_t)(zero - text.data) : text.size, at = sol_utf8_end(text.data, end);
  if (at == text.size) return NULL;
  snprintf(why, HTTP_FAULT_TEXT, "is not UTF-8 without U+0000: byte %zu of it is 0x%02x", at + 1,
           (unsigned)(unsigned char)text.data[at]);
  return why;
}

const char *http_text_fault(const char *encoded, char why[HTTP_FAULT_TEXT]) {
  const char *bad = bad_escape(encoded);
  if (bad) {
    size_t size = strnlen(bad, 3);
    snprintf(why, HTTP_FAULT_TEXT, "has a %%, byte %zu as it was sent, that begins no escape: \"%.12s\"; %%25 is a %%",
             (size_t)(bad - encoded) + 1, sol_show(bad, size).text);
    return why;
  }
  char *copy = strdup(encoded);
  if (!copy) return "cannot be read: out of memory";
  const char *fault = decoded_fault((solid_bytes){copy, http_decode(copy, strlen(copy))}, why);
  free(copy);
  return fault;
}

const char *http_target_path(const char *target) {
  static const char *const schemes[] = {"http://", "https://"};
  for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
    size_t size = strlen(schemes[i]);
    if (strncasecmp(target, schemes[i], size) != 0) continue;
    size_t host = strcspn(target + size, "/");
    const char *path = target + size + host;
    return !host ? target : *path ? path : "/";
  }
  return target;
}

int http_path_fits(const char *form, const char *path, solid_bytes *part) {
  const char *open = strchr(form, '{');
  if (!open) return strcmp(form, path) == 0;
  size_t before = (size_t)(open - form), size = strlen(path);
  const char *after = strchr(open, '}') + 1;
  size_t tail = strlen(after);
  if (size <= before + tail || memcmp(form, path, before) != 0 || strcmp(path + size - tail, after) != 0) return 0;
  *part = (solid_bytes){path + before, size - before - tail};
  return !memchr(part->data, '/', part->size);
}

int http_place(const char *names, const char *name) {
  size_t size = strlen(name);
  for (int place = 0; *names; place++) {
    size_t length = strcspn(names, " ");
    if (length == size && memcmp(names, name, size) == 0) return place;
    names += length + (names[length] == ' ');
  }
  return -1;
}

int http_token_fits(const char *given, const char *token) {
  static const char scheme[] = "Bearer ";
  if (!given || strncasecmp(given, scheme, sizeof scheme - 1) != 0) return 0; /* RFC 9110, 11.1: in any case */
  given += sizeof scheme - 1;
  size_t n = strlen(token), differs = strlen(given) ^ n;
  for (size_t i = 0, m = strlen(given); i < n; i++) differs |= (size_t)(unsigned char)(token[i] ^ given[m ? i % m : 0]);
  return differs == 0;
}
