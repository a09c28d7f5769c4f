#include "solid/train/fit/hidden_weights.h"
#include "solid/model/tensors.h"
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

float *sol_hidden_weights(const solid_hidden *hidden, const sol_config *config, const float *weights) {
  sol_config whole = *config;
  whole.items = hidden->items;
  sol_tensor from[SOL_MAX_TENSORS], to[SOL_MAX_TENSORS];
  size_t n = sol_tensors_list(config, from), d = config->width;
  float *made = calloc(sol_tensors_total(&whole), sizeof *made);
  if (!made) return NULL;
  sol_tensors_list(&whole, to);
  for (size_t t = 0; t < n; t++) {
    if (from[t].member != offsetof(sol_weights, items)) {
      memcpy(made + to[t].offset, weights + from[t].offset, from[t].count * sizeof *made);
      continue;
    }
    for (size_t i = 0; i < hidden->visible; i++)
      memcpy(made + to[t].offset + hidden->kept[i] * d, weights + from[t].offset + i * d, d * sizeof *made);
  }
  return made;
}
