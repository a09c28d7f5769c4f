/* Trainings of many shapes are planned: the plan goes through all that a training on a GPU opens and warms up, without
 * one. Sanitizers, and tests whose memory is filled (MALLOC_PERTURB_), see what nobody wrote. */
#include "solid/train/fit/budget.h"
#include "tests/support/seed.h"
#include <criterion/criterion.h>
#include <stdlib.h>

enum { ITEMS = 41, LEVELS = 2, CODES = 5, SHAPES = 60 };

static sol_config config_of(uint32_t window) {
  return (sol_config){.items = ITEMS,
                      .width = 16,
                      .window = window,
                      .blocks = 1,
                      .heads = 2,
                      .levels = LEVELS,
                      .codes = CODES,
                      .head = SOLID_HEAD_SOLID,
                      .clip = 0.1f};
}

/* Users of these numbers of events. */
static solid_dataset dataset_of(const size_t *length, uint32_t users) {
  solid_dataset made = {.users = users, .items = ITEMS};
  made.offsets = calloc((size_t)users + 1, sizeof *made.offsets);
  cr_assert(made.offsets);
  for (uint32_t u = 0; u < users; u++) made.offsets[u + 1] = made.offsets[u] + length[u];
  made.events = made.offsets[users];
  made.sequence = calloc(made.events + 1, sizeof *made.sequence);
  cr_assert(made.sequence);
  for (size_t i = 0; i < made.events; i++) made.sequence[i] = (uint32_t)(i % ITEMS);
  return made;
}

static uint64_t plan(const size_t *length, uint32_t users, uint32_t window, uint32_t batch, uint32_t negatives) {
  static const uint16_t codes[ITEMS * LEVELS];
  sol_config config = config_of(window);
  solid_dataset dataset = dataset_of(length, users);
  solid_train_options o = SOLID_TRAIN_OPTIONS_INIT;
  uint64_t bytes = 0;
  o.batch = batch, o.epochs = 1, o.patience = 0, o.negatives = negatives;
  cr_assert_eq(sol_budget_training(&bytes, &(sol_fit_task){&config, &o, &dataset, codes, 0}), SOLID_OK,
               "%u users, windows of %u, batches of %u, %u drawn: %s", users, window, batch, negatives,
               solid_last_error());
  free(dataset.offsets);
  free(dataset.sequence);
  return bytes;
}

/* 128 windows of 2,048 items are the most rows at once, and a batch may have 256 users. */
Test(budget_shapes, windows_that_fill_a_batch_with_few_users) {
  enum { USERS = 256, WINDOW = 2048 };
  size_t length[USERS];
  for (int u = 0; u < USERS; u++) length[u] = WINDOW + 3;
  cr_expect_gt(plan(length, USERS, WINDOW, 16, 0), (uint64_t)128 * WINDOW * 16 * sizeof(float));
}

/* Around the borders of what fits at once: long histories beside short ones, in any order. */
Test(budget_shapes, any_mixture_of_histories) {
  static const uint32_t windows[] = {1, 2, 50, 1023, 1024, 1025, 2048, 4096};
  static const uint32_t most_users[] = {1, 16, 17, 255, 256, 257, 700};
  seed_rng rng = seed_start(8);
  size_t length[700];
  for (int i = 0; i < SHAPES; i++) {
    uint32_t window = windows[seed_below(&rng, 8)], users = most_users[seed_below(&rng, 7)];
    int32_t one_in = 1 + seed_below(&rng, 20);
    for (uint32_t u = 0; u < users; u++)
      length[u] = (size_t)(u && seed_below(&rng, one_in) ? 1 + seed_below(&rng, 9)
                                                         : (int32_t)window + 1 + seed_below(&rng, 4) + 2);
    plan(length, users, window, (uint32_t)(1 + seed_below(&rng, 300)),
         i % 3 ? 0 : 1 + (uint32_t)seed_below(&rng, ITEMS));
  }
}
