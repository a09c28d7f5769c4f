/* topk with a scout on a CPU: the same bits as without, whatever the catalogue, the users, the masks and the cover. */
#include "kernels/cpu/scout_dots.h"
#include "tests/ref/ref_topk.h"
#include "tests/support/compare.h"
#include "tests/support/rig.h"
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

Test(topk_scout, has_the_same_products_in_every_form_and_none_saturates) {
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

/* ---- Catalogues and users ---- */

typedef enum catalogue_kind {
  NORMAL,
  WHOLE,     /* scores are exact, with ties */
  EQUAL,     /* one row, many times */
  NEAR,      /* a few rows, each many times with a little noise */
  RISING,    /* every item better than the one before */
  LONG_TAIL, /* norms from 2^-40 to 2^40 */
  TINY,      /* 2^-90 */
  DENORMAL,
  HUGE_ROWS, /* some beyond what bounds are made for */
  ONE_HOT,   /* and zeroes */
  SPOILT,    /* NaN and infinities here and there */
  KINDS
} catalogue_kind;

static float pick(seed_rng *rng, float x, catalogue_kind kind, int64_t v, int64_t c, int64_t d) {
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

typedef enum user_kind {
  ORDINARY,
  WHOLE_USER,
  POSITIVE,
  ZERO,
  NAN_USER,
  INF_USER,
  HUGE_USER,
  TINY_USER,
  USER_KINDS
} user_kind;

static float pick_user(seed_rng *rng, float x, user_kind kind, int64_t c) {
  switch (kind) {
  case WHOLE_USER:
    return (float)(seed_below(rng, 9) - 4);
  case POSITIVE:
    return fabsf(x);
  case ZERO:
    return 0.0f;
  case NAN_USER:
    return c == 0 ? NAN : x;
  case INF_USER:
    return c == 0 ? INFINITY : x;
  case HUGE_USER:
    return ldexpf(x, 100);
  case TINY_USER:
    return ldexpf(x, -120);
  default:
    return x;
  }
}

typedef enum filter_kind { NO_MASK, HALF, MOST, ALMOST_ALL, ALL } filter_kind;

typedef struct shape {
  int32_t n, d, items, k, covered;
  filter_kind filter;
} shape;

static uint64_t *make_mask(seed_rng *rng, filter_kind filter, size_t words) {
  uint64_t *mask = calloc(words + 1, sizeof *mask);
  for (size_t i = 0; i < words; i++) {
    uint64_t x = seed_next(rng), y = seed_next(rng);
    mask[i] = filter == HALF ? x & y : filter == MOST ? x | y : filter == ALL || i % 97 ? UINT64_MAX : x | ~(y & 0xff);
  }
  return mask;
}

typedef struct answer {
  const int32_t *index;
  const float *score;
} answer;

static answer ask(rig *r, sk_topk_args a, const sk_scout *scout) {
  size_t nk = (size_t)a.n * (size_t)a.k;
  int32_t *index = rig_out_int(r, nk);
  float *score = rig_out(r, nk);
  a.index = index, a.score = score, a.scout = scout;
  rig_check(r, "topk", rig_ops(r)->topk(rig_backend(r), &a));
  return (answer){rig_read_int(r, index, nk), rig_read(r, score, nk)};
}

static void compare(const shape *s, int kind, int user, const answer *got, const answer *want) {
  size_t nk = (size_t)s->n * (size_t)s->k;
  for (size_t i = 0; i < nk; i++)
    cr_assert(got->index[i] == want->index[i] && memcmp(&got->score[i], &want->score[i], sizeof(float)) == 0,
              "%d x %d of %d, k %d, catalogue %d, user %d, filter %d: place %zu is item %d, %a, not %d, %a", s->n, s->d,
              s->items, s->k, kind, user, s->filter, i, got->index[i], (double)got->score[i], want->index[i],
              (double)want->score[i]);
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

/* The memory is the caller's to free. What is too wide for a scout is not filled, and must not be read. */
static void *make_scout(sk_scout *scout, const float *e, int32_t d, int32_t items) {
  void *memory = aligned_alloc(64, sk_scout_bytes(d, items));
  double *axes = malloc(sizeof *axes * 2 * (size_t)(d * d));
  float *work = malloc(sizeof *work * SK_SCOUT_AT_ONCE * (size_t)d);
  sk_scout_bind(scout, d, items, memory);
  if (d <= SK_SCOUT_MAX_D) sk_scout_turn(scout, e, items < 500 ? items : 500, axes);
  sk_scout_spot *spots = malloc(sizeof *spots * (size_t)(items + 1));
  float *rows = malloc(sizeof *rows * SK_SCOUT_AT_ONCE * (size_t)d);
  for (int order = 0; order < 2 && d <= SK_SCOUT_MAX_D; order++) {
    for (int64_t v = 0, n; v < items; v += n) {
      n = items - v < SK_SCOUT_AT_ONCE ? items - v : SK_SCOUT_AT_ONCE;
      if (order) {
        for (int64_t i = 0; i < n; i++) memcpy(rows + i * d, e + scout->item[v + i] * d, (size_t)d * sizeof *rows);
        sk_scout_fill(scout, rows, v, n, work);
      } else {
        sk_scout_spots(scout, e + v * d, v, n, spots + v, work);
      }
    }
    if (!order) sk_scout_order(scout, spots);
  }
  check_order(scout);
  free(spots);
  free(rows);
  free(axes);
  free(work);
  return memory;
}

/* With a scout that covers `covered` items, and with one that covers none. */
static void check_case(rig *r, seed_rng *rng, const shape *s, catalogue_kind kind, user_kind user) {
  size_t nu = (size_t)s->n * (size_t)s->d, ne = (size_t)s->items * (size_t)s->d;
  float *u = rig_normal(r, rng, nu, 1.0f), *e = rig_normal(r, rng, ne, 1.0f);
  for (size_t i = 0; i < nu; i++) u[i] = pick_user(rng, u[i], user, (int64_t)i % s->d);
  for (size_t i = 0; i < ne; i++) e[i] = pick(rng, e[i], kind, (int64_t)i / s->d, (int64_t)i % s->d, s->d);
  sk_topk_args a = {.n = s->n, .d = s->d, .items = s->items, .k = s->k, .mask_words = (s->items + 63) / 64};
  size_t words = (size_t)s->n * (size_t)a.mask_words;
  uint64_t *mask = s->filter == NO_MASK ? NULL : make_mask(rng, s->filter, words);
  a.mask = rig_in_bytes(r, mask, words * sizeof *mask);
  a.u = rig_in(r, u, nu), a.e = rig_in(r, e, ne);
  sk_scout scout, none;
  void *memory = make_scout(&scout, e, s->d, s->covered);
  sk_scout_bind(&none, s->d, 0, NULL);
  answer want = ask(r, a, &none), got = ask(r, a, &scout);
  compare(s, kind, user, &got, &want);
  if (kind == WHOLE && user == WHOLE_USER) {
    size_t nk = (size_t)s->n * (size_t)s->k;
    int32_t *index = malloc((nk + 1) * sizeof *index);
    double *score = rig_zeros(r, nk);
    a.mask = mask;
    ref_topk(&a, rig_widen(r, u, nu), rig_widen(r, e, ne), index, score);
    compare_ints("topk index", got.index, index, nk);
    compare_floats("topk score", got.score, score, nk, 0.0, 0.0);
    free(index);
  }
  free(memory);
  free(mask);
  rig_reset(r);
}

static void check_kinds(rig *r) {
  if (rig_is_gpu(r)) return;
  seed_rng rng = seed_start(92);
  for (int kind = 0; kind < KINDS; kind++)
    for (int user = 0; user < USER_KINDS; user++) {
      check_case(r, &rng, &(shape){1, 16, 1000, 10, 1000, NO_MASK}, (catalogue_kind)kind, (user_kind)user);
      check_case(r, &rng, &(shape){3, 21, 677, 5, 677, HALF}, (catalogue_kind)kind, (user_kind)user);
    }
}

Test(topk_scout, is_the_plain_ranking_to_the_bit_on_every_kind_of_data) {
  rig_each(check_kinds);
}

static void check_shapes(rig *r) {
  if (rig_is_gpu(r)) return;
  seed_rng rng = seed_start(93);
  const shape shapes[] = {
      {1, 64, 7000, 100, 7000, NO_MASK}, {8, 64, 5001, 10, 5001, HALF},      {17, 33, 4100, 20, 4100, MOST},
      {1, 1, 130, 1, 130, NO_MASK},      {2, 7, 64, 1, 64, NO_MASK},         {1, 8, 63, 1, 63, HALF},
      {1, 300, 1500, 12, 1500, HALF},    {5, 16, 9000, 3, 9000, ALMOST_ALL}, {2, 16, 6000, 9, 6000, ALL},
      {1, 24, 5000, 1, 4000, HALF},      {9, 24, 5000, 10, 4999, NO_MASK},   {1, 24, 5000, 10, 0, NO_MASK},
      {1, 24, 5000, 10, 63, NO_MASK},    {1, 24, 5000, 10, 1000, MOST},      {70, 40, 2500, 39, 2500, HALF},
      {0, 8, 100, 1, 100, NO_MASK},      {1, 12, 17000, 250, 17000, HALF},   {3, 9, 13001, 30, 13001, MOST}};
  for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
    check_case(r, &rng, &shapes[i], NORMAL, ORDINARY);
    if (shapes[i].n < 9) check_case(r, &rng, &shapes[i], WHOLE, WHOLE_USER);
    if (shapes[i].n < 3) check_case(r, &rng, &shapes[i], NEAR, POSITIVE);
  }
}

Test(topk_scout, is_the_plain_ranking_to_the_bit_in_every_shape) {
  rig_each(check_shapes);
}

static void check_lengths(rig *r) {
  if (rig_is_gpu(r)) return;
  seed_rng rng = seed_start(94);
  for (int32_t k = 1; k <= 300; k += k < 8 ? 1 : 73)
    check_case(r, &rng, &(shape){2, 19, 300, k, 300, HALF}, NORMAL, ORDINARY);
}

Test(topk_scout, takes_lists_from_one_item_to_all) {
  rig_each(check_lengths);
}

/* Above SK_TOPK_LARGE it is also the answer of an operation that was given no scout, alone and in a batch. */
static void check_large(rig *r) {
  if (rig_is_gpu(r)) return;
  enum { N = 9, D = 12, ITEMS = SK_TOPK_LARGE + 77, K = 25 };
  seed_rng rng = seed_start(95);
  float *u = rig_normal(r, &rng, N * D, 1.0f), *e = rig_normal(r, &rng, ITEMS * D, 1.0f);
  sk_topk_args a = {.n = N, .d = D, .items = ITEMS, .k = K, .u = rig_in(r, u, N * D), .e = rig_in(r, e, ITEMS * D)};
  sk_scout scout;
  void *memory = make_scout(&scout, e, D, ITEMS);
  answer want = ask(r, a, NULL), got = ask(r, a, &scout);
  compare(&(shape){N, D, ITEMS, K, ITEMS, NO_MASK}, NORMAL, ORDINARY, &got, &want);
  a.n = 1, a.u = rig_in(r, u + 4 * D, D);
  answer alone = ask(r, a, &scout);
  want.index += 4 * K, want.score += 4 * K;
  compare(&(shape){1, D, ITEMS, K, ITEMS, NO_MASK}, NORMAL, ORDINARY, &alone, &want);
  free(memory);
}

Test(topk_scout, is_the_ranking_of_a_large_catalogue_without_one) {
  rig_each(check_large);
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

Test(topk_scout, bounds_what_its_rows_leave_out) {
  seed_rng rng = seed_start(96);
  float *e = calloc(BOUND_ITEMS * BOUND_D, sizeof *e);
  double u[BOUND_D];
  for (int kind = 0; kind < KINDS; kind++) {
    if (kind == HUGE_ROWS || kind == SPOILT) continue;
    seed_fill_normal(&rng, e, BOUND_ITEMS * BOUND_D, 1.0f);
    for (int64_t i = 0; i < BOUND_ITEMS * BOUND_D; i++)
      e[i] = pick(&rng, e[i], (catalogue_kind)kind, i / BOUND_D, i % BOUND_D, BOUND_D);
    for (int64_t i = 0; i < BOUND_D; i++) u[i] = (double)seed_normal(&rng);
    sk_scout scout;
    void *memory = make_scout(&scout, e, BOUND_D, BOUND_ITEMS);
    check_bounds(&scout, e, u, kind);
    free(memory);
  }
  free(e);
}
