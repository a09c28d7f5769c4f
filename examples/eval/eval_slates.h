/* solid_eval --slate K: lists of K items, ranked, re-ranked for likeness, and decoded in every order and under every
 * guide that is asked for. */
#ifndef EXAMPLES_EVAL_EVAL_SLATES_H
#define EXAMPLES_EVAL_EVAL_SLATES_H

#include "examples/common/load.h"
#include "solid/context.h"
#include "solid/model.h"
#include "solid/train/slate_evaluate.h"
#include <jansson.h>

typedef struct slates_arguments {
  int64_t rows;                                   /* 0 = not asked */
  const char *orders, *guides, *lambdas, *judges; /* lists with commas between; file or NULL */
  const char *also;                               /* a model of the same ranker and another decoder, or NULL */
  int baskets;
  int likelihood;      /* 1 = every list is judged by the raster decoder */
  items_options items; /* content, for likeness by it */
} slates_arguments;

#define SLATES_TRIALS 256
#define SLATES_MODELS 2

typedef struct slates_difference {
  double value, low, high; /* paired, 95 % over users */
} slates_difference;

typedef struct slates_row {
  solid_slate_trial trial;
  solid_slate_report report;
  slates_difference over[SOLID_SLATE_FIGURES]; /* over the first */
  int of_raster;                               /* 1 = there is raster under the same guide: */
  slates_difference than[SOLID_SLATE_FIGURES]; /* over that */
} slates_row;

typedef struct slates_result {
  uint32_t rows, count;
  slates_row *row; /* (SLATES_TRIALS) the first is the ranked list; NULL = not asked */
} slates_result;

/* What a run evaluates: the program's model, data and files. */
typedef struct slates_ground {
  const solid_context *ctx;
  const solid_model *model;
  const solid_dataset *dataset;
  const load_files *files;
  solid_part part;
  uint32_t resamples;
  uint64_t seed;
} slates_ground;

/* EINVAL: a list that is none. EMISMATCH: args->also has another ranker. Others as solid_slate_evaluate. slates_clear
 * ends it, after a failure too. */
solid_status slates_measure(slates_result *result, const slates_arguments *args, const slates_ground *ground);
void slates_clear(slates_result *result);

/* "ranked", "re-ranked", "slate"; then what distinguishes it: an order, or by what it is re-ranked. */
const char *slates_way(const solid_slate_trial *trial);
void slates_order(const solid_slate_trial *trial, char text[32]);

void slates_print(const slates_result *result);

/* A new reference; NULL when there is no memory. */
json_t *slates_json(const slates_result *result);

#endif
