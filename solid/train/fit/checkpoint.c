/* The state of a fit as one safetensors file: weights, moments, average, best weights, learned codes, counters and the
 * report. What the state belongs to (config, options, data, codes) stands beside it as text, so that a checkpoint of
 * something else is refused with a reason. Texts and values each have a checksum (XXH3): a damaged checkpoint is
 * refused. */
#include "solid/train/fit/checkpoint.h"
#include "solid/extend.h"
#include "solid/model/config_json.h"
#include "solid/model/safetensors.h"
#include "solid/train/fit/checkpoint_file.h"
#include "solid/train/fit/options.h"
#include "solid/train/fit/recode.h"
#include "solid/train/fit/state.h"
#include "solid/train/split.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#define TEXT_MAX 1024
#define KEYS     6
#define HEX      SOL_CHECKPOINT_SUM

static const char format_name[] = "solid checkpoint 6";

/* What the state depends on, as `name=value` words; floats with the digits that give them back. */
typedef struct identity {
  char config[SOL_CONFIG_TEXT], options[SOL_OPTIONS_TEXT], data[TEXT_MAX];
} identity;

/* The config's text, which is JSON, as `name=value` words. */
static solid_status describe_config(const sol_config *config, char text[SOL_CONFIG_TEXT]) {
  solid_status status = sol_config_write(config, text);
  char *to = text;
  for (const char *at = text; status == SOLID_OK && *at; at++)
    if (!strchr("{}\"", *at)) *to++ = (char)(*at == ':' ? '=' : *at == ',' ? ' ' : *at);
  *to = '\0';
  return status;
}

static const char word[] = "fitted"; /* for a value that a process is told */

/* `name`, as in " epochs=", gets the word, which is longer than some values: text has room for the longest. */
static void leave_open(char text[SOL_OPTIONS_TEXT], const char *name) {
  char *at = strstr(text, name);
  if (!at) return;
  at += strlen(name);
  const char *rest = at + strcspn(at, " ");
  memmove(at + strlen(word), rest, strlen(rest) + 1);
  memcpy(at, word, strlen(word));
}

/* The next process, whose time is another, has other numbers. */
static void leave_schedule_open(const solid_schedule *told, char text[SOL_OPTIONS_TEXT]) {
  if (told->epochs > 0) leave_open(text, " epochs=");
  if (told->check > 0) leave_open(text, " check=");
  if (told->average > 0) leave_open(text, " average=");
}

