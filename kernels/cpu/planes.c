/* Rows in whole numbers from rows in FP32, a block of items at a time. */
#include "kernels/planes.h"
#include "kernels/cpu/cpu.h"

static double norm_of(const float *x, int64_t n) {
  double sum = 0.0;
  for (int64_t i = 0; i < n; i++) sum += (double)x[i] * (double)x[i];
  return sqrt(sum);
}

static float most_of(const float *x, int64_t n) {
  float most = 0.0f;
  for (int64_t i = 0; i < n; i++) most = fabsf(x[i]) > most ? fabsf(x[i]) : most;
  return most;
}

static void raise(uint32_t *bounds, uint32_t size, uint32_t reach) {
  uint32_t most = *bounds >> 16 > size ? *bounds >> 16 : size, far = *bounds & 0xffffu;
  *bounds = most << 16 | (far > reach ? far : reach);
}

/* A byte of a word, whose halves are inputs 8 t + j and 8 t + 4 + j of a step. */
static void put_level(const sk_planes *planes, sk_planes_cut cut, int64_t item, int32_t c, int32_t level) {
  int64_t word = sk_planes_word(cut, item, c % 32 / 8, c / 32);
  int shift = 8 * (c % 4) + c % 8 / 4 * 4;
  planes->high[word] |= ((uint32_t)(level >> 4) & 15u) << shift;
  planes->low[word] |= ((uint32_t)level & 15u) << shift;
}

/* Whose words are zero. */
static void put_item(const sk_planes *planes, int64_t item, const float *y) {
  const sk_planes_cut cut = sk_planes_cut_of(planes->d);
  int64_t group = item / (2 * cut.tiles);
  double norm = norm_of(y, planes->d);
  sk_planes_sums fine = {0, 0}, coarse = {0, 0};
  uint32_t size, reach;
  if (!(norm <= (double)SK_PLANES_MOST)) { /* NaN too */
    raise(&planes->fine[group], 0, SK_PLANES_UNBOUNDED);
    raise(&planes->coarse[group], 0, SK_PLANES_UNBOUNDED);
    return;
  }
  uint32_t upper = sk_planes_scale(most_of(y, planes->d));
  float scale = sk_planes_float(upper), inverse = upper ? 1.0f / scale : 0.0f;
  planes->scale[item] = (uint16_t)upper;
  for (int32_t c = 0; c < planes->d; c++) {
    int32_t level = sk_planes_level(y[c], inverse);
    put_level(planes, cut, item, c, level);
    sk_planes_add(&fine, y[c], scale, level);
    sk_planes_add(&coarse, y[c], scale, (level >> 4) * 16 + 8);
  }
  sk_planes_bounds(fine, norm, planes->d, &size, &reach);
  raise(&planes->fine[group], size, reach);
  sk_planes_bounds(coarse, norm, planes->d, &size, &reach);
  raise(&planes->coarse[group], size, reach);
}

/* All that a block holds is written anew. */
static void put_block(const void *arg, int64_t at, void *local) {
  (void)local;
  const sk_planes_args *a = arg;
  const sk_planes *planes = &a->planes;
  const sk_planes_cut cut = sk_planes_cut_of(planes->d);
  int64_t items = 8 * cut.tiles, block = a->first / items + at, first = block * items, words = items * cut.steps * 4;
  int64_t end = first + items < planes->items ? first + items : planes->items;
  memset(planes->high + block * words, 0, (size_t)words * sizeof *planes->high);
  memset(planes->low + block * words, 0, (size_t)words * sizeof *planes->low);
  memset(planes->scale + first, 0, (size_t)items * sizeof *planes->scale);
  memset(planes->coarse + block * 4, 0, 4 * sizeof *planes->coarse);
  memset(planes->fine + block * 4, 0, 4 * sizeof *planes->fine);
  for (int64_t v = first; v < end; v++) put_item(planes, v, a->e + v * planes->d);
}

solid_status SK_CPU(planes)(sk_backend *be, const sk_planes_args *a) {
  if (a->n <= 0) return SOLID_OK;
  sk_cpu_parallel(be, sk_cpu_blocks(a->n, sk_planes_block(a->planes.d)), put_block, a);
  return SOLID_OK;
}
