/* solid_eval --slate K: lists of K items, ranked, re-ranked for likeness, and decoded in every order and under every
 * guide that is asked for. */
#ifndef EXAMPLES_EVAL_EVAL_SLATES_H
#define EXAMPLES_EVAL_EVAL_SLATES_H

#include "solid/model.h"
#include "solid/train/slate_evaluate.h"
#include <jansson.h>

typedef struct slates_arguments {
  int64_t rows;                                   /* 0 = not asked */
  const char *orders, *guides, *lambdas, *judges; /* lists with commas between; file or NULL */
} slates_arguments;

#define SLATES_TRIALS 128

typedef struct slates_row {
  solid_slate_trial trial;
  solid_slate_report report;
  double over[SOLID_SLATE_FIGURES], over_low[SOLID_SLATE_FIGURES], over_high[SOLID_SLATE_FIGURES]; /* over the first */
} slates_row;

typedef struct slates_result {
  uint32_t rows, count;
  slates_row *row; /* (SLATES_TRIALS) the first is the ranked list; NULL = not asked */
} slates_result;

/* EINVAL: a list that is none. Others as solid_slate_evaluate. slates_clear ends it, after a failure too. */
solid_status slates_measure(slates_result *result, const slates_arguments *args, const solid_model *model,
                            const solid_dataset *dataset, solid_part part, uint32_t resamples, uint64_t seed);
void slates_clear(slates_result *result);

void slates_print(const slates_result *result);

/* A new reference; NULL when there is no memory. */
json_t *slates_json(const slates_result *result);

#endif
