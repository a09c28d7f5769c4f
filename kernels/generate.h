/* generate: the dual-parameter generator's linear maps for one layer (SOLID 1.5: W = clip(Wv, -t, +t) + Wc, biases
 * likewise):
 *
 *   wi = zi gi^T + bi      item branch      zi (n, d)  gi (m, d)  bi (m)
 *   ws = zs gs^T + bs      semantic branch  zs (n, d)  gs (m, d)  bs (m)
 *   w  = clip(wi, -clip, +clip) + ws        out row i starts at w + i * stride; m = in * out + out floats
 *
 *   A branch whose z is NULL is absent. clip = INFINITY: no clip. wi_saved (n, m), may be NULL: wi before the clip, for
 *   the backward pass. NaN propagates (the clip keeps it).
 *
 *   half, NULL as a rule: w goes there instead, as IEEE binary16, to the nearest, with 65504 for what is beyond; stride
 *   counts its elements, and wi_saved is NULL.
 *
 * generate_backward (dw (n, m) dense; wi_saved from the forward pass; dwi (n, m) scratch, may be dw; with an infinite
 * clip neither is touched, and both may be NULL):
 *   dwi = dw * [|wi| <= clip]
 *   dgi += dwi^T zi   dbi += sum dwi   dzi (=, or += when accumulate_dz) dwi gi;     the semantic branch with dw itself
 */
#ifndef SK_GENERATE_H
#define SK_GENERATE_H

#include "kernels/linear.h"
#include "kernels/scratch.h"
#include <stdint.h>

typedef struct sk_generate_args {
  int32_t n, d, m;
  const float *zi, *gi, *bi, *zs, *gs, *bs;
  float clip;
  int64_t stride;
  float *w, *wi_saved;
  uint16_t *half;
} sk_generate_args;

typedef struct sk_generate_backward_args {
  int32_t n, d, m;
  const float *zi, *gi, *zs, *gs;
  float clip;
  const float *dw, *wi_saved;
  int32_t accumulate_dz;
  float *dwi, *dzi, *dgi, *dbi, *dzs, *dgs, *dbs;
} sk_generate_backward_args;

/* ---- Scratch of CUDA ---- */

/* Up to this width g is packed for tensor cores, in the product's own order and split in two halves; wider ones are
 * made by plain products, whose results exist in full. */
enum { SK_PACKED_MAX_D = 64, SK_PACKED_COLUMNS = 32 };

/* Bytes of SK_PACKED_COLUMNS columns of both branches, biases and scales included. */
#define SK_PACKED_SIZE(d) ((d) <= 32 ? 256 * 32 + 384 : 256 * 64 + 384)

static inline uint64_t sk_packed_bytes(int32_t d, int32_t m) {
  return sk_pieces((uint64_t)m, SK_PACKED_COLUMNS) * SK_PACKED_SIZE(d);
}

/* Of n rows of m floats. */
static inline uint64_t sk_generate_bytes(int32_t n, int32_t d, int32_t m) {
  return d <= SK_PACKED_MAX_D ? sk_packed_bytes(d, m) : 2 * (uint64_t)n * (uint64_t)m * sizeof(float);
}

static inline uint64_t sk_generate_scratch(const sk_generate_args *a) {
  return sk_generate_bytes(a->n, a->d, a->m);
}

enum { SK_GATE_ROWS = 64, SK_NARROW_SHARES = 1 << 22 /* most floats of all chunks' dz */ };

/* Chunks of columns that one block can hold of a branch, where its inputs are narrow. */
static inline uint64_t sk_generate_chunks(int32_t d, int32_t m) {
  uint64_t most = SK_NARROW_PRODUCT / sk_whole((uint64_t)d, 4) / 4 * 4;
  return sk_pieces((uint64_t)m, sk_least(most, SK_NARROW_WIDEST));
}

static inline int sk_generate_is_narrow(int32_t n, int32_t d, int32_t m) {
  return n > 1 && d > 0 && d <= SK_NARROW_WIDEST &&
         sk_generate_chunks(d, m) * (uint64_t)n * (uint64_t)d <= SK_NARROW_SHARES;
}

/* One branch of few windows, as it is cut: columns of a chunk, chunks, rows of a block, blocks of rows. */
typedef struct sk_generate_cut {
  uint64_t chunk, chunks, rows, blocks;
} sk_generate_cut;

static inline sk_generate_cut sk_generate_cut_of(int32_t n, int32_t d, int32_t m) {
  sk_generate_cut cut;
  uint64_t wanted = sk_generate_chunks(d, m);
  cut.chunk = sk_whole(sk_pieces((uint64_t)m, wanted), 4);
  cut.chunks = sk_pieces((uint64_t)m, cut.chunk);
  cut.rows = sk_narrow_rows((uint64_t)n, wanted);
  cut.blocks = sk_pieces((uint64_t)n, cut.rows);
  return cut;
}

/* Sums over blocks of rows, or, where the windows are few, all shares of a branch's gradients: dz, then dg and db. */
static inline uint64_t sk_generate_backward_scratch(const sk_generate_backward_args *a) {
  uint64_t n = (uint64_t)a->n, d = (uint64_t)a->d, m = (uint64_t)a->m, floats = sk_pieces(n, SK_GATE_ROWS) * 2 * m;
  if (m > 0 && sk_generate_is_narrow(a->n, a->d, a->m)) {
    const sk_generate_cut cut = sk_generate_cut_of(a->n, a->d, a->m);
    floats = sk_most(floats, cut.chunks * n * d + cut.blocks * m * (d + 1));
  }
  return floats * sizeof(float);
}

#endif
