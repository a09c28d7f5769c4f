/* What planes are made of: numbers that stand for the rows, and bounds of what they leave out, in double. */
#include "tests/kernels/scout_case.h"
#include "tests/support/rig.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Reading them ---- */

typedef struct copy { /* on the host */
  sk_planes planes;
  const char *bytes;
  size_t size;
} copy;

static copy read_back(rig *r, const planes_case *made) {
  copy c = {.size = made->bytes};
  c.bytes = (const char *)rig_read(r, made->memory, made->bytes / sizeof(float));
  sk_planes_bind(&c.planes, made->planes.d, made->planes.items, (void *)(uintptr_t)c.bytes);
  return c;
}

static int level_of(const sk_planes *p, int64_t item, int32_t c, int *high) {
  const sk_planes_cut cut = sk_planes_cut_of(p->d);
  int64_t word = sk_planes_word(cut, item, c % 32 / 8, c / 32);
  int shift = 8 * (c % 4) + (c % 8 < 4 ? 0 : 4);
  int h = (int)(p->high[word] >> shift & 15u), l = (int)(p->low[word] >> shift & 15u);
  *high = h < 8 ? h : h - 16;
  return *high * 16 + l;
}

/* ---- Bounds ---- */

typedef struct most {
  double size, reach;
} most;

/* What a group's bounds must cover, of one item; NAN: nothing bounds it. */
static void judge_item(const sk_planes *p, int64_t v, const float *y, most *fine, most *coarse) {
  double scale = (double)sk_planes_float(p->scale[v]), norm = 0.0;
  double stood[2] = {0, 0}, lost[2] = {0, 0};
  for (int32_t c = 0; c < p->d; c++) norm += (double)y[c] * (double)y[c];
  if (!(sqrt(norm) <= (double)SK_PLANES_MOST)) {
    fine->reach = coarse->reach = (double)NAN;
    return;
  }
  for (int32_t c = 0; c < p->d; c++) {
    int high, n = level_of(p, v, c, &high), middle = 16 * high + 8;
    cr_assert(n >= -127 && n <= 127, "item %lld: %d", (long long)v, n);
    double left = (double)y[c] - scale * n;
    cr_assert(fabs(left) <= scale * (0.5 + 1e-5), "item %lld: %g left of %g", (long long)v, left, scale);
    stood[0] += pow(scale * n, 2), lost[0] += left * left;
    stood[1] += pow(scale * middle, 2), lost[1] += pow((double)y[c] - scale * middle, 2);
  }
  fine->size = fmax(fine->size, sqrt(stood[0])), fine->reach = fmax(fine->reach, sqrt(lost[0]));
  coarse->size = fmax(coarse->size, sqrt(stood[1])), coarse->reach = fmax(coarse->reach, sqrt(lost[1]));
}

static void judge_bound(uint32_t bound, const most *must, double longest, const char *what, int64_t group) {
  double size = (double)sk_planes_float(bound >> 16), reach = (double)sk_planes_float(bound & 0xffffu);
  if (must->reach != must->reach) {
    cr_assert(isinf(reach), "%s of group %lld bounds what has no bound", what, (long long)group);
    return;
  }
  cr_assert(size >= must->size && reach >= must->reach, "%s of group %lld: %g, %g below %g, %g", what, (long long)group,
            size, reach, must->size, must->reach);
  cr_assert(size <= 1.01 * must->size + 0x1p-120 && reach <= 1.01 * (must->reach + 1e-4 * longest + 0x1p-72),
            "%s of group %lld is loose: %g, %g, not %g, %g", what, (long long)group, size, reach, must->size,
            must->reach);
}

static void judge(const sk_planes *p, const float *e) {
  int32_t size = sk_planes_group(p->d);
  for (int64_t g = 0; g < sk_planes_blocks(p->d, p->items) * 4; g++) {
    most fine = {0, 0}, coarse = {0, 0};
    double longest = 0.0;
    for (int64_t v = g * size; v < (g + 1) * size && v < p->items; v++) {
      double norm = 0.0;
      for (int32_t c = 0; c < p->d; c++) norm += (double)e[v * p->d + c] * (double)e[v * p->d + c];
      longest = fmax(longest, sqrt(norm));
      most f = fine, c = coarse;
      judge_item(p, v, e + v * p->d, &f, &c);
      fine = f, coarse = c;
      if (f.reach != f.reach) break;
    }
    judge_bound(p->fine[g], &fine, longest, "fine", g);
    judge_bound(p->coarse[g], &coarse, longest, "coarse", g);
  }
}

static const int32_t widths[] = {1, 16, 32, 33, 64, 65, 100, 128, 130, 192, 250, 256};
enum { WIDTHS = sizeof widths / sizeof *widths };

static void check_bounds(rig *r) {
  seed_rng rng = seed_start(96);
  for (int w = 0; w < WIDTHS; w++)
    for (int kind = 0; kind < KINDS; kind++) {
      int32_t d = widths[w], items = 200 + 7 * kind;
      size_t n = (size_t)items * (size_t)d;
      float *e = rig_normal(r, &rng, n, 1.0f);
      for (size_t i = 0; i < n; i++)
        e[i] = scout_pick(&rng, e[i], (catalogue_kind)kind, (int64_t)i / d, (int64_t)i % d, d);
      planes_case made = planes_make(r, rig_in(r, e, n), d, items);
      copy c = read_back(r, &made);
      judge(&c.planes, e);
      rig_reset(r);
    }
}

Test(planes, bound_what_they_leave_out) {
  rig_each(check_bounds);
}

/* A block that is filled again is as if all were, and no other changes. */
static void check_pieces(rig *r) {
  enum { D = 40, ITEMS = 333 };
  seed_rng rng = seed_start(97);
  float *e = rig_normal(r, &rng, ITEMS * D, 1.0f);
  planes_case first = planes_make(r, rig_in(r, e, ITEMS * D), D, ITEMS);
  e[70 * D + 3] = 9.0f, e[332 * D] = NAN;
  const float *changed = rig_in(r, e, ITEMS * D);
  planes_case whole = planes_make(r, changed, D, ITEMS);
  int32_t block = sk_planes_block(D), last = ITEMS / block * block;
  planes_fill(r, &first, changed, 70 / block * block, block);
  planes_fill(r, &first, changed, last, ITEMS - last);
  copy a = read_back(r, &first), b = read_back(r, &whole);
  cr_assert_eq(memcmp(a.bytes, b.bytes, a.size), 0);
}

Test(planes, are_filled_a_block_at_a_time) {
  rig_each(check_pieces);
}

/* Bytes an item, as public texts say: little more than a quarter of its row in FP32. */
Test(planes, are_a_quarter_of_the_rows) {
  for (int w = 0; w < WIDTHS; w++) {
    sk_planes none;
    double bytes = (double)sk_planes_bind(&none, widths[w], 1 << 20, NULL) / (1 << 20);
    double padded = 32.0 * sk_planes_cut_of(widths[w]).steps;
    cr_expect(padded >= widths[w] && bytes >= padded && bytes <= padded + 3.0 + 1e-3, "%d: %g", widths[w], bytes);
  }
}
