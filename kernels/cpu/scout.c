/* Rows of 4 bits from rows in FP32. Norms and errors are sums in double, rounded up. */
#include "kernels/scout.h"
#include "kernels/cpu/gemm.h"
#include "solid/base/fetch.h"
#include <math.h>
#include <string.h>

#define HALF  7.5
#define AHEAD 4       /* items whose places are fetched before they are put */
#define FLOOR 0x1p-12 /* of a row's norm: an input of the first part that counts */
#define SHARE                                                                                                          \
  8.0 /* a user's first part counts as at least one eighth of the user: what both parts lose is charged to it */

/* The next `bytes` of a whole that begins at `memory`, which may be NULL. */
static void *take(char *memory, size_t *used, size_t bytes) {
  size_t at = *used;
  *used += (bytes + 63) / 64 * 64;
  return memory ? memory + at : NULL;
}

/* The arrays stand one after the other; returns their bytes. */
static size_t place(sk_scout *scout, int32_t d, int32_t items, char *memory) {
  *scout = (sk_scout){.d = d, .items = items};
  size_t used = 0, groups = (size_t)sk_scout_groups(scout), blocks = groups * (SK_SCOUT_GROUP / SK_SCOUT_BLOCK);
  scout->axes = take(memory, &used, (size_t)d * (size_t)d * sizeof(float));
  scout->skew = take(memory, &used, sizeof(float));
  scout->grain = take(memory, &used, SK_SCOUT_LEAD * sizeof(float));
  scout->item = take(memory, &used, groups * SK_SCOUT_GROUP * sizeof(int32_t));
  size_t cells = (groups + SK_SCOUT_CELLS - 1) / SK_SCOUT_CELLS * SK_SCOUT_CELLS;
  scout->cells = take(memory, &used, cells * SK_SCOUT_CELL * sizeof(uint16_t));
  for (int p = 0; p < SK_SCOUT_PARTS; p++) {
    sk_scout_part *part = &scout->part[p];
    int32_t lead = d < SK_SCOUT_LEAD ? d : SK_SCOUT_LEAD;
    part->d = p == 0 ? lead : d - lead;
    part->lines = (part->d + 7) / 8;
    part->rows = take(memory, &used, blocks * (size_t)part->lines * SK_SCOUT_LINE);
    part->scale = take(memory, &used, blocks * SK_SCOUT_BLOCK * sizeof *part->scale);
    part->bounds = take(memory, &used, groups * sizeof *part->bounds);
  }
  return used;
}

size_t sk_scout_bytes(int32_t d, int32_t items) {
  sk_scout scout;
  return place(&scout, d, items, NULL);
}

