#include "solid/train/codebook/reduce.h"
#include "solid/extend.h"
#include "solid/model/content.h"
#include "solid/model/context.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define OVERSAMPLE 10
#define ITERATIONS 4
#define NO_VALUE   1e-7f /* a singular value below this part of the largest is what rounding left */

void sol_rows_normalise(float *rows, size_t n, size_t width, const double *yardstick) {
  for (size_t i = 0; i < n; i++) {
    double sum = 0, least = SOL_NO_LENGTH * (yardstick ? yardstick[i] : 1);
    for (size_t j = 0; j < width; j++) sum += (double)rows[i * width + j] * rows[i * width + j];
    float scale = sum > least * least ? (float)(1 / sqrt(sum)) : 0;
    for (size_t j = 0; j < width; j++) rows[i * width + j] *= scale;
  }
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
      scaled[j] = s[j] > NO_VALUE * s[0] ? rows[i * width + j] / ((double)s[j] * s[j]) : 0;
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
static solid_status keep_basis(sol_part *made, const float *s, const sol_matrix *a, const uint8_t *hidden) {
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

solid_status sol_part_reduce(sol_part *made, const sol_matrix *a, double power, const sol_reduce_options *options) {
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
  *made = (sol_part){.width = width, .rows = rows};
  if (!status && power == 1) status = keep_basis(made, s, a, options->hidden);
  if (!status) sol_rows_normalise(rows, a->rows, width, options->yardstick);
  free(visible);
  free(s);
  return status;
}
