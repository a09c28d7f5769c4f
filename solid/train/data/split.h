/* What a model may be trained on and what it is asked. Ranges into history->sequence; nothing is copied. A user has at
 * most one question in each part: which item came next, given everything before it.
 *
 *   leave-one-out    of a user's n >= 3 events the last is the test target, the one before it the validation target,
 *                    the rest trains. A user of one or two events only trains.
 *   global-time      two points in time, the same for everybody: events before the first train; the validation target
 *                    is the user's first event from there on and before the second point, the test target the first
 *                    event from the second point on. A user who has nothing before a target is not asked. Nothing that
 *                    came after a boundary is seen by what is judged behind it, by nobody's events (leave-one-out lets
 *                    a model learn from other users' future). One question a user, the first: so that every user counts
 *                    once, and the parameters are as old as the boundary, not older.
 *   per-user-ratio   of a user's n >= 3 events the first share trains; the validation target is the first event of the
 *                    second share, the test target the first event of the rest. No part is empty.
 *
 * Whatever is fitted (weights, co-occurrence, popularity) reads sol_split_train only. The catalogue is given: items
 * that first occur later are in it, untrained. */
#ifndef SOLID_TRAIN_DATA_SPLIT_H
#define SOLID_TRAIN_DATA_SPLIT_H

#include "solid/train/data/history.h"
#include <assert.h>

#define SOL_SPLIT_MIN_EVENTS 3
#define SOL_NO_EVENT         SIZE_MAX
#define SOL_SPLIT_TEXT       160

typedef enum sol_part { SOL_PART_VALID = 0, SOL_PART_TEST = 1 } sol_part;

typedef struct sol_range {
  size_t begin, end;
} sol_range;

typedef struct sol_split_options {
  sol_split_kind kind;
  double train, valid;           /* shares of the events: of all (global-time, by time) or of each user's */
  int64_t valid_from, test_from; /* global-time: the boundaries in milliseconds; both 0 = by the shares */
} sol_split_options;

#define SOL_SPLIT_OPTIONS_INIT                                                                                         \
  { SOL_LEAVE_ONE_OUT, 0.8, 0.1, 0, 0 }

/* Splits the history, in place of how it was split before; a history that nobody split is leave-one-out. `options`
 * NULL = the defaults. EINVAL: an option; global-time of data without times. EFORMAT: a user's events are not in the
 * order of time. ENOTFOUND: a part is empty; the text says which. On failure the old split stays. */
solid_status sol_split_apply(sol_history *history, const sol_split_options *options);

/* "leave-one-out", "global-time 975000000000 977000000000", "per-user-ratio 0.8 0.1", and ", ties shuffled by 3": equal
 * texts and equal data are equal questions. */
void sol_split_describe(const sol_history *history, char text[SOL_SPLIT_TEXT]);

/* Where user u's parts begin; SOL_NO_EVENT = no question. */
static inline sol_split_bounds sol_split_of(const sol_history *history, uint32_t u) {
  assert(u < history->users);
  if (history->split.bounds) return history->split.bounds[u];
  size_t end = history->offsets[u + 1];
  if (end - history->offsets[u] < SOL_SPLIT_MIN_EVENTS) return (sol_split_bounds){end, SOL_NO_EVENT, SOL_NO_EVENT};
  return (sol_split_bounds){end - 2, end - 2, end - 1};
}

/* The events of user u that may be trained on; may be none. */
static inline sol_range sol_split_train(const sol_history *history, uint32_t u) {
  return (sol_range){history->offsets[u], sol_split_of(history, u).train_end};
}

/* 1 when user u has a target in this part: *known are the events before it, one at least, and the target is
 * sequence[known->end]. Else 0. */
static inline int sol_split_question(const sol_history *history, uint32_t u, sol_part part, sol_range *known) {
  sol_split_bounds bounds = sol_split_of(history, u);
  size_t target = part == SOL_PART_TEST ? bounds.test : bounds.valid;
  if (target == SOL_NO_EVENT) return 0;
  *known = (sol_range){history->offsets[u], target};
  return 1;
}

/* Users that have a target in this part. */
static inline uint32_t sol_split_users(const sol_history *history, sol_part part) {
  uint32_t n = 0;
  sol_range known;
  for (uint32_t u = 0; u < history->users; u++) n += (uint32_t)sol_split_question(history, u, part, &known);
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
