#include "solid/infer/slate/slate.h"
#include <assert.h>
#include <float.h>
#include <math.h>
#include <string.h>

void sol_slate_bind(sol_slate *slate, const sol_trie *trie, const sol_slate_room *room, uint32_t rows,
                    sol_arena *arena) {
  size_t words = sol_allowed_words(room->items), widest = room->widest, first = room->first;
  slate->trie = trie;
  slate->most_rows = rows;
  slate->allowed.bits = sol_arena_take(arena, words, sizeof *slate->allowed.bits);
  slate->allowed.before = sol_arena_take(arena, words, sizeof *slate->allowed.before);
  slate->ints = sol_arena_take(arena, sol_walk_ints(trie, rows), sizeof *slate->ints);
  slate->guide.score = sol_arena_take(arena, room->items, sizeof *slate->guide.score);
  slate->guide.best = sol_arena_take(arena, first, sizeof *slate->guide.best);
  slate->guide.best_of = sol_arena_take(arena, first, sizeof *slate->guide.best_of);
  slate->guide.room = sol_arena_take(arena, rows, sizeof *slate->guide.room);
  slate->open = sol_arena_take(arena, widest, sizeof *slate->open);
  slate->place = sol_arena_take(arena, widest, sizeof *slate->place);
  slate->log_p_of = sol_arena_take(arena, widest, sizeof *slate->log_p_of);
  slate->value = sol_arena_take(arena, widest, sizeof *slate->value);
  slate->share = sol_arena_take(arena, widest, sizeof *slate->share);
  slate->order = sol_arena_take(arena, widest, sizeof *slate->order);
}

void sol_slate_begin(sol_slate *slate, uint32_t rows, const uint64_t *excluded, const float *scores,
                     const uint32_t *top, const float *top_scores, uint32_t n_top, uint64_t seed) {
  assert(rows <= slate->most_rows);
  sol_allowed_set(&slate->allowed, slate->trie, excluded);
  slate->guided = scores != NULL;
  if (scores) sol_guide_start(&slate->guide, slate->trie, &slate->allowed, scores);
  if (scores) sol_guide_lead(&slate->guide, top, top_scores, n_top);
  if (rows > slate->allowed.count) rows = slate->allowed.count;
  sol_walk_start(&slate->walk, slate->trie, &slate->allowed, rows, slate->ints);
  slate->random = sol_random_start(seed, 0x51a7e);
  slate->log_p = 0;
}

/* log p over the open codes. */
static void log_softmax(sol_slate *slate, uint32_t n, const float *logits, uint32_t n_logits) {
  float *x = slate->log_p_of, most = -INFINITY;
  double sum = 0;
  for (uint32_t i = 0; i < n; i++) {
    uint32_t code = slate->open[i].code < n_logits ? slate->open[i].code : n_logits - 1;
    x[i] = logits ? logits[code] : 0.0f;
    if (!isfinite(x[i])) x[i] = -FLT_MAX;
    if (x[i] > most) most = x[i];
  }
  for (uint32_t i = 0; i < n; i++) sum += (double)expf(x[i] - most);
  double log_sum = most + log(sum);
  for (uint32_t i = 0; i < n; i++) x[i] = (float)fmax(x[i] - log_sum, -FLT_MAX);
}

static int is_better(const sol_slate *slate, const sol_choosing *how, uint32_t a, uint32_t b) {
  float x = slate->value[a], y = slate->value[b];
  if (x != y) return x > y;
  return how->guide > 0 ? sol_guide_before(&slate->guide, slate->place[a], slate->place[b]) : a < b;
}

static uint32_t best(const sol_slate *slate, uint32_t n, const sol_choosing *how) {
  uint32_t at = 0;
  for (uint32_t i = 1; i < n; i++)
    if (is_better(slate, how, i, at)) at = i;
  return at;
}

/* Moves `at` of a heap of order[0 .. n) whose root is the best down to where it belongs. */
static void sift(const sol_slate *slate, const sol_choosing *how, uint32_t at, uint32_t n) {
  uint32_t *order = slate->order;
  for (uint32_t child; (child = 2 * at + 1) < n; at = child) {
    if (child + 1 < n && is_better(slate, how, order[child + 1], order[child])) child++;
    if (!is_better(slate, how, order[child], order[at])) return;
    uint32_t other = order[at];
    order[at] = order[child];
    order[child] = other;
  }
}

/* The best ones come off a heap until their share is top_p; the others have none. */
static void share_out(sol_slate *slate, uint32_t n, const sol_choosing *how) {
  uint32_t *order = slate->order, taken = 0, at = best(slate, n, how);
  double most = slate->value[at], all = 0, sum = 0;
  memset(slate->share, 0, n * sizeof *slate->share);
  if (how->temperature == 0) {
    slate->share[at] = 1;
    return;
  }
  for (uint32_t i = 0; i < n; i++) all += exp((slate->value[i] - most) / how->temperature);
  for (uint32_t i = 0; i < n; i++) order[i] = i;
  for (uint32_t i = n / 2; i-- > 0;) sift(slate, how, i, n);
  do {
    uint32_t last = n - 1 - taken, i = order[0];
    order[0] = order[last];
    order[last] = i;
    sift(slate, how, 0, last);
    sum += exp((slate->value[i] - most) / how->temperature);
    taken++;
  } while (taken < n && sum < how->top_p * all);
  for (uint32_t i = n - taken; i < n; i++)
    slate->share[order[i]] = (float)(exp((slate->value[order[i]] - most) / how->temperature) / sum);
}

uint32_t sol_slate_draw(sol_slate *slate, uint32_t n, const float *share) {
  double all = 0;
  uint32_t last = 0;
  for (uint32_t i = 0; i < n; i++) all += share[i];
  double left = sol_random_uniform(&slate->random) * all;
  for (uint32_t i = 0; i < n; i++) {
    if (share[i] <= 0) continue;
    last = i;
    if ((left -= share[i]) < 0) return i;
  }
  return last;
}

static uint32_t value_children(sol_slate *slate, uint32_t row, const float *logits, uint32_t n_logits,
                               const sol_choosing *how) {
  uint32_t n = sol_walk_open(&slate->walk, row, slate->open);
  assert(how->guide == 0 || slate->guided);
  log_softmax(slate, n, logits, n_logits);
  if (how->guide > 0) sol_guide_find(&slate->guide, slate->walk.depth[row] + 1, slate->open, n, slate->place);
  for (uint32_t i = 0; i < n; i++) {
    slate->value[i] = slate->log_p_of[i];
    if (how->guide > 0) slate->value[i] = how->guide * slate->guide.score[slate->place[i]];
    if (how->guide > 0 && how->guide < 1) slate->value[i] += (1 - how->guide) * slate->log_p_of[i];
  }
  return n;
}

uint32_t sol_slate_weigh(sol_slate *slate, uint32_t row, const float *logits, uint32_t n_logits,
                         const sol_choosing *how) {
  uint32_t n = value_children(slate, row, logits, n_logits, how);
  share_out(slate, n, how);
  return n;
}

uint32_t sol_slate_choose(sol_slate *slate, uint32_t row, const float *logits, uint32_t n_logits,
                          const sol_choosing *how) {
  uint32_t n = value_children(slate, row, logits, n_logits, how), chosen;
  if (how->temperature > 0) {
    share_out(slate, n, how);
    chosen = sol_slate_draw(slate, n, slate->share);
  } else {
    chosen = best(slate, n, how);
  }
  slate->log_p += slate->log_p_of[chosen];
  sol_walk_enter(&slate->walk, row, slate->open[chosen].node);
  return slate->open[chosen].code;
}
