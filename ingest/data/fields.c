/* Splits lines into fields, and keeps strings in one piece of memory. */
#include "ingest/data/text.h"
#include "solid/base/same.h"
#include "solid/base/text.h"
#include <stdlib.h>
#include <string.h>

enum { QUOTED_MOST = 1 << 20 }; /* bytes of a field: a quote that nobody closes must not take the rest of a file */

static const struct {
  const char *name, *plural;
  sol_separator separator;
} separators[] = {
    {"tab", "tabs", {"\t", 0}},         {"comma", "commas", {",", 1}}, {"semicolon", "semicolons", {";", 1}},
    {"pipe", "upright bars", {"|", 0}}, {"colons", "::", {"::", 0}},   {"blanks", "blanks", {"", 0}},
};

#define SEPARATORS (sizeof separators / sizeof *separators)

solid_status sol_separator_find(const char *name, sol_separator *out) {
  size_t size = strlen(name);
  for (size_t i = 0; i < SEPARATORS; i++)
    if (strcmp(name, separators[i].name) == 0 || (size > 0 && strcmp(name, separators[i].separator.text) == 0)) {
      *out = separators[i].separator;
      return SOLID_OK;
    }
  if (strcmp(name, " ") == 0 || strcmp(name, "blank") == 0 || strcmp(name, "space") == 0)
    *out = (sol_separator){"", 0};
  else if (strcmp(name, "\\t") == 0)
    *out = (sol_separator){"\t", 0};
  else if (size < 1 || size >= SOL_SEPARATOR_SIZE || strpbrk(name, "\r\n\""))
    return solid_fail(SOLID_EINVAL,
                      "separator \"%.40s\": want comma, semicolon, tab, pipe, colons, blanks, or 1 to %d characters",
                      name, SOL_SEPARATOR_SIZE - 1);
  else
    memcpy(memset(out, 0, sizeof *out), name, size);
  return SOLID_OK;
}

const char *sol_separator_name(const sol_separator *separator) {
  for (size_t i = 0; i < SEPARATORS; i++)
    if (strcmp(separator->text, separators[i].separator.text) == 0) return separators[i].plural;
  return separator->text;
}

int sol_separator_at(size_t index, sol_separator *out) {
  if (index >= SEPARATORS) return 0;
  *out = separators[index].separator;
  return 1;
}

static solid_status add_field(sol_fields *fields, const char *data, size_t size) {
  if (fields->count == fields->room) {
    size_t room = fields->room ? 2 * fields->room : 64;
    solid_bytes *at = realloc(fields->at, room * sizeof *at);
    if (!at) return solid_fail(SOLID_ENOMEM, "no room for %zu fields of a line", room);
    fields->at = at;
    fields->room = room;
  }
  fields->at[fields->count++] = (solid_bytes){data, size};
  return SOLID_OK;
}

/* The quote that closes a field whose text begins at `at`, NULL where it stays open. "" stands for ". */
static char *closing_quote(char *at, char *end) {
  for (; (at = memchr(at, '"', (size_t)(end - at))); at += 2)
    if (at[1] != '"') return at;
  return NULL;
}

/* Undoes the quotes of a field in place, from `at` on to *to, which moves; returns what is behind the one that closes
 * it, NULL where the line ends before. The one that opens it stays: it tells that there was one. */
static char *undo_quotes(char *at, char **to) {
  char *out = *to;
  int is_closed = 0;
  for (; *at; at++) {
    is_closed = *at == '"' && *++at != '"';
    if (is_closed) break;
    *out++ = *at;
  }
  *to = out;
  return is_closed ? at : NULL;
}

/* Joins lines until the field that begins with the quote at byte `open` is closed: *behind is what comes then, NULL
 * where it does not come. What was found of the line moves with it. Nothing is undone yet: lines may be parted again.
 */
static solid_status close_later(sol_fields *fields, sol_lines *lines, size_t open, char **behind) {
  for (int more = 1; !*behind && lines->size - open <= QUOTED_MOST;) {
    size_t looked = lines->size;
    uintptr_t from = (uintptr_t)lines->line;
    solid_status status = sol_lines_join(lines, &more);
    if (status != SOLID_OK || !more) return status;
    for (size_t i = 0; i < fields->count; i++)
      fields->at[i].data = lines->line + ((uintptr_t)fields->at[i].data - from);
    char *close = closing_quote(lines->line + looked, lines->line + lines->size);
    if (close) *behind = close + 1;
  }
  return SOLID_OK;
}

