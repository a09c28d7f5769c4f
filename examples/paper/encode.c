#include "examples/paper/net.h"
#include "kernels/formula.h"

void sol_paper_sequence(sol_paper_net *net, sol_run *run, const float *table, uint32_t rows, const int32_t *ids,
                        const float *positions, const sol_linear *w, const sol_paper_sequence_state *s) {
  int32_t n = net->batch->rows, d = (int32_t)net->config.width;
  gather(run, n, d, (int32_t)rows, table, ids, 0, s->e);
  if (positions != NULL) gather(run, n, d, (int32_t)net->config.window, positions, net->batch->position, 1, s->e);
  linear(run, n, d, d, s->e, *w, s->pre);
  activate(run, (int64_t)n * d, SK_TANH, s->pre, s->h);
}

void sol_paper_sequence_backward(sol_paper_net *net, sol_run *run, float *dtable, uint32_t rows, const int32_t *ids,
                                 float *dpositions, const sol_linear *w, const sol_linear *g,
                                 const sol_paper_sequence_state *s) {
  int32_t n = net->batch->rows, d = (int32_t)net->config.width;
  float *de = net->work[0];
  activate_backward(run, (int64_t)n * d, SK_TANH, s->pre, s->dh, s->dh);
  linear_backward(run, n, d, d, s->e, *w, *g, s->dh, 0, de);
  scatter(run, n, d, (int32_t)rows, de, ids, dtable);
  if (dpositions != NULL) scatter(run, n, d, (int32_t)net->config.window, de, net->batch->position, dpositions);
}

void sol_paper_gru_forward(sol_paper_net *net, sol_run *run, const sol_gru *w, const float *x,
                           const sol_paper_gru_state *s) {
  const sol_paper_batch *b = net->batch;
  int32_t d = (int32_t)net->config.width;
  linear(run, b->rows, d, 3 * d, x, w->in, s->gates);
  sol_op_gru(run, &(sk_gru_args){.windows = b->runs,
                                 .rows = b->rows,
                                 .max_window = (int32_t)net->config.window,
                                 .d = d,
                                 .offsets = b->run_offsets,
                                 .gx = s->gates,
                                 .w_hh = w->recurrent.w,
                                 .b_hh = w->recurrent.b,
                                 .out = s->h,
                                 .saved = s->saved});
  gather(run, b->windows, d, b->rows, s->h, b->newest, 0, s->last);
}

void sol_paper_gru_backward(sol_paper_net *net, sol_run *run, const sol_gru *w, const sol_gru *g, const float *x,
                            const sol_paper_gru_state *s, const float *dlast, float *dx) {
  const sol_paper_batch *b = net->batch;
  int32_t d = (int32_t)net->config.width;
  float *dh = net->work[0], *dgates = net->work[1];
  gather(run, b->rows, d, b->windows, dlast, b->place, 0, dh);
  sol_op_gru_backward(run, &(sk_gru_backward_args){.windows = b->runs,
                                                   .rows = b->rows,
                                                   .max_window = (int32_t)net->config.window,
                                                   .d = d,
                                                   .offsets = b->run_offsets,
                                                   .w_hh = w->recurrent.w,
                                                   .out = s->h,
                                                   .saved = s->saved,
                                                   .dout = dh,
                                                   .dgx = dgates,
                                                   .dw_hh = g->recurrent.w,
                                                   .db_hh = g->recurrent.b,
                                                   .scratch = net->work[2]});
  linear_backward(run, b->rows, d, 3 * d, x, w->in, g->in, dgates, 0, dx);
}

/* The parts of attention.in: rows 0 .. d-1 make queries, the others keys and values. */
static sol_linear query_part(const sol_linear *l) {
  return *l;
}
static sol_linear key_value_part(const sol_linear *l, int32_t d) {
  return (sol_linear){l->w + (size_t)d * (size_t)d, l->b + d};
}

/* Each of n windows asks one question of all of its rows. */
static sk_attend_pairs one_question(const sol_paper_net *net, int32_t n, int32_t rows, int32_t heads,
                                    const int32_t *offsets) {
  return (sk_attend_pairs){.windows = n,
                           .heads = heads,
                           .dh = (int32_t)net->config.width / heads,
                           .q_rows = n,
                           .kv_rows = rows,
                           .max_queries = 1,
                           .max_keys = (int32_t)net->config.window,
                           .q_offsets = net->batch->each,
                           .kv_offsets = offsets};
}

/* x = LN2(y + FFN(y)), y = LN1(h_m + attention(h_m; h)): only the newest row m of the layer is ever read, so only it
 * asks a question. */
