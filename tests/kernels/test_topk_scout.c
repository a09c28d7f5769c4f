/* topk with a scout on a CPU, with planes on CUDA: the same bits as without, whatever the catalogue, the users, the
 * masks and the cover. */
#include "tests/kernels/scout_case.h"
#include "tests/ref/ref_topk.h"
#include "tests/support/compare.h"
#include "tests/support/rig.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Users and filters ---- */

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

/* What a device ranks by, of the first `items` rows of e, of which `device` is the copy to be asked about. */
typedef struct cover {
  sk_scout scout;
  void *memory;
  planes_case planes;
  int is_gpu;
} cover;

static cover cover_of(rig *r, const float *e, const float *device, int32_t d, int32_t items) {
  cover c = {.is_gpu = rig_is_gpu(r)};
  if (c.is_gpu)
    c.planes = planes_make(r, device, d, items);
  else
    c.memory = scout_make(&c.scout, e, d, items);
  return c;
}

static answer ask(rig *r, sk_topk_args a, const cover *by) {
  size_t nk = (size_t)a.n * (size_t)a.k;
  int32_t *index = rig_out_int(r, nk);
  float *score = rig_out(r, nk);
  a.index = index, a.score = score;
  if (by && by->is_gpu)
    a.planes = &by->planes.planes;
  else if (by)
    a.scout = &by->scout;
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

/* Of a catalogue of which many rows are the first one. */
static uint64_t *late_of(const float *e, const shape *s) {
  uint64_t *late = calloc((size_t)s->items / 64 + 1, sizeof *late);
  size_t size = (size_t)s->d * sizeof *e;
  for (int64_t v = 0, count = 0; v < s->covered; v++) {
    if (memcmp(e + v * s->d, e, size) != 0) continue;
    if (count++ >= SK_TOPK_TWINS) late[v / 64] |= UINT64_C(1) << v % 64;
  }
  return late;
}

/* With a scout that covers `covered` items, and with one that covers none. */
static void check_case(rig *r, seed_rng *rng, const shape *s, catalogue_kind kind, user_kind user) {
  size_t nu = (size_t)s->n * (size_t)s->d, ne = (size_t)s->items * (size_t)s->d;
  float *u = rig_normal(r, rng, nu, 1.0f), *e = rig_normal(r, rng, ne, 1.0f);
  for (size_t i = 0; i < nu; i++) u[i] = pick_user(rng, u[i], user, (int64_t)i % s->d);
  for (size_t i = 0; i < ne; i++) e[i] = scout_pick(rng, e[i], kind, (int64_t)i / s->d, (int64_t)i % s->d, s->d);
  sk_topk_args a = {.n = s->n, .d = s->d, .items = s->items, .k = s->k, .mask_words = (s->items + 63) / 64};
  size_t words = (size_t)s->n * (size_t)a.mask_words;
  uint64_t *mask = s->filter == NO_MASK ? NULL : make_mask(rng, s->filter, words);
  a.mask = rig_in_bytes(r, mask, words * sizeof *mask);
  a.u = rig_in(r, u, nu), a.e = rig_in(r, e, ne);
  cover scout = cover_of(r, e, a.e, s->d, s->covered), none = {0};
  sk_scout_bind(&none.scout, s->d, 0, NULL);
  uint64_t *late = late_of(e, s);
  answer want = ask(r, a, &none);
  a.late = late;
  answer got = ask(r, a, &scout);
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
  free(scout.memory);
  free(mask);
  free(late);
  rig_reset(r);
}

static void check_kinds(rig *r) {
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
  seed_rng rng = seed_start(93);
  const shape shapes[] = {
      {1, 64, 7000, 100, 7000, NO_MASK}, {8, 64, 5001, 10, 5001, HALF},      {17, 33, 4100, 20, 4100, MOST},
      {1, 1, 130, 1, 130, NO_MASK},      {2, 7, 64, 1, 64, NO_MASK},         {1, 8, 63, 1, 63, HALF},
      {1, 300, 1500, 12, 1500, HALF},    {5, 16, 9000, 3, 9000, ALMOST_ALL}, {2, 16, 6000, 9, 6000, ALL},
      {1, 24, 5000, 1, 4000, HALF},      {9, 24, 5000, 10, 4999, NO_MASK},   {1, 24, 5000, 10, 0, NO_MASK},
      {1, 24, 5000, 10, 63, NO_MASK},    {1, 24, 5000, 10, 1000, MOST},      {70, 40, 2500, 39, 2500, HALF},
      {0, 8, 100, 1, 100, NO_MASK},      {1, 12, 17000, 250, 17000, HALF},   {3, 9, 13001, 30, 13001, MOST},
      {8, 96, 3000, 20, 3000, HALF},     {9, 128, 3001, 20, 2999, NO_MASK},  {2, 190, 2000, 7, 2000, MOST},
      {20, 256, 1500, 11, 1500, HALF},   {3, 250, 1700, 900, 1650, NO_MASK}};
  for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
    check_case(r, &rng, &shapes[i], NORMAL, ORDINARY);
    if (shapes[i].n < 9) check_case(r, &rng, &shapes[i], WHOLE, WHOLE_USER);
    if (shapes[i].n < 3) check_case(r, &rng, &shapes[i], NEAR, POSITIVE);
    if (shapes[i].items > 4500) check_case(r, &rng, &shapes[i], EQUAL, ORDINARY); /* no bound rules any out */
  }
}

