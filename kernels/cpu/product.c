#include "kernels/cpu/product.h"
#include "kernels/cpu/gemm.h"
#include "kernels/cpu/vmath.h"

/* Sizes of tiles, measured on two cores: large enough for BLAS to be fast, small enough to give every thread some. */
#define TILE_ROWS    128
#define TILE_COLUMNS 512
#define WIDE         1024 /* one row by this many columns or more: dot products, twice as fast as BLAS */
#define WIDE_COLUMNS 512  /* columns a block then */
#define PART_MIN     512  /* shortest part of k */
#define PARTS_MAX    16

static void fill_bias(const sk_cpu_product_args *p, int64_t row, int64_t rows, int64_t column, int64_t columns) {
  for (int64_t i = row; i < row + rows; i++) {
    float *c = p->c + i * p->ldc + column;
    const float *bias = p->bias + column;
    if (p->beta) {
#pragma omp simd
      for (int64_t j = 0; j < columns; j++) c[j] += bias[j];
    } else {
      for (int64_t j = 0; j < columns; j++) c[j] = bias[j];
    }
  }
}

/* rows x columns of C, over k0 .. k0+k-1 of the inner dimension. */
static void multiply(const sk_cpu_product_args *p, int64_t row, int64_t rows, int64_t column, int64_t columns,
                     int64_t k0, int64_t k, float beta, float *c, int64_t ldc) {
  const float *a = p->transpose_a ? p->a + k0 * p->lda + row : p->a + row * p->lda + k0;
  const float *b = p->transpose_b ? p->b + column * p->ldb + k0 : p->b + k0 * p->ldb + column;
  sk_cpu_gemm(p->transpose_a, p->transpose_b, rows, columns, k, a, p->lda, b, p->ldb, beta, c, ldc);
}

static void tile_block(const void *arg, int64_t block, void *local) {
  (void)local;
  const sk_cpu_product_args *p = arg;
  int64_t across = sk_cpu_blocks(p->n, TILE_COLUMNS);
  int64_t row = block / across * TILE_ROWS, column = block % across * TILE_COLUMNS;
  int64_t rows = (row + TILE_ROWS < p->m ? row + TILE_ROWS : p->m) - row;
  int64_t columns = (column + TILE_COLUMNS < p->n ? column + TILE_COLUMNS : p->n) - column;
  if (p->bias) fill_bias(p, row, rows, column, columns);
  float beta = p->bias || p->beta ? 1.0f : 0.0f;
  multiply(p, row, rows, column, columns, 0, p->k, beta, p->c + row * p->ldc + column, p->ldc);
}

/* WIDE_COLUMNS columns of the only row: the work is reading B once. */
static void wide_row_block(const void *arg, int64_t block, void *local) {
  (void)local;
  const sk_cpu_product_args *p = arg;
  int64_t begin = block * WIDE_COLUMNS, end = sk_cpu_block_end(p->n, WIDE_COLUMNS, block);
  for (int64_t j = begin; j < end; j += 4) {
    int64_t width = end - j < 4 ? end - j : 4;
    float sums[4];
    if (width == 4)
      sk_dot4(p->a, p->b + j * p->ldb, p->ldb, p->k, sums);
    else
      for (int64_t o = 0; o < width; o++) sums[o] = sk_dot(p->a, p->b + (j + o) * p->ldb, p->k);
    for (int64_t o = 0; o < width; o++) {
      float sum = sums[o] + (p->bias ? p->bias[j + o] : 0.0f);
      p->c[j + o] = p->beta ? p->c[j + o] + sum : sum;
    }
  }
}

/* How many parts a sum over `length` is cut into when the output alone gives `tiles` blocks: a function of shapes. */
static int64_t count_parts(int64_t length, int64_t tiles) {
  int64_t parts = length / PART_MIN;
  if (tiles * parts > PARTS_MAX) parts = PARTS_MAX / tiles;
  return parts < 1 ? 1 : parts;
}

typedef struct parts_args {
  sk_cpu_product_args p;
  int64_t parts;
  float *sums; /* (parts, m, n) */
} parts_args;

static void part_block(const void *arg, int64_t block, void *local) {
  (void)local;
  const parts_args *a = arg;
  int64_t begin = a->p.k * block / a->parts, end = a->p.k * (block + 1) / a->parts;
  multiply(&a->p, 0, a->p.m, 0, a->p.n, begin, end - begin, 0.0f, a->sums + block * a->p.m * a->p.n, a->p.n);
}

static void add_parts_block(const void *arg, int64_t row, void *local) {
  (void)local;
  const parts_args *a = arg;
  const sk_cpu_product_args *p = &a->p;
  float *c = p->c + row * p->ldc;
  const float *first = a->sums + row * p->n;
  if (!p->beta)
    for (int64_t j = 0; j < p->n; j++) c[j] = 0.0f;
  if (p->bias) sk_axpy(1.0f, p->bias, c, p->n);
  for (int64_t part = 0; part < a->parts; part++) sk_axpy(1.0f, first + part * p->m * p->n, c, p->n);
}

static solid_status multiply_in_parts(sk_backend *be, const sk_cpu_product_args *p, int64_t parts) {
  solid_status status = sk_cpu_reserve(be, 0, (size_t)(parts * p->m * p->n) * sizeof(float));
  if (status != SOLID_OK) return status;
  parts_args a = {*p, parts, sk_cpu_shared(be)};
  sk_cpu_parallel(be, parts, part_block, &a);
  sk_cpu_parallel(be, p->m, add_parts_block, &a);
  return SOLID_OK;
}

solid_status SK_CPU(product)(sk_backend *be, const sk_cpu_product_args *p) {
  if (p->m <= 0 || p->n <= 0) return SOLID_OK;
  if (p->m == 1 && p->n >= WIDE && !p->transpose_a && p->transpose_b) {
    sk_cpu_parallel(be, sk_cpu_blocks(p->n, WIDE_COLUMNS), wide_row_block, p);
    return SOLID_OK;
  }
  int64_t tiles = sk_cpu_blocks(p->m, TILE_ROWS) * sk_cpu_blocks(p->n, TILE_COLUMNS);
  int64_t parts = count_parts(p->k, tiles);
  if (parts > 1) return multiply_in_parts(be, p, parts);
  sk_cpu_parallel(be, tiles, tile_block, p);
  return SOLID_OK;
}

typedef struct column_args {
  int64_t n, d, parts, stride;
  const float *x;
  float *part_sums, *sums;
} column_args;

static void column_part_block(const void *arg, int64_t block, void *local) {
  (void)local;
  const column_args *a = arg;
  float *sums = a->part_sums + block * a->d;
  for (int64_t j = 0; j < a->d; j++) sums[j] = 0.0f;
  for (int64_t i = a->n * block / a->parts; i < a->n * (block + 1) / a->parts; i++)
    sk_axpy(1.0f, a->x + i * a->stride, sums, a->d);
}

solid_status SK_CPU(column_sums)(sk_backend *be, int64_t n, int64_t d, const float *x, int64_t stride, float *sums) {
  if (n <= 0 || d <= 0) return SOLID_OK;
  column_args a = {n, d, count_parts(n, 1), stride, x, NULL, sums};
  solid_status status = sk_cpu_reserve(be, 0, (size_t)(a.parts * d) * sizeof(float));
  if (status != SOLID_OK) return status;
  a.part_sums = sk_cpu_shared(be);
  sk_cpu_parallel(be, a.parts, column_part_block, &a);
  for (int64_t part = 0; part < a.parts; part++) sk_axpy(1.0f, a.part_sums + part * d, sums, d);
  return SOLID_OK;
}
