#include "solid/model/model_arrays.h"
#include "solid/extend.h"
#include "solid/model/rows_file.h"
#include "solid/model/tensors.h"
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

void sol_model_file_clear(sol_model_file *file) {
  free(file->weights);
  free(file->codes);
  free(file->attributes);
  free(file->centroids);
  free(file->content_words);
  free(file->content_mean);
  free(file->content_basis);
  free(file->popularity);
  free(file->items.offsets);
  free(file->items.bytes);
  free(file->categories.offsets);
  free(file->categories.bytes);
  free(file->category_offsets);
  free(file->category_items);
  free(file->titles.offsets);
  free(file->titles.bytes);
  free(file->training);
  sol_rows_file_close(file->rows);
  memset(file, 0, sizeof *file);
}

float *sol_weights_with_items(const sol_config *config, const float *weights, uint32_t items) {
  sol_config other = *config;
  other.items = items;
  sol_tensor from[SOL_MAX_TENSORS], to[SOL_MAX_TENSORS];
  size_t n = sol_tensors_list(config, from);
  float *made = calloc(sol_tensors_total(&other), sizeof *made);
  sol_tensors_list(&other, to);
  for (size_t t = 0; t < n && made; t++) {
    size_t count = from[t].count < to[t].count ? from[t].count : to[t].count;
    memcpy(made + to[t].offset, weights + from[t].offset, count * sizeof *made);
  }
  return made;
}

/* n elements in room for n + more, the others filled with `byte`; NULL stays NULL. 0: no memory. */
static int widen(void **array, size_t n, size_t more, size_t size, int byte) {
  if (!*array || !more) return 1;
  char *wider = realloc(*array, (n + more) * size);
  if (!wider) return 0;
  memset(wider + n * size, byte, more * size);
  *array = wider;
  return 1;
}

solid_status sol_model_file_spare(sol_model_file *file, uint32_t spare) {
  size_t V = file->config.items;
  void *codes = file->codes, *attributes = file->attributes, *popularity = file->popularity;
  sol_config layout = sol_model_file_layout(file);
  float *weights = sol_weights_with_items(&layout, file->weights, file->rows ? 0 : file->config.items + spare);
  int ok =
      weights && widen(&codes, V * file->config.levels, (size_t)spare * file->config.levels, sizeof *file->codes, 0);
  file->codes = codes;
  ok = ok &&
       widen(&attributes, V * file->config.slots, (size_t)spare * file->config.slots, sizeof *file->attributes, 255);
  file->attributes = attributes; /* SOL_NO_ATTRIBUTE is all ones */
  ok = ok && widen(&popularity, V, spare, sizeof *file->popularity, 0);
  file->popularity = popularity;
  if (!ok) {
    free(weights);
    return solid_fail(SOLID_ENOMEM, "out of memory: %u spare rows", spare);
  }
  free(file->weights);
  file->weights = weights;
  file->config.items += spare;
  return SOLID_OK;
}

static void *copy_of(const void *from, size_t n, size_t size, int *ok) {
  if (!from) return NULL;
  void *copy = malloc(n * size + 1);
  if (copy)
    memcpy(copy, from, n * size);
  else
    *ok = 0;
  return copy;
}

static void copy_strings(sol_strings *to, const sol_strings *from, int *ok) {
  to->count = from->count;
  if (!from->offsets) return;
  to->offsets = copy_of(from->offsets, (size_t)from->count + 1, sizeof *from->offsets, ok);
  to->bytes = copy_of(from->bytes, from->offsets[from->count], 1, ok);
}

solid_status sol_model_file_copy(sol_model_file *out, const sol_model_file *file, float *weights) {
  const sol_config *config = &file->config;
  size_t V = file->items.count, names = file->categories.count, w = config->content_given;
  sol_model_file made = {.config = *config, .generation = file->generation};
  int ok = 1;
  made.config.items = file->items.count;
  sol_config layout = sol_model_file_layout(file);
  made.weights = sol_weights_with_items(&layout, weights, file->rows ? 0 : made.config.items);
  made.codes = copy_of(file->codes, V * config->levels, sizeof *file->codes, &ok);
  made.attributes = copy_of(file->attributes, V * config->slots, sizeof *file->attributes, &ok);
  made.centroids =
      copy_of(file->centroids, (size_t)config->levels * config->codes * config->content, sizeof(float), &ok);
  made.content_words = copy_of(file->content_words, names * config->content_attributes, sizeof(float), &ok);
  made.content_mean = copy_of(file->content_mean, w, sizeof(float), &ok);
  made.content_basis = copy_of(file->content_basis, w * config->content_vectors, sizeof(float), &ok);
  made.popularity = copy_of(file->popularity, V, sizeof(float), &ok);
  copy_strings(&made.items, &file->items, &ok);
  copy_strings(&made.categories, &file->categories, &ok);
  copy_strings(&made.titles, &file->titles, &ok);
  made.category_offsets = copy_of(file->category_offsets, names + 1, sizeof(uint32_t), &ok);
  made.category_items =
      copy_of(file->category_items, file->category_offsets ? file->category_offsets[names] : 0, sizeof(uint32_t), &ok);
  made.training = copy_of(file->training, file->training ? strlen(file->training) + 1 : 0, 1, &ok);
  solid_status status = SOLID_OK;
  if (!ok || !made.weights) status = solid_fail(SOLID_ENOMEM, "out of memory: a copy of a model of %zu items", V);
  if (!status && file->rows) status = sol_rows_file_copy(&made.rows, file->rows);
  if (status) {
    sol_model_file_clear(&made);
    return status;
  }
  free(weights);
  *out = made;
  return SOLID_OK;
}
