/* Inference against the naive model: windows that are empty, shorter and longer than L. */
#include "tests/ref/ref_model.h"
#include "tests/support/compare.h"
#include "tests/support/rig.h"
#include "tests/support/tiny_batch.h"
#include <criterion/criterion.h>
#include <stdlib.h>

#define WINDOWS 9

/* Codes (C, V) from (V, C). */
static const int32_t *turned_codes(rig *r, const sol_config *config, const uint16_t *codes) {
  size_t n = (size_t)config->items * config->levels;
  int32_t *out = calloc(n + 1, sizeof *out);
  for (uint32_t v = 0; v < config->items; v++)
    for (uint32_t c = 0; c < config->levels; c++) out[c * config->items + v] = codes[v * config->levels + c];
  const int32_t *device = rig_in_int(r, out, n);
  free(out);
  return device;
}

static void check_windows(const tiny_case *c, const tiny_batch *batch, const float *h, const float *params,
                          const float *u) {
  const sol_config *config = &c->config;
  size_t d = config->width, P = sol_config_params(config), total = sol_tensors_total(config);
  double *values = malloc(total * sizeof *values), *want = malloc((2 * d + P) * sizeof *want);
  for (size_t i = 0; i < total; i++) values[i] = batch->weights[i];
  ref_model model = {config, values, batch->codes, batch->attributes};
  for (size_t w = 0; w < WINDOWS; w++) {
    size_t length = batch->offsets[w + 1] - batch->offsets[w];
    ref_model_user(&model, batch->items + batch->offsets[w], length, want, want + 2 * d, want + d);
    compare_floats("h", h + w * d, want, d, 2e-5, 2e-5);
    compare_floats("u", u + w * d, want + d, d, 5e-5, 5e-5);
    if (P > 0) compare_floats("params", params + w * P, want + 2 * d, P, 2e-5, 2e-5);
  }
  free(values);
  free(want);
}

/* `spare`: empty windows behind the batch, with rows of no window. */
static void check_case(rig *r, const tiny_case *c, size_t spare) {
  const sol_config *config = &c->config;
  seed_rng rng = seed_start(42);
  tiny_batch tiny;
  tiny_batch_make(&tiny, config, &rng, WINDOWS, 1);
  size_t d = config->width, P = sol_config_params(config), table = config->items * d;
  size_t n = WINDOWS + spare, rows = sol_batch_rows(config->window, &tiny.windows) + 5 * spare;
  int32_t *ints = calloc(sol_batch_ints(config, SOL_NEWEST_ROWS, n, rows), sizeof *ints);
  sol_batch batch;
  sol_batch_pack_padded(&batch, config, &tiny.windows, n, rows, ints, ints);
  int32_t *device = (int32_t *)(uintptr_t)rig_in_int(r, ints, sol_batch_ints(config, SOL_NEWEST_ROWS, n, rows));
  if (spare)
    sol_batch_pack_padded(&batch, config, &tiny.windows, n, rows, ints, device);
  else
    sol_batch_pack(&batch, config, SOL_NEWEST_ROWS, &tiny.windows, ints, device);
  sol_weights weights;
  sol_weights_bind(&weights, config, rig_inout(r, tiny.weights, sol_tensors_total(config)));
  sol_catalogue catalogue = {.codes = turned_codes(r, config, tiny.codes)};
  if (config->slots > 0) {
    int32_t *turned = calloc((size_t)config->slots * config->items, sizeof *turned);
    sol_catalogue_turn_attributes(config, tiny.attributes, turned);
    catalogue.attributes = rig_in_int(r, turned, (size_t)config->slots * config->items);
    free(turned);
  }
  if (config->levels > 0) catalogue.semantic = rig_out(r, table), catalogue.vectors = rig_out(r, table);
  sol_pass pass = {.be = rig_backend(r),
                   .config = config,
                   .weights = &weights,
                   .catalogue = &catalogue,
                   .batch = &batch,
                   .scratch = rig_out(r, sol_forward_floats(config, n, rows))};
  float *h = rig_out(r, n * d), *u = rig_out(r, WINDOWS * d), *params = rig_out(r, n * P);
  rig_check(r, "catalogue", sol_catalogue_compute(pass.be, config, &weights, &catalogue));
  rig_check(r, "encode", sol_encode(&pass, h));
  rig_check(r, "generate", sol_generate(&pass, params));
  rig_check(r, "apply", sol_apply(&pass, WINDOWS, h, params, NULL, u));
  check_windows(c, &tiny, rig_read(r, h, WINDOWS * d), P > 0 ? rig_read(r, params, WINDOWS * P) : NULL,
                rig_read(r, u, WINDOWS * d));
  for (size_t i = 0; i < d; i++) cr_expect_eq(rig_read(r, h, d)[i], 0.0f, "%s: h of an empty window", c->name);
  rig_check(r, "apply in place", sol_apply(&pass, WINDOWS, h, params, NULL, h));
  compare_bits("u in place", rig_read(r, h, WINDOWS * d), rig_read(r, u, WINDOWS * d), WINDOWS * d);
  rig_reset(r);
  free(ints);
  tiny_batch_free(&tiny);
}

static void check_all(rig *r) {
  for (size_t i = 0; i < tiny_case_count; i++) check_case(r, &tiny_cases[i], 0), check_case(r, &tiny_cases[i], 3);
}

Test(forward, is_that_of_the_naive_model) {
  rig_each(check_all);
}