void sk_scout_bind(sk_scout *scout, int32_t d, int32_t items, void *memory) {
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

/* The bfloat16 of x without the lower bits; NaN where x is 2^126 and more, or no number. */
static uint16_t upper_toward_zero(double x) {
  float y = (float)x;
  uint32_t bits;
  if (!(fabs(x) < 0x1p126)) return 0x7fc0;
  memcpy(&bits, &y, sizeof bits);
  return (uint16_t)(bits >> 16);
}

static float round_up(double x) {
  float y = (float)x;
  return (double)y < x ? nextafterf(y, INFINITY) : y;
}

static double norm_of(const float *x, int64_t n) {
  double sum = 0.0;
  for (int64_t i = 0; i < n; i++) sum += (double)x[i] * (double)x[i];
  return sqrt(sum);
}

typedef struct bounds {
  double reach, size, tail;
} bounds;

/* Writes item v, whose bytes are zero: a part of finite inputs none of which counts as more than `floor` if they are
 * all smaller, and returns its scale. */
static uint16_t put_row(const sk_scout_part *part, int64_t v, const float *y, float floor, bounds *out) {
  uint8_t *at = part->rows + v / SK_SCOUT_BLOCK * part->lines * SK_SCOUT_LINE + 4 * (v % SK_SCOUT_BLOCK);
  float most = floor;
  *out = (bounds){0, 0, 0};
  for (int64_t c = 0; c < part->d; c++) most = fabsf(y[c]) > most ? fabsf(y[c]) : most;
  if (most == 0.0f) return 0;
  uint16_t upper = upper_above((most > SK_SCOUT_LEAST ? most : SK_SCOUT_LEAST) / 8.0f);
  float scale = from_upper(upper), inverse = 1.0f / scale;
  double error = 0.0, size = 0.0;
  for (int64_t c = 0; c < part->d; c++) {
    int n = (int)(y[c] * inverse + 8.0f); /* no less than 0: |y| <= 8 scale; toward 0 is down */
    n = n > 15 ? 15 : n;
    uint8_t *byte = at + c / 8 * SK_SCOUT_LINE + c % 4;
    *byte = (uint8_t)(*byte | (c % 8 < 4 ? n : n << 4));
    double level = (double)n - HALF, r = (double)y[c] - (double)scale * level;
    error += r * r;
    size += level * level;
  }
  *out = (bounds){sqrt(error) / (double)scale, sqrt(size), 0};
  return upper;
}

/* The first part answers for what is lost of the whole product. FP32 loses below d 2^-23 of the norms in u . e, twice
 * what is known of any order of summation, and below d 2^-149 by underflow; turning loses skew. */
static bounds put_part(const sk_scout *scout, int p, int64_t v, double norm, const float *y) {
  const sk_scout_part *part = &scout->part[p];
  bounds row;
  float floor = p == 0 ? (float)(norm * FLOOR) : 0.0f;
  uint16_t scale = put_row(part, v, y, floor, &row);
  part->scale[v] = scale;
  if (p == 0 && scale > 0) {
    double unit = (double)from_upper(scale), all = (double)scout->d;
    row.reach += SHARE * (norm * (all * 0x1p-23 + (double)*scout->skew) + all * 0x1p-80) / unit;
    row.tail = norm_of(y + part->d, scout->d - part->d) / unit * (1.0 + 0x1p-20);
  }
  return row;
}

static float larger(float x, double y) {
  float up = round_up(y);
  return up > x ? up : x;
}

static void put_item(const sk_scout *scout, int64_t v, const float *e, const float *y) {
  double norm = norm_of(e, scout->d);
  for (int p = 0; p < SK_SCOUT_PARTS; p++) {
    sk_scout_bounds *most = &scout->part[p].bounds[v / SK_SCOUT_GROUP];
    if (!(norm <= (double)SK_SCOUT_MOST)) { /* NaN too */
      most->reach = INFINITY;
      continue;
    }
    bounds row = put_part(scout, p, v, norm, p ? y + scout->part[0].d : y);
    most->reach = larger(most->reach, row.reach);
    most->size = larger(most->size, row.size);
    most->tail = larger(most->tail, row.tail);
  }
}

/* A bound is itself a sum that rounds: by far less than 2^-16 of reach and 2^-12 sqrt(d), in units of ||u|| scale. */
static void widen(const sk_scout *scout, int64_t group) {
  for (int p = 0; p < SK_SCOUT_PARTS; p++) {
    float *reach = &scout->part[p].bounds[group].reach;
    *reach = round_up((double)*reach * (1.0 + 0x1p-16) + 0x1p-12 * sqrt((double)scout->d));
  }
}

/* ---- Filling ---- */

static int64_t group_end(const sk_scout *scout, int64_t group) {
  int64_t end = (group + 1) * SK_SCOUT_GROUP;
  return end < scout->items ? end : scout->items;
}

/* Means and variances of a group; what is beyond bfloat16, or no number, is NaN. */
static void put_cell(const sk_scout *scout, int64_t group, const double *sums) {
  uint16_t *cell = scout->cells + group / SK_SCOUT_CELLS * SK_SCOUT_CELLS * SK_SCOUT_CELL + group % SK_SCOUT_CELLS;
  double n = (double)(group_end(scout, group) - group * SK_SCOUT_GROUP);
  for (int64_t c = 0; c < SK_SCOUT_LEAD; c++) {
    double mean = sums[c] / n, variance = sums[SK_SCOUT_LEAD + c] / n - mean * mean;
    cell[c * SK_SCOUT_CELLS] = upper_toward_zero(mean);
    cell[(SK_SCOUT_LEAD + c) * SK_SCOUT_CELLS] = upper_toward_zero(variance < 0.0 ? 0.0 : variance);
  }
}

static void add_to_cell(const sk_scout *scout, const float *y, double *sums) {
  for (int64_t c = 0; c < scout->part[0].d; c++) {
    sums[c] += (double)y[c];
    sums[SK_SCOUT_LEAD + c] += (double)y[c] * (double)y[c];
  }
}

void sk_scout_begin(const sk_scout *scout, const sk_scout_filling *f) {
  int64_t groups = sk_scout_groups(scout), places = groups * SK_SCOUT_GROUP;
  for (int64_t v = 0; v < scout->items; v++) f->place[scout->item[v]] = (int32_t)v;
  for (int p = 0; p < SK_SCOUT_PARTS; p++) {
    const sk_scout_part *part = &scout->part[p];
    memset(part->rows, 0, (size_t)(places / SK_SCOUT_BLOCK * part->lines) * SK_SCOUT_LINE);
    memset(part->scale, 0, (size_t)places * sizeof *part->scale);
    for (int64_t g = 0; g < groups; g++) part->bounds[g] = (sk_scout_bounds){0, 0, 0};
  }
  for (int64_t i = 0; i < groups * SK_SCOUT_CELL; i++) f->sums[i] = 0.0;
}

/* What an item is written to lies far from what the one before it was. */
static void fetch(const sk_scout *scout, const sk_scout_filling *f, int64_t item) {
  int64_t v = f->place[item], group = v / SK_SCOUT_GROUP;
  for (int p = 0; p < SK_SCOUT_PARTS; p++) {
    const sk_scout_part *part = &scout->part[p];
    const uint8_t *block = part->rows + v / SK_SCOUT_BLOCK * part->lines * SK_SCOUT_LINE;
    for (int64_t l = 0; l < part->lines; l++) SOL_FETCH(block + l * SK_SCOUT_LINE);
    SOL_FETCH(&part->scale[v]);
    SOL_FETCH(&part->bounds[group]);
  }
  for (int64_t c = 0; c < SK_SCOUT_CELL; c += 8) SOL_FETCH(&f->sums[group * SK_SCOUT_CELL + c]);
}

void sk_scout_put(const sk_scout *scout, const sk_scout_filling *f, const float *e, int64_t first, int64_t n,
                  float *work) {
  int64_t d = scout->d;
  sk_gemm_nt(n, d, d, e, d, scout->axes, d, 0.0f, work, d);
  for (int64_t i = 0; i < n; i++) {
    int64_t v = f->place[first + i];
    if (i + AHEAD < n) fetch(scout, f, first + i + AHEAD);
    put_item(scout, v, e + i * d, work + i * d);
    add_to_cell(scout, work + i * d, f->sums + v / SK_SCOUT_GROUP * SK_SCOUT_CELL);
  }
}

void sk_scout_end(const sk_scout *scout, const sk_scout_filling *f) {
  for (int64_t g = 0; g < sk_scout_groups(scout); g++) {
    put_cell(scout, g, f->sums + g * SK_SCOUT_CELL);
    widen(scout, g);
  }
}
