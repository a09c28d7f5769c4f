/* Attention in FP32, forward and backward, of every query. A group of `L` lanes has one row, each lane a share of its
 * dims in registers; the block brings the other side's rows through shared memory, 16 floats of every row a lane.
 *
 * A block's rows may belong to several windows: each group takes part in what its own row reads. Rows stand in the
 * caller's arrays, window by window, or are entries of attend_gather.cu: sk_rows_call says where, and how to tell who
 * reads whom. */
#ifndef SK_ATTEND_ROWS_CUH
#define SK_ATTEND_ROWS_CUH

#include "kernels/cuda/attend.cuh"

enum { SK_ROWS_THREADS = 128, SK_ROWS_FOURS = 4 /* float4s of a row a lane */ };

struct sk_rows_call {
  int queries, keys, heads, dh, windows; /* rows of a head */
  const float *q, *k, *v, *dout;         /* head h, row r: x + h * head + r * stride */
  int64_t q_head, kv_head, dout_head;
  int q_stride, kv_stride, dout_stride;
  bool aligned;                          /* four floats at a time */
  const int32_t *q_offsets, *kv_offsets; /* in place: spans NULL */
  const int2 *q_span, *k_span;           /* entries: offsets NULL; (heads, rows) as the four below */
  const uint32_t *q_at;
  const int32_t *k_at, *q_row, *k_row;
  const float *lse, *delta; /* head h, row r: x + h * sum_head + r * sum_stride */
  int64_t sum_head;
  int sum_stride;
  float p;
  uint64_t seed, span;
  const float *bias;                            /* (heads, SK_ATTEND_BUCKETS) or NULL; with it, of entries: */
  const int32_t *q_begin, *k_begin, *k_origins; /* where windows begin among them, and what positions count from */
};

/* A lane's share of a row: float4s number part, part + L, part + 2 L, ... so that neighbours read neighbours. */
struct sk_share {
  float4 x[SK_ROWS_FOURS];
};

template <int L>
__device__ static inline sk_share sk_load_share(const float *row, int dh, int part, bool aligned) {
  sk_share s;
#pragma unroll
  for (int c = 0; c < SK_ROWS_FOURS; c++) s.x[c] = sk_load4(row, 4 * (c * L + part), dh, aligned);
  return s;
}

/* Dropout of the pairs of one query, in the order of the keys: four neighbours share a draw. */
struct sk_rows_dropout {
  float kept, u[4];
  uint64_t group;

  __device__ explicit sk_rows_dropout(const sk_rows_call &c) : kept(1.0f / (1.0f - c.p)), u(), group(~(uint64_t)0) {}

  /* x, kept or dropped as the pair number `index` of the stream. */
  __device__ float drop(const sk_rows_call &c, uint64_t index, float x) {
    if (index / 4 != group) sk_uniform4(c.seed, group = index / 4, u);
    float mine = index % 4 < 2 ? (index % 4 == 0 ? u[0] : u[1]) : (index % 4 == 2 ? u[2] : u[3]);
    return mine >= c.p ? x * kept : 0.0f;
  }
};

/* row = there row + scale s; there = 0: whatever stood there. */
template <int L>
__device__ static inline void sk_store_share(float *row, int dh, int part, const sk_share &s, float scale,
                                             float there) {
#pragma unroll
  for (int c = 0; c < SK_ROWS_FOURS; c++) {
    int first = 4 * (c * L + part);
    const float x[4] = {s.x[c].x, s.x[c].y, s.x[c].z, s.x[c].w};
#pragma unroll
    for (int i = 0; i < 4; i++)
      if (first + i < dh) row[first + i] = there == 0.0f ? scale * x[i] : there * row[first + i] + scale * x[i];
  }
}

template <int L>
__device__ static inline sk_share sk_shared_share(const float4 *row, int part) {
  sk_share s;
#pragma unroll
  for (int c = 0; c < SK_ROWS_FOURS; c++) s.x[c] = row[c * L + part];
  return s;
}

