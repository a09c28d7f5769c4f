/* Readers of data files: events for training and for a stream, and attributes, titles and vectors of items.
 *
 * A file of events is opened once and read once: open -> info -> read -> report. The first 128 KiB decide the format
 * and are kept, so that a pipe can be read too. Files that end in .gz, or start like gzip, are decompressed with zlib.
 *
 * A reader never guesses: what it does not understand gives SOLID_EFORMAT with "path:line: what" in solid_last_error(),
 * and a file that cannot be opened or read gives SOLID_EIO with the path. Blank lines are skipped; lines may end in
 * \r\n; a field in quotes may go over line ends; ids are bytes, 1 to SOLID_ID_MAX of them. What a sink receives is
 * borrowed for the call. A sink that returns anything but SOLID_OK ends the reading, and the reader returns the same
 * status. */
#ifndef SOLID_INGEST_DATA_FILE_H
#define SOLID_INGEST_DATA_FILE_H

#include "ingest/worth.h"
#include "solid/status.h"
#include "solid/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Formats of event files, with the names that --format takes. A file of two columns is `pairs` when its first two
 * lines have exactly two fields, else `rows`; if all lines have the same number of fields, three or more, the file is
 * not taken for `rows` unless the format says so. `histories` look like attributes of items, so the format must be
 * given. Files of some public data sets that say nothing about their columns are known by their first lines
 * (ingest/README.md lists them). */
#define SOLID_DATA_FORMAT_MAP(X)                                                                                       \
  X(AUTO, "auto")           /* decided by the first lines */                                                           \
  X(ROWS, "rows")           /* user item item ...                    oldest first */                                   \
  X(PAIRS, "pairs")         /* user item                             oldest first */                                   \
  X(MOVIELENS, "movielens") /* user::item::rating::seconds           ratings.dat */                                    \
  X(CSV, "csv")             /* userId,movieId,rating,timestamp       ratings.csv, columns by name */                   \
  X(RECBOLE, "recbole")     /* user_id:token <tab> item_id:token ... .inter, columns by name */                        \
  X(TABLE, "table")         /* user movie rating ts ...              columns by name, any separator */                 \
  X(EVENTS, "events")       /* {"user":..,"item":..,"event":..,"ts":..}  one a line, ts in milliseconds */             \
  X(REVIEWS, "reviews") /* {"reviewerID":..,"asin":..}  or  {"user_id":..,"parent_asin":..}  Amazon's, one a line */   \
  X(HISTORIES, "histories") /* {"user": [item, ...], ...}            oldest first; never by AUTO */

typedef enum solid_data_format {
#define SOLID_DATA_ENUM(name, text) SOLID_DATA_##name,
  SOLID_DATA_FORMAT_MAP(SOLID_DATA_ENUM)
#undef SOLID_DATA_ENUM
} solid_data_format;

/* Names of columns that are recognised, in any order; case and _ do not matter. */
#define SOLID_DATA_USER_NAMES   "user, user_id"
#define SOLID_DATA_ITEM_NAMES   "item, item_id, movie, movie_id, product, product_id"
#define SOLID_DATA_TIME_NAMES   "timestamp, time, ts, ts_lo"
#define SOLID_DATA_RATING_NAMES "rating"
#define SOLID_DATA_KIND_NAMES   "event, event_type, kind, action"
#define SOLID_DATA_LIST_NAMES   "item_id_list"

/* Unit of a column of times, one per file. AUTO decides by the first time (below 1e11 seconds, below 1e14
 * milliseconds, else microseconds; with dashes ISO 8601), and a later time of another unit is an error. */
typedef enum solid_time_unit {
  SOLID_TIME_AUTO = 0,
  SOLID_TIME_SECONDS = 1,      /* may have a fraction */
  SOLID_TIME_MILLISECONDS = 2, /* since 1970-01-01 UTC, as are all units */
  SOLID_TIME_MICROSECONDS = 3,
  SOLID_TIME_ISO = 4 /* 2023-07-22, 2023-07-22T06:40:00.5Z, +02:00; a blank for the T; UTC without a zone */
} solid_time_unit;

/* Reads `text` in *unit; if that is AUTO, the text decides and *unit is set. `is_given` = 1: the caller chose the unit,
 * and any number is accepted, however early. EFORMAT: not a time, or a time of another unit. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_time_read(solid_bytes text, solid_time_unit *unit, int is_given,
                                                          int64_t *out);

/* `bytes` of the file are read, compressed ones where it is; `all` of them are there, 0 = unknown, as of a pipe. Where
 * the file has times and `all` is known, half of a byte counts when it is read, and half when its event is passed on in
 * order. */
typedef void (*solid_data_progress)(void *user, uint64_t bytes, uint64_t all);

/* Options of files with one event per row (movielens, csv, recbole, table). A column is a name, or a number from 1;
 * NULL = a recognised name. Texts are borrowed until the file is closed. */
