/* Histories for tests: from a text, and from the public data sets when they are there. */
#ifndef TESTS_SOLID_TRAIN_DATA_H
#define TESTS_SOLID_TRAIN_DATA_H

#include "solid/train/dataset.h"

/* One user a row, its items separated by blanks: {"1 2 3", "2 3"}. Users are u0, u1, ...; asserts that it works. */
solid_dataset data_from_rows(const char *const *rows, size_t n);

/* The public file `name` ("amazon-beauty/Beauty.txt", "ml-1m/ml-1m.txt"): rows of `user item item ...`, or pairs. 0
 * when it is not on this machine: the folder is SOLID_DATA, or ../shared/data beside the source tree. */
int data_from_public(const char *name, solid_dataset *dataset);

#endif
