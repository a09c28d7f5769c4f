/* The memory of one user whose slate is decoded, in two pieces of 4-byte words: `small`, read again and again, and
 * `large`, by place. FN, BOTH, USER and POPCOUNT as in slate_body.h. */
#ifndef SK_SLATE_USER_H
#define SK_SLATE_USER_H

#include "kernels/slate.h"

#define SK_SLATE_NOWHERE 0xffffffffu

enum { SK_SLATE_STRETCH = 128 /* words of 32 places */ };

#ifdef __cplusplus
template <int D> /* the decoder's width, or 0: it is in the arguments */
#else
typedef struct slate_user slate_user;
#endif
struct slate_user {
  const sk_slate_args *a;
  const sk_slate_grid *g; /* a->grid, or a copy */
  int w, codes;           /* which user; codes of the largest column */

  /* large */
  float *score;             /* (items) by place */
  uint32_t *bits, *before;  /* (words) allowed places, 32 a word; allowed before the word, in its stretch */
  uint32_t *sums;           /* (stretches) allowed in each */
  uint32_t *best, *best_of; /* (nodes of level 1) what the guide found there, and for how many rows in it */

  /* small; m = inputs of a step, n = cells of a step */
  float *kv;                               /* (blocks, inputs, 2 d) */
  float *x, *normed, *q, *attended, *wide; /* (m, d) but for wide (m, 4 d) */
  float *part;                             /* of attention: (inputs), and (SK_SLATE_PARTS + m heads, dh + 2) */
  float *out;                              /* (heads, m, d) */
  float *y;                                /* (n, heads d) */
  float *logit;                            /* (n, codes) */
  float *log_p, *value;                    /* (widest) */
  int32_t *held;                           /* (widest) -1 = closed */
  uint32_t *place;                         /* (widest) */
  uint32_t *node;                          /* (rows, width + 1) SK_SLATE_NOWHERE = not entered */
  uint32_t *code;                          /* (cells) */
  float *log_p_of;                         /* (cells) */
  uint32_t *base;                          /* (stretches) allowed before each */

#ifdef __cplusplus       /* of a cluster */
  uint32_t remote;       /* from an address in this block to the same one in the block that a thread serves */
  mutable uint32_t turn; /* exchanges so far */
#endif
};

BOTH int64_t slate_round(int64_t words) {
  return (words + 3) / 4 * 4;
}

BOTH int slate_words(const sk_slate_args *a) {
  return a->trie.items / 32 + 1;
}

BOTH int slate_stretches(const sk_slate_args *a) {
  return (slate_words(a) + SK_SLATE_STRETCH - 1) / SK_SLATE_STRETCH;
}

/* Where each piece begins, and how many words there are. */
typedef struct slate_large {
  int64_t score, bits, before, sums, best, best_of, words;
} slate_large;

typedef struct slate_small {
  int64_t kv, x, normed, q, attended, wide, part, out, y, logit, log_p, value, held, place, node, code, log_p_of, base,
      words;
  int codes;
} slate_small;

#define TAKE(name, n) p.name = at, at += slate_round(n)

BOTH slate_large slate_large_of(const sk_slate_args *a) {
  slate_large p;
  int64_t at = 0;
  TAKE(score, a->trie.items);
  TAKE(bits, slate_words(a));
  TAKE(before, slate_words(a));
  TAKE(sums, slate_stretches(a));
  TAKE(best, a->trie.first_nodes);
  TAKE(best_of, a->trie.first_nodes);
  p.words = at;
  return p;
}

static inline slate_small slate_small_of(const sk_slate_args *a) {
  const sk_slate_net *net = &a->net;
  const sk_slate_grid *g = &a->grid;
  int64_t d = net->d, m = g->most_inputs, n = g->most_cells, at = 0, widest = a->trie.widest;
  slate_small p;
  p.codes = 1;
  for (int c = 0; c < g->width; c++)
    if (net->column_codes[c] > p.codes) p.codes = net->column_codes[c];
  TAKE(kv, net->blocks * (int64_t)g->inputs * 2 * d);
  TAKE(x, m * d);
  TAKE(normed, m * d);
  TAKE(q, m * d);
  TAKE(attended, m * d);
  TAKE(wide, 4 * m * d);
  TAKE(part, g->inputs + (SK_SLATE_PARTS + m * net->heads) * (d / net->heads + 2));
  TAKE(out, net->out_heads * m * d);
  TAKE(y, n * net->out_heads * d);
  TAKE(logit, n * p.codes);
  TAKE(log_p, widest);
  TAKE(value, widest);
  TAKE(held, widest);
  TAKE(place, widest);
  TAKE(node, g->rows * (int64_t)(g->width + 1));
  TAKE(code, g->rows * (int64_t)g->width);
  TAKE(log_p_of, g->rows * (int64_t)g->width);
  TAKE(base, slate_stretches(a));
  p.words = at;
  return p;
}
#undef TAKE

FN void slate_bind_large(USER *s, const sk_slate_args *a, int w, float *large) {
  const slate_large p = slate_large_of(a);
  s->a = a, s->g = &a->grid, s->w = w;
  s->score = large + p.score;
  s->bits = (uint32_t *)(large + p.bits), s->before = (uint32_t *)(large + p.before);
  s->sums = (uint32_t *)(large + p.sums);
  s->best = (uint32_t *)(large + p.best), s->best_of = (uint32_t *)(large + p.best_of);
}

FN void slate_bind_small(USER *s, const slate_small *p, float *small) {
  s->codes = p->codes;
  s->kv = small + p->kv, s->x = small + p->x, s->normed = small + p->normed, s->q = small + p->q;
  s->attended = small + p->attended, s->wide = small + p->wide, s->part = small + p->part;
  s->out = small + p->out, s->y = small + p->y, s->logit = small + p->logit;
  s->log_p = small + p->log_p, s->value = small + p->value, s->log_p_of = small + p->log_p_of;
  s->held = (int32_t *)(small + p->held), s->place = (uint32_t *)(small + p->place);
  s->node = (uint32_t *)(small + p->node), s->code = (uint32_t *)(small + p->code);
  s->base = (uint32_t *)(small + p->base);
}

/* 1 where the item at place p comes before the one at place q in the ranker's order. */
FN int slate_before(const USER *s, uint32_t p, uint32_t q) {
  float x = s->score[p], y = s->score[q];
  return x > y || (x == y && s->a->trie.item[p] < s->a->trie.item[q]);
}

FN int slate_allowed(const USER *s, uint32_t p) {
  return (int)(s->bits[p / 32] >> (p % 32) & 1);
}

/* Allowed before a place. */
FN uint32_t slate_count(const USER *s, uint32_t place) {
  uint32_t word = place / 32, bits = s->bits[word] & ((1u << (place % 32)) - 1);
  return s->base[word / SK_SLATE_STRETCH] + s->before[word] + POPCOUNT(bits);
}

/* 1 where a user may be given the item, whose score this is. */
BOTH int slate_may(const sk_slate_args *a, int w, uint32_t item, float score) {
  const uint64_t *excluded = a->excluded ? a->excluded + (int64_t)w * a->words : 0;
  return score > -INFINITY && !(excluded && excluded[item / 64] >> (item % 64) & 1);
}

#endif
