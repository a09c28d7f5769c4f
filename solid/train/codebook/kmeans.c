#include "solid/train/codebook/kmeans.h"
#include "kernels/cpu/gemm.h"
#include "solid/extend.h"
#include "solid/train/codebook/kmeans_device.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_AT_ONCE 256
#define REPAIRS      8
#define BATCH        ((uint32_t)1 << 16) /* rows of an iteration over batches, */
#define PER_CODE     16                  /* or so many a code where that is more */
#define KEEP         0.5                 /* what a centroid keeps of the batches before */

static double squared(const float *a, const float *b, size_t d) {
  double sum = 0;
  for (size_t j = 0; j < d; j++) sum += ((double)a[j] - b[j]) * ((double)a[j] - b[j]);
  return sum;
}

/* Nearest centroids by ||c||^2 - 2 r.c, the products through BLAS. */
static void find_nearest(sol_kmeans *km) {
  size_t d = km->d, k = km->k;
  for (size_t c = 0; c < k; c++) {
    double norm = 0;
    for (size_t j = 0; j < d; j++) norm += (double)km->centroids[c * d + j] * km->centroids[c * d + j];
    km->norms[c] = (float)norm;
  }
  for (uint32_t begin = 0; begin < km->n; begin += ROWS_AT_ONCE) {
    uint32_t rows = km->n - begin < ROWS_AT_ONCE ? km->n - begin : ROWS_AT_ONCE;
    sol_progress_add(km->progress, rows);
    sk_gemm_nt(rows, (int64_t)k, (int64_t)d, km->residual + begin * d, (int64_t)d, km->centroids, (int64_t)d, 0,
               km->products, (int64_t)k);
    for (uint32_t i = 0; i < rows; i++) {
      const float *row = km->products + i * k;
      uint32_t best = 0;
      float least = km->norms[0] - 2 * row[0];
      for (uint32_t c = 1; c < k; c++) {
        float distance = km->norms[c] - 2 * row[c];
        if (distance < least) least = distance, best = c;
      }
      km->code[begin + i] = best;
    }
  }
}

/* Codes and, with `sum`, what the rows of each code add up to. */
static solid_status assign(sol_kmeans *km, int sum) {
  size_t d = km->d;
  if (km->device) {
    solid_status status =
        sol_kmeans_device_assign(km->device, km->residual, km->n, km->centroids, km->code, sum ? km->sums : NULL);
    if (status) return status;
    sol_progress_add(km->progress, km->n);
  } else {
    find_nearest(km);
    if (sum) memset(km->sums, 0, km->k * d * sizeof *km->sums);
    for (size_t i = 0; i < km->n && sum; i++)
      for (size_t j = 0; j < d; j++) km->sums[km->code[i] * d + j] += km->residual[i * d + j];
  }
  memset(km->counts, 0, km->k * sizeof *km->counts);
  for (size_t i = 0; i < km->n; i++) km->counts[km->code[i]]++;
  return SOLID_OK;
}

static void measure(sol_kmeans *km) {
  for (size_t i = 0; i < km->n; i++)
    km->distance[i] = squared(km->residual + i * km->d, km->centroids + km->code[i] * km->d, km->d);
}

/* Centroids without items stay where they are. */
static void update(sol_kmeans *km) {
  size_t d = km->d;
  for (size_t c = 0; c < km->k; c++)
    for (size_t j = 0; j < d && km->counts[c]; j++)
      km->centroids[c * d + j] = (float)(km->sums[c * d + j] / km->counts[c]);
}

/* c <- (keep mass c + sum over the batch) / mass',  mass' = keep mass + items of the batch */
static void update_by_batch(sol_kmeans *km) {
  size_t d = km->d;
  for (size_t c = 0; c < km->k; c++) {
    double before = KEEP * km->mass[c];
    km->mass[c] = before + km->counts[c];
    for (size_t j = 0; j < d && km->counts[c]; j++)
      km->centroids[c * d + j] = (float)((before * km->centroids[c * d + j] + km->sums[c * d + j]) / km->mass[c]);
  }
}

static void restart_at(sol_kmeans *km, size_t c, size_t i) {
  memcpy(km->centroids + c * km->d, km->residual + i * km->d, km->d * sizeof(float));
  km->distance[i] = 0; /* the next code takes another item */
  km->restarts++;
}

static int any_dead(const sol_kmeans *km) {
  for (size_t c = 0; c < km->k; c++)
    if (!km->counts[c]) return 1;
  return 0;
}

/* Codes without items move to items that were far from their centroids when they were measured. */
static void restart_dead(sol_kmeans *km) {
  double total = 0;
  for (size_t i = 0; i < km->n; i++) total += km->distance[i];
  for (size_t c = 0; c < km->k && total > 0; c++) {
    if (km->counts[c]) continue;
    double at = sol_random_uniform(&km->random) * total;
    size_t i = 0;
    for (; i + 1 < km->n && at >= km->distance[i]; i++) at -= km->distance[i];
    total -= km->distance[i];
    restart_at(km, c, i);
  }
}

/* After the last update the farthest items take the free codes. Returns 1 if a code moved. */
static int repair_dead(sol_kmeans *km) {
  int moved = 0;
  for (size_t c = 0; c < km->k; c++) {
    if (km->counts[c]) continue;
    size_t farthest = 0;
    for (size_t i = 1; i < km->n; i++)
      if (km->distance[i] > km->distance[farthest]) farthest = i;
    if (!(km->distance[farthest] > km->negligible)) break;
    /* Equal residuals share one code. */
    size_t d = km->d;
    const float *taken = km->residual + farthest * d;
    for (size_t i = 0; i < km->n; i++)
      if (i != farthest && km->distance[i] > 0 && squared(km->residual + i * d, taken, d) <= km->negligible)
        km->distance[i] = 0;
    restart_at(km, c, farthest);
    moved = 1;
  }
  return moved;
}

