/* The groups of a segment that promise most (kernels/scout.h). */
#include "kernels/cpu/topk_scout.h"
#include "kernels/cpu/vmath.h"
#include <string.h>

#define LEAD  SK_SCOUT_LEAD
#define CELLS SK_SCOUT_CELLS
#define SIGMA 3.0f
#define BINS  1024
#define MOST  (SK_SCOUT_MOST * SK_SCOUT_MOST)

/* Of CELLS groups. */
static void promise(const sk_search *s, const uint16_t *cells, float *out) {
  float mean[CELLS] = {0}, variance[CELLS] = {0};
  for (int c = 0; c < LEAD; c++) {
    const uint16_t *m = cells + c * CELLS, *v = m + LEAD * CELLS;
    float x = s->lead[c], square = x * x;
#pragma omp simd
    for (int g = 0; g < CELLS; g++) {
      mean[g] += x * sk_from_bits((uint32_t)m[g] << 16);
      variance[g] += square * sk_from_bits((uint32_t)v[g] << 16);
    }
  }
#pragma omp simd
  for (int g = 0; g < CELLS; g++) {
    float p = mean[g] + SIGMA * sqrtf(variance[g]);
    p = p <= MOST ? p : MOST; /* NaN too */
    out[g] = p >= -MOST ? p : -MOST;
  }
}

typedef struct scale {
  float least, step; /* of the bins */
} scale;

static int bin_of(const scale *of, float x) {
  float bin = (x - of->least) * of->step;
  return bin < (float)(BINS - 1) ? (int)bin : BINS - 1;
}

static scale scale_of(const float *x, int64_t n) {
  float least = x[0], most = x[0];
  for (int64_t i = 0; i < n; i++) {
    least = x[i] < least ? x[i] : least;
    most = x[i] > most ? x[i] : most;
  }
  return (scale){least, most - least > 0x1p-100f ? (float)BINS / (most - least) : 0.0f};
}

/* Groups of higher bins, and of the last bin that has room those that come first. */
int64_t SK_CPU(search_choose)(sk_search *s, int64_t first, int64_t groups, int64_t n, float *promises, int32_t *list) {
  int32_t count[BINS] = {0};
  int64_t taken = 0;
  int bin = BINS;
  memset(s->chosen, 0, (size_t)groups);
  if (n > groups) n = groups;
  if (n <= 0) return 0;
  for (int64_t g = 0; g < groups; g += CELLS)
    promise(s, s->a->scout->cells + (first + g) * SK_SCOUT_CELL, promises + g);
  scale of = scale_of(promises, groups);
  for (int64_t g = 0; g < groups; g++) count[bin_of(&of, promises[g])]++;
  int64_t room = n;
  while (room > 0) room -= count[--bin];
  room += count[bin]; /* of bin */
  for (int64_t g = 0; g < groups && taken < n; g++) {
    int at = bin_of(&of, promises[g]);
    if (at < bin || (at == bin && room-- <= 0)) continue;
    s->chosen[g] = 1;
    list[taken++] = (int32_t)g;
  }
  return taken;
}
