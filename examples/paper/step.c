/* The operations on a net: load weights and batches, run a pass, update, read results. */
#include "examples/paper/net.h"
#include "kernels/formula.h"
#include "solid/extend.h"
#include <assert.h>
#include <stdlib.h>

#define ADAM_B1  0.9f
#define ADAM_B2  0.999f
#define ADAM_EPS 1e-8f

static solid_status finish(const sol_paper_net *net, solid_status status) {
  return status == SOLID_OK ? SOLID_OK : solid_fail(status, "%s", net->be->err);
}

solid_status sol_paper_net_put(sol_paper_net *net, const float *values) {
  const sk_backend_ops *ops = net->be->ops;
  solid_status status = ops->upload(net->be, net->values, values, net->tensors.total * sizeof(float));
  return finish(net, status == SOLID_OK ? ops->sync(net->be) : status);
}

solid_status sol_paper_net_get(sol_paper_net *net, float *values) {
  const sk_backend_ops *ops = net->be->ops;
  solid_status status = ops->download(net->be, values, net->values, net->tensors.total * sizeof(float));
  return finish(net, status == SOLID_OK ? ops->sync(net->be) : status);
}

void sol_paper_net_load(sol_paper_net *net, size_t slot, const int32_t *history, const int32_t *target,
                        size_t windows) {
  assert(slot < net->slots && windows <= net->max_windows);
  net->used[slot] = sol_paper_batch_pack(&net->batches[slot], &net->config, history, target, windows, net->candidates,
                                         net->category, net->host + slot * net->room, net->ready);
  assert(net->used[slot] <= net->room);
}

solid_status sol_paper_net_send(sol_paper_net *net, size_t count) {
  const sk_backend_ops *ops = net->be->ops;
  solid_status status = ops->upload(net->be, net->ints, net->host, count * net->room * sizeof(int32_t));
  return finish(net, status == SOLID_OK ? ops->sync(net->be) : status);
}

static solid_status make_ready(sol_paper_net *net, size_t slot) {
  const int32_t *from = net->ints + slot * net->room;
  net->batch = &net->batches[slot];
  return net->be->ops->copy(net->be, net->ready, from, net->used[slot] * sizeof *from);
}

/* The two branches, the encoder and the target; then the layers, and the codebook's loss beside them. */
static solid_status forward(sol_paper_net *net, int learn) {
  sol_run run = {net->be, SOLID_OK};
  const sol_paper_config *config = &net->config;
  const sol_paper_weights *w = &net->weights;
  int dual = config->head == SOL_PAPER_SOLID,
      asks = config->backbone == SOL_PAPER_DIN; /* the target asks the encoder */
  if (dual) {
    sol_paper_enter(net, &run, SOL_PAPER_SEMANTIC);
    sol_paper_semantic_branch(net, &run);
  }
  sol_paper_enter(net, &run, asks ? SOL_PAPER_MAIN : SOL_PAPER_TARGET);
  sol_paper_target(net, &run);
  sol_paper_enter(net, &run, SOL_PAPER_MAIN);
  sol_paper_sequence(net, &run, w->items, config->items, net->batch->item, w->positions, &w->sequence, &net->item);
  if (config->head != SOL_PAPER_BASE) {
    sol_paper_enter(net, &run, SOL_PAPER_ITEM);
    sol_paper_item_branch(net, &run);
    sol_paper_enter(net, &run, SOL_PAPER_MAIN);
  }
  sol_paper_encode(net, &run);
  sol_paper_join(net, &run);
  if (config->head != SOL_PAPER_BASE) sol_paper_generate(net, &run);
  if (dual && learn) {
    sol_paper_enter(net, &run, SOL_PAPER_TARGET);
    sol_paper_codebook_loss(net, &run);
  }
  sol_paper_join(net, &run);
  sol_paper_score(net, &run, learn);
  return run.status;
}

