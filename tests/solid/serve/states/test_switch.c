/* A pipeline that keeps attention states, and goes on with a larger copy of its model. */
#include "solid/item_log.h"
#include "solid/model/model_parts.h"
#include "solid/pipeline.h"
#include "solid/serve/states/keeper.h"
#include "tests/support/serving.h"
#include "tests/support/tiny_model.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

enum { SPARE = 64 };

/* A sparse model, made so that items can join. */
static solid_model *growing_model(const solid_context *ctx) {
  sol_config config = tiny_joinable(SOLID_HEAD_SOLID, 4);
  config.window = 1024, config.generator_window = 32, config.positions = SOL_POSITIONS_ROTARY, config.turned = 4;
  config.attention = SOL_ATTENTION_SPARSE, config.select_chunk = 64, config.select_sink = 2, config.select_window = 8;
  config.select_recent = 8, config.select_stride = 8, config.select_budget = 24, config.select_mass = 900;
  sol_model_file file;
  solid_model *model = NULL;
  tiny_model_file(&file, &config, 12);
  cr_assert_eq(sol_model_new_growing(&model, ctx, &file, SPARE), SOLID_OK, "%s", solid_last_error());
  return model;
}

static void push_new(solid_pipeline *pipeline, uint64_t offset) {
  solid_event event = {.user = serving_text("anna"),
                       .item = serving_text("new"),
                       .kind = serving_text("view"),
                       .time_ms = 1700000000000,
                       .position = {1, offset}};
  solid_status verdict = SOLID_EINTERNAL;
  cr_assert_eq(solid_pipeline_push(pipeline, &event, 1, &verdict), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(verdict, SOLID_OK);
}

static void read_h(solid_store *store, const solid_model_info *info, float *h) {
  float *values = calloc(info->params + 1, sizeof *values);
  solid_step *steps = calloc(info->window, sizeof *steps);
  solid_window window = {.steps = steps};
  solid_params params = {.h = h, .values = values, .width = info->width, .count = info->params};
  solid_bytes user = serving_text("anna");
  solid_status of_user = SOLID_OK;
  uint8_t found = 0;
  cr_assert_eq(store->ops->get(store, &user, 1, info->generation, &window, &params, &found, &of_user), SOLID_OK);
  cr_assert(found && !of_user);
  cr_assert_eq(params.seq, window.seq);
  free(values);
  free(steps);
}

/* States are the new copy's: they have what joined it alone, and nothing is left of the copy before. */
Test(switched_states, a_pipeline_goes_on_with_a_larger_copy) {
  serving s = serving_open_long("cpu", 1024, 12);
  solid_model *before = growing_model(s.ctx), *after = NULL;
  solid_model_info info = {.struct_size = sizeof info};
  solid_store *other = serving_store(&s);
  solid_item_log *log = NULL;
  solid_pipeline *switched = NULL, *fresh = NULL;
  solid_pipeline_options options = SOLID_PIPELINE_OPTIONS_INIT;
  solid_bytes attribute = serving_text("even");
  solid_item_entry entry = {
      .kind = SOLID_ITEM_ADDED, .id = serving_text("new"), .attributes = &attribute, .n_attributes = 1};
  solid_status verdict = SOLID_EINTERNAL;
  float got[16], want[16];
  options.element = SOLID_F32;
  cr_assert_eq(solid_model_grow(&after, before, 2 * SPARE), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(solid_model_get_info(after, &info), SOLID_OK);
  cr_assert(info.width == 16 && info.rows > 40 + SPARE);
  cr_assert(sol_keeper_serves(before, s.store) && sol_keeper_serves(after, other));
  cr_assert_eq(solid_pipeline_new(&switched, before, s.store, &options), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(solid_pipeline_new(&fresh, after, other, &options), SOLID_OK, "%s", solid_last_error());
  for (uint32_t i = 0; i < 80; i++) {
    solid_event event = serving_event(&s, "anna", i % 40, i + 1);
    cr_assert_eq(solid_pipeline_push(switched, &event, 1, NULL), SOLID_OK, "%s", solid_last_error());
    cr_assert_eq(solid_pipeline_push(fresh, &event, 1, NULL), SOLID_OK, "%s", solid_last_error());
  }
  cr_assert_eq(solid_item_log_new(&log, s.ctx), SOLID_OK);
  cr_assert_eq(solid_item_log_add(log, s.store, &entry, 1, 1, &verdict), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(solid_item_log_apply(log, after, SIZE_MAX, NULL), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(solid_pipeline_switch(switched, after), SOLID_OK, "%s", solid_last_error());
  solid_model_free(before);
  push_new(switched, 81);
  push_new(fresh, 81);
  read_h(s.store, &info, got);
  read_h(other, &info, want);
  solid_pipeline_stats stats = {.struct_size = sizeof stats};
  cr_assert_eq(solid_pipeline_get_stats(switched, &stats), SOLID_OK);
  cr_expect(stats.states.made == 1 && stats.states.cached == 79 && stats.states.read == 1 && !stats.states.refused &&
                !stats.states.unsaved,
            "%d made, %d in memory, %d read", (int)stats.states.made, (int)stats.states.cached, (int)stats.states.read);
  for (int j = 0; j < 16; j++)
    cr_assert(fabs((double)(got[j] - want[j])) <= 6e-2, "h[%d] is %.6f, want %.6f", j, (double)got[j], (double)want[j]);
  solid_pipeline_free(switched);
  solid_pipeline_free(fresh);
  solid_item_log_free(log);
  solid_model_free(after);
  solid_store_close(other);
  serving_close(&s);
}