static solid_status describe(const sol_fit *t, identity *id) {
  const sol_config *c = &t->config;
  solid_status status = describe_config(c, id->config);
  if (status != SOLID_OK) return status;
  sol_train_options_text(&t->options, id->options);
  leave_schedule_open(&t->told, id->options);
  size_t codes = (size_t)c->items * c->levels * sizeof *t->codes;
  size_t attributes = (size_t)c->items * c->slots * sizeof *t->attributes;
  char split[SOLID_SPLIT_TEXT];
  solid_split_describe(t->dataset, split);
  for (char *at = split; *at; at++)
    if (*at == ' ') *at = '_'; /* one word, as check_text compares them */
  size_t content = (size_t)t->learner.items * t->learner.content * sizeof *t->learner.x; /* 0 without learning */
  size_t alike = (size_t)c->items * t->content_width * sizeof *t->content;               /* 0 without mates */
  snprintf(id->data, sizeof id->data,
           "users=%u events=%zu sequences=%016" PRIx64 " codes=%016" PRIx64 " attributes=%016" PRIx64
           " content=%016" PRIx64 " mates=%016" PRIx64 " refit_epochs=%u split=%s",
           t->dataset->users, t->dataset->events, solid_dataset_hash(t->dataset),
           codes > 0 ? (uint64_t)XXH3_64bits(t->codes, codes) : 0,
           attributes > 0 ? (uint64_t)XXH3_64bits(t->attributes, attributes) : 0,
           content > 0 ? (uint64_t)XXH3_64bits(t->learner.x, content) : 0,
           alike > 0 ? (uint64_t)XXH3_64bits(t->content, alike) : 0, t->refit_epochs, split);
  return SOLID_OK;
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

static void take_report(const sol_fit *t, uint64_t counters[COUNTERS], double figures[FIGURES]) {
  const solid_epoch *r = &t->report;
  memcpy(counters, (uint64_t[COUNTERS]){r->epoch, r->best_epoch, t->steps}, COUNTERS * sizeof *counters);
  memcpy(figures, (double[FIGURES]){r->loss, r->ndcg10, r->hit10, r->best_ndcg10}, FIGURES * sizeof *figures);
}

/* The counters and numbers of the fit. */
typedef struct state {
  uint64_t counters[COUNTERS];
  double figures[FIGURES];
  float *values; /* (DEVICE_ARRAYS, total); arrays that the fit does not have are left out */
  float *best;   /* (total) */
  float *book;   /* the learner's state and tables; of no length without learning */
  uint16_t *codes;
} state;

static int has_array(const sol_fit *t, size_t i) {
  return t->step.values[device_arrays[i].array] != NULL;
}

static void hash_values(const sol_fit *t, const state *s, char hex[HEX]) {
  size_t bytes = t->step.total * sizeof(float);
  uint64_t hash = XXH3_64bits_withSeed(s->best, bytes, 0);
  for (size_t i = 0; i < DEVICE_ARRAYS; i++)
    if (has_array(t, i)) hash = XXH3_64bits_withSeed(s->values + i * t->step.total, bytes, hash);
  if (sol_fit_learns_codes(t)) {
    hash = XXH3_64bits_withSeed(s->book, t->learner.state_floats * sizeof *s->book, hash);
    hash = XXH3_64bits_withSeed(s->codes, t->learner.state_codes * sizeof *s->codes, hash);
  }
  hash = XXH3_64bits_withSeed(s->counters, sizeof s->counters, hash);
  hash = XXH3_64bits_withSeed(s->figures, sizeof s->figures, hash);
  snprintf(hex, HEX, "%016" PRIx64, hash);
}

static void hash_texts(const char *const texts[3], char hex[HEX]) {
  uint64_t hash = 0;
  for (int i = 0; i < 3; i++) hash = XXH3_64bits_withSeed(texts[i], strlen(texts[i]) + 1, hash);
  snprintf(hex, HEX, "%016" PRIx64, hash);
}

static solid_status write_state(const sol_fit *t, const char *path, float *values) {
  size_t total = t->step.total, n = 0;
  state now = {.values = values, .best = t->best, .book = t->learner.state, .codes = t->learner.table};
  char texts[HEX], numbers[HEX];
  identity id;
  solid_status status = describe(t, &id);
  if (status != SOLID_OK) return status;
  take_report(t, now.counters, now.figures);
  hash_texts((const char *const[]){id.config, id.options, id.data}, texts);
  hash_values(t, &now, numbers);
  sol_tensor_source tensors[DEVICE_ARRAYS + 5];
  for (size_t i = 0; i < DEVICE_ARRAYS; i++)
    if (has_array(t, i))
      tensors[n++] = (sol_tensor_source){device_arrays[i].name, SOL_F32, 1, {total}, values + i * total};
  tensors[n++] = (sol_tensor_source){"best", SOL_F32, 1, {total}, t->best};
  if (sol_fit_learns_codes(t)) {
    tensors[n++] = (sol_tensor_source){"codebook", SOL_F32, 1, {t->learner.state_floats}, now.book};
    tensors[n++] = (sol_tensor_source){"codes", SOL_U16, 1, {t->learner.state_codes}, now.codes};
  }
  tensors[n++] = (sol_tensor_source){"counters", SOL_U64, 1, {COUNTERS}, now.counters};
  tensors[n++] = (sol_tensor_source){"figures", SOL_F64, 1, {FIGURES}, now.figures};
  const sol_metadata metadata[KEYS] = {{"format", format_name},   {"config", id.config},
                                       {"options", id.options},   {"data", id.data},
                                       {"checksum texts", texts}, {"checksum values", numbers}};
  return sol_safetensors_write(path, tensors, n, metadata, KEYS);
}

solid_status sol_fit_save(const sol_fit *fit, const char *path) {
  sk_backend *be = fit->be;
  size_t total = fit->step.total;
  float *values = malloc(DEVICE_ARRAYS * total * sizeof *values);
  if (values == NULL) return solid_fail(SOLID_ENOMEM, "checkpoint of %zu weights", total);
  solid_status status = SOLID_OK;
  for (size_t i = 0; i < DEVICE_ARRAYS && status == SOLID_OK; i++) {
    const float *device = fit->step.values[device_arrays[i].array];
    if (device != NULL) status = be->ops->download(be, values + i * total, device, total * sizeof(float));
  }
  if (status == SOLID_OK) status = be->ops->sync(be);
  status = status == SOLID_OK ? write_state(fit, path, values) : solid_fail(status, "%s", be->err);
  free(values);
  return status;
}

/* Any schedule is as good as another where this run is told its own. */
static solid_status check_options(const sol_fit *t, const sol_safetensors *st, const char *path, const char *then,
                                  const char *now) {
  char open[SOL_OPTIONS_TEXT];
  snprintf(open, sizeof open - 3 * sizeof word, "%s", then);
  leave_schedule_open(&t->told, open);
  if (strcmp(open, now) == 0) return SOLID_OK;
  return sol_checkpoint_check_text(st, path, "options", now);
}

/* Checks that the checkpoint is complete and belongs to this run. */
static solid_status check_texts(const sol_fit *t, const sol_safetensors *st, const char *path) {
  static const char *const keys[] = {"config", "options", "data"};
  const char *then[3];
  char hex[HEX];
  identity id;
  solid_status status = describe(t, &id);
  if (status == SOLID_OK) status = sol_checkpoint_check_text(st, path, "format", format_name);
  if (status != SOLID_OK) return status;
  for (int i = 0; i < 3; i++) {
    then[i] = sol_safetensors_metadata(st, keys[i]);
    if (then[i] == NULL) return solid_fail(SOLID_EFORMAT, "%s: no %s", path, keys[i]);
  }
  hash_texts(then, hex);
  status = sol_checkpoint_check_sum(st, path, "checksum texts", hex);
  if (status == SOLID_OK) status = sol_checkpoint_check_text(st, path, "config", id.config);
  if (status == SOLID_OK) status = check_options(t, st, path, then[1], id.options);
  return status == SOLID_OK ? sol_checkpoint_check_text(st, path, "data", id.data) : status;
}

static solid_status read_values(const sol_fit *t, const sol_safetensors *st, const char *path, state *s) {
  size_t total = t->step.total;
  char hex[HEX];
  solid_status status = sol_checkpoint_read(st, path, "counters", SOL_U64, COUNTERS, s->counters);
  if (status == SOLID_OK) status = sol_checkpoint_read(st, path, "figures", SOL_F64, FIGURES, s->figures);
  if (status == SOLID_OK) status = sol_checkpoint_read(st, path, "best", SOL_F32, total, s->best);
  for (size_t i = 0; i < DEVICE_ARRAYS && status == SOLID_OK; i++)
    if (has_array(t, i))
      status = sol_checkpoint_read(st, path, device_arrays[i].name, SOL_F32, total, s->values + i * total);
  if (status == SOLID_OK && sol_fit_learns_codes(t))
    status = sol_checkpoint_read(st, path, "codebook", SOL_F32, t->learner.state_floats, s->book);
  if (status == SOLID_OK && sol_fit_learns_codes(t))
    status = sol_checkpoint_read(st, path, "codes", SOL_U16, t->learner.state_codes, s->codes);
  if (status != SOLID_OK) return status;
  hash_values(t, s, hex);
  return sol_checkpoint_check_sum(st, path, "checksum values", hex);
}

static solid_status take_values(sol_fit *t, const state *s) {
  sk_backend *be = t->be;
  size_t total = t->step.total;
  solid_status status = sol_step_clear(&t->step); /* a cancelled epoch leaves a part of its loss */
  if (status != SOLID_OK) return status;
  for (size_t i = 0; i < DEVICE_ARRAYS && status == SOLID_OK; i++)
    if (has_array(t, i))
      status =
          be->ops->upload(be, t->step.values[device_arrays[i].array], s->values + i * total, total * sizeof(float));
  if (status == SOLID_OK) status = be->ops->sync(be);
  if (status != SOLID_OK) return solid_fail(status, "%s", be->err);
  if (sol_fit_learns_codes(t)) {
    memcpy(t->learner.state, s->book, t->learner.state_floats * sizeof *s->book);
    memcpy(t->learner.table, s->codes, t->learner.state_codes * sizeof *s->codes);
    status = sol_step_recode(&t->step, t->learner.table);
    if (status == SOLID_OK) status = sol_fit_set_mates(t, t->learner.table);
    if (status != SOLID_OK) return status;
  }
  memcpy(t->best, s->best, total * sizeof(float));
  t->steps = s->counters[2];
  t->report = (solid_epoch){.epoch = (uint32_t)s->counters[0],
                            .best_epoch = (uint32_t)s->counters[1],
                            .loss = s->figures[0],
                            .ndcg10 = s->figures[1],
                            .hit10 = s->figures[2],
                            .best_ndcg10 = s->figures[3]};
  t->report.finished = sol_fit_is_over(t, &t->report);
  return SOLID_OK;
}

/* The fit changes only when everything has been read and is whole. */
static solid_status read_state(sol_fit *t, const sol_safetensors *st, const char *path) {
  size_t total = t->step.total;
  solid_status status = check_texts(t, st, path);
  if (status != SOLID_OK) return status;
  state s = {.values = malloc(DEVICE_ARRAYS * total * sizeof(float)),
             .best = malloc(total * sizeof(float)),
             .book = malloc(t->learner.state_floats * sizeof(float) + 1),
             .codes = malloc(t->learner.state_codes * sizeof(uint16_t) + 1)};
  if (s.values == NULL || s.best == NULL || s.book == NULL || s.codes == NULL)
    status = solid_fail(SOLID_ENOMEM, "checkpoint of %zu weights", total);
  if (status == SOLID_OK) status = read_values(t, st, path, &s);
  if (status == SOLID_OK) status = take_values(t, &s);
  free(s.values);
  free(s.best);
  free(s.book);
  free(s.codes);
  return status;
}

solid_status sol_fit_load(sol_fit *fit, const char *path) {
  if (access(path, F_OK) != 0 && errno == ENOENT) return solid_fail(SOLID_ENOTFOUND, "%s: no checkpoint", path);
  sol_safetensors st;
  solid_status status = sol_safetensors_open(&st, path);
  if (status != SOLID_OK) return status;
  status = read_state(fit, &st, path);
  sol_safetensors_close(&st);
  return status;
}
