/* solid_train's options: the table of its properties, and what they say to each part of a training. */
#ifndef EXAMPLES_TRAIN_TRAIN_OPTIONS_H
#define EXAMPLES_TRAIN_TRAIN_OPTIONS_H

#include "examples/common/config.h"
#include "examples/common/load.h"
#include "solid/train/codebook/codebook_fit.h"
#include "solid/train/codebook/features.h"
#include "solid/train/fit/trainer.h"
#include <stdint.h>

typedef struct train_arguments {
  const char *data, *format, *out, *device, *log;
  int64_t width, window, blocks, heads, levels, codes, slots, rank;
  int64_t seed, threads, epochs, patience, check, batch, learn_codes, cooccurrence, content;
  double clip, limit, rate, rate_end, decay, max_norm, dropout, dropout_z, dropout_y, smoothing, average, cuts, swap,
      item_dropout, learn_share, learn_keep;
  double hide;
  int64_t hide_seed;
  int head, precision, fresh, keep_checkpoint, hidden_codes, refit;
  reading_options reading;
  items_options items;
  load_split order;
} train_arguments;

extern const solid_program train_program;

solid_precision train_precision(const train_arguments *a);
/* Of a model of so many items, which take their attributes from `history`. */
sol_config train_config(const train_arguments *a, uint32_t items, const sol_history *history);
sol_train_options train_options(const train_arguments *a);
sol_features_options train_features(const train_arguments *a);
sol_codebook_options train_codebook(const train_arguments *a);

#endif
