/* Trains a model: epochs of steps, validation after each, the best weights kept, an early stop. What it does is a
 * function of config, options, data and codes alone: same numbers for the same seed and device, whatever the number of
 * threads, and across a kill and a resume from a checkpoint. */
#ifndef SOLID_TRAIN_FIT_TRAINER_H
#define SOLID_TRAIN_FIT_TRAINER_H

#include "solid/train/codebook/codebook_fit.h"
#include "solid/train/data/history.h"
#include "solid/train/fit/options.h"

typedef struct sol_trainer sol_trainer;
typedef struct sk_backend sk_backend;

typedef struct sol_epoch {
  uint32_t epoch;       /* that ended, from 1 */
  double loss;          /* mean over the epoch's rows */
  double ndcg10, hit10; /* validation, the last there was */
  double best_ndcg10;
  uint32_t best_epoch;
  int checked;  /* this epoch was validated */
  int finished; /* no epoch is left, or patience is */
} sol_epoch;

/* Called within an epoch after each step; returning nonzero stops the epoch with ECANCELLED. May be NULL. */
typedef int (*sol_step_fn)(void *user, uint32_t step, uint32_t steps);

/* What is fitted to what. */
typedef struct sol_fit_task {
  const sol_config *config; /* copied, as options are; the rows of options that give a config's shape are not read */
  const solid_train_options *options;
  const sol_history *history; /* borrowed, must outlive the trainer */
  const uint16_t *codes;      /* (V, C) borrowed as history is; NULL when config->levels is 0 */
  uint32_t refit_epochs; /* 0 = validation stops it; else so many epochs, the validation events among the targets */
} sol_fit_task;

/* `be` is borrowed and must outlive the trainer. */
solid_status sol_trainer_open(sol_trainer **out, sk_backend *be, const sol_fit_task *task);

/* The same with a queue of its own on the context's device. */
solid_status sol_trainer_new(sol_trainer **out, const solid_context *ctx, const sol_fit_task *task);

/* Before the first epoch and before a checkpoint is loaded: content (V, width), borrowed, by which items find the mates
 * that stand for them in a share of options->swap; without that share nothing is done, and with it this must be.
 * ENOMEM. */
solid_status sol_trainer_find_mates(sol_trainer *trainer, const float *content, uint32_t width);

/* Before the first epoch and before a checkpoint is loaded: after every options->learn_codes epochs the codes follow
 * what was learned, see codebook_learn.h. They start at `book`, whose table the trainer was opened with and which was
 * fitted to content (V, book->width), borrowed. EMISMATCH: a book of another shape. */
solid_status sol_trainer_learn_codes(sol_trainer *trainer, const sol_codebook *book, const float *content);

/* The codes of the best epoch take the place of those of `book`, which the learning started at; without learning it
 * stays as it is. */
solid_status sol_trainer_give_codes(const sol_trainer *trainer, sol_codebook *book);

/* NULL is a no-op. */
void sol_trainer_close(sol_trainer *trainer);

/* One epoch with its validation. EINTERNAL: the loss is not finite any more. After a failure only close and load. */
solid_status sol_trainer_epoch(sol_trainer *trainer, sol_step_fn on_step, void *user, sol_epoch *report);

/* What the last epoch reported; epoch = 0 before the first. */
const sol_epoch *sol_trainer_report(const sol_trainer *trainer);

/* Users and rows an epoch trains on. */
void sol_trainer_size(const sol_trainer *trainer, uint32_t *users, size_t *rows);

/* The weights of the best epoch: sol_tensors_total floats, host. */
const float *sol_trainer_best(const sol_trainer *trainer);

/* Everything a later process needs to go on as if this one had not ended. Written beside and renamed. */
solid_status sol_trainer_save(const sol_trainer *trainer, const char *path);

/* Goes on from a checkpoint. ENOTFOUND: there is none. EMISMATCH: it was made with other config, options, data or
 * codes; the text names what differs. */
solid_status sol_trainer_load(sol_trainer *trainer, const char *path);

#endif
