/* The codes and attributes with which hidden items join the catalogue. */
#ifndef SOLID_TRAIN_CODEBOOK_HIDDEN_CODES_H
#define SOLID_TRAIN_CODEBOOK_HIDDEN_CODES_H

#include "solid/train/codebook/codebook_fit.h"
#include "solid/train/codebook/features.h"
#include "solid/train/hidden.h"

typedef enum sol_hidden_code { SOL_HIDDEN_CONTENT, SOL_HIDDEN_RANDOM } sol_hidden_code;

/* codes (V, C): the codebook's own for visible items. A hidden item's are those of its content, as if it came
 * later (solid/model/content.h); or, to compare with, those of a visible item drawn
 * from `seed`. `x` (V) are the features of the items of `events` that
 * the codebook was fitted to, its table has V' rows. ENOTFOUND: no such
 * parts. */
solid_status sol_hidden_codes(const solid_hidden *hidden, const solid_dataset *events, const sol_features *x,
                              const sol_codebook *book, sol_hidden_code how, uint64_t seed, uint16_t *codes);

/* (V, slots) attributes of the items of `events`, as attributes.h; a hidden item's are those of its own that a
 * visible item has too, others having learned nothing, or all of the visible item's whose codes sol_hidden_codes draws.
 * malloc, or NULL. */
uint32_t *sol_hidden_attributes(const solid_hidden *hidden, const solid_dataset *events, uint32_t slots,
                                sol_hidden_code how, uint64_t seed);

#endif
