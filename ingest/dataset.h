/* Readers of public data files: events for the trainer and for replay, and what is known about items.
 *
 * A reader opens one file, calls a sink for what it finds and closes it again. What a sink is given is borrowed for the
 * call; a sink that answers anything but SOLID_OK ends the reading, and its status is what the reader answers. Files
 * that end in .gz are read through zlib.
 *
 * A malformed line ends the reading with SOLID_EFORMAT and "path:line: what" in solid_last_error(); a file that cannot
 * be opened or read gives SOLID_EIO with the path. Blank lines are skipped; lines may end in \r\n; ids are taken as
 * bytes and must be 1 to SOLID_ID_MAX long. */
#ifndef SOLID_INGEST_DATASET_H
#define SOLID_INGEST_DATASET_H

#include "solid/status.h"
#include "solid/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Formats of event files, with the names that --format takes. The first line tells them apart; a file of two columns
 * is `pairs` when its first two lines have exactly two fields, else `rows`. `histories` look like the attributes of
 * items and must be named. */
#define SOLID_DATASET_FORMAT_MAP(X)                                                                                    \
  X(AUTO, "auto")           /* by the first lines */                                                                   \
  X(ROWS, "rows")           /* user item item ...                    oldest first */                                   \
  X(PAIRS, "pairs")         /* user item                             oldest first */                                   \
  X(MOVIELENS, "movielens") /* user::item::rating::seconds           ratings.dat */                                    \
  X(CSV, "csv")             /* userId,movieId,rating,timestamp       ratings.csv, columns by name */                   \
  X(RECBOLE, "recbole")     /* user_id:token <tab> item_id:token ... .inter, columns by name */                        \
  X(TABLE, "table")         /* user movie rating ts ...              columns by name, tabs or blanks between */        \
  X(EVENTS, "events")       /* {"user":..,"item":..,"event":..,"ts":..}  one a line, ts in milliseconds */             \
  X(HISTORIES, "histories") /* {"user": [item, ...], ...}            oldest first; by name only */

typedef enum solid_dataset_format {
#define SOLID_DATASET_ENUM(name, text) SOLID_DATASET_##name,
  SOLID_DATASET_FORMAT_MAP(SOLID_DATASET_ENUM)
#undef SOLID_DATASET_ENUM
} solid_dataset_format;

/* `events` (count >= 1, at most a few thousand) of any users; each user's events come oldest first. */
typedef solid_status (*solid_event_sink)(void *context, const solid_event *events, size_t count);

/* One item and its attributes as strings, e.g. "Comedy", or "release_year=1995" where the file names its columns.
 * `count` may be 0. An item comes at most once for each line (or key) that names it. */
typedef solid_status (*solid_attributes_sink)(void *context, solid_bytes item, const solid_bytes *attributes,
                                              size_t count);

/* One row of a file of vectors: item id (the row's number in decimal, from 0) and `width` floats. */
typedef solid_status (*solid_vector_sink)(void *context, solid_bytes item, const float *vector, size_t width);

/* The format called `name` into *out; EINVAL names the formats there are. */
SOLID_API solid_status solid_dataset_format_find(const char *name, solid_dataset_format *out);

/* *has_times = 1 when the events of this file come with times of their own, 0 when only their order is known. Statuses:
 * EFORMAT, EIO, ENOMEM. */
SOLID_API solid_status solid_dataset_has_times(const char *path, solid_dataset_format format, int *has_times);

/* Reads every event of a file.
 *
 * Files with times (movielens; csv, recbole and table with a column timestamp, time, ts or ts_lo) are sorted stably by
 * time within each user, and users come in the order of their first line. Files without times give time_ms = the
 * event's number in the file, from 0. `events` files are passed on in their own order, as a stream would bring them.
 * Recbole rows with an item_id_list are histories of which the file holds many prefixes: for each user the longest one
 * counts, with its item_id as the newest. position is that of no stream; kind is empty unless the file has it.
 *
 * Statuses: EFORMAT, EIO, ENOMEM, what the sink answered. */
SOLID_API solid_status solid_dataset_read_events(const char *path, solid_dataset_format format, solid_event_sink sink,
                                                 void *context);

/* Reads what a file says about items; told apart by the first line:
 *   {"item": [1, "two", ...], ...}       attributes as written
 *   movieId,title,genres                 movies.csv: genres, split at |
 *   id::title::genres                    movies.dat, likewise
 *   item_id:token <tab> name:token ...   RecBole .item: "column=value" for token columns and, word by word, for
 *                                        token_seq columns; float columns and columns called title or *_title or text
 *                                        are left out */
SOLID_API solid_status solid_dataset_read_attributes(const char *path, solid_attributes_sink sink, void *context);

/* Reads raw little-endian float32 vectors of `width` (>= 1). EFORMAT when the size is no multiple of the row's, or when
 * a value is not finite. */
SOLID_API solid_status solid_dataset_read_vectors(const char *path, size_t width, solid_vector_sink sink,
                                                  void *context);

#ifdef __cplusplus
}
#endif
#endif
