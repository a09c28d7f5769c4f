/* From a dataset to a model file: content features and codebook, epochs of steps with validation after each, the best
 * weights kept, an early stop.
 *
 *   solid_trainer_new -> [solid_trainer_load] -> solid_trainer_epoch ... until finished, [solid_trainer_save] between
 *                     -> [solid_trainer_refit, and epochs again]          -> solid_trainer_export
 *
 * The result depends on dataset, options, precision and kind of device alone: the same seed gives the same numbers,
 * whatever the number of threads, also after a kill and a resume from a checkpoint.
 *
 * One thread at a time uses a trainer; several trainers may share a context and a dataset. Every function may also
 * return ENOMEM and EDEVICE. After a failure of solid_trainer_epoch, call only solid_trainer_load and
 * solid_trainer_free. */
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
  uint32_t epoch;       /* the epoch that ended, from 1; 0 before the first */
  double loss;          /* mean cross entropy over the epoch's rows */
  double ndcg10, hit10; /* of the last validation: whole catalogue, the user's history left out */
  double best_ndcg10;
  uint32_t best_epoch; /* epoch whose weights are kept; 0 = none yet */
  double density;      /* of the last step: pairs (query, key) computed over all causal ones; 1 = attention was dense */
  int checked;         /* 1 = this epoch was validated */
  int finished;        /* 1 = the last epoch, or patience has run out */
} solid_epoch;

/* Called within an epoch after each step, on the caller's thread; returning nonzero stops the epoch with ECANCELLED. */
typedef int (*solid_step_fn)(void *user, uint32_t step, uint32_t steps);

/* How the codes of the items turned out. */
typedef struct solid_trainer_codes {
  uint32_t levels, codes; /* C, K; levels 0 = the model has none */
  uint32_t items;         /* items that are trained on */
  uint32_t collisions;    /* items whose codes all equal those of an item with a lower index */
  int learned;            /* 1 = recomputed from trained items; the errors are then unknown (NaN) */
  solid_codebook_level level[SOLID_LEVELS_MAX];
  double error[SOLID_LEVELS_MAX]; /* mean squared residual after the level */
} solid_trainer_codes;

typedef struct solid_trainer_info {
  uint32_t users;         /* users that an epoch trains on */
  size_t rows;            /* targets that an epoch trains on */
  uint32_t items, hidden; /* items of the dataset, and how many of them are hidden from training */
  uint32_t epochs;        /* most epochs */
  uint32_t patience;      /* 0 = no early stop */
  int refits;             /* 1 = solid_trainer_refit was called */
  uint32_t known;         /* items that the model knew that training goes on from */
} solid_trainer_info;

/* Fits features and codebook and makes the initial weights. `ctx` and `dataset`, already split, are
 * borrowed and must outlive the trainer; `options` NULL = the defaults. On success *out is owned by the caller:
 * solid_trainer_free.
 * ERANGE: an option is out of range, or the share to hide hides no item or all. EINVAL: options that contradict one
 * another or the data; the text says which. ENOTFOUND: no user has two training events, or there is nothing to make the
 * items' codes from. ENOMEM: also if the device has too little memory, which is found out before any is taken. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_trainer_new(solid_trainer **out, const solid_context *ctx,
                                                            const solid_dataset *dataset,
                                                            const solid_train_options *options);

/* The same, going on from the model in the file at `path`: items that it knows keep their embeddings and codes, new
 * items get codes from their content, everything else begins as the model has it. The options' shapes must be the
 * model's; solid_provenance_read has the options that it was trained with. EMISMATCH: a shape is another; the text
 * names it. ENOTFOUND: the model knows none of the items. EINVAL: with items to hide. Others also as solid_model_load.
 */
SOLID_API SOLID_CHECK_RESULT solid_status solid_trainer_new_from(solid_trainer **out, const solid_context *ctx,
                                                                 const solid_dataset *dataset,
                                                                 const solid_train_options *options, const char *path);

/* NULL is a no-op. */
SOLID_API void solid_trainer_free(solid_trainer *trainer);

SOLID_API void solid_trainer_get_info(const solid_trainer *trainer, solid_trainer_info *info);

/* The codes of the best epoch; before the first validation, those fitted to content. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_trainer_get_codes(const solid_trainer *trainer,
                                                                  solid_trainer_codes *codes);

/* One epoch with its validation; `on_step` and `report` may be NULL. ECANCELLED: on_step returned nonzero. EINTERNAL:
 * the loss is not finite. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_trainer_epoch(solid_trainer *trainer, solid_step_fn on_step, void *user,
                                                              solid_epoch *report);

/* How long a training lasts, and what follows from it (solid_train_choose_pace). */
typedef struct solid_schedule {
  uint32_t epochs;
  uint32_t check; /* 0 = that of the options, as is an average of 0 */
  double average;
} solid_schedule;

/* Trains by this schedule instead of that of its options; the rate falls over the rest of the epochs. At any time,
 * within an epoch too (from on_step), so that a training can be fitted to the time that it has. Checkpoints made from
 * then on do not hold what the schedule has: a later process that tells the same of its numbers, before
 * solid_trainer_load, continues from them, and from those of a training whose numbers were settled. EINVAL: no more
 * epochs than are over; an average of a training without one; a refit; pieces that grow over the epochs
 * (window_from). ERANGE: a value that is none of the option's. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_trainer_schedule(solid_trainer *trainer,
                                                                 const solid_schedule *schedule);

/* The report of the last epoch; borrowed, changes with the next epoch. */
SOLID_API const solid_epoch *solid_trainer_report(const solid_trainer *trainer);

/* Writes a checkpoint, from which a later process continues exactly; written under another name and renamed. EIO. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_trainer_save(const solid_trainer *trainer, const char *path);

/* Continues from a checkpoint. ENOTFOUND: there is none. EMISMATCH: it was made with another config, options, data or
 * codes, or has another format; the text names what differs. EFORMAT: it is damaged. On failure the trainer is
 * unchanged. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_trainer_load(solid_trainer *trainer, const char *path);

/* The number that an option had in the training of a checkpoint. ENOTFOUND: there is no checkpoint, or it does not say
 * (of options that are FREE it has those of the encoder's shape, and none that a schedule was told). EFORMAT. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_checkpoint_option(const char *path, const solid_option_row *row,
                                                                  double *value);

/* Starts again with the validation events among the targets, for as many epochs as the best one so far, and keeps the
 * weights of the last epoch. Use another checkpoint file from here on. EINVAL: no epoch was validated yet, or it was
 * called before. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_trainer_refit(solid_trainer *trainer);

/* Writes the model of the best epoch over the whole catalogue: weights, codes, vocabulary, categories (the items'
 * attributes), popularity (training events) and provenance. Hidden items are in it. Written under another name and
 * renamed. EINVAL: no epoch was validated yet. EIO. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_trainer_export(const solid_trainer *trainer, const char *path);

/* EIO if a file at `path` cannot be written; to be called before hours of training. Leaves nothing behind. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_export_check(const char *path);

#ifdef __cplusplus
}
#endif
#endif
