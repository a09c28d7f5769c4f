#include "ingest/data/dataset_text.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define CHUNK        ((size_t)256 * 1024)
#define LINE_CEILING ((size_t)64 * 1024 * 1024)

solid_status sol_gzip_status(void *file, const char *path) {
  int code = Z_OK;
  const char *why = gzerror(file, &code);
  if (code == Z_OK || code == Z_STREAM_END) return SOLID_OK;
  if (code == Z_ERRNO) why = strerror(errno);
  int named = strncmp(why, path, strlen(path)) == 0; /* zlib names the file in most of its own messages */
  return named ? solid_fail(SOLID_EIO, "%s", why) : solid_fail(SOLID_EIO, "%s: %s", path, why);
}

solid_status sol_lines_open(sol_lines *lines, const char *path) {
  *lines = (sol_lines){.path = path};
  errno = 0;
  lines->file = gzopen(path, "rbe"); /* reads files that are not compressed as they are */
  if (!lines->file)
    return solid_fail(errno ? SOLID_EIO : SOLID_ENOMEM, "%s: %s", path, strerror(errno ? errno : ENOMEM));
  return SOLID_OK;
}

void sol_lines_close(sol_lines *lines) {
  if (lines->file) gzclose(lines->file);
  free(lines->buffer);
  *lines = (sol_lines){0};
}

solid_status sol_lines_fail(const sol_lines *lines, const char *format, ...) {
  char what[400];
  va_list args;
  va_start(args, format);
  vsnprintf(what, sizeof what, format, args);
  va_end(args);
  return solid_fail(SOLID_EFORMAT, "%s:%zu: %s", lines->path, lines->number, what);
}

/* Moves what is left to the front and reads on behind it. */
static solid_status read_more(sol_lines *lines) {
  size_t left = lines->end - lines->begin;
  if (left > LINE_CEILING) return sol_lines_fail(lines, "line over %zu bytes", LINE_CEILING);
  if (left > 0) memmove(lines->buffer, lines->buffer + lines->begin, left);
  lines->begin = 0;
  lines->end = left;
  if (lines->room < left + CHUNK + 1) {
    size_t room = 2 * left + CHUNK + 1; /* room for the final zero */
    char *buffer = realloc(lines->buffer, room);
    if (!buffer) return solid_fail(SOLID_ENOMEM, "%s: no room for a line of %zu bytes", lines->path, left);
    lines->buffer = buffer;
    lines->room = room;
  }
  int got = gzread(lines->file, lines->buffer + left, (unsigned)CHUNK);
  solid_status status = sol_gzip_status(lines->file, lines->path);
  if (status != SOLID_OK) return status;
  lines->end += (size_t)got;
  lines->at_end = got == 0;
  return SOLID_OK;
}

/* One line, blank or not. */
static solid_status next_line(sol_lines *lines, int *more) {
  char *stop = NULL;
  size_t searched = 0;
  lines->number++;
  for (;;) {
    char *from = lines->buffer ? lines->buffer + lines->begin : NULL;
    size_t left = lines->end - lines->begin;
    if (left > searched) stop = memchr(from + searched, '\n', left - searched);
    if (stop || lines->at_end) break;
    searched = left;
    solid_status status = read_more(lines);
    if (status != SOLID_OK) return status;
  }
  lines->line = lines->buffer + lines->begin;
  lines->size = stop ? (size_t)(stop - lines->line) : lines->end - lines->begin;
  *more = stop || lines->size > 0;
  lines->begin += lines->size + (stop != NULL);
  lines->line[lines->size] = 0;
  if (lines->size > 0 && lines->line[lines->size - 1] == '\r') lines->line[--lines->size] = 0;
  if (lines->number == 1 && lines->size >= 3 && memcmp(lines->line, "\xef\xbb\xbf", 3) == 0)
    lines->line += 3, lines->size -= 3; /* byte order mark */
  return SOLID_OK;
}

solid_status sol_lines_next(sol_lines *lines, int *more) {
  solid_status status;
  do status = next_line(lines, more);
  while (status == SOLID_OK && *more && strspn(lines->line, " \t") == lines->size);
  if (status == SOLID_OK && *more && memchr(lines->line, 0, lines->size))
    return sol_lines_fail(lines, "a zero byte: not a text file");
  return status;
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

/* One field of a csv line from `at` on, its quotes undone in place; returns where it ended, NULL when a quote stays
 * open. Quoted line breaks are not supported. */
static char *csv_field(char *at, solid_bytes *out) {
  char *to = at;
  out->data = at;
  if (*at != '"') {
    at += strcspn(at, ",");
    out->size = (size_t)(at - out->data);
    return at;
  }
  int is_closed = 0;
  for (at++; *at; at++) {
    is_closed = *at == '"' && *++at != '"'; /* "" stands for " */
    if (is_closed) break;
    *to++ = *at;
  }
  out->size = (size_t)(to - out->data);
  return is_closed && (*at == ',' || !*at) ? at : NULL;
}

static solid_status split_csv(sol_fields *fields, sol_lines *lines) {
  char *at = lines->line;
  for (;;) {
    solid_bytes field;
    at = csv_field(at, &field);
    if (!at) return sol_lines_fail(lines, "field %zu: misplaced quote", fields->count + 1);
    char end = *at;
    solid_status status = add_field(fields, field.data, field.size);
    if (status != SOLID_OK || !end) return status;
    at++;
  }
}

solid_status sol_fields_split(sol_fields *fields, sol_lines *lines, sol_separator separator) {
  fields->count = 0;
  if (separator == SOL_COMMA) return split_csv(fields, lines);
  const char *at = lines->line;
  solid_status status = SOLID_OK;
  if (separator == SOL_SPACES) {
    for (at += strspn(at, " \t"); *at && status == SOLID_OK; at += strspn(at, " \t")) {
      size_t size = strcspn(at, " \t");
      status = add_field(fields, at, size);
      at += size;
    }
    return status;
  }
  const char *mark = separator == SOL_TAB ? "\t" : "::";
  for (;;) {
    const char *stop = strstr(at, mark);
    status = add_field(fields, at, stop ? (size_t)(stop - at) : strlen(at));
    if (status != SOLID_OK || !stop) return status;
    at = stop + strlen(mark);
  }
}

solid_status sol_check_id(const sol_lines *lines, const char *what, solid_bytes id) {
  if (id.size < 1 || id.size > SOLID_ID_MAX)
    return sol_lines_fail(lines, "%s of %zu bytes, want 1 to %d", what, id.size, SOLID_ID_MAX);
  return SOLID_OK;
}

solid_status sol_fields_id(const sol_fields *fields, const sol_lines *lines, size_t index, const char *what,
                           solid_bytes *out) {
  if (index >= fields->count)
    return sol_lines_fail(lines, "%zu fields, %s is number %zu", fields->count, what, index + 1);
  *out = fields->at[index];
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
