#include "kernels/cpu/cpu.h"
#include "kernels/philox.h"

#define GROUPS 64 /* of four elements, computed at once */
#define BLOCK  (64 * 4 * GROUPS)

/* sk_philox for GROUPS counters side by side: rounds outside, so that the loop within is one of vectors. */
static void philox_groups(uint64_t seed, uint64_t first, uint32_t c[4][GROUPS]) {
  for (int g = 0; g < GROUPS; g++) {
    uint64_t group = first + (uint64_t)g;
    c[0][g] = (uint32_t)group, c[1][g] = (uint32_t)(group >> 32), c[2][g] = 0, c[3][g] = 0;
  }
  uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
  for (int round = 0; round < SK_PHILOX_ROUNDS; round++) {
#pragma omp simd
    for (int g = 0; g < GROUPS; g++) {
      uint64_t a = (uint64_t)SK_PHILOX_M0 * c[0][g], b = (uint64_t)SK_PHILOX_M1 * c[2][g];
      c[0][g] = (uint32_t)(b >> 32) ^ c[1][g] ^ k0;
      c[1][g] = (uint32_t)b;
      c[2][g] = (uint32_t)(a >> 32) ^ c[3][g] ^ k1;
      c[3][g] = (uint32_t)a;
    }
    k0 += SK_PHILOX_W0;
    k1 += SK_PHILOX_W1;
  }
}

/* The factors keep / (1 - p) of the 4 * GROUPS elements from group `first` on. */
static void make_factors(uint64_t seed, uint64_t first, float p, float scale, float factor[4 * GROUPS]) {
  uint32_t c[4][GROUPS];
  philox_groups(seed, first, c);
  for (int g = 0; g < GROUPS; g++)
    for (int lane = 0; lane < 4; lane++) factor[4 * g + lane] = sk_philox_uniform(c[lane][g]) >= p ? scale : 0.0f;
}

static void drop_block(const void *arg, int64_t block, void *local) {
  (void)local;
  const sk_dropout_args *a = arg;
  const float scale = 1.0f / (1.0f - a->p);
  const int64_t block_end = sk_cpu_block_end(a->n, BLOCK, block);
  for (int64_t begin = block * BLOCK; begin < block_end; begin += 4 * GROUPS) {
    const int64_t n = block_end - begin < 4 * GROUPS ? block_end - begin : 4 * GROUPS;
    const float *x = a->x + begin;
    float *y = a->y + begin, factor[4 * GROUPS];
    make_factors(a->seed, (uint64_t)(a->first + begin) / 4, a->p, scale, factor);
#pragma omp simd
    for (int64_t i = 0; i < n; i++) y[i] = x[i] * factor[i];
  }
}

solid_status SK_CPU(dropout)(sk_backend *be, const sk_dropout_args *a) {
  if (a->p == 0.0f) return sk_cpu_copy(be, a->y, a->x, (size_t)a->n * sizeof *a->y);
  sk_cpu_parallel(be, sk_cpu_blocks(a->n, BLOCK), drop_block, a);
  return SOLID_OK;
}
