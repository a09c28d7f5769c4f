/* select: which keys a long history keeps. It makes the lists that attend takes, by one causal rule that prefill,
 * training and appending share.
 *
 *   A history is cut into chunks, every `chunk` events. The rows of chunk c read kept_c and their own chunk up to
 *   themselves. When the chunk is full,  kept_{c+1} = select(kept_c and chunk c)  for every head, by what probe rows of
 *   chunk c read; what is dropped never returns. kept_0 holds nothing.
 *
 *   Probes are the chunk's rows 0, stride, 2 stride, ... and its `recent` newest ones. For probe i, a_ij is softmax
 * over the candidates j that it sees, all of kept_c and its chunk up to itself, of q_i . k_j / sqrt(dh); mass_j = sum_i
 * a_ij. The `sink` oldest and the `window` newest candidates are kept and credited first. Of the others a head needs
 *     b_h = min { b : mass of sink and window + the b largest mass_j >= p * probes }
 *   and keeps as many of its largest as the neediest head: b = min(max_h b_h, budget); of equal ones the newer. As long
 *   as there are no more candidates than `dense_below`, all are kept. A mass that is no number counts as 0.
 *
 * Windows are chunks: those of history u are chunk_offsets[u] .. chunk_offsets[u+1]-1, window w has rows q_offsets[w]
 * .. of q and the same number of rows from k_first[w] on (NULL: q_offsets[w]) of k. All but the last of a history are
 * full. list: that of head h and window w is rows[h * stride + begin[w]] ..., kept_c then the chunk's own rows, which
 * is what attend reads with kv_offsets NULL; begin[w + 1] - begin[w] has room for sink + window + budget, or
 * dense_below if that is more, and a chunk. resume = 0: all lists are made here. resume = 1: those of the first windows
 * are there, as after a state was read, and the others are made.
 *
 * max_chunks: no history has more windows. Nothing is read by the host. CUDA: at most 128 probes, 8,192 entries a list,
 * 8 heads of dh 128 and a card of sm_90, else EUNSUPPORTED. */
#ifndef SK_SELECT_H
#define SK_SELECT_H

#include "kernels/scratch.h"
#include <stdint.h>

#ifdef __CUDACC__
#define SK_SELECT_FN static __host__ __device__ inline
#else
#define SK_SELECT_FN static inline
#endif

typedef struct sk_select_rule {
  int32_t chunk, sink, window, recent, stride, budget, dense_below;
  float p;
} sk_select_rule;

typedef struct sk_select_args {
  sk_select_rule rule;
  int32_t histories, windows, heads, dh, max_chunks, resume;
  const int32_t *chunk_offsets;       /* (histories + 1) */
  const int32_t *q_offsets, *k_first; /* (windows + 1), (windows) */
  const float *q, *k;                 /* row r of head h: ptr + r * stride + h * dh */
  int32_t q_stride, kv_stride;
  int32_t *rows; /* (heads, list_stride) */
  int32_t list_stride;
  const int32_t *begin; /* (windows + 1) */
  int32_t *count;       /* (heads, windows) */
} sk_select_args;

/* Probe t of a chunk of `length` rows, and how many there are. */
SK_SELECT_FN int32_t sk_select_strided(const sk_select_rule *rule, int32_t length) {
  int32_t old = length > rule->recent ? length - rule->recent : 0;
  return rule->stride > 0 ? (old + rule->stride - 1) / rule->stride : 0;
}
SK_SELECT_FN int32_t sk_select_probes(const sk_select_rule *rule, int32_t length) {
  return sk_select_strided(rule, length) + (length < rule->recent ? length : rule->recent);
}
SK_SELECT_FN int32_t sk_select_probe(const sk_select_rule *rule, int32_t length, int32_t t) {
  int32_t strided = sk_select_strided(rule, length);
  return t < strided ? t * rule->stride : length - sk_select_probes(rule, length) + t;
}

/* The most entries that a list needs. */
static inline int32_t sk_select_room(const sk_select_rule *rule) {
  int32_t kept = rule->sink + rule->window + rule->budget;
  return (kept > rule->dense_below ? kept : rule->dense_below) + rule->chunk;
}

#define SK_SELECT_PROBES 128 /* on CUDA */

SK_NO_SCRATCH(select)

#endif
