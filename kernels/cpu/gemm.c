/* The one place that calls BLAS.
 *
 * An OpenBLAS built without threads hands out its packing buffers without a lock, unless it was built with USE_LOCKING:
 * two threads, of one back end or of two, can be given the same buffer and both products come out wrong, a few in a
 * thousand calls. Debian's libopenblas0-serial is such a build; libopenblas0-pthread and -openmp are not. With the
 * former, calls enter one at a time: correct with every build, and parallel where BLAS allows it. The lock is global
 * because the buffers are. */
#include "kernels/cpu/gemm.h"
#include <cblas.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

enum { UNKNOWN, CONCURRENT, ONE_AT_A_TIME };

static pthread_mutex_t door = PTHREAD_MUTEX_INITIALIZER;
static atomic_int kind = UNKNOWN;

int sk_cpu_blas_is_concurrent(void) {
  int known = atomic_load_explicit(&kind, memory_order_relaxed);
  if (known == UNKNOWN) {
    int locks = openblas_get_parallel() != OPENBLAS_SEQUENTIAL || strstr(openblas_get_config(), "USE_LOCKING") != NULL;
    known = locks ? CONCURRENT : ONE_AT_A_TIME;
    atomic_store_explicit(&kind, known, memory_order_relaxed);
  }
  return known == CONCURRENT;
}

void sk_cpu_gemm(int transpose_a, int transpose_b, int64_t m, int64_t n, int64_t k, const float *a, int64_t lda,
                 const float *b, int64_t ldb, float beta, float *c, int64_t ldc) {
  int locked = !sk_cpu_blas_is_concurrent();
  if (locked) pthread_mutex_lock(&door);
  cblas_sgemm(CblasRowMajor, transpose_a ? CblasTrans : CblasNoTrans, transpose_b ? CblasTrans : CblasNoTrans,
              (blasint)m, (blasint)n, (blasint)k, 1.0f, a, (blasint)lda, b, (blasint)ldb, beta, c, (blasint)ldc);
  if (locked) pthread_mutex_unlock(&door);
}

void sk_cpu_gemv(int64_t n, int64_t k, const float *b, int64_t ldb, const float *x, float beta, float *y) {
  int locked = !sk_cpu_blas_is_concurrent();
  if (locked) pthread_mutex_lock(&door);
  cblas_sgemv(CblasRowMajor, CblasNoTrans, (blasint)n, (blasint)k, 1.0f, b, (blasint)ldb, x, 1, beta, y, 1);
  if (locked) pthread_mutex_unlock(&door);
}

void sk_cpu_gram(int64_t n, int64_t p, const double *y, double *g) {
  int locked = !sk_cpu_blas_is_concurrent();
  if (locked) pthread_mutex_lock(&door);
  cblas_dsyrk(CblasRowMajor, CblasLower, CblasTrans, (blasint)p, (blasint)n, 1.0, y, (blasint)p, 1.0, g, (blasint)p);
  if (locked) pthread_mutex_unlock(&door);
}
