#include "examples/train/train_search.h"
#include "examples/common/ground.h"
#include "examples/common/progress.h"
#include "examples/train/train_run.h"
#include "solid/extend.h"
#include "solid/train/trainer.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { VALUES = 4, DRAWS = 20 };

/* What is drawn: options that matter on most data sets, at values that were good on some. */
static const struct {
  const char *flag;
  double value[VALUES];
  int count;
} searched[] = {{"rate", {0.0005, 0.001, 0.002}, 3},
                {"batch", {64, 128, 256, 512}, 4},
                {"dropout", {0.2, 0.35, 0.5}, 3},
                {"smoothing", {0, 0.1}, 2},
                {"swap", {0, 0.05}, 2}};

enum { SEARCHED = sizeof searched / sizeof *searched };

typedef struct trial {
  double value[SEARCHED];
  double ndcg10, seconds;
  uint32_t best_epoch, number;
} trial;

static const solid_option_row *row_of(const char *flag) {
  const solid_option_row *rows = solid_train_option_rows();
  while (strcmp(rows->flag, flag) != 0) rows++;
  return rows;
}

/* 1 if the option is not given, and has a meaning for these options. */
static int is_free(const train_arguments *a, const solid_train_options *o, size_t i) {
  if (strcmp(searched[i].flag, "swap") == 0 && o->levels == 0) return 0;
  return !train_is_given(a, searched[i].flag);
}

static int is_new(const trial *trials, size_t n) {
  for (size_t t = 0; t < n; t++)
    if (memcmp(trials[t].value, trials[n].value, sizeof trials[n].value) == 0) return 0;
  return 1;
}

/* Values of the n-th trial: the first has the given and chosen ones, and none is tried twice while there are others. */
static void draw(trial *trials, size_t n, const train_arguments *a, const solid_train_options *o, sol_random *random) {
  for (int again = 0; again < DRAWS; again++) {
    for (size_t i = 0; i < SEARCHED; i++) {
      trials[n].value[i] = solid_train_option_get(o, row_of(searched[i].flag));
      if (n && is_free(a, o, i))
        trials[n].value[i] = searched[i].value[sol_random_below(random, (size_t)searched[i].count)];
    }
    if (is_new(trials, n)) return;
  }
}

static solid_status set_values(solid_train_options *o, const trial *t) {
  solid_status status = SOLID_OK;
  for (size_t i = 0; i < SEARCHED && !status; i++)
    status = solid_train_option_set(o, row_of(searched[i].flag), t->value[i]);
  return status;
}

/* One training; the model is written if it is better than `best`. */
static solid_status try_one(trial *t, double best, const train_arguments *a, const solid_train_options *o,
                            const solid_context *ctx, const solid_dataset *dataset, FILE *log) {
  char checkpoint[4096];
  solid_trainer *trainer = NULL;
  solid_train_options with = *o;
  train_run run = {.head = solid_head_name((solid_head)o->head),
                   .checkpoint = checkpoint,
                   .fresh = 1,
                   .limit = a->limit / (double)a->search,
                   .log = log};
  double began = progress_now();
  snprintf(checkpoint, sizeof checkpoint, "%s.search", a->out);
  solid_status status = set_values(&with, t);
  if (!status) status = train_fitting_of(&run.fitting, a, &with, dataset);
  if (!status) status = train_start(&trainer, ctx, dataset, &with, a->from);
  if (!status) status = train_run_all(&run, trainer);
  if (!status) {
    t->ndcg10 = solid_trainer_report(trainer)->best_ndcg10;
    t->best_epoch = solid_trainer_report(trainer)->best_epoch;
    t->seconds = progress_now() - began;
    if (t->ndcg10 > best) status = solid_trainer_export(trainer, a->out);
  }
  solid_trainer_free(trainer);
  unlink(checkpoint);
  return status;
}

static int better_first(const void *left, const void *right) {
  const trial *a = left, *b = right;
  return a->ndcg10 != b->ndcg10 ? (a->ndcg10 < b->ndcg10) - (a->ndcg10 > b->ndcg10)
                                : (a->number > b->number) - (a->number < b->number);
}

static void print_table(trial *trials, size_t n) {
  qsort(trials, n, sizeof *trials, better_first);
  printf("\n%5s  %13s  %10s  %8s", "run", "valid ndcg@10", "best epoch", "seconds");
  for (size_t i = 0; i < SEARCHED; i++) printf("  %9s", searched[i].flag);
  printf("\n");
  for (size_t t = 0; t < n; t++) {
    printf("%5u  %13.4f  %10u  %8.1f", trials[t].number, trials[t].ndcg10, trials[t].best_epoch, trials[t].seconds);
    for (size_t i = 0; i < SEARCHED; i++) printf("  %9g", trials[t].value[i]);
    printf("\n");
  }
}

solid_status train_search(const train_arguments *a, const solid_train_options *o, const solid_context *ctx,
                          const solid_dataset *dataset, FILE *log) {
  size_t n = (size_t)a->search;
  trial *trials = calloc(n, sizeof *trials);
  if (!trials) return solid_fail(SOLID_ENOMEM, "no memory for %zu trainings", n);
  sol_random random = sol_random_start(o->seed, 11);
  solid_status status = SOLID_OK;
  double best = -1;
  for (size_t t = 0; t < n && !status; t++) {
    draw(trials, t, a, o, &random);
    trials[t].number = (uint32_t)t + 1;
    printf("\nrun %zu of %zu:", t + 1, n);
    for (size_t i = 0; i < SEARCHED; i++) printf(" --%s %g", searched[i].flag, trials[t].value[i]);
    printf("\n");
    status = try_one(&trials[t], best, a, o, ctx, dataset, log);
    if (!status && trials[t].ndcg10 > best) best = trials[t].ndcg10;
  }
  if (!status) print_table(trials, n);
  if (!status) printf("%s: run %u of %zu, validation ndcg@10 %.4f\n", a->out, trials[0].number, n, trials[0].ndcg10);
  free(trials);
  return status;
}
