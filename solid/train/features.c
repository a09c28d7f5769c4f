#include "solid/train/features.h"
#include "solid/extend.h"
#include "solid/train/cooccurrence.h"
#include "solid/train/svd.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define OVERSAMPLE 10
#define ITERATIONS 4
#define NO_LENGTH  1e-7f /* a row shorter than this has no direction worth scaling up */

typedef struct part {
  uint32_t width;
  float *rows; /* (V, width) */
} part;

static void normalise_rows(float *rows, size_t n, size_t width) {
  for (size_t i = 0; i < n; i++) {
    double sum = 0;
    for (size_t j = 0; j < width; j++) sum += (double)rows[i * width + j] * rows[i * width + j];
    float scale = sum > (double)NO_LENGTH * NO_LENGTH ? (float)(1 / sqrt(sum)) : 0;
    for (size_t j = 0; j < width; j++) rows[i * width + j] *= scale;
  }
}

/* U S^power with rows of length 1. A matrix without entries leaves the part absent. */
static solid_status reduce(part *made, const sol_matrix *a, double power, const sol_features_options *options) {
  uint32_t width = options->dims;
  if (width > a->rows) width = a->rows;
  if (width > a->cols) width = a->cols;
  if (!width || (!a->dense && !a->offsets[a->rows])) return SOLID_OK;
  float *rows = malloc((size_t)a->rows * width * sizeof *rows), *s = malloc(width * sizeof *s);
  sol_svd_options svd = {width, OVERSAMPLE, ITERATIONS, options->seed};
  solid_status status = SOLID_OK;
  if (!rows || !s) status = solid_fail(SOLID_ENOMEM, "no memory for %u content vectors of %u", a->rows, width);
  if (!status) status = sol_svd(a, &svd, rows, s);
  if (status) {
    free(rows);
    free(s);
    return status;
  }
  for (size_t j = 0; j < width; j++) {
    float scale = (float)pow(s[j], power);
    for (size_t i = 0; i < a->rows; i++) rows[i * width + j] *= scale;
  }
  normalise_rows(rows, a->rows, width);
  free(s);
  *made = (part){width, rows};
  return SOLID_OK;
}

static solid_status attribute_part(part *made, const sol_history *history, const sol_features_options *options) {
  size_t n = history->attribute_offsets[history->items];
  uint32_t attributes = history->attributes.count;
  if (options->ignore_attributes || !n) return SOLID_OK;
  float *values = malloc(n * sizeof *values), *idf = calloc(attributes, sizeof *idf);
  solid_status status = SOLID_OK;
  if (!values || !idf) {
    status = solid_fail(SOLID_ENOMEM, "no memory for %zu attributes", n);
    goto done;
  }
  for (size_t e = 0; e < n; e++) idf[history->attribute_ids[e]] += 1;
  for (uint32_t a = 0; a < attributes; a++) idf[a] = (float)log((history->items + 1.0) / (1.0 + idf[a]));
  for (uint32_t v = 0; v < history->items; v++) {
    size_t begin = history->attribute_offsets[v], end = history->attribute_offsets[v + 1];
    for (size_t e = begin; e < end; e++) values[e] = idf[history->attribute_ids[e]];
    normalise_rows(values + begin, 1, end - begin);
  }
  sol_matrix matrix = {.rows = history->items,
                       .cols = attributes,
                       .offsets = history->attribute_offsets,
                       .columns = history->attribute_ids,
                       .values = values};
  status = reduce(made, &matrix, 1, options);

done:
  free(values);
  free(idf);
  return status;
}

static int has_vector(const float *row, size_t width) {
  for (size_t j = 0; j < width; j++)
    if (row[j] != 0) return 1;
  return 0;
}

static solid_status vector_part(part *made, const sol_history *history, const sol_features_options *options) {
  size_t items = history->items, width = history->vector_width, present = 0;
  if (options->ignore_vectors || !width) return SOLID_OK;
  float *rows = malloc(items * width * sizeof *rows);
  double *mean = calloc(width, sizeof *mean);
  solid_status status = SOLID_OK;
  if (!rows || !mean) {
    status = solid_fail(SOLID_ENOMEM, "no memory for %zu vectors of %zu", items, width);
    goto done;
  }
  memcpy(rows, history->vectors, items * width * sizeof *rows);
  for (size_t i = 0; i < items; i++) {
    if (!has_vector(rows + i * width, width)) continue;
    present++;
    for (size_t j = 0; j < width; j++) mean[j] += rows[i * width + j];
  }
  for (size_t i = 0; i < items; i++)
    if (has_vector(rows + i * width, width))
      for (size_t j = 0; j < width; j++) rows[i * width + j] -= (float)(mean[j] / (double)present);
  if (width > options->dims) {
    sol_matrix matrix = {.rows = history->items, .cols = history->vector_width, .dense = rows};
    status = reduce(made, &matrix, 1, options);
  } else {
    normalise_rows(rows, items, width);
    *made = (part){(uint32_t)width, rows};
    rows = NULL;
  }

done:
  free(rows);
  free(mean);
  return status;
}

static solid_status cooccurrence_part(part *made, const sol_history *history, const sol_features_options *options) {
  if (!options->window) return SOLID_OK;
  sol_cooccurrence counted = {0};
  solid_status status = sol_cooccurrence_count(&counted, history, options->window);
  if (status) return status;
  sol_matrix matrix = {.rows = history->items,
                       .cols = history->items,
                       .offsets = counted.offsets,
                       .columns = counted.columns,
                       .values = counted.values};
  status = reduce(made, &matrix, 0.5, options);
  sol_cooccurrence_clear(&counted);
  return status;
}

static solid_status join(sol_features *out, uint32_t items, const part *parts, size_t n) {
  size_t width = 0, at = 0;
  for (size_t p = 0; p < n; p++) width += parts[p].width;
  if (!width)
    return solid_fail(SOLID_ENOTFOUND, "the data has no attributes, vectors or neighbours to make codes from");
  float *values = malloc(items * width * sizeof *values);
  if (!values) return solid_fail(SOLID_ENOMEM, "no memory for %u content vectors of %zu", items, width);
  for (size_t p = 0; p < n; at += parts[p++].width)
    for (size_t i = 0; i < items && parts[p].width; i++)
      memcpy(values + i * width + at, parts[p].rows + i * parts[p].width, parts[p].width * sizeof *values);
  *out = (sol_features){items, (uint32_t)width, parts[0].width, parts[1].width, parts[2].width, values};
  return SOLID_OK;
}

solid_status sol_features_build(sol_features *out, const sol_history *history, const sol_features_options *options) {
  static const sol_features_options defaults = SOL_FEATURES_OPTIONS_INIT;
  if (!out || !history) return solid_fail(SOLID_EINVAL, "features: NULL argument");
  if (!options) options = &defaults;
  if (!options->dims) return solid_fail(SOLID_EINVAL, "features: dims is 0");
  part parts[3] = {{0}, {0}, {0}};
  solid_status status = attribute_part(&parts[0], history, options);
  if (!status) status = vector_part(&parts[1], history, options);
  if (!status) status = cooccurrence_part(&parts[2], history, options);
  if (!status) status = join(out, history->items, parts, 3);
  for (int p = 0; p < 3; p++) free(parts[p].rows);
  return status;
}

void sol_features_clear(sol_features *features) {
  free(features->values);
  *features = (sol_features){0};
}
