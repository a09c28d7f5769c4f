#include "examples/paper/calls.h"
#include "examples/paper/net.h"
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
    sol_op_generate(run, &(sk_generate_args){.n = l.n,
                                             .d = (int32_t)net->config.width,
                                             .m = l.m,
                                             .zi = net->item_branch.z,
                                             .gi = w->item.generator[i].w,
                                             .bi = w->item.generator[i].b,
                                             .zs = solid ? net->semantic_branch.z : NULL,
                                             .gs = w->semantic.generator[i].w,
                                             .bs = w->semantic.generator[i].b,
                                             .clip = solid ? net->config.clip : INFINITY,
                                             .stride = l.m,
                                             .w = net->generated[i],
                                             .wi_saved = net->item_part[i]});
  }
}

static void generated_layer(sol_paper_net *net, sol_run *run, const layer *l, const float *x) {
  for (int32_t r = 0; r < l->runs; r++) {
    size_t row = (size_t)r * (size_t)l->n;
    sol_op_apply(run, &(sk_apply_args){.n = l->n,
                                       .in = l->in,
                                       .out = l->out,
                                       .f = l->f,
                                       .x = x + row * (size_t)l->in,
                                       .w = net->generated[l->number],
                                       .stride = l->m,
                                       .y = net->layer[l->number] + row * (size_t)l->out});
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
    sol_op_apply_backward(run, &(sk_apply_backward_args){.n = l->n,
                                                         .in = l->in,
                                                         .out = l->out,
                                                         .f = l->f,
                                                         .x = x + row * (size_t)l->in,
                                                         .w = net->generated[i],
                                                         .stride = l->m,
                                                         .y = net->layer[i] + row * (size_t)l->out,
                                                         .dy = dy + row * (size_t)l->out,
                                                         .dx = dx + row * (size_t)l->in,
                                                         .dw = r == 0 ? net->dgenerated[i] : net->drun});
    if (r > 0) blend(run, (int64_t)l->n * l->m, 1, net->drun, 1, net->dgenerated[i]);
  }
}

/* From the gradients of all layers, which sol_paper_score_backward left, to one branch's generators and its dz. */
void sol_paper_generate_backward(sol_paper_net *net, sol_run *run, sol_paper_lane branch) {
  const sol_paper_weights *w = &net->weights, *g = &net->gradients;
  int solid = net->config.head == SOL_PAPER_SOLID, item = branch == SOL_PAPER_ITEM;
  for (uint32_t i = 0; i < sol_paper_layer_count(&net->config); i++)
    sol_op_generate_backward(run, &(sk_generate_backward_args){.n = net->batch->windows,
                                                               .d = (int32_t)net->config.width,
                                                               .m = layer_of(net, i).m,
                                                               .zi = item ? net->item_branch.z : NULL,
                                                               .gi = w->item.generator[i].w,
                                                               .zs = item ? NULL : net->semantic_branch.z,
                                                               .gs = w->semantic.generator[i].w,
                                                               .clip = solid ? net->config.clip : INFINITY,
                                                               .dw = net->dgenerated[i],
                                                               .wi_saved = net->item_part[i],
                                                               .accumulate_dz = i > 0,
                                                               .dwi = net->ditem_part,
                                                               .dzi = net->item_branch.dz,
                                                               .dgi = g->item.generator[i].w,
                                                               .dbi = g->item.generator[i].b,
                                                               .dzs = net->semantic_branch.dz,
                                                               .dgs = g->semantic.generator[i].w,
                                                               .dbs = g->semantic.generator[i].b});
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
