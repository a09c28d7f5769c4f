/* Lists and windows as entries side by side, for kernels that know neither: which row an entry is, where it stands, and
 * which entries of the other side it meets. Both sides of a window are sorted by position, so those follow one another.
 * After the backward kernels, the gradients of shared keys are summed in the order of the windows. */
#include "kernels/cuda/attend.cuh"
#include <cuda_bf16.h>

constexpr int THREADS = 256;

/* The part of a call that these kernels need. */
struct source {
  sk_attend_pairs p;
  const int32_t *q_offsets;
  const float *q, *k, *v, *out, *dout, *lse;
  int q_stride, kv_stride;
};

/* Rows and positions of all entries; grid (entries of either side, heads). */
__global__ static void place_entries(source s, sk_attend_entries e) {
  int at = blockIdx.x * THREADS + threadIdx.x, head = blockIdx.y, entry = at < e.queries ? at : at - e.queries;
  if (at >= e.queries + e.keys) return;
  bool query = at < e.queries;
  const sk_attend_side &side = query ? e.q_side : e.k_side;
  const sk_attend_list &list = query ? s.p.active : s.p.kept;
  int row = -1, w = 0;
  if (s.p.windows > 0 && entry < side.begin[s.p.windows]) {
    w = sk_attend_window(side.begin, s.p.windows, entry);
    if (entry < side.range(w, head).y) row = list.rows ? list.rows[(int64_t)head * list.stride + entry] : entry;
  }
  int64_t to = (int64_t)head * (query ? e.queries : e.keys) + entry;
  (query ? e.q_row : e.k_row)[to] = row;
  if (row < 0) return;
  int origin = s.p.kv_offsets ? s.p.kv_offsets[w] : 0;
  if (query) {
    int x = row;
    if (s.p.q_positions)
      x = s.p.q_positions[row];
    else if (s.p.kv_offsets)
      x = s.p.kv_offsets[w + 1] - origin - (s.q_offsets[w + 1] - row);
    e.q_at[to] = (uint32_t)(origin + x); /* modulo 2^32: below 0 it reads nothing */
  } else {
    e.k_at[to] = s.p.kv_positions ? s.p.kv_positions[(int64_t)head * s.p.kv_position_stride + row] : row - origin;
  }
}

/* The first of entries first .. end - 1, sorted by `at`, that is above `bound` (or not below it). */
template <bool ABOVE, typename AT>
__device__ static int search(AT at, int first, int end, int bound) {
  while (first < end) {
    int middle = first + (end - first) / 2, x = at(middle);
    if (ABOVE ? x <= bound : x < bound)
      first = middle + 1;
    else
      end = middle;
  }
  return first;
}

__global__ static void span_entries(source s, sk_attend_entries e) {
  int at = blockIdx.x * THREADS + threadIdx.x, head = blockIdx.y, entry = at < e.queries ? at : at - e.queries;
  if (at >= e.queries + e.keys) return;
  bool query = at < e.queries;
  int64_t q = (int64_t)head * e.queries, k = (int64_t)head * e.keys;
  int2 *to = query ? e.q_span + q + entry : e.k_span + k + entry;
  *to = make_int2(0, 0);
  if ((query ? e.q_row[q + entry] : e.k_row[k + entry]) < 0) return;
  int w = sk_attend_window((query ? e.q_side : e.k_side).begin, s.p.windows, entry);
  int2 range = (query ? e.k_side : e.q_side).range(w, head);
  int origin = s.p.kv_offsets ? s.p.kv_offsets[w] : 0;
  if (query) {
    int x = (int)(e.q_at[q + entry] - (uint32_t)origin);
    range.y = search<true>([&](int i) { return e.k_at[k + i]; }, range.x, range.y, x);
  } else {
    int y = e.k_at[k + entry];
    range.x = search<false>([&](int i) { return (int)(e.q_at[q + i] - (uint32_t)origin); }, range.x, range.y, y);
  }
  *to = range;
}

template <typename T>
__device__ static T narrow(float x);
template <>
__device__ float narrow<float>(float x) {
  return x;
}
template <>
__device__ __nv_bfloat16 narrow<__nv_bfloat16>(float x) {
  return __float2bfloat16_rn(x);
}

