/* The rows of the paper's protocol, made from a history: sliding windows of the newest L items; every event of a user
 * but the first and the last is a training target with 4 items beside it that the user never met, and the last event is
 * the test target with 99. Users of fewer than three events are left out.
 *
 * The negatives are a function of (seed, user, event): the same in every epoch, as in a file written once; the four are
 * drawn one by one, the 99 without repetition. Items count from 1 here. */
#ifndef EXAMPLES_PAPER_DATA_H
#define EXAMPLES_PAPER_DATA_H

#include "solid/train/dataset.h"

#define SOL_PAPER_TRAIN_CANDIDATES 5
#define SOL_PAPER_TEST_CANDIDATES  100

typedef struct sol_paper_example {
  uint32_t user;
  size_t target; /* place in history->sequence */
} sol_paper_example;

typedef struct sol_paper_data {
  const solid_dataset *dataset; /* borrowed */
  uint32_t window;
  uint64_t seed;
  const int32_t *category; /* (items + 1) borrowed; given out in place of items; NULL = items themselves */
  sol_paper_example *train, *test;
  uint32_t *order; /* (trains) */
  size_t trains, tests;
  uint32_t *own;  /* (events) a user's items, ascending, none twice, */
  uint32_t *owns; /* (users) of which there are so many */
} sol_paper_data;

/* ENOTFOUND: no user of three events. ERANGE: a user who left fewer than 99 items alone. ENOMEM. */
solid_status sol_paper_data_open(sol_paper_data *data, const solid_dataset *dataset, uint32_t window, uint64_t seed);
void sol_paper_data_close(sol_paper_data *data);

/* The order of an epoch: a function of seed and epoch alone. */
void sol_paper_data_shuffle(sol_paper_data *data, uint64_t seed, uint32_t epoch);

/* Window (L), oldest first, zeros behind, and candidates (5 or 100), the chosen item first. */
void sol_paper_data_train(const sol_paper_data *data, size_t index, int32_t *window, int32_t *candidates);
void sol_paper_data_test(const sol_paper_data *data, size_t index, int32_t *window, int32_t *candidates);

#endif
