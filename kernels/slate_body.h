/* The body of slate, compiled three times: as C for one thread a user, and as CUDA for one block and for one cluster of
 * blocks a user. Where they differ stands in front of this file and in SK_SLATE_PRIMITIVES:
 *
 *   FN, BOTH              what a function of a user, and one of the host too, is declared with
 *   USER, WIDTH(s)        its type; the width d, which may be known to the compiler
 *   FOR(i, n)             i = 0 .. n - 1, each once, shared by the threads          ONE: by one of them alone
 *   SYNC()                what was written before is read after
 *   SHARE(words)          so also for what product, logits and give have written, which the blocks of a cluster share:
 *                         so many words since the last time
 *   RANK, RANKS           which of the blocks this is: each has all of `small`, and decodes some columns
 *   give, give_float      *to = x for all blocks of the cluster
 *   product, logits, normalize, attend, log_sum_exp, nth_places, best_choice: below; all but product and
 *                         logits end synchronised
 *   slate_begin           fills `large` and base; returns how many items are allowed */
#ifndef SK_SLATE_BODY_H
#define SK_SLATE_BODY_H

#include "kernels/slate_user.h"
#include <float.h>
#include <math.h>

/* What product does with the sum. */
typedef enum slate_end { SLATE_SET, SLATE_ADD, SLATE_GELU } slate_end;

/* Where rows of outputs go: output o of row r to y[r stride + o], from `split` on to rest[r rest_stride + o - split].
 */
typedef struct slate_rows {
  float *y;
  int stride, split;
  float *rest;
  int rest_stride;
} slate_rows;

BOTH slate_rows slate_whole(float *y, int stride) {
  slate_rows rows = {y, stride, INT32_MAX, 0, 0};
  return rows;
}

BOTH float *slate_at(slate_rows y, int r, int o) {
  return o < y.split ? y.y + (int64_t)r * y.stride + o : y.rest + (int64_t)r * y.rest_stride + o - y.split;
}

#include SK_SLATE_PRIMITIVES

/* ---- The blocks ---- */

FN void slate_inputs(const USER *s, int first, int slots) {
  const sk_slate_net *net = &s->a->net;
  const sk_slate_grid *g = s->g;
  int d = WIDTH(s);
  FOR(i, slots * d) {
    int slot = first + i / d, j = i % d, kind = g->input[2 * slot], index = g->input[2 * slot + 1], row = index;
    int column = g->width;
    float x = 0;
    if (kind == 0) continue;
    if (kind == 2) {
      row = index / g->width, column = index % g->width;
      int code = (int)s->code[index], last = net->column_codes[column] - 1;
      x = net->codes[(int64_t)(net->column_first[column] + (code < last ? code : last)) * d + j];
    }
    s->x[i] = x + net->rows[(int64_t)row * d + j] + net->columns[(int64_t)column * d + j];
  }
  if (first == 0) {
    product(s, 1, d, d, s->a->h + (int64_t)s->w * d, net->state_w, net->state_b, SLATE_SET, slate_whole(s->x, d));
    product(s, 1, d, d, s->a->u + (int64_t)s->w * d, net->user_w, net->user_b, SLATE_SET, slate_whole(s->x + d, d));
    SYNC();
    SHARE(2 * d);
  } else {
    SYNC();
  }
}

FN void slate_block_of(const USER *s, int b, int first, int slots) {
  const sk_slate_block *w = &s->a->net.block[b];
  int d = WIDTH(s);
  float *kv = s->kv + (int64_t)b * s->g->inputs * 2 * d;
  slate_rows qkv = {s->q, d, d, kv + (int64_t)first * 2 * d, 2 * d};
  normalize(s, slots, s->x, w->norm1_gamma, w->norm1_beta, s->normed);
  product(s, slots, d, 3 * d, s->normed, w->qkv_w, w->qkv_b, SLATE_SET, qkv);
  SHARE(slots * 3 * d);
  attend(s, first, slots, kv);
  product(s, slots, d, d, s->attended, w->out_w, w->out_b, SLATE_ADD, slate_whole(s->x, d));
  SHARE(slots * d);
  normalize(s, slots, s->x, w->norm2_gamma, w->norm2_beta, s->normed);
  product(s, slots, d, 4 * d, s->normed, w->up_w, w->up_b, SLATE_GELU, slate_whole(s->wide, 4 * d));
  SHARE(slots * 4 * d);
  product(s, slots, 4 * d, d, s->wide, w->down_w, w->down_b, SLATE_ADD, slate_whole(s->x, d));
  SHARE(slots * d);
}

FN void slate_run(const USER *s, int first, int slots) {
  const sk_slate_net *net = &s->a->net;
  slate_inputs(s, first, slots);
  for (int b = 0; b < net->blocks; b++) {
    slate_block_of(s, b, first, slots);
    int head = b - net->first_head;
    if (head >= 0)
      normalize(s, slots, s->x, net->norm_gamma[head], net->norm_beta[head],
                s->out + (int64_t)head * s->g->most_inputs * WIDTH(s));
  }
}

