/* Which events train and which are targets, as ranges of dataset->sequence; nothing is copied. A user has at most one
 * target in each part: the next item, given everything before it.
 *
 *   leave-one-out    of a user's n >= 3 events the last is the test target, the one before it the validation target,
 *                    the rest trains. Users with one or two events only train.
 *   global-time      two points in time, the same for everybody: events before the first train; the validation target
 *                    is the user's first event from there on and before the second point, the test target the first
 *                    event from the second point on. Users without an event before a target are not asked. No event
 *                    after a boundary, of any user, is known to what is judged behind it (leave-one-out lets a model
 *                    learn from other users' future). One target per user, so that every user counts once and
 *                    parameters are as old as the boundary.
 *   per-user-ratio   of a user's n >= 3 events the first share trains; the validation target is the first event of the
 *                    second share, the test target the first event of the rest. No part is empty.
 *   given            the caller says where each user's parts begin: of files that were split before.
 *
 * Everything that is fitted (weights, co-occurrence, popularity) reads solid_split_train only. The catalogue has all
 * items, also those that first occur later and are untrained. */
#ifndef SOLID_TRAIN_SPLIT_H
#define SOLID_TRAIN_SPLIT_H

#include "solid/train/dataset.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SOLID_SPLIT_MIN_EVENTS 3
#define SOLID_NO_EVENT         SIZE_MAX
#define SOLID_SPLIT_TEXT       160

typedef enum solid_part { SOLID_PART_VALID = 0, SOLID_PART_TEST = 1 } solid_part;

typedef struct solid_range {
  size_t begin, end;
} solid_range;

typedef struct solid_split_options {
  solid_split_kind kind;
  double train, valid;           /* shares of the events: of all (global-time, by time) or of each user's */
  int64_t valid_from, test_from; /* global-time: the boundaries in milliseconds; both 0 = by the shares */
} solid_split_options;

#define SOLID_SPLIT_OPTIONS_INIT                                                                                       \
  { SOLID_LEAVE_ONE_OUT, 0.8, 0.1, 0, 0 }

/* The same for callers who cannot use macros. */
SOLID_API solid_split_options solid_split_options_default(void);

/* Splits the dataset, replacing an earlier split; an unsplit dataset is leave-one-out. `options`
 * NULL = the defaults. EINVAL: an option; global-time of data without times. EFORMAT: a user's events are not in the
 * order of time. ENOTFOUND: a part is empty; the text says which. On failure the old split stays. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_split_apply(solid_dataset *dataset, const solid_split_options *options);

/* Splits the dataset where bounds (U, copied) say, replacing an earlier split. EINVAL: a user's bounds are not in his
 * events, or not in the order train_end <= valid < test, or a target has no event before it. ENOTFOUND: a part is
 * empty. On failure the old split stays. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_split_give(solid_dataset *dataset, const solid_split_bounds *bounds);

/* Removes users with fewer than min_user and items with fewer than min_item training events, again and again until
 * every one left has enough. Only training events count, so that targets do not decide who is asked. Everything stays
 * in its part; a target whose item is removed is not asked. 0 and 0 = do nothing. ENOTFOUND: too little is left; the
 * dataset is unchanged. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_split_core(solid_dataset *dataset, uint32_t min_user,
                                                           uint32_t min_item);

/* "leave-one-out", "global-time 975000000000 977000000000", "per-user-ratio 0.8 0.1", "given, 900 validation and
 * 950 test targets", and ", ties shuffled by 3", ", at
 * least 5 events a user, 3 an item": equal texts and equal data mean equal targets. */
SOLID_API void solid_split_describe(const solid_dataset *dataset, char text[SOLID_SPLIT_TEXT]);

/* Where user u's parts begin, u below dataset->users; SOLID_NO_EVENT = no target. */
SOLID_API solid_split_bounds solid_split_of(const solid_dataset *dataset, uint32_t u);

/* Training events of user u; may be empty. */
SOLID_API solid_range solid_split_train(const solid_dataset *dataset, uint32_t u);

/* 1 if user u has a target in this part: *known are the events before it, at least one, and the target is
 * sequence[known->end]. Else 0. */
SOLID_API int solid_split_question(const solid_dataset *dataset, uint32_t u, solid_part part, solid_range *known);

/* Users that have a target in this part. */
SOLID_API uint32_t solid_split_users(const solid_dataset *dataset, solid_part part);

/* Number of training events of each item, the popularity prior: count (V), overwritten. */
SOLID_API void solid_split_popularity(const solid_dataset *dataset, float *count);

#ifdef __cplusplus
}
#endif
#endif
