#include "solid/train/fit/sampler.h"
#include "solid/extend.h"
#include <math.h>
#include <stdlib.h>

solid_status sol_sampler_open(sol_sampler *sampler, uint32_t items, uint32_t draws) {
  sol_sampler s = {.items = items, .draws = draws};
  s.by_place = malloc(((size_t)items + 1) * sizeof *s.by_place);
  s.place = malloc(((size_t)items + 1) * sizeof *s.place);
  if (!s.by_place || !s.place) {
    sol_sampler_close(&s);
    return solid_fail(SOLID_ENOMEM, "order of %u items", items);
  }
  for (uint32_t v = 0; v < items; v++) s.by_place[v] = s.place[v] = v;
  *sampler = s;
  return SOLID_OK;
}

void sol_sampler_close(sol_sampler *sampler) {
  free(sampler->by_place);
  free(sampler->place);
  *sampler = (sol_sampler){0};
}

typedef struct counted {
  float count;
  uint32_t item;
} counted;

static int by_count(const void *a, const void *b) {
  const counted *x = a, *y = b;
  if (x->count != y->count) return x->count < y->count ? 1 : -1;
  return (x->item > y->item) - (x->item < y->item);
}

solid_status sol_sampler_order(sol_sampler *sampler, const float *count) {
  counted *sorted = malloc(((size_t)sampler->items + 1) * sizeof *sorted);
  if (!sorted) return solid_fail(SOLID_ENOMEM, "order of %u items", sampler->items);
  for (uint32_t v = 0; v < sampler->items; v++) sorted[v] = (counted){count[v], v};
  qsort(sorted, sampler->items, sizeof *sorted, by_count);
  for (uint32_t r = 0; r < sampler->items; r++) {
    sampler->by_place[r] = sorted[r].item;
    sampler->place[sorted[r].item] = r;
  }
  free(sorted);
  return SOLID_OK;
}

uint32_t sol_sampler_draw(const sol_sampler *sampler, uint32_t i, sol_random *random) {
  if (i % 2 == 0) return (uint32_t)sol_random_below(random, sampler->items);
  double x = exp(sol_random_uniform(random) * log1p((double)sampler->items)) - 1.0; /* of [0, V) */
  uint32_t place = x < (double)sampler->items ? (uint32_t)x : sampler->items - 1;
  return sampler->by_place[place];
}

float sol_sampler_offset(const sol_sampler *sampler, uint32_t item) {
  double V = (double)sampler->items, r = (double)sampler->place[item];
  double q = log1p(1.0 / (r + 1.0)) / log1p(V), half = (double)(sampler->draws / 2);
  double never = ((double)sampler->draws - half) * log1p(-1.0 / V) + (half > 0 ? half * log1p(-q) : 0);
  return (float)-log(-expm1(never));
}
