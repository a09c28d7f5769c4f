#include "solid/train/codebook/codebook_fit.h"
#include "kernels/cpu/gemm.h"
#include "solid/base/random.h"
#include "solid/base/table.h"
#include "solid/extend.h"
#include "solid/model/context.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_AT_ONCE 256
#define REPAIRS      8

/* The state of one level's k-means. */
typedef struct level_fit {
  uint32_t n, d, k;
  float *residual;  /* (n, d) */
  float *centroids; /* (k, d) */
  float *products;  /* (ROWS_AT_ONCE, k) */
  float *norms;     /* (k) ||c||^2 */
  uint32_t *code;   /* (n) */
  double *distance; /* (n) squared, to the own centroid */
  double *sums;     /* (k, d) */
  uint32_t *counts; /* (k) */
  uint32_t *order;  /* (n) */
  sol_random random;
  uint32_t restarts;
  double negligible; /* squared distance that is rounding */
} level_fit;

static double squared(const float *a, const float *b, size_t d) {
  double sum = 0;
  for (size_t j = 0; j < d; j++) sum += ((double)a[j] - b[j]) * ((double)a[j] - b[j]);
  return sum;
}

/* Nearest centroids by ||c||^2 - 2 r.c, the products through BLAS. */
static void assign(level_fit *fit) {
  size_t d = fit->d, k = fit->k;
  for (size_t c = 0; c < k; c++) {
    double norm = 0;
    for (size_t j = 0; j < d; j++) norm += (double)fit->centroids[c * d + j] * fit->centroids[c * d + j];
    fit->norms[c] = (float)norm;
  }
  memset(fit->counts, 0, k * sizeof *fit->counts);
  for (uint32_t begin = 0; begin < fit->n; begin += ROWS_AT_ONCE) {
    uint32_t rows = fit->n - begin < ROWS_AT_ONCE ? fit->n - begin : ROWS_AT_ONCE;
    sk_gemm_nt(rows, (int64_t)k, (int64_t)d, fit->residual + begin * d, (int64_t)d, fit->centroids, (int64_t)d, 0,
               fit->products, (int64_t)k);
    for (uint32_t i = 0; i < rows; i++) {
      const float *row = fit->products + i * k;
      uint32_t best = 0;
      float least = fit->norms[0] - 2 * row[0];
      for (uint32_t c = 1; c < k; c++) {
        float distance = fit->norms[c] - 2 * row[c];
        if (distance < least) least = distance, best = c;
      }
      fit->code[begin + i] = best;
      fit->counts[best]++;
    }
  }
  for (size_t i = 0; i < fit->n; i++)
    fit->distance[i] = squared(fit->residual + i * d, fit->centroids + fit->code[i] * d, d);
}

/* Centroids without items stay where they are. */
static void update(level_fit *fit) {
  size_t d = fit->d;
  memset(fit->sums, 0, fit->k * d * sizeof *fit->sums);
  for (size_t i = 0; i < fit->n; i++)
    for (size_t j = 0; j < d; j++) fit->sums[fit->code[i] * d + j] += fit->residual[i * d + j];
  for (size_t c = 0; c < fit->k; c++)
    for (size_t j = 0; j < d && fit->counts[c]; j++)
      fit->centroids[c * d + j] = (float)(fit->sums[c * d + j] / fit->counts[c]);
}

static void restart_at(level_fit *fit, size_t c, size_t i) {
  memcpy(fit->centroids + c * fit->d, fit->residual + i * fit->d, fit->d * sizeof(float));
  fit->distance[i] = 0; /* the next code takes another item */
  fit->restarts++;
}

/* Codes without items move to items that are far from their centroids. */
static void restart_dead(level_fit *fit) {
  double total = 0;
  for (size_t i = 0; i < fit->n; i++) total += fit->distance[i];
  for (size_t c = 0; c < fit->k && total > 0; c++) {
    if (fit->counts[c]) continue;
    double at = sol_random_uniform(&fit->random) * total;
    size_t i = 0;
    for (; i + 1 < fit->n && at >= fit->distance[i]; i++) at -= fit->distance[i];
    total -= fit->distance[i];
    restart_at(fit, c, i);
  }
}

