/* solid_train's options: the table of its properties, and the options of each part of a training. */
#ifndef EXAMPLES_TRAIN_TRAIN_OPTIONS_H
#define EXAMPLES_TRAIN_TRAIN_OPTIONS_H

#include "examples/common/config.h"
#include "examples/common/load.h"
#include "solid/context.h"
#include "solid/train/facts.h"
#include "solid/train/options.h"
#include "solid/train/trainer.h"
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
  int fixed; /* 1 = options that are not given have the values of --help, whatever the data */
  reading_options reading;
  items_options items;
  load_split order;
  train_slate_arguments slate;
  train_value option[SOLID_TRAIN_OPTIONS_COUNT];  /* in the order of the rows */
  unsigned char given[SOLID_TRAIN_OPTIONS_COUNT]; /* 1 = in the file or as a flag: train_given */
} train_arguments;

const solid_program *train_program(void);

/* Notes which options of training were given. */
void train_given(train_arguments *a, const solid_config *config);

/* Whether the option of this name was. */
int train_is_given(const train_arguments *a, const char *name);

/* Chooses by the data what is not given, and says it. Nothing with --defaults fixed, nor with --from, where a model has
 * the options. */
solid_status train_choose(const train_arguments *a, const solid_dataset *dataset, solid_train_options *options);

/* A training whose number of epochs is fitted to --limit. */
typedef struct train_fitting {
  uint32_t most; /* epochs; 0 = it is not fitted */
  const train_arguments *arguments;
  solid_train_options options;
  solid_data_facts facts; /* zeroed where they did not choose the options */
} train_fitting;

/* `options` are those of the training, all chosen. ENOMEM. */
solid_status train_fitting_of(train_fitting *out, const train_arguments *a, const solid_train_options *options,
                              const solid_dataset *dataset);

/* The schedule of so many epochs: what the data chose follows, what was given stays. */
solid_schedule train_schedule_of(const train_fitting *fitting, uint32_t epochs);

solid_precision train_precision(const train_arguments *a);
solid_status train_options(const train_arguments *a, solid_train_options *options);

/* EINVAL: --out or --log is a file that is read. A model may take the place of the one that it goes on from. */
solid_status train_check_files(const train_arguments *a);

#endif
