/* A trainer's state as one safetensors file: weights, moments, average, best weights, counters and the report. What the
 * state belongs to (config, options, data, codes) stands beside it as text, so that a checkpoint of something else is
 * refused with a reason. */
#include "solid/extend.h"
#include "solid/internal/safetensors.h"
#include "solid/train/internal.h"
#include "solid/train/split.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#define TEXT_MAX 1024
#define KEYS     4

static const char format_name[] = "solid checkpoint 1";

/* What the state depends on, as `name=value` words; floats exactly. */
typedef struct identity {
  char config[TEXT_MAX], options[TEXT_MAX], data[TEXT_MAX];
} identity;

static void describe(const sol_trainer *t, identity *id) {
  const sol_config *c = &t->config;
  const sol_train_options *o = &t->options;
  snprintf(id->config, sizeof id->config,
           "items=%u width=%u window=%u blocks=%u heads=%u levels=%u codes=%u rank=%u head=%s clip=%a", c->items,
           c->width, c->window, c->blocks, c->heads, c->levels, c->codes, c->rank, solid_head_name(c->head),
           (double)c->clip);
  snprintf(id->options, sizeof id->options,
           "check=%u batch=%u seed=%" PRIu64
           " rate=%a rate_end=%a warmup=%u decay=%a rate_scale=%a decay_generator=%a max_norm=%a dropout=%a "
           "dropout_z=%a dropout_y=%a smoothing=%a code_task=%a item_dropout=%a average=%a cuts=%a epochs=%u refit=%u "
           "taught=%a "
           "start_content=%a by=%016" PRIx64,
           o->check, o->batch, o->seed, (double)o->rate, (double)o->rate_end, o->warmup, (double)o->decay,
           (double)o->rate_scale, (double)o->decay_generator, (double)o->max_norm, (double)o->dropout,
           (double)o->dropout_z, (double)o->dropout_y, (double)o->smoothing, (double)o->code_task,
           (double)o->item_dropout, (double)o->average, (double)o->cuts, o->rate_end < 1 ? o->epochs : 0, o->refit,
           (double)o->taught, (double)o->start_content, t->batches.teacher != NULL ? t->batches.teacher->hash : 0);
  size_t codes = (size_t)c->items * c->levels * sizeof *t->codes;
  char split[SOL_SPLIT_TEXT];
  sol_split_describe(t->history, split);
  for (char *at = split; *at; at++)
    if (*at == ' ') *at = '_'; /* one word, as check_text compares them */
  snprintf(id->data, sizeof id->data, "users=%u events=%zu sequences=%016" PRIx64 " codes=%016" PRIx64 " split=%s",
           t->history->users, t->history->events, sol_history_hash(t->history),
           codes > 0 ? (uint64_t)XXH3_64bits(t->codes, codes) : 0, split);
}

/* The arrays of a checkpoint: device arrays and the best weights. */
static const struct {
  const char *name;
  sol_array array;
} device_arrays[] = {
    {"weights", SOL_WEIGHTS}, {"moment1", SOL_MOMENT1}, {"moment2", SOL_MOMENT2}, {"average", SOL_AVERAGE}};
#define DEVICE_ARRAYS (sizeof device_arrays / sizeof *device_arrays)

#define COUNTERS 3
#define FIGURES  4

static void take_report(const sol_trainer *t, uint64_t counters[COUNTERS], double figures[FIGURES]) {
  const sol_epoch *r = &t->report;
  memcpy(counters, (uint64_t[COUNTERS]){r->epoch, r->best_epoch, t->steps}, COUNTERS * sizeof *counters);
  memcpy(figures, (double[FIGURES]){r->loss, r->ndcg10, r->hit10, r->best_ndcg10}, FIGURES * sizeof *figures);
}

static solid_status write_state(const sol_trainer *t, const char *path, const float *values) {
  size_t total = t->step.total, n = 0;
  uint64_t counters[COUNTERS];
  double figures[FIGURES];
  identity id;
  describe(t, &id);
  take_report(t, counters, figures);
  sol_tensor_source tensors[DEVICE_ARRAYS + 3];
  for (size_t i = 0; i < DEVICE_ARRAYS; i++)
    if (t->step.values[device_arrays[i].array] != NULL)
      tensors[n++] = (sol_tensor_source){device_arrays[i].name, SOL_F32, 1, {total}, values + i * total};
  tensors[n++] = (sol_tensor_source){"best", SOL_F32, 1, {total}, t->best};
  tensors[n++] = (sol_tensor_source){"counters", SOL_U64, 1, {COUNTERS}, counters};
  tensors[n++] = (sol_tensor_source){"figures", SOL_F64, 1, {FIGURES}, figures};
  const sol_metadata metadata[KEYS] = {
      {"format", format_name}, {"config", id.config}, {"options", id.options}, {"data", id.data}};
  return sol_safetensors_write(path, tensors, n, metadata, KEYS);
}

