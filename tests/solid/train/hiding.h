/* Hidden items of a test's own choice. */
#ifndef TESTS_SOLID_TRAIN_HIDING_H
#define TESTS_SOLID_TRAIN_HIDING_H

#include "solid/train/data/hidden.h"

/* Hides exactly the items named. */
solid_hidden hiding(const solid_dataset *dataset, const char *const *ids, size_t n);

#endif