__device__ static inline float sk_part_dot(const sk_share &x, const sk_share &y) {
  float sum[SK_ROWS_FOURS];
#pragma unroll
  for (int c = 0; c < SK_ROWS_FOURS; c++)
    sum[c] = x.x[c].x * y.x[c].x + x.x[c].y * y.x[c].y + x.x[c].z * y.x[c].z + x.x[c].w * y.x[c].w;
  return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

/* Of the group: every lane gets the same bits. */
template <int L>
__device__ static inline float sk_group_sum(float x) {
#pragma unroll
  for (int step = L / 2; step > 0; step /= 2) x += __shfl_xor_sync(0xffffffffu, x, step);
  return x;
}

__device__ static inline void sk_add_scaled(sk_share *to, float scale, const sk_share &x) {
#pragma unroll
  for (int c = 0; c < SK_ROWS_FOURS; c++) {
    to->x[c].x += scale * x.x[c].x, to->x[c].y += scale * x.x[c].y;
    to->x[c].z += scale * x.x[c].z, to->x[c].w += scale * x.x[c].w;
  }
}

template <int L>
struct sk_rows_tile { /* rows first .. first + T of two arrays */
  static const int T = L <= 4 ? 32 : 16;
  float4 x[T][SK_ROWS_FOURS * L], y[T][SK_ROWS_FOURS * L];

  __device__ void load(const float *xs, int x_stride, const float *ys, int y_stride, int dh, int first, int end,
                       bool aligned) {
    for (int i = threadIdx.x; i < T * SK_ROWS_FOURS * L; i += SK_ROWS_THREADS) {
      int row = i / (SK_ROWS_FOURS * L), at = i % (SK_ROWS_FOURS * L);
      bool there = first + row < end;
      x[row][at] = there ? sk_load4(xs + (int64_t)(first + row) * x_stride, 4 * at, dh, aligned) : float4{};
      y[row][at] = there ? sk_load4(ys + (int64_t)(first + row) * y_stride, 4 * at, dh, aligned) : float4{};
    }
  }
};

/* The row of a group, and the rows first .. end - 1 of the other side that it meets; none for rows of no window. For
 * dropout: a query's origin + position, with the position of a key being that key less `zero`; a key's position, with
 * the origin + position of a query being that query plus `zero`. Entries have theirs in arrays. */
struct sk_rows_place {
  int row, part, first, end;
  uint32_t at;
  int zero;
  uint32_t origin; /* of the window; with a bias */
};

/* What positions of the window that holds an entry count from. */
__device__ static inline uint32_t sk_rows_origin(const sk_rows_call &c, const int32_t *begin, int entry) {
  if (!c.bias || !c.k_origins) return 0;
  return (uint32_t)c.k_origins[sk_attend_window(begin, c.windows, entry)];
}

/* The bias of query position x and key position y; 0 without a bias. */
__device__ static inline float sk_rows_bias(const sk_rows_call &c, int head, uint32_t x, uint32_t y) {
  return c.bias ? c.bias[head * SK_ATTEND_BUCKETS + sk_attend_bucket((int32_t)(x - y))] : 0.0f;
}

template <int L>
__device__ static inline sk_rows_place sk_rows_query(const sk_rows_call &c, int head) {
  sk_rows_place at = {(int)(blockIdx.x * (SK_ROWS_THREADS / L) + threadIdx.x / L), (int)(threadIdx.x % L)};
  if (at.row >= c.queries) return at;
  if (c.q_span) {
    int2 span = c.q_span[(int64_t)head * c.queries + at.row];
    at.first = span.x, at.end = span.y, at.at = c.q_at[(int64_t)head * c.queries + at.row];
    at.origin = sk_rows_origin(c, c.q_begin, at.row);
    return at;
  }
  if (c.windows == 0 || at.row >= c.q_offsets[c.windows]) return at;
  int w = sk_attend_window(c.q_offsets, c.windows, at.row), last = c.q_offsets[w + 1];
  at.first = at.zero = c.kv_offsets[w], at.origin = (uint32_t)at.zero;
  at.end = max(at.first, c.kv_offsets[w + 1] - (last - at.row) + 1);
  at.at = (uint32_t)(c.kv_offsets[w + 1] - (last - at.row));
  return at;
}

template <int L>
__device__ static inline sk_rows_place sk_rows_key(const sk_rows_call &c, int head) {
  sk_rows_place at = {(int)(blockIdx.x * (SK_ROWS_THREADS / L) + threadIdx.x / L), (int)(threadIdx.x % L)};
  if (at.row >= c.keys) return at;
  if (c.k_span) {
    int2 span = c.k_span[(int64_t)head * c.keys + at.row];
    at.first = span.x, at.end = span.y, at.at = (uint32_t)c.k_at[(int64_t)head * c.keys + at.row];
    at.origin = sk_rows_origin(c, c.k_begin, at.row);
    return at;
  }
  if (c.windows == 0 || at.row >= c.kv_offsets[c.windows]) return at;
  int w = sk_attend_window(c.kv_offsets, c.windows, at.row);
  at.zero = c.kv_offsets[w + 1] - c.q_offsets[w + 1]; /* a query's row plus this is its place among keys */
  at.first = max(c.q_offsets[w], at.row - at.zero), at.end = c.q_offsets[w + 1];
  at.origin = (uint32_t)c.kv_offsets[w], at.at = (uint32_t)at.row - at.origin;
  return at;
}

/* The union of what the groups of the block read: the smallest first and the largest end of those that read any. */
__device__ static inline int2 sk_rows_bounds(const sk_rows_place &at) {
  __shared__ int bounds[2];
  if (threadIdx.x == 0) bounds[0] = 0x7fffffff, bounds[1] = 0;
  __syncthreads();
  if (at.first < at.end) {
    atomicMin(&bounds[0], at.first);
    atomicMax(&bounds[1], at.end);
  }
  __syncthreads();
  return make_int2(bounds[0], bounds[1]);
}

/* Arrays of a call in place, or those of entries; the width is that of the caller's heads. */
template <typename ARGS>
static inline sk_rows_call sk_rows_call_of(const ARGS *a, const sk_attend_entries *e) {
  const sk_attend_pairs *p = &a->pairs;
  sk_rows_call c = {};
  c.heads = p->heads, c.dh = p->dh, c.windows = p->windows;
  c.p = a->p, c.seed = a->seed, c.span = (uint64_t)sk_attend_span(a->span, p), c.bias = a->bias;
  if (e) {
    c.queries = e->queries, c.keys = e->keys;
    c.q = (const float *)e->q, c.k = (const float *)e->k, c.v = (const float *)e->v, c.dout = (const float *)e->dout;
    c.q_stride = c.kv_stride = c.dout_stride = p->dh;
    c.q_head = c.dout_head = (int64_t)e->queries * p->dh, c.kv_head = (int64_t)e->keys * p->dh;
    c.q_span = e->q_span, c.k_span = e->k_span, c.q_at = e->q_at, c.k_at = e->k_at;
    c.q_row = e->q_row, c.k_row = e->k_row;
    c.q_begin = e->q_side.begin, c.k_begin = e->k_side.begin, c.k_origins = p->kv_offsets;
    c.lse = e->lse, c.delta = e->delta, c.sum_head = e->queries, c.sum_stride = 1;
    c.aligned = p->dh % 4 == 0;
    return c;
  }
  c.queries = p->q_rows, c.keys = p->kv_rows;
  c.q = a->q, c.k = a->k, c.v = a->v;
  c.q_stride = a->q_stride, c.kv_stride = a->kv_stride, c.dout_stride = p->heads * p->dh;
  c.q_head = c.kv_head = c.dout_head = p->dh;
  c.q_offsets = sk_attend_q_offsets(p), c.kv_offsets = p->kv_offsets;
  c.sum_head = 1, c.sum_stride = p->heads;
  uintptr_t bits = (uintptr_t)(a->q_stride | a->kv_stride | p->dh) * sizeof(float);
  c.aligned = (bits | (uintptr_t)a->q | (uintptr_t)a->k | (uintptr_t)a->v) % 16 == 0;
  return c;
}

/* status = launch<L>(...) with the lanes of a row, sk_attend_lanes. */
#define SK_ROWS_DISPATCH(status, dh, launch, ...)                                                                      \
  do {                                                                                                                 \
    switch (sk_attend_lanes(dh)) {                                                                                     \
    case 1:                                                                                                            \
      status = launch<1>(__VA_ARGS__);                                                                                 \
      break;                                                                                                           \
    case 2:                                                                                                            \
      status = launch<2>(__VA_ARGS__);                                                                                 \
      break;                                                                                                           \
    case 4:                                                                                                            \
      status = launch<4>(__VA_ARGS__);                                                                                 \
      break;                                                                                                           \
    case 8:                                                                                                            \
      status = launch<8>(__VA_ARGS__);                                                                                 \
      break;                                                                                                           \
    default:                                                                                                           \
      status = launch<16>(__VA_ARGS__);                                                                                \
    }                                                                                                                  \
  } while (0)

#endif
