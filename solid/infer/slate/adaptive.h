/* ZipAR with an adaptive window (arXiv 2412.04062, version 3, equations 2 and 3), taken to its end, so that what comes
 * out is raster's: its distribution where codes are drawn, its slate where they are not.
 *
 *   A row begins when the row above has s codes, and trails it by s from then on. What it chooses is a draft, made from
 *   what stands before it in raster order so far. With every forward more of that is known, and the draft x, drawn from
 *   q, is tested again under p, the distribution as it is now (after guide, temperature and top_p):
 *     keep x with probability min(1, p(x) / q(x));   otherwise draw from max(0, p - q), scaled to 1
 *   so x is distributed as p if it was as q. A cell is settled when a forward has tested it that had all cells before
 *   it, settled, among its inputs; then p is raster's. The paper stops testing after the first draft that is kept, and
 *   is therefore not exact.
 *   When a draft is not kept, what was drafted behind it in its row goes, and of the rows below what they could not
 * have drafted yet; the rest waits for the next forward. Every forward settles one cell at least.
 *
 *   Forwards: C + (K - 1) s where every draft is kept, K C at most. A forward takes all inputs that are not settled, in
 *   raster order behind those that are, so that its attention is causal and nothing is read that is not there.
 *
 * One user at a time: users would wait for one another. */
#ifndef SOLID_INFER_SLATE_ADAPTIVE_H
#define SOLID_INFER_SLATE_ADAPTIVE_H

#include "solid/infer/slate/slate.h"
#include "solid/infer/slate/stepper.h"

typedef struct sol_adaptive {
  const sol_config *config;
  uint32_t columns, widest;
  uint32_t *have;             /* (K) drafts of a row */
  uint32_t *end;              /* (C + 1) how many a row that is not settled may have after this forward */
  uint32_t *node;             /* (K, C) of the trie */
  float *log_p;               /* (K, C) of the drafts, by the last test */
  float *share;               /* (C + 1, C, widest) q of the drafts that are not settled, by child */
  float *rest;                /* (widest) */
  sol_tail_input *input;      /* (sol_tail_most) of a forward, */
  const float **logits;       /* and what each says of the row's next code */
  uint32_t rows, row, inputs; /* of the slate; the first row that is not settled, and how many of its inputs are */
} sol_adaptive;

/* Points the members into `arena` for slates of as many rows as the config says, of a trie whose nodes have `widest`
 * children at most; measures where its base is NULL. */
void sol_adaptive_bind(sol_adaptive *a, const sol_config *config, uint32_t widest, sol_arena *arena);

/* Decodes a slate that has begun, of slate->walk.rows rows, window s >= 1: codes (rows, C), and how many forwards it
 * took. h, u (d) host. The slate ends with all rows at items and with its log_p. */
solid_status sol_adaptive_decode(sol_adaptive *a, sol_stepper *stepper, sol_slate *slate, const sol_choosing *how,
                                 uint32_t window, const float *h, const float *u, uint32_t *codes, int32_t *forwards);

#endif
