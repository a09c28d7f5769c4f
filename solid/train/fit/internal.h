/* The trainer's state, for trainer.c, recode.c and checkpoint.c. */
#ifndef SOLID_TRAIN_FIT_INTERNAL_H
#define SOLID_TRAIN_FIT_INTERNAL_H

#include "solid/train/codebook/codebook_learn.h"
#include "solid/train/fit/batches.h"
#include "solid/train/fit/step.h"
#include "solid/train/fit/trainer.h"
#include "solid/train/fit/validate.h"

struct sol_trainer {
  sk_backend *be;
  int owns_backend;
  sol_config config;
  solid_train_options options;
  const sol_history *history; /* borrowed, as codes are */
  const uint16_t *codes;
  uint32_t refit_epochs; /* 0 = validation stops it */
  uint32_t *attributes;  /* (V, S) what is in the items' slots; NULL without */
  sol_mates mates;       /* zeroed without options.swap */
  const float *content;  /* (V, content_width) borrowed: what they are found by; NULL without */
  uint32_t content_width;
  sol_batches batches;
  sol_step step;
  sol_validator validator;
  sol_code_learner learner; /* zeroed while codes stay as they are */
  float *best;              /* (total) host */
  uint64_t steps;           /* so far, over all epochs */
  sol_epoch report;
};

/* Which weights are judged and kept: their moving average when there is one. */
sol_array sol_trainer_kept(const sol_trainer *trainer);

int sol_trainer_learns_codes(const sol_trainer *trainer);

/* Mates by these codes from now on; nothing without content to find them by. */
solid_status sol_trainer_set_mates(sol_trainer *trainer, const uint16_t *codes);

/* Before an epoch: new codes when it is their time. */
solid_status sol_trainer_recode(sol_trainer *trainer);

/* Epochs it trains at most. */
uint32_t sol_trainer_epochs(const sol_trainer *trainer);

/* 1 when no epoch is left, or patience is. */
int sol_epochs_are_over(const sol_trainer *trainer, const sol_epoch *report);

#endif
