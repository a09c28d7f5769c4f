/* Whatever allocation fails while a context or a model is made or written: ENOMEM, a text, nothing lost (the address
 * sanitizer looks for leaks), and the next attempt succeeds. */
#include "solid/codebook.h"
#include "solid/model/model_file.h"
#include "tests/support/alloc_watch.h"
#include "tests/support/scratch.h"
#include "tests/support/tiny_model.h"
#include <criterion/criterion.h>

static char path[SCRATCH_PATH];
static solid_context *ctx;

static solid_status make_context(void) {
  solid_context *made = NULL;
  solid_status status = solid_context_new(&made, NULL);
  cr_assert_eq(made != NULL, status == SOLID_OK);
  solid_context_free(made);
  return status;
}

static solid_status load_model(void) {
  solid_model *model = NULL;
  solid_status status = solid_model_load(&model, ctx, path);
  cr_assert_eq(model != NULL, status == SOLID_OK);
  solid_model_free(model);
  return status;
}

static solid_status write_again(void) {
  sol_model_file file;
  solid_status status = sol_model_file_read(&file, path);
  if (!status) status = sol_model_file_write(&file, path);
  sol_model_file_clear(&file);
  return status;
}

static solid_status use_codebook(void) {
  solid_model *model = NULL;
  solid_codebook_info info = {.struct_size = sizeof info};
  float x[6] = {1, 2, 3, 4, 5, 6};
  uint16_t codes[3];
  solid_status status = solid_model_load(&model, ctx, path);
  if (!status) status = solid_codebook_get_info(model, &info);
  if (!status) status = solid_codebook_quantize(model, x, 1, codes);
  solid_model_free(model);
  return status;
}

/* Returns how many allocations there are to fail. */
static unsigned long fail_each(solid_status (*work)(void), const char *name) {
  for (unsigned long n = 1;; n++) {
    size_t before = alloc_watch_count();
    alloc_watch_fail(n);
    solid_status status = work();
    alloc_watch_fail(0);
    if (alloc_watch_count() - before < n) {
      cr_assert_eq(status, SOLID_OK, "%s: %s", name, solid_last_error());
      return n - 1;
    }
    cr_assert_eq(status, SOLID_ENOMEM, "%s: allocation %lu: %s: %s", name, n, solid_status_name(status),
                 solid_last_error());
    cr_assert(solid_last_error()[0]);
    cr_assert_lt(n, 20000UL);
  }
}

Test(no_memory, every_allocation_may_fail) {
  sol_config config = tiny_config(SOLID_HEAD_SOLID, 4);
  sol_model_file file;
  config.blocks = 1;
  tiny_model_file(&file, &config, 1);
  scratch_path(path, "model");
  cr_assert_eq(sol_model_file_write(&file, path), SOLID_OK);
  sol_model_file_clear(&file);
  cr_assert_eq(solid_context_new(&ctx, NULL), SOLID_OK);
  cr_assert_geq(fail_each(make_context, "context"), 2);
  cr_assert_geq(fail_each(load_model, "load"), 50);
  cr_assert_geq(fail_each(write_again, "write"), 50);
  cr_assert_geq(fail_each(use_codebook, "codebook"), 50);
  solid_context_free(ctx);
  scratch_remove();
}