static void sasrec(sol_paper_net *net, sol_run *run) {
  const sol_paper_batch *b = net->batch;
  const sol_paper_weights *w = &net->weights;
  const sol_paper_attention_state *a = &net->attention;
  int32_t n = b->windows, d = (int32_t)net->config.width, heads = (int32_t)net->config.heads;
  gather(run, n, d, b->rows, net->item.h, b->newest, 0, a->newest);
  linear(run, n, d, d, a->newest, query_part(&w->attention_in), a->q);
  linear(run, b->rows, d, 2 * d, net->item.h, key_value_part(&w->attention_in, d), a->kv);
  sol_op_attend(run, &(sk_attend_args){.pairs = one_question(net, n, b->rows, heads, b->offsets),
                                       .q = a->q,
                                       .k = a->kv,
                                       .v = a->kv + d,
                                       .q_stride = d,
                                       .kv_stride = 2 * d,
                                       .out = a->out,
                                       .lse = a->lse});
  linear(run, n, d, d, a->out, w->attention_out, a->sum1);
  add(run, (int64_t)n * d, a->newest, a->sum1);
  norm(run, n, d, a->sum1, w->norm1, a->mean1, a->rstd1, a->norm1);
  linear(run, n, d, 4 * d, a->norm1, w->ffn1, a->ffn_pre);
  activate(run, (int64_t)n * 4 * d, SK_RELU, a->ffn_pre, a->ffn);
  linear(run, n, 4 * d, d, a->ffn, w->ffn2, a->sum2);
  add(run, (int64_t)n * d, a->norm1, a->sum2);
  norm(run, n, d, a->sum2, w->norm2, a->mean2, a->rstd2, net->x);
}

static void sasrec_backward(sol_paper_net *net, sol_run *run) {
  const sol_paper_batch *b = net->batch;
  const sol_paper_weights *w = &net->weights, *g = &net->gradients;
  const sol_paper_attention_state *a = &net->attention;
  int32_t n = b->windows, d = (int32_t)net->config.width, heads = (int32_t)net->config.heads;
  float *dy = net->dx, *wide = net->work[0], *dout = net->work[0], *dq = net->work[1], *dkv = net->work[2];
  norm_backward(run, n, d, a->sum2, w->norm2, g->norm2, a->mean2, a->rstd2, dy, 0, dy);
  linear_backward(run, n, 4 * d, d, a->ffn, w->ffn2, g->ffn2, dy, 0, wide);
  activate_backward(run, (int64_t)n * 4 * d, SK_RELU, a->ffn_pre, wide, wide);
  linear_backward(run, n, d, 4 * d, a->norm1, w->ffn1, g->ffn1, wide, 1, dy);
  norm_backward(run, n, d, a->sum1, w->norm1, g->norm1, a->mean1, a->rstd1, dy, 0, dy);
  linear_backward(run, n, d, d, a->out, w->attention_out, g->attention_out, dy, 0, dout);
  sol_op_attend_backward(run, &(sk_attend_backward_args){.pairs = one_question(net, n, b->rows, heads, b->offsets),
                                                         .q = a->q,
                                                         .k = a->kv,
                                                         .v = a->kv + d,
                                                         .q_stride = d,
                                                         .kv_stride = 2 * d,
                                                         .out = a->out,
                                                         .lse = a->lse,
                                                         .dout = dout,
                                                         .dq = dq,
                                                         .dk = dkv,
                                                         .dv = dkv + d,
                                                         .dq_stride = d,
                                                         .dkv_stride = 2 * d});
  linear_backward(run, n, d, d, a->newest, query_part(&w->attention_in), query_part(&g->attention_in), dq, 1, dy);
  linear_backward(run, b->rows, d, 2 * d, net->item.h, key_value_part(&w->attention_in, d),
                  key_value_part(&g->attention_in, d), dkv, 0, net->item.dh);
  gather(run, b->rows, d, n, dy, b->place, 1, net->item.dh);
}

/* x_p = [u_p, attention(u_p; h of its window)]: every candidate asks, so that keys are spread over the candidates. */
static void din(sol_paper_net *net, sol_run *run) {
  const sol_paper_batch *b = net->batch;
  const sol_paper_weights *w = &net->weights;
  const sol_paper_attention_state *a = &net->attention;
  int32_t n = b->pairs, d = (int32_t)net->config.width;
  float *v = a->kv + (size_t)b->rows * (size_t)d, *spread_v = a->spread + (size_t)b->spread_rows * (size_t)d;
  linear(run, n, d, d, net->u, w->query, a->q);
  linear(run, b->rows, d, d, net->item.h, w->key, a->kv);
  linear(run, b->rows, d, d, net->item.h, w->value, v);
  gather(run, b->spread_rows, d, b->rows, a->kv, b->spread, 0, a->spread);
  gather(run, b->spread_rows, d, b->rows, v, b->spread, 0, spread_v);
  sol_op_attend(run, &(sk_attend_args){.pairs = one_question(net, n, b->spread_rows, 1, b->spread_offsets),
                                       .q = a->q,
                                       .k = a->spread,
                                       .v = spread_v,
                                       .q_stride = d,
                                       .kv_stride = d,
                                       .out = a->out,
                                       .lse = a->lse});
  gather(run, 2 * n, d, n, net->u, b->left, 0, net->x);
  gather(run, 2 * n, d, n, a->out, b->right, 1, net->x);
}

