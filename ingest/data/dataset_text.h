/* What the readers of dataset.h have in common: lines with their numbers, fields, JSON documents, lists of strings. */
#ifndef INGEST_DATA_DATASET_TEXT_H
#define INGEST_DATA_DATASET_TEXT_H

#include "solid/extend.h"
#include "solid/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A text file, plain or gzip, read line by line. */
typedef struct sol_lines {
  const char *path;
  void *file;    /* gzFile */
  size_t number; /* of the current line, from 1 */
  char *line;    /* current line, zero-terminated, without its end; the reader may change it */
  size_t size;
  char *buffer;
  size_t begin, end, room;
  int at_end;
} sol_lines;

solid_status sol_lines_open(sol_lines *lines, const char *path);
void sol_lines_close(sol_lines *lines);

/* The next line that is not blank; *more becomes 0 at the end of the file. */
solid_status sol_lines_next(sol_lines *lines, int *more);

/* EIO where the last read from a gzFile, opened by `path`, went wrong: path and reason. */
solid_status sol_gzip_status(void *file, const char *path);

/* EFORMAT and "path:line: what". */
solid_status sol_lines_fail(const sol_lines *lines, const char *format, ...) SOLID_PRINTF(2, 3);

/* How a line falls into fields. */
typedef enum sol_separator { SOL_SPACES, SOL_TAB, SOL_COLONS, SOL_COMMA } sol_separator;

typedef struct sol_fields {
  solid_bytes *at;
  size_t count, room;
} sol_fields;

/* Splits the current line in place; the fields point into it. SOL_COMMA undoes quotes. */
solid_status sol_fields_split(sol_fields *fields, sol_lines *lines, sol_separator separator);

/* Field `index` as an id of 1 .. SOLID_ID_MAX bytes, named `what` in messages. */
solid_status sol_fields_id(const sol_fields *fields, const sol_lines *lines, size_t index, const char *what,
                           solid_bytes *out);
solid_status sol_check_id(const sol_lines *lines, const char *what, solid_bytes id);

int sol_bytes_equal(solid_bytes bytes, const char *text);
int sol_bytes_end_with(solid_bytes bytes, const char *text);

/* Strings in one piece of memory. `at` is valid after sol_list_finish until the next change. */
typedef struct sol_list {
  char *bytes;
  size_t used, room;
  solid_bytes *at;
  size_t count, places;
} sol_list;

void sol_list_clear(sol_list *list); /* keeps the memory */
void sol_list_free(sol_list *list);
solid_status sol_list_add(sol_list *list, const char *prefix, solid_bytes text);
void sol_list_finish(sol_list *list);

/* Calls `entry` for every key of a JSON object whose values are lists of strings and integers, in the file's order. */
typedef solid_status (*sol_entry_fn)(void *context, solid_bytes key, const sol_list *values);
solid_status sol_json_lists(const char *path, sol_entry_fn entry, void *context);

#ifdef __cplusplus
}
#endif
#endif
