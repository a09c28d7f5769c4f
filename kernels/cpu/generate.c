/* generate and generate_backward in tiles of ROWS rows by COLUMNS generated floats. A tile takes the item branch's
 * product, bias and clip in one pass while it is in the cache, then the semantic branch's product on top.
 *
 * The backward pass reads dw twice: by rows for dz, by columns for dg and db. The clipped gradient lives in a tile of
 * scratch each time; a->dwi is not needed here. */
#include "kernels/generate.h"
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/gemm.h"
#include "kernels/cpu/vmath.h"
#include <string.h>

#define ROWS         64
#define COLUMNS      512
#define DG_ROWS      256 /* backward by columns: a tile is long and narrow */
#define DG_COLUMNS   64
#define TILE_COLUMNS (COLUMNS + 16)

/* (rows, columns) = z g^T, without bias */
static void branch(int64_t rows, int64_t columns, int64_t d, const float *z, const float *g, float beta, float *y,
                   int64_t ld) {
  if (rows == 1)
    sk_cpu_gemv(columns, d, g, d, z, beta, y);
  else
    sk_gemm_nt(rows, columns, d, z, d, g, d, beta, y, ld);
}

/* x += bias, kept in x when x is not w; w = clip(x) + more */
static void clip_row(int64_t n, float *x, const float *bias, float clip, const float *more, float *w) {
  if (x != w) {
#pragma omp simd
    for (int64_t o = 0; o < n; o++) x[o] += bias[o];
  } else {
#pragma omp simd
    for (int64_t o = 0; o < n; o++) w[o] += bias[o];
  }
#pragma omp simd
  for (int64_t o = 0; o < n; o++) {
    float y = x[o] < -clip ? -clip : x[o];
    w[o] = y > clip ? clip : y;
  }
  if (more) sk_axpy(1.0f, more, w, n);
}

static void halve_row(int64_t n, const float *x, uint16_t *to) {
#pragma omp simd
  for (int64_t o = 0; o < n; o++) to[o] = sk_half(x[o]);
}

/* Halves are made in scratch as floats first. */
static void generate_block(const void *arg, int64_t block, void *local) {
  const sk_generate_args *a = arg;
  int64_t across = sk_cpu_blocks(a->m, COLUMNS), d = a->d;
  int64_t row = block / across * ROWS, rows = sk_cpu_block_end(a->n, ROWS, block / across) - row;
  int64_t o = block % across * COLUMNS, columns = sk_cpu_block_end(a->m, COLUMNS, block % across) - o;
  float *w = a->half ? local : a->w + row * a->stride + o;
  int64_t stride = a->half ? TILE_COLUMNS : a->stride;
  if (a->zi) {
    float *x = a->wi_saved ? a->wi_saved + row * a->m + o : w;
    int64_t ld = a->wi_saved ? a->m : stride;
    branch(rows, columns, d, a->zi + row * d, a->gi + o * d, 0.0f, x, ld);
    for (int64_t i = 0; i < rows; i++)
      clip_row(columns, x + i * ld, a->bi + o, a->clip, a->zs ? a->bs + o : NULL, w + i * stride);
  } else {
    for (int64_t i = 0; i < rows; i++) {
      if (a->zs)
        memcpy(w + i * stride, a->bs + o, sizeof(float) * (size_t)columns);
      else
        memset(w + i * stride, 0, sizeof(float) * (size_t)columns);
    }
  }
  if (a->zs) branch(rows, columns, d, a->zs + row * d, a->gs + o * d, 1.0f, w, stride);
  for (int64_t i = 0; i < rows && a->half; i++) halve_row(columns, w + i * stride, a->half + (row + i) * a->stride + o);
}

solid_status SK_CPU(generate)(sk_backend *be, const sk_generate_args *a) {
  solid_status status = a->half ? sk_cpu_reserve(be, sizeof(float) * ROWS * TILE_COLUMNS, 0) : SOLID_OK;
  if (status != SOLID_OK) return status;
  sk_cpu_parallel(be, sk_cpu_blocks(a->n, ROWS) * sk_cpu_blocks(a->m, COLUMNS), generate_block, a);
  return SOLID_OK;
}

