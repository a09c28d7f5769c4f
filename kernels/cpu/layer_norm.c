#include "kernels/cpu/cpu.h"
#include "kernels/cpu/vmath.h"

#define BLOCK    64 /* rows */
#define PART_MIN 64 /* rows of a part of the sums over rows, at least */
#define PARTS    16

static void normalize_block(const void *arg, int64_t block, void *local) {
  (void)local;
  const sk_layer_norm_args *a = arg;
  const int64_t d = a->d;
  const float *gamma = a->gamma, *beta = a->beta;
  for (int64_t i = block * BLOCK; i < sk_cpu_block_end(a->n, BLOCK, block); i++) {
    const float *x = a->x + i * d;
    float *y = a->y + i * d, sum = 0.0f, squares = 0.0f;
#pragma omp simd reduction(+ : sum)
    for (int64_t j = 0; j < d; j++) sum += x[j];
    const float mean = sum / (float)d;
#pragma omp simd reduction(+ : squares)
    for (int64_t j = 0; j < d; j++) squares += (x[j] - mean) * (x[j] - mean);
    const float rstd = 1.0f / sqrtf(squares / (float)d + a->eps);
#pragma omp simd
    for (int64_t j = 0; j < d; j++) y[j] = (x[j] - mean) * rstd * gamma[j] + beta[j];
    if (a->mean) a->mean[i] = mean, a->rstd[i] = rstd;
  }
}

solid_status SK_CPU(layer_norm)(sk_backend *be, const sk_layer_norm_args *a) {
  sk_cpu_parallel(be, sk_cpu_blocks(a->n, BLOCK), normalize_block, a);
  return SOLID_OK;
}

typedef struct backward_args {
  sk_layer_norm_backward_args a;
  int64_t parts;
  float *sums; /* (parts, 2, d): dgamma and dbeta over the rows of a part */
} backward_args;

static void backward_row(const sk_layer_norm_backward_args *a, int64_t i, float *restrict dgamma,
                         float *restrict dbeta) {
  const int64_t d = a->d;
  const float *x = a->x + i * d, *dy = a->dy + i * d, *gamma = a->gamma;
  float *dx = a->dx + i * d;
  const float mean = a->mean[i], rstd = a->rstd[i];
  float sum_g = 0.0f, sum_gx = 0.0f;
#pragma omp simd reduction(+ : sum_g, sum_gx)
  for (int64_t j = 0; j < d; j++) {
    float xhat = (x[j] - mean) * rstd, g = dy[j] * gamma[j];
    sum_g += g;
    sum_gx += g * xhat;
    dgamma[j] += dy[j] * xhat;
    dbeta[j] += dy[j];
  }
  const float mean_g = sum_g / (float)d, mean_gx = sum_gx / (float)d;
  if (a->accumulate_dx) {
#pragma omp simd
    for (int64_t j = 0; j < d; j++) dx[j] += rstd * (dy[j] * gamma[j] - mean_g - (x[j] - mean) * rstd * mean_gx);
  } else {
#pragma omp simd
    for (int64_t j = 0; j < d; j++) dx[j] = rstd * (dy[j] * gamma[j] - mean_g - (x[j] - mean) * rstd * mean_gx);
  }
}

static void backward_part(const void *arg, int64_t part, void *local) {
  (void)local;
  const backward_args *b = arg;
  const int64_t n = b->a.n, d = b->a.d;
  float *dgamma = b->sums + 2 * part * d, *dbeta = dgamma + d;
  for (int64_t j = 0; j < 2 * d; j++) dgamma[j] = 0.0f;
  for (int64_t i = n * part / b->parts; i < n * (part + 1) / b->parts; i++) backward_row(&b->a, i, dgamma, dbeta);
}

solid_status SK_CPU(layer_norm_backward)(sk_backend *be, const sk_layer_norm_backward_args *a) {
  if (a->n <= 0) return SOLID_OK;
  int64_t parts = sk_cpu_blocks(a->n, PART_MIN);
  backward_args b = {*a, parts < PARTS ? parts : PARTS, NULL};
  solid_status status = sk_cpu_reserve(be, 0, (size_t)(2 * b.parts * a->d) * sizeof(float));
  if (status != SOLID_OK) return status;
  b.sums = sk_cpu_shared(be);
  sk_cpu_parallel(be, b.parts, backward_part, &b);
  for (int64_t part = 0; part < b.parts; part++) {
    sk_axpy(1.0f, b.sums + 2 * part * a->d, a->dgamma, a->d);
    sk_axpy(1.0f, b.sums + (2 * part + 1) * a->d, a->dbeta, a->d);
  }
  return SOLID_OK;
}
