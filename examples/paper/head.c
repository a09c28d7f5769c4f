#include "examples/paper/net.h"
#include "kernels/formula.h"
#include <math.h>

/* One layer of the head. A run of `n` rows meets n generated matrices; din has as many runs as candidates. */
typedef struct layer {
  uint32_t number;
  int32_t in, out, m, n, runs;
  sk_activation f;
} layer;

static layer layer_of(const sol_paper_net *net, uint32_t number) {
  layer l = {.number = number, .n = net->batch->windows};
  sol_paper_layer_sides(&net->config, number, &l.in, &l.out);
  l.m = l.in * l.out + l.out;
  l.runs = net->config.backbone == SOL_PAPER_DIN ? net->batch->candidates : 1;
  l.f = number + 1 < sol_paper_layer_count(&net->config) ? SK_TANH : SK_IDENTITY;
  return l;
}

static void static_layer(sol_paper_net *net, sol_run *run, const layer *l, const float *x) {
  int32_t n = l->n * l->runs;
  linear(run, n, l->in, l->out, x, net->weights.layer[l->number], net->layer_pre[l->number]);
  activate(run, (int64_t)n * l->out, l->f, net->layer_pre[l->number], net->layer[l->number]);
}

/* Each layer in a lane: they do not depend on one another. */
void sol_paper_generate(sol_paper_net *net, sol_run *run) {
  const sol_paper_weights *w = &net->weights;
  int solid = net->config.head == SOL_PAPER_SOLID;
  for (uint32_t i = 0; i < sol_paper_layer_count(&net->config); i++) {
    layer l = layer_of(net, i);
    sol_paper_enter(net, run, i % SOL_PAPER_LANES);
    sol_dual maps = {.zi = net->item_branch.z,
                     .zs = solid ? net->semantic_branch.z : NULL,
                     .item = w->item.generator[i],
                     .semantic = w->semantic.generator[i],
                     .clip = solid ? net->config.clip : INFINITY};
    generate(run, l.n, (int32_t)net->config.width, l.m, maps, net->generated[i], l.m, net->item_part[i]);
  }
}

static void generated_layer(sol_paper_net *net, sol_run *run, const layer *l, const float *x) {
  for (int32_t r = 0; r < l->runs; r++) {
    size_t row = (size_t)r * (size_t)l->n;
    apply(run, l->n, l->in, l->out, l->f, x + row * (size_t)l->in, net->generated[l->number], l->m, NULL,
          net->layer[l->number] + row * (size_t)l->out);
  }
}

static void score(sol_paper_net *net, sol_run *run, const float *x, int learn) {
  const sol_paper_batch *b = net->batch;
  int din = net->config.backbone == SOL_PAPER_DIN; /* its last layer is the score: one number times one */
  sk_bce_args a = {.n = din ? b->pairs : b->windows,
                   .t = din ? 1 : b->candidates,
                   .d = din ? 1 : (int32_t)net->config.width,
                   .x = x,
                   .u = din ? net->ones : net->u,
                   .weight = 1.0f / (float)b->pairs,
                   .score = net->score};
  if (learn) a.label = b->label, a.loss = net->loss, a.dx = net->dtop, a.du = din ? net->work[0] : net->du;
  sol_op_bce(run, &a);
  if (learn)
    sol_op_reduce(
        run, &(sk_reduce_args){.n = b->pairs, .kind = SK_SUM, .x = net->loss, .accumulate = 1, .out = net->loss_sum});
}

void sol_paper_score(sol_paper_net *net, sol_run *run, int learn) {
  const float *x = net->x;
  for (uint32_t i = 0; i < sol_paper_layer_count(&net->config); i++) {
    layer l = layer_of(net, i);
    if (net->config.head == SOL_PAPER_BASE)
      static_layer(net, run, &l, x);
    else
      generated_layer(net, run, &l, x);
    x = net->layer[i];
  }
  score(net, run, x, learn);
}

/* dy may be overwritten. */
static void static_layer_backward(sol_paper_net *net, sol_run *run, const layer *l, const float *x, float *dy,
                                  float *dx) {
  int32_t n = l->n * l->runs;
  activate_backward(run, (int64_t)n * l->out, l->f, net->layer_pre[l->number], dy, dy);
  linear_backward(run, n, l->in, l->out, x, net->weights.layer[l->number], net->gradients.layer[l->number], dy, 0, dx);
}

static void generated_layer_backward(sol_paper_net *net, sol_run *run, const layer *l, const float *x, const float *dy,
                                     float *dx) {
  uint32_t i = l->number;
  for (int32_t r = 0; r < l->runs; r++) {
    size_t row = (size_t)r * (size_t)l->n;
    apply_backward(run, l->n, l->in, l->out, l->f, x + row * (size_t)l->in, net->generated[i], l->m,
                   net->layer[i] + row * (size_t)l->out, dy + row * (size_t)l->out, 0, dx + row * (size_t)l->in,
                   r == 0 ? net->dgenerated[i] : net->drun);
    if (r > 0) add(run, (int64_t)l->n * l->m, net->drun, net->dgenerated[i]);
  }
}

/* From the gradients of all layers, which sol_paper_score_backward left, to one branch's generators and its dz. */
void sol_paper_generate_backward(sol_paper_net *net, sol_run *run, sol_paper_lane branch) {
  const sol_paper_weights *w = &net->weights, *g = &net->gradients;
  int solid = net->config.head == SOL_PAPER_SOLID, item = branch == SOL_PAPER_ITEM;
  for (uint32_t i = 0; i < sol_paper_layer_count(&net->config); i++) {
    sol_dual maps = {.zi = item ? net->item_branch.z : NULL,
                     .zs = item ? NULL : net->semantic_branch.z,
                     .item = w->item.generator[i],
                     .semantic = w->semantic.generator[i],
                     .clip = solid ? net->config.clip : INFINITY};
    generate_backward(run, net->batch->windows, (int32_t)net->config.width, layer_of(net, i).m, maps,
                      g->item.generator[i], g->semantic.generator[i], net->dgenerated[i], net->item_part[i],
                      net->ditem_part, i > 0, net->item_branch.dz, net->semantic_branch.dz);
  }
}

void sol_paper_score_backward(sol_paper_net *net, sol_run *run) {
  float *dy = net->dtop;
  for (uint32_t i = sol_paper_layer_count(&net->config); i-- > 0;) {
    layer l = layer_of(net, i);
    const float *x = i > 0 ? net->layer[i - 1] : net->x;
    float *dx = i > 0 ? net->work[i % 2] : net->dx;
    if (net->config.head == SOL_PAPER_BASE)
      static_layer_backward(net, run, &l, x, dy, dx);
    else
      generated_layer_backward(net, run, &l, x, dy, dx);
    dy = dx;
  }
}
