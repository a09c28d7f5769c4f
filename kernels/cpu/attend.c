/* attend of short windows, over tiles of QUERIES rows of one window and head. The keys before the tile form a
 * rectangle, which goes to BLAS; the triangle on the diagonal is done pair by pair. A window shorter than a tile is
 * only a triangle, so it needs no call of BLAS, and no row ever reads a key that is newer than itself, not even with
 * weight zero. */
#include "kernels/cpu/attend.h"
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/gemm.h"
#include "kernels/cpu/vmath.h"
#include "kernels/philox.h"
#include <string.h>

#define QUERIES           16
#define WINDOWS_PER_BLOCK 4
#define GROUPS            8 /* of four random numbers, made at once */

void SK_CPU(attend_scores)(const float *q, const float *k, int64_t stride, int64_t n, int64_t dh, float *s) {
  int64_t j = 0;
  for (; j + 4 <= n; j += 4) sk_dot4(q, k + j * stride, stride, dh, s + j);
  for (; j < n; j++) s[j] = sk_dot(q, k + j * stride, dh);
}

void SK_CPU(attend_mix)(const float *p, const float *v, int64_t stride, int64_t n, int64_t dh, float *out) {
  int64_t j = 0;
  for (; j + 4 <= n; j += 4) {
    const float *v0 = v + j * stride, *v1 = v0 + stride, *v2 = v1 + stride, *v3 = v2 + stride;
    float p0 = p[j], p1 = p[j + 1], p2 = p[j + 2], p3 = p[j + 3];
#pragma omp simd
    for (int64_t c = 0; c < dh; c++) out[c] += p0 * v0[c] + p1 * v1[c] + p2 * v2[c] + p3 * v3[c];
  }
  for (; j < n; j++) sk_axpy(p[j], v + j * stride, out, dh);
}

/* uniform(seed, i) for the 4 * GROUPS places from group `first` on, the groups side by side in vectors. */
static void uniforms(uint64_t seed, uint64_t first, float u[4 * GROUPS]) {
  uint32_t c[4][GROUPS], k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
  for (int g = 0; g < GROUPS; g++) {
    uint64_t group = first + (uint64_t)g;
    c[0][g] = (uint32_t)group, c[1][g] = (uint32_t)(group >> 32), c[2][g] = 0, c[3][g] = 0;
  }
  for (int round = 0; round < SK_PHILOX_ROUNDS; round++, k0 += SK_PHILOX_W0, k1 += SK_PHILOX_W1) {
#pragma omp simd
    for (int g = 0; g < GROUPS; g++) {
      uint64_t x = (uint64_t)SK_PHILOX_M0 * c[0][g], y = (uint64_t)SK_PHILOX_M1 * c[2][g];
      c[0][g] = (uint32_t)(y >> 32) ^ c[1][g] ^ k0;
      c[1][g] = (uint32_t)y;
      c[2][g] = (uint32_t)(x >> 32) ^ c[3][g] ^ k1;
      c[3][g] = (uint32_t)x;
    }
  }
  for (int g = 0; g < GROUPS; g++)
    for (int lane = 0; lane < 4; lane++) u[4 * g + lane] = sk_philox_uniform(c[lane][g]);
}

void SK_CPU(attend_keep)(const sk_attend_mask *mask, uint64_t index, int64_t n, float *keep) {
  float kept = 1.0f / (1.0f - mask->p), u[4 * GROUPS];
  for (int64_t j = 0; j < n;) {
    int64_t skip = (int64_t)(index % 4), count = n - j < 4 * GROUPS - skip ? n - j : 4 * GROUPS - skip;
    uniforms(mask->seed, index / 4, u);
#pragma omp simd
    for (int64_t i = 0; i < count; i++) keep[j + i] = u[skip + i] >= mask->p ? kept : 0.0f;
    j += count;
    index += (uint64_t)count;
  }
}

void SK_CPU(attend_line)(const float *bias, int64_t head, int64_t dh, int64_t n, float *line) {
  float wide = sqrtf((float)dh);
  for (int64_t d = 0; d < n; d++) line[d] = wide * bias[head * SK_ATTEND_BUCKETS + sk_attend_bucket((int32_t)d)];
}

/* One head of one window. */
typedef struct head_view {
  const sk_attend_args *a;
  int64_t origin, head;
  const float *k, *v; /* of the window's first key */
  float *s, *keep;    /* scratch: (QUERIES, max_keys), (max_keys) */
  float *line;        /* (max_keys) of attend_line */
} head_view;

