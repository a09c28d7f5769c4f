/* Cold start on purpose: some items of a data set are hidden from training, as if they came to the shop afterwards, and
 * join the catalogue when the model is written.
 *
 * What hides: the items are not in the catalogue that is trained on, so that they are no input, no target and no
 * alternative of the loss; their events leave the sequences, the co-occurrence and the popularity; and the content
 * features are fitted without them. What they get afterwards: codes from their content alone. */
#ifndef SOLID_TRAIN_HIDDEN_H
#define SOLID_TRAIN_HIDDEN_H

#include "solid/train/dataset.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct solid_hidden {
  uint32_t items, visible; /* V of the data, V' that are trained on */
  uint8_t *mask;           /* (V) 1 = hidden */
  uint32_t *kept;          /* (V') the data's index of each visible item, ascending */
} solid_hidden;

/* Hides floor(share * V) items, those whose id hashes lowest under `seed`: a function of the ids alone, so that an
 * evaluation finds the same ones. ERANGE: share not in (0, 1), or nothing hidden, or nothing left. ENOMEM. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_hidden_choose(solid_hidden *hidden, const solid_dataset *dataset,
                                                              double share, uint64_t seed);

/* Frees and zeroes; a zeroed struct is a no-op. */
SOLID_API void solid_hidden_clear(solid_hidden *hidden);

/* What may be trained on, over the whole catalogue and under the dataset's split: the training events and validation
 * targets, hidden items left out; no test targets. Items' attributes and vectors are borrowed from `dataset`:
 * solid_hidden_events_clear. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_hidden_events(const solid_hidden *hidden, const solid_dataset *dataset,
                                                              solid_dataset *out);
SOLID_API void solid_hidden_events_clear(solid_dataset *events);

#ifdef __cplusplus
}
#endif
#endif