Test(topk_scout, is_the_plain_ranking_to_the_bit_in_every_shape) {
  rig_each(check_shapes);
}

static void check_lengths(rig *r) {
  seed_rng rng = seed_start(94);
  for (int32_t k = 1; k <= 300; k += k < 8 ? 1 : 73)
    check_case(r, &rng, &(shape){2, 19, 300, k, 300, HALF}, NORMAL, ORDINARY);
}

Test(topk_scout, takes_lists_from_one_item_to_all) {
  rig_each(check_lengths);
}

/* Above SK_TOPK_LARGE it is also the answer of an operation that was given no scout, alone and in a batch. */
static void check_large(rig *r) {
  enum { N = 9, D = 12, ITEMS = SK_TOPK_LARGE + 77, K = 25 };
  seed_rng rng = seed_start(95);
  float *u = rig_normal(r, &rng, N * D, 1.0f), *e = rig_normal(r, &rng, ITEMS * D, 1.0f);
  sk_topk_args a = {.n = N, .d = D, .items = ITEMS, .k = K, .u = rig_in(r, u, N * D), .e = rig_in(r, e, ITEMS * D)};
  const shape s = {N, D, ITEMS, K, ITEMS, NO_MASK};
  cover scout = cover_of(r, e, a.e, D, ITEMS);
  answer want = ask(r, a, NULL), got = ask(r, a, &scout);
  compare(&s, NORMAL, ORDINARY, &got, &want);
  void *host = NULL; /* rows that stay on the host */
  cr_assert_eq(rig_ops(r)->alloc_host(rig_backend(r), &host, sizeof *e * ITEMS * D), SOLID_OK);
  a.e = memcpy(host, e, sizeof *e * ITEMS * D);
  got = ask(r, a, &scout);
  compare(&s, NORMAL, ORDINARY, &got, &want);
  a.n = 1, a.u = rig_in(r, u + 4 * D, D);
  answer alone = ask(r, a, &scout);
  want.index += 4 * K, want.score += 4 * K;
  compare(&(shape){1, D, ITEMS, K, ITEMS, NO_MASK}, NORMAL, ORDINARY, &alone, &want);
  rig_ops(r)->free_host(rig_backend(r), host);
  free(scout.memory);
}

Test(topk_scout, is_the_ranking_of_a_large_catalogue_without_one) {
  rig_each(check_large);
}