/* The first K items of a random order. */
static void start(sol_kmeans *km) {
  for (uint32_t i = 0; i < km->n; i++) km->order[i] = i;
  for (uint32_t i = km->n; i > 1; i--) {
    size_t j = sol_random_below(&km->random, i);
    uint32_t x = km->order[i - 1];
    km->order[i - 1] = km->order[j], km->order[j] = x;
  }
  for (size_t c = 0; c < km->k; c++)
    memcpy(km->centroids + c * km->d, km->residual + (size_t)km->order[c % km->n] * km->d, km->d * sizeof(float));
}

/* One iteration over the next items of the random order, round and round. */
static solid_status iterate_batch(sol_kmeans *km, uint32_t iteration) {
  size_t d = km->d, first = (size_t)iteration * km->batch_rows;
  sol_kmeans batch = *km;
  batch.n = km->batch_rows, batch.residual = km->batch;
  for (size_t i = 0; i < batch.n; i++)
    memcpy(batch.residual + i * d, km->residual + (size_t)km->order[(first + i) % km->n] * d, d * sizeof(float));
  if (km->device) sol_kmeans_device_renew(km->device);
  solid_status status = assign(&batch, 1);
  if (status) return status;
  int dead = any_dead(&batch);
  if (dead) measure(&batch);
  update_by_batch(&batch);
  for (size_t c = 0; c < km->k; c++)
    if (!km->counts[c]) km->mass[c] = 0; /* it starts again */
  if (dead) restart_dead(&batch);
  km->random = batch.random, km->restarts = batch.restarts;
  return SOLID_OK;
}

static solid_status iterate_whole(sol_kmeans *km) {
  solid_status status = assign(km, 1);
  if (status) return status;
  int dead = any_dead(km);
  if (dead) measure(km);
  update(km);
  if (dead) restart_dead(km);
  return SOLID_OK;
}

double sol_kmeans_work(const sol_kmeans *km, uint32_t iterations) {
  return (double)iterations * (km->batch ? km->batch_rows : km->n) + km->n;
}

static solid_status finish(sol_kmeans *km) {
  solid_status status = assign(km, 0);
  if (!status) measure(km);
  for (int i = 0; i < REPAIRS && !status && repair_dead(km); i++) {
    status = assign(km, 0);
    if (!status) measure(km);
  }
  return status;
}

solid_status sol_kmeans_run(sol_kmeans *km, uint32_t iterations) {
  solid_status status = SOLID_OK;
  km->restarts = 0;
  start(km);
  if (km->device) sol_kmeans_device_renew(km->device);
  if (km->batch) memset(km->mass, 0, km->k * sizeof *km->mass);
  for (uint32_t i = 0; i < iterations && !status; i++) status = km->batch ? iterate_batch(km, i) : iterate_whole(km);
  return status ? status : finish(km);
}

void sol_kmeans_close(sol_kmeans *km) {
  free(km->residual);
  free(km->products);
  free(km->norms);
  free(km->code);
  free(km->distance);
  free(km->sums);
  free(km->counts);
  free(km->order);
  free(km->batch);
  free(km->mass);
  sol_kmeans_device_close(km->device);
}

solid_status sol_kmeans_open(sol_kmeans *km, const float *x) {
  size_t n = km->n, d = km->d, k = km->k;
  km->residual = malloc(n * d * sizeof *km->residual);
  km->products = malloc(ROWS_AT_ONCE * k * sizeof *km->products);
  km->norms = malloc(k * sizeof *km->norms);
  km->code = malloc(n * sizeof *km->code);
  km->distance = malloc(n * sizeof *km->distance);
  km->sums = malloc(k * d * sizeof *km->sums);
  km->counts = malloc(k * sizeof *km->counts);
  km->order = malloc(n * sizeof *km->order);
  if (!km->residual || !km->products || !km->norms || !km->code || !km->distance || !km->sums || !km->counts ||
      !km->order)
    return solid_fail(SOLID_ENOMEM, "no memory to cluster %zu vectors of %zu", n, d);
  size_t whole = km->be ? SOL_KMEANS_WHOLE_DEVICE : SOL_KMEANS_WHOLE;
  if (n > whole) {
    size_t rows = BATCH > PER_CODE * k ? BATCH : PER_CODE * k;
    km->batch_rows = (uint32_t)(rows < n ? rows : n);
    km->batch = malloc(km->batch_rows * d * sizeof *km->batch);
    km->mass = malloc(k * sizeof *km->mass);
    if (!km->batch || !km->mass) return solid_fail(SOLID_ENOMEM, "no memory for a batch of %u items", km->batch_rows);
  }
  if (km->be) {
    uint32_t room = km->n < whole ? km->n : (uint32_t)whole;
    solid_status status = sol_kmeans_device_open(&km->device, km->be, room, km->d, km->k);
    if (status) return status;
  }
  memcpy(km->residual, x, n * d * sizeof *x);
  for (size_t i = 0; i < n * d; i++) km->negligible += 1e-10 * x[i] * x[i] / (double)n;
  return SOLID_OK;
}
