/* Simulated cold start: some items of a data set are hidden from training, as if they were added to the catalogue
 * afterwards, and join it when the model is written.
 *
 * Hidden items are not in the catalogue that is trained on: they are no input, no target and no alternative of the
 * loss; their events are removed from sequences, co-occurrence and popularity; content features are fitted without
 * them. Afterwards they get codes from their content alone. */
#ifndef SOLID_TRAIN_HIDDEN_H
#define SOLID_TRAIN_HIDDEN_H

#include "solid/train/dataset.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct solid_hidden {
  uint32_t items, visible; /* V of the data, V' items that are trained on */
  uint8_t *mask;           /* (V) 1 = hidden */
  uint32_t *kept;          /* (V') the data's index of each visible item, ascending */
} solid_hidden;

/* Hides floor(share * V) items, those whose ids have the lowest hashes under `seed`. The choice depends on the ids
 * alone, so an evaluation finds the same items. ERANGE: share not in (0, 1), or it hides no item or all of them.
 * ENOMEM. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_hidden_choose(solid_hidden *hidden, const solid_dataset *dataset,
                                                              double share, uint64_t seed);

/* Frees and zeroes; a zeroed struct is a no-op. */
SOLID_API void solid_hidden_clear(solid_hidden *hidden);

/* A dataset of what may be trained on, over the whole catalogue and under the dataset's split: training events and
 * validation targets without hidden items; no test targets. Items' attributes and vectors are borrowed from `dataset`:
 * solid_hidden_events_clear. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_hidden_events(const solid_hidden *hidden, const solid_dataset *dataset,
                                                              solid_dataset *out);
SOLID_API void solid_hidden_events_clear(solid_dataset *events);

#ifdef __cplusplus
}
#endif
#endif
