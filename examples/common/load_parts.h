/* Data that was split before: training, validation and test events in files of their own, joined to one history with
 * that split. */
#ifndef EXAMPLES_COMMON_LOAD_PARTS_H
#define EXAMPLES_COMMON_LOAD_PARTS_H

#include "examples/common/load_files.h"
#include "solid/train/split.h"

enum { LOAD_TRAIN, LOAD_VALID, LOAD_TEST, LOAD_PARTS };

typedef struct load_parts {
  int is_read;
  solid_dataset part[LOAD_PARTS];
  int has_histories[LOAD_PARTS]; /* of the file: it tells again what came before */
  size_t *told[LOAD_PARTS];      /* (users of the part) events of these that are known from the parts before */
} load_parts;

/* Reads one file without a split: load_history. */
typedef solid_status (*load_part_fn)(solid_dataset *dataset, const load_files *files);

/* Reads files->data, and the two of files->split, each with `read`. Everything is freed by load_parts_clear, after a
 * failure too. */
solid_status load_parts_read(load_parts *parts, const load_files *files, load_part_fn read);
void load_parts_clear(load_parts *parts);

/* A collector with all events, each user's in the order of the parts. *out: solid_collector_free. */
solid_status load_parts_join(load_parts *parts, solid_collector **out);

/* Splits what the collector gave: a user's first event of each part is its target. */
solid_status load_parts_split(const load_parts *parts, solid_dataset *dataset);

#endif
