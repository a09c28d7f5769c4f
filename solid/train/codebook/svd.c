#include "solid/train/codebook/svd.h"
#include "kernels/cpu/gemm.h"
#include "solid/base/fetch.h"
#include "solid/base/random.h"
#include "solid/extend.h"
#include "solid/train/codebook/orthonormal.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SWEEPS 60
#define SAID_ROWS  ((size_t)4096) /* rows between two looks at the clock */
#define AHEAD      6 /* entries whose rows are asked for before they are read: a large matrix is in no cache */

/* to += value from, rows of p floats; the inner loop is one that compilers make vectors of. */
static inline void add_row(size_t p, float value, const float *restrict from, float *restrict to) {
  size_t j = 0;
  for (; j + 8 <= p; j += 8)
    for (size_t k = 0; k < 8; k++) to[j + k] += value * from[j + k];
  for (; j < p; j++) to[j] += value * from[j];
}

static inline void fetch_row(const sol_matrix *a, size_t e, size_t p, const float *rows) {
  if (e + AHEAD >= a->offsets[a->rows]) return;
  const float *row = rows + a->columns[e + AHEAD] * p;
  for (size_t j = 0; j < p; j += 16) SOL_FETCH(row + j);
}

/* y (rows, p) = A x, x (cols, p) */
static void multiply(const sol_matrix *a, size_t p, const float *x, float *y, sol_progress *progress) {
  if (a->dense) {
    sk_gemm_nn(a->rows, (int64_t)p, a->cols, a->dense, a->cols, x, (int64_t)p, 0, y, (int64_t)p);
    sol_progress_add(progress, a->rows);
    return;
  }
  memset(y, 0, a->rows * p * sizeof *y);
  for (uint32_t i = 0; i < a->rows; i++) {
    if (i % SAID_ROWS == SAID_ROWS - 1) sol_progress_add(progress, SAID_ROWS);
    for (size_t e = a->offsets[i]; e < a->offsets[i + 1]; e++) {
      fetch_row(a, e, p, x);
      add_row(p, a->values[e], x + a->columns[e] * p, y + i * p);
    }
  }
}

/* y (cols, p) = A^T x, x (rows, p) */
static void multiply_transposed(const sol_matrix *a, size_t p, const float *x, float *y, sol_progress *progress) {
  if (a->dense) {
    sk_gemm_tn(a->cols, (int64_t)p, a->rows, a->dense, a->cols, x, (int64_t)p, 0, y, (int64_t)p);
    sol_progress_add(progress, a->rows);
    return;
  }
  memset(y, 0, a->cols * p * sizeof *y);
  for (uint32_t i = 0; i < a->rows; i++) {
    if (i % SAID_ROWS == SAID_ROWS - 1) sol_progress_add(progress, SAID_ROWS);
    for (size_t e = a->offsets[i]; e < a->offsets[i + 1]; e++) {
      fetch_row(a, e, p, y);
      add_row(p, a->values[e], x + i * p, y + a->columns[e] * p);
    }
  }
}

/* One rotation in the plane (i, j) that makes a_ij zero (Golub and Van Loan, 8.5.2). */
static void rotate(uint32_t n, double *a, double *v, uint32_t i, uint32_t j) {
  double aij = a[i * n + j];
  if (aij == 0) return;
  double theta = (a[j * n + j] - a[i * n + i]) / (2 * aij);
  double t = (theta >= 0 ? 1 : -1) / (fabs(theta) + sqrt(theta * theta + 1));
  double c = 1 / sqrt(t * t + 1), s = t * c;
  for (uint32_t k = 0; k < n; k++) {
    double x = a[k * n + i], y = a[k * n + j];
    a[k * n + i] = c * x - s * y;
    a[k * n + j] = s * x + c * y;
  }
  for (uint32_t k = 0; k < n; k++) {
    double x = a[i * n + k], y = a[j * n + k];
    a[i * n + k] = c * x - s * y;
    a[j * n + k] = s * x + c * y;
    x = v[k * n + i], y = v[k * n + j];
    v[k * n + i] = c * x - s * y;
    v[k * n + j] = s * x + c * y;
  }
}

