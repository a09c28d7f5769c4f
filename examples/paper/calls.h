/* The operations that paper models are made of, with the arguments in the order of their formulas. */
#ifndef EXAMPLES_PAPER_CALLS_H
#define EXAMPLES_PAPER_CALLS_H

#include "examples/paper/weights.h"
#include "kernels/ops.h"

/* y = x w^T + b */
static inline void linear(sol_run *run, int32_t n, int32_t in, int32_t out, const float *x, sol_paper_linear l,
                          float *y) {
  sol_op_linear(run, &(sk_linear_args){.n = n, .in = in, .out = out, .x = x, .w = l.w, .b = l.b, .y = y});
}

/* dx = (or +=) dy w, and the gradients of w and b; dx may be NULL */
static inline void linear_backward(sol_run *run, int32_t n, int32_t in, int32_t out, const float *x, sol_paper_linear l,
                                   sol_paper_linear g, const float *dy, int accumulate, float *dx) {
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

static inline void activate(sol_run *run, int64_t n, sk_activation f, const float *x, float *y) {
  sol_op_activate(run, &(sk_activate_args){.n = n, .f = f, .x = x, .y = y});
}

/* dx = dy f'(x) */
static inline void activate_backward(sol_run *run, int64_t n, sk_activation f, const float *x, const float *dy,
                                     float *dx) {
  sol_op_activate_backward(run, &(sk_activate_backward_args){.n = n, .f = f, .x = x, .dy = dy, .dx = dx});
}

/* y = a x + b y */
static inline void blend(sol_run *run, int64_t n, float a, const float *x, float b, float *y) {
  sol_op_blend(run, &(sk_blend_args){.n = n, .a = a, .b = b, .x = x, .y = y});
}

#endif
