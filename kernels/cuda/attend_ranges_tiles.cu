/* attend_ranges where queries are few or keys are many, as while a grid is decoded: a block has a tile of QUERIES
 * queries of one window and head, its warps take tiles of keys in turn, and within a warp groups of LANES threads a
 * key. Every group has a softmax of its own so far; they meet in registers, the warps' in shared memory, always in the
 * same order. */
#include "kernels/cuda/attend.cuh"

enum { LANES = 8, GROUPS = SK_WARP / LANES, WARPS = 8, FEW = 512, MANY = 64 };

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
  int first, queries, window, head, key, end; /* of the keys */
};

/* One warp's keys. */
template <int CHUNKS, int QUERIES, int AT_ONCE, int warps>
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
  for (int key0 = t.key + (int)threadIdx.y * GROUPS * AT_ONCE; key0 < t.end; key0 += warps * GROUPS * AT_ONCE) {
    float score[AT_ONCE][QUERIES];
    bool read[AT_ONCE];
#pragma unroll
    for (int u = 0; u < AT_ONCE; u++) {
      int key = key0 + u * GROUPS + group;
      float4 k[CHUNKS] = {};
      read[u] = false;
#pragma unroll
      for (int i = 0; i < QUERIES; i++) {
        bool mine = key < t.end && cursors[i].reads(a, key);
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

/* A softmax of a query and head that is done: `sum` of dim j. */
__device__ static void finish(const sk_attend_ranges_args &a, int64_t row, int j, float top, float total, float sum) {
  a.out[row * a.dh + j] = total == 0.0f ? 0.0f : sum / total;
  if (j == 0 && a.lse) a.lse[row] = total == 0.0f ? -INFINITY : top + logf(total);
}

/* The parts of one query and head, `stride` apart, each a top, a total and the sums: dim j of them together. */
struct joined {
  float top = -INFINITY, total = 0.0f, sum = 0.0f;

  __device__ joined(const float *parts, int n, int stride, int j) {
    for (int k = 0; k < n; k++) top = fmaxf(top, parts[k * stride]);
    for (int k = 0; k < n; k++) {
      const float *part = parts + k * stride;
      float shrink = part[0] == -INFINITY ? 0.0f : expf(part[0] - top);
      total += shrink * part[1], sum += shrink * part[2 + j];
    }
  }
};

/* shared_out (rows, heads, shares, dh + 2): where there are shares, of each what it has. */
template <int CHUNKS, int QUERIES, int AT_ONCE, int warps>
__global__ static void __launch_bounds__(warps *SK_WARP)
    forward(sk_attend_ranges_args a, bool aligned, int shares, float *share_out) {
  constexpr int SIZE = CHUNKS * LANES * 4 + 2;
  __shared__ float parts[QUERIES][warps][SIZE];
  int tiles = (a.queries + QUERIES - 1) / QUERIES, lane = threadIdx.x % LANES, last_key = 0;
  tile t;
  t.first = (int)(blockIdx.x % tiles) * QUERIES, t.queries = min(QUERIES, a.queries - t.first);
  t.head = (int)(blockIdx.x / tiles % a.heads), t.window = (int)(blockIdx.x / tiles / a.heads);
  for (int i = 0; i < t.queries; i++) {
    int last = a.offsets[t.first + i + 1];
    if (last > a.offsets[t.first + i]) last_key = max(last_key, a.ranges[2 * last - 1]);
  }
  int each = (last_key + shares - 1) / shares;
  t.key = (int)blockIdx.y * each, t.end = min(t.key + each, last_key);
  mean<CHUNKS> m[QUERIES];
#pragma unroll
  for (int i = 0; i < QUERIES; i++) m[i] = {-INFINITY, 0.0f, {}};
  take_keys<CHUNKS, QUERIES, AT_ONCE, warps>(a, t, aligned, m);
#pragma unroll
  for (int i = 0; i < QUERIES; i++) {
    m[i].join_groups();
    float *to = parts[i][threadIdx.y];
    if (threadIdx.x == 0) to[0] = m[i].top, to[1] = m[i].total;
#pragma unroll
    for (int c = 0; c < CHUNKS; c++)
      if (threadIdx.x < LANES) {
        float *four = to + 2 + (c * LANES + lane) * 4;
        four[0] = m[i].sum[c].x, four[1] = m[i].sum[c].y, four[2] = m[i].sum[c].z, four[3] = m[i].sum[c].w;
      }
  }
  __syncthreads();
  for (int x = (int)(threadIdx.y * SK_WARP + threadIdx.x); x < t.queries * a.dh; x += warps * SK_WARP) {
    int i = x / a.dh, j = x % a.dh;
    const joined all(parts[i][0], warps, SIZE, j);
    int64_t row = ((int64_t)(t.first + i) * a.windows + t.window) * a.heads + t.head;
    if (shares == 1) {
      finish(a, row, j, all.top, all.total, all.sum);
      continue;
    }
    float *to = share_out + (row * shares + blockIdx.y) * (a.dh + 2);
    if (j == 0) to[0] = all.top, to[1] = all.total;
    to[2 + j] = all.sum;
  }
}

/* A block a row and head. */
__global__ static void join(sk_attend_ranges_args a, int shares, const float *share_out) {
  int64_t row = blockIdx.x;
  for (int j = threadIdx.x; j < a.dh; j += blockDim.x) {
    const joined all(share_out + row * shares * (a.dh + 2), shares, a.dh + 2, j);
    finish(a, row, j, all.top, all.total, all.sum);
  }
}

bool sk_cuda_attend_ranges_is_tiled(const sk_attend_ranges_args *a) {
  return a->keys >= MANY || (int64_t)a->queries * a->windows * a->heads <= FEW;
}

template <int CHUNKS, int QUERIES, int AT_ONCE>
static solid_status run(sk_backend *be, const sk_attend_ranges_args *a) {
  bool aligned = a->dh % 4 == 0 && a->q_stride % 4 == 0 && a->kv_stride % 4 == 0 && (uintptr_t)a->q % 16 == 0 &&
                 (uintptr_t)a->k % 16 == 0 && (uintptr_t)a->v % 16 == 0;
  uint64_t tiles = sk_pieces((uint64_t)a->queries, QUERIES) * (uint64_t)a->windows * (uint64_t)a->heads;
  cudaStream_t stream = sk_cuda_stream(be);
  if (tiles >= SK_RANGES_TILES) {
    forward<CHUNKS, QUERIES, AT_ONCE, 1><<<(unsigned)tiles, dim3(SK_WARP, 1), 0, stream>>>(*a, aligned, 1, NULL);
    return sk_cuda_launched(be, "attend_ranges");
  }
  int shares = sk_attend_ranges_shares(a);
  void *parts = NULL;
  solid_status status = sk_cuda_workspace(be, sk_attend_ranges_scratch(a), &parts);
  if (status != SOLID_OK) return status;
  forward<CHUNKS, QUERIES, AT_ONCE, WARPS>
      <<<dim3((unsigned)tiles, (unsigned)shares), dim3(SK_WARP, WARPS), 0, stream>>>(*a, aligned, shares,
                                                                                     (float *)parts);
  if (shares > 1)
    join<<<(unsigned)(a->queries * a->windows * a->heads), SK_WARP * 2, 0, stream>>>(*a, shares, (const float *)parts);
  return sk_cuda_launched(be, "attend_ranges");
}

solid_status sk_cuda_attend_ranges_tiles(sk_backend *be, const sk_attend_ranges_args *a) {
  if (a->dh > 64) return run<8, 1, 1>(be, a);
  return a->queries == 1 ? run<2, 1, 4>(be, a) : run<2, 4, 2>(be, a);
}
