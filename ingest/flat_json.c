#include "ingest/flat_json.h"
#include "solid/base/number.h"
#include "solid/base/text.h"
#include <string.h>

#define MOST_MEMBERS 16
#define MOST_DIGITS  18 /* fit 64 bits */

typedef struct cursor {
  const char *at, *end;
} cursor;

static void skip_blanks(cursor *c) {
  while (c->at < c->end && (*c->at == ' ' || *c->at == '\t' || *c->at == '\n' || *c->at == '\r')) c->at++;
}

static int take(cursor *c, char wanted) {
  skip_blanks(c);
  if (c->at == c->end || *c->at != wanted) return 0;
  c->at++;
  return 1;
}

/* A string without escapes, whose bytes are its value. */
static int take_text(cursor *c, solid_bytes *out) {
  if (!take(c, '"')) return 0;
  const char *begin = c->at;
  unsigned char seen = 0; /* the bits of all bytes */
  for (; c->at < c->end && *c->at != '"'; c->at++) {
    if ((unsigned char)*c->at < 0x20 || *c->at == '\\') return 0;
    seen |= (unsigned char)*c->at;
  }
  if (c->at == c->end) return 0;
  *out = (solid_bytes){begin, (size_t)(c->at++ - begin)};
  return seen < 0x80 || sol_is_utf8(out->data, out->size);
}

static const char *digits_end(const char *at, const char *end) {
  while (at < end && *at >= '0' && *at <= '9') at++;
  return at;
}

/* -?(0|[1-9][0-9]*)(.[0-9]+)?; one with an exponent is left to the other parser. */
static int take_number(cursor *c, sol_json_value *out) {
  const char *begin = c->at, *whole = begin + (*begin == '-'), *stop = digits_end(whole, c->end);
  size_t digits = (size_t)(stop - whole);
  if (digits < 1 || digits > MOST_DIGITS || (digits > 1 && *whole == '0')) return 0;
  out->kind = stop < c->end && *stop == '.' ? SOL_JSON_REAL : SOL_JSON_WHOLE;
  if (out->kind == SOL_JSON_REAL) {
    const char *point = stop;
    stop = digits_end(point + 1, c->end);
    if (stop == point + 1) return 0;
  }
  if (stop < c->end && (*stop == 'e' || *stop == 'E')) return 0;
  c->at = stop;
  size_t size = (size_t)(stop - begin);
  if (out->kind == SOL_JSON_REAL) return sol_number_double(begin, size, &out->real);
  int is_whole = sol_number_int(begin, size, &out->whole);
  out->real = (double)out->whole;
  return is_whole;
}

static int take_word(cursor *c, const char *word) {
  size_t size = strlen(word);
  if ((size_t)(c->end - c->at) < size || memcmp(c->at, word, size) != 0) return 0;
  c->at += size;
  return 1;
}

static int take_value(cursor *c, sol_json_value *out) {
  skip_blanks(c);
  if (c->at == c->end) return 0;
  *out = (sol_json_value){.kind = SOL_JSON_TEXT};
  if (*c->at == '"') return take_text(c, &out->text);
  if (*c->at == '-' || (*c->at >= '0' && *c->at <= '9')) return take_number(c, out);
  out->kind = *c->at == 't' ? SOL_JSON_TRUE : SOL_JSON_OTHER;
  return take_word(c, "true") || take_word(c, "false") || take_word(c, "null");
}

static int is_new(const solid_bytes *keys, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (keys[i].size == keys[n].size && memcmp(keys[i].data, keys[n].data, keys[n].size) == 0) return 0;
  return 1;
}

static sol_json_value *wanted(solid_bytes key, const char *const *names, size_t n, sol_json_value *values) {
  for (size_t i = 0; i < n; i++)
    if (strncmp(names[i], key.data, key.size) == 0 && names[i][key.size] == 0) return &values[i];
  return NULL;
}

int sol_flat_json(const char *payload, size_t size, const char *const *names, size_t n, sol_json_value *values) {
  cursor c = {payload, payload + size};
  solid_bytes keys[MOST_MEMBERS];
  sol_json_value ignored;
  memset(values, 0, n * sizeof *values);
  if (!take(&c, '{')) return 0;
  for (size_t i = 0; i < MOST_MEMBERS; i++) {
    if (!take_text(&c, &keys[i]) || !is_new(keys, i) || !take(&c, ':')) return 0;
    sol_json_value *value = wanted(keys[i], names, n, values);
    if (!take_value(&c, value ? value : &ignored)) return 0;
    if (take(&c, ',')) continue;
    if (!take(&c, '}')) return 0;
    skip_blanks(&c);
    return c.at == c.end;
  }
  return 0;
}