typedef struct solid_data_options {
  uint32_t struct_size; /* set by SOLID_DATA_OPTIONS_INIT */
  uint32_t format;      /* solid_data_format */
  const char *user_column, *item_column, *time_column, *rating_column, *kind_column;
  const char *separator; /* comma, semicolon, tab, pipe, colons, blanks, or up to 7 characters; NULL = decided by the
                            first line */
  int no_header;         /* the first line is an event: columns are numbers */
  uint32_t time_unit;    /* solid_time_unit */
  uint64_t bad_lines;    /* bad lines to leave out, each of a row of several; one more ends the reading */
  const solid_worth_rule *worth; /* for any format: what events are worth; NULL = each is a step */
  solid_data_progress progress;  /* told how much of the file is read, every few MB; NULL = nobody */
  void *progress_user;
} solid_data_options;

#define SOLID_DATA_OPTIONS_INIT                                                                                        \
  {                                                                                                                    \
    sizeof(solid_data_options), SOLID_DATA_AUTO, NULL, NULL, NULL, NULL, NULL, NULL, 0, SOLID_TIME_AUTO, 0, NULL,      \
        NULL, NULL                                                                                                     \
  }

/* The same for callers who cannot use macros. */
SOLID_API solid_data_options solid_data_options_default(void);

/* What a file has, known before it is read. Texts are borrowed from the file. */
typedef struct solid_data_info {
  uint32_t struct_size;
  uint32_t format;       /* solid_data_format */
  const char *separator; /* in words: "tabs"; NULL if the format has none */
  int has_header;
  size_t columns; /* in the header or the first line; 0 if the format has none */
  const char *user_column, *item_column, *time_column, *rating_column, *kind_column; /* names or numbers; NULL = none */
  int has_times;              /* 1 = the events have times; 0 = only their order is known */
  int has_ratings, has_kinds; /* lines of JSON may have both */
  uint32_t time_unit;         /* solid_time_unit; AUTO = not known before the first time is read */
  int has_histories;          /* 1 = a line is a history so far (item_id_list), not an event */
} solid_data_info;

#define SOLID_DATA_INFO_INIT                                                                                           \
  { sizeof(solid_data_info), SOLID_DATA_AUTO, NULL, 0, 0, NULL, NULL, NULL, NULL, NULL, 0, 0, 0, SOLID_TIME_AUTO, 0 }

#define SOLID_DATA_SAID 3 /* odd lines that are kept as texts */

/* What was read so far, and what was odd. Texts ("path:line: what") are borrowed from the file; NULL = no more. */
typedef struct solid_data_report {
  uint32_t struct_size;
  uint64_t events;      /* given to the sink */
  uint64_t bad_lines;   /* left out */
  uint64_t implausible; /* events with a time before 1980 or after 2100, which are kept but may have another unit */
  const char *bad[SOLID_DATA_SAID], *odd_time[SOLID_DATA_SAID];
  uint64_t dislikes; /* among the events */
  uint64_t nothing;  /* events that are worth nothing and were left out */
} solid_data_report;

#define SOLID_DATA_REPORT_INIT                                                                                         \
  { .struct_size = sizeof(solid_data_report) }

/* `events` (count >= 1, at most a few thousand) of any users; each user's events come oldest first. `ratings` (count):
 * NAN for an event without one; NULL if the file has no ratings. */
typedef solid_status (*solid_data_sink)(void *context, const solid_event *events, const double *ratings, size_t count);

/* One item and its attributes as strings, e.g. "Comedy", or "release_year=1995" if the file names its columns.
 * `count` may be 0. An item comes at most once per line (or key) that names it. */
typedef solid_status (*solid_attributes_sink)(void *context, solid_bytes item, const solid_bytes *attributes,
                                              size_t count);

/* One row of a file of vectors: item id and `width` floats. */
typedef solid_status (*solid_vector_sink)(void *context, solid_bytes item, const float *vector, size_t width);

/* A line without its end, behind which is a zero; `number` counts from 1. */
typedef solid_status (*solid_line_sink)(void *context, solid_bytes line, uint64_t number);

/* Finds the format called `name`. EINVAL: no such format; the text lists them. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_data_format_find(const char *name, solid_data_format *out);

/* An open file of events. One thread at a time. */
typedef struct solid_data_file solid_data_file;

/* Opens and judges. *out is owned by the caller: solid_data_file_close. `options` NULL = the defaults. A device or a
 * pipe is accepted. EIO, ENOMEM. EINVAL: contradictory options. EFORMAT: the file is of an unknown kind or could be
 * read in two ways; the text names the options that decide. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_data_file_open(solid_data_file **out, const char *path,
                                                               const solid_data_options *options);

/* What the file has. info->struct_size must be set. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_data_file_get_info(const solid_data_file *file, solid_data_info *info);

/* Reads every event, once.
 *
 * Files with times (movielens; csv, recbole and table with a column of times) are sorted stably by time within each
 * user, and users come in the order of their first line. Files without times give time_ms = the event's number in the
 * file, from 0. `events` files are passed on in their own order, as a stream would bring them. Recbole rows with an
 * item_id_list are histories of which the file holds many prefixes, or pieces cut to the newest items: a user's rows
 * are joined to one history, and refused where they do not continue one another. The position is that of no
 * stream, the kind is empty unless the file has one, and the rule of the options gives the worth.
 *
 * EFORMAT: a bad line, or no events. EIO, ENOMEM. EINVAL: the file was read before. A status of the sink. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_data_file_read(solid_data_file *file, solid_data_sink sink,
                                                               void *context);

/* What was odd so far. report->struct_size must be set. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_data_file_get_report(const solid_data_file *file,
                                                                     solid_data_report *report);

/* NULL is a no-op. */
SOLID_API void solid_data_file_close(solid_data_file *file);

