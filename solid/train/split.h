/* The leave-one-out split: of a user's n >= 3 events the last is the test target, the one before it the validation
 * target, the rest trains. A user of one or two events only trains. Ranges into history->sequence; nothing is copied.
 */
#ifndef SOLID_TRAIN_SPLIT_H
#define SOLID_TRAIN_SPLIT_H

#include "solid/train/history.h"
#include <assert.h>

#define SOL_SPLIT_MIN_EVENTS 3

typedef enum sol_part { SOL_PART_VALID = 0, SOL_PART_TEST = 1 } sol_part;

typedef struct sol_range {
  size_t begin, end;
} sol_range;

/* The events of user u that may be trained on. */
static inline sol_range sol_split_train(const sol_history *history, uint32_t u) {
  assert(u < history->users);
  sol_range range = {history->offsets[u], history->offsets[u + 1]};
  if (range.end - range.begin >= SOL_SPLIT_MIN_EVENTS) range.end -= 2;
  return range;
}

/* 1 when user u has a target in this part: *known are the events before it (valid: the training ones; test: those and
 * the validation target), the target is sequence[known->end]. Else 0. */
static inline int sol_split_question(const sol_history *history, uint32_t u, sol_part part, sol_range *known) {
  assert(u < history->users);
  size_t begin = history->offsets[u], end = history->offsets[u + 1];
  if (end - begin < SOL_SPLIT_MIN_EVENTS) return 0;
  *known = (sol_range){begin, part == SOL_PART_TEST ? end - 1 : end - 2};
  return 1;
}

/* Users that have targets. */
static inline uint32_t sol_split_users(const sol_history *history) {
  uint32_t n = 0;
  for (uint32_t u = 0; u < history->users; u++)
    n += history->offsets[u + 1] - history->offsets[u] >= SOL_SPLIT_MIN_EVENTS;
  return n;
}

/* Training events of each item: count (V), overwritten. The popularity prior. */
static inline void sol_split_popularity(const sol_history *history, float *count) {
  for (uint32_t v = 0; v < history->items; v++) count[v] = 0;
  for (uint32_t u = 0; u < history->users; u++) {
    sol_range train = sol_split_train(history, u);
    for (size_t i = train.begin; i < train.end; i++) count[history->sequence[i]] += 1;
  }
}

#endif
