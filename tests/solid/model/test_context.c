#include "solid/context.h"
#include "solid/model/context.h"
#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

static solid_status try_device(const char *device) {
  solid_context_options options = SOLID_CONTEXT_OPTIONS_INIT;
  options.device = device;
  solid_context *ctx = NULL;
  solid_status status = solid_context_new(&ctx, &options);
  cr_assert_eq(ctx != NULL, status == SOLID_OK);
  solid_context_free(ctx);
  return status;
}

Test(context, defaults_are_one_thread_of_the_cpu) {
  solid_context *ctx = NULL;
  cr_assert_eq(solid_context_new(&ctx, NULL), SOLID_OK);
  cr_assert_eq(ctx->threads, 1);
  cr_assert_str_eq(ctx->ops->name, "cpu");
  sk_backend *be = NULL;
  cr_assert_eq(sol_backend_open(ctx, &be), SOLID_OK);
  be->ops->close(be);
  solid_context_free(ctx);
  solid_context_free(NULL);
}

Test(context, zero_threads_are_all_of_the_machine) {
  solid_context_options options = SOLID_CONTEXT_OPTIONS_INIT;
  options.threads = 0;
  solid_context *ctx = NULL;
  cr_assert_eq(solid_context_new(&ctx, &options), SOLID_OK);
  cr_assert_eq(ctx->threads, sysconf(_SC_NPROCESSORS_ONLN));
  solid_context_free(ctx);
  options.threads = -1;
  ctx = NULL;
  cr_assert_eq(solid_context_new(&ctx, &options), SOLID_EINVAL);
  cr_assert(strstr(solid_last_error(), "-1"));
  cr_assert_null(ctx);
}

Test(context, unknown_devices_are_named) {
  const char *wrong[] = {"", "gpu", "CPU", "cpu:0", "cuda:", "cuda:x", "cuda:-1", "cuda:1234", "cuda:1x", "cuda1"};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    cr_assert_eq(try_device(wrong[i]), SOLID_EINVAL, "%s", wrong[i]);
    cr_assert(strstr(solid_last_error(), wrong[i]));
  }
}

/* "cuda:999" is on no machine; "cuda" depends on the build and the machine, and must never fall back to the CPU. */
Test(context, an_absent_device_is_unsupported_and_says_so) {
  cr_assert_eq(try_device("cpu"), SOLID_OK);
  solid_status status = try_device("cuda");
  cr_assert(status == SOLID_OK || status == SOLID_EUNSUPPORTED);
  if (!sk_backend_find("cuda")) {
    cr_assert_eq(status, SOLID_EUNSUPPORTED);
    cr_assert_str_eq(solid_last_error(), "device cuda: not compiled into this build (SOLID_CUDA is off)");
    cr_assert_eq(try_device("cuda:999"), SOLID_EUNSUPPORTED);
    cr_assert(strstr(solid_last_error(), "cuda:999"));
  }
}

/* With CUDA compiled in, what is wrong comes with the error's name and with what to do about it. */
Test(context, a_device_that_cannot_be_opened_names_the_error) {
  if (!sk_backend_find("cuda")) return;
  cr_assert_eq(try_device("cuda:999"), SOLID_EUNSUPPORTED);
  const char *why = solid_last_error();
  cr_assert(strstr(why, "cuda:999"), "%s", why);
  if (try_device("cuda") == SOLID_OK) {
    cr_assert_eq(try_device("cuda:999"), SOLID_EUNSUPPORTED);
    cr_assert(strstr(why, "cudaErrorInvalidDevice") && strstr(why, "this machine has"), "%s", why);
    cr_assert(strstr(why, "nvidia-smi"), "%s", why);
  } else {
    cr_assert(strstr(why, "cudaErrorNoDevice") || strstr(why, "cudaErrorInsufficientDriver"), "%s", why);
    cr_assert(strstr(why, "use device cpu"), "%s", why);
  }
}

Test(context, struct_size_says_how_much_the_caller_knows) {
  solid_context_options options = SOLID_CONTEXT_OPTIONS_INIT;
  solid_context *ctx = NULL;
  options.struct_size = 0;
  cr_assert_eq(solid_context_new(&ctx, &options), SOLID_EINVAL);
  options.struct_size = sizeof options + 8;
  cr_assert_eq(solid_context_new(&ctx, &options), SOLID_EINVAL);
  cr_assert(strstr(solid_last_error(), "struct_size"));
  options.struct_size = offsetof(solid_context_options, device); /* an older caller: what follows is not read */
  options.device = "nonsense";
  cr_assert_eq(solid_context_new(&ctx, &options), SOLID_OK);
  solid_context_free(ctx);
  cr_assert_eq(solid_context_new(NULL, NULL), SOLID_EINVAL);
}

Test(context, cpu_refuses_tf32) {
  solid_context_options options = SOLID_CONTEXT_OPTIONS_INIT;
  solid_context *ctx = NULL;
  options.precision = SOLID_PRECISION_TF32;
  cr_assert_eq(solid_context_new(&ctx, &options), SOLID_EUNSUPPORTED);
  cr_expect(strstr(solid_last_error(), "TF32"), "%s", solid_last_error());
  options.precision = (solid_precision)7;
  cr_assert_eq(solid_context_new(&ctx, &options), SOLID_EINVAL);
  cr_expect(strstr(solid_last_error(), "precision 7"), "%s", solid_last_error());
  cr_expect_null(ctx);
}

static void keep_line(void *user, solid_log_level level, const char *line) {
  cr_assert_eq(level, SOLID_LOG_WARN);
  strcpy(user, line);
}

Test(context, log_receives_whole_lines) {
  char line[600] = "";
  solid_context_options options = SOLID_CONTEXT_OPTIONS_INIT;
  options.log = keep_line;
  options.log_user = line;
  solid_context *ctx = NULL;
  cr_assert_eq(solid_context_new(&ctx, &options), SOLID_OK);
  sol_log(ctx, SOLID_LOG_WARN, "%d of %d", 3, 4);
  cr_assert_str_eq(line, "3 of 4");
  solid_context_free(ctx);
}
