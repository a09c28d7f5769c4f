/* Chooses the kernels of a call, and has those of one query per window: one warp per (window, head). Lanes share the
 * keys in tiles of 32, keep the softmax online, then share the dims of v. The backward pass has one warp per query for
 * dq and one per key for dk and dv, both recomputing p from lse: no float is added by two writers. */
#include "kernels/cuda/attend.cuh"

enum { WARPS = 4, MAX_CHUNKS = SK_ATTEND_MAX_DH / 32 };

__device__ static float dot(const float *x, const float *y, int dh) {
  float sum = 0.0f;
#pragma unroll 8
  for (int i = 0; i < dh; i++) sum += x[i] * y[i];
  return sum;
}

/* 1 / (1 - p), or 0 where the probability of key j (counted within its window) is dropped for the query at `row`. */
__device__ static float keep(float p, uint64_t seed, int row, int head, int heads, uint64_t span, int j) {
  if (p == 0.0f) return 1.0f;
  return sk_uniform(seed, ((uint64_t)row * heads + head) * span + j) >= p ? 1.0f / (1.0f - p) : 0.0f;
}

__global__ static void forward(sk_attend_args a, const int32_t *asks, uint64_t span) {
  const sk_attend_pairs &of = a.pairs;
  __shared__ float queries[WARPS][SK_ATTEND_MAX_DH];
  int task = blockIdx.x * WARPS + threadIdx.y, lane = threadIdx.x;
  if (task >= of.windows * of.heads) return;
  int window = task / of.heads, head = task % of.heads, place = asks[window]; /* of q and out */
  if (place == asks[window + 1]) return;
  int first = of.kv_offsets[window], row = of.kv_offsets[window + 1] - 1, dh = of.dh;
  float *out = a.out + ((int64_t)place * of.heads + head) * dh, *query = queries[threadIdx.y];
  for (int i = lane; i < dh; i += SK_WARP) query[i] = a.q[(int64_t)place * a.q_stride + head * dh + i];
  __syncwarp();
  float scale = rsqrtf((float)dh), top = -INFINITY, total = 0.0f, sum[MAX_CHUNKS] = {0};
  for (int tile = first; tile <= row; tile += SK_WARP) {
    int j = tile + lane;
    const float *key = a.k + (int64_t)j * a.kv_stride + head * dh;
    float s = j <= row ? scale * dot(query, key, dh) : -INFINITY;
    if (a.bias && j <= row) s += a.bias[head * SK_ATTEND_BUCKETS + sk_attend_bucket(row - j)];
    float tile_top = fmaxf(top, sk_warp_max(s)), shrink = top == -INFINITY ? 0.0f : expf(top - tile_top);
    if (__any_sync(0xffffffffu, isnan(s))) tile_top = NAN;
    float p = j <= row ? expf(s - tile_top) : 0.0f;
    total = total * shrink + sk_warp_sum(p);
    top = tile_top;
    if (j <= row) p *= keep(a.p, a.seed, row, head, of.heads, span, j - first);
    int keys = min(SK_WARP, row - tile + 1);
#pragma unroll
    for (int c = 0; c < MAX_CHUNKS; c++) {
      if (c * SK_WARP >= dh) break;
      float part = sum[c] * shrink;
      int i = min(c * SK_WARP + lane, dh - 1);
      const float *value = a.v + (int64_t)tile * a.kv_stride + head * dh + i;
#pragma unroll 8
      for (int t = 0; t < keys; t++) part += __shfl_sync(0xffffffffu, p, t) * value[(int64_t)t * a.kv_stride];
      sum[c] = part;
    }
  }
#pragma unroll
  for (int c = 0; c < MAX_CHUNKS; c++)
    if (c * SK_WARP + lane < dh) out[c * SK_WARP + lane] = row < first ? 0.0f : sum[c] / total;
  if (lane == 0 && a.lse) a.lse[(int64_t)place * of.heads + head] = row < first ? -INFINITY : top + logf(total);
}

/* ds_ij of one pair; `grad` is p_ij after dropout. Query i is row i of q and `row` of its window's keys. */
struct pair {
  float grad, ds;
};

