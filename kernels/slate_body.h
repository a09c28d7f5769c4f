/* The body of slate, compiled twice: as C for one thread a user, and as CUDA for one block a user. Where they differ
 * stands in front of this file, in cpu/slate.c and cuda/slate.cu:
 *
 *   FN, BOTH                   what a function of the body, and one of the host too, is declared with
 *   FOR(i, n)                  i = 0 .. n - 1, each once, shared by the threads     ONE: by one of them alone
 *   SYNC()                     what was written before is read after
 *   product, normalize, attend, scan, largest, sum_exp, nth_places, best_choice: below; they end synchronised
 *
 * The memory of a user is two pieces of 4-byte words: `small`, read again and again, and `large`, by place. */
#ifndef SK_SLATE_BODY_H
#define SK_SLATE_BODY_H

#include "kernels/slate.h"
#include <float.h>
#include <math.h>

#define SK_SLATE_NOWHERE 0xffffffffu

typedef struct slate_user {
  const sk_slate_args *a;
  int w; /* which */

  /* large */
  float *score;             /* (items) by place */
  uint32_t *bits, *before;  /* (words) allowed places, 32 a word; allowed before the word */
  uint32_t *best, *best_of; /* (nodes of level 1) what the guide found there, and for how many rows in it */

  /* small; m = inputs of a step */
  float *kv;                               /* (blocks, inputs, 2 d) */
  float *x, *normed, *q, *attended, *wide; /* (m, d) but for wide (m, 4 d) */
  float *weight;                           /* (m, heads, inputs) of attention */
  float *out;                              /* (heads, m, d) */
  float *y;                                /* (heads d) */
  float *logit;                            /* codes of the largest column */
  float *log_p, *value;                    /* (widest) */
  int32_t *held;                           /* (widest) -1 = closed */
  uint32_t *place;                         /* (widest) */
  uint32_t *node;                          /* (rows, width + 1) SK_SLATE_NOWHERE = not entered */
  int32_t *code;                           /* (cells) */
  float *total;                            /* (1) log_p so far */
} slate_user;

static inline int64_t slate_round(int64_t words) {
  return (words + 3) / 4 * 4;
}

BOTH int slate_words(const sk_slate_args *a) {
  return a->trie.items / 32 + 1;
}

static inline int64_t slate_large_words(const sk_slate_args *a) {
  return slate_round(a->trie.items) + 2 * slate_round(slate_words(a)) + 2 * slate_round(a->trie.first_nodes);
}

static inline int slate_most_codes(const sk_slate_args *a) {
  int most = 1;
  for (int c = 0; c < a->grid.width; c++)
    if (a->net.column_codes[c] > most) most = a->net.column_codes[c];
  return most;
}

/* Where each piece of `small` begins, and how many words there are. */
typedef struct slate_places {
  int64_t kv, x, normed, q, attended, wide, weight, out, y, logit, log_p, value, held, place, node, code, total, words;
} slate_places;

static inline slate_places slate_small_places(const sk_slate_args *a) {
  const sk_slate_net *net = &a->net;
  const sk_slate_grid *g = &a->grid;
  int64_t d = net->d, m = g->most_inputs, at = 0, widest = a->trie.widest;
  slate_places p;
#define TAKE(name, n) p.name = at, at += slate_round(n)
  TAKE(kv, net->blocks * (int64_t)g->inputs * 2 * d);
  TAKE(x, m * d);
  TAKE(normed, m * d);
  TAKE(q, m * d);
  TAKE(attended, m * d);
  TAKE(wide, 4 * m * d);
  TAKE(weight, m * net->heads * g->inputs);
  TAKE(out, net->out_heads * m * d);
  TAKE(y, net->out_heads * d);
  TAKE(logit, slate_most_codes(a));
  TAKE(log_p, widest);
  TAKE(value, widest);
  TAKE(held, widest);
  TAKE(place, widest);
  TAKE(node, g->rows * (int64_t)(g->width + 1));
  TAKE(code, g->rows * (int64_t)g->width);
  TAKE(total, 1);
#undef TAKE
  p.words = at;
  return p;
}

