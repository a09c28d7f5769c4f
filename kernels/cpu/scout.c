/* Rows of 4 bits from rows in FP32. Norms and errors are sums in double, rounded up. */
#include "kernels/scout.h"
#include <math.h>
#include <string.h>

#define HALF 7.5f

static size_t whole(size_t bytes) {
  return (bytes + 63) / 64 * 64;
}

/* The arrays stand one after the other; `scout` may be NULL. */
static size_t place(sk_scout *scout, int32_t d, int32_t items, char *memory) {
  size_t blocks = ((size_t)items + SK_SCOUT_BLOCK - 1) / SK_SCOUT_BLOCK, lines = ((size_t)d + 7) / 8;
  size_t rows = blocks * lines * SK_SCOUT_LINE, scales = whole(blocks * SK_SCOUT_BLOCK * sizeof(uint16_t));
  size_t floats = whole(blocks * sizeof(float));
  if (scout && memory) {
    scout->rows = (uint8_t *)memory;
    scout->scale = (uint16_t *)(void *)(memory + rows);
    scout->reach = (float *)(void *)(memory + rows + scales);
    scout->size = (float *)(void *)(memory + rows + scales + floats);
  }
  return rows + scales + 2 * floats;
}

size_t sk_scout_bytes(int32_t d, int32_t items) {
  return place(NULL, d, items, NULL);
}

void sk_scout_bind(sk_scout *scout, int32_t d, int32_t items, void *memory) {
  *scout = (sk_scout){.d = d, .items = items, .lines = (d + 7) / 8};
  place(scout, d, items, memory);
}

static float from_upper(uint16_t upper) {
  uint32_t bits = (uint32_t)upper << 16;
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

/* The smallest bfloat16 that is no less than x, 0 <= x < 2^100. */
static uint16_t upper_above(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return (uint16_t)((bits + 0xffffu) >> 16);
}

static float round_up(double x) {
  float y = (float)x;
  return (double)y < x ? nextafterf(y, INFINITY) : y;
}

typedef struct bounds {
  double reach, size;
} bounds;

static void put(uint8_t *block, int64_t i, int64_t c, int n) {
  uint8_t *byte = block + c / 8 * SK_SCOUT_LINE + 4 * i + c % 4;
  *byte = (uint8_t)(*byte | (c % 8 < 4 ? n : n << 4));
}

static int nearest(float x, float scale) {
  int n = (int)floorf(x / scale + 8.0f);
  return n < 0 ? 0 : n > 15 ? 15 : n;
}

/* Writes item i of a zeroed block and returns its scale; what FP32 loses in a product of d inputs is below d 2^-23 of
 * the norms, twice what is known of any order of summation, and what underflows below d 2^-149. */
static uint16_t put_row(uint8_t *block, int64_t i, const float *e, int64_t d, bounds *out) {
  float most = 0.0f;
  double norm = 0.0, error = 0.0, size = 0.0;
  int finite = 1;
  for (int64_t c = 0; c < d; c++) {
    finite &= isfinite(e[c]) != 0;
    most = fabsf(e[c]) > most ? fabsf(e[c]) : most;
    norm += (double)e[c] * (double)e[c];
  }
  *out = (bounds){0, 0};
  if (!finite || sqrt(norm) > (double)SK_SCOUT_MOST) out->reach = INFINITY;
  if (out->reach > 0 || most == 0.0f) return 0;
  uint16_t upper = upper_above((most > SK_SCOUT_LEAST ? most : SK_SCOUT_LEAST) / 8.0f);
  float scale = from_upper(upper);
  for (int64_t c = 0; c < d; c++) {
    int n = nearest(e[c], scale);
    double level = (double)n - (double)HALF, r = (double)e[c] - (double)scale * level;
    put(block, i, c, n);
    error += r * r;
    size += level * level;
  }
  double lost = (double)d * (0x1p-23 * sqrt(norm) + 0x1p-80) / (double)scale;
  *out = (bounds){sqrt(error) / (double)scale + lost, sqrt(size)};
  return upper;
}

void sk_scout_fill(const sk_scout *scout, const float *e, int64_t begin, int64_t end) {
  for (int64_t b = begin; b < end; b++) {
    uint8_t *block = scout->rows + b * scout->lines * SK_SCOUT_LINE;
    bounds most = {0, 0};
    memset(block, 0, (size_t)scout->lines * SK_SCOUT_LINE);
    for (int64_t i = 0; i < SK_SCOUT_BLOCK; i++) {
      int64_t v = b * SK_SCOUT_BLOCK + i;
      bounds row = {0, 0};
      scout->scale[v] = v < scout->items ? put_row(block, i, e + v * scout->d, scout->d, &row) : 0;
      most.reach = row.reach > most.reach ? row.reach : most.reach;
      most.size = row.size > most.size ? row.size : most.size;
    }
    /* The sum of the bound itself rounds: far less than 2^-16 of its terms, which are no more than 16 sqrt(d) and
     * reach, in units of ||u||. */
    scout->reach[b] = round_up(most.reach * (1.0 + 0x1p-16) + 0x1p-12 * sqrt((double)scout->d));
    scout->size[b] = round_up(most.size);
  }
}
