#include "solid/infer/slate/allowed.h"
#include <string.h>

/* The bits of a word of items that stand for items. */
static uint64_t present(const sol_trie *trie, size_t word) {
  size_t left = trie->items - word * 64;
  return left >= 64 ? UINT64_MAX : (UINT64_C(1) << left) - 1;
}

static size_t count_excluded(const sol_trie *trie, const uint64_t *excluded, size_t words) {
  size_t n = 0;
  for (size_t w = 0; w < words; w++) n += (size_t)__builtin_popcountll(excluded[w] & present(trie, w));
  return n;
}

/* Sets or clears the place of every item of `word`. */
static void mark(sol_allowed *allowed, const sol_trie *trie, size_t word, uint64_t items, int set) {
  for (; items; items &= items - 1) {
    uint32_t place = trie->place[word * 64 + (size_t)__builtin_ctzll(items)];
    uint64_t bit = UINT64_C(1) << (place % 64);
    if (set)
      allowed->bits[place / 64] |= bit;
    else
      allowed->bits[place / 64] &= ~bit;
  }
}

void sol_allowed_set(sol_allowed *allowed, const sol_trie *trie, const uint64_t *excluded) {
  size_t words = ((size_t)trie->items + 63) / 64, all = sol_allowed_words(trie->items);
  int few = !excluded || count_excluded(trie, excluded, words) <= trie->items / 2;
  memset(allowed->bits, 0, all * sizeof *allowed->bits);
  for (size_t w = 0; w < words && few; w++) allowed->bits[w] = present(trie, w);
  for (size_t w = 0; w < words && excluded; w++)
    mark(allowed, trie, w, (few ? excluded[w] : ~excluded[w]) & present(trie, w), !few);
  sol_allowed_count_again(allowed, trie);
}

void sol_allowed_count_again(sol_allowed *allowed, const sol_trie *trie) {
  uint32_t n = 0;
  for (size_t w = 0; w < sol_allowed_words(trie->items); w++) {
    allowed->before[w] = n;
    n += (uint32_t)__builtin_popcountll(allowed->bits[w]);
  }
  allowed->count = n;
}