FN void slate_bind(slate_user *s, const sk_slate_args *a, int w, float *small, const slate_places *p, float *large) {
  int64_t words = (slate_words(a) + 3) / 4 * 4, nodes = (a->trie.first_nodes + 3) / 4 * 4;
  s->a = a, s->w = w;
  s->score = large, large += (a->trie.items + 3) / 4 * 4;
  s->bits = (uint32_t *)large, large += words;
  s->before = (uint32_t *)large, large += words;
  s->best = (uint32_t *)large, large += nodes;
  s->best_of = (uint32_t *)large;
  s->kv = small + p->kv, s->x = small + p->x, s->normed = small + p->normed, s->q = small + p->q;
  s->attended = small + p->attended, s->wide = small + p->wide, s->weight = small + p->weight;
  s->out = small + p->out, s->y = small + p->y, s->logit = small + p->logit;
  s->log_p = small + p->log_p, s->value = small + p->value, s->total = small + p->total;
  s->held = (int32_t *)(small + p->held), s->place = (uint32_t *)(small + p->place);
  s->node = (uint32_t *)(small + p->node), s->code = (int32_t *)(small + p->code);
}

/* 1 where the item at place p comes before the one at place q in the ranker's order. */
FN int slate_before(const slate_user *s, uint32_t p, uint32_t q) {
  float x = s->score[p], y = s->score[q];
  return x > y || (x == y && s->a->trie.item[p] < s->a->trie.item[q]);
}

FN int slate_allowed(const slate_user *s, uint32_t p) {
  return (int)(s->bits[p / 32] >> (p % 32) & 1);
}

#include SK_SLATE_PRIMITIVES

/* ---- What the user may be given ---- */

FN float slate_lead_least(const sk_slate_args *a, int w, int *n) {
  *n = 0;
  if (!a->lead) return INFINITY;
  const int32_t *lead = a->lead + (int64_t)w * a->grid.rows;
  while (*n < a->grid.rows && lead[*n] >= 0) ++*n;
  return *n ? a->lead_score[(int64_t)w * a->grid.rows + *n - 1] : INFINITY;
}

/* Scores by place, and 32 allowed places a word; `before` has their number for now. */
FN void slate_read_scores(const slate_user *s, float least) {
  const sk_slate_args *a = s->a;
  const float *score = a->score + (int64_t)s->w * a->trie.items, below = nextafterf(least, -INFINITY);
  const uint64_t *excluded = a->excluded ? a->excluded + (int64_t)s->w * a->words : 0;
  FOR(word, slate_words(a)) {
    uint32_t bits = 0, n = 0;
    for (int i = 0; i < 32 && word * 32 + i < a->trie.items; i++) {
      uint32_t item = a->trie.item[word * 32 + i];
      float x = score[item];
      int allowed = x > -INFINITY && !(excluded && excluded[item / 64] >> (item % 64) & 1);
      s->score[word * 32 + i] = x >= least ? below : x;
      bits |= (uint32_t)allowed << i;
      n += (uint32_t)allowed;
    }
    s->bits[word] = bits;
    s->before[word] = n;
  }
  FOR(i, a->trie.first_nodes) s->best_of[i] = SK_SLATE_NOWHERE;
  FOR(i, a->grid.rows * (a->grid.width + 1)) s->node[i] = i % (a->grid.width + 1) ? SK_SLATE_NOWHERE : 0;
  ONE *s->total = 0;
  SYNC();
}

/* Returns how many items are allowed. */
FN uint32_t slate_begin(const slate_user *s) {
  const sk_slate_args *a = s->a;
  int n;
  float least = slate_lead_least(a, s->w, &n);
  slate_read_scores(s, least);
  FOR(k, n) {
    int64_t at = (int64_t)s->w * a->grid.rows + k;
    s->score[a->trie.place[a->lead[at]]] = a->lead_score[at];
  }
  return scan(s->before, slate_words(a), s->total);
}

