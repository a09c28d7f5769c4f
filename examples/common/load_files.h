/* What a history is made of: the data files, and how their events are split. */
#ifndef EXAMPLES_COMMON_LOAD_FILES_H
#define EXAMPLES_COMMON_LOAD_FILES_H

#include "examples/common/reading.h"
#include "solid/train/dataset.h"
#include <stdint.h>

/* The options that say which events train and which are targets; examples/common/load_options.h has their table. All
 * zero = leave-one-out in the order of the file. */
typedef struct load_split {
  int kind;            /* solid_split_kind */
  double train, valid; /* shares */
  int64_t valid_from;  /* seconds; 0 and 0 = by the shares */
  int64_t test_from;
  const char *times; /* file of `user seconds seconds ...`, position by position; NULL = the data's own times */
  int ties;          /* 1 = shuffle */
  int64_t tie_seed;
  int64_t min_user, min_item;         /* training events; 0 = any number */
  const char *valid_data, *test_data; /* files of the validation and the test events, both or none: the data then only
                                         trains, and `kind` must be 0 */
} load_split;

typedef struct load_files {
  const char *data;                /* events, any format of ingest/data_file.h */
  const char *format;              /* its name; NULL or "auto" = decided by the first lines */
  const reading_options *reading;  /* NULL = all zero */
  const char *program;             /* name before warnings; NULL = the file's name */
  const items_options *items;      /* NULL = no data about items */
  const struct solid_model *known; /* its items' categories are attributes where `items` names no file of them; NULL =
                                      none */
  const load_split *split;         /* NULL = all zero */
  solid_dataset *dislikes; /* receives the events that are dislikes, as another history; stays zeroed where there
                              are none; NULL = they are left out */
  int *has_histories;      /* receives whether lines are histories so far; NULL = not asked */
} load_files;

#endif
