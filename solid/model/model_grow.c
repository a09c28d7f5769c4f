/* Models that items of the item log may join and leave: how they are loaded, copied with more room, and asked. */
#include "solid/base/handshake.h"
#include "solid/extend.h"
#include "solid/model/model_file.h"
#include "solid/model/model_parts.h"
#include "solid/model/rows_file.h"
#include <stdlib.h>
#include <string.h>

enum { SPARE_LEAST = 64, SPARE_MOST = 10000 /* percent */, ROWS_MOST = 1 << 30 };

solid_model_options solid_model_options_default(void) {
  return (solid_model_options)SOLID_MODEL_OPTIONS_INIT;
}

/* Rows come in words of the masks; 0 where the items alone are as many as there may be. */
static uint32_t spare_rows(uint32_t items, uint64_t wanted) {
  if (!wanted || items >= ROWS_MOST) return 0;
  if (wanted < SPARE_LEAST) wanted = SPARE_LEAST;
  if (wanted > ROWS_MOST) wanted = ROWS_MOST;
  uint64_t rows = (items + wanted + 63) / 64 * 64;
  return (uint32_t)(rows < ROWS_MOST ? rows : ROWS_MOST) - items;
}

solid_status solid_model_load_with(solid_model **out, const solid_context *ctx, const char *path,
                                   const solid_model_options *options) {
  solid_model_options all = SOLID_MODEL_OPTIONS_INIT;
  solid_status status = sol_struct_take(&all, sizeof all, options, "model options");
  if (status) return status;
  if (all.spare_items < -1 || all.spare_items > SPARE_MOST)
    return solid_fail(SOLID_ERANGE, "model: spare_items is %d, must be -1 to %d percent", all.spare_items, SPARE_MOST);
  if (all.spare_items < 0) return solid_model_load(out, ctx, path);
  if (!out || !ctx || !path) return solid_fail(SOLID_EINVAL, "model: out, context or path is NULL");
  return sol_model_open(out, ctx, path, all.spare_items, SOL_ROWS_STAY);
}

solid_status sol_model_open(solid_model **out, const solid_context *ctx, const char *path, int32_t spare,
                            uint32_t stay) {
  sol_model_file file;
  solid_status status = sol_model_file_read_from(&file, path, sol_rows_stay(ctx, stay));
  if (status) return status;
  uint64_t items = file.config.items;
  if (spare >= 0) status = sol_model_file_spare(&file, spare_rows((uint32_t)items, items * (uint64_t)spare / 100));
  if (status)
    sol_model_file_clear(&file);
  else
    status = sol_model_make(out, ctx, &file, spare >= 0, stay);
  return status ? sol_fail_at(status, path) : SOLID_OK;
}

/* Where at most half of the rows are of items, the others were described anew and leave their rows: a copy of the same
 * size has room again. */
static uint64_t rows_for(uint64_t items, uint64_t spare) {
  uint64_t most = items < ROWS_MOST ? items : ROWS_MOST, wanted = most + most / 2, twice = 2 * spare;
  if (items <= spare / 2) return spare;
  return (wanted > twice ? wanted : twice) + 1;
}

/* E joins what was downloaded where it stays apart on the host. */
static solid_status join_rows(const solid_model *model, float **weights) {
  const sol_config *config = &model->file.config, layout = sol_model_layout(model);
  if (!model->host_rows) return SOLID_OK;
  float *whole = sol_weights_with_items(&layout, *weights, config->items);
  if (!whole) return solid_fail(SOLID_ENOMEM, "out of memory: a copy of %u rows", config->items);
  memcpy(whole, model->host_rows, (size_t)config->items * config->width * sizeof *whole);
  free(*weights);
  *weights = whole;
  return SOLID_OK;
}

solid_status solid_model_grow(solid_model **out, const solid_model *model, uint64_t items) {
  if (!out || !model) return solid_fail(SOLID_EINVAL, "model: out or model is NULL");
  if (!model->growth) return solid_fail(SOLID_EUNSUPPORTED, "model: was not loaded to grow");
  const sol_config layout = sol_model_layout(model);
  size_t total = sol_tensors_total(&layout);
  uint32_t trained = sol_model_trained(model), spare = model->growth->rows - trained;
  sol_model_file copy;
  sk_backend *be = NULL;
  float *weights = malloc(total * sizeof *weights);
  if (!weights) return solid_fail(SOLID_ENOMEM, "out of memory: a copy of %zu weights", total);
  solid_status status = sol_backend_open(model->ctx, &be);
  if (!status) {
    status = be->ops->download(be, weights, model->device_weights, total * sizeof *weights);
    if (!status) status = be->ops->sync(be);
    if (status) status = sol_backend_fail(be, status);
    be->ops->close(be);
  }
  if (!status) status = join_rows(model, &weights);
  if (!status) status = sol_model_file_copy(&copy, &model->file, weights);
  if (status) {
    free(weights);
    return status;
  }
  return sol_model_new_growing(out, model->ctx, &copy, spare_rows(trained, rows_for(items, spare)));
}

uint32_t solid_model_item_count(const solid_model *model) {
  if (!model) return 0;
  if (!model->growth) return model->file.items.count;
  return atomic_load_explicit(&model->growth->count, memory_order_acquire);
}

int solid_model_item_is_open(const solid_model *model, uint32_t item) {
  if (item >= solid_model_item_count(model)) return 0;
  return !model->growth || !sol_growth_is_closed(model->growth, item);
}

void solid_model_closed_items(const solid_model *model, uint64_t *mask) {
  if (!model || !mask) return;
  size_t words = ((size_t)model->file.config.items + 63) / 64;
  const sol_growth *g = model->growth;
  if (!g) memset(mask, 0, words * sizeof *mask);
  for (size_t i = 0; i < words && g; i++) mask[i] = atomic_load_explicit(&g->closed[i], memory_order_acquire);
}
