/* attend_ranges where queries are few or keys are many, as while a grid is decoded: a block has a tile of QUERIES
 * queries of one window and head, its warps take tiles of keys in turn, and within a warp groups of LANES threads a
 * key. Every group has a softmax of its own so far; they meet in registers, the warps' in shared memory, always in the
 * same order. */
#include "kernels/cuda/attend.cuh"

enum { WARPS = 8, LANES = 8, GROUPS = SK_WARP / LANES, FEW = 512, MANY = 64 };

/* Where a query is among its ranges; keys are asked for in rising order. */
struct cursor {
  int at, end, first_key, end_key;

  __device__ void open(const sk_attend_ranges_args &a, int query) {
    at = a.offsets[query], end = a.offsets[query + 1];
    first_key = at < end ? a.ranges[2 * at] : INT_MAX, end_key = at < end ? a.ranges[2 * at + 1] : INT_MAX;
  }

  __device__ bool reads(const sk_attend_ranges_args &a, int key) {
    while (key >= end_key) {
      at++;
      first_key = at < end ? a.ranges[2 * at] : INT_MAX, end_key = at < end ? a.ranges[2 * at + 1] : INT_MAX;
    }
    return key >= first_key;
  }
};

/* Dims (c LANES + lane) 4 .. of a row, a lane's share. */
template <int CHUNKS>
__device__ static __forceinline__ void load_row(const float *row, int dh, bool aligned, float4 *x) {
#pragma unroll
  for (int c = 0; c < CHUNKS; c++) x[c] = sk_load4(row, (c * LANES + threadIdx.x % LANES) * 4, dh, aligned);
}

template <int CHUNKS>
__device__ static __forceinline__ float dot(const float4 *x, const float4 *y) {
  float sum = 0.0f;
#pragma unroll
  for (int c = 0; c < CHUNKS; c++) sum += x[c].x * y[c].x + x[c].y * y[c].y + x[c].z * y[c].z + x[c].w * y[c].w;
  return sum;
}

template <int CHUNKS>
struct mean {
  float top, total;
  float4 sum[CHUNKS];

  __device__ void add(float p, const float4 *v) {
    total += p;
#pragma unroll
    for (int c = 0; c < CHUNKS; c++)
      sum[c].x += p * v[c].x, sum[c].y += p * v[c].y, sum[c].z += p * v[c].z, sum[c].w += p * v[c].w;
  }

  __device__ void rise(float to) {
    float shrink = top == -INFINITY ? 0.0f : expf(top - to);
    top = to, total *= shrink;
#pragma unroll
    for (int c = 0; c < CHUNKS; c++) sum[c].x *= shrink, sum[c].y *= shrink, sum[c].z *= shrink, sum[c].w *= shrink;
  }

  __device__ void join_groups() {
    float most = top;
    for (int step = LANES; step < SK_WARP; step *= 2) most = fmaxf(most, __shfl_xor_sync(0xffffffffu, most, step));
    rise(most);
    for (int step = LANES; step < SK_WARP; step *= 2) {
      total += __shfl_xor_sync(0xffffffffu, total, step);
#pragma unroll
      for (int c = 0; c < CHUNKS; c++) {
        sum[c].x += __shfl_xor_sync(0xffffffffu, sum[c].x, step);
        sum[c].y += __shfl_xor_sync(0xffffffffu, sum[c].y, step);
        sum[c].z += __shfl_xor_sync(0xffffffffu, sum[c].z, step);
        sum[c].w += __shfl_xor_sync(0xffffffffu, sum[c].w, step);
      }
    }
  }
};

/* What a block has. */
struct tile {
  int first, queries, window, head, keys; /* keys: no query reads one beyond */
};

/* One warp's keys. */
template <int CHUNKS, int QUERIES, int AT_ONCE>
__device__ static __forceinline__ void take_keys(const sk_attend_ranges_args &a, const tile &t, bool aligned,
                                                 mean<CHUNKS> *m) {
  int group = threadIdx.x / LANES;
  float scale = rsqrtf((float)a.dh);
  int64_t stride = (int64_t)a.windows * a.kv_stride, from = (int64_t)t.window * a.kv_stride + t.head * a.dh;
  float4 query[QUERIES][CHUNKS];
  cursor cursors[QUERIES];
#pragma unroll
  for (int i = 0; i < QUERIES; i++) {
    int at = min(t.first + i, t.first + t.queries - 1);
    cursors[i].open(a, at);
    load_row<CHUNKS>(a.q + ((int64_t)at * a.windows + t.window) * a.q_stride + t.head * a.dh, a.dh, aligned, query[i]);
  }
  for (int key0 = (int)threadIdx.y * GROUPS * AT_ONCE; key0 < t.keys; key0 += WARPS * GROUPS * AT_ONCE) {
    float score[AT_ONCE][QUERIES];
    bool read[AT_ONCE];
#pragma unroll
    for (int u = 0; u < AT_ONCE; u++) {
      int key = key0 + u * GROUPS + group;
      float4 k[CHUNKS] = {};
      read[u] = false;
#pragma unroll
      for (int i = 0; i < QUERIES; i++) {
        bool mine = key < t.keys && cursors[i].reads(a, key);
        score[u][i] = mine ? 0.0f : -INFINITY;
        read[u] = read[u] || mine;
      }
      if (read[u]) load_row<CHUNKS>(a.k + from + key * stride, a.dh, aligned, k);
#pragma unroll
      for (int i = 0; i < QUERIES; i++) {
        float sum = dot<CHUNKS>(query[i], k);
#pragma unroll
        for (int step = LANES / 2; step > 0; step /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, step);
        if (score[u][i] == 0.0f) score[u][i] = scale * sum;
      }
    }
    float4 v[AT_ONCE][CHUNKS] = {};
#pragma unroll
    for (int u = 0; u < AT_ONCE; u++)
      if (read[u]) load_row<CHUNKS>(a.v + from + (key0 + u * GROUPS + group) * stride, a.dh, aligned, v[u]);
#pragma unroll
    for (int i = 0; i < QUERIES; i++) {
      float most = m[i].top;
#pragma unroll
      for (int u = 0; u < AT_ONCE; u++) most = fmaxf(most, score[u][i]);
      m[i].rise(most);
#pragma unroll
      for (int u = 0; u < AT_ONCE; u++)
        if (score[u][i] != -INFINITY) m[i].add(expf(score[u][i] - most), v[u]);
    }
  }
}

