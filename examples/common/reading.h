/* How a program reads a data file: the options that say it, and what is said on stderr about lines that were odd. */
#ifndef EXAMPLES_COMMON_READING_H
#define EXAMPLES_COMMON_READING_H

#include "examples/common/config.h"
#include "ingest/dataset.h"

/* Properties in READING_PROPERTIES. All zero = the defaults. */
typedef struct reading_options {
  const char *user_column, *item_column, *time_column, *rating_column, *kind_column, *separator;
  int no_header;
  int time_unit;                  /* solid_time_unit */
  const char *bad_lines;          /* "stop", "skip:N"; NULL = stop */
  const char *kinds, *min_rating; /* what events are worth: WORTH_PROPERTIES; NULL = each is a step */
} reading_options;

/* What is said about items: ITEMS_PROPERTIES. All zero = nothing is. */
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
               "column of users: its name, or its number from 1 (known by itself: " SOLID_DATASET_USER_NAMES ")"),     \
      READING_TEXT(struct_, options_.item_column, "item-column", "of items (known: " SOLID_DATASET_ITEM_NAMES ")"),    \
      READING_TEXT(struct_, options_.time_column, "time-column", "of times (known: " SOLID_DATASET_TIME_NAMES ")"),    \
      READING_TEXT(struct_, options_.rating_column, "rating-column",                                                   \
                   "of ratings (known: " SOLID_DATASET_RATING_NAMES ")"),                                              \
      READING_TEXT(struct_, options_.kind_column, "kind-column",                                                       \
                   "of kinds of events (known: " SOLID_DATASET_KIND_NAMES "; capitals and _ make no difference)"),     \
      READING_TEXT(struct_, options_.separator, "separator",                                                           \
                   "of columns: comma, semicolon, tab, pipe, colons, blanks, or the characters; told by the first "    \
                   "line where it is not given"),                                                                      \
      {.name = "no-header",                                                                                            \
       .type = SOLID_PROPERTY_BOOL,                                                                                    \
       .preset = "false",                                                                                              \
       .meaning = "the first line of a table is an event; columns are given by number",                                \
       .offset = offsetof(struct_, options_.no_header)},                                                               \
      {.name = "time-unit",                                                                                            \
       .type = SOLID_PROPERTY_CHOICE,                                                                                  \
       .preset = "auto",                                                                                               \
       .choices = "auto|s|ms|us|iso",                                                                                  \
       .meaning = "of the times of a table, one for all: seconds, milli-, microseconds, or dates as 2023-07-22",       \
       .offset = offsetof(struct_, options_.time_unit)},                                                               \
  {                                                                                                                    \
    .name = "bad-lines", .type = SOLID_PROPERTY_STRING, .preset = "stop",                                              \
    .meaning = "stop = end at the first line that is not understood; skip:N = leave out up to N",                      \
    .offset = offsetof(struct_, options_.bad_lines)                                                                    \
  }

/* What events are worth, for programs that judge them. `options_` has kinds and min_rating. */
#define WORTH_PROPERTIES(struct_, options_)                                                                            \
  READING_TEXT(struct_, options_.kinds, "kinds",                                                                       \
               "what events are worth: view=1,buy=1,dislike=0,login=skip,*=1 (1 = a step, 0 = a dislike, skip = left " \
               "out, * = all others); every event is a step where it is not given"),                                   \
      READING_TEXT(struct_, options_.min_rating, "min-rating", "a step with a lower rating is a dislike")

#define ITEMS_PROPERTIES(struct_, options_)                                                                            \
  READING_TEXT(struct_, options_.attributes, "attributes", "file of item attributes"),                                 \
      READING_TEXT(struct_, options_.columns, "attribute-columns",                                                     \
                   "of a table: columns that are attributes, a list of names or numbers; values are split at |"),      \
      READING_TEXT(struct_, options_.item_column, "attribute-item",                                                    \
                   "column of the items (known: " SOLID_DATASET_ITEM_NAMES ")"),                                       \
      READING_TEXT(struct_, options_.separator, "attribute-separator", "of columns, as --separator"),                  \
      {.name = "attribute-no-header",                                                                                  \
       .type = SOLID_PROPERTY_BOOL,                                                                                    \
       .preset = "false",                                                                                              \
       .meaning = "the first line of --attributes is an item",                                                         \
       .offset = offsetof(struct_, options_.no_header)},                                                               \
      READING_TEXT(struct_, options_.vectors, "vectors",                                                               \
                   "file of item vectors, one row an item: .npy, or raw float32"),                                     \
      READING_TEXT(                                                                                                    \
          struct_, options_.vector_ids, "vector-ids",                                                                  \
          "file with the item of each row of --vectors, one a line; items are row numbers from 0 without it"),         \
  {                                                                                                                    \
    .name = "vector-width", .type = SOLID_PROPERTY_INT, .preset = "0", .min = 0, .max = 1048576,                       \
    .meaning = "floats in a row of raw --vectors; the header of a .npy file says its own",                             \
    .offset = offsetof(struct_, options_.vector_width)                                                                 \
  }

/* Opens a file of events; the rule of what they are worth is kept in *rule, which must outlive the file. `format` NULL
 * = auto, `options` NULL = all zero. Statuses of solid_dataset_file_open; EINVAL: an option. */
solid_status reading_open(solid_dataset_file **out, const char *path, const char *format,
                          const reading_options *options, solid_worth_rule *rule);

/* Says on stderr, after "program: warning: ", how many lines were left out and how many times are odd, and the first of
 * each. */
void reading_say(const char *program, const solid_dataset_file *file);

#endif
