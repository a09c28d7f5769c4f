#include "tests/support/strip_hidden.h"
#include "solid/extend.h"
#include "solid/model/tensors.h"
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* Rows of an array of the items that stay, moved together; n = 0 leaves it. */
static void keep_rows(void *array, const solid_hidden *hidden, size_t n, size_t size) {
  char *bytes = array;
  for (uint32_t i = 0; i < hidden->visible && n; i++)
    memmove(bytes + i * n * size, bytes + hidden->kept[i] * n * size, n * size);
}

/* The same of ids or titles, of which there may be none. */
static void keep_strings(sol_strings *strings, const uint32_t *place, uint32_t kept) {
  uint32_t used = 0, count = strings->count;
  for (uint32_t v = 0; v < count; v++) {
    uint32_t begin = strings->offsets[v], size = strings->offsets[v + 1] - begin;
    if (place[v] == SOLID_NO_ITEM) continue;
    memmove(strings->bytes + used, strings->bytes + begin, size);
    strings->offsets[place[v]] = used;
    used += size;
  }
  if (!count) return;
  strings->offsets[kept] = used;
  strings->count = kept;
}

solid_status strip_hidden(sol_model_file *file, const solid_hidden *hidden) {
  sol_config *config = &file->config;
  sol_config whole = *config;
  sol_tensor from[SOL_MAX_TENSORS], to[SOL_MAX_TENSORS];
  config->items = hidden->visible;
  size_t n = sol_tensors_list(&whole, from);
  float *weights = calloc(sol_tensors_total(config), sizeof *weights);
  uint32_t *place = malloc(whole.items * sizeof *place);
  if (!weights || !place) {
    free(weights);
    free(place);
    return solid_fail(SOLID_ENOMEM, "out of memory: a copy of %zu weights", sol_tensors_total(config));
  }
  sol_tensors_list(config, to);
  for (size_t t = 0; t < n; t++) {
    if (from[t].member == offsetof(sol_weights, items)) keep_rows(file->weights, hidden, config->width, sizeof(float));
    memcpy(weights + to[t].offset, file->weights + from[t].offset, to[t].count * sizeof *weights);
  }
  free(file->weights);
  file->weights = weights;
  keep_rows(file->codes, hidden, config->levels, sizeof *file->codes);
  keep_rows(file->attributes, hidden, config->slots, sizeof *file->attributes);
  keep_rows(file->popularity, hidden, 1, sizeof *file->popularity);
  uint32_t at = 0;
  for (uint32_t v = 0; v < whole.items; v++) place[v] = hidden->mask[v] ? SOLID_NO_ITEM : at++;
  keep_strings(&file->items, place, hidden->visible);
  keep_strings(&file->titles, place, hidden->visible);
  uint32_t pairs = 0;
  for (uint32_t c = 0, begin = 0; c < file->categories.count; c++) {
    uint32_t end = file->category_offsets[c + 1];
    for (uint32_t i = begin; i < end; i++)
      if (place[file->category_items[i]] != SOLID_NO_ITEM)
        file->category_items[pairs++] = place[file->category_items[i]];
    begin = end;
    file->category_offsets[c + 1] = pairs;
  }
  free(place);
  return sol_model_file_seal(file);
}
