/* What is planned from a model with sparse attention against what Redis says of one of its users. */
#include "solid/model/model_file.h"
#include "solid/model/model_parts.h"
#include "solid/pipeline.h"
#include "solid/train/budget.h"
#include "store/plan.h"
#include "store/redis_store.h"
#include "tests/support/redis_server.h"
#include "tests/support/serving.h"
#include "tests/support/tiny_model.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { CHUNK = 128, ITEMS = 40, WINDOW = 700 };

/* Its lists are as long as they may be. */
static solid_model *model_of(const solid_context *ctx, uint32_t heads, uint32_t blocks) {
  sol_config config = tiny_config(SOLID_HEAD_SOLID, 4);
  tiny_long(&config, WINDOW);
  config.width = 32, config.heads = heads, config.blocks = blocks, config.turned = 32 / heads / 2;
  config.select_chunk = CHUNK, config.select_budget = 200, config.select_mass = 1000;
  sol_model_file file;
  solid_model *model = NULL;
  tiny_model_file(&file, &config, 12);
  cr_assert_eq(sol_model_file_seal(&file), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(sol_model_new(&model, ctx, &file), SOLID_OK, "%s", solid_last_error());
  return model;
}

static double usage_of(const redis_server *server, const char *key) {
  enum { NOT_COUNTED = 8 + 24 + 8 }; /* a key's bucket, and its entry in the table of TTLs */
  char command[128], answer[64] = "";
  snprintf(command, sizeof command, "MEMORY USAGE solid:{user-1}%s SAMPLES 0", key);
  cr_assert_eq(redis_server_ask(server, command, answer, sizeof answer), 0, "%s", command);
  double bytes = atof(answer);
  return bytes > 0 ? bytes + NOT_COUNTED : 0;
}

static void fill(solid_store *store, const solid_model *model, size_t n) {
  enum { HOUR = 3600000, AT_ONCE = 100 };
  solid_pipeline *pipeline = NULL;
  solid_event events[AT_ONCE];
  cr_assert_eq(solid_pipeline_new(&pipeline, model, store, NULL), SOLID_OK, "%s", solid_last_error());
  for (size_t from = 0, count; from < n; from += count) {
    count = n - from < AT_ONCE ? n - from : AT_ONCE;
    for (size_t i = 0; i < count; i++)
      events[i] = (solid_event){.user = serving_text("user-1"),
                                .item = solid_model_item_id(model, (uint32_t)((from + i) * (from + i + 7) % ITEMS)),
                                .kind = serving_text("view"),
                                .time_ms = 1700000000000 + (int64_t)(from + i) * HOUR,
                                .position = {1, from + i + 1}};
    cr_assert_eq(solid_pipeline_push(pipeline, events, count, NULL), SOLID_OK, "%s", solid_last_error());
  }
  solid_pipeline_free(pipeline);
}

/* A user of n events, the newest chunk half open. */
static void judge(const redis_server *server, uint32_t heads, uint32_t blocks, uint32_t n) {
  solid_context *ctx = NULL;
  solid_store *store = NULL;
  cr_assert_eq(solid_context_new(&ctx, NULL), SOLID_OK);
  solid_model *model = model_of(ctx, heads, blocks);
  solid_redis_store_options options = SOLID_REDIS_STORE_OPTIONS_INIT;
  options.port = server->port, options.history = 2 * WINDOW;
  char none[64];
  cr_assert_eq(redis_server_ask(server, "FLUSHALL SYNC", none, sizeof none), 0);
  cr_assert_eq(solid_store_open_redis(&store, model, &options), SOLID_OK, "%s", solid_last_error());
  fill(store, model, n);
  solid_model_info info = {.struct_size = sizeof info};
  cr_assert_eq(solid_model_get_info(model, &info), SOLID_OK);
  solid_state_budget state = solid_budget_state(model, n);
  const solid_plan_sizes sizes = {.window = info.window,
                                  .width = info.width,
                                  .params = info.params,
                                  .element = SOLID_F16,
                                  .id_bytes = 6,
                                  .prefix_bytes = 6,
                                  .partitions = 1,
                                  .history = n,
                                  .taken = ITEMS,
                                  .state_bytes = state.bytes,
                                  .state_parts = state.parts};
  solid_plan plan;
  cr_assert_eq(solid_plan_user(&sizes, &plan), SOLID_OK, "%s", solid_last_error());
  double of_state = usage_of(server, ":state");
  double all = usage_of(server, "") + usage_of(server, ":pages") + of_state;
  fprintf(stderr, "%u heads, %u blocks, %u events: state %u bytes planned, %.0f used; user %zu planned, %.0f used\n",
          heads, blocks, n, state.bytes, of_state, plan.redis, all);
  cr_expect_leq(fabs((double)plan.redis - all), 0.1 * all, "%u heads, %u blocks, %u events: plan %zu, Redis %.0f",
                heads, blocks, n, plan.redis, all);
  solid_store_close(store);
  solid_model_free(model);
  solid_context_free(ctx);
}

Test(plan_of_states, agrees_with_redis, .timeout = 600) {
  redis_server server = {0};
  if (!redis_server_installed()) cr_skip_test("redis-server is not installed");
  cr_assert_eq(redis_server_start(&server, 0, NULL), 0);
  judge(&server, 2, 2, 5 * CHUNK + CHUNK / 2);
  judge(&server, 2, 2, 10 * CHUNK + CHUNK / 2);
  judge(&server, 4, 3, 10 * CHUNK + CHUNK / 2);
  judge(&server, 1, 1, 10 * CHUNK + CHUNK / 2);
  redis_server_stop(&server);
}

Test(plan_of_states, has_none_of_dense_models) {
  serving s = serving_open(SOLID_HEAD_SOLID, 3);
  solid_state_budget none = solid_budget_state(s.model, 10000);
  cr_expect(none.bytes == 0 && none.parts == 0);
  serving_close(&s);
}
