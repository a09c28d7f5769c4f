/* Tiles of rows x items whose logits fit the workspace, each row of them padded to whole float4s. Where one tile of
 * items holds the whole catalogue, a block reads its row once for loss and sums and once more, from cache, to turn
 * logits into gradients. Else a first pass over the tiles keeps the log-sum-exp and a second computes the logits again.
 */
#include "kernels/cuda/cuda.cuh"

enum { THREADS = 256 };

struct running { /* log-sum-exp of a row so far, and what the loss needs */
  float top, total, target, sum;
};

/* Adds logits to a sum of exp(s - top) whose top may rise. A NaN in any of them stays in `total`. */
__device__ static void take(float4 x, running *r) {
  float top = fmaxf(fmaxf(x.x, x.y), fmaxf(x.z, x.w));
  if (top > r->top) {
    r->total *= expf(r->top - top); /* from -infinity: 0 */
    r->top = top;
  }
  float base = r->top == -INFINITY ? 0.0f : r->top;
  r->total += (expf(x.x - base) + expf(x.y - base)) + (expf(x.z - base) + expf(x.w - base));
}

__device__ static void merge(running *r, float top, float total, float sum) {
  float both = fmaxf(r->top, top);
  if (both > -INFINITY) {
    r->total = r->total * expf(r->top - both) + total * expf(top - both);
    r->top = both;
  } else {
    r->total += total;
  }
  r->sum += sum;
}

/* Every thread's part of a row together, the same in every thread. */
__device__ static running block_total(running r) {
  __shared__ running warps[THREADS / SK_WARP];
  for (int step = SK_WARP / 2; step > 0; step /= 2)
    merge(&r, __shfl_xor_sync(0xffffffffu, r.top, step), __shfl_xor_sync(0xffffffffu, r.total, step),
          __shfl_xor_sync(0xffffffffu, r.sum, step));
  if (threadIdx.x % SK_WARP == 0) warps[threadIdx.x / SK_WARP] = r;
  __syncthreads();
  r = warps[0];
  for (int warp = 1; warp < THREADS / SK_WARP; warp++) merge(&r, warps[warp].top, warps[warp].total, warps[warp].sum);
  return r;
}

/* o of items v .. v + 3. */
__device__ static float4 offsets(const sk_xent_args &a, int v) {
  return a.offset ? sk_load4(a.offset, v, a.items, (uintptr_t)a.offset % 16 == 0 && v % 4 == 0) : float4{};
}

__device__ static float4 plus(float4 x, float4 y) {
  return {x.x + y.x, x.y + y.y, x.z + y.z, x.w + y.w};
}

/* sum of exp(o) s, of what smoothing takes. */
__device__ static float weighed(const sk_xent_args &a, float4 s, float4 o) {
  if (!a.offset) return (s.x + s.y) + (s.z + s.w);
  if (a.smoothing == 0.0f) return 0.0f;
  return (expf(o.x) * s.x + expf(o.y) * s.y) + (expf(o.z) * s.z + expf(o.w) * s.w);
}

/* x = s + o */
__device__ static float4 gradient_of(const sk_xent_args &a, float4 x, float4 o, const running &r) {
  float scale = a.weight / r.total, smooth = a.weight * a.smoothing / a.whole;
  float4 part = {smooth, smooth, smooth, smooth};
  if (a.offset && smooth != 0.0f)
    part = {smooth * expf(o.x), smooth * expf(o.y), smooth * expf(o.z), smooth * expf(o.w)};
  return {scale * expf(x.x - r.top) - part.x, scale * expf(x.y - r.top) - part.y, scale * expf(x.z - r.top) - part.z,
          scale * expf(x.w - r.top) - part.w};
}

/* One block per row of the tile; `stride` floats from row to row of s. With `whole`, the tile holds all items and
 * logits become gradients in place. */
