/* One product inside a block of work: row-major, on the calling thread. Products of a whole operation go through
 * kernels/cpu/product.h, which cuts them into blocks. Nothing else calls BLAS: see gemm.c for the reason. */
#ifndef SK_CPU_GEMM_H
#define SK_CPU_GEMM_H

#include <stdint.h>

/* C (m, n) = op(A) op(B) + beta C; op(A) is (m, k): A itself, or transposed from (k, m); B likewise (k, n). */
void sk_cpu_gemm(int transpose_a, int transpose_b, int64_t m, int64_t n, int64_t k, const float *a, int64_t lda,
                 const float *b, int64_t ldb, float beta, float *c, int64_t ldc);

/* y (n) = B x + beta y, B stored (n, k): reads B once */
void sk_cpu_gemv(int64_t n, int64_t k, const float *b, int64_t ldb, const float *x, float beta, float *y);

/* G (p, p) += Y^T Y in double, of Y (n, p) in double: its lower triangle */
void sk_cpu_gram(int64_t n, int64_t p, const double *y, double *g);

static inline void sk_gemm_nt(int64_t m, int64_t n, int64_t k, const float *a, int64_t lda, const float *b, int64_t ldb,
                              float beta, float *c, int64_t ldc) {
  sk_cpu_gemm(0, 1, m, n, k, a, lda, b, ldb, beta, c, ldc);
}

static inline void sk_gemm_nn(int64_t m, int64_t n, int64_t k, const float *a, int64_t lda, const float *b, int64_t ldb,
                              float beta, float *c, int64_t ldc) {
  sk_cpu_gemm(0, 0, m, n, k, a, lda, b, ldb, beta, c, ldc);
}

static inline void sk_gemm_tn(int64_t m, int64_t n, int64_t k, const float *a, int64_t lda, const float *b, int64_t ldb,
                              float beta, float *c, int64_t ldc) {
  sk_cpu_gemm(1, 0, m, n, k, a, lda, b, ldb, beta, c, ldc);
}

#endif
