/* One training of solid_train from its first epoch, or its checkpoint, to its last, and its messages. */
#ifndef EXAMPLES_TRAIN_TRAIN_RUN_H
#define EXAMPLES_TRAIN_TRAIN_RUN_H

#include "examples/train/train_options.h"
#include "solid/train/trainer.h"
#include <stdio.h>

typedef struct train_run {
  const char *head;       /* its name */
  const char *checkpoint; /* file */
  int fresh;              /* 1 = does not continue from it */
  int refit;              /* 1 = the events of validation are trained on, so there is none */
  double limit;           /* seconds, 0 = none; looked at after each step, once a checkpoint is there to go back to */
  train_fitting fitting;  /* with a limit: of the number of epochs to it */
  FILE *log;              /* or NULL */
} train_run;

/* A trainer, beginning from the model `from` if that is not NULL; says what is hidden, known and how codes are used. */
solid_status train_start(solid_trainer **out, const solid_context *ctx, const solid_dataset *dataset,
                         const solid_train_options *o, const char *from);

solid_status train_run_all(const train_run *run, solid_trainer *trainer);

/* How many codes are used, and how evenly. */
solid_status train_print_codes(const solid_trainer *trainer);

#endif