__global__ static void __launch_bounds__(THREADS)
    scan(sk_xent_args a, int row0, int first, int items, int stride, bool whole, float *s, running *state) {
  float *row = s + (int64_t)blockIdx.x * stride;
  int target = a.target[row0 + blockIdx.x] - first;
  bool skipped = target + first < 0;
  if (skipped && whole)
    for (int v = threadIdx.x; v < stride / 4; v += THREADS) ((float4 *)row)[v] = {};
  if (skipped) return;
  running mine = {-INFINITY, 0.0f, 0.0f, 0.0f};
#pragma unroll 4
  for (int v = threadIdx.x; v < items / 4; v += THREADS) {
    float4 x = ((const float4 *)row)[v], o = offsets(a, first + 4 * v);
    take(plus(x, o), &mine);
    mine.sum += weighed(a, x, o);
  }
  int left = items / 4 * 4 + threadIdx.x;
  if (left < items) {
    float o = a.offset ? a.offset[first + left] : 0.0f;
    take({row[left] + o, -INFINITY, -INFINITY, -INFINITY}, &mine);
    mine.sum += weighed(a, {row[left], 0.0f, 0.0f, 0.0f}, {o, 0.0f, 0.0f, 0.0f});
  }
  float s_target = target >= 0 && target < items ? row[target] : 0.0f;
  running all = block_total(mine);
  if (!whole && first > 0) {
    const running before = state[blockIdx.x];
    merge(&all, before.top, before.total, before.sum);
    s_target += before.target; /* of one tile, 0 from the others */
  }
  all.target = s_target;
  __syncthreads(); /* everyone has read state and target */
  if (threadIdx.x == 0) {
    state[blockIdx.x] = all;
    if (first + items == a.items)
      a.loss[row0 + blockIdx.x] =
          all.top + logf(all.total) - (1.0f - a.smoothing) * s_target - a.smoothing * all.sum / a.whole;
  }
  if (!whole) return;
  for (int v = threadIdx.x; v < stride / 4; v += THREADS) {
    float4 o = offsets(a, 4 * v), g = gradient_of(a, plus(((const float4 *)row)[v], o), o, all);
    float held = a.weight * (1.0f - a.smoothing);
    if (target / 4 == v) (target % 4 == 0 ? g.x : target % 4 == 1 ? g.y : target % 4 == 2 ? g.z : g.w) -= held;
    ((float4 *)row)[v] = g;
  }
}

/* A tile's rows of u, zero where the target is negative: such a row may hold anything. */
__global__ static void take_rows(sk_xent_args a, int row0, float *u) {
  int64_t row = row0 + blockIdx.x;
  for (int i = threadIdx.x; i < a.d; i += THREADS)
    u[(int64_t)blockIdx.x * a.d + i] = a.target[row] < 0 ? 0.0f : a.u[row * a.d + i];
}

/* Logits to gradients, in place, of one tile of items. */
__global__ static void gradient(sk_xent_args a, int row0, int first, int stride, const running *state, float *s) {
  int v = blockIdx.x * THREADS + threadIdx.x;
  if (v >= stride / 4) return;
  int target = a.target[row0 + blockIdx.y] - first;
  float4 *at = (float4 *)(s + (int64_t)blockIdx.y * stride) + v, g = {};
  if (target + first >= 0) {
    float4 o = offsets(a, first + 4 * v);
    g = gradient_of(a, plus(*at, o), o, state[blockIdx.y]);
    float held = a.weight * (1.0f - a.smoothing);
    if (target >= 0 && target / 4 == v)
      (target % 4 == 0 ? g.x : target % 4 == 1 ? g.y : target % 4 == 2 ? g.z : g.w) -= held;
  }
  *at = g;
}

__global__ static void clear_ignored(sk_xent_args a) {
  int row = blockIdx.x * THREADS + threadIdx.x;
  if (row < a.n && a.target[row] < 0) a.loss[row] = 0.0f;
}

static int padded(int items) {
  return (items + 3) / 4 * 4;
}

