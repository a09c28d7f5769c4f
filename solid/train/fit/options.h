/* What training derives from its options. */
#ifndef SOLID_TRAIN_FIT_OPTIONS_H
#define SOLID_TRAIN_FIT_OPTIONS_H

#include "solid/train/options.h"

/* Room for the text: every row with a name and a value of at most so many characters. */
#define SOL_OPTIONS_TEXT (SOLID_TRAIN_OPTIONS_COUNT * (SOLID_OPTION_TEXT + 32))

/* The options that a checkpoint must share with the run that continues from it, as `name=value` words. */
void sol_train_options_text(const solid_train_options *options, char text[SOL_OPTIONS_TEXT]);

/* What step `number` (from 1) of `total` trains with: the rate of the schedule, and a moving average that forgets the
 * initial weights: it keeps at most (1 + number) / (10 + number). */
solid_train_options sol_train_options_at(const solid_train_options *options, uint64_t number, uint64_t total);

#endif
