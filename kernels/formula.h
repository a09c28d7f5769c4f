/* The operations that models are made of, with their arguments in the order of their formulas. Only files that read
 * like the model include this header, so the names have no prefix. */
#ifndef KERNELS_FORMULA_H
#define KERNELS_FORMULA_H

#include "kernels/layers.h"
#include "kernels/ops.h"

#define SOL_NORM_EPS 1e-5f

/* y = x w^T + b */
static inline void linear(sol_run *run, int32_t n, int32_t in, int32_t out, const float *x, sol_linear l, float *y) {
  sol_op_linear(run, &(sk_linear_args){.n = n, .in = in, .out = out, .x = x, .w = l.w, .b = l.b, .y = y});
}

/* y += x w^T + b */
static inline void linear_add(sol_run *run, int32_t n, int32_t in, int32_t out, const float *x, sol_linear l,
                              float *y) {
  sol_op_linear(run,
                &(sk_linear_args){.n = n, .in = in, .out = out, .x = x, .w = l.w, .b = l.b, .accumulate = 1, .y = y});
}

/* dx = (or +=) dy w, and the gradients of w and b; dx may be NULL */
static inline void linear_backward(sol_run *run, int32_t n, int32_t in, int32_t out, const float *x, sol_linear l,
                                   sol_linear g, const float *dy, int accumulate, float *dx) {
  sol_op_linear_backward(run, &(sk_linear_backward_args){.n = n,
                                                         .in = in,
                                                         .out = out,
                                                         .x = x,
                                                         .w = l.w,
                                                         .dy = dy,
                                                         .accumulate_dx = accumulate,
                                                         .dx = dx,
                                                         .dw = g.w,
                                                         .db = g.b});
}

/* y = (x - mean) rstd gamma + beta; mean and rstd (n) are kept, or both NULL */
static inline void norm(sol_run *run, int32_t n, int32_t d, const float *x, sol_norm l, float *mean, float *rstd,
                        float *y) {
  sol_op_layer_norm(run, &(sk_layer_norm_args){.n = n,
                                               .d = d,
                                               .x = x,
                                               .gamma = l.gamma,
                                               .beta = l.beta,
                                               .eps = SOL_NORM_EPS,
                                               .y = y,
                                               .mean = mean,
                                               .rstd = rstd});
}

/* dx = (or +=) the gradient of x; dx = may be dy */
static inline void norm_backward(sol_run *run, int32_t n, int32_t d, const float *x, sol_norm l, sol_norm g,
                                 const float *mean, const float *rstd, const float *dy, int accumulate, float *dx) {
  sol_op_layer_norm_backward(run, &(sk_layer_norm_backward_args){.n = n,
                                                                 .d = d,
                                                                 .x = x,
                                                                 .gamma = l.gamma,
                                                                 .mean = mean,
                                                                 .rstd = rstd,
                                                                 .dy = dy,
                                                                 .accumulate_dx = accumulate,
                                                                 .dx = dx,
                                                                 .dgamma = g.gamma,
                                                                 .dbeta = g.beta});
}

/* out_i = (or +=) table[index_i], zero where the index is negative */
static inline void gather(sol_run *run, int32_t n, int32_t d, int32_t rows, const float *table, const int32_t *index,
                          int accumulate, float *out) {
  sol_op_embed(run, &(sk_embed_args){.n = n,
                                     .d = d,
                                     .rows = rows,
                                     .table = table,
                                     .index = index,
                                     .scale = 1,
                                     .accumulate = accumulate,
                                     .out = out});
}

/* dtable[index_i] += dout_i */
static inline void scatter(sol_run *run, int32_t n, int32_t d, int32_t rows, const float *dout, const int32_t *index,
                           float *dtable) {
  sol_op_embed_backward(run,
                        &(sk_embed_backward_args){
                            .n = n, .d = d, .rows = rows, .dout = dout, .index = index, .scale = 1, .dtable = dtable});
}

/* y = f(x) */
static inline void activate(sol_run *run, int64_t n, sk_activation f, const float *x, float *y) {
  sol_op_activate(run, &(sk_activate_args){.n = n, .f = f, .x = x, .y = y});
}

/* dx = dy f'(x) */
static inline void activate_backward(sol_run *run, int64_t n, sk_activation f, const float *x, const float *dy,
                                     float *dx) {
  sol_op_activate_backward(run, &(sk_activate_backward_args){.n = n, .f = f, .x = x, .dy = dy, .dx = dx});
}

/* y = drop(x), whose stream begins at element `first`; also its own backward pass */
static inline void dropout(sol_run *run, int64_t n, float p, uint64_t seed, int64_t first, const float *x, float *y) {
  if (p == 0.0f && x == y) return;
  sol_op_dropout(run, &(sk_dropout_args){.n = n, .p = p, .seed = seed, .first = first, .x = x, .y = y});
}

