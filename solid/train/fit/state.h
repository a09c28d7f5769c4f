/* The state of a fit, shared by fit.c, recode.c and checkpoint.c, and functions that read it. */
#ifndef SOLID_TRAIN_FIT_STATE_H
#define SOLID_TRAIN_FIT_STATE_H

#include "solid/train/codebook/codebook_learn.h"
#include "solid/train/fit/feed.h"
#include "solid/train/fit/step.h"
#include "solid/train/fit/validate.h"
#include "solid/train/trainer.h"

typedef struct sol_fit {
  sk_backend *be;
  int owns_backend;
  sol_config config;
  solid_train_options options;
  const solid_dataset *dataset; /* borrowed, as codes are */
  const uint16_t *codes;
  uint32_t refit_epochs; /* 0 = validation stops it */
  solid_schedule told;   /* what is not that of the options that it began with; 0 = is */
  uint32_t *attributes;  /* (V, S) what is in the items' slots; NULL without */
  sol_mates mates;       /* zeroed without options.swap */
  const float *content;  /* (V, content_width) borrowed: what they are found by; NULL without */
  uint32_t content_width;
  sol_feed feed;
  sol_step step;
  sol_validator validator;
  sol_code_learner learner; /* zeroed while codes stay as they are */
  float *best;              /* (total) host */
  uint64_t steps;           /* so far, over all epochs */
  solid_epoch report;
} sol_fit;

/* The weights that are validated and kept: the moving average if there is one. */
sol_array sol_fit_kept(const sol_fit *fit);

int sol_fit_learns_codes(const sol_fit *fit);

/* The most epochs that it trains. */
uint32_t sol_fit_epochs(const sol_fit *fit);

/* 1 if no epoch is left or patience is used up. */
int sol_fit_is_over(const sol_fit *fit, const solid_epoch *report);

#endif
