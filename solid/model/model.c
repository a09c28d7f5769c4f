#include "solid/model.h"
#include "solid/base/handshake.h"
#include "solid/extend.h"
#include "solid/model/model_file.h"
#include "solid/model/model_parts.h"
#include "solid/model/rows_file.h"
#include "solid/model/titles.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Codes and attributes as the embed operation wants them: one int32 list of all items for each level and slot. */
static int32_t *semantics_by_level(const sol_model_file *file) {
  size_t V = file->config.items, C = file->config.levels, S = file->config.slots;
  int32_t *by_level = malloc(V * (C + S) * sizeof *by_level);
  if (!by_level) return NULL;
  for (size_t c = 0; c < C; c++)
    for (size_t v = 0; v < V; v++) by_level[c * V + v] = v < file->items.count ? file->codes[v * C + c] : -1;
  sol_catalogue_turn_attributes(&file->config, file->attributes, by_level + C * V);
  return by_level;
}

/* The memory of a model; rows of a large catalogue stay on the host, if they may. */
static solid_status take_memory(solid_model *model, uint32_t stay) {
  const sol_config *config = &model->file.config;
  sk_backend *be = model->be;
  size_t rows = (size_t)config->items * config->width, C = config->levels, tables = C ? 2 * rows : 0;
  size_t ints = config->items * (C + config->slots);
  void *weights = NULL, *codes = NULL, *host = NULL, *device = NULL;
  int stays = !be->ops->unified && config->items >= stay && sol_rows_may_stay(config);
  solid_status status = stays ? be->ops->alloc_host(be, &host, (rows + tables) * sizeof(float)) : SOLID_OK;
  if (status) return sol_backend_fail(be, status);
  model->host_rows = host;
  sol_config layout = sol_model_layout(model);
  size_t total = sol_tensors_total(&layout);
  status = sol_backend_room(be, (total + (stays ? 0 : ints + tables)) * sizeof(float) + sol_model_planes_bytes(model),
                            "model", "free memory on the card, or use another");
  if (status) return status;
  status = be->ops->alloc(be, &weights, total * sizeof(float));
  model->device_weights = weights;
  if (!status && C) status = (stays ? be->ops->alloc_host : be->ops->alloc)(be, &codes, ints * sizeof(int32_t));
  model->device_codes = codes;
  if (!status && C && !stays) status = be->ops->alloc(be, &device, tables * sizeof(float));
  model->device_tables = stays ? model->host_rows + rows : device;
  sol_weights_bind(&model->weights, &layout, weights);
  if (stays) model->weights.items = model->host_rows;
  return status ? sol_backend_fail(be, status) : SOLID_OK;
}

/* `rest` is what is uploaded of weights whose E stays apart; the caller frees it when the queue is idle. */
static solid_status upload_weights(solid_model *model, float **rest) {
  sk_backend *be = model->be;
  const sol_config *config = &model->file.config, layout = sol_model_layout(model);
  const float *weights = model->file.weights;
  solid_status status = SOLID_OK;
  if (model->host_rows) {
    *rest = sol_weights_with_items(config, weights, 0);
    if (!*rest) return solid_fail(SOLID_ENOMEM, "out of memory: weights");
    status = be->ops->upload(be, model->host_rows, weights, (size_t)config->items * config->width * sizeof(float));
    weights = *rest;
  }
  if (!status) status = be->ops->upload(be, model->device_weights, weights, sol_tensors_total(&layout) * sizeof(float));
  return status ? sol_backend_fail(be, status) : SOLID_OK;
}

static void free_codes(solid_model *model) {
  (model->host_rows ? model->be->ops->free_host : model->be->ops->free)(model->be, model->device_codes);
  model->device_codes = NULL;
  model->catalogue.codes = model->catalogue.attributes = NULL;
}

static solid_status make_tables(solid_model *model, const int32_t *codes) {
  const sol_config *config = &model->file.config;
  sk_backend *be = model->be;
  size_t V = config->items, d = config->width, C = config->levels;
  solid_status status = SOLID_OK;
  if (C) {
    status = be->ops->upload(be, model->device_codes, codes, V * (C + config->slots) * sizeof(int32_t));
    model->catalogue.codes = model->device_codes;
    model->catalogue.attributes = model->device_codes + C * V;
    model->catalogue.semantic = model->device_tables;
    model->catalogue.vectors = model->device_tables + V * d;
  }
  if (!status) status = sol_catalogue_compute(be, config, &model->weights, &model->catalogue);
  return status ? sol_backend_fail(be, status) : SOLID_OK;
}

