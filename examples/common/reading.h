/* How programs read data files: the options, and the warnings about odd lines on stderr. */
#ifndef EXAMPLES_COMMON_READING_H
#define EXAMPLES_COMMON_READING_H

#include "examples/common/config.h"
#include "examples/common/preparing.h"
#include "ingest/data_file.h"

/* Properties in READING_PROPERTIES. All zero = the defaults. */
typedef struct reading_options {
  const char *user_column, *item_column, *time_column, *rating_column, *kind_column, *separator;
  int no_header;
  int time_unit;                  /* solid_time_unit */
  const char *bad_lines;          /* "stop", "skip:N"; NULL = stop */
  const char *kinds, *min_rating; /* what events are worth: WORTH_PROPERTIES; NULL = each is a step */
} reading_options;

/* Files about items: ITEMS_PROPERTIES. All zero = none. */
typedef struct items_options {
  const char *attributes, *item_column, *columns, *separator;
  int no_header;
  const char *vectors, *vector_ids;
  int64_t vector_width;
} items_options;

#define READING_TEXT(struct_, field_, name_, meaning_)                                                                 \
  { .name = (name_), .type = SOLID_PROPERTY_STRING, .meaning = (meaning_), .offset = offsetof(struct_, field_) }

/* `options_` is the struct's reading_options. */
#define READING_PROPERTIES(struct_, options_)                                                                          \
  READING_TEXT(struct_, options_.user_column, "user-column",                                                           \
               "column of users: a name, or a number from 1 (recognised: " SOLID_DATA_USER_NAMES ")"),                 \
      READING_TEXT(struct_, options_.item_column, "item-column",                                                       \
                   "column of items (recognised: " SOLID_DATA_ITEM_NAMES ")"),                                         \
      READING_TEXT(struct_, options_.time_column, "time-column",                                                       \
                   "column of times (recognised: " SOLID_DATA_TIME_NAMES ")"),                                         \
      READING_TEXT(struct_, options_.rating_column, "rating-column",                                                   \
                   "column of ratings (recognised: " SOLID_DATA_RATING_NAMES ")"),                                     \
      READING_TEXT(struct_, options_.kind_column, "kind-column",                                                       \
                   "column of kinds of events (recognised: " SOLID_DATA_KIND_NAMES "; case and _ do not matter)"),     \
      READING_TEXT(struct_, options_.separator, "separator",                                                           \
                   "separator of columns: comma, semicolon, tab, pipe, colons, blanks, or the characters themselves; " \
                   "without it, the first line decides"),                                                              \
      {.name = "no-header",                                                                                            \
       .type = SOLID_PROPERTY_BOOL,                                                                                    \
       .preset = "false",                                                                                              \
       .meaning = "the first line of a table is an event; give columns by number",                                     \
       .offset = offsetof(struct_, options_.no_header)},                                                               \
      {.name = "time-unit",                                                                                            \
       .type = SOLID_PROPERTY_CHOICE,                                                                                  \
       .preset = "auto",                                                                                               \
       .choices = "auto|s|ms|us|iso",                                                                                  \
       .meaning = "unit of the times of a table: seconds, milli- or microseconds, or dates like 2023-07-22",           \
       .offset = offsetof(struct_, options_.time_unit)},                                                               \
  {                                                                                                                    \
    .name = "bad-lines", .type = SOLID_PROPERTY_STRING, .preset = "stop",                                              \
    .meaning = "stop = fail at the first bad line; skip:N = leave out up to N bad lines",                              \
    .offset = offsetof(struct_, options_.bad_lines)                                                                    \
  }

/* What events are worth, for programs that judge them. `options_` has kinds and min_rating. */
#define WORTH_PROPERTIES(struct_, options_)                                                                            \
  READING_TEXT(struct_, options_.kinds, "kinds",                                                                       \
               "what kinds of events are worth: view=1,buy=1,dislike=0,login=skip,*=1 (1 = a step, 0 = a dislike, "    \
               "skip = left out, * = all others); without it, every event is a step"),                                 \
      READING_TEXT(struct_, options_.min_rating, "min-rating", "a step with a lower rating is a dislike")

#define ITEMS_PROPERTIES(struct_, options_)                                                                            \
  READING_TEXT(struct_, options_.attributes, "attributes", "file of item attributes"),                                 \
      READING_TEXT(struct_, options_.columns, "attribute-columns",                                                     \
                   "columns of a table that are attributes: a list of names or numbers; values are split at |"),       \
      READING_TEXT(struct_, options_.item_column, "attribute-item",                                                    \
                   "column of items in --attributes and --titles (recognised: " SOLID_DATA_ITEM_NAMES ")"),            \
      READING_TEXT(struct_, options_.separator, "attribute-separator",                                                 \
                   "separator of columns in --attributes, as --separator"),                                            \
      {.name = "attribute-no-header",                                                                                  \
       .type = SOLID_PROPERTY_BOOL,                                                                                    \
       .preset = "false",                                                                                              \
       .meaning = "the first line of --attributes is an item",                                                         \
       .offset = offsetof(struct_, options_.no_header)},                                                               \
      READING_TEXT(struct_, options_.vectors, "vectors",                                                               \
                   "file of item vectors, one row per item: .npy, or raw float32"),                                    \
      READING_TEXT(                                                                                                    \
          struct_, options_.vector_ids, "vector-ids",                                                                  \
          "file with one item id per line, for each row of --vectors; without it, ids are row numbers from 0"),        \
  {                                                                                                                    \
    .name = "vector-width", .type = SOLID_PROPERTY_INT, .preset = "0", .min = 0, .max = 1048576,                       \
    .meaning = "floats per row of raw --vectors; a .npy file has it in its header",                                    \
    .offset = offsetof(struct_, options_.vector_width)                                                                 \
  }

/* Opens a file of events; the rule of what they are worth is kept in *rule, which must outlive the file. `format` NULL
 * = auto, `options` NULL = all zero; `shown` NULL = nobody is told how far it is, else it outlives the file. Statuses
 * of solid_data_file_open; EINVAL: an option. */
solid_status reading_open(solid_data_file **out, const char *path, const char *format, const reading_options *options,
                          solid_worth_rule *rule, preparing_read *shown);

/* Says on stderr that the table has no column of times, for then the order of its lines counts, and a date in a column
 * of another name would do nothing. */
void reading_say_untimed(const char *program, const char *path, const solid_data_info *info);

/* Says on stderr, after "program: warning: ", how many lines were left out and how many times are odd, and the first of
 * each. */
void reading_say(const char *program, const solid_data_file *file);

#endif
