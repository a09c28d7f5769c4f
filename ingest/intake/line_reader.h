/* Lines of a file or a pipe, as an event source reads them. */
#ifndef INGEST_INTAKE_LINE_READER_H
#define INGEST_INTAKE_LINE_READER_H

#include "ingest/identity/known_file.h"
#include "ingest/intake/piped.h"
#include <stdio.h>

/* Zeroed at first; `text` is freed by who has it. */
typedef struct sol_line {
  char *text; /* `room` bytes and a zero, reused */
  size_t size, room;
  uint64_t number;
  int is_open; /* the file ends in it */
} sol_line;

typedef struct sol_line_reader {
  FILE *file;
  sol_piped piped; /* what is read of it, where it is a pipe */
  const atomic_int *stopped;
  int is_file;           /* can be read twice */
  uint64_t lines, at;    /* lines and bytes that were read */
  sol_known_file *known; /* borrowed; is given what is read; NULL = nobody is */
} sol_line_reader;

/* Opens a zeroed reader; close it after a failure, too. "-" = standard input. A regular file is also checked for gzip,
 * of which every line would be rejected. EIO, EFORMAT; the text names the path. */
solid_status sol_line_reader_open(sol_line_reader *reader, const char *path, const atomic_int *stopped);
void sol_line_reader_close(sol_line_reader *reader);

/* The next line, with its end; of a long one as much as shows that it is too large for an event. *is_there 0 = no more,
 * or a read that failed. ENOMEM. */
solid_status sol_line_reader_next(sol_line_reader *reader, sol_line *line, int *is_there);

/* A sol_take_fn with a reader: of a pipe, a stop ends its wait. */
size_t sol_line_reader_take(void *reader, void *room, size_t size);

/* 1 after a read that failed. */
int sol_line_reader_has_failed(const sol_line_reader *reader);

#endif
