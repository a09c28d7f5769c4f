#include "solid/infer/slate/guide.h"
#include <assert.h>
#include <math.h>
#include <string.h>

void sol_guide_start(sol_guide *guide, const sol_trie *trie, sol_allowed *allowed, const float *scores) {
  guide->trie = trie;
  guide->allowed = allowed;
  for (uint32_t p = 0; p < trie->items; p++) {
    guide->score[p] = scores[trie->item[p]];
    if (!(guide->score[p] > -INFINITY)) sol_allowed_remove(allowed, p);
  }
  sol_allowed_count_again(allowed, trie);
  memset(guide->best_of, 0xff, trie->level[1].nodes * sizeof *guide->best_of);
}

void sol_guide_lead(sol_guide *guide, const uint32_t *top, const float *top_scores, uint32_t n) {
  const sol_trie *trie = guide->trie;
  if (!n) return;
  float least = top_scores[n - 1];
  for (uint32_t p = 0; p < trie->items; p++)
    if (guide->score[p] >= least) guide->score[p] = nextafterf(least, -INFINITY);
  for (uint32_t i = 0; i < n; i++) guide->score[trie->place[top[i]]] = top_scores[i];
}

/* Puts a place among the best so far, of which there are `count`, at most `most`; returns how many there are then. */
static uint32_t insert(const sol_guide *guide, uint32_t place, uint32_t count, uint32_t most) {
  uint32_t *best = guide->room, at = count < most ? count : most - 1;
  if (count == most && !sol_guide_before(guide, place, best[at])) return count;
  for (; at > 0 && sol_guide_before(guide, place, best[at - 1]); at--) best[at] = best[at - 1];
  best[at] = place;
  return count < most ? count + 1 : count;
}

/* The n-th best of the allowed places in [begin, end); there are so many. */
static uint32_t nth_best(const sol_guide *guide, uint32_t begin, uint32_t end, uint32_t n) {
  const uint64_t *bits = guide->allowed->bits;
  uint32_t count = 0;
  for (uint32_t word = begin / 64; (uint64_t)word * 64 < end; word++) {
    uint64_t left = bits[word];
    if (word == begin / 64) left &= UINT64_MAX << (begin % 64);
    if (end - word * 64 < 64) left &= (UINT64_C(1) << (end % 64)) - 1;
    for (; left; left &= left - 1) count = insert(guide, word * 64 + (uint32_t)__builtin_ctzll(left), count, n);
  }
  assert(count == n);
  return guide->room[n - 1];
}

void sol_guide_find(sol_guide *guide, uint32_t level, const sol_open *open, uint32_t n, uint32_t *place) {
  const uint32_t *begin = guide->trie->level[level].begin;
  for (uint32_t i = 0; i < n; i++) {
    uint32_t node = open[i].node;
    if (level == 1 && guide->best_of[node] == open[i].held) {
      place[i] = guide->best[node];
      continue;
    }
    place[i] = nth_best(guide, begin[node], begin[node + 1], open[i].held + 1);
    if (level == 1) guide->best[node] = place[i], guide->best_of[node] = open[i].held;
  }
}