/* Values of one kind: rows of x, `stride` apart, to (heads, entries, width). */
struct value_part {
  const float *x;
  int stride, entries;
  const int32_t *rows;
  void *to;
  bool aligned;
};
struct value_parts {
  value_part of[4];
};

/* Zero beyond dh; only entries are written. A thread writes four numbers; grid (entries, heads, parts). */
template <typename T>
__global__ static void gather(value_parts parts, int dh, int width) {
  const value_part &part = parts.of[blockIdx.z];
  int64_t i = (int64_t)blockIdx.x * THREADS + threadIdx.x;
  int fours = (width + 3) / 4, head = blockIdx.y;
  if (i >= (int64_t)part.entries * fours) return;
  int entry = (int)(i / fours), at = (int)(i % fours) * 4, row = part.rows[(int64_t)head * part.entries + entry];
  if (row < 0) return;
  float4 from = sk_load4(part.x + (int64_t)row * part.stride + head * dh, at, dh, part.aligned);
  T *out = (T *)part.to + ((int64_t)head * part.entries + entry) * width + at;
  alignas(16) T four[4] = {narrow<T>(from.x), narrow<T>(from.y), narrow<T>(from.z), narrow<T>(from.w)};
  if (width % 4 == 0) {
    if (sizeof(T) == 4)
      *(float4 *)out = *(float4 *)four;
    else
      *(uint2 *)out = *(uint2 *)four;
    return;
  }
  for (int c = 0; c < 4 && at + c < width; c++) out[c] = four[c];
}

/* lse and delta = dout . out of all queries: a warp each. In BF16 the dout that meets the values is rounded, and so is
 * this one: what cancels in dout . v - delta cancels. */
__global__ static void query_sums(source s, sk_attend_entries e, bool bf16) {
  int entry = blockIdx.x * (THREADS / (int)SK_WARP) + threadIdx.x / SK_WARP, head = blockIdx.y,
      lane = threadIdx.x % SK_WARP;
  if (entry >= e.queries) return;
  int64_t to = (int64_t)head * e.queries + entry;
  int row = e.q_row[to];
  float sum = 0.0f;
  if (row >= 0) {
    int64_t at = ((int64_t)row * s.p.heads + head) * s.p.dh;
    for (int i = lane; i < s.p.dh; i += SK_WARP) {
      float dout = s.dout[at + i];
      sum += (bf16 ? __bfloat162float(narrow<__nv_bfloat16>(dout)) : dout) * s.out[at + i];
    }
  }
  sum = sk_warp_sum(sum);
  if (lane > 0) return;
  float lse = row >= 0 ? s.lse[(int64_t)row * s.p.heads + head] : 0.0f;
  e.lse[to] = bf16 ? lse * 1.4426950408889634f : lse;
  e.delta[to] = sum;
}

/* n rows of `columns` at x, `stride` apart, become `value`. */
__global__ static void fill_rows(float *x, int64_t n, int columns, int64_t stride, float value) {
  int64_t i = (int64_t)blockIdx.x * THREADS + threadIdx.x;
  if (i < n * columns) x[i / columns * stride + i % columns] = value;
}

static void fill(sk_backend *be, float *x, int64_t n, int columns, int64_t stride, float value) {
  if (n * columns > 0)
    fill_rows<<<sk_cuda_blocks(n * columns, THREADS), THREADS, 0, sk_cuda_stream(be)>>>(x, n, columns, stride, value);
}

/* Hands out parts of the workspace, in all no more than sk_attend_gathered says. */
struct taker {
  char *base;
  size_t used;
  template <typename T>
  T *take(int64_t n) {
    T *at = (T *)(base + used);
    used = (used + (size_t)n * sizeof(T) + 15) / 16 * 16;
    return at;
  }
};

