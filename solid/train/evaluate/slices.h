/* The questions of an evaluation by who asks and what the answer is, as training saw them: a mean over all users hides
 * how a model treats newcomers. */
#ifndef SOLID_TRAIN_EVALUATE_SLICES_H
#define SOLID_TRAIN_EVALUATE_SLICES_H

#include "solid/train/evaluate/evaluate.h"

#define SOL_HEAD_SHARE 0.2 /* of the items are its head */

/* X(NAME, name in results, meaning); `few` is an argument. */
#define SOL_SLICE_MAP(X)                                                                                               \
  X(FEW_EVENTS, "users_few", "users with at most `few` training events")                                               \
  X(MORE_EVENTS, "users_more", "users with more")                                                                      \
  X(UNSEEN_ITEM, "items_unseen", "targets without a training event")                                                   \
  X(RARE_ITEM, "items_few", "targets with 1 .. `few`")                                                                 \
  X(KNOWN_ITEM, "items_more", "targets with more")                                                                     \
  X(HEAD_ITEM, "items_head", "targets in the head: the fifth of the items with the most training events")              \
  X(TAIL_ITEM, "items_tail", "targets outside it")

typedef enum sol_slice {
#define SOL_SLICE_ENUM(name, text, meaning) SOL_SLICE_##name,
  SOL_SLICE_MAP(SOL_SLICE_ENUM)
#undef SOL_SLICE_ENUM
      SOL_SLICES
} sol_slice;

extern const char *const sol_slice_names[SOL_SLICES], *const sol_slice_meanings[SOL_SLICES];

typedef struct sol_slices {
  uint32_t users;
  uint8_t *of;       /* (users of the evaluation) bit s = in slice s */
  double head_share; /* of the training events that are on head items */
} sol_slices;

/* For the users of an evaluation of this part. The head is floor(SOL_HEAD_SHARE V) items, but one at least; ties to the
 * lowest index. On success the caller owns *out: sol_slices_clear. ENOMEM. */
solid_status sol_slices_make(sol_slices *out, const sol_history *history, const sol_evaluation *evaluation,
                             sol_part part, uint32_t few);
void sol_slices_clear(sol_slices *slices);

typedef struct sol_slice_figures {
  uint32_t users;
  sol_metrics value, low, high; /* zero without users */
} sol_slice_figures;

/* Figures of one slice with 95 % intervals as sol_metrics_interval. EMISMATCH: the evaluation has other users. */
solid_status sol_slices_measure(sol_slice_figures *out, const sol_slices *slices, sol_slice slice,
                                const sol_evaluation *evaluation, uint32_t resamples, uint64_t seed);

#endif
