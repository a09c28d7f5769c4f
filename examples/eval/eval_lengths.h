/* What the length of a history is worth: many questions a user, each asked with no more than the newest so many events.
 *
 * A question is an event of the user's test (or validation) target's part: from the target on to the end of the
 * history, or, of validation, to the test target. Up to so many of them a user, evenly spread. A user counts once: its
 * figure is the mean over its questions, and intervals are of users, whose questions stay together. */
#ifndef EXAMPLES_EVAL_EVAL_LENGTHS_H
#define EXAMPLES_EVAL_EVAL_LENGTHS_H

#include "solid/train/evaluate.h"
#include <jansson.h>

#define LENGTHS_MAX 16

typedef struct lengths_report {
  uint32_t count; /* 0 = not asked */
  uint32_t events[LENGTHS_MAX];
  size_t users, questions;
  double *ndcg; /* (count, users) NDCG@10 */
  double mean[LENGTHS_MAX], low[LENGTHS_MAX], high[LENGTHS_MAX];
} lengths_report;

typedef struct lengths_task {
  const char *lengths; /* "50,200,1000" */
  uint32_t questions;  /* a user, at most */
  uint32_t least;      /* users with fewer events in all are not asked */
  uint32_t resamples;
  uint64_t seed;
} lengths_task;

/* options->part, keep_history and batch count. EINVAL: not such a list. ENOTFOUND: nobody is asked. Others as
 * solid_evaluate_model. */
solid_status lengths_measure(lengths_report *report, const lengths_task *task, const solid_model *model,
                             const solid_dataset *dataset, const solid_evaluate_options *options);
void lengths_clear(lengths_report *report);
void lengths_print(const lengths_report *report);

/* A new reference; NULL when there is no memory. */
json_t *lengths_json(const lengths_report *report);

#endif
