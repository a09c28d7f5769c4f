/* The tables over the catalogue that encoder, generator and scorer read. */
#include "solid/model/catalogue.h"
#include "kernels/ops.h"

void sol_catalogue_turn_attributes(const sol_config *config, const uint32_t *attributes, int32_t *turned) {
  size_t V = config->items, S = config->slots;
  for (size_t v = 0; v < V; v++)
    for (size_t s = 0; s < S; s++) {
      uint32_t a = attributes[v * S + s];
      turned[s * V + v] = a == SOL_NO_ATTRIBUTE ? -1 : (int32_t)a;
    }
}

solid_status sol_catalogue_compute(sk_backend *be, const sol_config *config, const sol_weights *weights,
                                   sol_catalogue *catalogue) {
  sol_run run = {be, SOLID_OK};
  int32_t V = (int32_t)config->items, d = (int32_t)config->width, K = (int32_t)config->codes;
  catalogue->items = weights->items;
  if (config->levels == 0) {
    catalogue->vectors = weights->items;
    return SOLID_OK;
  }
  for (uint32_t c = 0; c < config->levels; c++)
    sol_op_embed(&run, &(sk_embed_args){.n = V,
                                        .d = d,
                                        .rows = K,
                                        .table = weights->metacodes + (size_t)c * config->codes * config->width,
                                        .index = catalogue->codes + (size_t)c * config->items,
                                        .scale = 1,
                                        .accumulate = c > 0,
                                        .out = catalogue->semantic});
  for (uint32_t s = 0; s < config->slots; s++)
    sol_op_embed(&run, &(sk_embed_args){.n = V,
                                        .d = d,
                                        .rows = (int32_t)config->attributes,
                                        .table = weights->attributes,
                                        .index = catalogue->attributes + (size_t)s * config->items,
                                        .scale = 1,
                                        .accumulate = 1,
                                        .out = catalogue->semantic});
  size_t floats = (size_t)config->items * config->width;
  sol_op_copy(&run, catalogue->vectors, catalogue->semantic, floats);
  sol_op_blend(&run,
               &(sk_blend_args){.n = (int64_t)floats, .a = 1, .b = 1, .x = catalogue->items, .y = catalogue->vectors});
  return run.status;
}
