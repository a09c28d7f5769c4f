/* The one place that calls BLAS.
 *
 * A BLAS that starts threads of its own would oversubscribe the cores, since blocks of work call it from every thread
 * of the pool, and its sums would depend on how many cores there are: it is told to stay on the calling thread before
 * the first product. The setting is the library's, for the whole process; in one that is built with OpenMP it is the
 * calling thread's, so that each is told.
 *
 * An OpenBLAS built without threads hands out its packing buffers without a lock, unless it was built with USE_LOCKING:
 * two threads, of one back end or of two, can be given the same buffer and both products come out wrong, a few in a
 * thousand calls. Debian's libopenblas0-serial is such a build; libopenblas0-pthread and -openmp are not. With the
 * former, calls enter one at a time: correct with every build, and parallel where BLAS allows it. The lock is global
 * because the buffers are. */
#include "kernels/cpu/gemm.h"
#include <cblas.h>
#include <pthread.h>
#include <string.h>

static pthread_mutex_t door = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int one_at_a_time, one_by_one; /* products; threads that are told */
static _Thread_local int is_told;

static void prepare(void) {
  int has_threads = openblas_get_parallel() != OPENBLAS_SEQUENTIAL;
  if (has_threads) openblas_set_num_threads(1);
  one_by_one = openblas_get_parallel() == OPENBLAS_OPENMP;
  one_at_a_time = !has_threads && strstr(openblas_get_config(), "USE_LOCKING") == NULL;
}

static void enter(void) {
  pthread_once(&once, prepare);
  if (one_by_one && !is_told) openblas_set_num_threads(is_told = 1);
  if (one_at_a_time) pthread_mutex_lock(&door);
}

static void leave(void) {
  if (one_at_a_time) pthread_mutex_unlock(&door);
}

void sk_cpu_gemm(int transpose_a, int transpose_b, int64_t m, int64_t n, int64_t k, const float *a, int64_t lda,
                 const float *b, int64_t ldb, float beta, float *c, int64_t ldc) {
  enter();
  cblas_sgemm(CblasRowMajor, transpose_a ? CblasTrans : CblasNoTrans, transpose_b ? CblasTrans : CblasNoTrans,
              (blasint)m, (blasint)n, (blasint)k, 1.0f, a, (blasint)lda, b, (blasint)ldb, beta, c, (blasint)ldc);
  leave();
}

void sk_cpu_gemv(int64_t n, int64_t k, const float *b, int64_t ldb, const float *x, float beta, float *y) {
  enter();
  cblas_sgemv(CblasRowMajor, CblasNoTrans, (blasint)n, (blasint)k, 1.0f, b, (blasint)ldb, x, 1, beta, y, 1);
  leave();
}

void sk_cpu_gram(int64_t n, int64_t p, const double *y, double *g) {
  enter();
  cblas_dsyrk(CblasRowMajor, CblasLower, CblasTrans, (blasint)p, (blasint)n, 1.0, y, (blasint)p, 1.0, g, (blasint)p);
  leave();
}
