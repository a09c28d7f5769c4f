/* Fits weights: epochs of steps, validation after each, the best weights kept, an early stop. The result is a function
 * of config, options, data and codes: the same numbers for the same seed and device, whatever the number of threads,
 * also if the run is killed and resumed from a checkpoint. */
#ifndef SOLID_TRAIN_FIT_FIT_H
#define SOLID_TRAIN_FIT_FIT_H

#include "kernels/backend.h"
#include "solid/model/config.h"
#include "solid/train/dataset.h"
#include "solid/train/trainer.h"

typedef struct sol_fit sol_fit;

/* What to fit, and to which data. */
typedef struct sol_fit_task {
  const sol_config *config; /* copied, as options are; the rows of options that give a config's shape are not read */
  const solid_train_options *options;
  const solid_dataset *dataset; /* borrowed, must outlive the fit */
  const uint16_t *codes;        /* (V, C) borrowed as dataset is; NULL when config->levels is 0 */
  uint32_t refit_epochs; /* 0 = validation stops it; else it runs this many epochs and trains on the validation events,
                            too */
} sol_fit_task;

/* `be` is borrowed and must outlive the fit. */
solid_status sol_fit_open(sol_fit **out, sk_backend *be, const sol_fit_task *task);

/* Other weights to begin with (sol_tensors_total), before the first epoch. */
solid_status sol_fit_begin_with(sol_fit *fit, const float *weights);

/* NULL is a no-op. */
void sol_fit_close(sol_fit *fit);

/* One epoch with its validation. EINTERNAL: the loss is not finite any more. After a failure only close and load. */
solid_status sol_fit_epoch(sol_fit *fit, solid_step_fn on_step, void *user, solid_epoch *report);

/* As solid_trainer_schedule. */
solid_status sol_fit_schedule(sol_fit *fit, const solid_schedule *schedule);

/* What the last epoch reported; epoch = 0 before the first. */
const solid_epoch *sol_fit_report(const sol_fit *fit);

/* Users and rows an epoch trains on. */
void sol_fit_size(const sol_fit *fit, uint32_t *users, size_t *rows);

/* The weights of the best epoch: sol_tensors_total floats, host. */
const float *sol_fit_best(const sol_fit *fit);

#endif
