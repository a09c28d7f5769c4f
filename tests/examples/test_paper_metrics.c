/* The protocol's figures against the authors' sample rows, hand-made ties and a random ranking. */
#include "examples/paper/metrics.h"
#include "tests/support/compare.h"
#include "tests/support/seed.h"
#include <criterion/criterion.h>
#include <math.h>

static const sol_paper_row sample[] = {{3, 0.151f, 0}, {3, 0.152f, 0}, {3, 0.103f, 0}, {3, 0.174f, 1}, {3, 0.135f, 0},
                                       {3, 0.126f, 0}, {1, 0.151f, 1}, {1, 0.152f, 0}, {1, 0.103f, 0}, {1, 0.174f, 0},
                                       {1, 0.135f, 0}, {2, 0.151f, 0}, {2, 0.152f, 0}, {2, 0.103f, 1}, {2, 0.174f, 0},
                                       {2, 0.135f, 0}, {2, 0.126f, 0}};
#define SAMPLE (sizeof sample / sizeof *sample)

static void expect_close(const char *what, double got, double want, double tolerance) {
  cr_expect(fabs(got - want) <= tolerance, "%s: got %.9g, want %.9g", what, got, want);
}

Test(paper_metrics, equal_the_authors_on_their_sample) {
  for (int ties = 0; ties < 2; ties++) {
    sol_paper_metrics m;
    cr_assert_eq(sol_paper_metrics_of(sample, SAMPLE, (sol_paper_ties)ties, &m), SOLID_OK);
    expect_close("auc", m.auc, 0.5238095, 1e-7);
    expect_close("uauc", m.uauc, 0.5, 1e-12);
    expect_close("logloss", m.logloss, 0.472845, 1e-6);
    expect_close("ndcg@5", m.ndcg[0], 0.5, 1e-12);
    expect_close("hr@5", m.hr[0], 2.0 / 3, 1e-12);
    cr_expect_eq(m.users, 3);
    const struct {
      uint32_t depth;
      double ndcg, hr;
    } want[] = {{1, 1.0 / 3, 1.0 / 3}, {3, 0.5, 2.0 / 3}, {5, 0.5, 2.0 / 3}, {6, 0.618736, 1}};
    for (int i = 0; i < 4; i++) {
      double ndcg, hr;
      cr_assert_eq(sol_paper_ndcg_hr(sample, SAMPLE, want[i].depth, (sol_paper_ties)ties, &ndcg, &hr), SOLID_OK);
      expect_close("ndcg", ndcg, want[i].ndcg, 1e-6);
      expect_close("hr", hr, want[i].hr, 1e-12);
    }
  }
}

Test(paper_metrics, ties_favour_the_first_row_or_nobody) {
  sol_paper_row rows[100];
  sol_paper_metrics m;
  for (int i = 0; i < 100; i++) rows[i] = (sol_paper_row){7, 0.5f, i == 0};
  cr_assert_eq(sol_paper_metrics_of(rows, 100, SOL_PAPER_TIES_FILE, &m), SOLID_OK);
  expect_close("hr@5, file", m.hr[0], 1, 0);
  expect_close("ndcg@5, file", m.ndcg[0], 1, 0);
  cr_assert_eq(sol_paper_metrics_of(rows, 100, SOL_PAPER_TIES_EXPECTED, &m), SOLID_OK);
  const double hr[] = {.05, .10, .20}, ndcg[] = {.029485, .045436, .070403};
  for (int i = 0; i < 3; i++) {
    expect_close("hr", m.hr[i], hr[i], 1e-12);
    expect_close("ndcg", m.ndcg[i], ndcg[i], 1e-6);
  }
  expect_close("auc", m.auc, 0.5, 1e-12);
  expect_close("uauc", m.uauc, 0.5, 1e-12);
}

/* The expected value is the mean over orders of the tied rows: two positives among four tied rows behind one row. */
Test(paper_metrics, expected_value_is_the_mean_over_orders) {
  double ndcg = 0, hr = 0, orders = 0;
  for (int a = 0; a < 4; a++)
    for (int b = a + 1; b < 4; b++, orders++) {
      sol_paper_row rows[5] = {{1, 0.9f, 0}};
      double one, hit;
      for (int i = 0; i < 4; i++) rows[1 + i] = (sol_paper_row){1, 0.4f, i == a || i == b};
      cr_assert_eq(sol_paper_ndcg_hr(rows, 5, 3, SOL_PAPER_TIES_FILE, &one, &hit), SOLID_OK);
      ndcg += one, hr += hit;
    }
  const sol_paper_row rows[] = {{1, 0.4f, 0}, {1, 0.4f, 1}, {1, 0.9f, 0}, {1, 0.4f, 1}, {1, 0.4f, 0}};
  double one, hit;
  cr_assert_eq(sol_paper_ndcg_hr(rows, 5, 3, SOL_PAPER_TIES_EXPECTED, &one, &hit), SOLID_OK);
  expect_close("ndcg", one, ndcg / orders, 1e-12);
  expect_close("hr", hit, hr / orders, 1e-12);
}

/* The pooled AUC by its definition, pair by pair. */
Test(paper_metrics, auc_counts_pairs) {
  seed_rng rng = seed_start(71);
  sol_paper_row rows[300];
  double good = 0, pairs = 0;
  for (int i = 0; i < 300; i++)
    rows[i] = (sol_paper_row){(uint32_t)i / 10, (float)(seed_below(&rng, 20)) / 20.0f, i % 10 == 3};
  for (int i = 0; i < 300; i++)
    for (int j = 0; j < 300; j++)
      if (rows[i].label && !rows[j].label) {
        pairs++;
        good += rows[i].score > rows[j].score ? 1 : rows[i].score == rows[j].score ? 0.5 : 0;
      }
  sol_paper_metrics m;
  cr_assert_eq(sol_paper_metrics_of(rows, 300, SOL_PAPER_TIES_EXPECTED, &m), SOLID_OK);
  expect_close("auc", m.auc, good / pairs, 1e-12);
}

Test(paper_metrics, refuses_what_cannot_be_ranked) {
  sol_paper_metrics m;
  const sol_paper_row same[] = {{1, 0.5f, 1}, {1, 0.4f, 1}}, bad[] = {{1, 1.5f, 1}, {1, 0.4f, 0}},
                      nan_row[] = {{1, NAN, 1}, {1, 0.4f, 0}};
  cr_expect_eq(sol_paper_metrics_of(same, 2, SOL_PAPER_TIES_FILE, &m), SOLID_EINVAL);
  cr_expect_eq(sol_paper_metrics_of(same, 0, SOL_PAPER_TIES_FILE, &m), SOLID_EINVAL);
  cr_expect_eq(sol_paper_metrics_of(bad, 2, SOL_PAPER_TIES_FILE, &m), SOLID_ERANGE);
  cr_expect_eq(sol_paper_metrics_of(nan_row, 2, SOL_PAPER_TIES_FILE, &m), SOLID_ERANGE);
}