/* `opened`: where the line ends in which the field begins. */
static solid_status refuse_quote(const sol_fields *fields, sol_lines *lines, sol_lines_mark opened, int is_closed) {
  size_t closed = lines->number + lines->joined, over = lines->joined - opened.joined;
  sol_lines_part(lines, opened);
  if (!is_closed)
    return sol_lines_fail(lines,
                          "field %zu: the quote that opens it is not closed, neither in this line nor in what comes "
                          "(%d bytes at most): close it, or quote the field and write its quotes twice",
                          fields->count + 1, QUOTED_MOST);
  if (!over) return sol_lines_fail(lines, "field %zu: misplaced quote", fields->count + 1);
  return sol_lines_fail(lines,
                        "field %zu: misplaced quote: the field goes on over the end of the line, and what closes it in "
                        "line %zu ends no field",
                        fields->count + 1, closed);
}

/* Where the character comes next, or `end`: eight bytes at once, for most fields are shorter than a call takes. */
static inline char *find(char *at, char *end, char character) {
#if defined __BYTE_ORDER__ && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  const uint64_t ones = UINT64_C(0x0101010101010101), wanted = ones * (unsigned char)character;
  for (; end - at >= 8; at += 8) {
    uint64_t x = sol_eight(at) ^ wanted, hits = (x - ones) & ~x & ones << 7; /* the lowest is right */
    if (hits) return at + __builtin_ctzll(hits) / 8;
  }
#endif
  while (at < end && *at != character) at++;
  return at;
}

/* Where the separator comes next, or the end of the line. */
static inline char *next_separator(char *at, char *end, const char *separator, size_t width) {
  if (width == 1) return find(at, end, *separator);
  char *stop = strstr(at, separator);
  return stop ? stop : end;
}

/* The field that begins with the quote *at, which becomes what is behind it. */
static solid_status quoted_field(sol_fields *fields, sol_lines *lines, const char *separator, size_t width, char **at,
                                 solid_bytes *out) {
  sol_lines_mark opened = sol_lines_mark_end(lines);
  size_t open = (size_t)(*at - lines->line), size = lines->size;
  char *to = *at + 1, *behind = undo_quotes(to, &to);
  size_t written = (size_t)(to - lines->line);
  int is_open = !behind;
  solid_status status = is_open ? close_later(fields, lines, open, &behind) : SOLID_OK;
  if (status != SOLID_OK) return status;
  if (!behind || (*behind && strncmp(behind, separator, width) != 0))
    return refuse_quote(fields, lines, opened, behind != NULL);
  to = lines->line + written;
  if (is_open) undo_quotes(lines->line + size, &to);
  *out = (solid_bytes){lines->line + open + 1, (size_t)(to - lines->line) - open - 1};
  *at = behind;
  return SOLID_OK;
}

static solid_status split_at(sol_fields *fields, sol_lines *lines, const sol_separator *separator) {
  size_t width = separator->text[1] ? strlen(separator->text) : 1;
  char *end = lines->line + lines->size;
  for (char *at = lines->line;;) {
    solid_bytes field = {at, 0};
    if (separator->quotes && *at == '"') {
      solid_status status = quoted_field(fields, lines, separator->text, width, &at, &field);
      if (status != SOLID_OK) return status;
      end = lines->line + lines->size;
    } else {
      at = next_separator(at, end, separator->text, width);
      field.size = (size_t)(at - field.data);
    }
    int is_last = !*at;
    solid_status status = add_field(fields, field.data, field.size);
    if (status != SOLID_OK || is_last) return status;
    at += width;
  }
}

static solid_status split_at_blanks(sol_fields *fields, const sol_lines *lines) {
  const char *at = lines->line;
  solid_status status = SOLID_OK;
  for (at += strspn(at, " \t"); *at && status == SOLID_OK; at += strspn(at, " \t")) {
    size_t size = strcspn(at, " \t");
    status = add_field(fields, at, size);
    at += size;
  }
  return status;
}

/* What ends a line for other programs: two lines were taken for one, unless quotes say that it is meant. At the end of
 * the line more than one may stand. */