/* ---- Cells ---- */

/* Logits of the cells at places begin .. end - 1 of the grid's order, whose step begins at slot `first`. */
FN void slate_logits(const USER *s, int begin, int end, int first) {
  const sk_slate_grid *g = s->g;
  int d = WIDTH(s), in = s->a->net.out_heads * d, words = 0;
  FOR(i, (end - begin) * in) {
    int place = begin + i / in, head = i % in / d, from = g->source_offsets[place], to = g->source_offsets[place + 1];
    float y = 0;
    for (int r = from; r < to; r++)
      if (g->source[2 * r + 1] == head)
        y = s->out[((int64_t)head * g->most_inputs + g->source[2 * r] - first) * d + i % d] / (float)(to - from);
    s->y[i] = y;
  }
  SYNC();
  logits(s, begin, end);
  for (int i = begin; i < end; i++) words += s->a->net.column_codes[g->cell[i] % g->width];
  SHARE(words);
}

/* Fills held and log_p of n children from `child` on; -1 and -INFINITY where one is closed. */
FN void slate_open(const USER *s, const float *logit, int column, uint32_t child, int n) {
  const sk_slate_trie *trie = &s->a->trie;
  const sk_slate_grid *g = s->g;
  const uint32_t *begin = trie->begin[column + 1], *code = trie->code[column + 1];
  int last = s->a->net.column_codes[column] - 1;
  FOR(i, n) {
    uint32_t c = child + (uint32_t)i, held = 0;
    for (int r = 0; r < g->rows; r++) held += s->node[r * (g->width + 1) + column + 1] == c;
    int open = held < slate_count(s, begin[c + 1]) - slate_count(s, begin[c]);
    float x = logit[code[c] < (uint32_t)last ? code[c] : (uint32_t)last];
    s->held[i] = open ? (int32_t)held : -1;
    s->log_p[i] = open ? (x - x == 0 ? x : -FLT_MAX) : -INFINITY;
  }
  SYNC();
}

FN void slate_choose(const USER *s, int place, const float *logit) {
  const sk_slate_args *a = s->a;
  const sk_slate_grid *g = s->g;
  int cell = g->cell[place], row = cell / g->width, column = cell % g->width;
  uint32_t *node = s->node + row * (g->width + 1) + column;
  uint32_t child = a->trie.child[column][*node];
  int n = (int)(a->trie.child[column][*node + 1] - child);
  slate_open(s, logit, column, child, n);
  float norm = log_sum_exp(s->log_p, n);
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
  give(s, node + 1, child + (uint32_t)best);
  give(s, s->code + cell, a->trie.code[column + 1][child + (uint32_t)best]);
  give_float(s, s->log_p_of + place, s->log_p[best]);
}

/* ---- A slate ---- */

FN void slate_finish(const USER *s) {
  const sk_slate_args *a = s->a;
  const sk_slate_grid *g = s->g;
  FOR(r, g->rows) {
    uint32_t place = s->node[r * (g->width + 1) + g->width];
    a->item[(int64_t)s->w * g->rows + r] = (int32_t)a->trie.item[place];
    a->item_score[(int64_t)s->w * g->rows + r] = s->score[place];
  }
  ONE {
    float total = 0;
    for (int i = 0; i < g->rows * g->width; i++) total += s->log_p_of[i];
    a->log_p[s->w] = total;
  }
}

/* Too few items are left. */
FN void slate_give_up(const USER *s) {
  const sk_slate_args *a = s->a;
  FOR(r, a->grid.rows) {
    a->item[(int64_t)s->w * a->grid.rows + r] = -1;
    a->item_score[(int64_t)s->w * a->grid.rows + r] = -INFINITY;
  }
  ONE a->log_p[s->w] = 0;
}

FN void slate_decode(const USER *s) {
  const sk_slate_grid *g = s->g;
  FOR(i, g->rows * (g->width + 1)) s->node[i] = i % (g->width + 1) ? SK_SLATE_NOWHERE : 0;
  if (slate_begin(s) < (uint32_t)g->rows) {
    if (RANK == 0) slate_give_up(s);
    return;
  }
  for (int t = 0; t < g->steps; t++) {
    int first = g->input_offsets[t], begin = g->cell_offsets[t], end = g->cell_offsets[t + 1];
    slate_run(s, first, g->input_offsets[t + 1] - first);
    slate_logits(s, begin, end, first);
    int chosen = 0;
    for (int i = begin; i < end; i++) {
      if (g->cell[i] % g->width % RANKS != RANK) continue;
      if (chosen++) SYNC();
      slate_choose(s, i, s->logit + (int64_t)(i - begin) * s->codes);
    }
    SHARE(3 * (end - begin));
  }
  if (RANK == 0) slate_finish(s);
}

#endif
