#include "examples/paper/paper_runs.h"
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

/* Half the width of a 95 % interval of a mean, in deviations of the mean: Student's t with n - 1 degrees of freedom. */
static double student(int n) {
  static const double t[] = {12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228};
  int last = (int)(sizeof t / sizeof *t) - 1, at = n - 2 < last ? n - 2 : last; /* with more, on the safe side */
  return t[at] / sqrt((double)n);
}

/* Mean of a - b over the seeds that both have, and half of its interval; how many seeds. */
static int paired(const paper_result *a, const paper_result *b, int seeds, int i, double *mean, double *half) {
  int n = 0;
  double sum = 0, squares = 0;
  for (int s = 0; s < seeds; s++)
    if (a[s].done && b[s].done) sum += figure_of(&a[s], i) - figure_of(&b[s], i), n++;
  *mean = n > 0 ? sum / n : 0;
  for (int s = 0; s < seeds; s++)
    if (a[s].done && b[s].done) squares += pow(figure_of(&a[s], i) - figure_of(&b[s], i) - *mean, 2);
  *half = n > 1 ? sqrt(squares / (n - 1)) * student(n) : 0;
  return n;
}

static void print_differences(const paper_runs *runs) {
  static const sol_paper_head pairs[3][2] = {
      {SOL_PAPER_DUET, SOL_PAPER_BASE}, {SOL_PAPER_SOLID, SOL_PAPER_BASE}, {SOL_PAPER_SOLID, SOL_PAPER_DUET}};
  printf("\nDifferences of the same seed, with 95 %% intervals over the seeds (Student's t):\n\n"
         "| backbone | form | difference | seeds | AUC | log loss | NDCG@10 | HR@10 | best AUC |\n"
         "|---|---|---|---|---|---|---|---|---|\n");
  for (int b = 0; b < 3; b++)
    for (int form = 0; form < 2; form++)
      for (int p = 0; p < 3; p++) {
        const paper_result *x = runs->result[b][form][pairs[p][0]], *y = runs->result[b][form][pairs[p][1]];
        double mean, half;
        int n = paired(x, y, runs->n_seeds, 0, &mean, &half);
        if (n < 2) continue;
        printf("| %s | %s | %s - %s | %d |", sol_paper_backbones[b], sol_paper_forms[form],
               sol_paper_heads[pairs[p][0]], sol_paper_heads[pairs[p][1]], n);
        for (int i = 0; i < FIGURES; i++) {
          if (i == 1) continue; /* UAUC goes with AUC */
          paired(x, y, runs->n_seeds, i, &mean, &half);
          printf(" %+.4f [%+.4f, %+.4f] |", mean, mean - half, mean + half);
        }
        printf("\n");
      }
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
  if (runs->n_seeds > 1) print_differences(runs);
}
