/* solid_train --search: several trainings with other options, the best of which is kept. */
#ifndef EXAMPLES_TRAIN_TRAIN_SEARCH_H
#define EXAMPLES_TRAIN_TRAIN_SEARCH_H

#include "examples/train/train_options.h"
#include "solid/train/dataset.h"
#include <stdio.h>

/* The first of a->search trainings has the options `o`, the others draw some of those that `o` leaves at their default.
 * The best by validation NDCG@10 is written to a->out; a table of all is printed. --limit is shared equally. */
solid_status train_search(const train_arguments *a, const solid_train_options *o, const solid_context *ctx,
                          const solid_dataset *dataset, FILE *log);

#endif
