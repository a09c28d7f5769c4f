#include "examples/paper/fit.h"
#include "examples/paper/net.h"
#include "solid/base/clock.h"
#include "solid/base/text.h"
#include "solid/extend.h"
#include "solid/model/context.h"
#include "solid/train/codebook/codebook_fit.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS        64 /* steps between two waits for the device */
#define TEST_WINDOWS 128

void sol_paper_model_clear(sol_paper_model *model) {
  free(model->values);
  free(model->category);
  *model = (sol_paper_model){0};
}

/* Packs up to SLOTS batches from example *at on; returns how many. */
static size_t load_slots(sol_paper_net *net, const sol_paper_data *data, size_t *at, int32_t *window,
                         int32_t *candidates) {
  size_t slot = 0, length = data->window;
  for (; slot < SLOTS && *at < data->trains; slot++) {
    size_t n = data->trains - *at < net->max_windows ? data->trains - *at : net->max_windows;
    for (size_t i = 0; i < n; i++)
      sol_paper_data_train(data, *at + i, window + i * length, candidates + i * SOL_PAPER_TRAIN_CANDIDATES);
    sol_paper_net_load(net, slot, window, candidates, n);
    *at += n;
  }
  return slot;
}

static solid_status run_epoch(sol_paper_net *net, const sol_paper_task *task, int64_t *number, int32_t *window,
                              sol_paper_epoch *report) {
  solid_status status = SOLID_OK;
  int32_t *candidates = window + net->max_windows * task->data->window;
  double begin = sol_steady_s(), bce = 0, codebook = 0, rows = 0;
  sol_paper_data_shuffle(task->data, task->options.seed, report->epoch);
  for (size_t at = 0; at < task->data->trains && status == SOLID_OK;) {
    size_t slots = load_slots(net, task->data, &at, window, candidates);
    status = sol_paper_net_send(net, slots);
    for (size_t slot = 0; slot < slots && status == SOLID_OK; slot++) {
      rows += net->batches[slot].rows;
      status = sol_paper_net_gradients(net, slot);
      if (status == SOLID_OK) status = sol_paper_net_update(net, task->options.rate, ++*number);
    }
  }
  if (status == SOLID_OK) status = sol_paper_net_take_losses(net, &bce, &codebook);
  report->loss = bce / ((double)task->data->trains * SOL_PAPER_TRAIN_CANDIDATES);
  report->codebook_loss = codebook / (rows * net->config.width);
  report->seconds = sol_steady_s() - begin;
  if (status == SOLID_OK && !isfinite(report->loss))
    status = solid_fail(SOLID_ERANGE, "epoch %u: the loss is not finite", report->epoch);
  return status;
}

static solid_status start_values(const sol_paper_task *task, const sol_paper_tensors *tensors, sol_paper_model *model) {
  const sol_paper_config *config = &task->config;
  model->config = *config;
  model->values = malloc(tensors->total * sizeof *model->values);
  if (model->values == NULL) return solid_fail(SOLID_ENOMEM, "%zu weights", tensors->total);
  sol_paper_weights_init(tensors, task->options.seed, model->values);
  if (config->head != SOL_PAPER_SOLID) return SOLID_OK;
  model->category = malloc(config->items * sizeof *model->category);
  if (model->category == NULL) return solid_fail(SOLID_ENOMEM, "%u categories", config->items);
  memcpy(model->category, task->category, config->items * sizeof *model->category);
  sol_paper_weights w;
  sol_paper_weights_bind(&w, tensors, model->values);
  memcpy(w.codebook, task->codebook, (size_t)config->semantics * config->width * sizeof *w.codebook);
  return SOLID_OK;
}

static float sigmoid(float x) {
  return 1.0f / (1.0f + expf(-x));
}

static solid_status score_tests(sol_paper_net *net, const sol_paper_data *data, sol_paper_row *rows) {
  size_t each = data->window + SOL_PAPER_TEST_CANDIDATES;
  int32_t *window = malloc(TEST_WINDOWS * each * sizeof *window), *candidates = window + TEST_WINDOWS * data->window;
  float *scores = malloc((size_t)TEST_WINDOWS * SOL_PAPER_TEST_CANDIDATES * sizeof *scores);
  solid_status status = window != NULL && scores != NULL ? SOLID_OK : solid_fail(SOLID_ENOMEM, "test windows");
  for (size_t at = 0, n; at < data->tests && status == SOLID_OK; at += n) {
    n = data->tests - at < TEST_WINDOWS ? data->tests - at : TEST_WINDOWS;
    for (size_t i = 0; i < n; i++)
      sol_paper_data_test(data, at + i, window + i * data->window, candidates + i * SOL_PAPER_TEST_CANDIDATES);
    sol_paper_net_load(net, 0, window, candidates, n);
    status = sol_paper_net_send(net, 1);
    if (status == SOLID_OK) status = sol_paper_net_forward(net, 0, 0);
    if (status == SOLID_OK) status = sol_paper_net_scores(net, scores);
    for (size_t i = 0; i < n * SOL_PAPER_TEST_CANDIDATES && status == SOLID_OK; i++)
      rows[at * SOL_PAPER_TEST_CANDIDATES + i] = (sol_paper_row){
          data->test[at + i / SOL_PAPER_TEST_CANDIDATES].user, sigmoid(scores[i]), i % SOL_PAPER_TEST_CANDIDATES == 0};
  }
  free(window);
  free(scores);
  return status;
}

