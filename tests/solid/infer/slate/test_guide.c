#include "solid/infer/slate/slate.h"
#include "tests/support/compare.h"
#include "tests/support/slate_case.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ITEMS = 400, ROWS = 30 };

static int is_excluded(const slate_case *c, uint32_t item) {
  return (int)(c->excluded[item / 64] >> (item % 64) & 1);
}

/* The ranker's list, naive: the best that is left, K times. Returns how many there are. */
static uint32_t rank(const slate_case *c, const float *scores, uint32_t K, uint32_t *top) {
  uint8_t taken[ITEMS] = {0};
  for (uint32_t n = 0; n < K; n++) {
    top[n] = UINT32_MAX;
    for (uint32_t v = 0; v < c->items; v++)
      if (!taken[v] && !is_excluded(c, v) && scores[v] > -INFINITY &&
          (top[n] == UINT32_MAX || scores[v] > scores[top[n]]))
        top[n] = v;
    if (top[n] == UINT32_MAX) return n;
    taken[top[n]] = 1;
  }
  return K;
}

static char *bind(sol_slate *slate, const slate_case *c, uint32_t rows) {
  sol_arena arena = {NULL, 0};
  const sol_slate_room room = sol_slate_room_of(&c->trie);
  sol_slate_bind(slate, &c->trie, &room, rows, &arena);
  char *memory = sol_arena_memory(&arena);
  cr_assert_not_null(memory);
  arena = (sol_arena){memory, 0};
  sol_slate_bind(slate, &c->trie, &room, rows, &arena);
  return memory;
}

/* Decodes on random logits; items (rows) of the slate. */
static void decode(sol_slate *slate, const slate_case *c, uint32_t which, const sol_choosing *how, seed_rng *rng,
                   uint32_t *items) {
  float logits[64];
  sol_grid grid;
  slate_case_grid(c, slate->walk.rows, which, &grid);
  for (int32_t i = 0; i < grid.cells; i++) {
    seed_fill_normal(rng, logits, 64, 5);
    sol_slate_choose(slate, (uint32_t)(grid.cell[i] / grid.width), seed_below(rng, 3) ? logits : NULL, 64, how);
  }
  for (uint32_t r = 0; r < slate->walk.rows; r++) items[r] = sol_walk_item(&slate->walk, r);
  sol_grid_clear(&grid);
}

/* Scores with many ties, a NaN and an infinity now and then. */
static void draw_scores(seed_rng *rng, float *scores) {
  int32_t kind = seed_below(rng, 3);
  for (uint32_t v = 0; v < ITEMS; v++) {
    scores[v] = kind ? seed_normal(rng) : (float)seed_below(rng, 4);
    if (seed_below(rng, 50) == 0) scores[v] = seed_below(rng, 2) ? NAN : -INFINITY;
  }
}

/* The decoder's weight is 0: the ranker's list, the same items in the same order, whatever the logits say. */
Test(guide, alone_gives_the_rankers_list_in_every_order) {
  for (uint32_t seed = 0; seed < 1500; seed++) {
    seed_rng rng = seed_start(7000 + seed);
    slate_case c;
    float scores[ITEMS];
    uint32_t top[ROWS], items[ROWS], levels = (uint32_t)seed_below(&rng, 4), K = 1 + (uint32_t)seed_below(&rng, ROWS);
    slate_case_make(&c, &rng, 1 + (uint32_t)seed_below(&rng, ITEMS), levels, 1 + (uint32_t)seed_below(&rng, 40), 0.2);
    draw_scores(&rng, scores);
    uint32_t n = rank(&c, scores, K, top);
    sol_slate slate;
    char *memory = bind(&slate, &c, K);
    for (uint32_t which = 0; which <= levels + 2; which++) {
      sol_slate_begin(&slate, K, c.excluded, scores, NULL, NULL, 0, 1);
      cr_assert_eq(slate.walk.rows, n, "%u items are left, the slate has %u rows", n, slate.walk.rows);
      if (!n) break;
      decode(&slate, &c, which, &(sol_choosing){.guide = 1}, &rng, items);
      for (uint32_t r = 0; r < n; r++)
        cr_assert_eq(items[r], top[r], "seed %u, order %u, row %u: item %u, the ranker has %u", seed, which, r,
                     items[r], top[r]);
    }
    free(memory);
    slate_case_clear(&c);
  }
}

