#include "solid/base/random.h"
#include "solid/extend.h"
#include "solid/train/evaluate/ranking.h"
#include "solid/train/metrics.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { RECALL, NDCG, MAP, FIGURES }; /* precision is recall / k */

/* Figures at one cutoff from how often each rank occurs. */
static void from_counts(const size_t *counts, size_t n, uint32_t k, double figure[FIGURES]) {
  figure[RECALL] = figure[NDCG] = figure[MAP] = 0;
  for (uint32_t rank = 0; rank < k; rank++) {
    double share = (double)counts[rank] / (double)n;
    figure[RECALL] += share;
    figure[NDCG] += share / log2(rank + 2.0);
    figure[MAP] += share / (rank + 1.0);
  }
}

static solid_cutoff cutoff_of(uint32_t k, const double figure[FIGURES]) {
  return (solid_cutoff){k, figure[RECALL], figure[RECALL] / k, figure[NDCG], figure[MAP]};
}

static uint32_t deepest(const uint32_t *k, size_t count) {
  uint32_t most = 0;
  for (size_t i = 0; i < count; i++) most = k[i] > most ? k[i] : most;
  return most;
}

solid_status solid_metrics_cutoffs(const uint32_t *ranks, size_t n, const uint32_t *k, size_t count, uint32_t resamples,
                                   uint64_t seed, solid_cutoff *value, solid_cutoff *low, solid_cutoff *high) {
  if (!n || !resamples || !count)
    return solid_fail(SOLID_EINVAL, "%zu cutoffs of %zu users, %u resamples", count, n, resamples);
  uint32_t depth = deepest(k, count);
  for (size_t i = 0; i < count; i++)
    if (k[i] < 1 || k[i] > SOLID_CUTOFF_MAX)
      return solid_fail(SOLID_ERANGE, "a cutoff of %u is not in 1 .. %d", k[i], SOLID_CUTOFF_MAX);
  size_t *counts = malloc(((size_t)depth + 1) * sizeof *counts), room = count * FIGURES * resamples;
  double *drawn = malloc(room * sizeof *drawn), figure[FIGURES]; /* (count, FIGURES, resamples) */
  if (!counts || !drawn) {
    free(counts);
    free(drawn);
    return solid_fail(SOLID_ENOMEM, "no memory for %u resamples", resamples);
  }
  sol_random random = sol_random_start(seed, 2);
  for (uint32_t r = 0; r <= resamples; r++) { /* the last are the users as they are */
    memset(counts, 0, ((size_t)depth + 1) * sizeof *counts);
    for (size_t i = 0; i < n; i++) {
      uint32_t rank = ranks[r < resamples ? sol_random_below(&random, n) : i];
      counts[rank < depth ? rank : depth]++;
    }
    for (size_t c = 0; c < count; c++) {
      from_counts(counts, n, k[c], figure);
      for (int f = 0; f < FIGURES && r < resamples; f++) drawn[(c * FIGURES + (size_t)f) * resamples + r] = figure[f];
      if (r == resamples) value[c] = cutoff_of(k[c], figure);
    }
  }
  for (size_t c = 0; c < count; c++) {
    double below[FIGURES], above[FIGURES];
    for (int f = 0; f < FIGURES; f++)
      sol_metrics_percentiles(drawn + (c * FIGURES + (size_t)f) * resamples, resamples, &below[f], &above[f]);
    low[c] = cutoff_of(k[c], below);
    high[c] = cutoff_of(k[c], above);
  }
  free(counts);
  free(drawn);
  return SOLID_OK;
}