static solid_status tile(sk_backend *be, const sk_xent_args *a, int rows, int first, int items, const float *u,
                         float *s) {
  return sk_cuda_product(be, false, true, rows, items, a->d, u, a->d, a->e + (int64_t)first * a->d, a->d, 0.0f, s,
                         padded(items));
}

/* du and de of one tile from its gradients g (rows, items). */
static solid_status collect(sk_backend *be, const sk_xent_args *a, int row0, int rows, int first, int items,
                            const float *u, const float *g) {
  solid_status status = SOLID_OK;
  if (a->du)
    status = sk_cuda_product(be, false, false, rows, a->d, items, g, padded(items), a->e + (int64_t)first * a->d, a->d,
                             first > 0 ? 1.0f : 0.0f, a->du + (int64_t)row0 * a->d, a->d);
  if (status == SOLID_OK && a->de)
    status = sk_cuda_product(be, true, false, items, a->d, rows, g, padded(items), u, a->d, 1.0f,
                             a->de + (int64_t)first * a->d, a->d);
  return status;
}

typedef struct memory { /* of one tile of rows, in the workspace */
  float *s, *u;
  running *state;
  int per_tile; /* items */
} memory;

static solid_status rows_of_tile(sk_backend *be, const sk_xent_args *a, int row0, int rows, const memory *m) {
  cudaStream_t stream = sk_cuda_stream(be);
  solid_status status = SOLID_OK;
  bool backward = a->du || a->de, whole = backward && m->per_tile >= a->items;
  take_rows<<<rows, THREADS, 0, stream>>>(*a, row0, m->u);
  for (int first = 0; first < a->items; first += m->per_tile) {
    int items = a->items - first < m->per_tile ? a->items - first : m->per_tile;
    if ((status = tile(be, a, rows, first, items, m->u, m->s)) != SOLID_OK) return status;
    scan<<<rows, THREADS, 0, stream>>>(*a, row0, first, items, padded(items), whole, m->s, m->state);
  }
  if (whole) status = collect(be, a, row0, rows, 0, a->items, m->u, m->s);
  for (int first = 0; backward && !whole && first < a->items && status == SOLID_OK; first += m->per_tile) {
    int items = a->items - first < m->per_tile ? a->items - first : m->per_tile, stride = padded(items);
    if ((status = tile(be, a, rows, first, items, m->u, m->s)) != SOLID_OK) return status;
    gradient<<<dim3(sk_cuda_blocks(stride / 4, THREADS), rows), THREADS, 0, stream>>>(*a, row0, first, stride, m->state,
                                                                                      m->s);
    status = collect(be, a, row0, rows, first, items, m->u, m->s);
  }
  return status == SOLID_OK ? sk_cuda_launched(be, "xent") : status;
}

solid_status sk_cuda_xent(sk_backend *be, const sk_xent_args *args) {
  if (args->n == 0 || args->items == 0) return SOLID_OK;
  const sk_xent_tile tile = sk_xent_tile_of(args);
  sk_xent_args of_whole = *args, *a = &of_whole;
  if (!a->offset) a->whole = a->items;
  static_assert(sizeof(running) == 16, "as sk_xent_tile says");
  void *memory_of_tile = NULL;
  solid_status status = sk_cuda_workspace(be, sk_xent_scratch(a), &memory_of_tile);
  if (status != SOLID_OK) return status;
  char *base = (char *)memory_of_tile;
  const memory m = {(float *)base, (float *)(base + tile.users), (running *)(base + tile.state), tile.items};
  clear_ignored<<<sk_cuda_blocks(a->n, THREADS), THREADS, 0, sk_cuda_stream(be)>>>(*a);
  for (int row0 = 0; row0 < a->n && status == SOLID_OK; row0 += tile.rows)
    status = rows_of_tile(be, a, row0, a->n - row0 < tile.rows ? a->n - row0 : tile.rows, &m);
  return status;
}
