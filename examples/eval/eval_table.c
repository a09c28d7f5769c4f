#include "examples/eval/eval.h"
#include <inttypes.h>
#include <stdio.h>

const char *eval_part_name(const eval_arguments *args) {
  return args->part ? "test" : "valid";
}

static void print_figure(const eval_figures *f, int metric) {
  printf("  %.4f [%.4f, %.4f]", f->value.value[metric], f->low.value[metric], f->high.value[metric]);
}

static void print_line(const eval_run *r, const char *name, double of_model, double popularity, const char *meaning) {
  printf("%-8s", name);
  if (r->model) printf("  %-23.4f", of_model);
  printf("  %.4f   (%s)\n", popularity, meaning);
}

static void print_beyond(const eval_run *r) {
  const solid_beyond *a = &r->of_model.beyond, *b = &r->popularity.beyond;
  print_line(r, "gini", a->gini, b->gini, "of the exposure; 0 = all items alike");
  print_line(r, "novelty", a->novelty, b->novelty, "bits");
  if (r->model) print_line(r, "diverse", a->diversity, b->diversity, "mean 1 - cosine within a list");
}

static void print_slice(const solid_slice_figures *f, int metric) {
  printf("  %.4f [%.4f, %.4f]", f->value.value[metric], f->low.value[metric], f->high.value[metric]);
}

static void print_slices(const eval_run *r) {
  static const solid_metric metrics[] = {SOLID_HR_10, SOLID_NDCG_10};
  for (int i = 0; i < 2; i++) {
    printf("\n%-13s%7s", solid_metric_names[metrics[i]], "users");
    if (r->model) printf("  %-24s", "model");
    printf("  popularity\n");
    for (int s = 0; s < SOLID_SLICES; s++) {
      printf("%-13s%7" PRIu32, solid_slice_names[s], r->popularity.slice[s].users);
      if (r->popularity.slice[s].users == 0) {
        printf("\n");
        continue;
      }
      if (r->model) print_slice(&r->of_model.slice[s], metrics[i]);
      print_slice(&r->popularity.slice[s], metrics[i]);
      printf("\n");
    }
  }
  printf("few = at most %d training events; the head's items have %.1f %% of them\n", (int)r->args.few,
         100 * r->slices.popular_share);
}

void eval_print_table(const eval_run *r) {
  const solid_evaluation *e = &r->popularity.evaluation;
  printf("%s: %" PRIu32 " users with a %s target (%" PRIu32 " without one skipped), %" PRIu32 " items, %s\n",
         r->args.data, e->users, eval_part_name(&r->args), e->skipped, r->dataset.items,
         r->args.mask ? "history masked" : "history not masked");
  char split[SOLID_SPLIT_TEXT];
  solid_split_describe(&r->dataset, split);
  printf("split: %s\n", split);
  if (r->model)
    printf("%s: %s, generation %016" PRIx64 ", catalogue of %" PRIu32 "\n", r->args.model,
           solid_head_name(r->info.head), r->info.generation, r->info.items);
  printf("\n%-8s", "");
  if (r->model) printf("  %-23s", "model, 95 % interval");
  printf("  %s\n", "popularity, 95 % interval");
  for (int m = 0; m < SOLID_METRICS; m++) {
    printf("%-8s", solid_metric_names[m]);
    if (r->model) print_figure(&r->of_model, m);
    print_figure(&r->popularity, m);
    printf("\n");
  }
  printf("%-8s", "covered");
  if (r->model) printf("  %-23.4f", r->of_model.evaluation.coverage);
  printf("  %.4f   (share of the catalogue in anybody's first %d)\n", e->coverage, SOLID_COVERED_DEPTH);
  print_beyond(r);
  print_slices(r);
  if (r->hidden.hidden) hidden_print(&r->hidden);
  stale_print(&r->stale);
  lengths_print(&r->lengths);
}
