#include "solid/neighbours.h"
#include "solid/extend.h"
#include "solid/model/model_parts.h"
#include <math.h>
#include <stdlib.h>

struct solid_neighbours {
  const solid_model *model;
  uint32_t items, width;
  float *vectors; /* (V, d) of length 1, or 0 */
};

static void make_unit(float *vector, uint32_t width) {
  double sum = 0;
  for (uint32_t j = 0; j < width; j++) sum += (double)vector[j] * vector[j];
  float scale = sum > 0 ? (float)(1 / sqrt(sum)) : 0;
  for (uint32_t j = 0; j < width; j++) vector[j] *= scale;
}

solid_status solid_neighbours_new(solid_neighbours **out, const solid_model *model) {
  if (!out || !model) return solid_fail(SOLID_EINVAL, "neighbours: out or model is NULL");
  solid_model_info info = {.struct_size = sizeof info};
  solid_status status = solid_model_get_info(model, &info);
  if (status) return status;
  solid_neighbours *made = calloc(1, sizeof *made);
  if (made) made->vectors = calloc(info.items, sizeof *made->vectors * info.width);
  if (!made || !made->vectors) {
    solid_neighbours_free(made);
    return solid_fail(SOLID_ENOMEM, "out of memory: vectors of %u items", info.items);
  }
  made->model = model;
  made->items = info.items;
  made->width = info.width;
  status = solid_model_item_vectors(model, made->vectors);
  if (status) {
    solid_neighbours_free(made);
    return status;
  }
  for (uint32_t v = 0; v < info.items; v++) make_unit(made->vectors + (size_t)v * info.width, info.width);
  *out = made;
  return SOLID_OK;
}

void solid_neighbours_free(solid_neighbours *neighbours) {
  if (!neighbours) return;
  free(neighbours->vectors);
  free(neighbours);
}

/* The vector of an item, and in *length by what it has to be divided; NULL: it is no item. */
static const float *vector_of(const solid_neighbours *n, uint32_t item, double *length) {
  *length = 1;
  if (item < n->items) return n->vectors + (size_t)item * n->width;
  const sol_joined *joined = sol_model_joined(n->model, item);
  double sum = 0;
  for (uint32_t j = 0; joined && j < n->width; j++) sum += (double)joined->vector[j] * joined->vector[j];
  if (sum > 0) *length = sqrt(sum);
  return joined ? joined->vector : NULL;
}

float solid_neighbours_cosine(const solid_neighbours *n, uint32_t item, uint32_t other) {
  double length, other_length;
  const float *a = vector_of(n, item, &length), *b = vector_of(n, other, &other_length);
  if (!a || !b) return 0;
  float sum = 0;
  for (uint32_t j = 0; j < n->width; j++) sum += a[j] * b[j];
  return item < n->items && other < n->items ? sum : (float)(sum / (length * other_length));
}

solid_status solid_neighbours_of(const solid_neighbours *neighbours, uint32_t item, size_t k, solid_scored *out,
                                 size_t *count) {
  if (!neighbours || !out || !count) return solid_fail(SOLID_EINVAL, "neighbours: an argument is NULL");
  uint32_t items = solid_model_item_count(neighbours->model);
  if (item >= items || !k) return solid_fail(SOLID_ERANGE, "neighbours: item %u of %u, k %zu", item, items, k);
  size_t n = 0;
  for (uint32_t v = 0; v < items; v++) {
    if (v == item || !solid_model_item_is_open(neighbours->model, v)) continue;
    float score = solid_neighbours_cosine(neighbours, item, v);
    if (n == k && score <= out[n - 1].score) continue;
    size_t at = n < k ? n++ : n - 1;
    for (; at && out[at - 1].score < score; at--) out[at] = out[at - 1];
    out[at] = (solid_scored){v, score};
  }
  *count = n;
  return SOLID_OK;
}