FN uint32_t slate_count(const slate_user *s, uint32_t place) {
  uint32_t bits = s->bits[place / 32] & ((1u << (place % 32)) - 1);
  return s->before[place / 32] + POPCOUNT(bits);
}

/* ---- The blocks ---- */

FN void slate_inputs(const slate_user *s, int first, int slots) {
  const sk_slate_net *net = &s->a->net;
  const sk_slate_grid *g = &s->a->grid;
  int d = net->d;
  FOR(i, slots * d) {
    int slot = first + i / d, j = i % d, kind = g->input[2 * slot], index = g->input[2 * slot + 1], row = index;
    int column = g->width;
    float x = 0;
    if (kind == 0) continue;
    if (kind == 2) {
      row = index / g->width, column = index % g->width;
      int code = s->code[index], last = net->column_codes[column] - 1;
      x = net->codes[(int64_t)(net->column_first[column] + (code < last ? code : last)) * d + j];
    }
    s->x[i] = x + net->rows[(int64_t)row * d + j] + net->columns[(int64_t)column * d + j];
  }
  SYNC();
  if (first > 0) return;
  product(1, d, d, s->a->h + (int64_t)s->w * d, d, net->state_w, net->state_b, 0, s->x, d);
  product(1, d, d, s->a->u + (int64_t)s->w * d, d, net->user_w, net->user_b, 0, s->x + d, d);
}

FN void slate_block_of(const slate_user *s, int b, int first, int slots) {
  const sk_slate_net *net = &s->a->net;
  const sk_slate_block *w = &net->block[b];
  int d = net->d;
  float *kv = s->kv + (int64_t)b * s->a->grid.inputs * 2 * d;
  normalize(slots, d, s->x, w->norm1_gamma, w->norm1_beta, s->normed);
  product(slots, d, d, s->normed, d, w->qkv_w, w->qkv_b, 0, s->q, d);
  product(slots, d, 2 * d, s->normed, d, w->qkv_w + (int64_t)d * d, w->qkv_b + d, 0, kv + (int64_t)first * 2 * d,
          2 * d);
  attend(s, first, slots, kv);
  product(slots, d, d, s->attended, d, w->out_w, w->out_b, 1, s->x, d);
  normalize(slots, d, s->x, w->norm2_gamma, w->norm2_beta, s->normed);
  product(slots, d, 4 * d, s->normed, d, w->up_w, w->up_b, 0, s->wide, 4 * d);
  gelu(s->wide, slots * 4 * d);
  product(slots, 4 * d, d, s->wide, 4 * d, w->down_w, w->down_b, 1, s->x, d);
}

FN void slate_run(const slate_user *s, int first, int slots) {
  const sk_slate_net *net = &s->a->net;
  slate_inputs(s, first, slots);
  for (int b = 0; b < net->blocks; b++) {
    slate_block_of(s, b, first, slots);
    int head = b - net->first_head;
    if (head >= 0)
      normalize(slots, net->d, s->x, net->norm_gamma[head], net->norm_beta[head],
                s->out + (int64_t)head * s->a->grid.most_inputs * net->d);
  }
}

/* ---- A cell ---- */

/* Logits of the cell at a place of the grid's order. */
FN void slate_logits(const slate_user *s, int place, int first) {
  const sk_slate_net *net = &s->a->net;
  const sk_slate_grid *g = &s->a->grid;
  int d = net->d, column = g->cell[place] % g->width, in = net->out_heads * d;
  int begin = g->source_offsets[place], end = g->source_offsets[place + 1];
  FOR(i, in) {
    float y = 0;
    for (int r = begin; r < end; r++)
      if (g->source[2 * r + 1] == i / d)
        y = s->out[((int64_t)(i / d) * g->most_inputs + g->source[2 * r] - first) * d + i % d] / (float)(end - begin);
    s->y[i] = y;
  }
  SYNC();
  product(1, in, net->column_codes[column], s->y, in, net->out + (int64_t)net->column_first[column] * in, 0, 0,
          s->logit, 0);
}

