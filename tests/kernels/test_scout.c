/* What a scout is made of: products of whole numbers in every form that this machine has, and bounds of what its rows
 * leave out. */
#include "kernels/cpu/scout_dots.h"
#include "tests/kernels/scout_case.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Whole-number products ---- */

static void fill_bytes(seed_rng *rng, uint8_t *x, size_t n, int kind) {
  for (size_t i = 0; i < n; i++) x[i] = kind == 0 ? 0xff : (uint8_t)seed_next(rng);
}

static void fill_whole(seed_rng *rng, int8_t *w, size_t n, int kind) {
  for (size_t i = 0; i < n; i++) w[i] = (int8_t)(kind == 0 ? 127 : kind == 1 ? -127 : seed_below(rng, 255) - 127);
}

static int32_t naive_dot(const uint8_t *block, int64_t d, int64_t i, const int8_t *w) {
  int32_t sum = 0;
  for (int64_t c = 0; c < d; c++) {
    uint8_t byte = block[c / 8 * SK_SCOUT_LINE + 4 * i + c % 4];
    sum += (c % 8 < 4 ? byte & 15 : byte >> 4) * w[c];
  }
  return sum;
}

enum { LINES = 33, BLOCKS = 3, STRIDE = 64 };

static void check_form(const sk_scout_form *form, const sk_scout_dots_args *a) {
  int32_t dots[SK_SCOUT_USERS * STRIDE];
  sk_scout_dots_args b = *a;
  b.dots = dots;
  memset(dots, 0x55, sizeof dots);
  form->dots(&b);
  for (int u = 0; u < SK_SCOUT_USERS; u++)
    for (int64_t i = 0; i < STRIDE; i++) {
      int32_t want = 0x55555555;
      if (u < a->users && i < a->blocks * SK_SCOUT_BLOCK)
        want = naive_dot(a->rows + i / SK_SCOUT_BLOCK * a->lines * SK_SCOUT_LINE, a->lines * 8, i % SK_SCOUT_BLOCK,
                         a->w + u * a->lines * 8);
      cr_assert_eq(dots[u * STRIDE + i], want, "%s: %lld lines, %d users: user %d, item %lld: %d, not %d", form->name,
                   (long long)a->lines, a->users, u, (long long)i, dots[u * STRIDE + i], want);
    }
}

Test(scout, has_the_same_products_in_every_form_and_none_saturates) {
  static uint8_t rows[BLOCKS * LINES * SK_SCOUT_LINE];
  static int8_t w[SK_SCOUT_USERS * LINES * 8];
  seed_rng rng = seed_start(91);
  for (size_t f = 0; f < sk_scout_form_count; f++) {
    if (!sk_scout_forms[f].usable()) {
      printf("[SKIP] %s: not on this machine\n", sk_scout_forms[f].name);
      continue;
    }
    for (int kind = 0; kind < 4; kind++)
      for (int64_t lines = 1; lines <= LINES; lines += lines < 9 ? 1 : 8) {
        fill_bytes(&rng, rows, sizeof rows, kind == 3);
        fill_whole(&rng, w, sizeof w, kind);
        for (int users = 1; users <= SK_SCOUT_USERS; users++)
          check_form(&sk_scout_forms[f],
                     &(sk_scout_dots_args){rows, lines, 1 + users % BLOCKS, users, w, NULL, STRIDE});
      }
  }
}

/* ---- Bounds ---- */

enum { BOUND_D = 37, BOUND_ITEMS = 500 };

/* u . e_v in double against the bounds of both parts, for whole-number products by the naive sum. */
static void check_bounds(const sk_scout *scout, const float *catalogue, const double *u, int kind) {
  for (int64_t v = 0; v < BOUND_ITEMS; v++) {
    const float *e = catalogue + ((int64_t)scout->item[v] - v) * BOUND_D; /* row v is that of the place */
    double error[2] = {0, 0}, lost = 0.0, norm = 0.0, length = 0.0, tail = 0.0;
    for (int64_t r = 0; r < BOUND_D; r++) {
      int p = r >= scout->part[0].d;
      const sk_scout_part *part = &scout->part[p];
      int64_t c = p ? r - scout->part[0].d : r, block = v / SK_SCOUT_BLOCK;
      uint8_t byte = part->rows[(block * part->lines + c / 8) * SK_SCOUT_LINE + 4 * (v % SK_SCOUT_BLOCK) + c % 4];
      uint32_t bits = (uint32_t)part->scale[v] << 16;
      float scale;
      memcpy(&scale, &bits, sizeof scale);
      double y = 0.0;
      for (int64_t i = 0; i < BOUND_D; i++) y += (double)scout->axes[r * BOUND_D + i] * (double)e[v * BOUND_D + i];
      error[p] += pow(y - (double)scale * ((double)(c % 8 < 4 ? byte & 15 : byte >> 4) - 7.5), 2);
      if (p) tail += y * y;
      double turned = 0.0;
      for (int64_t i = 0; i < BOUND_D; i++) turned += (double)scout->axes[r * BOUND_D + i] * u[i];
      lost += turned * y;
    }
    for (int64_t i = 0; i < BOUND_D; i++) {
      lost -= u[i] * (double)e[v * BOUND_D + i];
      norm += u[i] * u[i], length += pow((double)e[v * BOUND_D + i], 2);
    }
    const sk_scout_bounds *first = &scout->part[0].bounds[v / SK_SCOUT_GROUP];
    for (int p = 0; p < SK_SCOUT_PARTS; p++) {
      uint32_t bits = (uint32_t)scout->part[p].scale[v] << 16;
      float scale;
      memcpy(&scale, &bits, sizeof scale);
      double turned = (double)*scout->skew * sqrt(length); /* what turning loses is in the bound of the first part */
      cr_assert(sqrt(error[p]) <=
                    (double)scale * (double)scout->part[p].bounds[v / SK_SCOUT_GROUP].reach + turned + 0x1p-100,
                "catalogue %d, item %lld, part %d", kind, (long long)v, p);
    }
    uint32_t bits = (uint32_t)scout->part[0].scale[v] << 16;
    float scale;
    memcpy(&scale, &bits, sizeof scale);
    cr_assert(sqrt(tail) <= (double)scale * (double)first->tail + (double)*scout->skew * sqrt(length) + 0x1p-100,
              "catalogue %d, item %lld", kind, (long long)v);
    cr_assert(fabs(lost) <= (double)*scout->skew * sqrt(norm * length) + 0x1p-100, "catalogue %d, item %lld", kind,
              (long long)v);
  }
}