static void lay_out(const sk_attend_pairs *p, bool bf16, bool backward, char *base, sk_attend_entries *e) {
  taker t = {base, 0};
  int64_t q = (int64_t)p->heads * e->queries, k = (int64_t)p->heads * e->keys, size = bf16 ? 2 : 4;
  e->q_row = t.take<int32_t>(q), e->k_row = t.take<int32_t>(k);
  e->q_at = t.take<uint32_t>(q), e->k_at = t.take<int32_t>(k);
  e->q_span = t.take<int2>(q), e->k_span = t.take<int2>(k);
  e->q = t.take<char>(q * e->width * size);
  e->k = t.take<char>(k * e->width * size), e->v = t.take<char>(k * e->width * size);
  e->dout = backward ? t.take<char>(q * e->width * size) : NULL;
  e->lse = backward ? t.take<float>(q) : NULL, e->delta = backward ? t.take<float>(q) : NULL;
  bool shared = backward && !p->kv_offsets;
  e->dk = shared ? t.take<float>(k * p->dh) : NULL, e->dv = shared ? t.take<float>(k * p->dh) : NULL;
}

template <typename T>
static void gather_all(sk_backend *be, const source *s, const sk_attend_entries *e) {
  const sk_attend_pairs *p = &s->p;
  int fours = (e->width + 3) / 4, most = e->queries > e->keys ? e->queries : e->keys;
  value_parts parts = {{{s->q, s->q_stride, e->queries, e->q_row, e->q, false},
                        {s->k, s->kv_stride, e->keys, e->k_row, e->k, false},
                        {s->v, s->kv_stride, e->keys, e->k_row, e->v, false},
                        {s->dout, p->heads * p->dh, e->queries, e->q_row, e->dout, false}}};
  for (value_part &part : parts.of)
    part.aligned = part.stride % 4 == 0 && p->dh % 4 == 0 && (uintptr_t)part.x % 16 == 0;
  dim3 blocks(sk_cuda_blocks((int64_t)most * fours, THREADS), p->heads, e->dout ? 4 : 3);
  gather<T><<<blocks, THREADS, 0, sk_cuda_stream(be)>>>(parts, p->dh, e->width);
}

/* `shares`: floats behind the entries. */
static solid_status make(sk_backend *be, const source *s, bool bf16, bool backward, uint64_t shares,
                         sk_attend_entries *e) {
  const sk_attend_pairs *p = &s->p;
  *e = {};
  e->queries = (int)sk_attend_queries(p), e->keys = (int)sk_attend_keys(p);
  e->width = bf16 ? sk_attend_padded(p->dh) : p->dh;
  e->q_side = sk_attend_side_of(&p->active, s->q_offsets, p->windows);
  e->k_side = sk_attend_side_of(&p->kept, p->kv_offsets, p->windows);
  void *base = NULL;
  uint64_t bytes = sk_attend_gathered(p, bf16 ? SK_ATTEND_BF16 : SK_ATTEND_FP32, backward);
  solid_status status = sk_cuda_workspace(be, bytes + shares * sizeof(float), &base);
  if (status != SOLID_OK) return status;
  lay_out(p, bf16, backward, (char *)base, e);
  e->shares = shares > 0 ? (float *)((char *)base + bytes) : NULL;
  dim3 blocks(sk_cuda_blocks((int64_t)e->queries + e->keys, THREADS), p->heads);
  if (blocks.x == 0) return SOLID_OK;
  place_entries<<<blocks, THREADS, 0, sk_cuda_stream(be)>>>(*s, *e);
  span_entries<<<blocks, THREADS, 0, sk_cuda_stream(be)>>>(*s, *e);
  if (bf16)
    gather_all<__nv_bfloat16>(be, s, e);
  else
    gather_all<float>(be, s, e);
  if (backward && e->queries > 0) {
    dim3 warps(sk_cuda_blocks(e->queries, THREADS / (int)SK_WARP), p->heads);
    query_sums<<<warps, THREADS, 0, sk_cuda_stream(be)>>>(*s, *e, bf16);
  }
  return sk_cuda_launched(be, "attend's entries");
}

solid_status sk_cuda_attend_gather(sk_backend *be, const sk_attend_args *a, bool bf16, sk_attend_entries *out) {
  const sk_attend_pairs *p = &a->pairs;
  source s = {*p, sk_attend_q_offsets(p), a->q, a->k, a->v, NULL, NULL, NULL, a->q_stride, a->kv_stride};
  if (p->active.rows && !a->join) {
    fill(be, a->out, p->q_rows, p->heads * p->dh, p->heads * p->dh, 0.0f);
    if (a->lse) fill(be, a->lse, p->q_rows, p->heads, p->heads, -INFINITY);
  }
  return make(be, &s, bf16, false, 0, out);
}

