/* generate_apply in runs of rows whose layers stay in the cache. */
#include "kernels/generate_apply.h"
#include "kernels/cpu/cpu.h"

#define ROWS 64 /* those of generate's tiles, so that runs of whole tiles give its bits */

solid_status SK_CPU(generate_apply)(sk_backend *be, const sk_generate_apply_args *a) {
  int32_t m = a->in * a->out + a->out, rows = SK_GENERATE_APPLY_CACHED / m / ROWS * ROWS;
  if (a->n <= 0) return SOLID_OK;
  if (rows < ROWS) rows = ROWS;
  if (rows > a->n) rows = a->n;
  solid_status status = sk_cpu_reserve(be, 0, sizeof(float) * (size_t)rows * (size_t)m);
  float *w = sk_cpu_shared(be);
  for (int64_t row = 0; row < a->n && status == SOLID_OK; row += rows) {
    int32_t n = a->n - row < rows ? (int32_t)(a->n - row) : rows;
    status = SK_CPU(generate)(be, &(sk_generate_args){.n = n,
                                                      .d = a->d,
                                                      .m = m,
                                                      .zi = a->zi ? a->zi + row * a->d : NULL,
                                                      .gi = a->gi,
                                                      .bi = a->bi,
                                                      .zs = a->zs ? a->zs + row * a->d : NULL,
                                                      .gs = a->gs,
                                                      .bs = a->bs,
                                                      .clip = a->clip,
                                                      .stride = m,
                                                      .w = w});
    if (status != SOLID_OK) return status;
    status = SK_CPU(apply)(be, &(sk_apply_args){.n = n,
                                                .in = a->in,
                                                .out = a->out,
                                                .f = a->f,
                                                .x = a->x + row * a->in,
                                                .w = w,
                                                .stride = m,
                                                .y = a->y + row * a->out});
  }
  return status;
}
