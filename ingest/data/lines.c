#define _GNU_SOURCE /* F_SETPIPE_SZ */
#include "ingest/data/text.h"
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define CHUNK        ((size_t)256 * 1024)
#define LOOKED_AT    ((size_t)128 * 1024) /* twice the longest JSON event */
#define TOLD_EVERY   ((uint64_t)4 * 1024 * 1024)
#define PIPE_BYTES   (1 << 20)
#define LINE_CEILING ((size_t)64 * 1024 * 1024)

solid_status sol_gzip_status(void *file, const char *path) {
  int code = Z_OK;
  const char *why = gzerror(file, &code);
  if (code == Z_OK || code == Z_STREAM_END) return SOLID_OK;
  if (code == Z_ERRNO) why = strerror(errno);
  const char *after = strncmp(why, "<fd:", 4) == 0 ? strstr(why, ">: ") : NULL; /* its name of a file opened here */
  if (after) why = after + 3;
  int named = strncmp(why, path, strlen(path)) == 0; /* zlib names the file in most of its own messages */
  return named ? solid_fail(SOLID_EIO, "%s", why) : solid_fail(SOLID_EIO, "%s: %s", path, why);
}

solid_status sol_lines_fail(const sol_lines *lines, const char *format, ...) {
  char what[400];
  va_list args;
  va_start(args, format);
  vsnprintf(what, sizeof what, format, args);
  va_end(args);
  return solid_fail(SOLID_EFORMAT, "%s:%zu: %s", lines->path, lines->number ? lines->number : 1, what);
}

static void tell(sol_lines *lines) {
  z_off_t compressed = lines->all ? gzoffset(lines->file) : -1; /* where a plain file is, too; -1 of a pipe */
  uint64_t bytes = compressed < 0 ? lines->taken : (uint64_t)compressed;
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
  int got = gzread(lines->file, lines->buffer + left, (unsigned)CHUNK);
  solid_status status = sol_gzip_status(lines->file, lines->path);
  if (status != SOLID_OK) return status;
  if (!lines->has_zero) lines->has_zero = memchr(lines->buffer + left, 0, (size_t)got) != NULL;
  lines->end += (size_t)got;
  lines->at_end = got == 0;
  count(lines, (size_t)got);
  return SOLID_OK;
}

/* A pipe of the usual 64 KiB has reader and writer wait for each other at every thousandth line or so. A system that
 * gives no more leaves it as it is. */
static void widen_pipe(int file) {
#ifdef F_SETPIPE_SZ
  fcntl(file, F_SETPIPE_SZ, PIPE_BYTES);
#else
  (void)file;
#endif
}

/* Files that are not compressed are read as they are. `all` becomes the size of a regular file. */
static void *open_file(const char *path, uint64_t *all) {
  struct stat facts;
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return NULL;
  int is_known = fstat(file, &facts) == 0;
  if (is_known && S_ISREG(facts.st_mode)) *all = (uint64_t)facts.st_size;
  if (is_known && S_ISFIFO(facts.st_mode)) widen_pipe(file);
  void *opened = gzdopen(file, "rb");
  if (!opened) close(file);
  return opened;
}

solid_status sol_bytes_open(sol_lines *lines, const char *path) {
  *lines = (sol_lines){.path = path};
  errno = 0;
  lines->file = open_file(path, &lines->all);
  if (!lines->file)
    return solid_fail(errno ? SOLID_EIO : SOLID_ENOMEM, "%s: %s", path, strerror(errno ? errno : ENOMEM));
  solid_status status = SOLID_OK;
  while (status == SOLID_OK && !lines->at_end && lines->end < LOOKED_AT) status = read_more(lines);
  return status;
}

solid_status sol_lines_open(sol_lines *lines, const char *path) {
  solid_status status = sol_bytes_open(lines, path);
  if (status != SOLID_OK) return status;
  if (lines->end >= 3 && memcmp(lines->buffer, "\xef\xbb\xbf", 3) == 0) lines->begin = 3; /* byte order mark */
  return sol_check_magic(path, lines->buffer, lines->end);
}

void sol_lines_close(sol_lines *lines) {
  if (lines->file) gzclose(lines->file);
  free(lines->buffer);
  *lines = (sol_lines){0};
}

solid_status sol_lines_sample(const sol_lines *lines, sol_lines *sample) {
  size_t size = lines->end - lines->begin;
  *sample = (sol_lines){.path = lines->path, .end = size, .room = size + 1, .at_end = 1, .is_cut = !lines->at_end};
  sample->has_zero = lines->has_zero;
  sample->buffer = malloc(size + 1);
  if (!sample->buffer) return solid_fail(SOLID_ENOMEM, "%s: no room for %zu bytes", lines->path, size);
  if (size > 0) memcpy(sample->buffer, lines->buffer + lines->begin, size);
  return SOLID_OK;
}

solid_status sol_bytes_read(sol_lines *lines, void *buffer, size_t size, size_t *got) {
  for (*got = 0; *got < size;) {
    size_t n = sol_lines_bytes(lines, (char *)buffer + *got, size - *got);
    if (n == 0 || n == SIZE_MAX) return sol_gzip_status(lines->file, lines->path);
    *got += n;
  }
  return SOLID_OK;
}

size_t sol_lines_bytes(sol_lines *lines, void *buffer, size_t size) {
  size_t left = lines->end - lines->begin;
  if (left > 0) {
    if (size > left) size = left;
    memcpy(buffer, lines->buffer + lines->begin, size);
    lines->begin += size;
    return size;
  }
  if (!lines->file) return 0;
  int got = gzread(lines->file, buffer, (unsigned)(size < CHUNK ? size : CHUNK));
  if (got < 0) return SIZE_MAX;
  count(lines, (size_t)got);
  return (size_t)got;
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
  *more = stop || (lines->size > 0 && !(lines->is_cut && lines->number > 1));
  lines->begin += lines->size + (stop != NULL);
  lines->line[lines->size] = 0;
  if (lines->size > 0 && lines->line[lines->size - 1] == '\r') lines->line[--lines->size] = 0;
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
