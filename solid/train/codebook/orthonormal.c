#include "solid/train/codebook/orthonormal.h"
#include "kernels/cpu/gemm.h"
#include <math.h>
#include <string.h>

#define DEPENDS 1e-5           /* a column whose own part is a smaller share of it depends on those before it */
#define BLOCK   ((size_t)2048) /* rows at once */

static size_t rows_of_block(size_t n) {
  return n < BLOCK ? n : BLOCK;
}

/* Of large matrices: two (p, p) and a block of rows in double, (p, p) and a block of rows of floats. */
size_t sol_orthonormal_bytes(size_t n, size_t p) {
  size_t few = n < SOL_FEW_ROWS ? n : SOL_FEW_ROWS;
  size_t by_columns = (few * p + p) * sizeof(float);
  size_t by_gram = (2 * p * p + rows_of_block(n) * p) * sizeof(double) + (p * p + rows_of_block(n) * p) * sizeof(float);
  return by_columns > by_gram ? by_columns : by_gram;
}

static double length(size_t n, const float *x) {
  double sum = 0;
  for (size_t i = 0; i < n; i++) sum += (double)x[i] * x[i];
  return sqrt(sum);
}

/* Gram-Schmidt, each column projected twice ("twice is enough", Kahan and Parlett). t (p, n) and dots (p) are scratch.
 */
static void by_columns(size_t n, size_t p, float *y, float *t, float *dots) {
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
    float scale = after > DEPENDS * before ? (float)(1 / after) : 0;
    for (size_t i = 0; i < n; i++) column[i] *= scale;
  }
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < p; j++) y[i * p + j] = t[j * n + i];
}

void sol_gram(size_t n, size_t p, const float *y, double *gram, void *scratch) {
  double *block = scratch;
  memset(gram, 0, p * p * sizeof *gram);
  if (n <= SOL_FEW_ROWS) {
    for (size_t i = 0; i < n; i++)
      for (size_t j = 0; j < p; j++)
        for (size_t k = 0; k <= j; k++) gram[j * p + k] += (double)y[i * p + j] * y[i * p + k];
    return;
  }
  for (size_t begin = 0; begin < n; begin += BLOCK) {
    size_t rows = rows_of_block(n - begin);
    for (size_t i = 0; i < rows * p; i++) block[i] = y[begin * p + i];
    sk_cpu_gram((int64_t)rows, (int64_t)p, block, gram);
  }
}

/* The inverse of R where G = R^T R: lower triangles of G and, in l, of L = R^T; column (p) is scratch; inverse (p, p)
 * of floats, upper. A dependent column is left out: its column and row of the inverse are zero. */
static void invert(size_t p, const double *g, double *l, double *column, float *inverse) {
  for (size_t j = 0; j < p; j++)
    for (size_t i = j; i < p; i++) { /* column j of L */
      double sum = g[i * p + j];
      for (size_t k = 0; k < j; k++) sum -= l[i * p + k] * l[j * p + k];
      if (i == j) l[j * p + j] = sum > DEPENDS * DEPENDS * g[j * p + j] ? sqrt(sum) : 0;
      if (i > j) l[i * p + j] = l[j * p + j] > 0 ? sum / l[j * p + j] : 0;
    }
  memset(inverse, 0, p * p * sizeof *inverse);
  for (size_t j = 0; j < p; j++) {
    memset(column, 0, p * sizeof *column);
    for (size_t i = j + 1; i-- > 0;) { /* R x = e_j, from below */
      double sum = i == j;
      for (size_t k = i + 1; k <= j; k++) sum -= l[k * p + i] * column[k];
      column[i] = l[i * p + i] > 0 && l[j * p + j] > 0 ? sum / l[i * p + i] : 0;
      inverse[i * p + j] = (float)column[i];
    }
  }
}

/* y R^-1, twice, because the Gram matrix squares what separates the columns (Yamamoto et al. 2015). */
static void by_gram(size_t n, size_t p, float *y, double *scratch, sol_progress *progress) {
  double *g = scratch, *l = g + p * p, *block = l + p * p;
  float *inverse = (float *)(block + rows_of_block(n) * p), *rows = inverse + p * p;
  for (int pass = 0; pass < 2; pass++) {
    sol_gram(n, p, y, g, block);
    invert(p, g, l, block, inverse);
    for (size_t begin = 0; begin < n; begin += BLOCK) {
      size_t count = rows_of_block(n - begin);
      memcpy(rows, y + begin * p, count * p * sizeof *rows);
      sk_gemm_nn((int64_t)count, (int64_t)p, (int64_t)p, rows, (int64_t)p, inverse, (int64_t)p, 0, y + begin * p,
                 (int64_t)p);
      sol_progress_add(progress, (double)count);
    }
  }
}

double sol_orthonormal_work(size_t n) {
  return n > SOL_FEW_ROWS ? 2.0 * (double)n : 0;
}

void sol_orthonormalise(size_t n, size_t p, float *y, void *scratch, sol_progress *progress) {
  if (n > SOL_FEW_ROWS)
    by_gram(n, p, y, scratch, progress);
  else
    by_columns(n, p, y, scratch, (float *)scratch + n * p);
}
