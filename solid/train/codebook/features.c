#include "solid/train/codebook/features.h"
#include "solid/extend.h"
#include "solid/model/context.h"
#include "solid/train/codebook/cooccurrence.h"
#include "solid/train/codebook/reduce.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int is_hidden(const sol_features_options *options, size_t item) {
  return options->hidden && options->hidden[item];
}

static solid_status reduce(sol_part *made, const sol_matrix *a, double power, const double *yardstick,
                           const sol_features_options *options) {
  sol_reduce_options all = {options->dims, options->seed, options->hidden, yardstick, options->ctx};
  return sol_part_reduce(made, a, power, &all);
}

static solid_status attribute_part(sol_part *made, const solid_dataset *dataset, const sol_features_options *options) {
  size_t n = dataset->attribute_offsets[dataset->items];
  uint32_t attributes = dataset->attributes.count;
  if (options->ignore_attributes || !n) return SOLID_OK;
  sol_log(options->ctx, SOLID_LOG_INFO, "content: TF-IDF of %u attributes, given %zu times to %u items, and its SVD",
          attributes, n, dataset->items);
  float *values = malloc(n * sizeof *values), *idf = calloc(attributes, sizeof *idf);
  solid_status status = SOLID_OK;
  if (!values || !idf) {
    status = solid_fail(SOLID_ENOMEM, "no memory for %zu attributes", n);
    goto done;
  }
  uint32_t fitted = 0;
  for (uint32_t v = 0; v < dataset->items; v++) {
    if (is_hidden(options, v)) continue;
    fitted++;
    for (size_t e = dataset->attribute_offsets[v]; e < dataset->attribute_offsets[v + 1]; e++)
      idf[dataset->attribute_ids[e]] += 1;
  }
  for (uint32_t a = 0; a < attributes; a++) idf[a] = (float)log((fitted + 1.0) / (1.0 + idf[a]));
  for (uint32_t v = 0; v < dataset->items; v++) {
    size_t begin = dataset->attribute_offsets[v], end = dataset->attribute_offsets[v + 1];
    for (size_t e = begin; e < end; e++) values[e] = idf[dataset->attribute_ids[e]];
    sol_rows_normalise(values + begin, 1, end - begin, NULL);
  }
  sol_matrix matrix = {.rows = dataset->items,
                       .cols = attributes,
                       .offsets = dataset->attribute_offsets,
                       .columns = dataset->attribute_ids,
                       .values = values};
  status = reduce(made, &matrix, 1, NULL, options);
  for (size_t i = 0; i < (size_t)attributes * made->width && made->basis; i++) made->basis[i] *= idf[i / made->width];

done:
  free(values);
  free(idf);
  return status;
}

static void find_lengths(double *length, const float *rows, size_t n, size_t width) {
  for (size_t i = 0; i < n; i++) {
    double sum = 0;
    for (size_t j = 0; j < width; j++) sum += (double)rows[i * width + j] * rows[i * width + j];
    length[i] = sqrt(sum);
  }
}

/* Rows (n, width) and their lengths times a power of two, so that the largest value is below 1 and not below 1/2: what
 * vectors tell does not depend on their unit. A row may become zeroes by it; its length does not become 0. Returns the
 * exponent to go back by. */
static int scale_rows(float *rows, double *length, size_t n, size_t width) {
  float largest = 0;
  int exponent = 0;
  for (size_t i = 0; i < n * width; i++) largest = fmaxf(largest, fabsf(rows[i]));
  frexpf(largest, &exponent);
  double by = ldexp(1, -exponent);
  for (size_t i = 0; i < n * width; i++) rows[i] = (float)(rows[i] * by);
  for (size_t i = 0; i < n; i++) length[i] *= by;
  return exponent;
}

/* Takes off the mean of the rows that are there and take part in the fit. A row of length 0 is not there. `sum` (width)
 * comes as zeroes. */
static void centre(float *rows, const double *length, double *sum, float *mean, size_t width, size_t items,
                   const sol_features_options *options) {
  size_t present = 0;
  for (size_t i = 0; i < items; i++) {
    if (is_hidden(options, i) || !(length[i] > 0)) continue;
    present++;
    for (size_t j = 0; j < width; j++) sum[j] += rows[i * width + j];
  }
  for (size_t j = 0; j < width; j++) mean[j] = (float)(sum[j] / (present ? (double)present : 1));
  for (size_t i = 0; i < items; i++)
    for (size_t j = 0; j < width && length[i] > 0; j++) rows[i * width + j] -= mean[j];
}

