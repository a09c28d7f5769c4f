/* Matrix products over the pool: C is cut into tiles of fixed size and each goes to a single-threaded BLAS. */
#ifndef SK_CPU_PRODUCT_H
#define SK_CPU_PRODUCT_H

#include "kernels/cpu/cpu.h"

/* C (m, n) = op(A) op(B) + beta C + bias, row-major. op(A) is (m, k): A itself with lda >= k, or, transposed, stored
 * (k, m) with lda >= m; B likewise. beta is 0 (C is not read) or 1. bias (n) may be NULL. k >= 1. */
typedef struct sk_cpu_product_args {
  int64_t m, n, k;
  int transpose_a, transpose_b;
  const float *a;
  int64_t lda;
  const float *b;
  int64_t ldb;
  const float *bias;
  int beta;
  float *c;
  int64_t ldc;
} sk_cpu_product_args;

/* A long k with a small C (gradients of weights) is cut along k too, into parts of fixed number summed in order: uses
 * the shared scratch. */
solid_status SK_CPU(product)(sk_backend *be, const sk_cpu_product_args *p);

/* sums_j (d) += sum over the n rows of x_ij, row i at x + i * stride. Parts of rows as above; uses the shared scratch.
 */
solid_status SK_CPU(column_sums)(sk_backend *be, int64_t n, int64_t d, const float *x, int64_t stride, float *sums);

#endif
