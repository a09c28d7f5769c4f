#include "tests/kernels/scout_case.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

float scout_pick(seed_rng *rng, float x, catalogue_kind kind, int64_t v, int64_t c, int64_t d) {
  switch (kind) {
  case WHOLE:
    return (float)(seed_below(rng, 9) - 4);
  case EQUAL:
    return (float)(c % 5) * 0.37f - 0.5f;
  case NEAR:
    return sinf((float)(v % 7 * d + c)) + x * 1e-5f;
  case RISING:
    return (float)v * 1e-3f + x * 1e-4f;
  case LONG_TAIL:
    return ldexpf(x, (int)(v * 2654435761 % 81) - 40);
  case TINY:
    return ldexpf(x, -90);
  case DENORMAL:
    return ldexpf(x, -140);
  case HUGE_ROWS:
    return v % 50 == 3 ? ldexpf(x, 62) : v % 50 == 4 ? ldexpf(x, 125) : x;
  case ONE_HOT:
    return v % 3 == 0 ? 0.0f : c == v % d ? x : 0.0f;
  case SPOILT:
    if (v % 29 == 5 && c == v % d) return v % 2 ? NAN : v % 4 ? INFINITY : -INFINITY;
    return x;
  default:
    return x;
  }
}

/* Every item has one place; those of no whole group stand where they are. */
static void check_order(const sk_scout *scout) {
  uint8_t *seen = calloc((size_t)scout->items + 1, 1);
  for (int32_t v = 0; v < scout->items && scout->d <= SK_SCOUT_MAX_D; v++) {
    int32_t item = scout->item[v];
    cr_assert(item >= 0 && item < scout->items && !seen[item], "place %d: item %d", v, item);
    cr_assert(v < scout->items / SK_SCOUT_GROUP * SK_SCOUT_GROUP || item == v);
    seen[item] = 1;
  }
  free(seen);
}

void *scout_make(sk_scout *scout, const float *e, int32_t d, int32_t items) {
  void *memory = aligned_alloc(64, sk_scout_bytes(d, items));
  double *axes = malloc(sizeof *axes * 2 * (size_t)(d * d));
  float *work = malloc(sizeof *work * SK_SCOUT_AT_ONCE * (size_t)d);
  sk_scout_bind(scout, d, items, memory);
  if (d <= SK_SCOUT_MAX_D) sk_scout_turn(scout, e, items < 500 ? items : 500, axes);
  sk_scout_spot *spots = malloc(sizeof *spots * (size_t)(items + 1));
  const sk_scout_filling f = {
      malloc(sizeof(int32_t) * (size_t)(items + 1)),
      malloc(sizeof(double) * SK_SCOUT_CELL * (size_t)(sk_scout_groups(scout) + 1)),
  };
  for (int order = 0; order < 2 && d <= SK_SCOUT_MAX_D; order++) {
    if (order) sk_scout_order(scout, spots), sk_scout_begin(scout, &f);
    for (int64_t v = 0, n; v < items; v += n) {
      n = items - v < SK_SCOUT_AT_ONCE ? items - v : SK_SCOUT_AT_ONCE;
      if (order)
        sk_scout_put(scout, &f, e + v * d, v, n, work);
      else
        sk_scout_spots(scout, e + v * d, v, n, spots + v, work);
    }
    if (order) sk_scout_end(scout, &f);
  }
  check_order(scout);
  free(spots);
  free(f.place);
  free(f.sums);
  free(axes);
  free(work);
  return memory;
}

void planes_fill(rig *r, planes_case *made, const float *e, int32_t first, int32_t n) {
  const sk_planes_args a = {.first = first, .n = n, .e = e, .planes = made->planes};
  rig_check(r, "planes", rig_ops(r)->planes(rig_backend(r), &a));
}

planes_case planes_make(rig *r, const float *e, int32_t d, int32_t items) {
  planes_case made;
  made.bytes = sk_planes_bind(&made.planes, d, items, NULL);
  made.memory = rig_out(r, made.bytes / sizeof(float)); /* poisoned, but for what stands between the arrays */
  cr_assert_eq(rig_ops(r)->zero(rig_backend(r), made.memory, made.bytes), SOLID_OK);
  sk_planes_bind(&made.planes, d, items, made.memory);
  if (d <= SK_PLANES_MAX_D) planes_fill(r, &made, e, 0, items);
  return made;
}
