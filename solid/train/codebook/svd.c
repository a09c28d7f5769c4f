#include "solid/train/codebook/svd.h"
#include "kernels/cpu/gemm.h"
#include "solid/base/random.h"
#include "solid/extend.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SWEEPS 60

/* y (rows, p) = A x, x (cols, p) */
static void multiply(const sol_matrix *a, size_t p, const float *x, float *y) {
  if (a->dense) {
    sk_gemm_nn(a->rows, (int64_t)p, a->cols, a->dense, a->cols, x, (int64_t)p, 0, y, (int64_t)p);
    return;
  }
  memset(y, 0, a->rows * p * sizeof *y);
  for (uint32_t i = 0; i < a->rows; i++)
    for (size_t e = a->offsets[i]; e < a->offsets[i + 1]; e++) {
      const float *from = x + a->columns[e] * p, value = a->values[e];
      float *to = y + i * p;
      for (size_t j = 0; j < p; j++) to[j] += value * from[j];
    }
}

/* y (cols, p) = A^T x, x (rows, p) */
static void multiply_transposed(const sol_matrix *a, size_t p, const float *x, float *y) {
  if (a->dense) {
    sk_gemm_tn(a->cols, (int64_t)p, a->rows, a->dense, a->cols, x, (int64_t)p, 0, y, (int64_t)p);
    return;
  }
  memset(y, 0, a->cols * p * sizeof *y);
  for (uint32_t i = 0; i < a->rows; i++)
    for (size_t e = a->offsets[i]; e < a->offsets[i + 1]; e++) {
      const float *from = x + i * p, value = a->values[e];
      float *to = y + a->columns[e] * p;
      for (size_t j = 0; j < p; j++) to[j] += value * from[j];
    }
}

static double length(size_t n, const float *x) {
  double sum = 0;
  for (size_t i = 0; i < n; i++) sum += (double)x[i] * x[i];
  return sqrt(sum);
}

/* The Q of a QR decomposition of y (n, p), in place: Gram-Schmidt, each column projected twice ("twice is enough",
 * Kahan and Parlett). A column that depends on those before it becomes zero. t (p, n) and dots (p) are scratch. */
static void orthonormalise(size_t n, size_t p, float *y, float *t, float *dots) {
  int64_t width = (int64_t)n;
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < p; j++) t[j * n + i] = y[i * p + j];
  for (size_t j = 0; j < p; j++) {
    float *column = t + j * n;
    double before = length(n, column);
    for (int pass = 0; pass < 2 && j; pass++) {
      sk_cpu_gemv((int64_t)j, width, t, width, column, 0, dots);
      for (size_t k = 0; k < j; k++) dots[k] = -dots[k];
      sk_gemm_nn(1, width, (int64_t)j, dots, (int64_t)j, t, width, 1, column, width);
    }
    double after = length(n, column);
    float scale = after > 1e-5 * before ? (float)(1 / after) : 0;
    for (size_t i = 0; i < n; i++) column[i] *= scale;
  }
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < p; j++) y[i * p + j] = t[j * n + i];
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
                    float *u, float *s) {
  double *gram = work, *values = gram + p * p, *w = values + p;
  memset(gram, 0, p * p * sizeof *gram);
  for (size_t i = 0; i < cols; i++)
    for (size_t j = 0; j < p; j++)
      for (size_t k = 0; k <= j; k++) gram[j * p + k] += (double)z[i * p + j] * z[i * p + k];
  for (size_t j = 0; j < p; j++)
    for (size_t k = 0; k < j; k++) gram[k * p + j] = gram[j * p + k];
  sol_eigen_symmetric((uint32_t)p, gram, values, w);
  for (size_t k = 0; k < dims; k++) s[k] = values[k] > 1e-12 * values[0] ? (float)sqrt(values[k]) : 0;
  for (size_t i = 0; i < rows; i++)
    for (size_t k = 0; k < dims; k++) {
      double sum = 0;
      for (size_t j = 0; j < p; j++) sum += q[i * p + j] * w[j * p + k];
      u[i * dims + k] = s[k] > 0 ? (float)sum : 0;
    }
}

solid_status sol_svd(const sol_matrix *a, const sol_svd_options *options, float *u, float *s) {
  size_t rows = a->rows, cols = a->cols, least = rows < cols ? rows : cols, most = rows + cols - least;
  if (options->dims < 1 || options->dims > least)
    return solid_fail(SOLID_EINVAL, "%u singular vectors of a %zu x %zu matrix", options->dims, rows, cols);
  size_t p = options->dims + options->oversample < least ? options->dims + options->oversample : least;
  float *q = malloc(rows * p * sizeof *q), *z = malloc(cols * p * sizeof *z);
  float *scratch = malloc((most * p + p) * sizeof *scratch);
  double *work = malloc((2 * p * p + p) * sizeof *work);
  solid_status status = SOLID_OK;
  if (!q || !z || !scratch || !work) {
    status = solid_fail(SOLID_ENOMEM, "no memory for %zu singular vectors of a %zu x %zu matrix", p, rows, cols);
    goto done;
  }
  sol_random random = sol_random_start(options->seed, 1);
  for (size_t i = 0; i < cols * p; i++) z[i] = (float)sol_random_normal(&random);
  multiply(a, p, z, q);
  orthonormalise(rows, p, q, scratch, scratch + most * p);
  for (uint32_t i = 0; i < options->iterations; i++) {
    multiply_transposed(a, p, q, z);
    orthonormalise(cols, p, z, scratch, scratch + most * p);
    multiply(a, p, z, q);
    orthonormalise(rows, p, q, scratch, scratch + most * p);
  }
  multiply_transposed(a, p, q, z);
  project(rows, cols, p, options->dims, q, z, work, u, s);

done:
  free(q);
  free(z);
  free(scratch);
  free(work);
  return status;
}