solid_status sol_trainer_save(const sol_trainer *trainer, const char *path) {
  sk_backend *be = trainer->be;
  size_t total = trainer->step.total;
  float *values = malloc(DEVICE_ARRAYS * total * sizeof *values);
  if (values == NULL) return solid_fail(SOLID_ENOMEM, "checkpoint of %zu weights", total);
  solid_status status = SOLID_OK;
  for (size_t i = 0; i < DEVICE_ARRAYS && status == SOLID_OK; i++) {
    const float *device = trainer->step.values[device_arrays[i].array];
    if (device != NULL) status = be->ops->download(be, values + i * total, device, total * sizeof(float));
  }
  if (status == SOLID_OK) status = be->ops->sync(be);
  status = status == SOLID_OK ? write_state(trainer, path, values) : solid_fail(status, "%s", be->err);
  free(values);
  return status;
}

/* Compares one text with the checkpoint's; the error names the first word that differs. */
static solid_status check_text(const sol_safetensors *st, const char *path, const char *key, const char *now) {
  const char *then = sol_safetensors_metadata(st, key);
  if (then == NULL) return solid_fail(SOLID_EFORMAT, "%s: no %s", path, key);
  if (strcmp(then, now) == 0) return SOLID_OK;
  size_t at = 0;
  while (then[at] != '\0' && then[at] == now[at]) at++;
  while (at > 0 && then[at - 1] != ' ') at--;
  return solid_fail(SOLID_EMISMATCH, "%s: made with %s %.*s, this run has %.*s", path, key,
                    (int)strcspn(then + at, " "), then + at, (int)strcspn(now + at, " "), now + at);
}

/* Reads tensor `name` of n values into data. */
static solid_status read_tensor(const sol_safetensors *st, const char *path, const char *name, sol_dtype dtype,
                                uint64_t n, void *data) {
  const sol_tensor_entry *tensor = sol_safetensors_find(st, name);
  if (tensor == NULL) return solid_fail(SOLID_EFORMAT, "%s: no tensor %s", path, name);
  solid_status status = sol_safetensors_expect(st, tensor, dtype, 1, &n);
  return status == SOLID_OK ? sol_safetensors_read(st, tensor, data) : status;
}

static solid_status read_arrays(sol_trainer *t, const sol_safetensors *st, const char *path) {
  size_t total = t->step.total;
  float *values = malloc(total * sizeof *values);
  if (values == NULL) return solid_fail(SOLID_ENOMEM, "checkpoint of %zu weights", total);
  solid_status status = SOLID_OK;
  for (size_t i = 0; i < DEVICE_ARRAYS && status == SOLID_OK; i++) {
    float *device = t->step.values[device_arrays[i].array];
    if (device == NULL) continue;
    status = read_tensor(st, path, device_arrays[i].name, SOL_F32, total, values);
    if (status != SOLID_OK) break;
    status = t->be->ops->upload(t->be, device, values, total * sizeof(float));
    if (status == SOLID_OK) status = t->be->ops->sync(t->be);
    if (status != SOLID_OK) solid_fail(status, "%s", t->be->err);
  }
  free(values);
  return status == SOLID_OK ? read_tensor(st, path, "best", SOL_F32, total, t->best) : status;
}

static solid_status read_state(sol_trainer *t, const sol_safetensors *st, const char *path) {
  uint64_t counters[COUNTERS];
  double figures[FIGURES];
  identity id;
  describe(t, &id);
  solid_status status = check_text(st, path, "format", format_name);
  if (status == SOLID_OK) status = check_text(st, path, "config", id.config);
  if (status == SOLID_OK) status = check_text(st, path, "options", id.options);
  if (status == SOLID_OK) status = check_text(st, path, "data", id.data);
  if (status == SOLID_OK) status = read_tensor(st, path, "counters", SOL_U64, COUNTERS, counters);
  if (status == SOLID_OK) status = read_tensor(st, path, "figures", SOL_F64, FIGURES, figures);
  if (status == SOLID_OK) status = read_arrays(t, st, path);
  if (status != SOLID_OK) return status;
  t->steps = counters[2];
  t->report = (sol_epoch){.epoch = (uint32_t)counters[0],
                          .best_epoch = (uint32_t)counters[1],
                          .loss = figures[0],
                          .ndcg10 = figures[1],
                          .hit10 = figures[2],
                          .best_ndcg10 = figures[3]};
  t->report.finished = sol_epochs_are_over(&t->options, &t->report);
  return SOLID_OK;
}

solid_status sol_trainer_load(sol_trainer *trainer, const char *path) {
  if (access(path, F_OK) != 0 && errno == ENOENT) return solid_fail(SOLID_ENOTFOUND, "%s: no checkpoint", path);
  sol_safetensors st;
  solid_status status = sol_safetensors_open(&st, path);
  if (status != SOLID_OK) return status;
  status = read_state(trainer, &st, path);
  sol_safetensors_close(&st);
  return status;
}
