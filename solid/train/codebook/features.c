#include "solid/train/codebook/features.h"
#include "solid/extend.h"
#include "solid/model/context.h"
#include "solid/train/codebook/cooccurrence.h"
#include "solid/train/codebook/svd.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define OVERSAMPLE 10
#define ITERATIONS 4
#define NO_LENGTH  1e-7f /* a row shorter than this has no direction worth scaling up */

typedef struct part {
  uint32_t width;
  float *rows;         /* (V, width) */
  float *basis, *mean; /* (cols, width) what rows of A are multiplied by, or NULL; (cols) what is taken off before */
} part;

static void normalise_rows(float *rows, size_t n, size_t width) {
  for (size_t i = 0; i < n; i++) {
    double sum = 0;
    for (size_t j = 0; j < width; j++) sum += (double)rows[i * width + j] * rows[i * width + j];
    float scale = sum > (double)NO_LENGTH * NO_LENGTH ? (float)(1 / sqrt(sum)) : 0;
    for (size_t j = 0; j < width; j++) rows[i * width + j] *= scale;
  }
}

static int is_hidden(const sol_features_options *options, size_t item) {
  return options->hidden && options->hidden[item];
}

/* A copy of a's values whose hidden rows are zero: the decomposition then does not see them. NULL: no memory. */
static float *visible_values(const sol_matrix *a, const uint8_t *hidden) {
  size_t n = a->dense ? (size_t)a->rows * a->cols : a->offsets[a->rows];
  float *values = malloc((n + 1) * sizeof *values);
  if (!values) return NULL;
  memcpy(values, a->dense ? a->dense : a->values, n * sizeof *values);
  for (size_t i = 0; i < a->rows; i++) {
    if (!hidden[i]) continue;
    size_t begin = a->dense ? i * a->cols : a->offsets[i], end = a->dense ? begin + a->cols : a->offsets[i + 1];
    memset(values + begin, 0, (end - begin) * sizeof *values);
  }
  return values;
}

/* sum += (row i of a) x: x (cols, width) when `down`, else the transposed product x (cols, width) += a_i^T sum. */
static void row_product(const sol_matrix *a, size_t i, size_t width, int down, double *x, double *sum) {
  size_t begin = a->dense ? i * a->cols : a->offsets[i], end = a->dense ? begin + a->cols : a->offsets[i + 1];
  for (size_t e = begin; e < end; e++) {
    double value = a->dense ? a->dense[e] : a->values[e];
    double *row = x + width * (a->dense ? e - begin : a->columns[e]);
    for (size_t j = 0; j < width && value != 0; j++) {
      if (down)
        sum[j] += value * row[j];
      else
        row[j] += value * sum[j];
    }
  }
}

/* V = A^T U / S (cols, width) from the rows that were decomposed; `rows` (V, width) has U S. */
static double *directions(const float *rows, const float *s, const sol_matrix *a, size_t width, const uint8_t *hidden) {
  double *v = calloc((size_t)a->cols * width + 1, sizeof *v), *scaled = calloc(width + 1, sizeof *scaled);
  for (size_t i = 0; i < a->rows && v && scaled; i++) {
    if (hidden && hidden[i]) continue;
    for (size_t j = 0; j < width; j++)
      scaled[j] = s[j] > NO_LENGTH * s[0] ? rows[i * width + j] / ((double)s[j] * s[j]) : 0;
    row_product(a, i, width, 0, v, scaled);
  }
  free(scaled);
  if (!scaled) {
    free(v);
    return NULL;
  }
  return v;
}

/* Keeps the directions, and lays hidden rows of A V = U S in. */
static solid_status keep_basis(part *made, const float *s, const sol_matrix *a, const uint8_t *hidden) {
  size_t width = made->width, n = (size_t)a->cols * width;
  double *v = directions(made->rows, s, a, width, hidden), *sum = calloc(width + 1, sizeof *sum);
  made->basis = malloc((n + 1) * sizeof *made->basis);
  int is_there = v && sum && made->basis;
  for (size_t i = 0; i < n && is_there; i++) made->basis[i] = (float)v[i];
  for (size_t i = 0; i < a->rows && is_there && hidden; i++) {
    if (!hidden[i]) continue;
    memset(sum, 0, width * sizeof *sum);
    row_product(a, i, width, 1, v, sum);
    for (size_t j = 0; j < width; j++) made->rows[i * width + j] = (float)sum[j];
  }
  free(v);
  free(sum);
  return is_there ? SOLID_OK : solid_fail(SOLID_ENOMEM, "no memory for %u directions of %zu", a->cols, width);
}

/* U S^power with rows of length 1. A matrix without entries leaves the part absent. With power 1 the directions are
 * kept, and hidden rows are laid in; else they are zero. */
