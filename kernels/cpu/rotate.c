#include "kernels/rotate.h"
#include "kernels/cpu/cpu.h"
#include <math.h>

#define ROWS 64 /* a block */

/* The call, and how many turns a position makes for each pair. */
typedef struct rotation {
  const sk_rotate_args *a;
  const double *turns; /* (turned / 2) */
} rotation;

static void rotate_row(const rotation *r, int64_t row, float *sine, float *cosine) {
  const sk_rotate_args *a = r->a;
  int64_t pairs = sk_rotate_width(a) / 2;
  double position = (double)a->positions[row] * (double)a->direction;
#pragma omp simd
  for (int64_t c = 0; c < pairs; c++) {
    double turn = position * r->turns[c];
    sk_rotate_angle((float)(turn - rint(turn)), &sine[c], &cosine[c]);
  }
  for (int64_t head = 0; head < a->heads; head++) {
    float *x = a->x + row * a->stride + head * a->dh;
    for (int64_t c = 0; c < pairs; c++) {
      float even = x[2 * c], odd = x[2 * c + 1];
      x[2 * c] = even * cosine[c] - odd * sine[c];
      x[2 * c + 1] = even * sine[c] + odd * cosine[c];
    }
  }
}

static void rotate_block(const void *arg, int64_t block, void *local) {
  const rotation *r = arg;
  int64_t end = sk_cpu_block_end(r->a->n, ROWS, block);
  float *sine = local, *cosine = sine + sk_rotate_width(r->a) / 2;
  for (int64_t row = block * ROWS; row < end; row++) rotate_row(r, row, sine, cosine);
}

solid_status SK_CPU(rotate)(sk_backend *be, const sk_rotate_args *a) {
  int32_t width = sk_rotate_width(a);
  size_t pairs = (size_t)width / 2;
  solid_status status = sk_cpu_reserve(be, sizeof(float) * (2 * pairs + 1), sizeof(double) * (pairs + 1));
  if (status != SOLID_OK) return status;
  double *turns = sk_cpu_shared(be);
  for (size_t c = 0; c < pairs; c++)
    turns[c] = pow(SK_ROTATE_BASE, -2.0 * (double)c / (double)width) / 6.283185307179586476925;
  sk_cpu_parallel(be, sk_cpu_blocks(a->n, ROWS), rotate_block, &(rotation){a, turns});
  return SOLID_OK;
}
