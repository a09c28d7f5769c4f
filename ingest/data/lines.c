#include "ingest/data/text.h"
#include "ingest/data/unpack.h"
#include "ingest/data_file.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHUNK        ((size_t)256 * 1024)
#define LOOKED_AT    ((size_t)128 * 1024) /* twice the longest JSON event */
#define TOLD_EVERY   ((uint64_t)4 * 1024 * 1024)
#define LINE_CEILING ((size_t)64 * 1024 * 1024)

solid_status sol_lines_fail(const sol_lines *lines, const char *format, ...) {
  char what[400];
  va_list args;
  va_start(args, format);
  vsnprintf(what, sizeof what, format, args);
  va_end(args);
  return solid_fail(SOLID_EFORMAT, "%s:%zu: %s", lines->path, lines->number ? lines->number : 1, what);
}

static void tell(sol_lines *lines) {
  uint64_t bytes = lines->all ? sol_unpack_used(lines->file) : lines->taken;
  lines->told = lines->taken;
  lines->progress(lines->progress_user, lines->is_half && lines->all ? bytes / 2 : bytes, lines->all);
}

void sol_lines_tell_second(const sol_lines *lines, double share) {
  if (!lines->progress || !lines->all) return;
  lines->progress(lines->progress_user, lines->all / 2 + (uint64_t)(share * (double)(lines->all - lines->all / 2)),
                  lines->all);
}

/* So many bytes came out of the file. */
static void count(sol_lines *lines, size_t bytes) {
  lines->taken += bytes;
  if (lines->progress && lines->taken - lines->told >= TOLD_EVERY) tell(lines);
}

/* Moves the unread bytes to the front and reads more behind them. */
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
  size_t got = 0;
  solid_status status = sol_unpack_read(lines->file, lines->buffer + left, CHUNK, &got);
  if (status != SOLID_OK) return status;
  if (!lines->has_zero) lines->has_zero = memchr(lines->buffer + left, 0, got) != NULL;
  if (!lines->has_return) lines->has_return = memchr(lines->buffer + left, '\r', got) != NULL;
  lines->end += got;
  lines->at_end = got == 0;
  count(lines, got);
  return SOLID_OK;
}

static solid_status begin_bytes(sol_lines *lines) {
  solid_status status = SOLID_OK;
  while (status == SOLID_OK && !lines->at_end && lines->end < LOOKED_AT) status = read_more(lines);
  return status;
}

static solid_status begin_lines(sol_lines *lines) {
  solid_status status = begin_bytes(lines);
  if (status != SOLID_OK) return status;
  if (lines->end >= 3 && memcmp(lines->buffer, "\xef\xbb\xbf", 3) == 0) lines->begin = 3; /* byte order mark */
  return sol_check_magic(lines->path, lines->buffer, lines->end);
}

solid_status sol_bytes_open(sol_lines *lines, const char *path) {
  *lines = (sol_lines){.path = path};
  solid_status status = sol_unpack_open(&lines->file, path, &lines->all);
  return status == SOLID_OK ? begin_bytes(lines) : status;
}

solid_status sol_lines_open(sol_lines *lines, const char *path) {
  *lines = (sol_lines){.path = path};
  solid_status status = sol_unpack_open(&lines->file, path, &lines->all);
  return status == SOLID_OK ? begin_lines(lines) : status;
}

/* To the reader the file would be one line. Spaces in JSON may be anything, but an event is a line there, too. */
solid_status sol_lines_check_ends(const sol_lines *lines) {
  const char *text = lines->buffer + lines->begin;
  size_t size = lines->end - lines->begin;
  const char *mark = size ? memchr(text, '\r', size) : NULL;
  if (!mark || mark == text + size - 1 || memchr(text, '\n', size)) return SOLID_OK;
  return solid_fail(SOLID_EFORMAT, "%s: its lines end in carriage returns alone: tr '\\r' '\\n' makes lines of them",
                    lines->path);
}

solid_status solid_data_read_lines(const char *path, solid_line_sink sink, void *context) {
  sol_lines lines = {.path = path};
  int more = 1;
  if (!path || !sink) return solid_fail(SOLID_EINVAL, "read lines: NULL argument");
  solid_status status = strcmp(path, "-") == 0 ? sol_unpack_take(&lines.file, dup(STDIN_FILENO), path, &lines.all)
                                               : sol_unpack_open(&lines.file, path, &lines.all);
  if (status == SOLID_OK) status = begin_lines(&lines);
  if (status == SOLID_OK) status = sol_lines_check_ends(&lines);
  while (status == SOLID_OK) {
    status = sol_lines_next(&lines, &more);
    if (status != SOLID_OK || !more) break;
    status = sink(context, (solid_bytes){lines.line, lines.size}, lines.number);
  }
  sol_lines_close(&lines);
  return status;
}