Test(scout, bounds_what_its_rows_leave_out) {
  seed_rng rng = seed_start(96);
  float *e = calloc(BOUND_ITEMS * BOUND_D, sizeof *e);
  double u[BOUND_D];
  for (int kind = 0; kind < KINDS; kind++) {
    if (kind == HUGE_ROWS || kind == SPOILT) continue;
    seed_fill_normal(&rng, e, BOUND_ITEMS * BOUND_D, 1.0f);
    for (int64_t i = 0; i < BOUND_ITEMS * BOUND_D; i++)
      e[i] = scout_pick(&rng, e[i], (catalogue_kind)kind, i / BOUND_D, i % BOUND_D, BOUND_D);
    for (int64_t i = 0; i < BOUND_D; i++) u[i] = (double)seed_normal(&rng);
    sk_scout scout;
    void *memory = scout_make(&scout, e, BOUND_D, BOUND_ITEMS);
    check_bounds(&scout, e, u, kind);
    free(memory);
  }
  free(e);
}

/* ---- Cells ---- */

static double cell_of(const sk_scout *scout, int64_t group, int64_t c) {
  uint32_t bits =
      (uint32_t)scout
          ->cells[group / SK_SCOUT_CELLS * SK_SCOUT_CELLS * SK_SCOUT_CELL + c * SK_SCOUT_CELLS + group % SK_SCOUT_CELLS]
      << 16;
  float x;
  memcpy(&x, &bits, sizeof x);
  return (double)x;
}

/* Mean and variance of each leading input, with the lower bits of a bfloat16 left out. */
static void check_cells(const sk_scout *scout, const float *e, int kind) {
  for (int64_t g = 0; g < sk_scout_groups(scout); g++)
    for (int64_t c = 0; c < SK_SCOUT_LEAD; c++) {
      int64_t first = g * SK_SCOUT_GROUP, n = 0;
      double y[SK_SCOUT_GROUP] = {0}, mean = 0.0, variance = 0.0, length = 0.0;
      for (; n < SK_SCOUT_GROUP && first + n < BOUND_ITEMS; n++) {
        const float *row = e + (int64_t)scout->item[first + n] * BOUND_D;
        for (int64_t i = 0; i < BOUND_D; i++) {
          y[n] += (double)scout->axes[c * BOUND_D + i] * (double)row[i];
          length = fmax(length, fabs((double)row[i]));
        }
        mean += y[n];
      }
      mean /= (double)n;
      for (int64_t i = 0; i < n; i++) variance += pow(y[i] - mean, 2) / (double)n;
      double got = cell_of(scout, g, c), spread = cell_of(scout, g, SK_SCOUT_LEAD + c);
      cr_assert(fabs(got - mean) <= 0x1p-7 * fabs(mean) + 1e-5 * length + 0x1p-126,
                "catalogue %d, group %lld, input %lld: %g, not %g", kind, (long long)g, (long long)c, got, mean);
      cr_assert(spread >= 0.0 && fabs(spread - variance) <= 0x1p-7 * variance + 1e-5 * length * length + 0x1p-126,
                "catalogue %d, group %lld, input %lld: variance %g, not %g", kind, (long long)g, (long long)c, spread,
                variance);
    }
}

Test(scout, says_where_the_items_of_each_group_lie) {
  seed_rng rng = seed_start(97);
  float *e = calloc(BOUND_ITEMS * BOUND_D, sizeof *e);
  for (int kind = 0; kind < KINDS; kind++) {
    if (kind == HUGE_ROWS || kind == SPOILT) continue;
    seed_fill_normal(&rng, e, BOUND_ITEMS * BOUND_D, 1.0f);
    for (int64_t i = 0; i < BOUND_ITEMS * BOUND_D; i++)
      e[i] = scout_pick(&rng, e[i], (catalogue_kind)kind, i / BOUND_D, i % BOUND_D, BOUND_D);
    sk_scout scout;
    void *memory = scout_make(&scout, e, BOUND_D, BOUND_ITEMS);
    check_cells(&scout, e, kind);
    free(memory);
  }
  free(e);
}
