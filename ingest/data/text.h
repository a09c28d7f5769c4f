/* What the readers of data files have in common: lines with their numbers, fields, lists of strings. */
#ifndef INGEST_DATA_TEXT_H
#define INGEST_DATA_TEXT_H

#include "solid/extend.h"
#include "solid/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A text file, plain or gzip, read line by line. */
typedef struct sol_lines {
  const char *path;        /* borrowed */
  struct sol_unpack *file; /* NULL = a sample: what is in the buffer is all */
  size_t number;           /* of the current line, from 1; of the first of lines that were joined */
  size_t joined;           /* so many lines more belong to the current one */
  char *line;              /* current line, zero-terminated, without its end; the reader may change it */
  size_t size;
  char *buffer;
  size_t begin, end, room;
  int at_end, has_end;      /* the current line ended in a line feed */
  int has_zero, has_return; /* a byte of what was read so far is zero, or a carriage return */
  void (*progress)(void *user, uint64_t bytes, uint64_t all); /* of solid_data_options; NULL = nobody */
  void *progress_user;
  uint64_t taken, told, all; /* bytes: out of the file, when progress was last told, of the file (0 = unknown) */
  int is_half;               /* reading is the first half of the work, of which progress is told */
  int is_cut;                /* of a sample: the file goes on behind it; its only line may be the beginning of one */
} sol_lines;

/* Opens a file of any kind and reads its first bytes into the buffer. */
solid_status sol_bytes_open(sol_lines *lines, const char *path);

/* Reads `size` bytes, or all that are left: *got. EIO. */
solid_status sol_bytes_read(sol_lines *lines, void *buffer, size_t size, size_t *got);

/* Opens a text file. EFORMAT if its first bytes are those of a known binary format. */
solid_status sol_lines_open(sol_lines *lines, const char *path);
void sol_lines_close(sol_lines *lines);

/* EFORMAT where the first bytes have carriage returns alone for line ends. */
solid_status sol_lines_check_ends(const sol_lines *lines);

/* A copy of the first bytes, to be read line by line without moving `lines`; ended by sol_lines_close. A last line that
 * may be incomplete is left out, unless it is the only one. */
solid_status sol_lines_sample(const sol_lines *lines, sol_lines *sample);

/* The next line that is not blank; *more becomes 0 at the end of the file. */
solid_status sol_lines_next(sol_lines *lines, int *more);

/* Makes the current line longer by the next one, blank or not, and by the line end between them; it may move. *more =
 * 0: there is none, and the line is as it was. */
solid_status sol_lines_join(sol_lines *lines, int *more);

/* Where the current line ends, to be gone back to with sol_lines_part. */
typedef struct sol_lines_mark {
  size_t bytes, joined;
} sol_lines_mark;
sol_lines_mark sol_lines_mark_end(const sol_lines *lines);
/* What was joined since the mark is to be read as lines of its own. The current line is not there any more, and its
 * number is that of the line that ended at the mark. */
void sol_lines_part(sol_lines *lines, sol_lines_mark mark);

/* Tells progress that this share of the second half of the work is done. */
void sol_lines_tell_second(const sol_lines *lines, double share);

/* EFORMAT and "path:line: what". */
solid_status sol_lines_fail(const sol_lines *lines, const char *format, ...) SOLID_PRINTF(2, 3);

/* EFORMAT where `bytes` begin a file that is no text: what it is, and how to get text from it. */
solid_status sol_check_magic(const char *path, const char *bytes, size_t size);

/* How a line falls into fields. */
#define SOL_SEPARATOR_SIZE 8
typedef struct sol_separator {
  char text[SOL_SEPARATOR_SIZE]; /* "" = any run of blanks and tabs */
  int quotes;                    /* a field may be in quotes: of commas and semicolons, or where the header is */
} sol_separator;

/* "comma", "tab", ... or the characters themselves. EINVAL. */
solid_status sol_separator_find(const char *name, sol_separator *out);
/* "commas", "tabs", ..., or the characters. */
const char *sol_separator_name(const sol_separator *separator);

/* The separators that have names, numbered from 0; 0 if there is none of this number. */
int sol_separator_at(size_t index, sol_separator *out);

typedef struct sol_fields {
  solid_bytes *at;
  size_t count, room;
} sol_fields;

/* Splits the current line in place; the fields point into it. A field in quotes that the line leaves open goes on in
 * the next one, which is joined. EFORMAT: quotes that are no quotes; the lines behind the one where they began are read
 * for themselves. */
solid_status sol_fields_split(sol_fields *fields, sol_lines *lines, const sol_separator *separator);

/* The fields in quotes, for a message, cut where it gets long; returns `text`. */
const char *sol_fields_list(const sol_fields *fields, char *text, size_t size);

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

/* Calls `entry` for every key of the JSON object that `lines` hold, whose values are lists of strings and integers, in
 * the file's order. */
typedef solid_status (*sol_entry_fn)(void *context, solid_bytes key, const sol_list *values);
solid_status sol_json_lists(sol_lines *lines, sol_entry_fn entry, void *context);

/* The same where the values are strings. ENOTFOUND: the first one is none. */
solid_status sol_json_titles(sol_lines *lines, solid_status (*entry)(void *context, solid_bytes key, solid_bytes value),
                             void *context);

#ifdef __cplusplus
}
#endif
#endif
