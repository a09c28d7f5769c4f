/* What one user may be given, as bits over the places of the trie, and how many of them stand before any place: what
 * is allowed below a node, which is a range of places, is the difference of two such counts. */
#ifndef SOLID_INFER_SLATE_ALLOWED_H
#define SOLID_INFER_SLATE_ALLOWED_H

#include "solid/model/trie.h"

typedef struct sol_allowed {
  uint64_t *bits;   /* (words) bit p % 64 of word p / 64: the item at place p */
  uint32_t *before; /* (words) allowed places before the word */
  uint32_t count;   /* allowed in all */
} sol_allowed;

/* Words of so many items: one more than its bits need, so that the place behind the last one has a count too. */
static inline size_t sol_allowed_words(uint32_t items) {
  return (size_t)items / 64 + 1;
}

/* Fills bits and counts. `excluded`: bit v % 64 of word v / 64 leaves out item v, as in a recommendation; NULL leaves
 * out nothing. Work: the words, and the smaller one of what is left out and what is left. */
void sol_allowed_set(sol_allowed *allowed, const sol_trie *trie, const uint64_t *excluded);

/* Takes one more place out; the counts have to be made again (sol_allowed_count_again) before they are read. */
static inline void sol_allowed_remove(sol_allowed *allowed, uint32_t place) {
  allowed->bits[place / 64] &= ~(UINT64_C(1) << (place % 64));
}
void sol_allowed_count_again(sol_allowed *allowed, const sol_trie *trie);

static inline int sol_allowed_at(const sol_allowed *allowed, uint32_t place) {
  return (int)(allowed->bits[place / 64] >> (place % 64) & 1);
}

/* Allowed places below `place`, which may be the number of items. */
static inline uint32_t sol_allowed_before(const sol_allowed *allowed, uint32_t place) {
  uint64_t word = allowed->bits[place / 64] & ((UINT64_C(1) << (place % 64)) - 1);
  return allowed->before[place / 64] + (uint32_t)__builtin_popcountll(word);
}

static inline uint32_t sol_allowed_between(const sol_allowed *allowed, uint32_t begin, uint32_t end) {
  return sol_allowed_before(allowed, end) - sol_allowed_before(allowed, begin);
}

#endif
