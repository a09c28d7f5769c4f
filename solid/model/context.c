#include "solid/context.h"
#include "solid/base/handshake.h"
#include "solid/extend.h"
#include "solid/model/context.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_THREADS 1024

static int32_t machine_threads(void) {
  long n = sysconf(_SC_NPROCESSORS_ONLN);
  return n < 1 ? 1 : n > MAX_THREADS ? MAX_THREADS : (int32_t)n;
}

/* "cpu", "cuda" or "cuda:N" with N of one to three digits. */
static solid_status parse_device(const char *device, const char **name, int32_t *ordinal) {
  *ordinal = 0;
  if (strcmp(device, "cpu") == 0 || strcmp(device, "cuda") == 0) {
    *name = device;
    return SOLID_OK;
  }
  if (strncmp(device, "cuda:", 5) == 0) {
    size_t digits = strspn(device + 5, "0123456789");
    if (digits >= 1 && digits <= 3 && device[5 + digits] == '\0') {
      *name = "cuda";
      *ordinal = (int32_t)strtol(device + 5, NULL, 10);
      return SOLID_OK;
    }
  }
  return solid_fail(SOLID_EINVAL, "device \"%.64s\" is unknown, must be cpu, cuda or cuda:N", device);
}

/* Being compiled in is not enough, the device must work: its queue is opened once. */
static solid_status find_device(solid_context *ctx, const char *device) {
  const char *name = NULL;
  solid_status status = parse_device(device, &name, &ctx->ordinal);
  if (status) return status;
  ctx->ops = sk_backend_find(name);
  if (!ctx->ops)
    return solid_fail(SOLID_EUNSUPPORTED, "device %s: not compiled into this build (SOLID_CUDA is off)", device);
  if (ctx->precision != SOLID_PRECISION_FP32 && strcmp(name, "cpu") == 0)
    return solid_fail(SOLID_EUNSUPPORTED, "device cpu: products are FP32, TF32 is asked for");
  char why[256] = "";
  if (ctx->ops->probe(why, sizeof why) != SOLID_OK)
    return solid_fail(SOLID_EUNSUPPORTED, "device %s: %s", device, why[0] ? why : "not usable on this machine");
  sk_backend *be = NULL;
  status = sol_backend_open(ctx, &be);
  if (status == SOLID_OK) be->ops->close(be);
  return status;
}

solid_context_options solid_context_options_default(void) {
  return (solid_context_options)SOLID_CONTEXT_OPTIONS_INIT;
}

solid_status solid_context_new(solid_context **out, const solid_context_options *options) {
  solid_context_options all = SOLID_CONTEXT_OPTIONS_INIT;
  if (!out) return solid_fail(SOLID_EINVAL, "context: out is NULL");
  solid_status status = sol_struct_take(&all, sizeof all, options, "context options");
  if (status) return status;
  if (all.threads < 0 || all.threads > MAX_THREADS)
    return solid_fail(SOLID_EINVAL, "context: threads is %d, must be 0 to %d", all.threads, MAX_THREADS);
  if (all.precision != SOLID_PRECISION_FP32 && all.precision != SOLID_PRECISION_TF32)
    return solid_fail(SOLID_EINVAL, "context: precision %d is unknown", (int)all.precision);
  if (all.approximate > 1)
    return solid_fail(SOLID_EINVAL, "context: approximate is %u, must be 0 or 1", all.approximate);

  solid_context *ctx = calloc(1, sizeof *ctx);
  if (!ctx) return solid_fail(SOLID_ENOMEM, "context: out of memory");
  ctx->precision = all.precision;
  ctx->approximate = (int32_t)all.approximate;
  ctx->threads = all.threads ? all.threads : machine_threads();
  ctx->log = all.log;
  ctx->log_user = all.log_user;
  status = find_device(ctx, all.device ? all.device : "cpu");
  if (status) {
    solid_context_free(ctx);
    return status;
  }
  *out = ctx;
  return SOLID_OK;
}

void solid_context_free(solid_context *ctx) {
  free(ctx);
}

solid_status sol_backend_open(const solid_context *ctx, sk_backend **out) {
  char why[256] = "";
  sk_options options = {.threads = ctx->threads,
                        .device = ctx->ordinal,
                        .tf32 = ctx->precision == SOLID_PRECISION_TF32,
                        .why = why,
                        .why_size = sizeof why};
  solid_status status = ctx->ops->open(out, &options);
  if (status == SOLID_OK) return SOLID_OK;
  return solid_fail(status, "device %s:%d cannot be opened: %s", ctx->ops->name, ctx->ordinal,
                    why[0] ? why : solid_status_text(status));
}

solid_status sol_backend_fail(const sk_backend *be, solid_status status) {
  return solid_fail(status, "%s: %s", be->ops->name, be->err[0] ? be->err : solid_status_text(status));
}

solid_status sol_backend_room(sk_backend *be, uint64_t bytes, const char *what, const char *advice) {
  size_t left = 0, total = 0;
  if (!be->ops->records) return SOLID_OK;
  solid_status status = be->ops->memory(be, &left, &total);
  if (status) return sol_backend_fail(be, status);
  if (bytes <= left) return SOLID_OK;
  return solid_fail(SOLID_ENOMEM, "%s needs %.1f MB on %s, %.1f of %.1f MB are free: %s", what, (double)bytes / 1e6,
                    be->ops->name, (double)left / 1e6, (double)total / 1e6, advice);
}

void sol_log(const solid_context *ctx, solid_log_level level, const char *format, ...) {
  if (!ctx || !ctx->log) return;
  char line[512];
  va_list args;
  va_start(args, format);
  vsnprintf(line, sizeof line, format, args);
  va_end(args);
  ctx->log(ctx->log_user, level, line);
}
