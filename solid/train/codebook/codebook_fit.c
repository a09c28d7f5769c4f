#include "solid/train/codebook/codebook_fit.h"
#include "solid/base/table.h"
#include "solid/extend.h"
#include "solid/model/context.h"
#include "solid/train/codebook/kmeans.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

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

static solid_status run_level(sol_kmeans *km, uint32_t iterations, sol_codebook_level *report) {
  double error = 0;
  solid_status status = sol_kmeans_run(km, iterations);
  if (status) return status;
  for (size_t i = 0; i < km->n; i++) error += km->distance[i];
  *report = usage(km->counts, km->k, km->n);
  report->restarts = km->restarts;
  report->error = error / km->n;
  return SOLID_OK;
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

/* Codes of level l, and the residuals of the next. */
static void take_level(sol_codebook *made, size_t l, sol_kmeans *km) {
  size_t width = made->width;
  for (size_t i = 0; i < made->items; i++) {
    made->table[i * made->levels + l] = (uint16_t)km->code[i];
    const float *centroid = km->centroids + (size_t)km->code[i] * width;
    for (size_t j = 0; j < width; j++) km->residual[i * width + j] -= centroid[j];
  }
}

static solid_status fit_levels(sol_codebook *made, sol_kmeans *km, const sol_codebook_options *options) {
  sol_progress progress = sol_progress_start(options->ctx, "codebook: k-means", "items",
                                             made->levels * sol_kmeans_work(km, options->iterations));
  solid_status status = SOLID_OK;
  km->progress = &progress;
  for (size_t l = 0; l < made->levels && !status; l++) {
    km->centroids = made->centroids + l * made->codes * made->width;
    sol_log(options->ctx, SOLID_LOG_INFO, "codebook: k-means, level %zu of %u, %u codes for %u items", l + 1,
            made->levels, made->codes, made->items);
    status = run_level(km, options->iterations, &made->level[l]);
    if (!status) take_level(made, l, km);
  }
  km->progress = NULL; /* it ends with this function */
  return status;
}

/* A device of its own memory, where there are so many rows that it pays. */
static solid_status open_device(const solid_context *ctx, uint32_t items, sk_backend **out) {
  if (!ctx || ctx->ops->unified || items < SOL_CODEBOOK_ON_DEVICE) return SOLID_OK;
  return sol_backend_open(ctx, out);
}

solid_status sol_codebook_fit(sol_codebook *out, const float *x, uint32_t items, uint32_t width,
                              const sol_codebook_options *options) {
  static const sol_codebook_options defaults = SOL_CODEBOOK_OPTIONS_INIT;
  if (!options) options = &defaults;
  if (!out) return solid_fail(SOLID_EINVAL, "codebook: out is NULL");
  solid_status status = check(x, items, width, options);
  if (status) return status;
  size_t levels = options->levels;
  sol_codebook made = {items, options->levels, options->codes, width, NULL, NULL, {{0}}, 0};
  sol_kmeans km = {.n = items, .d = width, .k = options->codes, .random = sol_random_start(options->seed, 3)};
  made.centroids = malloc(levels * options->codes * width * sizeof *made.centroids);
  made.table = malloc(items * levels * sizeof *made.table);
  if (!made.centroids || !made.table) status = solid_fail(SOLID_ENOMEM, "no memory for %zu levels of codes", levels);
  if (!status) status = open_device(options->ctx, items, &km.be);
  if (!status) status = sol_kmeans_open(&km, x);
  if (!status) status = fit_levels(&made, &km, options);
  if (!status) status = count_collisions(&made);
  sol_kmeans_close(&km);
  if (km.be) km.be->ops->close(km.be);
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