template <int CHUNKS, int QUERIES, int AT_ONCE>
__global__ static void __launch_bounds__(WARPS *SK_WARP) forward(sk_attend_ranges_args a, bool aligned) {
  __shared__ float parts[WARPS][QUERIES][CHUNKS * LANES * 4 + 2];
  int tiles = (a.queries + QUERIES - 1) / QUERIES, lane = threadIdx.x % LANES;
  tile t;
  t.first = (int)(blockIdx.x % tiles) * QUERIES, t.queries = min(QUERIES, a.queries - t.first);
  t.head = (int)(blockIdx.x / tiles % a.heads), t.window = (int)(blockIdx.x / tiles / a.heads), t.keys = 0;
  for (int i = 0; i < t.queries; i++) {
    int last = a.offsets[t.first + i + 1];
    if (last > a.offsets[t.first + i]) t.keys = max(t.keys, a.ranges[2 * last - 1]);
  }
  mean<CHUNKS> m[QUERIES];
#pragma unroll
  for (int i = 0; i < QUERIES; i++) m[i] = {-INFINITY, 0.0f, {}};
  take_keys<CHUNKS, QUERIES, AT_ONCE>(a, t, aligned, m);
#pragma unroll
  for (int i = 0; i < QUERIES; i++) {
    m[i].join_groups();
    float *to = parts[threadIdx.y][i];
    if (threadIdx.x == 0) to[0] = m[i].top, to[1] = m[i].total;
#pragma unroll
    for (int c = 0; c < CHUNKS; c++)
      if (threadIdx.x < LANES) {
        float *four = to + 2 + (c * LANES + lane) * 4;
        four[0] = m[i].sum[c].x, four[1] = m[i].sum[c].y, four[2] = m[i].sum[c].z, four[3] = m[i].sum[c].w;
      }
  }
  __syncthreads();
  for (int x = (int)(threadIdx.y * SK_WARP + threadIdx.x); x < t.queries * a.dh; x += WARPS * SK_WARP) {
    int i = x / a.dh, j = x % a.dh;
    float top = -INFINITY, total = 0.0f, sum = 0.0f;
    for (int w = 0; w < WARPS; w++) top = fmaxf(top, parts[w][i][0]);
    for (int w = 0; w < WARPS; w++) {
      float shrink = parts[w][i][0] == -INFINITY ? 0.0f : expf(parts[w][i][0] - top);
      total += shrink * parts[w][i][1], sum += shrink * parts[w][i][2 + j];
    }
    int64_t row = ((int64_t)(t.first + i) * a.windows + t.window) * a.heads + t.head;
    a.out[row * a.dh + j] = total == 0.0f ? 0.0f : sum / total;
    if (j == 0 && a.lse) a.lse[row] = total == 0.0f ? -INFINITY : top + logf(total);
  }
}

bool sk_cuda_attend_ranges_is_tiled(const sk_attend_ranges_args *a) {
  return a->keys >= MANY || (int64_t)a->queries * a->windows * a->heads <= FEW;
}

template <int CHUNKS, int QUERIES, int AT_ONCE>
static void run(sk_backend *be, const sk_attend_ranges_args *a) {
  bool aligned = a->dh % 4 == 0 && a->q_stride % 4 == 0 && a->kv_stride % 4 == 0 && (uintptr_t)a->q % 16 == 0 &&
                 (uintptr_t)a->k % 16 == 0 && (uintptr_t)a->v % 16 == 0;
  unsigned blocks = sk_cuda_blocks(a->queries, QUERIES) * (unsigned)a->windows * (unsigned)a->heads;
  forward<CHUNKS, QUERIES, AT_ONCE><<<blocks, dim3(SK_WARP, WARPS), 0, sk_cuda_stream(be)>>>(*a, aligned);
}

solid_status sk_cuda_attend_ranges_tiles(sk_backend *be, const sk_attend_ranges_args *a) {
  bool one = a->queries == 1;
  if (a->dh <= 64)
    one ? run<2, 1, 4>(be, a) : run<2, 4, 2>(be, a);
  else
    run<8, 1, 1>(be, a);
  return sk_cuda_launched(be, "attend_ranges");
}
