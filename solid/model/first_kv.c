/* Keys and values that the encoder's first block makes of every item, before they are turned: a user's attention state
 * has none of that block, so that whoever reads one takes thousands of them. */
#include "kernels/formula.h"
#include "solid/extend.h"
#include "solid/model/model_parts.h"

enum { AT_ONCE = 256 };

solid_status sol_model_fill_first_kv(const solid_model *model, size_t first, size_t n) {
  const sol_block_weights *w = &model->weights.block[0];
  size_t d = model->file.config.width, end = first + n;
  float *normed = model->first_kv + (size_t)model->file.config.items * 2 * d;
  sol_run run = {model->be, SOLID_OK};
  for (size_t v = first, m; v < end; v += m) {
    m = end - v < AT_ONCE ? end - v : AT_ONCE;
    norm(&run, (int32_t)m, (int32_t)d, model->catalogue.vectors + v * d, w->norm1, NULL, NULL, normed);
    linear(&run, (int32_t)m, (int32_t)d, 2 * (int32_t)d, normed, sol_key_value_part(w->qkv, (int32_t)d),
           model->first_kv + v * 2 * d);
  }
  return run.status;
}

solid_status sol_model_make_first_kv(solid_model *model) {
  const sol_config *config = &model->file.config;
  size_t d = config->width, V = config->items, bytes = (2 * V + AT_ONCE) * d * sizeof(float);
  int has_states = config->attention == SOL_ATTENTION_SPARSE && config->positions == SOL_POSITIONS_ROTARY;
  if (!has_states || model->file.rows || bytes > SOL_FIRST_KV_MOST) return SOLID_OK;
  void *table = NULL;
  solid_status status =
      sol_backend_room(model->be, bytes, "keys and values of items", "free memory on the card, or use another");
  if (status) return status;
  status = model->be->ops->alloc(model->be, &table, bytes);
  model->first_kv = table;
  if (!status) status = sol_model_fill_first_kv(model, 0, V);
  if (!status) status = model->be->ops->sync(model->be);
  return status ? sol_backend_fail(model->be, status) : SOLID_OK;
}