/* The list of a device that sums in another order stays as it is, also where two scores are equal or swapped. */
Test(guide, follows_the_rankers_own_list_where_sums_differ) {
  for (uint32_t seed = 0; seed < 300; seed++) {
    seed_rng rng = seed_start(9000 + seed);
    slate_case c;
    float scores[ITEMS], other[ITEMS], top_scores[ROWS];
    uint32_t top[ROWS], items[ROWS], K = 1 + (uint32_t)seed_below(&rng, ROWS);
    slate_case_make(&c, &rng, ITEMS, 2, 12, 0.2);
    for (uint32_t v = 0; v < ITEMS; v++) {
      scores[v] = 0.25f * (float)seed_below(&rng, 30) - 3;
      other[v] = nextafterf(scores[v], seed_below(&rng, 2) ? INFINITY : -INFINITY);
    }
    uint32_t n = rank(&c, scores, K, top);
    for (uint32_t i = 0; i < n; i++) top_scores[i] = scores[top[i]];
    sol_slate slate;
    char *memory = bind(&slate, &c, K);
    for (uint32_t which = 0; which <= 4; which++) {
      sol_slate_begin(&slate, K, c.excluded, other, top, top_scores, n, 1);
      decode(&slate, &c, which, &(sol_choosing){.guide = 1}, &rng, items);
      cr_assert_eq(memcmp(items, top, n * sizeof *top), 0, "seed %u, order %u", seed, which);
    }
    free(memory);
    slate_case_clear(&c);
  }
}

/* The (held + 1)-th best below every child, by sorting. */
Test(guide, finds_the_next_best_below_a_child) {
  for (uint32_t seed = 0; seed < 100; seed++) {
    seed_rng rng = seed_start(11000 + seed);
    slate_case c;
    float scores[ITEMS];
    slate_case_make(&c, &rng, ITEMS, 2, 9, 0.3);
    for (uint32_t v = 0; v < ITEMS; v++) scores[v] = (float)seed_below(&rng, 40);
    sol_slate s;
    char *memory = bind(&s, &c, ROWS);
    sol_slate_begin(&s, ROWS, c.excluded, scores, NULL, NULL, 0, 1);
    for (uint32_t move = 0; move < 3 * ROWS; move++) {
      uint32_t row = move % ROWS, level = s.walk.depth[row] + 1, n = sol_walk_open(&s.walk, row, s.open);
      sol_guide_find(&s.guide, level, s.open, n, s.place);
      for (uint32_t i = 0; i < n; i++) {
        uint32_t ahead = 0, begin = c.trie.level[level].begin[s.open[i].node], at = s.place[i];
        uint32_t end = c.trie.level[level].begin[s.open[i].node + 1];
        cr_assert(at >= begin && at < end && sol_allowed_at(&s.allowed, at));
        for (uint32_t p = begin; p < end; p++)
          ahead += sol_allowed_at(&s.allowed, p) && sol_guide_before(&s.guide, p, at);
        cr_assert_eq(ahead, s.open[i].held);
      }
      sol_walk_enter(&s.walk, row, s.open[seed_below(&rng, (int32_t)n)].node);
    }
    free(memory);
    slate_case_clear(&c);
  }
}

/* ---- Choosing ---- */

/* One column of V codes: the cell's choice alone. */
static char *one_column(slate_case *c, sol_slate *slate, seed_rng *rng, uint32_t items) {
  slate_case_make(c, rng, items, 0, 1, 0);
  return bind(slate, c, ROWS);
}