/* After the last update the farthest items take the free codes. Returns 1 if a code moved. */
static int repair_dead(level_fit *fit) {
  int moved = 0;
  for (size_t c = 0; c < fit->k; c++) {
    if (fit->counts[c]) continue;
    size_t farthest = 0;
    for (size_t i = 1; i < fit->n; i++)
      if (fit->distance[i] > fit->distance[farthest]) farthest = i;
    if (!(fit->distance[farthest] > fit->negligible)) break;
    /* Equal residuals share one code. */
    size_t d = fit->d;
    const float *taken = fit->residual + farthest * d;
    for (size_t i = 0; i < fit->n; i++)
      if (i != farthest && fit->distance[i] > 0 && squared(fit->residual + i * d, taken, d) <= fit->negligible)
        fit->distance[i] = 0;
    restart_at(fit, c, farthest);
    moved = 1;
  }
  return moved;
}

/* The first K items of a random order. */
static void start(level_fit *fit) {
  for (uint32_t i = 0; i < fit->n; i++) fit->order[i] = i;
  for (uint32_t i = fit->n; i > 1; i--) {
    size_t j = sol_random_below(&fit->random, i);
    uint32_t x = fit->order[i - 1];
    fit->order[i - 1] = fit->order[j], fit->order[j] = x;
  }
  for (size_t c = 0; c < fit->k; c++)
    memcpy(fit->centroids + c * fit->d, fit->residual + (size_t)fit->order[c % fit->n] * fit->d,
           fit->d * sizeof(float));
}

static sol_codebook_level usage(const uint32_t *counts, size_t codes, size_t items) {
  sol_codebook_level level = {0};
  double entropy = 0;
  for (size_t c = 0; c < codes; c++) {
    double share = (double)counts[c] / (double)items;
    level.used += counts[c] > 0;
    if (share > 0) entropy -= share * log(share);
  }
  level.perplexity = exp(entropy);
  return level;
}

static void run_level(level_fit *fit, uint32_t iterations, sol_codebook_level *report) {
  fit->restarts = 0;
  start(fit);
  for (uint32_t i = 0; i < iterations; i++) {
    assign(fit);
    update(fit);
    restart_dead(fit);
  }
  assign(fit);
  for (int i = 0; i < REPAIRS && repair_dead(fit); i++) assign(fit);

  double error = 0;
  for (size_t i = 0; i < fit->n; i++) error += fit->distance[i];
  *report = usage(fit->counts, fit->k, fit->n);
  report->restarts = fit->restarts;
  report->error = error / fit->n;
}

static int same_codes(const void *owner, uint32_t item, const void *codes) {
  const sol_codebook *made = owner;
  return memcmp(made->table + (size_t)item * made->levels, codes, made->levels * sizeof *made->table) == 0;
}

/* Items whose codes an earlier item has. */
static solid_status count_collisions(sol_codebook *made) {
  sol_table table = {0};
  if (!sol_table_reserve(&table, made->items))
    return solid_fail(SOLID_ENOMEM, "no memory to compare the codes of %u items", made->items);
  for (uint32_t v = 0; v < made->items; v++) {
    const uint16_t *codes = made->table + (size_t)v * made->levels;
    uint64_t hash = sol_table_hash(codes, made->levels * sizeof *codes);
    if (sol_table_find(&table, hash, same_codes, made, codes) == SOL_NO_NUMBER)
      sol_table_add(&table, hash, v);
    else
      made->collisions++;
  }
  sol_table_clear(&table);
  return SOLID_OK;
}

solid_status sol_codebook_count(sol_codebook *codebook) {
  size_t C = codebook->levels, K = codebook->codes;
  uint32_t *counts = malloc(K * sizeof *counts);
  if (!counts) return solid_fail(SOLID_ENOMEM, "no memory to count %zu codes", K);
  for (size_t l = 0; l < C; l++) {
    memset(counts, 0, K * sizeof *counts);
    for (size_t v = 0; v < codebook->items; v++) counts[codebook->table[v * C + l]]++;
    codebook->level[l] = usage(counts, K, codebook->items);
    codebook->level[l].error = (double)NAN;
  }
  free(counts);
  codebook->collisions = 0;
  return count_collisions(codebook);
}

