/* What kept parameters cost in accuracy: the ranking with parameters that were made some events before the question. */
#ifndef EXAMPLES_EVAL_EVAL_STALE_H
#define EXAMPLES_EVAL_EVAL_STALE_H

#include "solid/train/compare.h"
#include "solid/train/evaluate.h"
#include <jansson.h>

#define STALE_MAX 16

/* One age of the parameters under one kind of state. */
typedef struct stale_cell {
  solid_comparison all;  /* a: these parameters, b: fresh ones; every user, who has at least one event left */
  solid_comparison full; /* only users who have more events than the greatest age: no age is cut short */
} stale_cell;

typedef struct stale_report {
  uint32_t count;                                        /* 0 = not asked */
  uint32_t events[STALE_MAX];                            /* ages */
  size_t users, full_users;                              /* full_users may be 0 */
  stale_cell new_state[STALE_MAX], old_state[STALE_MAX]; /* the encoder's state: of now, as old as the parameters */
} stale_report;

/* `ages`: "0,1,5", ascending or not. EINVAL: not such a list. Others as solid_evaluate_model. */
solid_status stale_measure(stale_report *report, const char *ages, const solid_model *model,
                           const solid_dataset *dataset, const solid_evaluate_options *options, uint32_t resamples,
                           uint64_t seed);

void stale_print(const stale_report *report);

/* A new reference; NULL when there is no memory. */
json_t *stale_json(const stale_report *report);

#endif
