#include "examples/paper/net.h"
#include "kernels/formula.h"

#define SLOPE 0.1f /* of the decoder's leaky rectifier */

/* z = linear2(tanh(linear1(GRU(x) at the newest row))) */
static void branch(sol_paper_net *net, sol_run *run, const sol_paper_branch *w, const float *x,
                   const sol_paper_branch_state *s) {
  int32_t n = net->batch->windows, d = (int32_t)net->config.width;
  sol_paper_gru_forward(net, run, &w->gru, x, &s->gru);
  linear(run, n, d, d, s->gru.last, w->mlp1, s->pre);
  activate(run, (int64_t)n * d, SK_TANH, s->pre, s->hidden);
  linear(run, n, d, d, s->hidden, w->mlp2, s->z);
}

static void branch_backward(sol_paper_net *net, sol_run *run, const sol_paper_branch *w, const sol_paper_branch *g,
                            const float *x, const sol_paper_branch_state *s, float *dx) {
  int32_t n = net->batch->windows, d = (int32_t)net->config.width;
  float *dhidden = net->work[0], *dlast = net->work[1];
  linear_backward(run, n, d, d, s->hidden, w->mlp2, g->mlp2, s->dz, 0, dhidden);
  activate_backward(run, (int64_t)n * d, SK_TANH, s->pre, dhidden, dhidden);
  linear_backward(run, n, d, d, s->gru.last, w->mlp1, g->mlp1, dhidden, 0, dlast);
  sol_paper_gru_backward(net, run, &w->gru, &g->gru, x, &s->gru, dlast, dx);
}

/* y = 0.1 x + 0.9 max(x, 0) */
static void leaky(sol_run *run, int64_t n, const float *x, float *y) {
  activate(run, n, SK_RELU, x, y);
  blend(run, n, SLOPE, x, 1 - SLOPE, y);
}

/* The rows of the codebook that a history may meet. */
static const float *real_codes(const sol_paper_net *net, int32_t *count) {
  int fixed = net->config.form == SOL_PAPER_FIXED;
  *count = (int32_t)(fixed ? net->config.clusters : net->config.semantics);
  return net->weights.codebook + (fixed ? net->config.width : 0);
}

/* Q = the code nearest to each item row, and the decoder over it. */
static void quantize(sol_paper_net *net, sol_run *run) {
  const sol_paper_weights *w = &net->weights;
  int32_t n = net->batch->rows, d = (int32_t)net->config.width, count;
  const float *codes = real_codes(net, &count);
  sol_op_quantize(
      run, &(sk_quantize_args){
               .n = n, .d = d, .levels = 1, .k = count, .x = net->item.h, .centroids = codes, .codes = net->code});
  gather(run, n, d, count, codes, net->code, 0, net->quantized);
  linear(run, n, d, 2 * d, net->quantized, w->decoder1, net->decoder_pre);
  leaky(run, (int64_t)n * 2 * d, net->decoder_pre, net->decoder_hidden);
  linear(run, n, 2 * d, d, net->decoder_hidden, w->decoder2, net->decoded);
}

void sol_paper_item_branch(sol_paper_net *net, sol_run *run) {
  int solid = net->config.head == SOL_PAPER_SOLID;
  if (solid) quantize(net, run);
  branch(net, run, &net->weights.item, solid ? net->decoded : net->item.h, &net->item_branch);
}

void sol_paper_semantic_branch(sol_paper_net *net, sol_run *run) {
  const sol_paper_weights *w = &net->weights;
  sol_paper_sequence(net, run, w->semantics, net->config.semantics, net->batch->semantic, w->semantic_positions,
                     &w->semantic_sequence, &net->semantic);
  branch(net, run, &w->semantic, net->semantic.h, &net->semantic_branch);
}

/* Of the rows of both: after both branches. */
void sol_paper_codebook_loss(sol_paper_net *net, sol_run *run) {
  int64_t floats = (int64_t)net->batch->rows * net->config.width;
  sol_op_copy(run, net->difference, net->semantic.h, (size_t)floats);
  blend(run, floats, -1, net->quantized, 1, net->difference);
  sol_op_reduce(
      run, &(sk_reduce_args){
               .n = floats, .kind = SK_SUM_SQUARES, .x = net->difference, .accumulate = 1, .out = net->codebook_sum});
}

/* From the item branch's input back through the decoder, and with a straight-through code to the item rows. */
static void decoder_backward(sol_paper_net *net, sol_run *run, const float *ddecoded) {
  const sol_paper_weights *w = &net->weights, *g = &net->gradients;
  int32_t n = net->batch->rows, d = (int32_t)net->config.width;
  int64_t wide = (int64_t)n * 2 * d;
  float *dhidden = net->work[1], *dpre = net->work[2];
  linear_backward(run, n, 2 * d, d, net->decoder_hidden, w->decoder2, g->decoder2, ddecoded, 0, dhidden);
  activate_backward(run, wide, SK_RELU, net->decoder_pre, dhidden, dpre);
  blend(run, wide, SLOPE, dhidden, 1 - SLOPE, dpre);
  linear_backward(run, n, d, 2 * d, net->quantized, w->decoder1, g->decoder1, dpre, 0,
                  net->config.form == SOL_PAPER_FIXED ? net->dbranch : NULL);
}

/* Leaves what reaches the item rows in net->dbranch. */
void sol_paper_item_branch_backward(sol_paper_net *net, sol_run *run) {
  const sol_paper_weights *w = &net->weights, *g = &net->gradients;
  float *ddecoded = net->work[0];
  if (net->config.head == SOL_PAPER_DUET) {
    branch_backward(net, run, &w->item, &g->item, net->item.h, &net->item_branch, net->dbranch);
    return;
  }
  branch_backward(net, run, &w->item, &g->item, net->decoded, &net->item_branch, ddecoded);
  decoder_backward(net, run, ddecoded);
}

void sol_paper_semantic_branch_backward(sol_paper_net *net, sol_run *run) {
  const sol_paper_weights *w = &net->weights, *g = &net->gradients;
  int64_t floats = (int64_t)net->batch->rows * net->config.width;
  branch_backward(net, run, &w->semantic, &g->semantic, net->semantic.h, &net->semantic_branch, net->semantic.dh);
  blend(run, floats, 2 * net->config.weight / (float)floats, net->difference, 1, net->semantic.dh);
  sol_paper_sequence_backward(net, run, g->semantics, net->config.semantics, net->batch->semantic,
                              g->semantic_positions, &w->semantic_sequence, &g->semantic_sequence, &net->semantic);
}
