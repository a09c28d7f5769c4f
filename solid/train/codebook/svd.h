/* Truncated singular value decomposition of large matrices, by randomised subspace iteration (Halko, Martinsson, Tropp
 * 2011). One thread, one order of summation: the result is a function of matrix and seed. */
#ifndef SOLID_TRAIN_CODEBOOK_SVD_H
#define SOLID_TRAIN_CODEBOOK_SVD_H

#include "solid/model/progress.h"
#include "solid/status.h"
#include <stddef.h>
#include <stdint.h>

/* (rows, cols): either `dense`, row-major, or the compressed rows of a sparse matrix. */
typedef struct sol_matrix {
  uint32_t rows, cols;
  const float *dense;
  const size_t *offsets;   /* (rows + 1) */
  const uint32_t *columns; /* ascending within a row */
  const float *values;
} sol_matrix;

typedef struct sol_svd_options {
  uint32_t dims;       /* k <= min(rows, cols) */
  uint32_t oversample; /* extra directions that are iterated and dropped */
  uint32_t iterations; /* of the subspace: each multiplies by A A^T */
  uint64_t seed;
  sol_progress *progress; /* of sol_svd_work() rows; NULL = none */
} sol_svd_options;

/* Rows that the random start, products and orthonormalisations go through. */
double sol_svd_work(const sol_matrix *a, uint32_t iterations);

/* A ~ u diag(s) v^T: u (rows, dims) left singular vectors, s (dims) descending. Directions beyond the rank of A have
 * s = 0 and u = 0; a zero row of A is a zero row of u, exactly. EINVAL: dims. ENOMEM. */
solid_status sol_svd(const sol_matrix *a, const sol_svd_options *options, float *u, float *s);

/* Eigenvalues (n), descending, and eigenvectors (column j of (n, n) row-major) of a symmetric matrix, which is
 * destroyed; cyclic Jacobi rotations in double. */
void sol_eigen_symmetric(uint32_t n, double *matrix, double *values, double *vectors);

#endif
