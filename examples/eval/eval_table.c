#include "examples/eval/eval.h"
#include <inttypes.h>
#include <stdio.h>

enum { COLUMN = 23, NAME = 13 }; /* characters of a figure with its interval, of what it is */

/* The rankings that a table has as columns. */
typedef struct columns {
  eval_ranking ranking[EVAL_RANKINGS];
  size_t n;
} columns;

const char *eval_part_name(const eval_arguments *args) {
  return args->part ? "test" : "valid";
}

static void print_head(const columns *c, const char *name) {
  printf("\n%-*s", NAME, name);
  for (size_t i = 0; i < c->n; i++)
    printf(i + 1 < c->n ? "  %-*s" : "  %.*s", i + 1 < c->n ? COLUMN : 99, c->ranking[i].title);
  printf("\n");
}

static void print_interval(double value, double low, double high) {
  printf("  %.4f [%.4f, %.4f]", value, low, high);
}

static void print_metrics(const columns *c) {
  print_head(c, "");
  for (int m = 0; m < SOLID_METRICS; m++) {
    printf("%-*s", NAME, solid_metric_names[m]);
    for (size_t i = 0; i < c->n; i++) {
      const eval_figures *f = c->ranking[i].figures;
      print_interval(f->value.value[m], f->low.value[m], f->high.value[m]);
    }
    printf("\n");
  }
}

/* The figures of --k, a row each. */
static void print_cutoffs(const eval_run *r, const columns *c) {
  static const char *const names[] = {"recall", "precision", "ndcg", "map"};
  for (uint32_t k = 0; k < r->cutoffs; k++)
    for (int m = 0; m < 4; m++) {
      char name[32];
      snprintf(name, sizeof name, "%s@%" PRIu32, names[m], r->cutoff[k]);
      printf("%-*s", NAME, name);
      for (size_t i = 0; i < c->n; i++) {
        const eval_figures *f = c->ranking[i].figures;
        const solid_cutoff *of[] = {&f->at[k], &f->at_low[k], &f->at_high[k]};
        double figure[3];
        for (int s = 0; s < 3; s++)
          figure[s] = m == 0 ? of[s]->recall : m == 1 ? of[s]->precision : m == 2 ? of[s]->ndcg : of[s]->map;
        print_interval(figure[0], figure[1], figure[2]);
      }
      printf("\n");
    }
}

static void print_line(const columns *c, const char *name, const double *value, const char *meaning) {
  printf("%-*s", NAME, name);
  for (size_t i = 0; i < c->n; i++)
    if (value[i] >= 0)
      printf("  %-*.4f", i + 1 < c->n ? COLUMN : 6, value[i]);
    else
      printf("  %-*s", i + 1 < c->n ? COLUMN : 6, "");
  printf("  (%s)\n", meaning);
}

static void print_beyond(const eval_run *r, const columns *c) {
  double covered[EVAL_RANKINGS], gini[EVAL_RANKINGS], novelty[EVAL_RANKINGS], diverse[EVAL_RANKINGS];
  char share[80];
  for (size_t i = 0; i < c->n; i++) {
    const eval_figures *f = c->ranking[i].figures;
    covered[i] = f->evaluation.coverage;
    gini[i] = f->beyond.gini, novelty[i] = f->beyond.novelty, diverse[i] = f->beyond.diversity;
  }
  snprintf(share, sizeof share, "share of the catalogue in anybody's first %d", SOLID_COVERED_DEPTH);
  print_line(c, "covered", covered, share);
  print_line(c, "gini", gini, "of the exposure; 0 = all items alike");
  print_line(c, "novelty", novelty, "bits");
  if (r->model) print_line(c, "diverse", diverse, "mean 1 - cosine within a list");
}

static void print_slices(const eval_run *r, const columns *c) {
  static const solid_metric metrics[] = {SOLID_HR_10, SOLID_NDCG_10};
  for (int i = 0; i < 2; i++) {
    char name[32];
    snprintf(name, sizeof name, "%-*s%7s", NAME, solid_metric_names[metrics[i]], "users");
    print_head(c, name);
    for (int s = 0; s < SOLID_SLICES; s++) {
      uint32_t users = r->popularity.slice[s].users;
      printf("%-*s%7" PRIu32, NAME, solid_slice_names[s], users);
      for (size_t a = 0; a < c->n && users; a++) {
        const solid_slice_figures *f = &c->ranking[a].figures->slice[s];
        print_interval(f->value.value[metrics[i]], f->low.value[metrics[i]], f->high.value[metrics[i]]);
      }
      printf("\n");
    }
  }
  printf("few = at most %d training events; the head's items have %.1f %% of them\n", (int)r->args.few,
         100 * r->slices.popular_share);
}

void eval_print_table(const eval_run *r) {
  const solid_evaluation *e = &r->popularity.evaluation;
  columns c;
  c.n = eval_rankings(r, c.ranking);
  printf("%s: %" PRIu32 " users with a %s target (%" PRIu32 " without one skipped), %" PRIu32 " items, %s\n",
         r->args.data, e->users, eval_part_name(&r->args), e->skipped, r->dataset.items,
         r->args.mask ? "history masked" : "history not masked");
  char split[SOLID_SPLIT_TEXT];
  solid_split_describe(&r->dataset, split);
  printf("split: %s\n", split);
  if (r->model)
    printf("%s: %s, generation %016" PRIx64 ", catalogue of %" PRIu32 "\n", r->args.model,
           solid_head_name(r->info.head), r->info.generation, r->info.items);
  if (r->density_users)
    printf("sparse attention: density %.3f over the windows of %" PRIu32 " users, pairs computed of those that dense "
           "attention has\n",
           r->density, r->density_users);
  printf("item-to-item: %" PRIu32 " neighbours, chosen on the validation part; in brackets: 95 %% intervals\n",
         r->neighbours);
  print_metrics(&c);
  print_cutoffs(r, &c);
  print_beyond(r, &c);
  print_slices(r, &c);
  if (r->hidden.hidden) hidden_print(&r->hidden);
  stale_print(&r->stale);
  lengths_print(&r->lengths);
}
