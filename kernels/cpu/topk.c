/* topk: scores by chunks of items, compared as vectors with the worst of the k best so far; the few that pass go into a
 * heap. Its order is total, so cutting a large catalogue into segments for the threads and merging their lists changes
 * nothing. */
#include "kernels/topk.h"
#include "kernels/cpu/gemm.h"
#include "kernels/cpu/topk_parts.h"
#include "kernels/cpu/vmath.h"
#include <string.h>

#define ROWS    SK_TOPK_ROWS_AT_ONCE
#define CHUNK   SK_TOPK_CHUNK
#define GROUP   64 /* items compared at a time */
#define LANES   16
#define NESTLED 32 /* items that stay in the nearest cache while all rows meet them */

/* LANES sums side by side, in registers of this level's width. */
#if defined(__AVX512F__)
#define WIDTH 16
#elif defined(__AVX__)
#define WIDTH 8
#else
#define WIDTH 4
#endif
#define REGISTERS (LANES / WIDTH)

typedef float lanes __attribute__((vector_size(WIDTH * sizeof(float))));

static inline void add_lanes(lanes *sum, const float *x, const float *y) {
  for (int r = 0; r < REGISTERS; r++) {
    lanes a, b;
    memcpy(&a, x + r * WIDTH, sizeof a);
    memcpy(&b, y + r * WIDTH, sizeof b);
    sum[r] += a * b;
  }
}

static float dot_in_lanes(const float *x, const float *y, int64_t n) {
  lanes sum[REGISTERS] = {{0}};
  float part[LANES];
  int64_t i = 0;
  for (; i + LANES <= n; i += LANES) add_lanes(sum, x + i, y + i);
  if (i < n) {
    float a[LANES] = {0}, b[LANES] = {0};
    memcpy(a, x + i, (size_t)(n - i) * sizeof *x);
    memcpy(b, y + i, (size_t)(n - i) * sizeof *y);
    add_lanes(sum, a, b);
  }
  memcpy(part, sum, sizeof part);
  for (int width = LANES / 2; width > 0; width /= 2)
    for (int l = 0; l < width; l++) part[l] += part[l + width];
  return part[0];
}

void SK_CPU(topk_lanes)(int64_t rows, int64_t width, int64_t d, const float *u, const float *e, float *s) {
  for (int64_t v = 0; v < width; v += NESTLED) {
    int64_t end = v + NESTLED < width ? v + NESTLED : width;
    for (int64_t i = 0; i < rows; i++)
      for (int64_t j = v; j < end; j++) s[i * CHUNK + j] = dot_in_lanes(u + i * d, e + j * d, d);
  }
}

/* first is a multiple of 64. */
static void apply_mask(const sk_topk_args *a, int64_t row, int64_t first, int64_t width, float *s) {
  if (!a->mask) return;
  const uint64_t *mask = a->mask + row * a->mask_words;
  for (int64_t v = 0; v < width; v += 64) {
    uint64_t word = mask[(first + v) / 64];
    for (int64_t bit = 0; word && bit < 64 && v + bit < width; bit++, word >>= 1)
      if (word & 1) s[v + bit] = -INFINITY;
  }
}

static void offer_scores(sk_best *h, const float *s, int64_t width, int64_t first) {
  for (int64_t v = 0; v < width; v += GROUP) {
    int64_t n = width - v < GROUP ? width - v : GROUP;
    const float *group = s + v;
    int full = h->count == h->k;
    if (full && !(sk_max(group, n) > h->score[0])) continue;
    /* An equal score with a higher index is worse, so a full heap takes only scores above its worst. */
    for (int64_t i = 0; i < n; i++)
      if (!full || group[i] > h->score[0]) sk_best_offer(h, group[i], (int32_t)(first + v + i));
  }
}

/* Of a chunk. What a failed read leaves is not looked at: the operation fails. */
static const float *rows_of(const sk_topk_args *a, int64_t v, int64_t width, const sk_topk_made *made) {
  if (!made->rows) return a->e + v * a->d;
  int error = sk_rows_run(a->rows, SK_ROWS_WHOLE, v, width, made->rows);
  if (error) {
    *made->error = error;
    memset(made->rows, 0, (size_t)(width * a->d) * sizeof *made->rows);
  }
  return made->rows;
}

static void score(const sk_topk_args *a, int64_t row, int64_t rows, const float *e, int64_t width, float *s) {
  const float *u = a->u + row * a->d;
  if (a->scout || (a->items >= SK_TOPK_LARGE && a->n < ROWS)) /* many rows: BLAS is faster */
    SK_CPU(topk_lanes)(rows, width, a->d, u, e, s);
  else if (rows == 1)
    sk_cpu_gemv(width, a->d, e, a->d, u, 0.0f, s);
  else
    sk_gemm_nt(rows, width, a->d, u, a->d, e, a->d, 0.0f, s, CHUNK);
}