void sol_eigen_symmetric(uint32_t n, double *a, double *values, double *v) {
  for (uint32_t i = 0; i < n; i++)
    for (uint32_t j = 0; j < n; j++) v[i * n + j] = i == j;
  for (int sweep = 0; sweep < MAX_SWEEPS; sweep++) {
    double off = 0, all = 0;
    for (uint32_t i = 0; i < n; i++)
      for (uint32_t j = 0; j < n; j++) {
        all += a[i * n + j] * a[i * n + j];
        if (i != j) off += a[i * n + j] * a[i * n + j];
      }
    if (off <= 1e-28 * all) break;
    for (uint32_t i = 0; i < n; i++)
      for (uint32_t j = i + 1; j < n; j++) rotate(n, a, v, i, j);
  }
  for (uint32_t i = 0; i < n; i++) values[i] = a[i * n + i];
  for (uint32_t i = 0; i < n; i++) {
    uint32_t best = i;
    for (uint32_t j = i + 1; j < n; j++)
      if (values[j] > values[best]) best = j;
    if (best == i) continue;
    double x = values[i];
    values[i] = values[best], values[best] = x;
    for (uint32_t k = 0; k < n; k++) {
      x = v[k * n + i];
      v[k * n + i] = v[k * n + best], v[k * n + best] = x;
    }
  }
}

/* With Q (rows, p) spanning the range of A:  B = Q^T A,  B B^T = W diag(s^2) W^T,  u = Q W. z (cols, p) = B^T. */
static void project(size_t rows, size_t cols, size_t p, size_t dims, const float *q, const float *z, double *work,
                    float *scratch, float *u, float *s) {
  double *gram = work, *values = gram + p * p, *w = values + p;
  sol_gram(cols, p, z, gram, scratch);
  for (size_t j = 0; j < p; j++)
    for (size_t k = 0; k < j; k++) gram[k * p + j] = gram[j * p + k];
  sol_eigen_symmetric((uint32_t)p, gram, values, w);
  for (size_t k = 0; k < dims; k++) s[k] = values[k] > 1e-12 * values[0] ? (float)sqrt(values[k]) : 0;
  if (rows <= SOL_FEW_ROWS) {
    for (size_t i = 0; i < rows; i++)
      for (size_t k = 0; k < dims; k++) {
        double sum = 0;
        for (size_t j = 0; j < p; j++) sum += q[i * p + j] * w[j * p + k];
        u[i * dims + k] = s[k] > 0 ? (float)sum : 0;
      }
    return;
  }
  float *rounded = scratch;
  for (size_t j = 0; j < p; j++)
    for (size_t k = 0; k < dims; k++) rounded[j * dims + k] = s[k] > 0 ? (float)w[j * p + k] : 0;
  sk_gemm_nn((int64_t)rows, (int64_t)dims, (int64_t)p, q, (int64_t)p, rounded, (int64_t)dims, 0, u, (int64_t)dims);
}

double sol_svd_work(const sol_matrix *a, uint32_t iterations) {
  double orthonormal = (iterations + 1) * sol_orthonormal_work(a->rows) + iterations * sol_orthonormal_work(a->cols);
  return a->cols + (2.0 * iterations + 2) * a->rows + orthonormal;
}

solid_status sol_svd(const sol_matrix *a, const sol_svd_options *options, float *u, float *s) {
  size_t rows = a->rows, cols = a->cols, least = rows < cols ? rows : cols, most = rows + cols - least;
  if (options->dims < 1 || options->dims > least)
    return solid_fail(SOLID_EINVAL, "%u singular vectors of a %zu x %zu matrix", options->dims, rows, cols);
  size_t p = options->dims + options->oversample < least ? options->dims + options->oversample : least;
  float *q = malloc(rows * p * sizeof *q), *z = malloc(cols * p * sizeof *z);
  float *scratch = malloc(sol_orthonormal_bytes(most, p));
  double *work = malloc((2 * p * p + p) * sizeof *work);
  solid_status status = SOLID_OK;
  if (!q || !z || !scratch || !work) {
    status = solid_fail(SOLID_ENOMEM, "no memory for %zu singular vectors of a %zu x %zu matrix", p, rows, cols);
    goto done;
  }
  sol_random random = sol_random_start(options->seed, 1);
  for (size_t i = 0; i < cols * p; i++) {
    z[i] = (float)sol_random_normal(&random);
    if (i % (SAID_ROWS * p) == SAID_ROWS * p - 1) sol_progress_add(options->progress, SAID_ROWS);
  }
  multiply(a, p, z, q, options->progress);
  sol_orthonormalise(rows, p, q, scratch, options->progress);
  for (uint32_t i = 0; i < options->iterations; i++) {
    multiply_transposed(a, p, q, z, options->progress);
    sol_orthonormalise(cols, p, z, scratch, options->progress);
    multiply(a, p, z, q, options->progress);
    sol_orthonormalise(rows, p, q, scratch, options->progress);
  }
  multiply_transposed(a, p, q, z, options->progress);
  project(rows, cols, p, options->dims, q, z, work, scratch, u, s);

done:
  free(q);
  free(z);
  free(scratch);
  free(work);
  return status;
}