/* A tile of dw with zeros where the item branch was clipped; dw itself when nothing can have been. */
static const float *clipped_tile(const sk_generate_backward_args *a, int64_t row, int64_t rows, int64_t o,
                                 int64_t columns, float *tile, int64_t tile_ld, int64_t *ld) {
  *ld = a->m;
  if (isinf(a->clip)) return a->dw + row * a->m + o;
  *ld = tile_ld;
  for (int64_t i = 0; i < rows; i++) {
    const float *dw = a->dw + (row + i) * a->m + o, *wi = a->wi_saved + (row + i) * a->m + o;
    float *t = tile + i * tile_ld, clip = a->clip;
#pragma omp simd
    for (int64_t c = 0; c < columns; c++) t[c] = fabsf(wi[c]) <= clip ? dw[c] : 0.0f;
  }
  return tile;
}

static void dz_block(const void *arg, int64_t block, void *local) {
  const sk_generate_backward_args *a = arg;
  int64_t d = a->d, row = block * ROWS, rows = sk_cpu_block_end(a->n, ROWS, block) - row, ld;
  for (int64_t o = 0; o < a->m; o += COLUMNS) {
    int64_t columns = a->m - o < COLUMNS ? a->m - o : COLUMNS;
    float beta = o > 0 || a->accumulate_dz ? 1.0f : 0.0f;
    if (a->zi) {
      const float *dwi = clipped_tile(a, row, rows, o, columns, local, TILE_COLUMNS, &ld);
      sk_gemm_nn(rows, d, columns, dwi, ld, a->gi + o * d, d, beta, a->dzi + row * d, d);
    }
    if (a->zs) sk_gemm_nn(rows, d, columns, a->dw + row * a->m + o, a->m, a->gs + o * d, d, beta, a->dzs + row * d, d);
  }
}

/* dg += dw^T z, db += sum dw, over one tile */
static void add_dg(int64_t rows, int64_t columns, int64_t d, const float *dw, int64_t ld, const float *z, float *dg,
                   float *db) {
  sk_gemm_tn(columns, d, rows, dw, ld, z, d, 1.0f, dg, d);
  for (int64_t i = 0; i < rows; i++) sk_axpy(1.0f, dw + i * ld, db, columns);
}

static void dg_block(const void *arg, int64_t block, void *local) {
  const sk_generate_backward_args *a = arg;
  int64_t d = a->d, o = block * DG_COLUMNS, columns = sk_cpu_block_end(a->m, DG_COLUMNS, block) - o, ld;
  for (int64_t row = 0; row < a->n; row += DG_ROWS) {
    int64_t rows = a->n - row < DG_ROWS ? a->n - row : DG_ROWS;
    if (a->zi) {
      const float *dwi = clipped_tile(a, row, rows, o, columns, local, DG_COLUMNS, &ld);
      add_dg(rows, columns, d, dwi, ld, a->zi + row * d, a->dgi + o * d, a->dbi + o);
    }
    if (a->zs) add_dg(rows, columns, d, a->dw + row * a->m + o, a->m, a->zs + row * d, a->dgs + o * d, a->dbs + o);
  }
}

solid_status SK_CPU(generate_backward)(sk_backend *be, const sk_generate_backward_args *a) {
  if (a->n <= 0) return SOLID_OK;
  size_t by_rows = ROWS * TILE_COLUMNS, by_columns = DG_ROWS * DG_COLUMNS;
  solid_status status = sk_cpu_reserve(be, sizeof(float) * (by_rows > by_columns ? by_rows : by_columns), 0);
  if (status != SOLID_OK) return status;
  sk_cpu_parallel(be, sk_cpu_blocks(a->n, ROWS), dz_block, a);
  sk_cpu_parallel(be, sk_cpu_blocks(a->m, DG_COLUMNS), dg_block, a);
  return SOLID_OK;
}
