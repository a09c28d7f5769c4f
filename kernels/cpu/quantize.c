/* quantize: blocks of rows against chunks of centroids. A product finds, in float, the few centroids that can be the
 * nearest; their distances are computed again in double, so that ties are exact and go to the lowest index. */
#include "kernels/quantize.h"
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/gemm.h"
#include "kernels/cpu/vmath.h"

#define ROWS  64
#define CHUNK 256
#define SLACK 1e-5f /* of ||r||^2 + ||c||^2: far above the rounding of a float product of any usual width */

typedef struct quantize_job {
  const sk_quantize_args *a;
  float *norms; /* (levels, k): ||c||^2 */
} quantize_job;

typedef struct nearest {
  double distance;
  float bound; /* smallest ||c||^2 - 2 r.c so far */
  int32_t code;
} nearest;

static double exact_distance(const float *r, const float *c, int64_t d) {
  double sum = 0.0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < d; i++) {
    double x = (double)r[i] - (double)c[i];
    sum += x * x;
  }
  return sum;
}

/* dots (width): r.c of the chunk, overwritten by 2 r.c - ||c||^2: the larger, the nearer */
static void search_chunk(nearest *best, const float *r, const float *c, const float *norms, int64_t first,
                         int64_t width, int64_t d, float *dots) {
#pragma omp simd
  for (int64_t k = 0; k < width; k++) dots[k] = 2.0f * dots[k] - norms[k];
  float low = -sk_max(dots, width);
  best->bound = low < best->bound ? low : best->bound;
  float limit = best->bound + SLACK * (sk_dot(r, r, d) + sk_max(norms, width));
  for (int64_t k = 0; k < width; k++) {
    if (-dots[k] > limit) continue;
    double distance = exact_distance(r, c + k * d, d);
    if (best->code >= 0 && distance >= best->distance) continue;
    best->distance = distance;
    best->code = (int32_t)(first + k);
  }
}

static int is_finite_row(const float *x, int64_t d) {
  int finite = 1;
  for (int64_t i = 0; i < d; i++) finite &= isfinite(x[i]) != 0;
  return finite;
}

/* One level of a block: codes, then r -= c. finite tells which rows take part. */
static void quantize_level(const quantize_job *job, int64_t row, int64_t rows, int64_t level, float *r, float *dots,
                           const int *finite) {
  const sk_quantize_args *a = job->a;
  int64_t d = a->d;
  const float *c = a->centroids + level * a->k * d, *norms = job->norms + level * a->k;
  nearest best[ROWS];
  for (int64_t i = 0; i < rows; i++) best[i] = (nearest){.bound = INFINITY, .code = SK_CODE_NONE};
  for (int64_t first = 0; first < a->k; first += CHUNK) {
    int64_t width = a->k - first < CHUNK ? a->k - first : CHUNK;
    sk_gemm_nt(rows, width, d, r, d, c + first * d, d, 0.0f, dots, CHUNK);
    for (int64_t i = 0; i < rows; i++)
      if (finite[i]) search_chunk(&best[i], r + i * d, c + first * d, norms + first, first, width, d, dots + i * CHUNK);
  }
  for (int64_t i = 0; i < rows; i++) {
    a->codes[(row + i) * a->levels + level] = best[i].code;
    if (best[i].code >= 0) sk_axpy(-1.0f, c + best[i].code * d, r + i * d, d);
  }
}

static void quantize_block(const void *arg, int64_t block, void *local) {
  const quantize_job *job = arg;
  const sk_quantize_args *a = job->a;
  int64_t d = a->d, row = block * ROWS, rows = sk_cpu_block_end(a->n, ROWS, block) - row;
  float *r = local, *dots = r + ROWS * d;
  int finite[ROWS];
  for (int64_t i = 0; i < rows; i++) {
    finite[i] = is_finite_row(a->x + (row + i) * d, d);
    for (int64_t c = 0; c < d; c++) r[i * d + c] = a->x[(row + i) * d + c];
  }
  for (int64_t level = 0; level < a->levels; level++) quantize_level(job, row, rows, level, r, dots, finite);
  for (int64_t i = 0; i < rows * d && a->residual; i++) a->residual[row * d + i] = r[i];
}

static void norms_block(const void *arg, int64_t block, void *local) {
  (void)local;
  const quantize_job *job = arg;
  int64_t d = job->a->d, count = (int64_t)job->a->levels * job->a->k;
  for (int64_t k = block * CHUNK; k < sk_cpu_block_end(count, CHUNK, block); k++)
    job->norms[k] = sk_dot(job->a->centroids + k * d, job->a->centroids + k * d, d);
}

solid_status SK_CPU(quantize)(sk_backend *be, const sk_quantize_args *a) {
  if (a->n <= 0) return SOLID_OK;
  size_t local = sizeof(float) * (size_t)(ROWS * ((int64_t)a->d + CHUNK));
  int64_t count = (int64_t)a->levels * a->k;
  solid_status status = sk_cpu_reserve(be, local, sizeof(float) * (size_t)count);
  if (status != SOLID_OK) return status;
  quantize_job job = {a, sk_cpu_shared(be)};
  sk_cpu_parallel(be, sk_cpu_blocks(count, CHUNK), norms_block, &job);
  sk_cpu_parallel(be, sk_cpu_blocks(a->n, ROWS), quantize_block, &job);
  return SOLID_OK;
}
