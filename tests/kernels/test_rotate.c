#include "tests/ref/ref_rotate.h"
#include "tests/support/compare.h"
#include "tests/support/rig.h"
#include <criterion/criterion.h>
#include <string.h>

typedef struct shape {
  int32_t n, heads, dh, gap, turned; /* gap: floats of a row behind its heads */
} shape;

static const shape shapes[] = {{0, 1, 8, 0, 0},    {1, 1, 1, 0, 0}, {5, 2, 7, 3, 0},    {130, 4, 16, 64, 0},
                               {70, 1, 128, 0, 0}, {9, 8, 2, 5, 0}, {60, 2, 32, 8, 16}, {5, 3, 7, 0, 3}};

/* From small ones to what a history of years comes to. */
static int32_t *draw_positions(seed_rng *rng, int32_t n) {
  static int32_t positions[256];
  for (int32_t i = 0; i < n; i++) positions[i] = i < 40 ? i - 8 : (int32_t)(seed_next(rng) % (1u << (8 + i % 23)));
  return positions;
}

static float *turned(rig *r, sk_rotate_args a, const int32_t *positions, const float *x, size_t floats, float *device) {
  a.positions = rig_in_int(r, positions, (size_t)a.n);
  a.x = device ? device : rig_inout(r, x, floats);
  rig_check(r, "rotate", rig_ops(r)->rotate(rig_backend(r), &a));
  return a.x;
}

static void check_reference(rig *r) {
  seed_rng rng = seed_start(81);
  for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
    const shape *s = &shapes[i];
    for (int32_t direction = -1; direction <= 1; direction += 2) {
      sk_rotate_args a = {.n = s->n, .heads = s->heads, .dh = s->dh, .turned = s->turned, .direction = direction};
      a.stride = s->heads * s->dh + s->gap;
      size_t floats = (size_t)(s->n * a.stride);
      const int32_t *positions = draw_positions(&rng, s->n);
      float *x = rig_normal(r, &rng, floats, 1.0f);
      double *want = rig_widen(r, x, floats);
      float *device = turned(r, a, positions, x, floats, NULL);
      a.positions = positions;
      ref_rotate(&a, want);
      compare_floats("rotated", rig_read(r, device, floats), want, floats, 1e-6, 1e-6);
      a.direction = -direction;
      turned(r, a, positions, NULL, floats, device);
      compare_floats("turned back", rig_read(r, device, floats), rig_widen(r, x, floats), floats, 2e-6, 2e-6);
      rig_reset(r);
    }
  }
}

Test(rotate, equals_the_reference_and_turns_back) {
  rig_each(check_reference);
}

/* What a query and a key come to depends on how far apart they stand, not on where. */
static void check_shift(rig *r) {
  enum { DH = 32, N = 64 };
  seed_rng rng = seed_start(82);
  float *x = rig_normal(r, &rng, N * DH, 1.0f);
  int32_t positions[N], shifted[N];
  for (int32_t i = 0; i < N; i++) positions[i] = i, shifted[i] = i + (1 << 24);
  sk_rotate_args a = {.n = N, .heads = 1, .dh = DH, .direction = 1, .stride = DH};
  const float *near = rig_read(r, turned(r, a, positions, x, N * DH, NULL), N * DH);
  const float *far = rig_read(r, turned(r, a, shifted, x, N * DH, NULL), N * DH);
  for (int32_t i = 1; i < N; i++) {
    double one = 0, other = 0;
    for (int32_t c = 0; c < DH; c++) {
      one += (double)near[i * DH + c] * near[c];
      other += (double)far[i * DH + c] * far[c];
    }
    compare_doubles("product", &other, &one, 1, 1e-5, 0);
  }
}

Test(rotate, depends_on_distance_alone) {
  rig_each(check_shift);
}
