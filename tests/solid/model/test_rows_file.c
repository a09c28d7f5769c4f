/* A model whose embeddings stay in the file is the same model: to the bit, in ranking, encoding and generating, with
 * items that joined. */
#include "kernels/scout.h"
#include "tests/solid/model/rows_pair.h"
#include "tests/support/tiny_model.h"
#include <criterion/criterion.h>
#include <unistd.h>

enum { JOINED = 9 };

Test(rows_file, is_the_same_model_to_the_bit_and_so_is_a_copy_with_more_room) {
  sol_config config = rows_large(SOLID_HEAD_SOLID);
  pair p = rows_open(&config), more = {.ctx = p.ctx};
  rows_same(&p);
  rows_join(p.tables, 0, JOINED);
  rows_join(p.rows, 0, JOINED);
  rows_same(&p);
  cr_assert_eq(solid_model_grow(&more.tables, p.tables, 300), SOLID_OK);
  cr_assert_eq(solid_model_grow(&more.rows, p.rows, 300), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(more.rows->file.rows != NULL, sk_scout_is_fast());
  solid_model_free(p.rows);
  p.rows = NULL;
  rows_join(more.tables, 0, 200);
  rows_join(more.rows, 0, 200);
  rows_same(&more);
  solid_model_free(more.rows);
  solid_model_free(more.tables);
  rows_close(&p);
}

Test(rows_file, is_the_same_model_without_codes) {
  sol_config config = tiny_config(SOLID_HEAD_DUET, 0);
  config.items = ITEMS, config.levels = config.codes = config.content = 0;
  pair p = rows_open(&config);
  rows_same(&p);
  rows_close(&p);
}

/* ---- Beside a GPU ---- */

/* To the bit what they are in the device's memory, and what an operation without planes ranks; also with items that
 * joined, and in a copy with more room. */
static void stay_on_host(const char *device) {
  sol_config config = rows_large(SOLID_HEAD_SOLID);
  pair p = rows_open_on(device, &config), more = {.ctx = p.ctx};
  if (!p.ctx) return;
  cr_assert(sol_model_planes(p.rows) && sol_model_planes(p.tables) && !p.rows->device_codes);
  rows_same(&p);
  rows_join(p.tables, 0, JOINED);
  rows_join(p.rows, 0, JOINED);
  rows_same(&p);
  cr_assert_eq(solid_model_grow(&more.tables, p.tables, 300), SOLID_OK);
  cr_assert_eq(solid_model_grow(&more.rows, p.rows, 300), SOLID_OK, "%s", solid_last_error());
  rows_join(more.tables, 0, 200);
  rows_join(more.rows, 0, 200);
  rows_same(&more);
  solid_model_free(more.rows);
  solid_model_free(more.tables);
  rows_close(&p);
  config = tiny_config(SOLID_HEAD_DUET, 0);
  config.items = ITEMS, config.levels = config.codes = config.content = 0;
  p = rows_open_on(device, &config);
  rows_same(&p);
  rows_close(&p);
}

Test(rows_file, stays_on_the_host_beside_a_device_with_memory_of_its_own) {
  stay_on_host("recording");
}

Test(rows_file, stays_on_the_host_beside_a_gpu) {
  stay_on_host("cuda");
}

/* ---- Models that keep all in memory ---- */

Test(rows_file, stays_in_memory_where_slates_need_all_rows_or_items_are_few) {
  solid_context *ctx = NULL;
  solid_model *model = NULL;
  char path[256];
  cr_assert_eq(solid_context_new(&ctx, NULL), SOLID_OK);
  for (int few = 0; few < 2; few++) {
    sol_config config = rows_large(SOLID_HEAD_SOLID);
    config.items = few ? SK_TOPK_LARGE - 1 : ITEMS;
    if (!few) config.slate_rows = 4, config.slate_blocks = 1, config.slate_collisions = ITEMS;
    tiny_model_write(path, sizeof path, &config, 5);
    cr_assert_eq(sol_model_open(&model, ctx, path, NEVER, 0), SOLID_OK, "%s", solid_last_error());
    cr_assert_null(model->file.rows);
    solid_model_free(model);
    unlink(path);
  }
  solid_context_free(ctx);
}
