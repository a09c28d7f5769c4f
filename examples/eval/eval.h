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
  const char *model, *data, *format, *device, *json, *results, *stale, *lengths;
  int64_t batch, threads, seed, resamples, few, questions, least;
  const char *cutoffs; /* list of k beside 5, 10, 20; NULL = none */
  int precision, mask, part, popularity_only, cache, allow_other_split, allow_other_data, protocol;
  double hide;
  int64_t hide_seed;
  reading_options reading;
  load_split order;
  slates_arguments slates;
} eval_arguments;

extern const solid_program eval_program;

#define EVAL_CUTOFFS 16

/* One ranking's figures. */
typedef struct eval_figures {
  solid_evaluation evaluation;
  solid_cutoff at[EVAL_CUTOFFS], at_low[EVAL_CUTOFFS], at_high[EVAL_CUTOFFS]; /* of --k */
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
  uint32_t cutoff[EVAL_CUTOFFS], cutoffs; /* of --k, ascending */
  eval_figures of_model, popularity, item_to_item;
  uint32_t neighbours; /* of item-to-item: chosen on the validation part */
  stale_report stale;  /* with --stale */
  double density;      /* of attention, over so many windows; 1, 0 = dense */
  uint32_t density_users;
  lengths_report lengths; /* with --lengths */
  slates_result slates;   /* with --slate */
  hidden_report hidden;   /* of a model that was trained without some items */
} eval_run;

const char *eval_part_name(const eval_arguments *args);

/* Reads args.cutoffs. EINVAL, ERANGE. */
solid_status eval_read_cutoffs(eval_run *r);

/* Item-to-item with its neighbours, beside popularity. */
solid_status eval_item_to_item(eval_run *r, const solid_evaluate_options *options);

/* The rankings of a run, of the model first, if there is one; returns how many. */
enum { EVAL_RANKINGS = 3 };
typedef struct eval_ranking {
  const char *key, *title; /* in files: "" = the model's figures have no prefix; in tables */
  const eval_figures *figures;
} eval_ranking;
size_t eval_rankings(const eval_run *r, eval_ranking ranking[EVAL_RANKINGS]);

/* Everything that follows from the ranks of the model (when there is one), of popularity and of item-to-item. */
solid_status eval_measure(eval_run *r);

void eval_print_table(const eval_run *r);

/* EIO: args.json cannot be written. */
solid_status eval_write_json(const eval_run *r);

/* One line of JSON per user: {"user", "item" (the target), "model", "popularity", "item_to_item"}, each the rank, or
 * null beyond the depth that was looked at. EIO: args.results cannot be written. */
solid_status eval_write_results(const eval_run *r);

/* solid_eval --protocol paper: measures and prints (and writes args.json). */
solid_status eval_paper(eval_run *r);

/* solid_eval compare: the exit code. */
int eval_compare(int argc, char **argv);

/* solid_eval lists: the exit code. */
int eval_lists(int argc, char **argv);
/* solid_eval plot: the exit code. */
int eval_plot(int argc, char **argv);

#endif
