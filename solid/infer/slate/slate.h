/* One user's slate while it is decoded: what is allowed, where the rows stand, what the ranker thinks, and the choice
 * of a cell's code from the decoder's logits and the guide. The memory is taken once and serves user after user.
 *
 *   value(c) = (1 - g) log p(c) + g s(c)        p: the decoder's softmax over the open codes alone
 *                                               s: the guide's score (a ranker's logit)        g: the weight of the
 * guide Greedy: the largest value; of equal ones the better item of the guide, or without a guide the lower code.
 *   Drawn: codes in proportion to exp(value / temperature), the rarest ones beyond a share of top_p left out. */
#ifndef SOLID_INFER_SLATE_SLATE_H
#define SOLID_INFER_SLATE_SLATE_H

#include "solid/base/arena.h"
#include "solid/base/random.h"
#include "solid/infer/slate/guide.h"

typedef struct sol_choosing {
  float guide;       /* g in [0, 1]; above 0 a slate needs scores */
  float temperature; /* 0 = greedy */
  float top_p;       /* in (0, 1]; read when drawing */
} sol_choosing;

typedef struct sol_slate {
  const sol_trie *trie;
  uint32_t most_rows;
  sol_allowed allowed;
  sol_walk walk;
  sol_guide guide;
  int guided;              /* scores were given */
  sol_random random;       /* of drawing */
  double log_p;            /* of what was chosen so far, by the decoder, over open codes */
  uint32_t *ints;          /* the walk's */
  sol_open *open;          /* (widest of the room, as what follows) */
  uint32_t *place;         /* (widest) of the guide */
  float *log_p_of, *value; /* (widest) */
  float *share;            /* (widest) what each is drawn with */
  uint32_t *order;         /* (widest) of drawing */
} sol_slate;

/* What the memory of a slate is enough for; a trie that items are added to may need more than it has now. */
typedef struct sol_slate_room {
  uint32_t items, first, widest; /* of the trie: items, nodes of level 1, children of a node */
} sol_slate_room;

static inline sol_slate_room sol_slate_room_of(const sol_trie *trie) {
  return (sol_slate_room){trie->items, trie->level[1].nodes, trie->widest};
}

/* Points the members into `arena` for slates of up to `rows` rows; measures where its base is NULL. */
void sol_slate_bind(sol_slate *slate, const sol_trie *trie, const sol_slate_room *room, uint32_t rows,
                    sol_arena *arena);

/* Begins a slate of `rows` rows, fewer where fewer items are left; slate->walk.rows says how many. `excluded` by item,
 * NULL = nothing. `scores` (items) of the ranker, NULL = no guide; `top` (n_top) is the ranker's own list of what is
 * allowed, best first, which the guide then follows where scores differ by rounding (see sol_guide_lead). */
void sol_slate_begin(sol_slate *slate, uint32_t rows, const uint64_t *excluded, const float *scores,
                     const uint32_t *top, const float *top_scores, uint32_t n_top, uint64_t seed);

/* What the next code of a row is drawn from: fills `open`, `log_p_of` and `share`, which sums to 1 and is 0 beyond
 * top_p, and returns how many there are. Greedy is 1 for the best and 0 for all others. logits as below. */
uint32_t sol_slate_weigh(sol_slate *slate, uint32_t row, const float *logits, uint32_t n_logits,
                         const sol_choosing *how);

/* One of n in proportion to its share, which need not sum to 1 but must not be 0 everywhere. */
uint32_t sol_slate_draw(sol_slate *slate, uint32_t n, const float *share);

/* Chooses the next code of a row and moves it there; returns the code. logits (n_logits) of the cell, NULL = all alike;
 * codes from n_logits on share the last one. A logit that is not finite counts as the least there is. */
uint32_t sol_slate_choose(sol_slate *slate, uint32_t row, const float *logits, uint32_t n_logits,
                          const sol_choosing *how);

#endif
