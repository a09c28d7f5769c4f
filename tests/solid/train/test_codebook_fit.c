#include "solid/train/codebook/codebook_fit.h"
#include "tests/support/seed.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N = 1200, D = 10, GROUPS = 12 };

/* Twelve tight clusters far apart; item i is of cluster i % 12. */
static void make_clusters(float *x) {
  seed_rng rng = seed_start(7);
  float centre[GROUPS * D];
  seed_fill_normal(&rng, centre, GROUPS * D, 1);
  for (int i = 0; i < N; i++)
    for (int j = 0; j < D; j++) x[i * D + j] = centre[i % GROUPS * D + j] + 0.01f * seed_normal(&rng);
}

Test(codebook, recovers_separable_clusters) {
  static float x[N * D];
  make_clusters(x);
  sol_codebook_options options = {1, 40, 60, 3, NULL};
  sol_codebook made;
  cr_assert_eq(sol_codebook_fit(&made, x, N, D, &options), SOLID_OK);
  int owner[40];
  memset(owner, -1, sizeof owner);
  for (int i = 0; i < N; i++) {
    int *cluster = &owner[made.table[i]];
    if (*cluster < 0) *cluster = i % GROUPS;
    cr_assert_eq(*cluster, i % GROUPS, "code %u spans two clusters", made.table[i]);
  }
  cr_assert_lt(made.level[0].error, 2 * D * 1e-4);
  sol_codebook_clear(&made);
}

/* Codes, residuals, usage, perplexity, error and collisions again, naively and in double. */
Test(codebook, report_and_codes_agree_with_a_naive_pass) {
  enum { K = 16, C = 3 };
  static float x[N * D];
  static double r[N * D];
  seed_rng rng = seed_start(8);
  seed_fill_normal(&rng, x, N * D, 1);
  memcpy(x + 5 * D, x + 9 * D, D * sizeof *x); /* certain to collide */
  for (int i = 0; i < N * D; i++) r[i] = x[i];
  sol_codebook_options options = {C, K, 20, 1, NULL};
  sol_codebook made;
  cr_assert_eq(sol_codebook_fit(&made, x, N, D, &options), SOLID_OK);
  double before = 1e9;
  for (int l = 0; l < C; l++) {
    int counts[K] = {0}, used = 0;
    double error = 0, entropy = 0;
    for (int i = 0; i < N; i++) {
      double best = 1e30, own = 0;
      for (int k = 0; k < K; k++) {
        double sum = 0;
        for (int j = 0; j < D; j++) sum += pow(r[i * D + j] - made.centroids[(l * K + k) * D + j], 2);
        if (sum < best) best = sum;
        if (k == made.table[i * C + l]) own = sum;
      }
      cr_assert_leq(own, best + 1e-4, "item %d level %d: %g, nearest %g", i, l, own, best);
      counts[made.table[i * C + l]]++;
      error += own / N;
      for (int j = 0; j < D; j++) r[i * D + j] -= made.centroids[(l * K + made.table[i * C + l]) * D + j];
    }
    for (int k = 0; k < K; k++) {
      used += counts[k] > 0;
      if (counts[k]) entropy -= counts[k] / (double)N * log(counts[k] / (double)N);
    }
    cr_assert_eq((int)made.level[l].used, used);
    cr_assert_float_eq(made.level[l].perplexity, exp(entropy), 1e-9);
    cr_assert_float_eq(made.level[l].error, error, 1e-3 * error);
    cr_assert_lt(error, before, "each level leaves less over");
    before = error;
  }
  uint32_t collisions = 0;
  for (int i = 0; i < N; i++)
    for (int j = 0; j < i; j++)
      if (!memcmp(made.table + i * C, made.table + j * C, C * sizeof *made.table)) {
        collisions++;
        break;
      }
  cr_assert_geq(collisions, 1);
  cr_assert_eq(made.collisions, collisions);
  sol_codebook_clear(&made);
}

/* Nine tenths of the items are one point, so that most first centroids coincide. */
Test(codebook, restarts_leave_no_dead_code) {
  enum { K = 64 };
  static float x[N * D];
  seed_rng rng = seed_start(9);
  for (int i = 0; i < N; i++)
    if (i % 10 == 0) seed_fill_normal(&rng, x + i * D, D, 1);
  for (int i = 0; i < N; i++)
    if (i % 10) memcpy(x + i * D, x, D * sizeof *x);
  for (uint32_t iterations = 0; iterations <= 30; iterations += 15) {
    sol_codebook_options options = {1, K, iterations, 2, NULL};
    sol_codebook made;
    cr_assert_eq(sol_codebook_fit(&made, x, N, D, &options), SOLID_OK);
    cr_assert_eq(made.level[0].used, K, "%u codes used after %u iterations", made.level[0].used, iterations);
    cr_assert_gt(made.level[0].restarts, 0);
    sol_codebook_clear(&made);
  }
}

Test(codebook, fewer_points_than_codes) {
  float x[5 * 2] = {0, 0, 1, 0, 0, 1, 1, 1, 1, 1}; /* four distinct */
  sol_codebook_options options = {2, 8, 10, 0, NULL};
  sol_codebook made;
  cr_assert_eq(sol_codebook_fit(&made, x, 5, 2, &options), SOLID_OK);
  cr_assert_eq(made.level[0].used, 4);
  cr_assert_float_eq(made.level[0].error, 0, 1e-9);
  cr_assert_eq(made.level[1].used, 1, "nothing is left over");
  cr_assert_eq(made.collisions, 1);
  sol_codebook_clear(&made);
}

Test(codebook, is_a_function_of_its_seed) {
  static float x[N * D];
  make_clusters(x);
  sol_codebook made[3];
  for (int i = 0; i < 3; i++) {
    sol_codebook_options options = {2, 32, 10, i == 2 ? 6 : 5, NULL};
    cr_assert_eq(sol_codebook_fit(&made[i], x, N, D, &options), SOLID_OK);
  }
  cr_assert_arr_eq(made[0].table, made[1].table, N * 2 * sizeof(uint16_t));
  cr_assert_arr_eq(made[0].centroids, made[1].centroids, 2 * 32 * D * sizeof(float));
  cr_assert(memcmp(made[0].table, made[2].table, N * 2 * sizeof(uint16_t)) != 0);
  for (int i = 0; i < 3; i++) sol_codebook_clear(&made[i]);
}

Test(codebook, refuses_bad_input) {
  float x[2] = {1, NAN};
  sol_codebook_options options = {1, 2, 3, 0, NULL}, deep = {99, 2, 3, 0, NULL};
  sol_codebook made;
  cr_assert_eq(sol_codebook_fit(&made, x, 1, 2, &options), SOLID_ERANGE);
  cr_assert_str_eq(solid_last_error(), "content vector of item 0: value 1 is not finite");
  cr_assert_eq(sol_codebook_fit(&made, x, 1, 1, &deep), SOLID_EINVAL);
  cr_assert_eq(sol_codebook_fit(&made, x, 0, 1, &options), SOLID_EINVAL);
  sol_codebook_clear(&(sol_codebook){0});
}
