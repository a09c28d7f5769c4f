/* The parts of solid_eval: options, what a run holds, the table and the result file. */
#ifndef EXAMPLES_EVAL_EVAL_H
#define EXAMPLES_EVAL_EVAL_H

#include "examples/common/config.h"
#include "examples/common/load.h"
#include "examples/eval/eval_hidden.h"
#include "examples/eval/eval_lengths.h"
#include "examples/eval/eval_slates.h"
#include "examples/eval/eval_stale.h"
#include "solid/model.h"
#include "solid/store.h"
#include "solid/train/beyond.h"
#include "solid/train/slices.h"

typedef struct eval_arguments {
  const char *model, *data, *format, *device, *json, *stale, *lengths;
  int64_t batch, threads, seed, resamples, few, questions, least;
  int precision, mask, part, popularity_only, cache, allow_other_split, allow_other_data, protocol;
  double hide;
  int64_t hide_seed;
  reading_options reading;
  load_split order;
  slates_arguments slates;
} eval_arguments;

extern const solid_program eval_program;

/* One ranking's figures. */
typedef struct eval_figures {
  solid_evaluation evaluation;
  solid_metrics value, low, high;
  solid_slice_figures slice[SOLID_SLICES];
  solid_beyond beyond;
} eval_figures;

typedef struct eval_run {
  eval_arguments args;
  solid_dataset dataset;
  solid_context *ctx;
  solid_model *model; /* NULL = popularity only */
  solid_model_info info;
  solid_store *cache;
  solid_slices slices;
  eval_figures of_model, popularity;
  stale_report stale;     /* with --stale */
  lengths_report lengths; /* with --lengths */
  slates_result slates;   /* with --slate */
  hidden_report hidden;   /* of a model that was trained without some items */
} eval_run;

const char *eval_part_name(const eval_arguments *args);

/* Everything that follows from the ranks of the model (when there is one) and of popularity. */
solid_status eval_measure(eval_run *r);

void eval_print_table(const eval_run *r);

/* EIO: args.json cannot be written. */
solid_status eval_write_json(const eval_run *r);

/* solid_eval --protocol paper: measures and prints (and writes args.json). */
solid_status eval_paper(eval_run *r);

/* solid_eval compare: the exit code. */
int eval_compare(int argc, char **argv);

#endif
