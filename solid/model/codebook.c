#include "solid/codebook.h"
#include "solid/base/handshake.h"
#include "solid/extend.h"
#include "solid/model/model_parts.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_AT_ONCE 4096

_Static_assert(SOL_MAX_LEVELS == SOLID_LEVELS_MAX, "the public bound is the config's");

/* ---- Usage ---- */

/* An item's codes as one key; codes have 16 bits. */
typedef struct code_key {
  uint64_t high, low;
} code_key;

static int compare_keys(const void *a, const void *b) {
  const code_key *x = a, *y = b;
  if (x->high != y->high) return x->high < y->high ? -1 : 1;
  return (x->low > y->low) - (x->low < y->low);
}

static uint32_t count_collisions(const sol_model_file *file, code_key *keys) {
  size_t V = file->items.count, C = file->config.levels;
  uint32_t collisions = 0;
  for (size_t v = 0; v < V; v++) {
    keys[v] = (code_key){0, 0};
    for (size_t c = 0; c < C; c++) {
      uint64_t *half = c < 4 ? &keys[v].high : &keys[v].low;
      *half = *half << 16 | file->codes[v * C + c];
    }
  }
  qsort(keys, V, sizeof *keys, compare_keys);
  for (size_t v = 1; v < V; v++) collisions += compare_keys(&keys[v - 1], &keys[v]) == 0;
  return collisions;
}

static solid_codebook_level measure_level(const sol_model_file *file, uint32_t c, uint32_t *counts) {
  solid_codebook_level level = {0, 0};
  double entropy = 0, V = file->items.count;
  memset(counts, 0, file->config.codes * sizeof *counts);
  for (size_t v = 0; v < file->items.count; v++) counts[file->codes[v * file->config.levels + c]]++;
  for (uint32_t k = 0; k < file->config.codes; k++) {
    if (counts[k] == 0) continue;
    level.used++;
    entropy -= counts[k] / V * log(counts[k] / V);
  }
  level.perplexity = exp(entropy);
  return level;
}

solid_status solid_codebook_get_info(const solid_model *model, solid_codebook_info *info) {
  if (!model || !info) return solid_fail(SOLID_EINVAL, "codebook info: model or info is NULL");
  solid_status status = sol_struct_check(info, sizeof *info, "codebook info");
  if (status) return status;
  const sol_config *config = &model->file.config;
  solid_codebook_info all = {.levels = config->levels, .codes = config->codes};
  all.content = config->content;
  if (config->levels) {
    uint32_t *counts = malloc(config->codes * sizeof *counts);
    code_key *keys = malloc(config->items * sizeof *keys);
    if (counts && keys) {
      for (uint32_t c = 0; c < config->levels; c++) all.level[c] = measure_level(&model->file, c, counts);
      all.collisions = count_collisions(&model->file, keys);
    }
    int failed = !counts || !keys;
    free(counts);
    free(keys);
    if (failed) return solid_fail(SOLID_ENOMEM, "out of memory: codes of %u items", config->items);
  }
  return sol_struct_give(info, &all, sizeof all, "codebook info");
}

/* ---- Codes of new items ---- */

typedef struct device_buffers {
  void *centroids, *vectors, *codes;
} device_buffers;

static solid_status take_buffers(sk_backend *be, const sol_config *config, size_t rows, device_buffers *buffers) {
  size_t centroids = (size_t)config->levels * config->codes * config->content;
  solid_status status = be->ops->alloc(be, &buffers->centroids, centroids * sizeof(float));
  if (!status) status = be->ops->alloc(be, &buffers->vectors, rows * config->content * sizeof(float));
  if (!status) status = be->ops->alloc(be, &buffers->codes, rows * config->levels * sizeof(int32_t));
  return status;
}

/* Codes of up to ROWS_AT_ONCE vectors, through `wide` (rows, C) on the host. */
static solid_status quantize_rows(sk_backend *be, const sol_config *config, const device_buffers *buffers,
                                  const float *vectors, size_t rows, int32_t *wide) {
  const sk_quantize_args args = {.n = (int32_t)rows,
                                 .d = (int32_t)config->content,
                                 .levels = (int32_t)config->levels,
                                 .k = (int32_t)config->codes,
                                 .x = buffers->vectors,
                                 .centroids = buffers->centroids,
                                 .codes = buffers->codes};
  solid_status status = be->ops->upload(be, buffers->vectors, vectors, rows * config->content * sizeof(float));
  if (!status) status = be->ops->quantize(be, &args);
  if (!status) status = be->ops->download(be, wide, buffers->codes, rows * config->levels * sizeof(int32_t));
  return status ? status : be->ops->sync(be);
}

static solid_status quantize_all(sk_backend *be, const sol_model_file *file, const float *vectors, size_t n,
                                 int32_t *wide, uint16_t *codes) {
  const sol_config *config = &file->config;
  device_buffers buffers = {0};
  size_t rows = n < ROWS_AT_ONCE ? n : ROWS_AT_ONCE;
  size_t centroids = (size_t)config->levels * config->codes * config->content;
  solid_status status = take_buffers(be, config, rows, &buffers);
  if (!status) status = be->ops->upload(be, buffers.centroids, file->centroids, centroids * sizeof(float));
  for (size_t at = 0; at < n && !status; at += rows) {
    if (rows > n - at) rows = n - at;
    status = quantize_rows(be, config, &buffers, vectors + at * config->content, rows, wide);
    for (size_t i = 0; i < rows * config->levels && !status; i++) codes[at * config->levels + i] = (uint16_t)wide[i];
  }
  be->ops->free(be, buffers.centroids);
  be->ops->free(be, buffers.vectors);
  be->ops->free(be, buffers.codes);
  return status ? sol_backend_fail(be, status) : SOLID_OK;
}

solid_status solid_codebook_quantize(const solid_model *model, const float *vectors, size_t n, uint16_t *codes) {
  if (!model || (n && (!vectors || !codes)))
    return solid_fail(SOLID_EINVAL, "codebook: model, vectors or codes is NULL");
  const sol_config *config = &model->file.config;
  if (!model->file.centroids) return solid_fail(SOLID_ENOTFOUND, "codebook: the model's file has no centroids");
  if (n == 0) return SOLID_OK;
  if (n > SIZE_MAX / sizeof(float) / config->content)
    return solid_fail(SOLID_ERANGE, "codebook: %zu vectors of %u floats", n, config->content);
  for (size_t i = 0; i < n * config->content; i++)
    if (!isfinite(vectors[i]))
      return solid_fail(SOLID_ERANGE, "codebook: vector %zu: element %zu is %g, must be finite", i / config->content,
                        i % config->content, (double)vectors[i]);
  size_t rows = n < ROWS_AT_ONCE ? n : ROWS_AT_ONCE;
  int32_t *wide = malloc(rows * config->levels * sizeof *wide);
  if (!wide) return solid_fail(SOLID_ENOMEM, "out of memory: codes of %zu vectors", rows);
  sk_backend *be = NULL;
  solid_status status = sol_backend_open(model->ctx, &be);
  if (!status) {
    status = quantize_all(be, &model->file, vectors, n, wide, codes);
    be->ops->close(be);
  }
  free(wide);
  return status;
}
