/* The k best items so far of one row, as a heap whose root is the worst of them: lowest score, of equals the highest
 * index. That order is total, so lists of parts of a catalogue can be merged in any order. */
#ifndef SK_CPU_BEST_H
#define SK_CPU_BEST_H

#include <math.h>
#include <stdint.h>

typedef struct sk_best {
  int32_t count, k;
  float *score;
  int32_t *index;
} sk_best;

static inline int sk_is_worse(float score_a, int32_t index_a, float score_b, int32_t index_b) {
  return score_a < score_b || (score_a == score_b && index_a > index_b);
}

/* Sifts (score, index) down from place `at`. */
static inline void sk_best_down(sk_best *h, int32_t at, float score, int32_t index) {
  for (;;) {
    int32_t child = 2 * at + 1;
    if (child >= h->count) break;
    if (child + 1 < h->count && sk_is_worse(h->score[child + 1], h->index[child + 1], h->score[child], h->index[child]))
      child++;
    if (!sk_is_worse(h->score[child], h->index[child], score, index)) break;
    h->score[at] = h->score[child];
    h->index[at] = h->index[child];
    at = child;
  }
  h->score[at] = score;
  h->index[at] = index;
}

static inline void sk_best_up(sk_best *h, float score, int32_t index) {
  int32_t at = h->count++;
  while (at > 0) {
    int32_t parent = (at - 1) / 2;
    if (!sk_is_worse(score, index, h->score[parent], h->index[parent])) break;
    h->score[at] = h->score[parent];
    h->index[at] = h->index[parent];
    at = parent;
  }
  h->score[at] = score;
  h->index[at] = index;
}

static inline void sk_best_offer(sk_best *h, float score, int32_t index) {
  if (!(score > -INFINITY)) return; /* masked, or NaN */
  if (h->count < h->k)
    sk_best_up(h, score, index);
  else if (sk_is_worse(h->score[0], h->index[0], score, index))
    sk_best_down(h, 0, score, index);
}

/* A score below it is not among the k best. */
static inline float sk_best_worst(const sk_best *h) {
  return h->count == h->k ? h->score[0] : -INFINITY;
}

/* Best first; the places that remain are -1 and -INFINITY. */
static inline void sk_best_finish(sk_best *h) {
  int32_t count = h->count;
  while (h->count > 0) {
    float score = h->score[0];
    int32_t index = h->index[0], last = --h->count;
    sk_best_down(h, 0, h->score[last], h->index[last]);
    h->score[last] = score;
    h->index[last] = index;
  }
  for (int32_t i = count; i < h->k; i++) h->score[i] = -INFINITY, h->index[i] = -1;
}

#endif
