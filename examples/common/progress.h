/* What solid_train shows of an epoch: a line that is rewritten on a terminal, whole lines elsewhere, JSON in a log. */
#ifndef EXAMPLES_COMMON_PROGRESS_H
#define EXAMPLES_COMMON_PROGRESS_H

#include "solid/train/trainer.h"
#include <stdio.h>

typedef struct progress {
  int terminal;    /* 1 = stderr is one: steps are shown too */
  int refit;       /* 1 = without validation */
  FILE *log;       /* JSON lines, one an epoch; may be NULL */
  uint32_t epochs; /* at most */
  uint32_t patience;
  uint32_t users; /* an epoch */
  uint32_t epoch; /* that runs */
  double epoch_started, run_started, step_shown;
} progress;

void progress_begin_epoch(progress *p, uint32_t epoch);
int progress_step(void *progress, uint32_t step, uint32_t steps); /* a solid_step_fn */
void progress_end_epoch(progress *p, const solid_epoch *report);

/* Seconds on a clock that only goes forward. */
double progress_now(void);

#endif