/* y = a x + b y */
static inline void blend(sol_run *run, int64_t n, float a, const float *x, float b, float *y) {
  sol_op_blend(run, &(sk_blend_args){.n = n, .a = a, .b = b, .x = x, .y = y});
}

/* y += x */
static inline void add(sol_run *run, int64_t n, const float *x, float *y) {
  blend(run, n, 1, x, 1, y);
}

/* A generated layer: w = clip(gi zi + bi) + (gs zs + bs), m = in * out + out floats a row; a branch whose z is NULL is
 * absent. */
typedef struct sol_dual {
  const float *zi, *zs; /* (n, d) */
  sol_linear item, semantic;
  float clip;
} sol_dual;

static inline sk_generate_args sol_generate_args(int32_t n, int32_t d, int32_t m, sol_dual l, int64_t stride) {
  return (sk_generate_args){.n = n,
                            .d = d,
                            .m = m,
                            .zi = l.zi,
                            .gi = l.item.w,
                            .bi = l.item.b,
                            .zs = l.zs,
                            .gs = l.semantic.w,
                            .bs = l.semantic.b,
                            .clip = l.clip,
                            .stride = stride};
}

/* w (n, m), and the item branch before its clip in `saved` (n, m), which may be NULL */
static inline void generate(sol_run *run, int32_t n, int32_t d, int32_t m, sol_dual l, float *w, int64_t stride,
                            float *saved) {
  sk_generate_args a = sol_generate_args(n, d, m, l, stride);
  a.w = w, a.wi_saved = saved;
  sol_op_generate(run, &a);
}

/* The same as binary16. */
static inline void generate_halves(sol_run *run, int32_t n, int32_t d, int32_t m, sol_dual l, uint16_t *half,
                                   int64_t stride) {
  sk_generate_args a = sol_generate_args(n, d, m, l, stride);
  a.half = half;
  sol_op_generate(run, &a);
}

/* y = f(x W + b), row r under its own w, w[index_r] where there is an index */
static inline void apply(sol_run *run, int32_t n, int32_t in, int32_t out, sk_activation f, const float *x,
                         const float *w, int64_t stride, const int32_t *index, float *y) {
  sol_op_apply(
      run,
      &(sk_apply_args){.n = n, .in = in, .out = out, .f = f, .x = x, .w = w, .stride = stride, .index = index, .y = y});
}

/* y = f(x W + b) under layers that are generated and not kept */
static inline void generate_apply(sol_run *run, int32_t n, int32_t d, int32_t in, int32_t out, sk_activation f,
                                  sol_dual l, const float *x, float *y) {
  sol_op_generate_apply(run, &(sk_generate_apply_args){.n = n,
                                                       .d = d,
                                                       .in = in,
                                                       .out = out,
                                                       .zi = l.zi,
                                                       .gi = l.item.w,
                                                       .bi = l.item.b,
                                                       .zs = l.zs,
                                                       .gs = l.semantic.w,
                                                       .bs = l.semantic.b,
                                                       .clip = l.clip,
                                                       .f = f,
                                                       .x = x,
                                                       .y = y});
}

/* From dw (n, m): += gradients of the layer's weights, and dz = (or +=) of both branches. `saved` as generate left it,
 * dwi (n, m) scratch, which may be dw. */
static inline void generate_backward(sol_run *run, int32_t n, int32_t d, int32_t m, sol_dual l, sol_linear ditem,
                                     sol_linear dsemantic, const float *dw, const float *saved, float *dwi,
                                     int accumulate, float *dzi, float *dzs) {
  sol_op_generate_backward(run, &(sk_generate_backward_args){.n = n,
                                                             .d = d,
                                                             .m = m,
                                                             .zi = l.zi,
                                                             .gi = l.item.w,
                                                             .zs = l.zs,
                                                             .gs = l.semantic.w,
                                                             .clip = l.clip,
                                                             .dw = dw,
                                                             .wi_saved = saved,
                                                             .accumulate_dz = accumulate,
                                                             .dwi = dwi,
                                                             .dzi = dzi,
                                                             .dgi = ditem.w,
                                                             .dbi = ditem.b,
                                                             .dzs = dzs,
                                                             .dgs = dsemantic.w,
                                                             .dbs = dsemantic.b});
}

/* dx = (or +=) the gradient of x, dw (n, in * out + out) = that of each row's matrix */
static inline void apply_backward(sol_run *run, int32_t n, int32_t in, int32_t out, sk_activation f, const float *x,
                                  const float *w, int64_t stride, const float *y, const float *dy, int accumulate,
                                  float *dx, float *dw) {
  sol_op_apply_backward(run, &(sk_apply_backward_args){.n = n,
                                                       .in = in,
                                                       .out = out,
                                                       .f = f,
                                                       .x = x,
                                                       .w = w,
                                                       .stride = stride,
                                                       .y = y,
                                                       .dy = dy,
                                                       .accumulate_dx = accumulate,
                                                       .dx = dx,
                                                       .dw = dw});
}

#endif
