/* An evaluation by kinds of users and targets, according to the training events: a mean over all users hides how a
 * model treats new ones. */
#ifndef SOLID_TRAIN_SLICES_H
#define SOLID_TRAIN_SLICES_H

#include "solid/train/evaluate.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SOLID_POPULAR_SHARE 0.2 /* share of the items that count as popular: the head of the catalogue */

/* X(NAME, name in results, meaning); `few` is an argument. */
#define SOLID_SLICE_MAP(X)                                                                                             \
  X(FEW_EVENTS, "users_few", "users with at most `few` training events")                                               \
  X(MORE_EVENTS, "users_more", "users with more")                                                                      \
  X(UNSEEN_ITEM, "items_unseen", "targets without a training event")                                                   \
  X(RARE_ITEM, "items_few", "targets with 1 .. `few`")                                                                 \
  X(KNOWN_ITEM, "items_more", "targets with more")                                                                     \
  X(POPULAR_ITEM, "items_head", "targets among the fifth of the items with the most training events")                  \
  X(OTHER_ITEM, "items_tail", "the other targets")

typedef enum solid_slice {
#define SOLID_SLICE_ENUM(name, text, meaning) SOLID_SLICE_##name,
  SOLID_SLICE_MAP(SOLID_SLICE_ENUM)
#undef SOLID_SLICE_ENUM
      SOLID_SLICES
} solid_slice;

/* In the order of solid_slice. */
extern SOLID_API const char *const solid_slice_names[SOLID_SLICES], *const solid_slice_meanings[SOLID_SLICES];

typedef struct solid_slices {
  uint32_t users;
  uint8_t *of;          /* (users of the evaluation) bit s = in slice s */
  double popular_share; /* of the training events that are on popular items */
} solid_slices;

/* For the users of an evaluation of this part. The head is floor(SOLID_POPULAR_SHARE V) items, at least one; ties
 * to the lowest index. On success the caller owns *out: solid_slices_clear. ENOMEM. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_slices_make(solid_slices *out, const solid_dataset *dataset,
                                                            const solid_evaluation *evaluation, solid_part part,
                                                            uint32_t few);
SOLID_API void solid_slices_clear(solid_slices *slices);

typedef struct solid_slice_figures {
  uint32_t users;
  solid_metrics value, low, high; /* zero without users */
} solid_slice_figures;

/* Figures of one slice with 95 % intervals as solid_metrics_interval. EMISMATCH: the evaluation has other users. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_slices_measure(solid_slice_figures *out, const solid_slices *slices,
                                                               solid_slice slice, const solid_evaluation *evaluation,
                                                               uint32_t resamples, uint64_t seed);

#ifdef __cplusplus
}
#endif
#endif
