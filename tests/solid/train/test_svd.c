/* The judge is the eigen-decomposition of A^T A by Jacobi rotations, which is judged itself by its defining equations.
 */
#include "solid/train/codebook/orthonormal.h"
#include "solid/train/codebook/svd.h"
#include "tests/support/seed.h"
#include <cblas.h>
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 60, COLS = 35, DIMS = 6 };

Test(eigen, satisfies_its_equations) {
  enum { N = 23 };
  seed_rng rng = seed_start(1);
  double a[N * N], kept[N * N], values[N], vectors[N * N];
  for (int i = 0; i < N; i++)
    for (int j = 0; j <= i; j++) a[i * N + j] = a[j * N + i] = seed_normal(&rng);
  memcpy(kept, a, sizeof a);
  sol_eigen_symmetric(N, a, values, vectors);
  for (int k = 0; k < N; k++) {
    if (k) cr_assert_leq(values[k], values[k - 1]);
    for (int i = 0; i < N; i++) {
      double left = 0, dot = 0;
      for (int j = 0; j < N; j++) {
        left += kept[i * N + j] * vectors[j * N + k];
        dot += vectors[j * N + i] * vectors[j * N + k];
      }
      cr_assert_float_eq(left, values[k] * vectors[i * N + k], 1e-10);
      cr_assert_float_eq(dot, i == k, 1e-10);
    }
  }
}

/* A matrix with a decaying spectrum, two empty rows and about a third of its entries zero. */
static void make(float *dense) {
  seed_rng rng = seed_start(2);
  memset(dense, 0, ROWS * COLS * sizeof *dense);
  for (int k = 0; k < 12; k++) {
    float x[ROWS], y[COLS];
    seed_fill_normal(&rng, x, ROWS, powf(0.5f, (float)k));
    seed_fill_normal(&rng, y, COLS, 1);
    for (int i = 0; i < ROWS; i++)
      for (int j = 0; j < COLS; j++) dense[i * COLS + j] += x[i] * y[j];
  }
  for (int i = 0; i < ROWS; i++)
    for (int j = 0; j < COLS; j++)
      if (i == 7 || i == ROWS - 1 || seed_below(&rng, 3) == 0) dense[i * COLS + j] = 0;
}

static void reference(const float *dense, double *s, double *v) {
  double gram[COLS * COLS] = {0};
  for (int i = 0; i < ROWS; i++)
    for (int j = 0; j < COLS; j++)
      for (int k = 0; k < COLS; k++) gram[j * COLS + k] += (double)dense[i * COLS + j] * dense[i * COLS + k];
  sol_eigen_symmetric(COLS, gram, s, v);
  for (int k = 0; k < COLS; k++) s[k] = sqrt(s[k] > 0 ? s[k] : 0);
}

static void judge(const float *dense, const float *u, const float *s) {
  double true_s[COLS], v[COLS * COLS];
  reference(dense, true_s, v);
  for (int k = 0; k < DIMS; k++) {
    cr_assert_float_eq(s[k], true_s[k], 1e-4 * true_s[0], "s_%d = %g, not %g", k, s[k], true_s[k]);
    double agree = 0, length = 0; /* with the true left vector A v / s, up to its sign */
    for (int i = 0; i < ROWS; i++) {
      double left = 0;
      for (int j = 0; j < COLS; j++) left += dense[i * COLS + j] * v[j * COLS + k];
      agree += left / true_s[k] * u[i * DIMS + k];
      length += (double)u[i * DIMS + k] * u[i * DIMS + k];
    }
    cr_assert_float_eq(fabs(agree), 1, 1e-3, "direction %d agrees by %g", k, agree);
    cr_assert_float_eq(length, 1, 1e-4);
    cr_assert(u[7 * DIMS + k] == 0 && u[(ROWS - 1) * DIMS + k] == 0, "an empty row stays empty");
  }
}

Test(svd, dense_and_sparse_agree_with_jacobi) {
  static float dense[ROWS * COLS], u[ROWS * DIMS], s[DIMS], values[ROWS * COLS];
  static size_t offsets[ROWS + 1];
  static uint32_t columns[ROWS * COLS];
  make(dense);
  size_t n = 0;
  for (int i = 0; i < ROWS; i++) {
    for (int j = 0; j < COLS; j++)
      if (dense[i * COLS + j] != 0) columns[n] = (uint32_t)j, values[n++] = dense[i * COLS + j];
    offsets[i + 1] = n;
  }
  sol_svd_options options = {DIMS, 10, 6, 5, NULL};
  sol_matrix as_dense = {.rows = ROWS, .cols = COLS, .dense = dense};
  cr_assert_eq(sol_svd(&as_dense, &options, u, s), SOLID_OK);
  judge(dense, u, s);
  sol_matrix as_sparse = {.rows = ROWS, .cols = COLS, .offsets = offsets, .columns = columns, .values = values};
  cr_assert_eq(sol_svd(&as_sparse, &options, u, s), SOLID_OK);
  judge(dense, u, s);
  float again[ROWS * DIMS], s_again[DIMS];
  cr_assert_eq(sol_svd(&as_sparse, &options, again, s_again), SOLID_OK);
  cr_assert_arr_eq(u, again, sizeof again);
}

