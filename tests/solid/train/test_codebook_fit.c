#include "solid/train/codebook/codebook_fit.h"
#include "solid/train/codebook/kmeans.h"
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

/* More rows than every iteration takes: codes are those of the nearest centroids in the end, none is unused, and the
 * error is that of Lloyd's iterations over all rows, in double, from the same number of centroids. */
enum { MANY = 140000, FEW = 2, MANY_CODES = 24 };

static double nearest(const float *row, const double *centroids, int *code) {
  double best = 1e30;
  for (int k = 0; k < MANY_CODES; k++) {
    double sum = 0;
    for (int j = 0; j < FEW; j++) sum += pow(row[j] - centroids[k * FEW + j], 2);
    if (sum < best) best = sum, *code = k;
  }
  return best;
}

static double error_of_whole_iterations(const float *x) {
  double centroids[MANY_CODES * FEW], sums[MANY_CODES * FEW], error = 0;
  for (int i = 0; i < MANY_CODES * FEW; i++) centroids[i] = x[i];
  for (int iteration = 0; iteration < 50; iteration++) {
    int counts[MANY_CODES] = {0};
    memset(sums, 0, sizeof sums);
    error = 0;
    for (int i = 0; i < MANY; i++) {
      int code = 0;
      error += nearest(x + (size_t)i * FEW, centroids, &code) / MANY;
      counts[code]++;
      for (int j = 0; j < FEW; j++) sums[code * FEW + j] += x[(size_t)i * FEW + j];
    }
    for (int i = 0; i < MANY_CODES * FEW; i++)
      if (counts[i / FEW]) centroids[i] = sums[i] / counts[i / FEW];
  }
  return error;
}

Test(codebook, of_many_items_comes_close_to_whole_iterations) {
  float *x = malloc(sizeof *x * MANY * FEW);
  seed_rng rng = seed_start(11);
  seed_fill_normal(&rng, x, (size_t)MANY * FEW, 1);
  cr_assert_gt(MANY, SOL_KMEANS_WHOLE);
  sol_codebook_options options = {1, MANY_CODES, 50, 2, NULL};
  sol_codebook made, again;
  cr_assert_eq(sol_codebook_fit(&made, x, MANY, FEW, &options), SOLID_OK);
  double centroids[MANY_CODES * FEW], error = 0, whole = error_of_whole_iterations(x);
  for (int i = 0; i < MANY_CODES * FEW; i++) centroids[i] = made.centroids[i];
  for (int i = 0; i < MANY; i++) {
    int code = 0;
    double best = nearest(x + (size_t)i * FEW, centroids, &code), own = 0;
    for (int j = 0; j < FEW; j++) own += pow(x[(size_t)i * FEW + j] - centroids[made.table[i] * FEW + j], 2);
    cr_assert_leq(own, best + 1e-5, "item %d: %g, nearest %g", i, own, best);
    error += own / MANY;
  }
  cr_assert_eq(made.level[0].used, MANY_CODES);
  cr_assert_float_eq(made.level[0].error, error, 1e-6);
  cr_assert_lt(error, 1.05 * whole, "%g, by whole iterations %g", error, whole);
  cr_assert_eq(sol_codebook_fit(&again, x, MANY, FEW, &options), SOLID_OK);
  cr_assert_arr_eq(made.table, again.table, MANY * sizeof *made.table);
  sol_codebook_clear(&made);
  sol_codebook_clear(&again);
  free(x);
}
