#include "solid/train/beyond.h"
#include "solid/extend.h"
#include <math.h>
#include <stdlib.h>

static int ascending(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return (x > y) - (x < y);
}

/* `exposure` (V) is sorted. */
static double gini_of(uint32_t *exposure, uint32_t items) {
  double weighted = 0, sum = 0;
  qsort(exposure, items, sizeof *exposure, ascending);
  for (uint32_t i = 0; i < items; i++) {
    weighted += (2.0 * (i + 1) - items - 1) * exposure[i];
    sum += exposure[i];
  }
  return sum > 0 ? weighted / (items * sum) : 0;
}

/* 1 / ||v||, or 0 of a zero vector: its cosine with anything is 0 then. */
static double *inverse_norms(const float *vectors, uint32_t items, uint32_t width) {
  double *scale = malloc(((size_t)items + 1) * sizeof *scale);
  for (uint32_t v = 0; v < items && scale; v++) {
    double square = 0;
    for (uint32_t j = 0; j < width; j++)
      square += (double)vectors[(size_t)v * width + j] * vectors[(size_t)v * width + j];
    scale[v] = square > 0 ? 1 / sqrt(square) : 0;
  }
  return scale;
}

/* Mean of 1 - cosine over the pairs of n items; n >= 2. */
static double spread(const uint32_t *items, uint32_t n, const float *vectors, uint32_t width, const double *scale) {
  double sum = 0;
  for (uint32_t a = 1; a < n; a++)
    for (uint32_t b = 0; b < a; b++) {
      const float *x = vectors + (size_t)items[a] * width, *y = vectors + (size_t)items[b] * width;
      double dot = 0;
      for (uint32_t j = 0; j < width; j++) dot += (double)x[j] * y[j];
      sum += 1 - dot * scale[items[a]] * scale[items[b]];
    }
  return sum / (n * (n - 1) / 2.0);
}

static double diversity_of(const solid_evaluation *e, const float *vectors, uint32_t width, const double *scale) {
  double sum = 0;
  uint32_t lists = 0;
  for (uint32_t i = 0; i < e->users; i++) {
    uint32_t known[SOLID_COVERED_DEPTH], n = 0;
    for (int k = 0; k < SOLID_COVERED_DEPTH; k++) {
      uint32_t item = e->shown[(size_t)i * SOLID_COVERED_DEPTH + (size_t)k];
      if (item != SOLID_NO_ID) known[n++] = item;
    }
    if (n < 2) continue;
    sum += spread(known, n, vectors, width, scale);
    lists++;
  }
  return lists ? sum / lists : -1;
}

solid_status solid_beyond_of(solid_beyond *out, const solid_evaluation *e, const solid_dataset *dataset,
                             const float *vectors, uint32_t width) {
  if (!out || !e || !dataset) return solid_fail(SOLID_EINVAL, "beyond accuracy: NULL argument");
  uint32_t items = dataset->items;
  uint32_t *exposure = calloc((size_t)items + 1, sizeof *exposure);
  float *count = malloc(((size_t)items + 1) * sizeof *count);
  double *scale = vectors ? inverse_norms(vectors, items, width) : NULL;
  solid_status status = SOLID_OK;
  if (!exposure || !count || (vectors && !scale)) {
    status = solid_fail(SOLID_ENOMEM, "no memory for %u items", items);
    goto done;
  }
  double events = 0, information = 0;
  size_t shown = 0;
  solid_split_popularity(dataset, count);
  for (uint32_t v = 0; v < items; v++) events += count[v];
  for (size_t i = 0; i < (size_t)e->users * SOLID_COVERED_DEPTH; i++) {
    uint32_t item = e->shown[i];
    if (item == SOLID_NO_ID) continue;
    exposure[item]++;
    information -= log2((count[item] + 1.0) / (events + items));
    shown++;
  }
  out->novelty = shown ? information / (double)shown : 0;
  out->gini = gini_of(exposure, items);
  out->diversity = vectors ? diversity_of(e, vectors, width, scale) : -1;

done:
  free(exposure);
  free(count);
  free(scale);
  return status;
}