static solid_status check_returns(const sol_fields *fields, const sol_lines *lines) {
  size_t size = lines->size;
  while (size > 0 && lines->line[size - 1] == '\r') size--;
  if (!memchr(lines->line, '\r', size)) return SOLID_OK;
  for (size_t i = 0; i < fields->count; i++) {
    solid_bytes field = fields->at[i];
    const char *found = field.size ? memchr(field.data, '\r', field.size) : NULL;
    int is_quoted = field.data > lines->line && field.data[-1] == '"';
    if (!found || is_quoted || found >= lines->line + size) continue;
    return sol_lines_fail(lines,
                          "field %zu \"%s\" has a carriage return in it: does a line end in one alone? (tr '\\r' '\\n' "
                          "makes lines of them)",
                          i + 1, sol_show(field.data, field.size).text);
  }
  return SOLID_OK;
}

solid_status sol_fields_split(sol_fields *fields, sol_lines *lines, const sol_separator *separator) {
  fields->count = 0;
  solid_status status = separator->text[0] ? split_at(fields, lines, separator) : split_at_blanks(fields, lines);
  return status == SOLID_OK && lines->has_return ? check_returns(fields, lines) : status;
}

solid_status sol_check_id(const sol_lines *lines, const char *what, solid_bytes id) {
  if (id.size < 1 || id.size > SOLID_ID_MAX)
    return sol_lines_fail(lines, "%s of %zu bytes, want 1 to %d", what, id.size, SOLID_ID_MAX);
  if (!sol_is_utf8(id.data, id.size))
    return sol_lines_fail(lines, "%s \"%s\" is not UTF-8: write the file as UTF-8 (iconv -f LATIN1 -t UTF-8)", what,
                          sol_show(id.data, id.size).text);
  return SOLID_OK;
}

solid_status sol_fields_id(const sol_fields *fields, const sol_lines *lines, size_t index, const char *what,
                           solid_bytes *out) {
  if (index >= fields->count)
    return sol_lines_fail(lines, "%zu fields, %s is number %zu", fields->count, what, index + 1);
  *out = fields->at[index];
  if (lines->joined && memchr(out->data, '\n', out->size))
    return sol_lines_fail(lines, "%s \"%s\" goes over the end of the line: does a quote open it that nobody closes?",
                          what, sol_show(out->data, out->size).text);
  return sol_check_id(lines, what, *out);
}

int sol_bytes_equal(solid_bytes bytes, const char *text) {
  return bytes.size == strlen(text) && memcmp(bytes.data, text, bytes.size) == 0;
}

int sol_bytes_end_with(solid_bytes bytes, const char *text) {
  size_t size = strlen(text);
  return bytes.size >= size && memcmp(bytes.data + bytes.size - size, text, size) == 0;
}

void sol_list_clear(sol_list *list) {
  list->used = list->count = 0;
}

void sol_list_free(sol_list *list) {
  free(list->bytes);
  free(list->at);
  *list = (sol_list){0};
}

/* While a list grows, its bytes may move: only sizes are right until sol_list_finish. */
solid_status sol_list_add(sol_list *list, const char *prefix, solid_bytes text) {
  size_t head = strlen(prefix), size = head + text.size;
  if (list->room - list->used < size) {
    size_t room = 2 * list->room + size + 256;
    char *bytes = realloc(list->bytes, room);
    if (!bytes) return solid_fail(SOLID_ENOMEM, "no room for %zu bytes of strings", room);
    list->bytes = bytes;
    list->room = room;
  }
  if (list->count == list->places) {
    size_t places = 2 * list->places + 16;
    solid_bytes *at = realloc(list->at, places * sizeof *at);
    if (!at) return solid_fail(SOLID_ENOMEM, "no room for %zu strings", places);
    list->at = at;
    list->places = places;
  }
  if (head > 0) memcpy(list->bytes + list->used, prefix, head);
  if (text.size > 0) memcpy(list->bytes + list->used + head, text.data, text.size);
  list->at[list->count++] = (solid_bytes){NULL, size};
  list->used += size;
  return SOLID_OK;
}

void sol_list_finish(sol_list *list) {
  size_t offset = 0;
  for (size_t i = 0; i < list->count; i++) {
    list->at[i].data = list->bytes + offset;
    offset += list->at[i].size;
  }
}

const char *sol_fields_list(const sol_fields *fields, char *text, size_t size) {
  sol_text list = sol_text_start(text, size);
  size_t i = 0;
  for (; i < fields->count && list.used + 60 < size; i++)
    sol_text_add(&list, "%s\"%.40s\"", i ? " " : "", sol_show(fields->at[i].data, fields->at[i].size).text);
  if (i < fields->count) sol_text_add(&list, " ...");
  return text;
}
