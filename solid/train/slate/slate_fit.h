/* Trains a decoder of slates for a model whose ranker stays as it is: the states that it reads are the ranker's own, of
 * a random cut a user an epoch. The same numbers for the same seed and device. */
#ifndef SOLID_TRAIN_SLATE_SLATE_FIT_H
#define SOLID_TRAIN_SLATE_SLATE_FIT_H

#include "solid/model.h"
#include "solid/model/config.h"
#include "solid/train/slate/slate_data.h"
#include "solid/train/slate/slate_options.h"

typedef struct sol_slate_epoch {
  uint32_t epoch; /* from 1 */
  double loss;    /* mean over the cells that have a target */
  size_t cells;
} sol_slate_epoch;

/* Called after each epoch; returning nonzero stops with ECANCELLED. May be NULL. */
typedef int (*sol_slate_epoch_fn)(void *user, const sol_slate_epoch *epoch);

/* A file that is written after every epoch, and read at first where it is there; NULL = none. It stays.
 * On success *config is the model's with the decoder, and *weights (floats behind the ranker's) is the caller's to
 * free. EINVAL, ERANGE: an option, or no model to have slates. ENOTFOUND: no user has two events. EINTERNAL: the loss
 * is not finite any more. EMISMATCH, EFORMAT: the checkpoint is of another training, or damaged. */
solid_status sol_slate_fit(const solid_model *model, const sol_slate_data *data, const sol_slate_options *options,
                           const char *checkpoint, sol_slate_epoch_fn on_epoch, void *user, sol_config *config,
                           float **weights);

/* The model file at `from` with this decoder and what its file says of the training, for people, in place of one that
 * it may have, written to `to` (which may be the same). */
solid_status sol_slate_attach(const char *from, const char *to, const sol_config *config, const float *weights,
                              const char *training);

#endif
