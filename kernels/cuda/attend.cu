/* One query a window: one warp per (window, head). Lanes share the keys in tiles of 32, keep the softmax online, then
 * share the dims of v. The backward pass has one warp per query for dq and one per key for dk and dv, both recomputing
 * p from lse: no float is added by two writers. A query every row: attend_rows.cu. */
#include "kernels/cuda/attend.cuh"

enum { WARPS = 4, MAX_CHUNKS = SK_ATTEND_MAX_DH / 32 };

__device__ static float dot(const float *x, const float *y, int dh) {
  float sum = 0.0f;
#pragma unroll 8
  for (int i = 0; i < dh; i++) sum += x[i] * y[i];
  return sum;
}

/* 1 / (1 - p), or 0 where the probability of key j (counted within its window) is dropped. */
__device__ static float keep(float p, uint64_t seed, int row, int head, int heads, int max_window, int j) {
  if (p == 0.0f) return 1.0f;
  return sk_uniform(seed, ((uint64_t)row * heads + head) * max_window + j) >= p ? 1.0f / (1.0f - p) : 0.0f;
}

__global__ static void forward(sk_attend_args a) {
  __shared__ float queries[WARPS][SK_ATTEND_MAX_DH];
  int task = blockIdx.x * WARPS + threadIdx.y, lane = threadIdx.x;
  if (task >= a.windows * a.heads) return;
  int place = task / a.heads, head = task % a.heads; /* place: window, and row of q and out */
  int first = a.offsets[place], row = a.offsets[place + 1] - 1;
  float *out = a.out + ((int64_t)place * a.heads + head) * a.dh, *query = queries[threadIdx.y];
  for (int i = lane; i < a.dh; i += SK_WARP) query[i] = a.q[(int64_t)place * a.q_stride + head * a.dh + i];
  __syncwarp();
  float scale = rsqrtf((float)a.dh), top = -INFINITY, total = 0.0f, sum[MAX_CHUNKS] = {0};
  for (int tile = first; tile <= row; tile += SK_WARP) {
    int j = tile + lane;
    const float *key = a.k + (int64_t)j * a.kv_stride + head * a.dh;
    float s = j <= row ? scale * dot(query, key, a.dh) : -INFINITY;
    float tile_top = fmaxf(top, sk_warp_max(s)), shrink = top == -INFINITY ? 0.0f : expf(top - tile_top);
    if (__any_sync(0xffffffffu, isnan(s))) tile_top = NAN;
    float p = j <= row ? expf(s - tile_top) : 0.0f;
    total = total * shrink + sk_warp_sum(p);
    top = tile_top;
    if (j <= row) p *= keep(a.p, a.seed, row, head, a.heads, a.max_window, j - first);
    int keys = min(SK_WARP, row - tile + 1);
#pragma unroll
    for (int c = 0; c < MAX_CHUNKS; c++) {
      if (c * SK_WARP >= a.dh) break;
      float part = sum[c] * shrink;
      int i = min(c * SK_WARP + lane, a.dh - 1);
      const float *value = a.v + (int64_t)tile * a.kv_stride + head * a.dh + i;
#pragma unroll 8
      for (int t = 0; t < keys; t++) part += __shfl_sync(0xffffffffu, p, t) * value[(int64_t)t * a.kv_stride];
      sum[c] = part;
    }
  }
#pragma unroll
  for (int c = 0; c < MAX_CHUNKS; c++)
    if (c * SK_WARP + lane < a.dh) out[c * SK_WARP + lane] = row < first ? 0.0f : sum[c] / total;
  if (lane == 0 && a.lse) a.lse[(int64_t)place * a.heads + head] = row < first ? -INFINITY : top + logf(total);
}

/* ds_ij of one pair; `grad` is p_ij after dropout. Query i is row i of q and `row` of its window's keys. */
struct pair {
  float grad, ds;
};

__device__ static pair pair_of(const sk_attend_backward_args &a, int head, int i, int row, int j, int first, float d_i,
                               float scale) {
  const float *q = a.q + (int64_t)i * a.q_stride + head * a.dh, *k = a.k + (int64_t)j * a.kv_stride + head * a.dh;
  const float *v = a.v + (int64_t)j * a.kv_stride + head * a.dh, *dout = a.dout + ((int64_t)i * a.heads + head) * a.dh;
  float p = expf(scale * dot(q, k, a.dh) - a.lse[(int64_t)i * a.heads + head]);
  float kept = keep(a.p, a.seed, row, head, a.heads, a.max_window, j - first);
  return {p * kept, p * (kept * dot(dout, v, a.dh) - d_i) * scale};
}

