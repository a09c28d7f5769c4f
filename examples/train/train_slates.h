/* solid_train's second part: the decoder of slates, trained after the ranker or for an existing model. */
#ifndef EXAMPLES_TRAIN_TRAIN_SLATES_H
#define EXAMPLES_TRAIN_TRAIN_SLATES_H

#include "examples/train/train_options.h"
#include "solid/train/dataset.h"
#include <stdio.h>

#define TRAIN_SLATES_CHECKPOINT ".slates" /* behind the model's name: a checkpoint, which the caller removes */

/* Does nothing without --slate. */
solid_status train_slates(const train_arguments *a, const solid_context *ctx, const solid_dataset *dataset, FILE *log);

#endif