static solid_status reduce(part *made, const sol_matrix *a, double power, const sol_features_options *options) {
  uint32_t width = options->dims;
  if (width > a->rows) width = a->rows;
  if (width > a->cols) width = a->cols;
  if (!width || (!a->dense && !a->offsets[a->rows])) return SOLID_OK;
  float *rows = malloc((size_t)a->rows * width * sizeof *rows), *s = malloc(width * sizeof *s);
  sol_progress progress = sol_progress_start(options->ctx, "content: SVD", "rows", sol_svd_work(a, ITERATIONS));
  sol_svd_options svd = {width, OVERSAMPLE, ITERATIONS, options->seed, &progress};
  sol_matrix fitted = *a;
  float *visible = NULL;
  solid_status status = SOLID_OK;
  if (options->hidden) {
    visible = visible_values(a, options->hidden);
    *(a->dense ? &fitted.dense : &fitted.values) = visible;
  }
  if (!rows || !s || (options->hidden && !visible))
    status = solid_fail(SOLID_ENOMEM, "no memory for %u content vectors of %u", a->rows, width);
  if (!status) status = sol_svd(&fitted, &svd, rows, s);
  for (size_t j = 0; j < width && !status; j++) {
    float scale = (float)pow(s[j], power);
    for (size_t i = 0; i < a->rows; i++) rows[i * width + j] *= scale;
  }
  *made = (part){.width = width, .rows = rows};
  if (!status && power == 1) status = keep_basis(made, s, a, options->hidden);
  if (!status) normalise_rows(rows, a->rows, width);
  free(visible);
  free(s);
  return status;
}

static solid_status attribute_part(part *made, const solid_dataset *dataset, const sol_features_options *options) {
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
    normalise_rows(values + begin, 1, end - begin);
  }
  sol_matrix matrix = {.rows = dataset->items,
                       .cols = attributes,
                       .offsets = dataset->attribute_offsets,
                       .columns = dataset->attribute_ids,
                       .values = values};
  status = reduce(made, &matrix, 1, options);
  for (size_t i = 0; i < (size_t)attributes * made->width && made->basis; i++) made->basis[i] *= idf[i / made->width];

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

static solid_status vector_part(part *made, const solid_dataset *dataset, const sol_features_options *options) {
  size_t items = dataset->items, width = dataset->vector_width, present = 0;
  if (options->ignore_vectors || !width) return SOLID_OK;
  sol_log(options->ctx, SOLID_LOG_INFO, "content: vectors of %zu numbers of %zu items", width, items);
  float *rows = malloc(items * width * sizeof *rows);
  float *off = calloc(width, sizeof *off);
  double *mean = calloc(width, sizeof *mean);
  solid_status status = SOLID_OK;
  if (!rows || !mean || !off) {
    status = solid_fail(SOLID_ENOMEM, "no memory for %zu vectors of %zu", items, width);
    goto done;
  }
  memcpy(rows, dataset->vectors, items * width * sizeof *rows);
  for (size_t i = 0; i < items; i++) {
    if (is_hidden(options, i) || !has_vector(rows + i * width, width)) continue;
    present++;
    for (size_t j = 0; j < width; j++) mean[j] += rows[i * width + j];
  }
  for (size_t j = 0; j < width; j++) off[j] = (float)(mean[j] / (present ? (double)present : 1));
  for (size_t i = 0; i < items; i++)
    if (has_vector(rows + i * width, width))
      for (size_t j = 0; j < width; j++) rows[i * width + j] -= off[j];
  if (width > options->dims) {
    sol_matrix matrix = {.rows = dataset->items, .cols = dataset->vector_width, .dense = rows};
    status = reduce(made, &matrix, 1, options);
  } else {
    normalise_rows(rows, items, width);
    *made = (part){.width = (uint32_t)width, .rows = rows};
    rows = NULL;
  }
  made->mean = off;
  off = NULL;

done:
  free(rows);
  free(off);
  free(mean);
  return status;
}

static solid_status cooccurrence_part(part *made, const solid_dataset *dataset, const sol_features_options *options) {
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
  status = reduce(made, &matrix, 0.5, options);
  sol_cooccurrence_clear(&counted);
  return status;
}

static solid_status join(sol_features *out, uint32_t items, const part *parts, size_t n) {
  size_t width = 0, at = 0;
  for (size_t p = 0; p < n; p++) width += parts[p].width;
  if (!width)
    return solid_fail(SOLID_ENOTFOUND, "the data has no attributes, vectors or neighbours to make codes from: too few "
                                       "events? (without codes: levels 0)");
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

static void clear(part *of) {
  free(of->rows);
  free(of->basis);
  free(of->mean);
}

/* The recipe of the first two parts moves to the features. */
static void take_recipe(sol_features *out, const solid_dataset *dataset, part *parts) {
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
  part parts[3] = {{.width = 0}, {.width = 0}, {.width = 0}};
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
