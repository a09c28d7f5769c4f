/* The trainer's state, for trainer.c and checkpoint.c. */
#ifndef SOLID_TRAIN_INTERNAL_H
#define SOLID_TRAIN_INTERNAL_H

#include "solid/train/batches.h"
#include "solid/train/step.h"
#include "solid/train/trainer.h"
#include "solid/train/validate.h"

struct sol_trainer {
  sk_backend *be;
  int owns_backend;
  sol_config config;
  sol_train_options options;
  const sol_history *history; /* borrowed, as codes are */
  const uint16_t *codes;
  sol_batches batches;
  sol_step step;
  sol_validator validator;
  float *best;    /* (total) host */
  uint64_t steps; /* so far, over all epochs */
  sol_epoch report;
};

/* 1 when no epoch is left, or patience is. */
int sol_epochs_are_over(const sol_train_options *options, const sol_epoch *report);

#endif
