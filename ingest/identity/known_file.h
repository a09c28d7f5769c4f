/* A file or a named input as a stream, while it is read (ingest/identity/file_stream.h says what it is known by). */
#ifndef INGEST_IDENTITY_KNOWN_FILE_H
#define INGEST_IDENTITY_KNOWN_FILE_H

#include "ingest/identity/file_stream.h"
#include "solid/context.h"
#include <stdio.h>

typedef struct sol_known_file sol_known_file;

/* Up to `size` bytes from where `user` stands; fewer: there are no more, or a stop came. SIZE_MAX, errno: it failed. */
typedef size_t (*sol_take_fn)(void *user, void *room, size_t size);

typedef struct sol_known_file_options {
  const solid_streams *streams;
  const char *path; /* of a file that can be read twice; NULL = `name` */
  const char *name; /* of what comes through a pipe */
  int is_new;       /* 1 = a new stream, whatever is known */
  sol_take_fn take; /* what was read before is read with it once more */
  void *take_user;
  solid_log_fn log; /* may be NULL */
  void *log_user;
} sol_known_file_options;

/* Copies `streams` and the texts. */
solid_status sol_known_file_open(sol_known_file **out, const sol_known_file_options *options);
void sol_known_file_close(sol_known_file *known);

/* Finds the stream and moves `file`, which is at its beginning, to where reading continues. *at is that place in bytes,
 * *lines the lines before it. Retriable: the streams are away, nothing was read. EMISMATCH: the input from the pipe
 * does not begin with what was read under the name, the file may be a known one that lost its end, or a stop came
 * before it was there. */
solid_status sol_known_file_start(sol_known_file *known, FILE *file, uint64_t *at, uint64_t *lines);

/* After the start. *is_new = 1: nothing of it was read before. */
uint64_t sol_known_file_stream(const sol_known_file *known, int *is_new);

/* Each line as it is read, with its newline; a long one in pieces, the first as a line. */
void sol_known_file_line(sol_known_file *known, const void *bytes, size_t size);
void sol_known_file_more(sol_known_file *known, const void *bytes, size_t size);

/* To be called before the lines read are applied: puts the stream into the store. Retriable statuses; EMISMATCH as
 * above. */
solid_status sol_known_file_register(sol_known_file *known);

/* Everything read is applied, except the last line if `is_open` is 1: it had no newline and may grow. The store is
 * updated once a second, and at the end. */
void sol_known_file_applied(sol_known_file *known, int is_open);
void sol_known_file_end(sol_known_file *known);

#endif