__device__ static pair pair_of(const sk_attend_backward_args &a, uint64_t span, int head, int i, int row, int j,
                               int first, float d_i, float scale) {
  int dh = a.pairs.dh, heads = a.pairs.heads;
  const float *q = a.q + (int64_t)i * a.q_stride + head * dh, *k = a.k + (int64_t)j * a.kv_stride + head * dh;
  const float *v = a.v + (int64_t)j * a.kv_stride + head * dh, *dout = a.dout + ((int64_t)i * heads + head) * dh;
  float p = expf(scale * dot(q, k, dh) - a.lse[(int64_t)i * heads + head]);
  float kept = keep(a.p, a.seed, row, head, heads, span, j - first);
  return {p * kept, p * (kept * dot(dout, v, dh) - d_i) * scale};
}

__device__ static float row_d(const sk_attend_backward_args &a, int head, int i) {
  int64_t at = ((int64_t)i * a.pairs.heads + head) * a.pairs.dh;
  return dot(a.dout + at, a.out + at, a.pairs.dh);
}

__global__ static void backward_query(sk_attend_backward_args a, const int32_t *asks, uint64_t span) {
  const sk_attend_pairs &of = a.pairs;
  int task = blockIdx.x * WARPS + threadIdx.y, lane = threadIdx.x, dh = of.dh;
  if (task >= of.windows * of.heads) return;
  int window = task / of.heads, head = task % of.heads, i = asks[window];
  if (i == asks[window + 1]) return;
  int first = of.kv_offsets[window], row = of.kv_offsets[window + 1] - 1;
  float scale = rsqrtf((float)dh), d_i = row_d(a, head, i), sum[MAX_CHUNKS] = {0};
  for (int tile = first; tile <= row; tile += SK_WARP) {
    float ds = tile + lane <= row ? pair_of(a, span, head, i, row, tile + lane, first, d_i, scale).ds : 0.0f;
    for (int t = 0; t < min(SK_WARP, row - tile + 1); t++) {
      float weight = __shfl_sync(0xffffffffu, ds, t);
#pragma unroll
      for (int c = 0; c < MAX_CHUNKS; c++)
        if (c * SK_WARP + lane < dh)
          sum[c] += weight * a.k[(int64_t)(tile + t) * a.kv_stride + head * dh + c * SK_WARP + lane];
    }
  }
#pragma unroll
  for (int c = 0; c < MAX_CHUNKS; c++)
    if (c * SK_WARP + lane < dh) a.dq[(int64_t)i * a.dq_stride + head * dh + c * SK_WARP + lane] = sum[c];
}

/* At most one query reads each key. */
__global__ static void backward_key(sk_attend_backward_args a, const int32_t *asks, uint64_t span) {
  const sk_attend_pairs &of = a.pairs;
  int task = blockIdx.x * WARPS + threadIdx.y, lane = threadIdx.x, dh = of.dh;
  if (task >= of.kv_rows * of.heads) return;
  int j = task / of.heads, head = task % of.heads, w = sk_attend_window(of.kv_offsets, of.windows, j), i = asks[w];
  if (j >= of.kv_offsets[of.windows]) return;
  bool asked = i < asks[w + 1];
  pair one = {};
  if (asked)
    one =
        pair_of(a, span, head, i, of.kv_offsets[w + 1] - 1, j, of.kv_offsets[w], row_d(a, head, i), rsqrtf((float)dh));
  for (int x = lane; x < dh; x += SK_WARP) {
    int64_t to = (int64_t)j * a.dkv_stride + head * dh + x;
    a.dk[to] = asked ? one.ds * a.q[(int64_t)i * a.q_stride + head * dh + x] : 0.0f;
    a.dv[to] = asked ? one.grad * a.dout[((int64_t)i * of.heads + head) * dh + x] : 0.0f;
  }
}

