/* k-means whose rows are on a device: an assignment against a naive one in double, in pieces; clusters that the host
 * finds too; more rows than an iteration takes. The host's own is judged in test_codebook_fit.c. */
#include "solid/model/context.h"
#include "solid/train/codebook/codebook_fit.h"
#include "solid/train/codebook/kmeans.h"
#include "solid/train/codebook/kmeans_device.h"
#include "tests/support/recording_backend.h"
#include "tests/support/rig.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static double between(const float *a, const float *b, int d) {
  double sum = 0;
  for (int j = 0; j < d; j++) sum += pow((double)a[j] - b[j], 2);
  return sum;
}

static void expect_nearest(const float *x, const float *centroids, const uint32_t *code, int n, int d, int k) {
  for (int i = 0; i < n; i++) {
    double least = INFINITY;
    for (int c = 0; c < k; c++) least = fmin(least, between(x + (size_t)i * d, centroids + (size_t)c * d, d));
    cr_assert_lt(code[i], (uint32_t)k);
    double own = between(x + (size_t)i * d, centroids + (size_t)code[i] * d, d);
    cr_assert_leq(own, least + 1e-5 * (1 + least), "row %d: %g, nearest %g", i, own, least);
  }
}

/* Rows that fit at once, and rows in three pieces, the last of which is short. */
static void check_assignment(rig *r) {
  enum { N = 1030, D = 37, K = 21 };
  static float x[N * D], centroids[K * D];
  static double sums[K * D], want[K * D];
  static uint32_t code[N];
  const uint32_t rooms[] = {N, 500};
  seed_rng rng = seed_start(3);
  seed_fill_normal(&rng, x, N * D, 1);
  seed_fill_normal(&rng, centroids, K * D, 1);
  for (int c = 0; c < 2; c++) {
    sol_kmeans_device *device = NULL;
    cr_assert_eq(sol_kmeans_device_open(&device, rig_backend(r), rooms[c], D, K), SOLID_OK, "%s", solid_last_error());
    for (int again = 0; again < 2; again++) { /* the second time rows are there already */
      memset(code, 0xff, sizeof code);
      cr_assert_eq(sol_kmeans_device_assign(device, x, N, centroids, code, sums), SOLID_OK, "%s", solid_last_error());
      expect_nearest(x, centroids, code, N, D, K);
      memset(want, 0, sizeof want);
      for (int i = 0; i < N; i++)
        for (int j = 0; j < D; j++) want[code[i] * D + j] += x[i * D + j];
      for (int i = 0; i < K * D; i++)
        cr_assert_float_eq(sums[i], want[i], 1e-4 + 1e-6 * fabs(want[i]), "sum %d: %g %g", i, sums[i], want[i]);
    }
    for (int i = 0; i < N * D; i++) x[i] += 1;
    sol_kmeans_device_renew(device);
    cr_assert_eq(sol_kmeans_device_assign(device, x, N, centroids, code, NULL), SOLID_OK, "%s", solid_last_error());
    expect_nearest(x, centroids, code, N, D, K);
    x[(N - 1) * D] = NAN;
    sol_kmeans_device_renew(device);
    cr_assert_eq(sol_kmeans_device_assign(device, x, N, centroids, code, NULL), SOLID_EINTERNAL);
    x[(N - 1) * D] = 0;
    sol_kmeans_device_close(device);
  }
}

Test(kmeans, assigns_rows_on_a_device) {
  rig_each(check_assignment);
}

static sol_kmeans run(sk_backend *be, const float *x, uint32_t n, uint32_t d, uint32_t k, float *centroids,
                      uint32_t iterations) {
  sol_kmeans km = {.n = n, .d = d, .k = k, .be = be, .random = sol_random_start(5, 3)};
  cr_assert_eq(sol_kmeans_open(&km, x), SOLID_OK, "%s", solid_last_error());
  km.centroids = centroids;
  cr_assert_eq(sol_kmeans_run(&km, iterations), SOLID_OK, "%s", solid_last_error());
  return km;
}

static double error_of(const sol_kmeans *km) {
  double sum = 0;
  for (uint32_t i = 0; i < km->n; i++) sum += km->distance[i];
  return sum / km->n;
}

/* Tight clusters far apart. With fewer codes than clusters rounding moves no row, and both take the same way; with
 * more, codes without rows start again, and clusters are split where the rounding of a BLAS decides: the errors are
 * alike, far below what one code a cluster leaves. */
