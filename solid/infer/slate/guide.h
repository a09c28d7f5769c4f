/* What the ranker thinks of the children of a node: child c is given the (held(c) + 1)-th best allowed score below it,
 * held(c) = rows that have chosen c; of equal scores the lower item is the better one.
 *
 *   With nothing but the guide, every order gives the ranker's best K items in the ranker's order. By induction over
 *   rows: when row k chooses at a level, the rows above it have chosen there, in every order. Say they are on their way
 *   to the ranker's items 0 .. k - 1, and row k stands above item k. The child above item k holds as many of the rows
 *   as it has items among the first k; its next one is item k, and no other child's next one is better, since all that
 *   is better than item k is taken.
 *
 * Nothing is kept a node, but for the root's children, which every row asks about. */
#ifndef SOLID_INFER_SLATE_GUIDE_H
#define SOLID_INFER_SLATE_GUIDE_H

#include "solid/infer/slate/walk.h"

typedef struct sol_guide {
  const sol_trie *trie;
  const sol_allowed *allowed;
  float *score;      /* (items) by place */
  uint32_t *best;    /* (nodes of level 1) what was found for a child of the root, */
  uint32_t *best_of; /* (nodes of level 1) and for how many rows in it; UINT32_MAX = not yet */
  uint32_t *room;    /* (rows) */
} sol_guide;

/* 1 where the item at place a comes before the one at place b in the ranker's order. */
static inline int sol_guide_before(const sol_guide *guide, uint32_t a, uint32_t b) {
  float x = guide->score[a], y = guide->score[b];
  return x > y || (x == y && guide->trie->item[a] < guide->trie->item[b]);
}

/* Takes scores (items, by item) and removes from `allowed` what a ranker never returns: NaN and -INFINITY. */
void sol_guide_start(sol_guide *guide, const sol_trie *trie, sol_allowed *allowed, const float *scores);

/* Keeps the order of the ranker's own list, whose scores may have been summed in another order than `scores`: what
 * stands in `top` (n items, best first) comes first, as it stands there. */
void sol_guide_lead(sol_guide *guide, const uint32_t *top, const float *top_scores, uint32_t n);

/* place[i]: of the (held + 1)-th best item below open[i], a node of `level`. */
void sol_guide_find(sol_guide *guide, uint32_t level, const sol_open *open, uint32_t n, uint32_t *place);

#endif
