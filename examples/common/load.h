/* Reads data files into one history, ordered and split. solid_train and solid_eval begin with it. */
#ifndef EXAMPLES_COMMON_LOAD_H
#define EXAMPLES_COMMON_LOAD_H

#include "examples/common/load_files.h"
#include "solid/train/split.h"

/* On success the caller owns *dataset: solid_dataset_clear. Texts name the file. ENOTFOUND: no events, or a part of the
 * split is empty. EMISMATCH: the file of times is of other events, that of attributes or vectors of other items: fewer
 * than half of its items are the data's, and it has fewer than half of the data's. */
solid_status load_history(solid_dataset *dataset, const load_files *files);

/* EINVAL: options of a split that contradict one another. To be called before anything is read. */
solid_status load_split_check(const load_split *split);

/* Says on stderr, after "program: warning: ", what is odd about the data: duplicate events, users without times. */
solid_status load_warn(const char *program, const solid_dataset *dataset, const load_files *files);

#endif
