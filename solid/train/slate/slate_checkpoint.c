#include "solid/train/slate/slate_checkpoint.h"
#include "solid/extend.h"
#include "solid/model/model_parts.h"
#include "solid/train/fit/checkpoint_file.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

enum { ARRAYS = 3, COUNTERS = 2 };

static const char format_name[] = "solid slates checkpoint 1";
static const char *const names[ARRAYS] = {"weights", "moment1", "moment2"};
static const sol_slate_array arrays[ARRAYS] = {SOL_SLATE_WEIGHTS, SOL_SLATE_M, SOL_SLATE_V};

static uint64_t hash_data(const sol_slate_data *data) {
  size_t users = data->users, events = data->offsets[users];
  uint64_t hash = XXH3_64bits_withSeed(data->offsets, (users + 1) * sizeof *data->offsets, 0);
  hash = XXH3_64bits_withSeed(data->ends, users * sizeof *data->ends, hash);
  hash = XXH3_64bits_withSeed(data->sequence, events * sizeof *data->sequence, hash);
  return data->times ? XXH3_64bits_withSeed(data->times, events * sizeof *data->times, hash) : hash;
}

void sol_slate_identify(const solid_model *model, const sol_slate_data *data, const sol_slate_options *o,
                        const char *device, char text[SOL_SLATE_IDENTITY]) {
  snprintf(text, SOL_SLATE_IDENTITY,
           "ranker=%016" PRIx64 " device=%s rows=%u blocks=%u near_to_far=%d epochs=%u batch=%u rate=%.9g decay=%.9g "
           "dropout=%.9g smoothing=%.9g seed=%" PRIu64 " users=%u data=%016" PRIx64,
           model->file.generation, device, o->rows, o->blocks, o->near != 0, o->epochs, o->batch, (double)o->rate,
           (double)o->decay, (double)o->dropout, (double)o->smoothing, o->seed, data->users, hash_data(data));
}

/* Of the identity and of all values. */
static void hash_all(const char *identity, const uint64_t counters[COUNTERS], const float *values, size_t floats,
                     char hex[SOL_CHECKPOINT_SUM]) {
  uint64_t hash = XXH3_64bits_withSeed(identity, strlen(identity), 0);
  hash = XXH3_64bits_withSeed(counters, COUNTERS * sizeof *counters, hash);
  hash = XXH3_64bits_withSeed(values, ARRAYS * floats * sizeof *values, hash);
  snprintf(hex, SOL_CHECKPOINT_SUM, "%016" PRIx64, hash);
}

static float *take_values(size_t floats) {
  float *values = malloc(ARRAYS * floats * sizeof *values);
  if (!values) (void)solid_fail(SOLID_ENOMEM, "checkpoint of %zu weights", floats);
  return values;
}

solid_status sol_slate_save(const char *path, const char *identity, sol_slate_step *step,
                            const sol_slate_progress *progress) {
  size_t floats = sol_slate_step_floats(step);
  float *values = take_values(floats);
  solid_status status = values ? SOLID_OK : SOLID_ENOMEM;
  const uint64_t counters[COUNTERS] = {progress->epochs, progress->steps};
  char sum[SOL_CHECKPOINT_SUM];
  sol_tensor_source tensors[ARRAYS + 1];
  for (int i = 0; i < ARRAYS && !status; i++) {
    status = sol_slate_step_read(step, arrays[i], values + (size_t)i * floats);
    tensors[i] = (sol_tensor_source){names[i], SOL_F32, 1, {floats}, values + (size_t)i * floats};
  }
  tensors[ARRAYS] = (sol_tensor_source){"counters", SOL_U64, 1, {COUNTERS}, counters};
  if (!status) {
    hash_all(identity, counters, values, floats, sum);
    const sol_metadata metadata[] = {{"format", format_name}, {"training", identity}, {"checksum", sum}};
    status = sol_safetensors_write(path, tensors, ARRAYS + 1, metadata, sizeof metadata / sizeof *metadata);
  }
  free(values);
  return status;
}

static solid_status read_all(const sol_safetensors *st, const char *path, const char *identity, size_t floats,
                             float *values, uint64_t counters[COUNTERS]) {
  char sum[SOL_CHECKPOINT_SUM];
  const char *then = sol_safetensors_metadata(st, "training");
  solid_status status = sol_checkpoint_check_text(st, path, "format", format_name);
  if (!status) status = sol_checkpoint_check_text(st, path, "training", identity);
  if (!status) status = sol_checkpoint_read(st, path, "counters", SOL_U64, COUNTERS, counters);
  for (int i = 0; i < ARRAYS && !status; i++)
    status = sol_checkpoint_read(st, path, names[i], SOL_F32, floats, values + (size_t)i * floats);
  if (status) return status;
  hash_all(then, counters, values, floats, sum);
  return sol_checkpoint_check_sum(st, path, "checksum", sum);
}

solid_status sol_slate_restore(const char *path, const char *identity, sol_slate_step *step,
                               sol_slate_progress *progress) {
  if (access(path, F_OK) != 0 && errno == ENOENT) return solid_fail(SOLID_ENOTFOUND, "%s: no checkpoint", path);
  size_t floats = sol_slate_step_floats(step);
  uint64_t counters[COUNTERS];
  sol_safetensors st;
  solid_status status = sol_safetensors_open(&st, path);
  if (status) return status;
  float *values = take_values(floats);
  status = values ? read_all(&st, path, identity, floats, values, counters) : SOLID_ENOMEM;
  for (int i = 0; i < ARRAYS && !status; i++)
    status = sol_slate_step_write(step, arrays[i], values + (size_t)i * floats);
  if (!status) *progress = (sol_slate_progress){(uint32_t)counters[0], counters[1]};
  sol_safetensors_close(&st);
  free(values);
  return status;
}
