#include "tests/ref/ref_place.h"
#include "tests/support/compare.h"
#include "tests/support/rig.h"
#include <criterion/criterion.h>
#include <math.h>

typedef struct shape {
  int32_t n, width, gap, rows; /* gap: floats of x behind each row's */
} shape;

static const shape shapes[] = {{0, 8, 0, 5},      {1, 1, 0, 1},      {7, 3, 2, 9},
                               {130, 64, 0, 200}, {300, 33, 7, 300}, {5, 128, 64, 900}};

/* Every row once, in an order of its own, some of them absent. */
static void draw_index(seed_rng *rng, const shape *s, int32_t *index) {
  int32_t order[1024];
  for (int32_t r = 0; r < s->rows; r++) order[r] = r;
  for (int32_t i = 0; i < s->n; i++) {
    int32_t other = i + seed_below(rng, s->rows - i), drawn = order[other];
    order[other] = order[i];
    index[i] = seed_below(rng, 5) == 0 ? -1 - seed_below(rng, 3) : drawn;
  }
}

static void check(rig *r) {
  seed_rng rng = seed_start(91);
  for (size_t k = 0; k < sizeof shapes / sizeof shapes[0]; k++) {
    const shape *s = &shapes[k];
    int32_t index[1024];
    size_t given = (size_t)s->n * (size_t)(s->width + s->gap), size = (size_t)s->rows * (size_t)s->width;
    float *x = rig_normal(r, &rng, given, 1.0f), *table = rig_normal(r, &rng, size, 1.0f);
    double *want = rig_widen(r, table, size);
    draw_index(&rng, s, index);
    if (given > 2) x[2] = NAN;
    sk_place_args a = {.n = s->n, .width = s->width, .stride = s->width + s->gap, .index = index};
    ref_place(&a, rig_widen(r, x, given), want);
    a.x = rig_in(r, x, given), a.index = rig_in_int(r, index, (size_t)s->n), a.table = rig_inout(r, table, size);
    rig_check(r, "place", rig_ops(r)->place(rig_backend(r), &a));
    compare_floats("placed", rig_read(r, a.table, size), want, size, 0, 0);
    rig_reset(r);
  }
}

Test(place, equals_the_reference) {
  rig_each(check);
}
