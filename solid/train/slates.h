/* Trains a decoder of slates (solid/slate.h) for a model whose ranker stays unchanged.
 *
 * In each epoch every user's history is cut at one random place. Given the ranker's state and vector there, the decoder
 * learns the codes of the next K distinct items that did not occur before, in their order. Events of equal time are a
 * basket, whose order is drawn again in every epoch. The same seed gives the same numbers on the same kind of device.
 */
#ifndef SOLID_TRAIN_SLATES_H
#define SOLID_TRAIN_SLATES_H

#include "solid/context.h"
#include "solid/train/dataset.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct solid_slates_options {
  uint32_t rows;          /* K: most items of a slate */
  uint32_t blocks;        /* blocks of the decoder; near-to-far has one more, for its second head */
  int near_to_far;        /* 0 = raster, whose weights serve ZipAR too */
  uint32_t epochs, batch; /* batch: users per step */
  double rate, decay;     /* of AdamW; the rate rises over a few steps, then falls along half a cosine to a twentieth */
  double dropout, smoothing;
  uint64_t seed;
  const char *checkpoint; /* file that is written after every epoch, beside its name and renamed; where it is there,
                             training continues from it, with the numbers it would have had. The caller removes it.
                             NULL = none */
} solid_slates_options;

#define SOLID_SLATES_OPTIONS_INIT                                                                                      \
  { 10, 2, 0, 30, 128, 1e-3, 0.01, 0.1, 0, 0, NULL }

/* The same for callers who cannot use macros. */
SOLID_API solid_slates_options solid_slates_options_default(void);

typedef struct solid_slates_epoch {
  uint32_t epoch; /* the epoch that ended, from 1 */
  double loss;    /* mean cross entropy over the cells that have a target */
  size_t cells;   /* number of these cells */
} solid_slates_epoch;

/* Called after each epoch, on the caller's thread; returning nonzero ends the training with ECANCELLED. */
typedef int (*solid_slates_epoch_fn)(void *user, const solid_slates_epoch *epoch);

/* Reads the model file at `model`, trains a decoder on the training events of `dataset` and writes both to `out`, which
 * may be the same file; it replaces an earlier decoder. `options` NULL = the defaults, `on_epoch` may be NULL.
 * EMISMATCH: the model was trained on other data or with another split (solid_evaluate_check_split); the checkpoint is
 * of another model, of other options, data or of another device. EFORMAT: the checkpoint is damaged. EIO.
 * EINVAL: a model without codes. ERANGE: an option. ENOTFOUND: no user has two training events. EINTERNAL: the loss is
 * not finite. Others as solid_model_load and solid_trainer_export. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_slates_train(const solid_context *ctx, const char *model,
                                                             const char *out, const solid_dataset *dataset,
                                                             const solid_slates_options *options,
                                                             solid_slates_epoch_fn on_epoch, void *user);

#ifdef __cplusplus
}
#endif
#endif
