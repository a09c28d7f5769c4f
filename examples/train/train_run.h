/* One training of solid_train from its first epoch, or its checkpoint, to its last. */
#ifndef EXAMPLES_TRAIN_TRAIN_RUN_H
#define EXAMPLES_TRAIN_TRAIN_RUN_H

#include "solid/train/fit/trainer.h"
#include <stdio.h>

typedef struct train_run {
  const solid_context *ctx;
  const sol_config *config;
  const sol_history *history;
  const uint16_t *codes;
  uint32_t refit_epochs;    /* 0 = the first training */
  const sol_codebook *book; /* the codes' codebook, for options->learn_codes */
  const float *content;     /* (V, content_width) for options->learn_codes and options->swap, or NULL */
  uint32_t content_width;
  const char *checkpoint; /* file */
  int fresh;              /* does not go on from it */
  double limit;           /* seconds, 0 = none */
  FILE *log;              /* or NULL */
} train_run;

/* On success *out is the caller's: sol_trainer_close. */
solid_status train_run_all(const train_run *run, const solid_train_options *options, sol_trainer **out);

#endif
