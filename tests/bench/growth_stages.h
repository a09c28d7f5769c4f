/* The stages of bench_growth, in the order in which each needs those before it. */
#ifndef TESTS_BENCH_GROWTH_STAGES_H
#define TESTS_BENCH_GROWTH_STAGES_H

#include "solid/solid.h"
#include "solid/train/codebook/codebook_fit.h"
#include "solid/train/codebook/features.h"
#include "tests/bench/growth.h"

typedef struct growth_run {
  growth_shape shape;
  const char *device, *file; /* where the model is written */
  const char *text;          /* file that text is written to and read from; NULL = a pipe */
  uint32_t threads;
  uint64_t asked; /* users that an epoch and a validation are said for; 0 = all */

  solid_context *ctx;
  solid_dataset data;
  sol_features words, neighbours, content; /* TF-IDF alone, PPMI alone, both */
  sol_codebook book;
  sol_config config;
  struct sol_fit *fit;
  solid_model *model;
} growth_run;

/* What a stage was found to take. */
typedef struct growth_result {
  growth_meter meter;
  double amount;      /* MB read, steps or calls timed, users judged; 0 = the stage as a whole */
  double seconds_cpu; /* of the whole stage: as measured, or extrapolated from `amount` */
  double seconds_wall;
  int extrapolated;
} growth_result;

typedef struct growth_stage {
  const char *name, *unit; /* unit of `amount`; NULL = none */
  solid_status (*run)(growth_run *run, growth_result *result);
  int is_reader; /* needs no stage before it */
} growth_stage;

#define GROWTH_READERS 3
#define GROWTH_STAGES  14
extern const growth_stage growth_stages[GROWTH_STAGES];

void growth_run_close(growth_run *run);

#endif
