#include "examples/eval.h"
#include <inttypes.h>
#include <stdio.h>

const char *eval_part_name(const eval_arguments *args) {
  return args->part ? "test" : "valid";
}

static void print_figure(const eval_figures *f, int metric) {
  printf("  %.4f [%.4f, %.4f]", f->value.value[metric], f->low.value[metric], f->high.value[metric]);
}

void eval_print_table(const eval_run *r) {
  const sol_evaluation *e = &r->popularity.evaluation;
  printf("%s: %" PRIu32 " users with a %s target (%" PRIu32 " without one skipped), %" PRIu32 " items, %s\n",
         r->args.data, e->users, eval_part_name(&r->args), e->skipped, r->history.items,
         r->args.mask ? "history masked" : "history not masked");
  char split[SOL_SPLIT_TEXT];
  sol_split_describe(&r->history, split);
  printf("split: %s\n", split);
  if (r->model)
    printf("%s: %s, generation %016" PRIx64 ", catalogue of %" PRIu32 "\n", r->args.model,
           solid_head_name(r->info.head), r->info.generation, r->info.items);
  printf("\n%-8s", "");
  if (r->model) printf("  %-23s", "model, 95 % interval");
  printf("  %s\n", "popularity, 95 % interval");
  for (int m = 0; m < SOL_METRICS; m++) {
    printf("%-8s", sol_metric_names[m]);
    if (r->model) print_figure(&r->of_model, m);
    print_figure(&r->popularity, m);
    printf("\n");
  }
  printf("%-8s", "covered");
  if (r->model) printf("  %-23.4f", r->of_model.evaluation.coverage);
  printf("  %.4f   (share of the catalogue in anybody's first %d)\n", e->coverage, SOL_COVERED_DEPTH);
  if (r->hidden.hidden) hidden_print(&r->hidden);
}
