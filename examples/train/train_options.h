/* solid_train's options: the table of its properties, and the options of each part of a training. */
#ifndef EXAMPLES_TRAIN_TRAIN_OPTIONS_H
#define EXAMPLES_TRAIN_TRAIN_OPTIONS_H

#include "examples/common/config.h"
#include "examples/common/load.h"
#include "solid/context.h"
#include "solid/train/options.h"
#include <stdint.h>

/* A value as the config writes it. */
typedef union train_value {
  int64_t whole;
  double real;
  int flag;
} train_value;

/* Of the decoder of slates. */
typedef struct train_slate_arguments {
  int64_t rows, blocks, epochs, batch, seed; /* rows 0 = none is trained */
  int order;                                 /* 1 = near-to-far */
  double rate, dropout;
  const char *of;
} train_slate_arguments;

typedef struct train_arguments {
  const char *data, *format, *out, *device, *log, *titles, *from;
  int64_t threads, search;
  double limit;
  int precision, fresh, keep_checkpoint;
  reading_options reading;
  items_options items;
  load_split order;
  train_slate_arguments slate;
  train_value option[SOLID_TRAIN_OPTIONS_COUNT]; /* in the order of the rows */
} train_arguments;

const solid_program *train_program(void);

solid_precision train_precision(const train_arguments *a);
solid_status train_options(const train_arguments *a, solid_train_options *options);

#endif
