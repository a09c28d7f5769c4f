/* Reads data files into one history, ordered and split. solid_train and solid_eval begin with it. */
#ifndef EXAMPLES_COMMON_LOAD_H
#define EXAMPLES_COMMON_LOAD_H

#include "examples/common/reading.h"
#include "solid/train/split.h"
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
  int64_t min_user, min_item; /* training events; 0 = any number */
} load_split;

typedef struct load_files {
  const char *data;               /* events, any format of ingest/data_file.h */
  const char *format;             /* its name; NULL or "auto" = decided by the first lines */
  const reading_options *reading; /* NULL = all zero */
  const char *program;            /* name before warnings; NULL = the file's name */
  const items_options *items;     /* NULL = no data about items */
  const load_split *split;        /* NULL = all zero */
  solid_dataset *dislikes;        /* receives the events that are dislikes, as another history; stays zeroed where there
                                     are none; NULL = they are left out */
} load_files;

/* On success the caller owns *dataset: solid_dataset_clear. Texts name the file. ENOTFOUND: no events, or a part of the
 * split is empty. EMISMATCH: the file of times is of other events, that of attributes or vectors of other items: fewer
 * than half of its items are the data's, and it has fewer than half of the data's. */
solid_status load_history(solid_dataset *dataset, const load_files *files);

/* Says on stderr, after "program: warning: ", what is odd about the data: duplicate events, users without times. */
solid_status load_warn(const char *program, const solid_dataset *dataset, const load_files *files);

#endif
