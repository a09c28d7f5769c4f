/* Cold start: how a model that was trained without some items ranks those items. */
#ifndef EXAMPLES_EVAL_EVAL_HIDDEN_H
#define EXAMPLES_EVAL_EVAL_HIDDEN_H

#include "solid/train/evaluate.h"
#include <jansson.h>

/* Figures of one group of users under one ranking. */
typedef struct hidden_row {
  const char *name; /* of the JSON's object */
  size_t users;
  solid_metrics value, low, high; /* zero without users */
} hidden_row;

#define HIDDEN_ROWS 6

/* "on_hidden": users whose target is a hidden item. "on_others": the rest. "full": among the whole catalogue; "among":
 * among hidden items only. Popularity is of the visible events: a hidden item has none, so that among themselves there
 * is only chance, whose figures are exact. */
typedef struct hidden_report {
  uint32_t items, hidden;
  int trained_on; /* 1 = the model was trained with these items, which shows what a hidden item could reach; set by the
                     caller */
  hidden_row row[HIDDEN_ROWS];
} hidden_report;

/* `of_model` is the model's evaluation over the whole catalogue with these options. */
solid_status hidden_measure(hidden_report *report, const solid_hidden *hidden, const solid_model *model,
                            const solid_dataset *dataset, const solid_evaluate_options *options,
                            const solid_evaluation *of_model, uint32_t resamples, uint64_t seed);

void hidden_print(const hidden_report *report);

/* A new reference; NULL when there is no memory. */
json_t *hidden_json(const hidden_report *report);

#endif
