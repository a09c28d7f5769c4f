#include "kernels/cpu/cpu.h"
#include "kernels/cpu/vmath.h"
#include <assert.h>

#define BLOCK 128 /* rows */
#define PARTS 8   /* of the table, by row number modulo PARTS: neighbours in popularity go to different blocks */

static void gather_block(const void *arg, int64_t block, void *local) {
  (void)local;
  const sk_embed_args *a = arg;
  const int64_t d = a->d;
  for (int64_t i = block * BLOCK; i < sk_cpu_block_end(a->n, BLOCK, block); i++) {
    float *out = a->out + i * d;
    assert(a->index[i] < a->rows);
    if (a->index[i] < 0) {
      if (!a->accumulate)
        for (int64_t j = 0; j < d; j++) out[j] = 0.0f;
      continue;
    }
    const float *row = a->table + (int64_t)a->index[i] * d;
    if (a->accumulate) {
      sk_axpy(a->scale, row, out, d);
    } else {
      for (int64_t j = 0; j < d; j++) out[j] = a->scale * row[j];
    }
  }
}

typedef struct rows_job {
  const sk_embed_args *a;
  _Atomic int *error;
} rows_job;

static void rows_block(const void *arg, int64_t block, void *local) {
  (void)local;
  const rows_job *job = arg;
  const sk_embed_args *a = job->a;
  int64_t first = block * BLOCK, end = sk_cpu_block_end(a->n, BLOCK, block);
  int error = sk_rows_read(a->made, a->part, end - first, a->index + first, a->out + first * a->d);
  if (error) *job->error = error;
}

static solid_status embed_made(sk_backend *be, const sk_embed_args *a) {
  char why[128];
  _Atomic int error = sk_rows_check(a->made);
  rows_job job = {a, &error};
  assert(a->scale == 1.0f && !a->accumulate);
  if (!error) sk_cpu_parallel(be, sk_cpu_blocks(a->n, BLOCK), rows_block, &job);
  return error ? sk_fail(be, SOLID_ESTALE, "%s", sk_rows_text(error, why, sizeof why)) : SOLID_OK;
}

solid_status SK_CPU(embed)(sk_backend *be, const sk_embed_args *a) {
  if (a->made) return embed_made(be, a);
  sk_cpu_parallel(be, sk_cpu_blocks(a->n, BLOCK), gather_block, a);
  return SOLID_OK;
}

/* Every block walks all of index and takes the rows of its part, so a row has one writer and one order. */
static void scatter_part(const void *arg, int64_t part, void *local) {
  (void)local;
  const sk_embed_backward_args *a = arg;
  for (int64_t i = 0; i < a->n; i++) {
    assert(a->index[i] < a->rows);
    if (a->index[i] >= 0 && a->index[i] % PARTS == part)
      sk_axpy(a->scale, a->dout + i * a->d, a->dtable + (int64_t)a->index[i] * a->d, a->d);
  }
}

solid_status SK_CPU(embed_backward)(sk_backend *be, const sk_embed_backward_args *a) {
  sk_cpu_parallel(be, PARTS, scatter_part, a);
  return SOLID_OK;
}
