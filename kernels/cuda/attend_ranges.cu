/* One warp per (query, window, head), where they are many and keys few (attend_ranges_tiles.cu has the others): lanes
 * share the keys of a range in tiles of 32, keep the softmax online, then share the dims of v. The backward pass has
 * one warp per query for dq and one per key for dk and dv, both recomputing p from lse: no float is added by two
 * writers. */
#include "kernels/cuda/attend.cuh"

enum { WARPS = 4, MAX_CHUNKS = SK_ATTEND_MAX_DH / 32 };

__device__ static float dot(const float *x, const float *y, int dh) {
  float sum = 0.0f;
#pragma unroll 8
  for (int i = 0; i < dh; i++) sum += x[i] * y[i];
  return sum;
}

/* Which query, or key, of which window and head a warp has. */
struct task {
  int at, window, head, lane;
  int64_t row;

  __device__ task(int windows, int heads) {
    int64_t number = (int64_t)blockIdx.x * WARPS + threadIdx.y;
    lane = threadIdx.x;
    head = (int)(number % heads);
    row = number / heads;
    window = (int)(row % windows);
    at = (int)(row / windows);
  }
};

/* The softmax of a query so far, and its mean of values: dims c * 32 + lane. */
struct mean {
  float top, total, sum[MAX_CHUNKS];
};

/* Takes in the keys of one tile, `keys` of them from `first` on. */
__device__ static void take_tile(const sk_attend_ranges_args &a, const task &t, const float *query, int first, int keys,
                                 mean *m) {
  int64_t step = (int64_t)a.windows * a.kv_stride, from = (int64_t)first * step + (int64_t)t.window * a.kv_stride;
  const float *k = a.k + from + t.head * a.dh, *v = a.v + from + t.head * a.dh;
  float s = t.lane < keys ? rsqrtf((float)a.dh) * dot(query, k + t.lane * step, a.dh) : -INFINITY;
  float top = fmaxf(m->top, sk_warp_max(s)), shrink = m->top == -INFINITY ? 0.0f : expf(m->top - top);
  if (__any_sync(0xffffffffu, isnan(s))) top = NAN;
  float p = t.lane < keys ? expf(s - top) : 0.0f;
  m->total = m->total * shrink + sk_warp_sum(p);
  m->top = top;
#pragma unroll
  for (int c = 0; c < MAX_CHUNKS; c++) {
    if (c * SK_WARP >= a.dh) break;
    float part = m->sum[c] * shrink;
    const float *value = v + min(c * SK_WARP + t.lane, a.dh - 1);
    for (int j = 0; j < keys; j++) part += __shfl_sync(0xffffffffu, p, j) * value[j * step];
    m->sum[c] = part;
  }
}

__global__ static void forward(sk_attend_ranges_args a) {
  __shared__ float queries[WARPS][SK_ATTEND_MAX_DH];
  const task t(a.windows, a.heads);
  if (t.at >= a.queries) return;
  float *query = queries[threadIdx.y], *out = a.out + (t.row * a.heads + t.head) * a.dh;
  for (int i = t.lane; i < a.dh; i += SK_WARP) query[i] = a.q[t.row * a.q_stride + t.head * a.dh + i];
  __syncwarp();
  mean m = {-INFINITY, 0.0f, {0}};
  for (int r = a.offsets[t.at]; r < a.offsets[t.at + 1]; r++)
    for (int first = a.ranges[2 * r], end = a.ranges[2 * r + 1]; first < end; first += SK_WARP)
      take_tile(a, t, query, first, min(SK_WARP, end - first), &m);
#pragma unroll
  for (int c = 0; c < MAX_CHUNKS; c++)
    if (c * SK_WARP + t.lane < a.dh) out[c * SK_WARP + t.lane] = m.total == 0.0f ? 0.0f : m.sum[c] / m.total;
  if (t.lane == 0 && a.lse) a.lse[t.row * a.heads + t.head] = m.total == 0.0f ? -INFINITY : m.top + logf(m.total);
}

/* p and ds of query i with key j, both of one window and head. */
struct pair {
  float p, ds;
};

__device__ static pair pair_of(const sk_attend_ranges_backward_args &a, const task &t, int i, int j) {
  int64_t row = (int64_t)i * a.windows + t.window, key = (int64_t)j * a.windows + t.window;
  int64_t at = (row * a.heads + t.head) * a.dh, kv = key * a.kv_stride + t.head * a.dh;
  float d_i = dot(a.dout + at, a.out + at, a.dh), scale = rsqrtf((float)a.dh);
  float s = scale * dot(a.q + row * a.q_stride + t.head * a.dh, a.k + kv, a.dh);
  float p = expf(s - a.lse[row * a.heads + t.head]);
  return {p, p * (dot(a.dout + at, a.v + kv, a.dh) - d_i) * scale};
}

