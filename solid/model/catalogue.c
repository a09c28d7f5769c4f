/* The tables over the catalogue that encoder, generator and scorer read. */
#include "solid/model/catalogue.h"
#include "kernels/formula.h"

void sol_catalogue_turn_attributes(const sol_config *config, const uint32_t *attributes, int32_t *turned) {
  size_t V = config->items, S = config->slots;
  for (size_t v = 0; v < V; v++)
    for (size_t s = 0; s < S; s++) {
      uint32_t a = attributes[v * S + s];
      turned[s * V + v] = a == SOL_NO_ATTRIBUTE ? -1 : (int32_t)a;
    }
}

void sol_gather_items(sol_run *run, sol_item_rows from, int32_t n, const int32_t *index, float *out) {
  const sol_catalogue *c = from.catalogue;
  const float *tables[] = {[SK_ROWS_WHOLE] = c->vectors, [SK_ROWS_OWN] = c->items, [SK_ROWS_SHARED] = c->semantic};
  sol_op_embed(run, &(sk_embed_args){.n = n,
                                     .d = (int32_t)from.config->width,
                                     .rows = (int32_t)from.config->items,
                                     .table = tables[from.part],
                                     .index = index,
                                     .scale = 1,
                                     .out = out,
                                     .made = c->rows,
                                     .part = from.part});
}

void sol_catalogue_range(sol_run *run, const sol_config *config, const sol_weights *weights,
                         const sol_catalogue *catalogue, uint32_t first, uint32_t n, float *semantic, float *vectors) {
  size_t V = config->items;
  int32_t count = (int32_t)n, d = (int32_t)config->width, K = (int32_t)config->codes;
  for (uint32_t c = 0; c < config->levels; c++)
    gather(run, count, d, K, weights->metacodes + (size_t)c * config->codes * config->width,
           catalogue->codes + c * V + first, c > 0, semantic);
  for (uint32_t s = 0; s < config->slots; s++)
    gather(run, count, d, (int32_t)config->attributes, weights->attributes, catalogue->attributes + s * V + first, 1,
           semantic);
  int64_t floats = (int64_t)count * d;
  blend(run, floats, 1, semantic, 0, vectors); /* either may be memory of the host */
  add(run, floats, weights->items + (size_t)first * config->width, vectors);
}

solid_status sol_catalogue_compute(sk_backend *be, const sol_config *config, const sol_weights *weights,
                                   sol_catalogue *catalogue) {
  sol_run run = {be, SOLID_OK};
  catalogue->items = weights->items;
  if (config->levels == 0)
    catalogue->vectors = weights->items;
  else
    sol_catalogue_range(&run, config, weights, catalogue, 0, config->items, catalogue->semantic, catalogue->vectors);
  return run.status;
}
