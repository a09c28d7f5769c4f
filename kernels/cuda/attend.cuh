/* Shared by the kernels of attend.
 *
 *   attend.cu            which of them, and one query a window
 *   attend_rows.cu       FP32, forward, in place or over gathered entries; attend_rows_backward.cu
 *   attend_gather.cu     lists and windows as entries side by side, and back
 *   attend_tensor.cu     BF16 on tensor cores over entries; attend_tensor_query.cu and _key.cu backward */
#ifndef SK_ATTEND_CUH
#define SK_ATTEND_CUH

#include "kernels/cuda/cuda.cuh"
#include "kernels/philox.h"

enum { SK_ATTEND_MAX_DH = 256, SK_ATTEND_MAX_TENSOR_DH = 128 };

/* attend_ranges of few queries or many keys: attend_ranges_tiles.cu. */
bool sk_cuda_attend_ranges_is_tiled(const sk_attend_ranges_args *a);
solid_status sk_cuda_attend_ranges_tiles(sk_backend *be, const sk_attend_ranges_args *a);

/* The window that holds `row`: the last offset that is not above it. */
__device__ static inline int sk_attend_window(const int32_t *offsets, int windows, int row) {
  int low = 0, high = windows; /* offsets[low] <= row < offsets[high] */
  while (high - low > 1) {
    int middle = (low + high) / 2;
    if (offsets[middle] <= row)
      low = middle;
    else
      high = middle;
  }
  return low;
}

static inline const int32_t *sk_attend_q_offsets(const sk_attend_pairs *p) {
  return p->q_offsets ? p->q_offsets : p->kv_offsets;
}
static inline int64_t sk_attend_span(int64_t span, const sk_attend_pairs *p) {
  return span > 0 ? span : p->max_keys;
}

/* One side of the pairs as entries: those of head h and window w are begin[w] .. begin[w] + n - 1. */
struct sk_attend_side {
  const int32_t *begin, *count; /* count NULL: up to begin[w + 1] */
  int windows;
  __device__ int2 range(int w, int head) const {
    int first = begin[w];
    return make_int2(first, count ? first + count[head * windows + w] : begin[w + 1]);
  }
};

static inline sk_attend_side sk_attend_side_of(const sk_attend_list *list, const int32_t *offsets, int windows) {
  if (!list->rows) return {offsets, NULL, windows};
  return {list->begin ? list->begin : offsets, list->count, windows};
}

/* Entries of every head side by side, made by sk_cuda_attend_gather; T: float or BF16, rows of `width`. An entry that
 * is none has row -1 and reads nothing. */
struct sk_attend_entries {
  int queries, keys, width;      /* entries of a head */
  sk_attend_side q_side, k_side; /* where windows begin among them */
  int32_t *q_row, *k_row;        /* (heads, queries), (heads, keys) rows of q and k */
  uint32_t *q_at;                /* (heads, queries) origin + position, and the position of keys: dropout's */
  int32_t *k_at;
  int2 *q_span, *k_span;  /* the keys that a query reads, the queries that read a key: first, end */
  void *q, *k, *v, *dout; /* (heads, queries or keys, width) of T */
  float *lse, *delta;     /* (heads, queries): backward; lse in units of log 2 for BF16 */
  float *dk, *dv;         /* (heads, keys, dh) where windows share keys, else NULL */
  float *shares;          /* (blocks, heads, SK_ATTEND_BUCKETS) of dbias, or NULL */
};

/* Entries in the workspace: rows, spans and values of a forward pass. BF16: width is padded, with zeros. */
solid_status sk_cuda_attend_gather(sk_backend *be, const sk_attend_args *a, bool bf16, sk_attend_entries *out);

/* The same of a backward pass; also zeroes the gradients, because those of rows in no list are zero. */
solid_status sk_cuda_attend_gather_backward(sk_backend *be, const sk_attend_backward_args *a, bool bf16,
                                            sk_attend_entries *out);

/* After the backward kernels: adds the entries' dk and dv to the rows of k that windows share. */
solid_status sk_cuda_attend_spread(sk_backend *be, const sk_attend_backward_args *a, const sk_attend_entries *e);

/* FP32: windows in place (entries NULL) or entries. */
solid_status sk_cuda_attend_rows(sk_backend *be, const sk_attend_args *a, const sk_attend_entries *e);
solid_status sk_cuda_attend_rows_backward(sk_backend *be, const sk_attend_backward_args *a, const sk_attend_entries *e);

/* BF16, over entries of width 16, 32, 64 or 128. */
solid_status sk_cuda_attend_tensor(sk_backend *be, const sk_attend_args *a, const sk_attend_entries *e);
solid_status sk_cuda_attend_tensor_query(sk_backend *be, const sk_attend_backward_args *a, const sk_attend_entries *e);
solid_status sk_cuda_attend_tensor_key(sk_backend *be, const sk_attend_backward_args *a, const sk_attend_entries *e);

/* A row's result over other keys, joined with that over these: out = share_there out + share_here this. */
struct sk_attend_join {
  float lse, there, here;
  __device__ sk_attend_join(bool join, float before, float mine) : lse(mine), there(0.0f), here(1.0f) {
    if (!join || before == -INFINITY) return;
    if (mine == -INFINITY) {
      lse = before, there = 1.0f, here = 0.0f;
      return;
    }
    float top = fmaxf(before, mine);
    lse = top + logf(expf(before - top) + expf(mine - top));
    there = expf(before - lse), here = expf(mine - lse);
  }
};

#endif
