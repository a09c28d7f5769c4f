#include "examples/paper/net.h"
#include "kernels/formula.h"
#include "solid/extend.h"
#include <stdlib.h>
#include <string.h>

/* A block of floats being planned (base NULL) or handed out. */
typedef struct plan {
  float *base;
  size_t used;
} plan;

static float *take(plan *p, size_t floats) {
  return sol_take(p->base, &p->used, floats);
}

static void plan_sequence(plan *p, sol_paper_sequence_state *s, size_t floats, int training) {
  s->e = take(p, floats), s->pre = take(p, floats), s->h = take(p, floats);
  s->dh = training ? take(p, floats) : NULL;
}

static void plan_gru(plan *p, sol_paper_gru_state *s, size_t rows, size_t windows, size_t d) {
  s->gates = take(p, rows * 3 * d), s->h = take(p, rows * d), s->saved = take(p, rows * 4 * d);
  s->last = take(p, windows * d);
}

static void plan_branch(plan *p, sol_paper_branch_state *s, size_t rows, size_t windows, size_t d) {
  plan_gru(p, &s->gru, rows, windows, d);
  s->pre = take(p, windows * d), s->hidden = take(p, windows * d), s->z = take(p, windows * d);
  s->dz = take(p, windows * d);
}

static void plan_backbone(sol_paper_net *net, plan *p, size_t rows, size_t pairs) {
  size_t d = net->config.width, windows = net->max_windows;
  sol_paper_attention_state *a = &net->attention;
  int din = net->config.backbone == SOL_PAPER_DIN;
  size_t n = din ? pairs : windows;
  net->x = take(p, n * d * (din ? 2 : 1));
  if (net->config.backbone == SOL_PAPER_GRU4REC) {
    plan_gru(p, &net->encoder, rows, windows, d);
    return;
  }
  a->q = take(p, n * d), a->kv = take(p, rows * 2 * d), a->out = take(p, n * d);
  a->lse = take(p, n * net->config.heads);
  if (din) {
    a->spread = take(p, pairs * net->config.window * 2 * d);
    return;
  }
  a->newest = take(p, n * d), a->sum1 = take(p, n * d), a->norm1 = take(p, n * d), a->sum2 = take(p, n * d);
  a->ffn_pre = take(p, n * 4 * d), a->ffn = take(p, n * 4 * d);
  a->mean1 = take(p, n), a->rstd1 = take(p, n), a->mean2 = take(p, n), a->rstd2 = take(p, n);
}

static void plan_head(sol_paper_net *net, plan *p, size_t rows, size_t pairs, int training) {
  const sol_paper_config *config = &net->config;
  size_t d = config->width, windows = net->max_windows, n = config->backbone == SOL_PAPER_DIN ? pairs : windows;
  size_t largest = 0, sizes[SOL_PAPER_LAYERS];
  int solid = config->head == SOL_PAPER_SOLID;
  if (config->head != SOL_PAPER_BASE) plan_branch(p, &net->item_branch, rows, windows, d);
  if (solid) {
    plan_branch(p, &net->semantic_branch, rows, windows, d);
    plan_sequence(p, &net->semantic, rows * d, training);
    net->quantized = take(p, rows * d), net->decoded = take(p, rows * d), net->difference = take(p, rows * d);
    net->decoder_pre = take(p, rows * 2 * d), net->decoder_hidden = take(p, rows * 2 * d);
  }
  for (uint32_t i = 0; i < sol_paper_layer_count(config); i++) {
    int32_t in, out;
    sol_paper_layer_sides(config, i, &in, &out);
    size_t m = (size_t)in * (size_t)out + (size_t)out;
    largest = m > largest ? m : largest, sizes[i] = m;
    net->layer_pre[i] = take(p, n * (size_t)out), net->layer[i] = take(p, n * (size_t)out);
    if (config->head == SOL_PAPER_BASE) continue;
    net->generated[i] = take(p, windows * m);
    net->item_part[i] = solid ? take(p, windows * m) : NULL;
  }
  if (!training || config->head == SOL_PAPER_BASE) return;
  for (uint32_t i = 0; i < sol_paper_layer_count(config); i++) net->dgenerated[i] = take(p, windows * sizes[i]);
  net->drun = take(p, windows * largest), net->ditem_part = take(p, windows * largest);
  net->dbranch = take(p, rows * d);
}

static void plan_scratch(sol_paper_net *net, plan *p, size_t rows, size_t n) {
  const sol_paper_config *config = &net->config;
  size_t d = config->width;
  size_t floats[SOL_PAPER_LANES] = {[SOL_PAPER_MAIN] = 4 * d * (rows > n ? rows : n),
                                    [SOL_PAPER_SEMANTIC] = config->head == SOL_PAPER_SOLID ? 3 * d * rows : 0,
                                    [SOL_PAPER_ITEM] = config->head != SOL_PAPER_BASE ? 3 * d * rows : 0,
                                    [SOL_PAPER_TARGET] = d * n};
  for (int lane = 0; lane < SOL_PAPER_LANES; lane++)
    for (int i = 0; i < 3; i++) net->scratch[lane][i] = take(p, floats[lane]);
}

