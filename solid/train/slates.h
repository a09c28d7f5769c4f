/* Trains the decoder of slates (solid/slate.h) of a model whose ranker stays as it is.
 *
 * What is learned: of every user one random cut an epoch; given the ranker's state and vector there, the codes of the
 * next K distinct items that had not come before, in their order. Events of one time are a basket, whose order is drawn
 * anew every epoch. The same numbers for the same seed and kind of device. */
#ifndef SOLID_TRAIN_SLATES_H
#define SOLID_TRAIN_SLATES_H

#include "solid/context.h"
#include "solid/train/dataset.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct solid_slates_options {
  uint32_t rows;          /* K, items of a slate at most */
  uint32_t blocks;        /* of the decoder; near-to-far has one more, for its head down */
  int near_to_far;        /* 0 = raster, whose weights serve ZipAR too */
  uint32_t epochs, batch; /* batch: users a step */
  double rate, decay;     /* of AdamW; the rate rises over a few steps, then falls along half a cosine to a twentieth */
  double dropout, smoothing;
  uint64_t seed;
} solid_slates_options;

#define SOLID_SLATES_OPTIONS_INIT                                                                                      \
  { 10, 2, 0, 30, 128, 1e-3, 0.01, 0.1, 0, 0 }

typedef struct solid_slates_epoch {
  uint32_t epoch; /* that ended, from 1 */
  double loss;    /* mean cross entropy over the cells that have a target */
  size_t cells;   /* so many */
} solid_slates_epoch;

/* Called after each epoch, on the caller's thread; returning nonzero ends the training with ECANCELLED. */
typedef int (*solid_slates_epoch_fn)(void *user, const solid_slates_epoch *epoch);

/* Reads the model file at `model`, trains a decoder on the training events of `dataset` and writes both to `out`, which
 * may be the same file; a decoder that is there is replaced. `options` NULL = the defaults, `on_epoch` may be NULL.
 * EMISMATCH: the model was trained on other data or another split; solid_evaluate_check_split says why that matters.
 * EINVAL: a model without codes. ERANGE: an option. ENOTFOUND: no user has two training events. EINTERNAL: the loss is
 * not finite any more. Others as solid_model_load and solid_trainer_export. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_slates_train(const solid_context *ctx, const char *model,
                                                             const char *out, const solid_dataset *dataset,
                                                             const solid_slates_options *options,
                                                             solid_slates_epoch_fn on_epoch, void *user);

#ifdef __cplusplus
}
#endif
#endif
