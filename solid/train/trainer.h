/* From a dataset to a model file: content features and codebook, epochs of steps with validation after each, the best
 * weights kept, an early stop.
 *
 *   solid_trainer_new -> [solid_trainer_load] -> solid_trainer_epoch ... until finished, [solid_trainer_save] between
 *                     -> [solid_trainer_refit, and epochs again]          -> solid_trainer_export
 *
 * What comes out is a function of dataset, options, precision and kind of device alone: the same numbers for the same
 * seed, whatever the number of threads, and across a kill and a resume from a checkpoint.
 *
 * A trainer is one thread's at a time; several may train on one context and one dataset. Every function may also give
 * ENOMEM and EDEVICE. After a failure of solid_trainer_epoch only solid_trainer_load and solid_trainer_free are left.
 */
#ifndef SOLID_TRAIN_TRAINER_H
#define SOLID_TRAIN_TRAINER_H

#include "solid/codebook.h"
#include "solid/context.h"
#include "solid/train/dataset.h"
#include "solid/train/options.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct solid_trainer solid_trainer;

typedef struct solid_epoch {
  uint32_t epoch;       /* that ended, from 1; 0 before the first */
  double loss;          /* mean cross entropy over the epoch's rows */
  double ndcg10, hit10; /* validation, the last there was: whole catalogue, the user's history left out */
  double best_ndcg10;
  uint32_t best_epoch; /* whose weights are kept; 0 = none yet */
  int checked;         /* this epoch was validated */
  int finished;        /* no epoch is left, or patience is */
} solid_epoch;

/* Called within an epoch after each step, on the caller's thread; returning nonzero stops the epoch with ECANCELLED. */
typedef int (*solid_step_fn)(void *user, uint32_t step, uint32_t steps);

/* What the codes of the items came to. */
typedef struct solid_trainer_codes {
  uint32_t levels, codes; /* C, K; levels 0 = the model has none */
  uint32_t items;         /* that are trained on */
  uint32_t collisions;    /* items whose codes all equal those of an item with a lower index */
  int learned;            /* 1 = they followed what was learned; errors are then not known and NaN */
  solid_codebook_level level[SOLID_LEVELS_MAX];
  double error[SOLID_LEVELS_MAX]; /* mean squared distance of what is left over after the level */
} solid_trainer_codes;

typedef struct solid_trainer_info {
  uint32_t users;         /* an epoch trains on */
  size_t rows;            /* targets an epoch trains on */
  uint32_t items, hidden; /* of the dataset; of these hidden from training */
  uint32_t epochs;        /* at most */
  uint32_t patience;      /* 0 = never stops */
  int refits;             /* 1 = after solid_trainer_refit */
} solid_trainer_info;

/* Fits features and codebook and makes the initial weights. `ctx` and `dataset`, split as it is to be trained on, are
 * borrowed and must outlive the trainer; `options` NULL = the defaults. On success *out is owned by the caller:
 * solid_trainer_free.
 * ERANGE: an option, or the share to hide hides nothing or all. EINVAL: options that do not go together, or with this
 * data; the text says which. ENOTFOUND: no user has two training events, or nothing is known about the items to make
 * codes from. ENOMEM: also when the device has not enough left, which is known before any of it is taken. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_trainer_new(solid_trainer **out, const solid_context *ctx,
                                                            const solid_dataset *dataset,
                                                            const solid_train_options *options);

/* NULL is a no-op. */
SOLID_API void solid_trainer_free(solid_trainer *trainer);

SOLID_API void solid_trainer_get_info(const solid_trainer *trainer, solid_trainer_info *info);

/* The codes of the best epoch; before there is one, those fitted to content. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_trainer_get_codes(const solid_trainer *trainer,
                                                                  solid_trainer_codes *codes);

/* One epoch with its validation; `on_step` and `report` may be NULL. ECANCELLED: on_step said so. EINTERNAL: the loss
 * is not finite any more. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_trainer_epoch(solid_trainer *trainer, solid_step_fn on_step, void *user,
                                                              solid_epoch *report);

/* What the last epoch reported; borrowed, changes with the next. */
SOLID_API const solid_epoch *solid_trainer_report(const solid_trainer *trainer);

/* Everything a later process needs to go on as if this one had not ended. Written beside and renamed. EIO. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_trainer_save(const solid_trainer *trainer, const char *path);

/* Goes on from a checkpoint. ENOTFOUND: there is none. EMISMATCH: it was made with another config, options, data or
 * codes, or by a version with another format; the text names what differs. EFORMAT: damaged. The trainer is then as it
 * was. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_trainer_load(solid_trainer *trainer, const char *path);

/* Starts again with the validation events among the targets, for as many epochs as the best so far, and keeps what the
 * last of them gives. Checkpoints from here on are files of their own. EINVAL: no epoch was validated yet, or it was
 * called before. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_trainer_refit(solid_trainer *trainer);

/* Writes the model of the best epoch over the whole catalogue: weights, codes, vocabulary, categories (the items'
 * attributes), popularity (training events) and provenance. Hidden items have joined it. Written beside and renamed.
 * EINVAL: no epoch was validated yet. EIO. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_trainer_export(const solid_trainer *trainer, const char *path);

/* EIO when a file at `path` could not be made: asked before hours of training. Leaves nothing behind. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_export_check(const char *path);

#ifdef __cplusplus
}
#endif
#endif