void SK_CPU(topk_scan)(const sk_topk_scan_args *scan, sk_best *best, float *s) {
  const sk_topk_args *a = scan->a;
  for (int64_t v = scan->first; v < scan->end; v += CHUNK) {
    int64_t width = scan->end - v < CHUNK ? scan->end - v : CHUNK;
    score(a, scan->row, scan->rows, rows_of(a, v, width, scan->made), width, s);
    for (int64_t i = 0; i < scan->rows; i++) {
      apply_mask(a, scan->row + i, v, width, s + i * CHUNK);
      offer_scores(&best[i], s + i * CHUNK, width, v);
    }
  }
}

static void topk_block(const void *arg, int64_t block, void *local) {
  const sk_topk_job *job = arg;
  const sk_topk_args *a = job->a;
  int64_t segment = block % job->segments, row = block / job->segments * ROWS;
  int64_t rows = sk_cpu_block_end(a->n, ROWS, row / ROWS) - row;
  sk_best best[ROWS];
  float *s = local;
  sk_topk_made made = sk_topk_made_at(job, s + ROWS * CHUNK);
  sk_topk_scan_args scan = {a, row, rows, segment * job->segment_items, 0, &made};
  scan.end = sk_cpu_block_end(a->items, job->segment_items, segment);
  for (int64_t i = 0; i < rows; i++) best[i] = sk_topk_best(job, row + i, segment);
  SK_CPU(topk_scan)(&scan, best, s);
  for (int64_t i = 0; i < rows; i++) sk_best_finish(&best[i]);
}

static void merge_row(const void *arg, int64_t row, void *local) {
  (void)local;
  const sk_topk_job *job = arg;
  const sk_topk_args *a = job->a;
  sk_best best = {.k = a->k, .score = a->score + row * a->k, .index = a->index + row * a->k};
  int64_t first = row * job->segments * a->k;
  for (int64_t i = first; i < first + job->segments * a->k; i++) sk_best_offer(&best, job->score[i], job->index[i]);
  sk_best_finish(&best);
}

solid_status SK_CPU(topk_run)(sk_backend *be, sk_topk_job *job, int64_t blocks, sk_cpu_block_fn block, size_t local) {
  const sk_topk_args *a = job->a;
  size_t found = job->segments > 1 ? (size_t)a->n * (size_t)job->segments * (size_t)a->k : 0;
  _Atomic int error = a->rows ? sk_rows_check(a->rows) : 0;
  char why[128];
  solid_status status = sk_cpu_reserve(be, local + sk_topk_made_bytes(a), found * (sizeof(float) + sizeof(int32_t)));
  if (status != SOLID_OK) return status;
  if (error) return sk_fail(be, SOLID_ESTALE, "%s", sk_rows_text(error, why, sizeof why));
  job->error = &error;
  job->score = a->score, job->index = a->index;
  if (job->segments > 1) {
    job->score = sk_cpu_shared(be);
    job->index = (int32_t *)(job->score + found);
  }
  sk_cpu_parallel(be, blocks * job->segments, block, job);
  if (job->segments > 1) sk_cpu_parallel(be, a->n, merge_row, job);
  return error ? sk_fail(be, SOLID_ESTALE, "%s", sk_rows_text(error, why, sizeof why)) : SOLID_OK;
}

solid_status SK_CPU(topk)(sk_backend *be, const sk_topk_args *a) {
  if (a->n <= 0) return SOLID_OK;
  if (sk_topk_is_scouted_on_cpu(a)) return SK_CPU(topk_scouted)(be, a);
  sk_topk_job job = {.a = a, .segments = 1, .segment_items = a->items};
  if (a->n <= ROWS && a->items >= 2 * SK_TOPK_SEGMENT && a->k <= SK_TOPK_SEGMENT_K) {
    int64_t chunks = sk_cpu_blocks(a->items, CHUNK), count = sk_cpu_blocks(a->items, SK_TOPK_SEGMENT);
    if (count > SK_TOPK_SEGMENTS) count = SK_TOPK_SEGMENTS;
    job.segment_items = sk_cpu_blocks(chunks, count) * CHUNK;
    job.segments = sk_cpu_blocks(a->items, job.segment_items);
  }
  return SK_CPU(topk_run)(be, &job, sk_cpu_blocks(a->n, ROWS), topk_block, sizeof(float) * ROWS * CHUNK);
}