static void check_clusters(rig *r) {
  enum { N = 1200, D = 10, GROUPS = 12, MOST = 30 };
  static float x[N * D], centre[GROUPS * D], mine[MOST * D], theirs[MOST * D];
  const uint32_t ks[] = {8, MOST};
  seed_rng rng = seed_start(7);
  seed_fill_normal(&rng, centre, GROUPS * D, 1);
  for (int i = 0; i < N * D; i++) x[i] = centre[i / D % GROUPS * D + i % D] + 0.01f * seed_normal(&rng);
  for (int i = 1; i < N / 3; i++) memcpy(x + i * D, x, D * sizeof *x); /* codes that begin at them die */
  for (int c = 0; c < 2; c++) {
    sol_kmeans host = run(NULL, x, N, D, ks[c], mine, 20), device = run(rig_backend(r), x, N, D, ks[c], theirs, 20);
    cr_assert_float_eq(error_of(&device), error_of(&host), (ks[c] < GROUPS ? 0.001 : 0.1) * error_of(&host));
    for (uint32_t k = 0; k < ks[c]; k++) cr_assert_gt(device.counts[k], 0);
    expect_nearest(x, theirs, device.code, N, D, (int)ks[c]);
    if (ks[c] < GROUPS) {
      cr_assert_arr_eq(device.code, host.code, N * sizeof *host.code);
      cr_assert_eq(device.restarts, host.restarts);
      for (uint32_t i = 0; i < ks[c] * D; i++) cr_assert_float_eq(theirs[i], mine[i], 1e-5);
    } else {
      cr_assert_gt(device.restarts, 0);
    }
    sol_kmeans_close(&host);
    sol_kmeans_close(&device);
  }
}

Test(kmeans, finds_the_hosts_clusters_on_a_device) {
  rig_each(check_clusters);
}

/* Batches, and a last assignment in pieces. */
static void check_many(rig *r) {
  enum { N = (1 << 20) + 777, D = 2, K = 24 };
  float centroids[K * D], *x = malloc(sizeof *x * N * D);
  seed_rng rng = seed_start(11);
  seed_fill_normal(&rng, x, (size_t)N * D, 1);
  cr_assert_gt(N, SOL_KMEANS_WHOLE_DEVICE);
  sol_kmeans km = run(rig_backend(r), x, N, D, K, centroids, 10);
  expect_nearest(x, centroids, km.code, N, D, K);
  double error = error_of(&km); /* 24 codes leave .163 of a normal distribution in the plane, which has 2 */
  for (int c = 0; c < K; c++) cr_assert_gt(km.counts[c], 0);
  cr_assert_lt(error, 0.17, "mean squared distance %g of %d codes", error, K);
  sol_kmeans_close(&km);
  free(x);
}

Test(kmeans, takes_batches_of_many_rows_on_a_device) {
  rig_each(check_many);
}

/* A device of its own memory clusters many vectors, and leaves few to the host. */
Test(kmeans, codebooks_of_many_items_are_the_devices) {
  enum { D = 4, K = 10 };
  static float x[SOL_CODEBOOK_ON_DEVICE * D];
  const solid_context apart = {.ops = recording_backend(), .threads = 2};
  seed_rng rng = seed_start(13);
  seed_fill_normal(&rng, x, sizeof x / sizeof *x, 1);
  for (uint32_t few = 0; few < 2; few++) {
    sol_codebook_options options = {2, K, 8, 3, NULL};
    sol_codebook host, device;
    uint32_t items = SOL_CODEBOOK_ON_DEVICE - few;
    cr_assert_eq(sol_codebook_fit(&host, x, items, D, &options), SOLID_OK, "%s", solid_last_error());
    options.ctx = &apart;
    cr_assert_eq(sol_codebook_fit(&device, x, items, D, &options), SOLID_OK, "%s", solid_last_error());
    for (int l = 0; l < 2; l++)
      cr_expect_float_eq(device.level[l].error, host.level[l].error, 0.01 * host.level[l].error);
    int same = memcmp(device.centroids, host.centroids, 2 * K * D * sizeof *host.centroids) == 0;
    cr_expect_eq(same, (int)few, "%u items: sums in float are not those in double", items);
    sol_codebook_clear(&host);
    sol_codebook_clear(&device);
  }
}
