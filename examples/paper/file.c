#include "examples/paper/file.h"
#include "examples/paper/weights.h"
#include "solid/extend.h"
#include "solid/model/safetensors.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FORMAT "solid-paper"

/*        key        place in a config      */
#define NUMBERS(X)                                                                                                     \
  X(items)                                                                                                             \
  X(semantics)                                                                                                         \
  X(clusters)                                                                                                          \
  X(width)                                                                                                             \
  X(heads)                                                                                                             \
  X(window)

enum { MAX_KEYS = 16, TEXT = 32 };

typedef struct writer {
  sol_metadata pairs[MAX_KEYS];
  char texts[MAX_KEYS][TEXT];
  size_t count;
} writer;

static void put(writer *w, const char *key, const char *text) {
  snprintf(w->texts[w->count], TEXT, "%s", text);
  w->pairs[w->count] = (sol_metadata){key, w->texts[w->count]};
  w->count++;
}

static void put_number(writer *w, const char *key, uint64_t value) {
  char text[TEXT];
  snprintf(text, sizeof text, "%" PRIu64, value);
  put(w, key, text);
}

static void put_real(writer *w, const char *key, float value) {
  char text[TEXT];
  snprintf(text, sizeof text, "%.9g", (double)value);
  put(w, key, text);
}

solid_status sol_paper_file_write(const char *path, const sol_paper_model *model, const sol_paper_origin *origin) {
  const sol_paper_config *c = &model->config;
  sol_tensor_source sources[SOL_PAPER_MAX_TENSORS + 1];
  sol_paper_tensors tensors;
  writer w = {.count = 0};
  put(&w, "format", FORMAT);
  put(&w, "backbone", sol_paper_backbones[c->backbone]);
  put(&w, "head", sol_paper_heads[c->head]);
  put(&w, "form", sol_paper_forms[c->form]);
#define PUT(name) put_number(&w, #name, c->name);
  NUMBERS(PUT)
#undef PUT
  put_real(&w, "clip", c->clip);
  put_real(&w, "weight", c->weight);
  put_number(&w, "data", origin->data_hash);
  put_number(&w, "seed", origin->seed);
  put_number(&w, "negatives", origin->negatives);
  put_number(&w, "epochs", origin->epochs);
  sol_paper_tensors_make(c, &tensors);
  for (size_t i = 0; i < tensors.count; i++) {
    const sol_paper_tensor *t = &tensors.list[i];
    sources[i] = (sol_tensor_source){t->name, SOL_F32, t->n_dims, {t->dims[0], t->dims[1]}, model->values + t->offset};
  }
  size_t n = tensors.count;
  if (model->category != NULL) sources[n++] = (sol_tensor_source){"category", SOL_I32, 1, {c->items}, model->category};
  return sol_safetensors_write(path, sources, n, w.pairs, w.count);
}

static solid_status get(const sol_safetensors *st, const char *key, const char **text) {
  *text = sol_safetensors_metadata(st, key);
  return *text != NULL ? SOLID_OK : solid_fail(SOLID_EFORMAT, "%s: no \"%s\" in its metadata", st->path, key);
}

static solid_status get_number(const sol_safetensors *st, const char *key, uint64_t most, uint64_t *value) {
  const char *text;
  char *end;
  solid_status status = get(st, key, &text);
  if (status != SOLID_OK) return status;
  errno = 0;
  *value = strtoull(text, &end, 10);
  if (errno != 0 || end == text || *end != '\0' || *text == '-' || *value > most)
    return solid_fail(SOLID_EFORMAT, "%s: \"%s\" is \"%.40s\", not 0 to %" PRIu64, st->path, key, text, most);
  return SOLID_OK;
}

static solid_status get_real(const sol_safetensors *st, const char *key, float *value) {
  const char *text;
  char *end;
  solid_status status = get(st, key, &text);
  if (status != SOLID_OK) return status;
  *value = strtof(text, &end);
  if (end == text || *end != '\0') return solid_fail(SOLID_EFORMAT, "%s: \"%s\" is \"%.40s\"", st->path, key, text);
  return SOLID_OK;
}

static solid_status get_choice(const sol_safetensors *st, const char *key, const char *const *names, int n,
                               int *choice) {
  const char *text;
  solid_status status = get(st, key, &text);
  for (*choice = 0; status == SOLID_OK && *choice < n; ++*choice)
    if (strcmp(text, names[*choice]) == 0) return SOLID_OK;
  return status != SOLID_OK ? status : solid_fail(SOLID_EFORMAT, "%s: \"%s\" is \"%.40s\"", st->path, key, text);
}