void sol_lines_close(sol_lines *lines) {
  sol_unpack_close(lines->file);
  free(lines->buffer);
  *lines = (sol_lines){0};
}

solid_status sol_lines_sample(const sol_lines *lines, sol_lines *sample) {
  size_t size = lines->end - lines->begin;
  *sample = (sol_lines){.path = lines->path, .end = size, .room = size + 1, .at_end = 1, .is_cut = !lines->at_end};
  sample->has_zero = lines->has_zero, sample->has_return = lines->has_return;
  sample->buffer = malloc(size + 1);
  if (!sample->buffer) return solid_fail(SOLID_ENOMEM, "%s: no room for %zu bytes", lines->path, size);
  if (size > 0) memcpy(sample->buffer, lines->buffer + lines->begin, size);
  return SOLID_OK;
}

solid_status sol_bytes_read(sol_lines *lines, void *buffer, size_t size, size_t *got) {
  size_t left = lines->end - lines->begin, more = 0;
  *got = left < size ? left : size;
  if (*got) memcpy(buffer, lines->buffer + lines->begin, *got);
  lines->begin += *got;
  if (*got == size || !lines->file) return SOLID_OK;
  solid_status status = sol_unpack_read(lines->file, (char *)buffer + *got, size - *got, &more);
  *got += more;
  count(lines, more);
  return status;
}

/* A line from `begin` on, of which the first bytes are known to have no end. */
static solid_status take_line(sol_lines *lines, size_t searched, int *more) {
  char *stop = NULL;
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
  *more = stop || (lines->size > 0 && !(lines->is_cut && lines->number > 1));
  lines->begin += lines->size + (stop != NULL);
  lines->has_end = stop != NULL;
  lines->line[lines->size] = 0;
  if (lines->size > 0 && lines->line[lines->size - 1] == '\r') lines->line[--lines->size] = 0;
  return SOLID_OK;
}

/* One line, blank or not. */
static solid_status next_line(sol_lines *lines, int *more) {
  lines->number += 1 + lines->joined;
  lines->joined = 0;
  return take_line(lines, 0, more);
}

sol_lines_mark sol_lines_mark_end(const sol_lines *lines) {
  return (sol_lines_mark){(size_t)(lines->buffer + lines->begin - lines->line), lines->joined};
}

/* The line end that zeroes were written over. */
static void put_end_back(sol_lines *lines) {
  char *next = lines->buffer + lines->begin;
  size_t size = (size_t)(next - lines->line) - lines->size;
  if (lines->has_end) next[-1] = '\n';
  if (size > (size_t)lines->has_end) lines->line[lines->size] = '\r';
}

void sol_lines_part(sol_lines *lines, sol_lines_mark mark) {
  put_end_back(lines);
  lines->begin = (size_t)(lines->line - lines->buffer) + mark.bytes;
  lines->number += mark.joined;
  lines->joined = 0;
}

solid_status sol_lines_join(sol_lines *lines, int *more) {
  sol_lines_mark mark = sol_lines_mark_end(lines);
  *more = !lines->at_end || lines->begin < lines->end;
  if (!*more) return SOLID_OK;
  put_end_back(lines);
  lines->begin -= mark.bytes;
  solid_status status = take_line(lines, mark.bytes, more);
  if (status != SOLID_OK) return status;
  *more = lines->size > mark.bytes || lines->has_end;
  lines->joined += (size_t)*more;
  if (lines->has_zero && *more && memchr(lines->line + mark.bytes, 0, lines->size - mark.bytes))
    return sol_lines_fail(lines, "a zero byte: not a text file");
  return SOLID_OK;
}

static int is_blank(const sol_lines *lines) {
  size_t i = 0;
  while (i < lines->size && (lines->line[i] == ' ' || lines->line[i] == '\t')) i++;
  return i == lines->size;
}

solid_status sol_lines_next(sol_lines *lines, int *more) {
  solid_status status;
  do status = next_line(lines, more);
  while (status == SOLID_OK && *more && is_blank(lines));
  if (status == SOLID_OK && *more && lines->has_zero && memchr(lines->line, 0, lines->size))
    return sol_lines_fail(lines, "a zero byte: not a text file");
  return status;
}