__device__ static float row_d(const sk_attend_backward_args &a, int head, int i) {
  int64_t at = ((int64_t)i * a.heads + head) * a.dh;
  return dot(a.dout + at, a.out + at, a.dh);
}

__global__ static void backward_query(sk_attend_backward_args a) {
  int task = blockIdx.x * WARPS + threadIdx.y, lane = threadIdx.x;
  if (task >= a.windows * a.heads) return;
  int i = task / a.heads, head = task % a.heads, first = a.offsets[i], row = a.offsets[i + 1] - 1;
  float scale = rsqrtf((float)a.dh), d_i = row_d(a, head, i), sum[MAX_CHUNKS] = {0};
  for (int tile = first; tile <= row; tile += SK_WARP) {
    float ds = tile + lane <= row ? pair_of(a, head, i, row, tile + lane, first, d_i, scale).ds : 0.0f;
    for (int t = 0; t < min(SK_WARP, row - tile + 1); t++) {
      float weight = __shfl_sync(0xffffffffu, ds, t);
#pragma unroll
      for (int c = 0; c < MAX_CHUNKS; c++)
        if (c * SK_WARP + lane < a.dh)
          sum[c] += weight * a.k[(int64_t)(tile + t) * a.kv_stride + head * a.dh + c * SK_WARP + lane];
    }
  }
#pragma unroll
  for (int c = 0; c < MAX_CHUNKS; c++)
    if (c * SK_WARP + lane < a.dh) a.dq[(int64_t)i * a.dq_stride + head * a.dh + c * SK_WARP + lane] = sum[c];
}

/* One query reads each key. */
__global__ static void backward_key(sk_attend_backward_args a) {
  int task = blockIdx.x * WARPS + threadIdx.y, lane = threadIdx.x;
  if (task >= a.rows * a.heads) return;
  int j = task / a.heads, head = task % a.heads, i = sk_attend_window(a.offsets, a.windows, j);
  const pair one = pair_of(a, head, i, a.offsets[i + 1] - 1, j, a.offsets[i], row_d(a, head, i), rsqrtf((float)a.dh));
  for (int x = lane; x < a.dh; x += SK_WARP) {
    int64_t to = (int64_t)j * a.dkv_stride + head * a.dh + x;
    a.dk[to] = one.ds * a.q[(int64_t)i * a.q_stride + head * a.dh + x];
    a.dv[to] = one.grad * a.dout[((int64_t)i * a.heads + head) * a.dh + x];
  }
}

solid_status sk_cuda_attend(sk_backend *be, const sk_attend_args *a) {
  if (a->dh > SK_ATTEND_MAX_DH)
    return sk_fail(be, SOLID_EUNSUPPORTED, "cuda attend: head width %d, at most %d", a->dh, SK_ATTEND_MAX_DH);
  int tasks = (a->newest_only ? a->windows : a->rows) * a->heads;
  if (tasks == 0) return SOLID_OK;
  if (!a->newest_only) return sk_cuda_attend_rows(be, a);
  forward<<<sk_cuda_blocks(tasks, WARPS), dim3(SK_WARP, WARPS), 0, sk_cuda_stream(be)>>>(*a);
  return sk_cuda_launched(be, "attend");
}

solid_status sk_cuda_attend_backward(sk_backend *be, const sk_attend_backward_args *a) {
  if (a->dh > SK_ATTEND_MAX_DH)
    return sk_fail(be, SOLID_EUNSUPPORTED, "cuda attend: head width %d, at most %d", a->dh, SK_ATTEND_MAX_DH);
  int queries = (a->newest_only ? a->windows : a->rows) * a->heads, keys = a->rows * a->heads;
  if (queries == 0) return SOLID_OK;
  if (!a->newest_only) return sk_cuda_attend_rows_backward(be, a);
  backward_query<<<sk_cuda_blocks(queries, WARPS), dim3(SK_WARP, WARPS), 0, sk_cuda_stream(be)>>>(*a);
  if (keys > 0) backward_key<<<sk_cuda_blocks(keys, WARPS), dim3(SK_WARP, WARPS), 0, sk_cuda_stream(be)>>>(*a);
  return sk_cuda_launched(be, "attend_backward");
}