static solid_status evaluate_on(sk_backend *be, const sol_paper_model *model, const sol_paper_data *data,
                                sol_paper_ties ties, sol_paper_metrics *metrics) {
  sol_paper_net net = {0};
  size_t n = data->tests * SOL_PAPER_TEST_CANDIDATES;
  if (model->config.window != data->window)
    return solid_fail(SOLID_EINVAL, "paper window %u, data's window %u", model->config.window, data->window);
  sol_paper_row *rows = malloc(n * sizeof *rows);
  if (rows == NULL) return solid_fail(SOLID_ENOMEM, "%zu test rows", n);
  const sol_paper_net_options options = {1, TEST_WINDOWS, SOL_PAPER_TEST_CANDIDATES, model->category, 0};
  solid_status status = sol_paper_net_open(&net, be, &model->config, &options);
  if (status == SOLID_OK) status = sol_paper_net_put(&net, model->values);
  if (status == SOLID_OK) status = score_tests(&net, data, rows);
  if (status == SOLID_OK) status = sol_paper_metrics_of(rows, n, ties, metrics);
  sol_paper_net_close(&net);
  free(rows);
  return status;
}

static solid_status run_epochs(const sol_paper_task *task, sol_paper_net *net, sol_paper_model *model) {
  size_t each = task->data->window + SOL_PAPER_TRAIN_CANDIDATES;
  int32_t *window = malloc(net->max_windows * each * sizeof *window);
  int64_t number = 0;
  solid_status status = window == NULL ? solid_fail(SOLID_ENOMEM, "batch") : sol_paper_net_put(net, model->values);
  for (uint32_t epoch = 1; epoch <= task->options.epochs && status == SOLID_OK; epoch++) {
    sol_paper_epoch report = {.epoch = epoch};
    status = run_epoch(net, task, &number, window, &report);
    if (status != SOLID_OK || (task->on_epoch == NULL && epoch < task->options.epochs)) continue;
    status = sol_paper_net_get(net, model->values);
    if (status != SOLID_OK || task->on_epoch == NULL) continue;
    status = evaluate_on(net->be, model, task->data, SOL_PAPER_TIES_EXPECTED, &report.test);
    if (status == SOLID_OK) task->on_epoch(task->user, &task->config, &report);
  }
  free(window);
  return status;
}

solid_status sol_paper_fit(const sol_paper_task *task, sol_paper_model *model) {
  sol_paper_net net = {0};
  sol_paper_model made = {0};
  if (task->options.epochs == 0 || task->options.batch == 0 || !(task->options.rate > 0))
    return solid_fail(SOLID_EINVAL, "paper training of %u epochs, batch %u, rate %g", task->options.epochs,
                      task->options.batch, (double)task->options.rate);
  if (task->config.window != task->data->window)
    return solid_fail(SOLID_EINVAL, "paper window %u, data's window %u", task->config.window, task->data->window);
  const sol_paper_net_options options = {SLOTS, task->options.batch, SOL_PAPER_TRAIN_CANDIDATES, task->category, 1};
  sk_backend *be = NULL;
  solid_status status = sol_backend_open(task->ctx, &be);
  if (status != SOLID_OK) return status;
  status = sol_paper_net_open(&net, be, &task->config, &options);
  if (status == SOLID_OK) status = start_values(task, &net.tensors, &made);
  if (status == SOLID_OK) status = run_epochs(task, &net, &made);
  sol_paper_net_close(&net);
  be->ops->close(be);
  if (status != SOLID_OK)
    sol_paper_model_clear(&made);
  else
    *model = made;
  return status;
}

/* vectors (V, width) without padding -> category of every item row, from 1 on. */
static solid_status cluster(const sol_paper_task *task, const float *vectors, uint32_t width, int32_t *category) {
  const sol_paper_config *config = &task->config;
  sol_codebook book = {0};
  const sol_codebook_options options = {1, config->clusters, 50, task->options.seed, NULL};
  solid_status status = sol_codebook_fit(&book, vectors, config->items - 1, width, &options);
  for (uint32_t v = 1; v < config->items && status == SOLID_OK; v++) category[v] = book.table[v - 1] + 1;
  sol_codebook_clear(&book);
  return status;
}