static solid_status check(const float *x, uint32_t items, uint32_t width, const sol_codebook_options *options) {
  if (!x || !items || !width) return solid_fail(SOLID_EINVAL, "codebook of %u vectors of width %u", items, width);
  if (options->levels < 1 || options->levels > SOL_MAX_LEVELS)
    return solid_fail(SOLID_EINVAL, "codebook of %u levels, must have 1 to %d", options->levels, SOL_MAX_LEVELS);
  if (options->codes < 1 || options->codes > 65536)
    return solid_fail(SOLID_EINVAL, "codebook of %u codes a level, must have 1 to 65536", options->codes);
  for (size_t i = 0; i < (size_t)items * width; i++)
    if (!isfinite(x[i]))
      return solid_fail(SOLID_ERANGE, "content vector of item %zu: value %zu is not finite", i / width, i % width);
  return SOLID_OK;
}

static void level_fit_close(level_fit *fit) {
  free(fit->residual);
  free(fit->products);
  free(fit->norms);
  free(fit->code);
  free(fit->distance);
  free(fit->sums);
  free(fit->counts);
  free(fit->order);
}

static solid_status level_fit_open(level_fit *fit, const float *x) {
  size_t n = fit->n, d = fit->d, k = fit->k;
  fit->residual = malloc(n * d * sizeof *fit->residual);
  fit->products = malloc(ROWS_AT_ONCE * k * sizeof *fit->products);
  fit->norms = malloc(k * sizeof *fit->norms);
  fit->code = malloc(n * sizeof *fit->code);
  fit->distance = malloc(n * sizeof *fit->distance);
  fit->sums = malloc(k * d * sizeof *fit->sums);
  fit->counts = malloc(k * sizeof *fit->counts);
  fit->order = malloc(n * sizeof *fit->order);
  if (!fit->residual || !fit->products || !fit->norms || !fit->code || !fit->distance || !fit->sums || !fit->counts ||
      !fit->order)
    return solid_fail(SOLID_ENOMEM, "no memory to cluster %zu vectors of %zu", n, d);
  memcpy(fit->residual, x, n * d * sizeof *x);
  for (size_t i = 0; i < n * d; i++) fit->negligible += 1e-10 * x[i] * x[i] / (double)n;
  return SOLID_OK;
}

solid_status sol_codebook_fit(sol_codebook *out, const float *x, uint32_t items, uint32_t width,
                              const sol_codebook_options *options) {
  static const sol_codebook_options defaults = SOL_CODEBOOK_OPTIONS_INIT;
  if (!options) options = &defaults;
  if (!out) return solid_fail(SOLID_EINVAL, "codebook: out is NULL");
  solid_status status = check(x, items, width, options);
  if (status) return status;
  size_t levels = options->levels, level_floats = (size_t)options->codes * width;
  sol_codebook made = {items, options->levels, options->codes, width, NULL, NULL, {{0}}, 0};
  level_fit fit = {.n = items, .d = width, .k = options->codes, .random = sol_random_start(options->seed, 3)};
  made.centroids = malloc(levels * level_floats * sizeof *made.centroids);
  made.table = malloc(items * levels * sizeof *made.table);
  if (!made.centroids || !made.table) status = solid_fail(SOLID_ENOMEM, "no memory for %zu levels of codes", levels);
  if (!status) status = level_fit_open(&fit, x);
  for (size_t l = 0; l < levels && !status; l++) {
    fit.centroids = made.centroids + l * level_floats;
    sol_log(options->ctx, SOLID_LOG_INFO, "codebook: k-means, level %zu of %zu, %u codes for %u items", l + 1, levels,
            options->codes, items);
    run_level(&fit, options->iterations, &made.level[l]);
    for (size_t i = 0; i < items; i++) {
      made.table[i * levels + l] = (uint16_t)fit.code[i];
      const float *centroid = fit.centroids + (size_t)fit.code[i] * width;
      for (size_t j = 0; j < width; j++) fit.residual[i * width + j] -= centroid[j];
    }
  }
  if (!status) status = count_collisions(&made);
  level_fit_close(&fit);
  if (status)
    sol_codebook_clear(&made);
  else
    *out = made;
  return status;
}

void sol_codebook_clear(sol_codebook *codebook) {
  free(codebook->centroids);
  free(codebook->table);
  *codebook = (sol_codebook){0};
}
