#include "examples/paper_runs.h"
#include <math.h>

enum { FIGURES = 6 }; /* AUC, UAUC, log loss, NDCG@10, HR@10, best AUC */

static double figure_of(const paper_result *r, int i) {
  const sol_paper_metrics *m = &r->last.test;
  const double values[FIGURES] = {m->auc, m->uauc, m->logloss, m->ndcg[1], m->hr[1], r->best.test.auc};
  return values[i];
}

/* Mean and sample deviation over the seeds that are done; how many. */
static int statistics(const paper_result *results, int seeds, int i, double *mean, double *deviation) {
  int n = 0;
  double sum = 0, squares = 0;
  for (int s = 0; s < seeds; s++)
    if (results[s].done) sum += figure_of(&results[s], i), n++;
  *mean = n > 0 ? sum / n : 0;
  for (int s = 0; s < seeds; s++)
    if (results[s].done) squares += pow(figure_of(&results[s], i) - *mean, 2);
  *deviation = n > 1 ? sqrt(squares / (n - 1)) : 0;
  return n;
}

void paper_runs_print(const paper_runs *runs) {
  static const char *const names[FIGURES] = {"AUC", "UAUC", "log loss", "NDCG@10", "HR@10", "best AUC"};
  printf("\n| backbone | form | head | seeds |");
  for (int i = 0; i < FIGURES; i++) printf(" %s |", names[i]);
  printf("\n|---|---|---|---|---|---|---|---|---|---|\n");
  for (int b = 0; b < 3; b++)
    for (int form = 0; form < 2; form++)
      for (int head = 0; head < 3; head++) {
        double mean, deviation;
        const paper_result *results = runs->result[b][form][head];
        int n = statistics(results, runs->n_seeds, 0, &mean, &deviation);
        if (n == 0) continue;
        printf("| %s | %s | %s | %d |", sol_paper_backbones[b], sol_paper_forms[form], sol_paper_heads[head], n);
        for (int i = 0; i < FIGURES; i++) {
          statistics(results, runs->n_seeds, i, &mean, &deviation);
          printf(" %.4f ±%.4f |", mean, deviation);
        }
        printf("\n");
      }
}