/* Options of a table of attributes. All zero but struct_size: recognised columns. */
typedef struct solid_attributes_options {
  uint32_t struct_size;
  const char *item_column; /* name, or number from 1 */
  const char *columns;     /* "genres,year": columns that are attributes; values are split at | */
  const char *separator;   /* as in solid_data_options */
  int no_header;
  solid_data_progress progress; /* as in solid_data_options */
  void *progress_user;
} solid_attributes_options;

#define SOLID_ATTRIBUTES_OPTIONS_INIT                                                                                  \
  { sizeof(solid_attributes_options), NULL, NULL, NULL, 0, NULL, NULL }

/* The same for callers who cannot use macros. */
SOLID_API solid_attributes_options solid_attributes_options_default(void);

/* Reads attributes of items; the first line decides the form:
 *   {"item": [1, "two", ...], ...}       attributes as written
 *   movieId,title,genres                 movies.csv: genres, split at |; a recognised column of items
 *   id::title::genres                    movies.dat, likewise
 *   item_id:token <tab> name:token ...   RecBole .item: "column=value" for token columns and, word by word, for
 *                                        token_seq columns; float columns and columns called title or *_title or text
 *                                        are left out
 *   any table, by options->columns       "column=value" for each of them
 * `options` NULL = the defaults. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_data_read_attributes(const char *path,
                                                                     const solid_attributes_options *options,
                                                                     solid_attributes_sink sink, void *context);

/* The title of one item. */
typedef solid_status (*solid_title_sink)(void *context, solid_bytes item, solid_bytes title);

/* Reads titles of items; the first line decides the form:
 *   {"item": "title", ...}
 *   id::title::genres                    movies.dat
 *   any table with a header              a column of items, and one called title, name, *_title or *_name, also with
 *                                        RecBole's types
 * Of `options` (NULL = the defaults) item_column and separator are used: the column of items has that name, else one
 * that is recognised, else that number.
 * ENOTFOUND: the file has no titles, which is no error in a file of attributes; the text says what is missing. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_data_read_titles(const char *path,
                                                                 const solid_attributes_options *options,
                                                                 solid_title_sink sink, void *context);

/* Options of a file of vectors. */
typedef struct solid_vectors_options {
  uint32_t struct_size;
  uint32_t width;               /* floats per row of a raw file; 0 for a .npy file, whose header has it */
  const char *ids;              /* file with one item id per line, for each row; NULL = ids are row numbers from 0 */
  solid_data_progress progress; /* as in solid_data_options */
  void *progress_user;
} solid_vectors_options;

#define SOLID_VECTORS_OPTIONS_INIT                                                                                     \
  { sizeof(solid_vectors_options), 0, NULL, NULL, NULL }

/* The same for callers who cannot use macros. */
SOLID_API solid_vectors_options solid_vectors_options_default(void);

typedef struct solid_vectors_report {
  uint32_t struct_size;
  uint32_t width;
  uint64_t rows, zero_rows; /* zero_rows: rows in which every value is zero */
  uint64_t first_zero;      /* number of the first zero row, from 0 */
} solid_vectors_report;

#define SOLID_VECTORS_REPORT_INIT                                                                                      \
  { sizeof(solid_vectors_report), 0, 0, 0, 0 }

/* Reads vectors: a .npy file of float32 or float64 in rows, or raw little-endian float32. `options` NULL
 * = the defaults, `report` may be NULL. EINVAL: a raw file without a width, or a .npy file with one. EFORMAT: a
 * header that is not understood, a file size that is not a multiple of the row size, a value that is not finite, more
 * or fewer ids than rows, an id twice, zeros only, or no value of 1e-6 and more. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_data_read_vectors(const char *path,
                                                                  const solid_vectors_options *options,
                                                                  solid_vector_sink sink, void *context,
                                                                  solid_vectors_report *report);

/* Reads a file that is a line an entry: ids, objects of JSON. "-" = standard input. A byte order mark and blank lines
 * are passed over. EFORMAT: no text (UTF-16, an archive, a zero byte), lines that end in carriage returns alone, or a
 * line over 64 MiB. EIO, ENOMEM. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_data_read_lines(const char *path, solid_line_sink sink, void *context);

#ifdef __cplusplus
}
#endif
#endif
