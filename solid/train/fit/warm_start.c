#include "solid/train/fit/warm_start.h"
#include "solid/extend.h"
#include "solid/model/tensors.h"
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

solid_status sol_warm_check(const sol_model_file *from, const sol_config *config) {
  const sol_config *then = &from->config;
  const struct {
    const char *name;
    uint32_t then, now;
  } shape[] = {{"head", then->head, config->head},
               {"rank", then->rank, config->rank},
               {"width", then->width, config->width},
               {"window", then->window, config->window},
               {"blocks", then->blocks, config->blocks},
               {"heads", then->heads, config->heads},
               {"levels", then->levels, config->levels},
               {"codes", then->codes, config->codes},
               {"positions", then->positions, config->positions}};
  for (size_t i = 0; i < sizeof shape / sizeof *shape; i++)
    if (shape[i].then != shape[i].now)
      return solid_fail(SOLID_EMISMATCH, "the model to go on from has %s %u, the options %u", shape[i].name,
                        shape[i].then, shape[i].now);
  return SOLID_OK;
}

/* Index of each string of `ids` in `known`, or SOLID_NO_ID. NULL: no memory. */
static uint32_t *find_all(const solid_vocab *ids, const sol_strings *known) {
  uint32_t *at = malloc(((size_t)ids->count + 1) * sizeof *at);
  for (uint32_t i = 0; i < ids->count && at; i++) at[i] = SOLID_NO_ID;
  for (uint32_t k = 0; k < known->count && at; k++) {
    solid_bytes id = {known->bytes + known->offsets[k], known->offsets[k + 1] - known->offsets[k]};
    uint32_t i = solid_vocab_find(ids, id);
    if (i != SOLID_NO_ID) at[i] = k;
  }
  return at;
}

/* One level: centroids of the codes that known items have, then codes for the new ones; what is left goes on. */
static void fit_level(sol_codebook *book, uint32_t level, const uint32_t *at, double *residual, double *sum,
                      uint32_t *count) {
  uint32_t K = book->codes, width = book->width;
  float *centroids = book->centroids + (size_t)level * K * width;
  memset(sum, 0, (size_t)K * width * sizeof *sum);
  memset(count, 0, K * sizeof *count);
  for (uint32_t v = 0; v < book->items; v++) {
    uint16_t code = book->table[(size_t)v * book->levels + level];
    if (at[v] == SOLID_NO_ID) continue;
    count[code]++;
    for (uint32_t j = 0; j < width; j++) sum[(size_t)code * width + j] += residual[(size_t)v * width + j];
  }
  for (uint32_t k = 0; k < K; k++)
    for (uint32_t j = 0; j < width && count[k]; j++)
      centroids[(size_t)k * width + j] = (float)(sum[(size_t)k * width + j] / count[k]);
  for (uint32_t v = 0; v < book->items; v++) {
    double *r = residual + (size_t)v * width, least = INFINITY;
    uint16_t *code = &book->table[(size_t)v * book->levels + level];
    for (uint32_t k = 0; k < K && at[v] == SOLID_NO_ID; k++) {
      double distance = 0;
      for (uint32_t j = 0; j < width && count[k]; j++) {
        double gap = r[j] - (double)centroids[(size_t)k * width + j];
        distance += gap * gap;
      }
      if (count[k] && distance < least) least = distance, *code = (uint16_t)k;
    }
    for (uint32_t j = 0; j < width; j++) r[j] -= (double)centroids[(size_t)*code * width + j];
  }
}

solid_status sol_warm_codes(const sol_model_file *from, const solid_dataset *dataset, const float *content,
                            sol_codebook *book, uint32_t *known) {
  size_t n = (size_t)dataset->items * book->width, cells = (size_t)book->codes * book->width;
  uint32_t *at = find_all(&dataset->item_ids, &from->items), *count = malloc((book->codes + 1) * sizeof *count);
  double *residual = malloc((n + 1) * sizeof *residual), *sum = malloc((cells + 1) * sizeof *sum);
  solid_status status = SOLID_OK;
  *known = 0;
  if (!at || !count || !residual || !sum) {
    status = solid_fail(SOLID_ENOMEM, "no memory for the codes of %u items", dataset->items);
    goto done;
  }
  for (uint32_t v = 0; v < dataset->items; v++) {
    *known += at[v] != SOLID_NO_ID;
    if (at[v] != SOLID_NO_ID && book->levels)
      memcpy(book->table + (size_t)v * book->levels, from->codes + (size_t)at[v] * book->levels,
             book->levels * sizeof *book->table);
  }
  if (!*known) {
    status = solid_fail(SOLID_ENOTFOUND, "the model to go on from knows none of the %u items", dataset->items);
    goto done;
  }
  for (size_t i = 0; i < n; i++) residual[i] = (double)content[i];
  for (uint32_t l = 0; l < book->levels; l++) fit_level(book, l, at, residual, sum, count);
  if (book->levels) status = sol_codebook_count(book);
done:
  free(at);
  free(count);
  free(residual);
  free(sum);
  return status;
}

/* Rows of a table by where they were; -1 rows stay as they are, or zero. */
static void copy_rows(float *to, const float *from, const uint32_t *at, uint32_t n, uint32_t width, int zero_new) {
  for (uint32_t i = 0; i < n; i++) {
    if (at[i] != SOLID_NO_ID)
      memcpy(to + (size_t)i * width, from + (size_t)at[i] * width, width * sizeof *to);
    else if (zero_new)
      memset(to + (size_t)i * width, 0, width * sizeof *to);
  }
}

float *sol_warm_weights(const sol_model_file *from, const sol_config *config, const solid_dataset *dataset,
                        uint64_t seed) {
  sol_tensor then[SOL_MAX_TENSORS], now[SOL_MAX_TENSORS];
  size_t n_then = sol_tensors_list(&from->config, then), n = sol_tensors_list(config, now);
  uint32_t *items = find_all(&dataset->item_ids, &from->items);
  uint32_t *attributes = find_all(&dataset->attributes, &from->categories);
  float *weights = malloc(sol_tensors_total(config) * sizeof *weights);
  if (weights && items && attributes) {
    sol_weights_init(config, seed, weights);
    for (size_t i = 0; i < n; i++) {
      const sol_tensor *old = NULL;
      for (size_t k = 0; k < n_then && !old; k++)
        if (strcmp(then[k].name, now[i].name) == 0) old = &then[k];
      if (!old) continue;
      float *to = weights + now[i].offset;
      const float *values = from->weights + old->offset;
      if (now[i].member == offsetof(sol_weights, items))
        copy_rows(to, values, items, dataset->items, config->width, 1);
      else if (now[i].member == offsetof(sol_weights, attributes))
        copy_rows(to, values, attributes, dataset->attributes.count, config->width, 0);
      else if (old->count == now[i].count)
        memcpy(to, values, now[i].count * sizeof *to);
    }
  } else {
    free(weights);
    weights = NULL;
  }
  free(items);
  free(attributes);
  return weights;
}