static solid_status read_config(const sol_safetensors *st, sol_paper_config *c) {
  int backbone = 0, head = 0, form = 0;
  uint64_t value = 0;
  const char *format = sol_safetensors_metadata(st, "format");
  if (format == NULL || strcmp(format, FORMAT) != 0)
    return solid_fail(SOLID_EFORMAT, "%s: its format is \"%.40s\", not \"%s\": solid_paper makes such files", st->path,
                      format != NULL ? format : "", FORMAT);
  solid_status status = get_choice(st, "backbone", sol_paper_backbones, 3, &backbone);
  if (status == SOLID_OK) status = get_choice(st, "head", sol_paper_heads, 3, &head);
  if (status == SOLID_OK) status = get_choice(st, "form", sol_paper_forms, 2, &form);
#define GET(name)                                                                                                      \
  if (status == SOLID_OK) status = get_number(st, #name, UINT32_MAX, &value);                                          \
  c->name = (uint32_t)value;
  NUMBERS(GET)
#undef GET
  if (status == SOLID_OK) status = get_real(st, "clip", &c->clip);
  if (status == SOLID_OK) status = get_real(st, "weight", &c->weight);
  c->backbone = (sol_paper_backbone)backbone, c->head = (sol_paper_head)head, c->form = (sol_paper_form)form;
  if (status == SOLID_OK && sol_paper_config_check(c) != SOLID_OK)
    status = solid_fail(SOLID_EFORMAT, "%s: %s", st->path, solid_last_error());
  return status;
}

static solid_status read_tensor(const sol_safetensors *st, const char *name, sol_dtype dtype, uint32_t n_dims,
                                const uint64_t *dims, void *data) {
  const sol_tensor_entry *entry = sol_safetensors_find(st, name);
  if (entry == NULL) return solid_fail(SOLID_EFORMAT, "%s: no tensor %s", st->path, name);
  solid_status status = sol_safetensors_expect(st, entry, dtype, n_dims, dims);
  return status == SOLID_OK ? sol_safetensors_read(st, entry, data) : status;
}

static solid_status read_category(const sol_safetensors *st, sol_paper_model *model) {
  const uint64_t dims[] = {model->config.items};
  model->category = malloc(model->config.items * sizeof *model->category);
  if (model->category == NULL) return solid_fail(SOLID_ENOMEM, "%s: %u categories", st->path, model->config.items);
  solid_status status = read_tensor(st, "category", SOL_I32, 1, dims, model->category);
  for (uint32_t v = 0; v < model->config.items && status == SOLID_OK; v++) {
    int32_t c = model->category[v];
    if (c < 0 || (uint32_t)c >= model->config.semantics)
      status = solid_fail(SOLID_EFORMAT, "%s: item %u has semantic %d of %u", st->path, v, c, model->config.semantics);
  }
  return status;
}

static solid_status read_weights(const sol_safetensors *st, sol_paper_model *model) {
  sol_paper_tensors tensors;
  sol_paper_tensors_make(&model->config, &tensors);
  model->values = calloc(tensors.total, sizeof *model->values);
  if (model->values == NULL) return solid_fail(SOLID_ENOMEM, "%s: %zu weights", st->path, tensors.total);
  solid_status status = SOLID_OK;
  for (size_t i = 0; i < tensors.count && status == SOLID_OK; i++) {
    const sol_paper_tensor *t = &tensors.list[i];
    const uint64_t dims[] = {t->dims[0], t->dims[1]};
    status = read_tensor(st, t->name, SOL_F32, t->n_dims, dims, model->values + t->offset);
  }
  return status;
}

solid_status sol_paper_file_read(const char *path, sol_paper_model *model, sol_paper_origin *origin) {
  sol_safetensors st = {.fd = -1};
  sol_paper_model read = {0};
  sol_paper_origin from = {0};
  uint64_t epochs = 0;
  solid_status status = sol_safetensors_open(&st, path);
  if (status != SOLID_OK) return status;
  status = read_config(&st, &read.config);
  if (status == SOLID_OK) status = get_number(&st, "data", UINT64_MAX, &from.data_hash);
  if (status == SOLID_OK) status = get_number(&st, "seed", UINT64_MAX, &from.seed);
  if (status == SOLID_OK) status = get_number(&st, "negatives", UINT64_MAX, &from.negatives);
  if (status == SOLID_OK) status = get_number(&st, "epochs", UINT32_MAX, &epochs);
  from.epochs = (uint32_t)epochs;
  if (status == SOLID_OK) status = read_weights(&st, &read);
  if (status == SOLID_OK && read.config.head == SOL_PAPER_SOLID) status = read_category(&st, &read);
  sol_safetensors_close(&st);
  if (status != SOLID_OK)
    sol_paper_model_clear(&read);
  else
    *model = read, *origin = from;
  return status;
}
