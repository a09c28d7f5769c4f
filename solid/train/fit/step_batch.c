#include "solid/train/fit/step.h"
#include <assert.h>
#include <string.h>

#define ITEM_DROPOUT_SITE ((uint64_t)1 << 32) /* apart from every sol_site */

int sol_step_drops_item(uint64_t seed, float p, uint32_t item) {
  return (double)(sol_site_seed(sol_site_seed(seed, ITEM_DROPOUT_SITE), item) >> 11) * 0x1p-53 < (double)p;
}

size_t sol_step_batch_ints(const sol_step *step, const solid_train_options *options) {
  size_t ints = sol_batch_ints(&step->config, SOL_EVERY_ROW, step->max_windows, step->max_rows) + step->max_rows;
  if (options->item_dropout > 0) ints += step->here.items;
  return ints + (options->negatives > 0 ? sol_step_part_ints(step) : 0);
}

solid_status sol_step_bring(sol_step *step, const solid_train_options *options, uint64_t seed,
                            const solid_windows *inputs, const int32_t *targets, sol_brought *out) {
  sol_step *s = step;
  solid_windows windows = *inputs;
  size_t rows = inputs->offsets[inputs->n] - inputs->offsets[0];
  size_t ints = sol_batch_ints(&s->config, SOL_EVERY_ROW, inputs->n, rows);
  assert(inputs->n <= s->max_windows && rows <= s->max_rows && sol_batch_rows(s->config.window, inputs) == rows);
  int32_t *device = s->ints + sol_step_semantic_ints(&s->config);
  size_t slot = s->brought++ % SOL_BATCHES_AHEAD;
  int32_t *host = s->host + slot * s->batch_ints;
  solid_status status = slot == 0 ? s->be->ops->sync(s->be) : SOLID_OK; /* none is still on its way */
  if (status != SOLID_OK) return status;
  if (sol_step_has_part(s)) {
    sol_step_part_take(s, seed, inputs, targets, host + ints);
    windows.items = s->part.inputs;
  } else {
    memcpy(host + ints, targets, rows * sizeof *targets);
  }
  sol_batch_pack(&out->batch, &s->config, SOL_EVERY_ROW, &windows, host, device);
  out->target = device + ints;
  ints += rows;
  out->left = device + ints;
  for (uint32_t v = 0; v < s->here.items && s->shown != NULL; v++) {
    uint32_t item = sol_step_has_part(s) ? s->part.set.items[v] : v;
    host[ints++] = sol_step_drops_item(seed, options->item_dropout, item) ? -1 : (int32_t)v;
  }
  if (sol_step_has_part(s)) ints += sol_step_part_pack(s, host + ints, device + ints, out);
  return s->be->ops->upload(s->be, device, host, ints * sizeof(int32_t));
}