static solid_status vector_part(sol_part *made, const solid_dataset *dataset, const sol_features_options *options) {
  size_t items = dataset->items, width = dataset->vector_width;
  if (options->ignore_vectors || !width) return SOLID_OK;
  sol_log(options->ctx, SOLID_LOG_INFO, "content: vectors of %zu numbers of %zu items", width, items);
  float *rows = malloc(items * width * sizeof *rows), *mean = malloc(width * sizeof *mean);
  double *length = malloc((items + 1) * sizeof *length), *sum = calloc(width, sizeof *sum);
  solid_status status = SOLID_OK;
  if (!rows || !mean || !length || !sum) {
    status = solid_fail(SOLID_ENOMEM, "no memory for %zu vectors of %zu", items, width);
    goto done;
  }
  memcpy(rows, dataset->vectors, items * width * sizeof *rows);
  find_lengths(length, rows, items, width);
  int exponent = scale_rows(rows, length, items, width);
  centre(rows, length, sum, mean, width, items, options);
  if (width > options->dims) {
    sol_matrix matrix = {.rows = dataset->items, .cols = dataset->vector_width, .dense = rows};
    status = reduce(made, &matrix, 1, length, options);
  } else {
    sol_rows_normalise(rows, items, width, length);
    *made = (sol_part){.width = (uint32_t)width, .rows = rows};
    rows = NULL;
  }
  for (size_t j = 0; j < width; j++) mean[j] = ldexpf(mean[j], exponent);
  made->mean = mean;
  mean = NULL;

done:
  free(rows);
  free(length);
  free(mean);
  free(sum);
  return status;
}

static solid_status cooccurrence_part(sol_part *made, const solid_dataset *dataset,
                                      const sol_features_options *options) {
  if (!options->window) return SOLID_OK;
  sol_cooccurrence counted = {0};
  sol_log(options->ctx, SOLID_LOG_INFO, "content: counts which of %u items occur within %u events of each other",
          dataset->items, options->window);
  solid_status status = sol_cooccurrence_count(&counted, dataset, options->window, options->ctx);
  if (status) return status;
  sol_log(options->ctx, SOLID_LOG_INFO, "content: SVD of the PPMI of %zu pairs", counted.offsets[dataset->items]);
  sol_matrix matrix = {.rows = dataset->items,
                       .cols = dataset->items,
                       .offsets = counted.offsets,
                       .columns = counted.columns,
                       .values = counted.values};
  status = reduce(made, &matrix, 0.5, NULL, options);
  sol_cooccurrence_clear(&counted);
  return status;
}

static solid_status join(sol_features *out, uint32_t items, const sol_part *parts, size_t n) {
  size_t width = 0, at = 0;
  for (size_t p = 0; p < n; p++) width += parts[p].width;
  if (!width)
    return solid_fail(SOLID_ENOTFOUND, "codes are made from attributes, vectors, or which of several items occur near "
                                       "one another, and the data has none of these (without codes: levels 0)");
  float *values = malloc(items * width * sizeof *values);
  if (!values) return solid_fail(SOLID_ENOMEM, "no memory for %u content vectors of %zu", items, width);
  for (size_t p = 0; p < n; at += parts[p++].width)
    for (size_t i = 0; i < items && parts[p].width; i++)
      memcpy(values + i * width + at, parts[p].rows + i * parts[p].width, parts[p].width * sizeof *values);
  *out = (sol_features){.items = items,
                        .width = (uint32_t)width,
                        .attributes = parts[0].width,
                        .vectors = parts[1].width,
                        .cooccurrence = parts[2].width,
                        .values = values};
  return SOLID_OK;
}

static void clear(sol_part *of) {
  free(of->rows);
  free(of->basis);
  free(of->mean);
}

/* The recipe of the first two parts moves to the features. */
static void take_recipe(sol_features *out, const solid_dataset *dataset, sol_part *parts) {
  out->words = parts[0].width ? parts[0].basis : NULL;
  out->names = out->words ? dataset->attributes.count : 0;
  out->basis = parts[1].width ? parts[1].basis : NULL;
  out->mean = parts[1].width ? parts[1].mean : NULL;
  out->given = out->mean ? dataset->vector_width : 0;
  if (out->words) parts[0].basis = NULL;
  if (out->basis) parts[1].basis = NULL;
  if (out->mean) parts[1].mean = NULL;
}

sol_content sol_features_content(const sol_features *features) {
  return (sol_content){.names = features->names,
                       .attributes = features->words ? features->attributes : 0,
                       .given = features->given,
                       .vectors = features->mean ? features->vectors : 0,
                       .words = features->words,
                       .mean = features->mean,
                       .basis = features->basis};
}

solid_status sol_features_build(sol_features *out, const solid_dataset *dataset, const sol_features_options *options) {
  static const sol_features_options defaults = SOL_FEATURES_OPTIONS_INIT;
  if (!out || !dataset) return solid_fail(SOLID_EINVAL, "features: NULL argument");
  if (!options) options = &defaults;
  if (!options->dims) return solid_fail(SOLID_EINVAL, "features: dims is 0");
  sol_part parts[3] = {{.width = 0}, {.width = 0}, {.width = 0}};
  solid_status status = attribute_part(&parts[0], dataset, options);
  if (!status) status = vector_part(&parts[1], dataset, options);
  if (!status) status = cooccurrence_part(&parts[2], dataset, options);
  if (!status) status = join(out, dataset->items, parts, 3);
  if (!status) take_recipe(out, dataset, parts);
  for (int p = 0; p < 3; p++) clear(&parts[p]);
  return status;
}

void sol_features_clear(sol_features *features) {
  free(features->values);
  free(features->words);
  free(features->mean);
  free(features->basis);
  *features = (sol_features){0};
}