/* OK if the device and the width support it. */
static solid_status check(sk_backend *be, const sk_attend_pairs *p, int precision, const float *bias) {
  if (p->dh > SK_ATTEND_MAX_DH)
    return sk_fail(be, SOLID_EUNSUPPORTED, "cuda attend: head width %d, at most %d", p->dh, SK_ATTEND_MAX_DH);
  if (precision == SK_ATTEND_FP32) return SOLID_OK;
  if (p->dh > SK_ATTEND_MAX_TENSOR_DH)
    return sk_fail(be, SOLID_EUNSUPPORTED, "cuda attend: head width %d, in BF16 at most %d; use more heads, or FP32",
                   p->dh, SK_ATTEND_MAX_TENSOR_DH);
  if (bias) return sk_fail(be, SOLID_EUNSUPPORTED, "cuda attend: BF16 has no bias by distance; use FP32");
  if (!((sk_cuda *)be)->bf16)
    return sk_fail(be, SOLID_EUNSUPPORTED, "cuda attend: BF16 needs a card of sm_80 or later; use FP32");
  return SOLID_OK;
}

solid_status sk_cuda_attend(sk_backend *be, const sk_attend_args *a) {
  const sk_attend_pairs *p = &a->pairs;
  bool bf16 = a->precision == SK_ATTEND_BF16, plain = sk_attend_is_plain(p);
  solid_status status = check(be, p, a->precision, a->bias);
  if (status != SOLID_OK || p->q_rows == 0) return status;
  if (plain && !bf16 && !a->join && p->max_queries == 1) {
    forward<<<sk_cuda_blocks((int64_t)p->windows * p->heads, WARPS), dim3(SK_WARP, WARPS), 0, sk_cuda_stream(be)>>>(
        *a, sk_attend_q_offsets(p), (uint64_t)sk_attend_span(a->span, p));
    return sk_cuda_launched(be, "attend");
  }
  if (plain && !bf16) return sk_cuda_attend_rows(be, a, NULL);
  sk_attend_entries entries;
  status = sk_cuda_attend_gather(be, a, bf16, &entries);
  if (status != SOLID_OK) return status;
  return bf16 ? sk_cuda_attend_tensor(be, a, &entries) : sk_cuda_attend_rows(be, a, &entries);
}

static solid_status backward_of_one(sk_backend *be, const sk_attend_backward_args *a) {
  const sk_attend_pairs *p = &a->pairs;
  const int32_t *asks = sk_attend_q_offsets(p);
  uint64_t span = (uint64_t)sk_attend_span(a->span, p);
  int queries = p->windows * p->heads, keys = p->kv_rows * p->heads;
  dim3 threads(SK_WARP, WARPS);
  if (queries == 0) return SOLID_OK;
  backward_query<<<sk_cuda_blocks(queries, WARPS), threads, 0, sk_cuda_stream(be)>>>(*a, asks, span);
  if (keys > 0) backward_key<<<sk_cuda_blocks(keys, WARPS), threads, 0, sk_cuda_stream(be)>>>(*a, asks, span);
  return sk_cuda_launched(be, "attend_backward");
}

solid_status sk_cuda_attend_backward(sk_backend *be, const sk_attend_backward_args *a) {
  const sk_attend_pairs *p = &a->pairs;
  bool bf16 = a->precision == SK_ATTEND_BF16, plain = sk_attend_is_plain(p);
  solid_status status = check(be, p, a->precision, a->bias);
  if (status != SOLID_OK || (p->q_rows == 0 && p->kv_rows == 0)) return status;
  if (plain && !bf16 && !a->accumulate && !a->bias && p->max_queries == 1) return backward_of_one(be, a);
  if (plain && !bf16) return sk_cuda_attend_rows_backward(be, a, NULL);
  sk_attend_entries entries;
  status = sk_cuda_attend_gather_backward(be, a, bf16, &entries);
  if (status == SOLID_OK && bf16) {
    status = sk_cuda_attend_tensor_query(be, a, &entries);
    if (status == SOLID_OK) status = sk_cuda_attend_tensor_key(be, a, &entries);
  } else if (status == SOLID_OK) {
    status = sk_cuda_attend_rows_backward(be, a, &entries);
  }
  return status == SOLID_OK ? sk_cuda_attend_spread(be, a, &entries) : status;
}