/* Fills held and log_p of n children from `child` on; -1 and -INFINITY where one is closed. */
FN void slate_open(const slate_user *s, int column, uint32_t child, int n) {
  const sk_slate_trie *trie = &s->a->trie;
  const sk_slate_grid *g = &s->a->grid;
  const uint32_t *begin = trie->begin[column + 1], *code = trie->code[column + 1];
  int last = s->a->net.column_codes[column] - 1;
  FOR(i, n) {
    uint32_t c = child + (uint32_t)i, held = 0;
    for (int r = 0; r < g->rows; r++) held += s->node[r * (g->width + 1) + column + 1] == c;
    int open = held < slate_count(s, begin[c + 1]) - slate_count(s, begin[c]);
    float x = s->logit[code[c] < (uint32_t)last ? code[c] : (uint32_t)last];
    s->held[i] = open ? (int32_t)held : -1;
    s->log_p[i] = open ? (x - x == 0 ? x : -FLT_MAX) : -INFINITY;
  }
  SYNC();
}

FN void slate_choose(const slate_user *s, int place) {
  const sk_slate_args *a = s->a;
  const sk_slate_grid *g = &a->grid;
  int row = g->cell[place] / g->width, column = g->cell[place] % g->width;
  uint32_t *node = s->node + row * (g->width + 1) + column;
  uint32_t child = a->trie.child[column][*node];
  int n = (int)(a->trie.child[column][*node + 1] - child);
  slate_open(s, column, child, n);
  float top = largest(s->log_p, n), norm = top + logf(sum_exp(s->log_p, n, top));
  if (a->guide > 0) nth_places(s, column + 1, child, n);
  FOR(i, n) {
    float log_p = fmaxf(s->log_p[i] - norm, -FLT_MAX), value = log_p;
    if (a->guide > 0 && s->held[i] >= 0) {
      value = a->guide * s->score[s->place[i]];
      if (a->guide < 1) value += (1 - a->guide) * log_p;
    }
    s->log_p[i] = log_p;
    s->value[i] = value;
  }
  SYNC();
  int best = best_choice(s, n);
  ONE {
    node[1] = child + (uint32_t)best;
    s->code[g->cell[place]] = (int32_t)a->trie.code[column + 1][child + (uint32_t)best];
    *s->total += s->log_p[best];
  }
  SYNC();
}

/* ---- A slate ---- */

FN void slate_decode(const slate_user *s) {
  const sk_slate_args *a = s->a;
  const sk_slate_grid *g = &a->grid;
  int32_t *item = a->item + (int64_t)s->w * g->rows;
  int enough = slate_begin(s) >= (uint32_t)g->rows;
  ONE a->log_p[s->w] = 0;
  if (!enough) FOR(r, g->rows) item[r] = -1, a->item_score[(int64_t)s->w * g->rows + r] = -INFINITY;
  if (!enough) return;
  ONE *s->total = 0;
  SYNC();
  for (int t = 0; t < g->steps; t++) {
    int first = g->input_offsets[t];
    slate_run(s, first, g->input_offsets[t + 1] - first);
    for (int i = g->cell_offsets[t]; i < g->cell_offsets[t + 1]; i++) {
      slate_logits(s, i, first);
      slate_choose(s, i);
    }
  }
  FOR(r, g->rows) {
    uint32_t place = s->node[r * (g->width + 1) + g->width];
    item[r] = (int32_t)a->trie.item[place];
    a->item_score[(int64_t)s->w * g->rows + r] = s->score[place];
  }
  ONE a->log_p[s->w] = *s->total;
}

#endif