Test(choose, takes_the_largest_of_decoder_and_guide) {
  slate_case c;
  sol_slate slate;
  seed_rng rng = seed_start(51);
  char *memory = one_column(&c, &slate, &rng, 40);
  float logits[40], scores[40];
  for (int round = 0; round < 200; round++) {
    float g = round % 4 == 0 ? 0.0f : (float)seed_uniform(&rng);
    seed_fill_normal(&rng, logits, 40, 2);
    seed_fill_normal(&rng, scores, 40, 2);
    sol_slate_begin(&slate, 3, NULL, scores, NULL, NULL, 0, 1);
    uint8_t taken[40] = {0};
    double log_p = 0;
    for (uint32_t r = 0; r < 3; r++) {
      uint32_t got = sol_slate_choose(&slate, r, logits, 40, &(sol_choosing){.guide = g}), want = UINT32_MAX;
      double sum = 0;
      for (uint32_t i = 0; i < 40; i++) sum += taken[i] ? 0 : exp(logits[i]);
      for (uint32_t i = 0; i < 40; i++)
        if (!taken[i] &&
            (want == UINT32_MAX || (1 - g) * logits[i] + g * scores[i] > (1 - g) * logits[want] + g * scores[want]))
          want = i;
      cr_assert_eq(got, want, "round %d, row %u", round, r);
      taken[got] = 1;
      log_p += logits[got] - log(sum);
    }
    cr_assert(compare_is_close(slate.log_p, log_p, 1e-5, 1e-5), "%g, should be %g", slate.log_p, log_p);
  }
  free(memory);
  slate_case_clear(&c);
}

/* 40,000 draws of four codes against their shares; beyond a share of top_p nothing is drawn. */
Test(choose, draws_in_proportion_within_top_p) {
  slate_case c;
  sol_slate slate;
  seed_rng rng = seed_start(52);
  char *memory = one_column(&c, &slate, &rng, 4);
  const float logits[] = {0.0f, 1.2f, -0.7f, 0.4f}; /* shares at temperature 0.5: .07 .74 .02 .15 */
  double share[4], all = 0;
  for (int i = 0; i < 4; i++) all += share[i] = exp(logits[i] / 0.5);
  for (int cut = 0; cut < 2; cut++) {
    uint32_t count[4] = {0};
    const sol_choosing how = {.temperature = 0.5f, .top_p = cut ? 0.8f : 1.0f};
    for (uint32_t draw = 0; draw < 40000; draw++) {
      sol_slate_begin(&slate, 1, NULL, NULL, NULL, NULL, 0, draw);
      count[sol_slate_choose(&slate, 0, logits, 4, &how)]++;
    }
    for (int i = 0; i < 4; i++) {
      double kept = cut ? share[1] + share[3] : all, want = cut && (i == 0 || i == 2) ? 0 : share[i] / kept;
      cr_assert_float_eq(count[i] / 40000.0, want, 0.012, "code %d: %u draws, share %g", i, count[i], want);
      if (want == 0) cr_assert_eq(count[i], 0);
    }
  }
  free(memory);
  slate_case_clear(&c);
}

/* The same seed draws the same slate, another one another. Logits that are no numbers do no harm. */
Test(choose, a_seed_is_a_slate) {
  seed_rng rng = seed_start(53);
  slate_case c;
  slate_case_make(&c, &rng, ITEMS, 3, 8, 0.1);
  sol_slate slate;
  char *memory = bind(&slate, &c, ROWS);
  uint32_t a[ROWS], b[ROWS];
  const sol_choosing how = {.temperature = 1, .top_p = 0.95f};
  for (int round = 0; round < 3; round++) {
    seed_rng same = seed_start(54);
    sol_slate_begin(&slate, ROWS, c.excluded, NULL, NULL, NULL, 0, round == 2 ? 6 : 5);
    decode(&slate, &c, 0, &how, &same, round ? b : a);
    if (round) cr_assert_eq(memcmp(a, b, sizeof a) == 0, round == 1);
  }
  const float wild[] = {NAN, INFINITY, -INFINITY, 1.0f};
  sol_slate_begin(&slate, ROWS, c.excluded, NULL, NULL, NULL, 0, 5);
  for (uint32_t r = 0; r < ROWS; r++)
    for (uint32_t column = 0; column < 4; column++) sol_slate_choose(&slate, r, wild, 4, &how);
  free(memory);
  slate_case_clear(&c);
}