static size_t plan_all(sol_paper_net *net, int training, float *base) {
  const sol_paper_config *config = &net->config;
  plan p = {base, 0};
  size_t d = config->width, pairs = net->max_windows * net->candidates, rows = net->max_windows * config->window;
  size_t n = config->backbone == SOL_PAPER_DIN ? pairs * (config->window > 4 ? config->window : 4) : pairs;
  net->values = take(&p, net->tensors.total);
  net->grads = training ? take(&p, net->tensors.total) : NULL;
  net->moment1 = training ? take(&p, net->tensors.trained) : NULL;
  net->moment2 = training ? take(&p, net->tensors.trained) : NULL;
  plan_sequence(&p, &net->item, rows * d, training);
  net->candidate = take(&p, pairs * d), net->target_pre = take(&p, pairs * d);
  net->target_hidden = take(&p, pairs * d), net->u = take(&p, pairs * d);
  net->du = training ? take(&p, pairs * d) : NULL;
  plan_backbone(net, &p, rows, pairs);
  plan_head(net, &p, rows, pairs, training);
  net->ones = take(&p, pairs), net->score = take(&p, pairs), net->loss = take(&p, pairs);
  net->loss_sum = take(&p, 1), net->codebook_sum = take(&p, 1);
  if (!training) return p.used;
  net->dx = take(&p, pairs * 2 * d), net->dtop = take(&p, pairs * d);
  plan_scratch(net, &p, rows, n);
  return p.used;
}

static solid_status start(sol_paper_net *net) {
  size_t pairs = net->max_windows * net->candidates;
  float *ones = malloc(pairs * sizeof *ones);
  if (ones == NULL) return solid_fail(SOLID_ENOMEM, "batch of %zu candidates", pairs);
  for (size_t i = 0; i < pairs; i++) ones[i] = 1.0f;
  sol_run run = {net->be, net->be->ops->upload(net->be, net->ones, ones, pairs * sizeof *ones)};
  sol_op_zero(&run, net->loss_sum, 1);
  sol_op_zero(&run, net->codebook_sum, 1);
  if (net->moment1 != NULL) sol_op_zero(&run, net->moment1, net->tensors.trained);
  if (net->moment2 != NULL) sol_op_zero(&run, net->moment2, net->tensors.trained);
  if (run.status == SOLID_OK) run.status = net->be->ops->sync(net->be);
  free(ones);
  return run.status == SOLID_OK ? SOLID_OK : solid_fail(run.status, "%s", net->be->err);
}

solid_status sol_paper_net_open(sol_paper_net *net, sk_backend *be, const sol_paper_config *config,
                                const sol_paper_net_options *options) {
  *net = (sol_paper_net){.be = be,
                         .config = *config,
                         .slots = options->slots,
                         .max_windows = options->windows,
                         .candidates = options->candidates,
                         .category = options->category};
  solid_status status = sol_paper_config_check(config);
  if (status != SOLID_OK) return status;
  sol_paper_tensors_make(config, &net->tensors);
  net->room = sol_paper_batch_room(config, options->windows, options->candidates);
  size_t floats = plan_all(net, options->training, NULL), rows = options->windows * config->window;
  size_t ints = (net->slots + 1) * net->room;
  void *device_ints = NULL;
  status = be->ops->alloc(be, &net->memory, floats * sizeof(float));
  if (status == SOLID_OK) status = be->ops->alloc(be, &device_ints, (ints + rows) * sizeof(int32_t));
  if (status != SOLID_OK) status = solid_fail(status, "%zu MiB for a paper model: %s", floats >> 18, be->err);
  net->ints = device_ints;
  net->host = malloc(net->slots * net->room * sizeof *net->host);
  net->batches = calloc(net->slots, sizeof *net->batches);
  net->used = calloc(net->slots, sizeof *net->used);
  net->graphs = calloc(SOL_PAPER_MAX_GRAPHS, sizeof *net->graphs);
  if (status == SOLID_OK && (net->host == NULL || net->batches == NULL || net->used == NULL || net->graphs == NULL))
    status = solid_fail(SOLID_ENOMEM, "%zu batches", net->slots);
  if (status == SOLID_OK) {
    plan_all(net, options->training, net->memory);
    net->work = net->scratch[SOL_PAPER_MAIN];
    net->ready = net->ints + net->slots * net->room;
    net->code = net->ints + ints;
    sol_paper_weights_bind(&net->weights, &net->tensors, net->values);
    if (options->training) sol_paper_weights_bind(&net->gradients, &net->tensors, net->grads);
    status = start(net);
  }
  if (status != SOLID_OK) sol_paper_net_close(net);
  return status;
}

void sol_paper_net_close(sol_paper_net *net) {
  if (net->be != NULL) {
    for (size_t i = 0; i < net->n_graphs; i++) net->be->ops->forget(net->be, net->graphs[i].graph);
    net->be->ops->free(net->be, net->memory);
    net->be->ops->free(net->be, net->ints);
  }
  free(net->host);
  free(net->batches);
  free(net->used);
  free(net->graphs);
  *net = (sol_paper_net){0};
}

void sol_paper_enter(sol_paper_net *net, sol_run *run, sol_paper_lane lane) {
  net->work = net->scratch[lane];
  sol_op_lane(run, (int)lane);
}

void sol_paper_join(sol_paper_net *net, sol_run *run) {
  net->work = net->scratch[SOL_PAPER_MAIN];
  sol_op_join(run);
}