__global__ static void backward_query(sk_attend_ranges_backward_args a) {
  const task t(a.windows, a.heads);
  if (t.at >= a.queries) return;
  float sum[MAX_CHUNKS] = {0};
  for (int r = a.offsets[t.at]; r < a.offsets[t.at + 1]; r++)
    for (int first = a.ranges[2 * r], end = a.ranges[2 * r + 1]; first < end; first += SK_WARP) {
      float ds = first + t.lane < end ? pair_of(a, t, t.at, first + t.lane).ds : 0.0f;
      for (int j = 0; j < min(SK_WARP, end - first); j++) {
        float weight = __shfl_sync(0xffffffffu, ds, j);
        const float *k = a.k + ((int64_t)(first + j) * a.windows + t.window) * a.kv_stride + t.head * a.dh;
#pragma unroll
        for (int c = 0; c < MAX_CHUNKS; c++)
          if (c * SK_WARP + t.lane < a.dh) sum[c] += weight * k[c * SK_WARP + t.lane];
      }
    }
#pragma unroll
  for (int c = 0; c < MAX_CHUNKS; c++)
    if (c * SK_WARP + t.lane < a.dh) a.dq[t.row * a.dq_stride + t.head * a.dh + c * SK_WARP + t.lane] = sum[c];
}

__device__ static bool reads(const sk_attend_ranges_backward_args &a, int i, int j) {
  for (int r = a.offsets[i]; r < a.offsets[i + 1]; r++)
    if (j >= a.ranges[2 * r] && j < a.ranges[2 * r + 1]) return true;
  return false;
}

__global__ static void backward_key(sk_attend_ranges_backward_args a) {
  const task t(a.windows, a.heads);
  if (t.at >= a.keys) return;
  float dk[MAX_CHUNKS] = {0}, dv[MAX_CHUNKS] = {0};
  for (int first = 0; first < a.queries; first += SK_WARP) {
    int i = first + t.lane;
    pair mine = i < a.queries && reads(a, i, t.at) ? pair_of(a, t, i, t.at) : pair{0.0f, 0.0f};
    for (int q = 0; q < min(SK_WARP, a.queries - first); q++) {
      float p = __shfl_sync(0xffffffffu, mine.p, q), ds = __shfl_sync(0xffffffffu, mine.ds, q);
      if (p == 0.0f && ds == 0.0f) continue;
      int64_t row = (int64_t)(first + q) * a.windows + t.window;
#pragma unroll
      for (int c = 0; c < MAX_CHUNKS; c++) {
        int x = c * SK_WARP + t.lane;
        if (x >= a.dh) continue;
        dk[c] += ds * a.q[row * a.q_stride + t.head * a.dh + x];
        dv[c] += p * a.dout[(row * a.heads + t.head) * a.dh + x];
      }
    }
  }
#pragma unroll
  for (int c = 0; c < MAX_CHUNKS; c++) {
    int64_t to = t.row * a.dkv_stride + t.head * a.dh + c * SK_WARP + t.lane;
    if (c * SK_WARP + t.lane < a.dh) a.dk[to] = dk[c], a.dv[to] = dv[c];
  }
}

static unsigned blocks(int rows, int windows, int heads) {
  return sk_cuda_blocks((int64_t)rows * windows * heads, WARPS);
}

solid_status sk_cuda_attend_ranges(sk_backend *be, const sk_attend_ranges_args *a) {
  if (a->dh > SK_ATTEND_MAX_DH)
    return sk_fail(be, SOLID_EUNSUPPORTED, "cuda attend_ranges: head width %d, at most %d", a->dh, SK_ATTEND_MAX_DH);
  if (a->windows <= 0 || a->queries <= 0) return SOLID_OK;
  if (sk_cuda_attend_ranges_is_tiled(a)) return sk_cuda_attend_ranges_tiles(be, a);
  forward<<<blocks(a->queries, a->windows, a->heads), dim3(SK_WARP, WARPS), 0, sk_cuda_stream(be)>>>(*a);
  return sk_cuda_launched(be, "attend_ranges");
}

solid_status sk_cuda_attend_ranges_backward(sk_backend *be, const sk_attend_ranges_backward_args *a) {
  if (a->dh > SK_ATTEND_MAX_DH)
    return sk_fail(be, SOLID_EUNSUPPORTED, "cuda attend_ranges: head width %d, at most %d", a->dh, SK_ATTEND_MAX_DH);
  if (a->windows <= 0 || a->keys <= 0) return SOLID_OK;
  if (a->queries > 0)
    backward_query<<<blocks(a->queries, a->windows, a->heads), dim3(SK_WARP, WARPS), 0, sk_cuda_stream(be)>>>(*a);
  backward_key<<<blocks(a->keys, a->windows, a->heads), dim3(SK_WARP, WARPS), 0, sk_cuda_stream(be)>>>(*a);
  return sk_cuda_launched(be, "attend_ranges_backward");
}