static void din_backward(sol_paper_net *net, sol_run *run) {
  const sol_paper_batch *b = net->batch;
  const sol_paper_weights *w = &net->weights, *g = &net->gradients;
  const sol_paper_attention_state *a = &net->attention;
  int32_t n = b->pairs, d = (int32_t)net->config.width;
  size_t floats = (size_t)b->rows * (size_t)d, spread = (size_t)b->spread_rows * (size_t)d;
  float *dout = net->work[0], *dq = net->work[1], *dspread = net->work[2], *dkv = net->work[0];
  gather(run, n, d, 2 * n, net->dx, b->even, 0, net->du);
  gather(run, n, d, 2 * n, net->dx, b->odd, 0, dout);
  sol_op_attend_backward(run,
                         &(sk_attend_backward_args){.pairs = one_question(net, n, b->spread_rows, 1, b->spread_offsets),
                                                    .q = a->q,
                                                    .k = a->spread,
                                                    .v = a->spread + spread,
                                                    .q_stride = d,
                                                    .kv_stride = d,
                                                    .out = a->out,
                                                    .lse = a->lse,
                                                    .dout = dout,
                                                    .dq = dq,
                                                    .dk = dspread,
                                                    .dv = dspread + spread,
                                                    .dq_stride = d,
                                                    .dkv_stride = d});
  linear_backward(run, n, d, d, net->u, w->query, g->query, dq, 1, net->du);
  sol_op_zero(run, dkv, 2 * floats);
  scatter(run, b->spread_rows, d, b->rows, dspread, b->spread, dkv);
  scatter(run, b->spread_rows, d, b->rows, dspread + spread, b->spread, dkv + floats);
  linear_backward(run, b->rows, d, d, net->item.h, w->key, g->key, dkv, 0, net->item.dh);
  linear_backward(run, b->rows, d, d, net->item.h, w->value, g->value, dkv + floats, 1, net->item.dh);
}

/* u = linear2(tanh(linear1(E[y]))); din stops at the tanh. */
void sol_paper_target(sol_paper_net *net, sol_run *run) {
  const sol_paper_weights *w = &net->weights;
  int32_t n = net->batch->pairs, d = (int32_t)net->config.width, two = net->config.backbone != SOL_PAPER_DIN;
  gather(run, n, d, (int32_t)net->config.items, w->items, net->batch->target, 0, net->candidate);
  linear(run, n, d, d, net->candidate, w->target1, net->target_pre);
  activate(run, (int64_t)n * d, SK_TANH, net->target_pre, two ? net->target_hidden : net->u);
  if (two) linear(run, n, d, d, net->target_hidden, w->target2, net->u);
}

void sol_paper_target_backward(sol_paper_net *net, sol_run *run) {
  const sol_paper_weights *w = &net->weights, *g = &net->gradients;
  int32_t n = net->batch->pairs, d = (int32_t)net->config.width;
  float *dhidden = net->du, *dcandidate = net->work[1];
  if (net->config.backbone != SOL_PAPER_DIN) {
    dhidden = net->work[0];
    linear_backward(run, n, d, d, net->target_hidden, w->target2, g->target2, net->du, 0, dhidden);
  }
  activate_backward(run, (int64_t)n * d, SK_TANH, net->target_pre, dhidden, dhidden);
  linear_backward(run, n, d, d, net->candidate, w->target1, g->target1, dhidden, 0, dcandidate);
  scatter(run, n, d, (int32_t)net->config.items, dcandidate, net->batch->target, g->items);
}

void sol_paper_encode(sol_paper_net *net, sol_run *run) {
  switch (net->config.backbone) {
  case SOL_PAPER_SASREC:
    sasrec(net, run);
    break;
  case SOL_PAPER_DIN:
    din(net, run);
    break;
  case SOL_PAPER_GRU4REC:
    sol_paper_gru_forward(net, run, &net->weights.encoder, net->item.h, &net->encoder);
    sol_op_copy(run, net->x, net->encoder.last, (size_t)net->batch->windows * net->config.width);
    break;
  }
}

/* Leaves the gradient of the item rows in net->item.dh. */
void sol_paper_encode_backward(sol_paper_net *net, sol_run *run) {
  switch (net->config.backbone) {
  case SOL_PAPER_SASREC:
    sasrec_backward(net, run);
    break;
  case SOL_PAPER_DIN:
    din_backward(net, run);
    break;
  case SOL_PAPER_GRU4REC:
    sol_paper_gru_backward(net, run, &net->weights.encoder, &net->gradients.encoder, net->item.h, &net->encoder,
                           net->dx, net->item.dh);
    break;
  }
}
