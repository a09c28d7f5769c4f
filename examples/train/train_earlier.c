#include "examples/train/train_earlier.h"
#include "solid/extend.h"
#include "solid/train/evaluate/evaluate.h"
#include <stdio.h>
#include <string.h>

#define MAX_PATH 4096

static solid_status open_one(solid_model **out, const solid_context *ctx, const char *path,
                             const sol_history *history) {
  solid_status status = solid_model_load(out, ctx, path);
  if (status != SOLID_OK) return status;
  status = sol_evaluate_check_source(*out, history);
  return status == SOLID_OK ? SOLID_OK : solid_fail(status, "%s: %s", path, solid_last_error());
}

static solid_status open_teachers(train_earlier *earlier, const solid_context *ctx, const char *paths,
                                  const sol_history *history) {
  solid_status status = SOLID_OK;
  for (const char *at = paths; *at && status == SOLID_OK;) {
    char path[MAX_PATH];
    size_t length = strcspn(at, ",");
    if (earlier->count == TRAIN_TEACHERS_MAX)
      return solid_fail(SOLID_ERANGE, "--teachers %s: over %d", paths, TRAIN_TEACHERS_MAX);
    if (length >= sizeof path) return solid_fail(SOLID_ERANGE, "--teachers: a name of %zu bytes", length);
    memcpy(path, at, length);
    path[length] = '\0';
    status = open_one(&earlier->teachers[earlier->count++], ctx, path, history);
    at += length + (at[length] == ',');
  }
  return status;
}

solid_status train_earlier_open(train_earlier *earlier, const solid_context *ctx, const train_arguments *a,
                                const sol_history *history) {
  const char *option = a->teachers ? "--teachers" : "--codes-from";
  if ((a->teachers && !*a->teachers) || (a->codes_from && !*a->codes_from))
    return solid_fail(SOLID_EINVAL, "%s names no model", a->teachers && !*a->teachers ? "--teachers" : "--codes-from");
  if (a->codes_from && a->levels == 0)
    return solid_fail(SOLID_EINVAL, "--codes-from for a model without codes (--levels 0)");
  if (a->hide > 0 && (a->teachers || a->codes_from))
    return solid_fail(SOLID_EUNSUPPORTED, "%s with --hide: the model knows the items that are to be hidden", option);
  solid_status status = a->codes_from ? open_one(&earlier->learned, ctx, a->codes_from, history) : SOLID_OK;
  if (status == SOLID_OK && a->teachers) status = open_teachers(earlier, ctx, a->teachers, history);
  return status;
}

void train_earlier_close(train_earlier *earlier) {
  solid_model_free(earlier->learned);
  for (uint32_t i = 0; i < earlier->count; i++) solid_model_free(earlier->teachers[i]);
  *earlier = (train_earlier){0};
}