/* Also where no CPU back end was opened, as in a training on a GPU: else sums depend on the number of cores. */
Test(svd, keeps_blas_on_one_thread) {
  static float dense[ROWS * COLS], u[ROWS * DIMS], s[DIMS];
  if (openblas_get_parallel() == OPENBLAS_SEQUENTIAL) return;
  openblas_set_num_threads(2);
  make(dense);
  sol_svd_options options = {DIMS, 10, 6, 5, NULL};
  sol_matrix matrix = {.rows = ROWS, .cols = COLS, .dense = dense};
  cr_assert_eq(sol_svd(&matrix, &options, u, s), SOLID_OK);
  cr_assert_eq(openblas_get_num_threads(), 1);
}

Test(svd, directions_beyond_the_rank_are_zero) {
  float dense[8 * 5], u[8 * 5], s[5];
  for (int i = 0; i < 8; i++)
    for (int j = 0; j < 5; j++) dense[i * 5 + j] = (float)((i + 1) * (j + 1)) + (float)(i % 2 * (j == 2));
  sol_matrix matrix = {.rows = 8, .cols = 5, .dense = dense};
  sol_svd_options options = {5, 10, 4, 1, NULL};
  cr_assert_eq(sol_svd(&matrix, &options, u, s), SOLID_OK);
  cr_assert(s[0] > 1 && s[1] > 0.1f);
  for (int k = 2; k < 5; k++) cr_assert_float_eq(s[k], 0, 1e-4f * s[0]);
  for (int i = 0; i < 40; i++) cr_assert(isfinite(u[i]));
  options.dims = 6;
  cr_assert_eq(sol_svd(&matrix, &options, u, s), SOLID_EINVAL);
}

/* COPIES of a matrix under one another: its singular values grow by their root, its left vectors repeat. There are more
 * rows than columns are projected one by one for. */
enum { COPIES = 1200 };

static float *stacked(const float *dense, size_t rows, size_t cols) {
  float *many = malloc(COPIES * rows * cols * sizeof *many);
  for (size_t copy = 0; copy < COPIES; copy++) memcpy(many + copy * rows * cols, dense, rows * cols * sizeof *many);
  return many;
}

Test(svd, of_many_rows_agrees_with_jacobi) {
  static float dense[ROWS * COLS], s[DIMS], u[COPIES * ROWS * DIMS];
  make(dense);
  cr_assert_gt((size_t)COPIES * ROWS, SOL_FEW_ROWS);
  float *many = stacked(dense, ROWS, COLS);
  sol_svd_options options = {DIMS, 10, 6, 5, NULL};
  sol_matrix matrix = {.rows = COPIES * ROWS, .cols = COLS, .dense = many};
  cr_assert_eq(sol_svd(&matrix, &options, u, s), SOLID_OK);
  const float root = sqrtf(COPIES);
  for (int k = 0; k < DIMS; k++) s[k] /= root;
  for (size_t i = 0; i < (size_t)COPIES * ROWS * DIMS; i++) u[i] *= root;
  for (size_t copy = 0; copy < COPIES; copy += COPIES - 1) judge(dense, u + copy * ROWS * DIMS, s);
  free(many);
}

/* The same lying: many columns. Its left vectors are the right ones of the other. */
Test(svd, of_many_columns_agrees_with_jacobi) {
  static float dense[ROWS * COLS], s[DIMS], u[COLS * DIMS];
  static double true_s[COLS], v[COLS * COLS];
  make(dense);
  reference(dense, true_s, v);
  size_t cols = (size_t)COPIES * ROWS;
  float *many = malloc(cols * COLS * sizeof *many);
  for (size_t i = 0; i < cols * COLS; i++) many[i] = dense[i % cols % ROWS * COLS + i / cols];
  sol_svd_options options = {DIMS, 10, 6, 5, NULL};
  sol_matrix matrix = {.rows = COLS, .cols = (uint32_t)cols, .dense = many};
  cr_assert_eq(sol_svd(&matrix, &options, u, s), SOLID_OK);
  for (int k = 0; k < DIMS; k++) {
    double agree = 0;
    for (int j = 0; j < COLS; j++) agree += v[j * COLS + k] * u[j * DIMS + k];
    cr_assert_float_eq(s[k] / sqrtf(COPIES), true_s[k], 1e-4 * true_s[0], "s_%d = %g, not %g", k, s[k] / sqrtf(COPIES),
                       true_s[k]);
    cr_assert_float_eq(fabs(agree), 1, 1e-3, "direction %d agrees by %g", k, agree);
  }
  free(many);
}

Test(orthonormal, columns_of_many_rows) {
  enum { P = 9, N = 66000 };
  static float y[N * P];
  double gram[P * P];
  void *scratch = malloc(sol_orthonormal_bytes(N, P));
  seed_rng rng = seed_start(3);
  seed_fill_normal(&rng, y, sizeof y / sizeof *y, 1);
  for (size_t i = 0; i < N; i++) {
    y[i * P + 4] = y[i * P] - 2 * y[i * P + 1];         /* depends on those before it */
    y[i * P + 6] = y[i * P + 5] + 1e-3f * y[i * P + 6]; /* nearly does */
    y[i * P + 7] *= 1e6f;
  }
  sol_orthonormalise(N, P, y, scratch, NULL);
  memset(gram, 0, sizeof gram);
  for (size_t i = 0; i < N; i++)
    for (int j = 0; j < P; j++)
      for (int k = 0; k < P; k++) gram[j * P + k] += (double)y[i * P + j] * y[i * P + k];
  for (int j = 0; j < P; j++)
    for (int k = 0; k < P; k++)
      cr_assert_float_eq(gram[j * P + k], j == k && j != 4, 1e-5, "columns %d and %d: %g", j, k, gram[j * P + k]);
  free(scratch);
}
