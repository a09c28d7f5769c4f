/* Orthonormal columns of tall matrices (n, p), p at most a few hundred. Rows of the products are summed in one order:
 * the result is a function of the matrix. */
#ifndef SOLID_TRAIN_CODEBOOK_ORTHONORMAL_H
#define SOLID_TRAIN_CODEBOOK_ORTHONORMAL_H

#include "solid/model/progress.h"
#include <stddef.h>

/* Up to so many rows columns are projected one by one (Gram-Schmidt), each of which reads all before it: twice p^2 / 2
 * columns from the cache. Of more rows they would come from memory, and the Gram matrix reads the rows once. Results of
 * both differ by rounding. */
#define SOL_FEW_ROWS ((size_t)1 << 16)

/* Scratch of both functions below, for n rows or fewer. */
size_t sol_orthonormal_bytes(size_t n, size_t p);

/* The Q of a QR decomposition of y (n, p), in place. A column that depends on those before it becomes zero. `progress`
 * (NULL = none) is told of sol_orthonormal_work(n) rows. */
void sol_orthonormalise(size_t n, size_t p, float *y, void *scratch, sol_progress *progress);
double sol_orthonormal_work(size_t n);

/* The lower triangle of gram (p, p) = y^T y in double, y (n, p). */
void sol_gram(size_t n, size_t p, const float *y, double *gram, void *scratch);

#endif
