#include "kernels/place.h"
#include "kernels/cpu/cpu.h"
#include <string.h>

#define BLOCK 128 /* rows */

static void place_block(const void *arg, int64_t block, void *local) {
  const sk_place_args *a = arg;
  (void)local;
  for (int64_t i = block * BLOCK; i < sk_cpu_block_end(a->n, BLOCK, block); i++)
    if (a->index[i] >= 0)
      memcpy(a->table + (int64_t)a->index[i] * a->width, a->x + i * a->stride, sizeof(float) * (size_t)a->width);
}

solid_status SK_CPU(place)(sk_backend *be, const sk_place_args *a) {
  sk_cpu_parallel(be, sk_cpu_blocks(a->n, BLOCK), place_block, a);
  return SOLID_OK;
}