solid_status sk_cuda_attend_gather_backward(sk_backend *be, const sk_attend_backward_args *a, bool bf16,
                                            sk_attend_entries *out) {
  const sk_attend_pairs *p = &a->pairs;
  int d = p->heads * p->dh;
  source s = {*p, sk_attend_q_offsets(p), a->q, a->k, a->v, a->out, a->dout, a->lse, a->q_stride, a->kv_stride};
  if (p->active.rows && !a->accumulate) fill(be, a->dq, p->q_rows, d, a->dq_stride, 0.0f);
  if (p->kept.rows && !a->accumulate) {
    fill(be, a->dk, p->kv_rows, d, a->dkv_stride, 0.0f);
    fill(be, a->dv, p->kv_rows, d, a->dkv_stride, 0.0f);
  }
  return make(be, &s, bf16, true, sk_attend_bias_parts(a), out);
}

/* A warp has a row and head. The windows that hold the row follow one another, from the first that ends no earlier: its
 * lanes look for it in 32 of them at a time, then add up what they found. */
__global__ static void spread(sk_attend_backward_args a, sk_attend_entries e) {
  int task = blockIdx.x * (THREADS / (int)SK_WARP) + threadIdx.x / SK_WARP, lane = threadIdx.x % SK_WARP;
  if (task >= a.pairs.kv_rows * a.pairs.heads) return;
  int row = task / a.pairs.heads, head = task % a.pairs.heads, dh = a.pairs.dh;
  const int32_t *rows = e.k_row + (int64_t)head * e.keys;
  float dk[SK_ATTEND_MAX_DH / SK_WARP] = {}, dv[SK_ATTEND_MAX_DH / SK_WARP] = {};
  int low = 0, high = a.pairs.windows;
  while (low < high) { /* windows before `low` end before the row */
    int middle = (low + high) / 2;
    if (rows[e.k_side.range(middle, head).y - 1] < row)
      low = middle + 1;
    else
      high = middle;
  }
  for (int from = low; from < a.pairs.windows; from += SK_WARP) {
    int found = -1;
    if (from + lane < a.pairs.windows) {
      int2 range = e.k_side.range(from + lane, head);
      if (range.x < range.y && rows[range.x] <= row && row <= rows[range.y - 1]) {
        int at = search<false>([&](int i) { return rows[i]; }, range.x, range.y, row);
        if (rows[at] == row) found = at;
      }
    }
    const unsigned all = __ballot_sync(0xffffffffu, found >= 0);
    for (unsigned some = all; some; some &= some - 1) {
      int64_t at = ((int64_t)head * e.keys + __shfl_sync(0xffffffffu, found, __ffs(some) - 1)) * dh;
#pragma unroll
      for (int c = 0; c < SK_ATTEND_MAX_DH / SK_WARP; c++)
        if (c * SK_WARP + lane < dh) {
          dk[c] += e.dk[at + c * SK_WARP + lane];
          dv[c] += e.dv[at + c * SK_WARP + lane];
        }
    }
    if (!(all >> (SK_WARP - 1))) break; /* it is dropped */
  }
#pragma unroll
  for (int c = 0; c < SK_ATTEND_MAX_DH / SK_WARP; c++)
    if (c * SK_WARP + lane < dh) {
      int64_t to = (int64_t)row * a.dkv_stride + head * dh + c * SK_WARP + lane;
      a.dk[to] = a.accumulate ? a.dk[to] + dk[c] : dk[c];
      a.dv[to] = a.accumulate ? a.dv[to] + dv[c] : dv[c];
    }
}

solid_status sk_cuda_attend_spread(sk_backend *be, const sk_attend_backward_args *a, const sk_attend_entries *e) {
  int64_t tasks = (int64_t)a->pairs.kv_rows * a->pairs.heads;
  if (!e->dk || tasks == 0) return SOLID_OK;
  spread<<<sk_cuda_blocks(tasks, THREADS / (int)SK_WARP), THREADS, 0, sk_cuda_stream(be)>>>(*a, *e);
  return sk_cuda_launched(be, "attend's shared keys");
}
