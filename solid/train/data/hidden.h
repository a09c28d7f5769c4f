/* Cold start on purpose: some items of a data set are hidden from training, as if they came to the shop afterwards, and
 * join the catalogue when the model is written.
 *
 * What hides: the items are not in the catalogue that is trained on, so that they are no input, no target and no
 * alternative of the loss; their events leave the sequences, the co-occurrence and the popularity; and the content
 * features are fitted without them. What they get afterwards: codes from their content alone. */
#ifndef SOLID_TRAIN_DATA_HIDDEN_H
#define SOLID_TRAIN_DATA_HIDDEN_H

#include "solid/train/codebook/codebook_fit.h"
#include "solid/train/codebook/features.h"
#include "solid/train/data/history.h"

typedef struct sol_hidden {
  uint32_t items, visible; /* V of the data, V' that are trained on */
  uint8_t *mask;           /* (V) 1 = hidden */
  uint32_t *kept;          /* (V') the data's index of each visible item, ascending */
} sol_hidden;

/* Hides floor(share * V) items, those whose id hashes lowest under `seed`: a function of the ids alone, so that an
 * evaluation finds the same ones. ERANGE: share not in (0, 1), or nothing hidden, or nothing left. ENOMEM. */
solid_status sol_hidden_choose(sol_hidden *hidden, const sol_history *history, double share, uint64_t seed);

/* Frees and zeroes; a zeroed struct is a no-op. */
void sol_hidden_clear(sol_hidden *hidden);

/* What may be trained on, over the whole catalogue and under the history's split: the training events and validation
 * targets, hidden items left out; no test targets. Items' attributes and vectors are borrowed from `history`:
 * sol_hidden_events_clear. */
solid_status sol_hidden_events(const sol_hidden *hidden, const sol_history *history, sol_history *out);
void sol_hidden_events_clear(sol_history *events);

/* The same with hidden items gone from the catalogue: item i is kept[i] of `events`. Owned: sol_history_clear. */
solid_status sol_hidden_catalogue(const sol_hidden *hidden, const sol_history *events, sol_history *out);

/* Rows of the visible items (V', width) of x (V, width): malloc, or NULL. */
float *sol_hidden_visible_rows(const sol_hidden *hidden, const float *x, uint32_t width);

typedef enum sol_hidden_code { SOL_HIDDEN_CONTENT, SOL_HIDDEN_RANDOM } sol_hidden_code;

/* codes (V, C): the codebook's own for visible items. A hidden item's are the nearest centroids level by level,
 * measured over the parts of its content that exist without events; or, to compare with, those of a visible item drawn
 * from `seed`. `x` (V) are the features that the codebook was fitted to, its table has V' rows. ENOTFOUND: no such
 * parts. */
solid_status sol_hidden_codes(const sol_hidden *hidden, const sol_features *x, const sol_codebook *book,
                              sol_hidden_code how, uint64_t seed, uint16_t *codes);

/* (V, slots) attributes of the items of `events`, as attributes.h; a hidden item's are those of its own that a
 * visible item has too, others having learned nothing, or all of the visible item's whose codes sol_hidden_codes draws.
 * malloc, or NULL. */
uint32_t *sol_hidden_attributes(const sol_hidden *hidden, const sol_history *events, uint32_t slots,
                                sol_hidden_code how, uint64_t seed);

/* weights of a catalogue of V items from those of V' (`config` has V'): a hidden item's id embedding is zero. malloc,
 * or NULL. */
float *sol_hidden_weights(const sol_hidden *hidden, const sol_config *config, const float *weights);

#endif
