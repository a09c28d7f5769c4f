/* topk: scores by chunks of items, compared as vectors with the worst of the k best so far; the few that pass go into a
 * heap. The worst of a heap is its root: lowest score, of equals the highest index. That order is total, so cutting a
 * large catalogue into segments for the threads and merging their lists changes nothing. */
#include "kernels/topk.h"
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/gemm.h"
#include "kernels/cpu/vmath.h"
#include <string.h>

#define ROWS          32    /* rows a block */
#define CHUNK         1024  /* items scored at a time: a multiple of 64, the bits of a mask word */
#define GROUP         64    /* items compared at a time */
#define SEGMENT       65536 /* items, for few rows and many items */
#define SEGMENTS_MAX  32
#define SEGMENT_K_MAX 1024

typedef struct topk_job {
  const sk_topk_args *a;
  int64_t segments, segment_items;
  float *score; /* (n, segments, k): the outputs themselves when there is one segment */
  int32_t *index;
} topk_job;

typedef struct heap {
  int32_t count, k;
  float *score;
  int32_t *index;
} heap;

static int is_worse(float score_a, int32_t index_a, float score_b, int32_t index_b) {
  return score_a < score_b || (score_a == score_b && index_a > index_b);
}

/* Sifts (score, index) down from place `at`. */
static void sift_down(heap *h, int32_t at, float score, int32_t index) {
  for (;;) {
    int32_t child = 2 * at + 1;
    if (child >= h->count) break;
    if (child + 1 < h->count && is_worse(h->score[child + 1], h->index[child + 1], h->score[child], h->index[child]))
      child++;
    if (!is_worse(h->score[child], h->index[child], score, index)) break;
    h->score[at] = h->score[child];
    h->index[at] = h->index[child];
    at = child;
  }
  h->score[at] = score;
  h->index[at] = index;
}

static void sift_up(heap *h, float score, int32_t index) {
  int32_t at = h->count++;
  while (at > 0) {
    int32_t parent = (at - 1) / 2;
    if (!is_worse(score, index, h->score[parent], h->index[parent])) break;
    h->score[at] = h->score[parent];
    h->index[at] = h->index[parent];
    at = parent;
  }
  h->score[at] = score;
  h->index[at] = index;
}

static void offer(heap *h, float score, int32_t index) {
  if (!(score > -INFINITY)) return; /* masked, or NaN */
  if (h->count < h->k)
    sift_up(h, score, index);
  else if (is_worse(h->score[0], h->index[0], score, index))
    sift_down(h, 0, score, index);
}

/* Best first; the places that remain are -1 and -INFINITY. */
static void finish(heap *h) {
  int32_t count = h->count;
  while (h->count > 0) {
    float score = h->score[0];
    int32_t index = h->index[0], last = --h->count;
    sift_down(h, 0, h->score[last], h->index[last]);
    h->score[last] = score;
    h->index[last] = index;
  }
  for (int32_t i = count; i < h->k; i++) h->score[i] = -INFINITY, h->index[i] = -1;
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

static void offer_scores(heap *h, const float *s, int64_t width, int64_t first) {
  for (int64_t v = 0; v < width; v += GROUP) {
    int64_t n = width - v < GROUP ? width - v : GROUP;
    const float *group = s + v;
    int full = h->count == h->k;
    if (full && !(sk_max(group, n) > h->score[0])) continue;
    /* An equal score with a higher index is worse, so a full heap takes only scores above its worst. */
    for (int64_t i = 0; i < n; i++)
      if (!full || group[i] > h->score[0]) offer(h, group[i], (int32_t)(first + v + i));
  }
}

static void topk_block(const void *arg, int64_t block, void *local) {
  const topk_job *job = arg;
  const sk_topk_args *a = job->a;
  int64_t d = a->d, segment = block % job->segments, row = block / job->segments * ROWS;
  int64_t rows = (row + ROWS < a->n ? row + ROWS : a->n) - row;
  int64_t first = segment * job->segment_items, end = sk_cpu_block_end(a->items, job->segment_items, segment);
  float *s = local;
  heap heaps[ROWS];
  for (int64_t i = 0; i < rows; i++) {
    int64_t at = ((row + i) * job->segments + segment) * a->k;
    heaps[i] = (heap){.k = a->k, .score = job->score + at, .index = job->index + at};
  }
  for (int64_t v = first; v < end; v += CHUNK) {
    int64_t width = end - v < CHUNK ? end - v : CHUNK;
    if (rows == 1)
      sk_cpu_gemv(width, d, a->e + v * d, d, a->u + row * d, 0.0f, s);
    else
      sk_gemm_nt(rows, width, d, a->u + row * d, d, a->e + v * d, d, 0.0f, s, CHUNK);
    for (int64_t i = 0; i < rows; i++) {
      apply_mask(a, row + i, v, width, s + i * CHUNK);
      offer_scores(&heaps[i], s + i * CHUNK, width, v);
    }
  }
  for (int64_t i = 0; i < rows; i++) finish(&heaps[i]);
}

static void merge_row(const void *arg, int64_t row, void *local) {
  (void)local;
  const topk_job *job = arg;
  const sk_topk_args *a = job->a;
  heap h = {.k = a->k, .score = a->score + row * a->k, .index = a->index + row * a->k};
  int64_t first = row * job->segments * a->k;
  for (int64_t i = first; i < first + job->segments * a->k; i++) offer(&h, job->score[i], job->index[i]);
  finish(&h);
}

solid_status SK_CPU(topk)(sk_backend *be, const sk_topk_args *a) {
  if (a->n <= 0) return SOLID_OK;
  topk_job job = {a, 1, a->items, a->score, a->index};
  if (a->n <= ROWS && a->items >= 2 * SEGMENT && a->k <= SEGMENT_K_MAX) {
    int64_t chunks = sk_cpu_blocks(a->items, CHUNK), count = sk_cpu_blocks(a->items, SEGMENT);
    if (count > SEGMENTS_MAX) count = SEGMENTS_MAX;
    job.segment_items = sk_cpu_blocks(chunks, count) * CHUNK;
    job.segments = sk_cpu_blocks(a->items, job.segment_items);
  }
  size_t found = job.segments > 1 ? (size_t)a->n * (size_t)job.segments * (size_t)a->k : 0;
  solid_status status = sk_cpu_reserve(be, sizeof(float) * ROWS * CHUNK, found * (sizeof(float) + sizeof(int32_t)));
  if (status != SOLID_OK) return status;
  if (job.segments > 1) {
    job.score = sk_cpu_shared(be);
    job.index = (int32_t *)(job.score + found);
  }
  sk_cpu_parallel(be, sk_cpu_blocks(a->n, ROWS) * job.segments, topk_block, &job);
  if (job.segments > 1) sk_cpu_parallel(be, a->n, merge_row, &job);
  return SOLID_OK;
}
