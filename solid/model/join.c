#include "solid/model/join.h"
#include "solid/base/text.h"
#include "solid/extend.h"
#include "solid/model/content.h"
#include <stdlib.h>
#include <string.h>

static int ascending(const void *a, const void *b) {
  const uint32_t *x = a, *y = b;
  return (*x > *y) - (*x < *y);
}

/* The attributes that the model has a name for, each once. Returns how many. */
static uint32_t known_attributes(const solid_model *model, const solid_item_entry *entry, uint32_t *ids) {
  uint32_t n = 0, kept = 0;
  for (size_t i = 0; i < entry->n_attributes; i++) {
    uint32_t id = solid_model_category(model, entry->attributes[i]);
    if (id != UINT32_MAX) ids[n++] = id;
  }
  qsort(ids, n, sizeof *ids, ascending);
  for (uint32_t i = 0; i < n; i++)
    if (!kept || ids[i] != ids[kept - 1]) ids[kept++] = ids[i];
  return kept;
}

/* Codes from content; 0 = nothing is known of it. */
static int find_codes(const sol_model_file *file, const solid_item_entry *entry, const uint32_t *ids, uint32_t n,
                      double *x, uint16_t *codes) {
  const sol_config *config = &file->config;
  const sol_content content = {.names = file->categories.count,
                               .attributes = config->content_attributes,
                               .given = config->content_given,
                               .vectors = config->content_vectors,
                               .words = file->content_words,
                               .mean = file->content_mean,
                               .basis = file->content_basis};
  const float *vector = entry->width == content.given && content.given ? entry->vector : NULL;
  if (!sol_content_of(&content, ids, n, vector, x)) return 0;
  sol_content_codes(file->centroids, config->levels, config->codes, config->content,
                    content.attributes + content.vectors, x, codes);
  return 1;
}

/* s_v: metacodes in the order of the levels, then attributes in the order of the slots, as catalogue.c adds them. */
static void make_vector(const sol_growth *g, const sol_config *config, const uint16_t *codes, const uint32_t *ids,
                        uint32_t n, float *vector) {
  size_t d = config->width;
  for (size_t j = 0; j < d; j++) {
    float sum = 0;
    for (size_t c = 0; c < config->levels; c++) sum += g->metacodes[(c * config->codes + codes[c]) * d + j];
    for (uint32_t i = 0; i < n && i < config->slots; i++)
      if (ids[i] < config->attributes && g->learned[ids[i]]) sum += g->attributes[ids[i] * d + j];
    vector[j] = sum;
  }
}

static sol_joined *new_joined(const solid_item_entry *entry, uint64_t number, const uint32_t *ids, uint32_t n,
                              size_t d) {
  sol_joined *item = calloc(1, sizeof *item + entry->id.size + entry->title.size);
  if (!item) return NULL;
  char *text = (char *)(item + 1);
  item->category = malloc((2 * (size_t)n + 1) * sizeof *item->category);
  item->vector = malloc(d * sizeof *item->vector);
  if (!item->category || !item->vector) {
    sol_joined_free(item);
    return NULL;
  }
  item->next = item->category + n;
  if (n) memcpy(item->category, ids, n * sizeof *ids);
  memcpy(text, entry->id.data, entry->id.size);
  if (entry->title.size) memcpy(text + entry->id.size, entry->title.data, entry->title.size);
  item->id = (solid_bytes){text, entry->id.size};
  item->title = (solid_bytes){text + entry->id.size, entry->title.size};
  item->hash = solid_item_hash(entry->id);
  item->number = number;
  item->categories = n;
  return item;
}

/* Its row on the device, behind the queue of the model, which is waited for. */
static solid_status write_row(const solid_model *model, uint32_t row, const float *vector) {
  size_t d = model->file.config.width, bytes = d * sizeof *vector;
  sk_backend *be = model->be;
  if (model->late) {
    memcpy(model->late + (row - sol_model_trained(model)) * d, vector, bytes);
    return SOLID_OK;
  }
  float *vectors = model->device_tables + ((size_t)model->file.config.items + row) * d;
  solid_status status = be->ops->upload(be, model->device_tables + (size_t)row * d, vector, bytes);
  if (!status) status = be->ops->upload(be, vectors, vector, bytes);
  if (!status && model->first_kv) status = sol_model_fill_first_kv(model, row, 1);
  solid_status waited = be->ops->sync(be);
  if (!status) status = waited;
  return status ? sol_backend_fail(be, status) : sol_model_refill(model, row);
}

solid_status sol_model_join(const solid_model *model, const solid_item_entry *entry, uint64_t number) {
  sol_growth *g = model->growth;
  const sol_config *config = &model->file.config;
  uint32_t ids[SOLID_ITEM_ATTRIBUTES_MAX], n = known_attributes(model, entry, ids);
  uint16_t codes[SOL_MAX_LEVELS] = {0};
  size_t parts = (size_t)config->content_attributes + config->content_vectors;
  double *x = malloc((parts + 1) * sizeof *x);
  if (!x) return solid_fail(SOLID_ENOMEM, "out of memory: content of %zu numbers", parts);
  int is_known = config->levels && find_codes(&model->file, entry, ids, n, x, codes);
  free(x);
  if (!is_known)
    return solid_fail(SOLID_ENOTFOUND, "item %s: the model knows none of its attributes, and it has no vector of %u",
                      sol_show(entry->id.data, entry->id.size).text, config->content_given);
  uint32_t row = atomic_load(&g->count);
  if (row == g->rows)
    return solid_fail(SOLID_EFULL, "model: no spare row is left of %u, behind %u items", g->rows - g->trained,
                      g->trained);
  sol_joined *item = new_joined(entry, number, ids, n, config->width);
  if (!item) return solid_fail(SOLID_ENOMEM, "out of memory: item");
  memcpy(model->file.codes + (size_t)row * config->levels, codes, config->levels * sizeof *codes);
  make_vector(g, config, codes, ids, n, item->vector);
  solid_status status = write_row(model, row, item->vector);
  if (status) {
    sol_joined_free(item);
    return status;
  }
  sol_growth_publish(g, item);
  return SOLID_OK;
}