/* Backward: from the layers into each branch, the encoder and the target; then the item rows. */
static solid_status backward(sol_paper_net *net) {
  sol_run run = {net->be, SOLID_OK};
  const sol_paper_config *config = &net->config;
  int dual = config->head == SOL_PAPER_SOLID, asks = config->backbone == SOL_PAPER_DIN;
  int through = config->head == SOL_PAPER_DUET || (dual && config->form == SOL_PAPER_FIXED);
  sol_op_zero(&run, net->grads, net->tensors.total);
  sol_paper_score_backward(net, &run);
  if (config->head != SOL_PAPER_BASE) {
    sol_paper_enter(net, &run, SOL_PAPER_ITEM);
    sol_paper_generate_backward(net, &run, SOL_PAPER_ITEM);
    sol_paper_item_branch_backward(net, &run);
  }
  if (dual) {
    sol_paper_enter(net, &run, SOL_PAPER_SEMANTIC);
    sol_paper_generate_backward(net, &run, SOL_PAPER_SEMANTIC);
    sol_paper_semantic_branch_backward(net, &run);
  }
  if (!asks) {
    sol_paper_enter(net, &run, SOL_PAPER_TARGET);
    sol_paper_target_backward(net, &run);
  }
  sol_paper_enter(net, &run, SOL_PAPER_MAIN);
  sol_paper_encode_backward(net, &run);
  if (asks) sol_paper_target_backward(net, &run);
  sol_paper_join(net, &run);
  if (through) blend(&run, (int64_t)net->batch->rows * config->width, 1, net->dbranch, 1, net->item.dh);
  sol_paper_sequence_backward(net, &run, net->gradients.items, config->items, net->batch->item,
                              net->gradients.positions, &net->weights.sequence, &net->gradients.sequence, &net->item);
  return run.status;
}

solid_status sol_paper_net_forward(sol_paper_net *net, size_t slot, int learn) {
  solid_status status = make_ready(net, slot);
  return finish(net, status == SOLID_OK ? forward(net, learn) : status);
}

solid_status sol_paper_net_backward(sol_paper_net *net) {
  return finish(net, backward(net));
}

static solid_status both_passes(void *user) {
  sol_paper_net *net = user;
  solid_status status = forward(net, 1);
  return status == SOLID_OK ? backward(net) : status;
}

/* The place of the recording for the current batch's shape; NULL if there are too many. */
static sk_graph **graph_of(sol_paper_net *net) {
  const sol_paper_batch *b = net->batch;
  for (size_t i = 0; i < net->n_graphs; i++)
    if (net->graphs[i].windows == b->windows && net->graphs[i].rows == b->rows) return &net->graphs[i].graph;
  if (net->n_graphs == SOL_PAPER_MAX_GRAPHS) return NULL;
  sol_paper_graph *made = &net->graphs[net->n_graphs++];
  *made = (sol_paper_graph){b->windows, b->rows, NULL};
  return &made->graph;
}

solid_status sol_paper_net_gradients(sol_paper_net *net, size_t slot) {
  solid_status status = make_ready(net, slot);
  if (status != SOLID_OK) return finish(net, status);
  sk_graph **graph = graph_of(net);
  return finish(net, graph != NULL ? net->be->ops->replay(net->be, graph, both_passes, net) : both_passes(net));
}

solid_status sol_paper_net_update(sol_paper_net *net, float rate, int64_t number) {
  const sk_adamw_args a = {.n = (int64_t)net->tensors.trained,
                           .lr = rate,
                           .b1 = ADAM_B1,
                           .b2 = ADAM_B2,
                           .eps = ADAM_EPS,
                           .step = number,
                           .grad = net->grads,
                           .w = net->values,
                           .m = net->moment1,
                           .v = net->moment2};
  return finish(net, net->be->ops->adamw(net->be, &a));
}

solid_status sol_paper_net_scores(sol_paper_net *net, float *scores) {
  const sk_backend_ops *ops = net->be->ops;
  size_t windows = (size_t)net->batch->windows, candidates = net->candidates, pairs = windows * candidates;
  int turned = net->config.backbone == SOL_PAPER_DIN;
  float *by_candidate = turned ? malloc(pairs * sizeof *by_candidate) : scores;
  if (by_candidate == NULL) return solid_fail(SOLID_ENOMEM, "%zu scores", pairs);
  solid_status status = ops->download(net->be, by_candidate, net->score, pairs * sizeof *scores);
  if (status == SOLID_OK) status = ops->sync(net->be);
  if (turned) {
    for (size_t w = 0; w < windows && status == SOLID_OK; w++)
      for (size_t t = 0; t < candidates; t++) scores[w * candidates + t] = by_candidate[t * windows + w];
    free(by_candidate);
  }
  return finish(net, status);
}

solid_status sol_paper_net_take_losses(sol_paper_net *net, double *bce, double *codebook) {
  const sk_backend_ops *ops = net->be->ops;
  float sums[2] = {0, 0};
  solid_status status = ops->download(net->be, &sums[0], net->loss_sum, sizeof sums[0]);
  if (status == SOLID_OK) status = ops->download(net->be, &sums[1], net->codebook_sum, sizeof sums[1]);
  if (status == SOLID_OK) status = ops->zero(net->be, net->loss_sum, sizeof sums[0]);
  if (status == SOLID_OK) status = ops->zero(net->be, net->codebook_sum, sizeof sums[1]);
  if (status == SOLID_OK) status = ops->sync(net->be);
  if (status == SOLID_OK) *bce = (double)sums[0], *codebook = (double)sums[1];
  return finish(net, status);
}
