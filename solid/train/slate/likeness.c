#include "solid/train/slate/likeness.h"
#include "solid/extend.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_BYTES ((size_t)1 << 29)

solid_status sol_likeness_open(sol_likeness *l, uint32_t items, uint32_t users) {
  size_t most = MOST_BYTES / sizeof(uint64_t) / ((size_t)items + 1) * 64;
  memset(l, 0, sizeof *l);
  l->items = items;
  l->users = users < most ? users : (uint32_t)most;
  l->words = ((size_t)l->users + 63) / 64;
  l->takers = calloc((size_t)items * l->words + 1, sizeof *l->takers);
  l->root = calloc((size_t)items + 1, sizeof *l->root);
  if (l->takers && l->root) return SOLID_OK;
  sol_likeness_close(l);
  return solid_fail(SOLID_ENOMEM, "out of memory: likeness of %u items by %u users", items, users);
}

solid_status sol_likeness_open_vectors(sol_likeness *l, uint32_t items, uint32_t width) {
  memset(l, 0, sizeof *l);
  l->items = items;
  l->width = width;
  l->vectors = calloc((size_t)items * width + 1, sizeof *l->vectors);
  if (l->vectors) return SOLID_OK;
  sol_likeness_close(l);
  return solid_fail(SOLID_ENOMEM, "out of memory: %u vectors of %u", items, width);
}

void sol_likeness_close(sol_likeness *l) {
  free(l->vectors);
  free(l->takers);
  free(l->root);
  memset(l, 0, sizeof *l);
}

void sol_likeness_add(sol_likeness *l, uint32_t user, uint32_t item) {
  if (user < l->users) l->takers[item * l->words + user / 64] |= UINT64_C(1) << (user % 64);
}

static uint32_t both(const uint64_t *a, const uint64_t *b, size_t words) {
  uint32_t n = 0;
  for (size_t w = 0; w < words; w++) n += (uint32_t)__builtin_popcountll(a[w] & b[w]);
  return n;
}

void sol_likeness_count(sol_likeness *l) {
  for (uint32_t v = 0; v < l->items; v++) {
    const uint64_t *row = l->takers + v * l->words;
    l->root[v] = sqrtf((float)both(row, row, l->words));
  }
}

static double cosine(const float *a, const float *b, uint32_t width) {
  double sum = 0;
  for (uint32_t i = 0; i < width; i++) sum += (double)a[i] * b[i];
  return sum;
}

double sol_likeness_of(const sol_likeness *l, uint32_t a, uint32_t b, uint32_t but) {
  if (l->vectors) return cosine(l->vectors + (size_t)a * l->width, l->vectors + (size_t)b * l->width, l->width);
  if (!l->takers) return 0;
  const uint64_t *x = l->takers + a * l->words, *y = l->takers + b * l->words;
  double roots = (double)l->root[a] * l->root[b];
  if (roots == 0) return 0;
  uint32_t n = both(x, y, l->words);
  if (but < l->users) n -= (uint32_t)((x[but / 64] & y[but / 64]) >> (but % 64) & 1);
  return n / roots;
}
