/* Changes of the codes while a model is fitted: codes that follow what is learned, and the mates that depend on them.
 */
#ifndef SOLID_TRAIN_FIT_RECODE_H
#define SOLID_TRAIN_FIT_RECODE_H

#include "solid/train/codebook/codebook_fit.h"

typedef struct sol_fit sol_fit;

/* Before the first epoch and before a checkpoint is loaded: content (V, width), borrowed, by which items find the mates
 * that stand for them in a share of options->swap; without that share nothing is done, and with it this must be.
 * ENOMEM. */
solid_status sol_fit_find_mates(sol_fit *fit, const float *content, uint32_t width);

/* Before the first epoch and before a checkpoint is loaded: after every options->learn_codes epochs the codes follow
 * what was learned, see codebook_learn.h. They start at `book`, whose table the fit was opened with and which was
 * fitted to content (V, book->width), borrowed. EMISMATCH: a book of another shape. */
solid_status sol_fit_learn_codes(sol_fit *fit, const sol_codebook *book, const float *content);

/* The codes of the best epoch take the place of those of `book`, which the learning started at; without learning it
 * stays as it is. */
solid_status sol_fit_give_codes(const sol_fit *fit, sol_codebook *book);

/* From now on mates are found by these codes; does nothing without content vectors. */
solid_status sol_fit_set_mates(sol_fit *fit, const uint16_t *codes);

/* Before an epoch: recomputes the codes if they are due. */
solid_status sol_fit_recode(sol_fit *fit);

#endif