/* Uploads weights, codes and attributes and computes the catalogue's tables. `codes` lives until the queue is idle. */
static solid_status fill_device(solid_model *model, const int32_t *codes, uint32_t stay) {
  float *rest = NULL;
  solid_status status = take_memory(model, stay);
  if (status) return status;
  status = upload_weights(model, &rest);
  if (!status) status = make_tables(model, codes);
  solid_status waited = model->be->ops->sync(model->be);
  free(rest);
  if (model->host_rows) free_codes(model); /* the tables are what is read from here on */
  return !status && waited ? sol_backend_fail(model->be, waited) : status;
}

/* The host's memory is the device's: nothing moves but what E is added to. */
static solid_status use_rows(solid_model *model) {
  const sol_model_file *file = &model->file;
  const sol_config *config = &file->config, layout = sol_model_file_layout(file);
  size_t total = sol_tensors_total(&layout), trained = file->items.count, d = config->width;
  void *weights = NULL;
  solid_status status = model->be->ops->alloc(model->be, &weights, total * sizeof(float));
  if (status) return sol_backend_fail(model->be, status);
  model->device_weights = weights;
  memcpy(weights, file->weights, total * sizeof(float));
  model->late = calloc((config->items - trained) * d + 1, sizeof *model->late);
  if (!model->late) return solid_fail(SOLID_ENOMEM, "out of memory: %zu spare rows", config->items - trained);
  sol_weights_bind(&model->weights, &layout, weights);
  model->weights.items = NULL;
  model->rows = (sk_rows){.d = (int32_t)d,
                          .items = (int32_t)config->items,
                          .filed = (int32_t)trained,
                          .levels = (int32_t)config->levels,
                          .codes = (int32_t)config->codes,
                          .slots = (int32_t)config->slots,
                          .file = file->rows,
                          .code = file->codes,
                          .attribute = file->attributes,
                          .metacodes = model->weights.metacodes,
                          .attributes = model->weights.attributes,
                          .late = model->late};
  model->catalogue.rows = &model->rows;
  return SOLID_OK;
}

static solid_status move_to_device(solid_model *model, uint32_t stay) {
  int32_t *codes = NULL;
  solid_status status = sol_backend_open(model->ctx, &model->be);
  if (status) return status;
  if (model->file.rows) {
    status = use_rows(model);
    free(model->file.weights);
    model->file.weights = NULL;
    return status;
  }
  if (model->file.config.levels && !(codes = semantics_by_level(&model->file)))
    return solid_fail(SOLID_ENOMEM, "out of memory: codes of %u items", model->file.config.items);
  status = fill_device(model, codes, stay);
  free(codes);
  free(model->file.weights); /* from here on the copy on the device is used */
  model->file.weights = NULL;
  return status;
}

solid_status sol_model_make(solid_model **out, const solid_context *ctx, sol_model_file *file, int grows,
                            uint32_t stay) {
  assert(file->generation != 0);
  solid_model *model = calloc(1, sizeof *model);
  if (!model) {
    sol_model_file_clear(file);
    return solid_fail(SOLID_ENOMEM, "out of memory: model");
  }
  model->ctx = ctx;
  model->file = *file;
  memset(file, 0, sizeof *file);
  solid_status status = sol_id_index_build(&model->items, &model->file.items, "item id");
  if (!status) status = sol_id_index_build(&model->categories, &model->file.categories, "category name");
  if (!status) status = sol_model_turn_categories(model);
  if (!status && grows) status = sol_growth_new(&model->growth, &model->file, model->file.items.count);
  if (!status) status = move_to_device(model, stay);
  if (!status) status = sol_model_make_scout(model);
  if (!status) status = sol_model_make_first_kv(model);
  if (status) {
    solid_model_free(model);
    return status;
  }
  *out = model;
  return SOLID_OK;
}

solid_status sol_model_new(solid_model **out, const solid_context *ctx, sol_model_file *file) {
  return sol_model_make(out, ctx, file, 0, SOL_ROWS_STAY);
}

solid_status sol_model_new_growing(solid_model **out, const solid_context *ctx, sol_model_file *file, uint32_t spare) {
  solid_status status = sol_model_file_spare(file, spare);
  if (!status) return sol_model_make(out, ctx, file, 1, SOL_ROWS_STAY);
  sol_model_file_clear(file);
  return status;
}

solid_status solid_model_load(solid_model **out, const solid_context *ctx, const char *path) {
  if (!out || !ctx || !path) return solid_fail(SOLID_EINVAL, "model: out, context or path is NULL");
  return sol_model_open(out, ctx, path, -1, SOL_ROWS_STAY);
}