/* Of the data's vectors at length 1. */
static solid_status cluster_content(const sol_paper_task *task, int32_t *category) {
  const solid_dataset *d = task->data->dataset;
  size_t width = d->vector_width;
  if (!d->vectors) return solid_fail(SOLID_EINVAL, "semantics from vectors: the data has none");
  float *rows = malloc((size_t)d->items * width * sizeof *rows);
  if (!rows) return solid_fail(SOLID_ENOMEM, "vectors of %u items", d->items);
  for (size_t v = 0; v < d->items; v++) {
    const float *x = d->vectors + v * width;
    double sum = 0;
    for (size_t j = 0; j < width; j++) sum += (double)x[j] * (double)x[j];
    float scale = sum > 0 ? (float)(1 / sqrt(sum)) : 0;
    for (size_t j = 0; j < width; j++) rows[v * width + j] = scale * x[j];
  }
  solid_status status = cluster(task, rows, (uint32_t)width, category);
  free(rows);
  return status;
}

static solid_status take_categories(const sol_paper_task *task, int32_t *category) {
  const solid_dataset *d = task->data->dataset;
  if (d->attributes.count != task->config.clusters)
    return solid_fail(SOLID_EINVAL, "semantics from attributes: %u of them, %u clusters", d->attributes.count,
                      task->config.clusters);
  for (uint32_t v = 0; v < d->items; v++) {
    size_t first = d->attribute_offsets[v], n = d->attribute_offsets[v + 1] - first;
    solid_bytes id = solid_vocab_id(&d->item_ids, v);
    if (n != 1)
      return solid_fail(SOLID_EINVAL, "semantics from attributes: item %s has %zu of them, not 1",
                        sol_show(id.data, id.size).text, n);
    category[v + 1] = (int32_t)d->attribute_ids[first] + 1;
  }
  return SOLID_OK;
}

/* Stage 0b: category (items) of every item row, 0 for the padding; `vectors` are the duet's. */
static solid_status find_semantics(const sol_paper_task *task, const float *vectors, int32_t *category) {
  category[0] = 0;
  switch (task->source) {
  case SOL_PAPER_FROM_ITEMS:
    return cluster(task, vectors + task->config.width, task->config.width, category);
  case SOL_PAPER_FROM_VECTORS:
    return cluster_content(task, category);
  case SOL_PAPER_FROM_ATTRIBUTES:
    return take_categories(task, category);
  }
  return solid_fail(SOLID_EINVAL, "semantics from %d", (int)task->source);
}

/* Stage 1: the codebook is the embedding table of a duet on semantics. */
static solid_status learn_codebook(const sol_paper_task *task, const int32_t *category, float *codebook) {
  sol_paper_data data = *task->data;
  sol_paper_task stage = *task;
  sol_paper_model model = {0};
  data.category = category;
  stage.data = &data;
  stage.config.head = SOL_PAPER_DUET;
  stage.config.items = task->config.semantics;
  stage.config.semantics = stage.config.clusters = 0;
  stage.category = NULL;
  solid_status status = sol_paper_fit(&stage, &model);
  if (status != SOLID_OK) return status;
  sol_paper_tensors tensors;
  sol_paper_weights w;
  sol_paper_tensors_make(&stage.config, &tensors);
  sol_paper_weights_bind(&w, &tensors, model.values);
  memcpy(codebook, w.items, (size_t)task->config.semantics * task->config.width * sizeof *codebook);
  sol_paper_model_clear(&model);
  return SOLID_OK;
}

solid_status sol_paper_semantics(const sol_paper_task *task, const sol_paper_model *duet, int32_t **category,
                                 float **codebook) {
  const sol_paper_config *config = &task->config;
  if (duet->config.items != config->items || duet->config.width != config->width)
    return solid_fail(SOLID_EMISMATCH, "semantics of %u items of width %u from a model of %u of width %u",
                      config->items, config->width, duet->config.items, duet->config.width);
  int32_t *map = malloc(config->items * sizeof *map);
  float *codes = malloc((size_t)config->semantics * config->width * sizeof *codes);
  solid_status status = map != NULL && codes != NULL ? SOLID_OK : solid_fail(SOLID_ENOMEM, "semantics");
  sol_paper_tensors tensors;
  sol_paper_weights w;
  sol_paper_tensors_make(&duet->config, &tensors);
  sol_paper_weights_bind(&w, &tensors, duet->values);
  if (status == SOLID_OK) status = find_semantics(task, w.items, map);
  if (status == SOLID_OK) status = learn_codebook(task, map, codes);
  if (status == SOLID_OK) {
    *category = map, *codebook = codes;
    return SOLID_OK;
  }
  free(map);
  free(codes);
  return status;
}

solid_status sol_paper_evaluate(const solid_context *ctx, const sol_paper_model *model, const sol_paper_data *data,
                                sol_paper_ties ties, sol_paper_metrics *metrics) {
  sk_backend *be = NULL;
  solid_status status = sol_backend_open(ctx, &be);
  if (status != SOLID_OK) return status;
  status = evaluate_on(be, model, data, ties, metrics);
  be->ops->close(be);
  return status;
}