/* s -> probabilities, dropped out; returns log sum exp of scale * s. */
static float softmax(const head_view *view, int64_t place, int64_t n, float *s) {
  const sk_attend_args *a = view->a;
  for (int64_t j = 0; a->bias && j < n; j++) s[j] += view->line[place - j];
  float scale = 1.0f / sqrtf((float)a->pairs.dh), sum, m = sk_exp_below_max(s, n, scale, &sum), share = 1.0f / sum;
  if (a->p > 0.0f) {
    sk_attend_mask mask = {a->p, a->seed};
    SK_CPU(attend_keep)
    (&mask, sk_attend_index(&a->pairs, a->span, view->origin, view->head, place), n, view->keep);
#pragma omp simd
    for (int64_t j = 0; j < n; j++) s[j] *= share * view->keep[j];
  } else {
#pragma omp simd
    for (int64_t j = 0; j < n; j++) s[j] *= share;
  }
  return m * scale + logf(sum);
}

/* `queries` rows from place `from` of the window on; q and out (and lse) stand at row `at` of theirs. */
static void attend_tile(const head_view *view, int64_t from, int64_t queries, int64_t at) {
  const sk_attend_args *a = view->a;
  int64_t dh = a->pairs.dh, ld = a->pairs.max_keys, kv = a->kv_stride, heads = a->pairs.heads, width = heads * dh;
  int64_t before = queries > 1 ? from : 0; /* keys of the rectangle; a single query is a triangle of one row */
  const float *q = a->q + at * a->q_stride + view->head * dh;
  float *out = a->out + at * width + view->head * dh;
  if (before > 0) sk_gemm_nt(queries, before, dh, q, a->q_stride, view->k, kv, 0.0f, view->s, ld);
  for (int64_t i = 0; i < queries; i++) {
    float *s = view->s + i * ld;
    int64_t keys = from + i + 1;
    SK_CPU(attend_scores)(q + i * a->q_stride, view->k + before * kv, kv, keys - before, dh, s + before);
    float lse = softmax(view, from + i, keys, s);
    if (a->lse) a->lse[(at + i) * heads + view->head] = lse;
  }
  if (before > 0) sk_gemm_nn(queries, dh, before, view->s, ld, view->v, kv, 0.0f, out, width);
  for (int64_t i = 0; i < queries; i++) {
    if (before == 0) memset(out + i * width, 0, sizeof(float) * (size_t)dh);
    SK_CPU(attend_mix)
    (view->s + i * ld + before, view->v + before * kv, kv, from + i + 1 - before, dh, out + i * width);
  }
}

/* Output of rows that see no key. */
static void attend_nothing(const sk_attend_args *a, int64_t row) {
  int64_t heads = a->pairs.heads, width = heads * a->pairs.dh;
  memset(a->out + row * width, 0, sizeof(float) * (size_t)width);
  for (int64_t head = 0; a->lse && head < heads; head++) a->lse[row * heads + head] = -INFINITY;
}

static void attend_window(const sk_attend_args *a, int64_t w, float *local) {
  const sk_attend_pairs *p = &a->pairs;
  const int32_t *offsets = sk_attend_q_offsets(p);
  int64_t first = p->kv_offsets[w], keys = p->kv_offsets[w + 1] - first, dh = p->dh;
  int64_t row = offsets[w], end = offsets[w + 1];
  for (; end - row > keys; row++) attend_nothing(a, row);
  for (int64_t head = 0; head < p->heads; head++) {
    head_view view = {.a = a, .origin = first, .head = head, .keep = local, .s = local + p->max_keys};
    view.k = a->k + first * a->kv_stride + head * dh;
    view.v = a->v + first * a->kv_stride + head * dh;
    view.line = view.s + (int64_t)QUERIES * p->max_keys;
    if (a->bias) SK_CPU(attend_line)(a->bias, head, dh, keys, view.line);
    for (int64_t at = row; at < end; at += QUERIES)
      attend_tile(&view, keys - (end - at), end - at < QUERIES ? end - at : QUERIES, at);
  }
}

static void attend_block(const void *arg, int64_t block, void *local) {
  const sk_attend_args *a = arg;
  int64_t end = sk_cpu_block_end(a->pairs.windows, WINDOWS_PER_BLOCK, block);
  for (int64_t w = block * WINDOWS_PER_BLOCK; w < end; w++) attend_window(a, w, local);
}

solid_status SK_CPU(attend)(sk_backend *be, const sk_attend_args *a) {
  const sk_attend_pairs *p = &a->pairs;
  if (!sk_attend_is_plain(p) || a->join || p->max_keys > SK_ATTEND_SHORT) return SK_CPU(attend_tiles)(be, a);
  size_t floats = (size_t)(QUERIES + 2) * (size_t)p->max_keys;
  solid_status status = sk_cpu_reserve(be, sizeof(float) * floats, 0);
  if (status != SOLID_OK) return status;
  sk_cpu_parallel(be, sk_cpu_blocks(p->windows, WINDOWS_PER_BLOCK), attend_block, a);
  return SOLID_OK;
}