void solid_model_free(solid_model *model) {
  if (!model) return;
  if (model->be) {
    model->be->ops->free(model->be, model->device_weights);
    free_codes(model);
    model->be->ops->free(model->be, model->host_rows ? NULL : model->device_tables);
    model->be->ops->free_host(model->be, model->host_rows);
    model->be->ops->free(model->be, model->scout_memory);
    model->be->ops->free(model->be, model->first_kv);
    model->be->ops->close(model->be);
  }
  free(model->late);
  free(model->late_items);
  sol_growth_free(model->growth);
  sol_id_index_clear(&model->items);
  sol_id_index_clear(&model->categories);
  sol_model_file_clear(&model->file);
  free(model->item_categories);
  free(model->category_starts);
  free(model);
}

solid_status solid_model_get_info(const solid_model *model, solid_model_info *info) {
  if (!model || !info) return solid_fail(SOLID_EINVAL, "model info: model or info is NULL");
  const sol_config *config = &model->file.config;
  solid_model_info all = {.width = config->width,
                          .window = config->window,
                          .blocks = config->blocks,
                          .heads = config->heads,
                          .levels = config->levels,
                          .codes = config->codes,
                          .items = sol_model_trained(model),
                          .categories = model->file.categories.count,
                          .rank = sol_config_layer_width(config),
                          .params = sol_config_params(config),
                          .head = config->head,
                          .generation = model->file.generation,
                          .attributes = config->attributes,
                          .slots = config->slots,
                          .slate_rows = config->slate_rows,
                          .slate_near = config->slate_near,
                          .rows = config->items};
  return sol_struct_give(info, &all, sizeof all, "model info");
}

static uint32_t unless_removed(const solid_model *model, uint32_t item) {
  return model->growth && item != SOLID_NO_ITEM && sol_growth_is_removed(model->growth, item) ? SOLID_NO_ITEM : item;
}

/* Of two ids that share a hash, the model was trained on one at most, and the log's second one is not told apart. */
uint32_t solid_model_item_index(const solid_model *model, solid_bytes id) {
  if (!model || (id.size && !id.data)) return SOLID_NO_ITEM;
  uint32_t item = sol_id_index_find(&model->items, &model->file.items, id);
  if (item != SOLID_NO_ITEM || !model->growth) return unless_removed(model, item);
  return sol_growth_find(model->growth, solid_item_hash(id));
}

uint32_t solid_model_item_by_hash(const solid_model *model, uint64_t hash) {
  if (!model) return SOLID_NO_ITEM;
  uint32_t item = sol_id_index_by_hash(&model->items, hash);
  if (item != SOLID_NO_ITEM || !model->growth) return unless_removed(model, item);
  return sol_growth_find(model->growth, hash);
}

solid_bytes solid_model_item_id(const solid_model *model, uint32_t item) {
  const solid_bytes none = {NULL, 0};
  if (!model) return none;
  if (item < model->file.items.count) return sol_strings_at(&model->file.items, item);
  const sol_joined *joined = sol_model_joined(model, item);
  return joined ? joined->id : none;
}

const uint16_t *solid_model_item_codes(const solid_model *model, uint32_t item) {
  if (!model) return NULL;
  int is_there = item < sol_model_trained(model) || sol_model_joined(model, item);
  if (!is_there || !model->file.codes) return NULL;
  return model->file.codes + (size_t)item * model->file.config.levels;
}

uint32_t solid_model_category(const solid_model *model, solid_bytes name) {
  if (!model || (name.size && !name.data) || model->file.categories.count == 0) return UINT32_MAX;
  return sol_id_index_find(&model->categories, &model->file.categories, name);
}

solid_bytes solid_model_category_name(const solid_model *model, uint32_t category) {
  const solid_bytes none = {NULL, 0};
  return model && category < model->file.categories.count ? sol_strings_at(&model->file.categories, category) : none;
}

solid_status solid_model_category_items(const solid_model *model, uint32_t category, const uint32_t **items,
                                        size_t *count) {
  if (!model || !items || !count) return solid_fail(SOLID_EINVAL, "category items: model, items or count is NULL");
  if (category >= model->file.categories.count)
    return solid_fail(SOLID_ERANGE, "category %u: the model has %u", category, model->file.categories.count);
  const uint32_t *offsets = model->file.category_offsets;
  *items = model->file.category_items + offsets[category];
  *count = offsets[category + 1] - offsets[category];
  return SOLID_OK;
}
