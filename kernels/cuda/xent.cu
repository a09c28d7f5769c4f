/* Tiles of rows x items whose logits fit the workspace. One tile of items holds the whole catalogue where it can; else
 * a first pass keeps the log-sum-exp online and a second computes the logits again. */
#include "kernels/cuda/cuda.cuh"

enum { THREADS = 256, TILE_FLOATS = 1 << 26, MIN_ROWS = 256, MAX_ROWS = 65535 };

struct running { /* log-sum-exp of a row so far, and what the loss needs */
  float top, total, target, sum;
};

__device__ static float block_reduce(float x, bool maximum, float *lanes) {
  x = maximum ? sk_warp_max(x) : sk_warp_sum(x);
  __syncthreads();
  if (threadIdx.x % SK_WARP == 0) lanes[threadIdx.x / SK_WARP] = x;
  __syncthreads();
  x = lanes[0];
  for (int warp = 1; warp < THREADS / SK_WARP; warp++) x = maximum ? fmaxf(x, lanes[warp]) : x + lanes[warp];
  return x;
}

/* One block per row of the tile. */
__global__ static void scan(sk_xent_args a, int row0, int first, int items, const float *s, running *state) {
  __shared__ float lanes[THREADS / SK_WARP];
  const float *row = s + (int64_t)blockIdx.x * items;
  running mine = first == 0 ? running{-INFINITY, 0.0f, 0.0f, 0.0f} : state[blockIdx.x];
  int target = a.target[row0 + blockIdx.x];
  if (target < 0) return;
  float top = -INFINITY, total = 0.0f, sum = 0.0f;
  int bad = 0;
  for (int v = threadIdx.x; v < items; v += THREADS) {
    top = fmaxf(top, row[v]);
    bad |= isnan(row[v]);
  }
  top = fmaxf(block_reduce(top, true, lanes), mine.top);
  if (__syncthreads_or(bad)) top = NAN;
  for (int v = threadIdx.x; v < items; v += THREADS) {
    total += expf(row[v] - top);
    sum += row[v];
  }
  total = block_reduce(total, false, lanes);
  sum = block_reduce(sum, false, lanes);
  if (threadIdx.x > 0) return;
  mine.total = total + (mine.top == -INFINITY ? 0.0f : mine.total * expf(mine.top - top));
  mine.top = top;
  mine.sum += sum;
  if (target >= first && target < first + items) mine.target = row[target - first];
  state[blockIdx.x] = mine;
  if (first + items == a.items)
    a.loss[row0 + blockIdx.x] =
        mine.top + logf(mine.total) - (1.0f - a.smoothing) * mine.target - a.smoothing * mine.sum / a.items;
}

/* A tile's rows of u, zero where the target is negative: such a row may hold anything. */
__global__ static void take_rows(sk_xent_args a, int row0, float *u) {
  int64_t row = row0 + blockIdx.x;
  for (int i = threadIdx.x; i < a.d; i += THREADS)
    u[(int64_t)blockIdx.x * a.d + i] = a.target[row] < 0 ? 0.0f : a.u[row * a.d + i];
}

/* Logits to gradients, in place. */
__global__ static void gradient(sk_xent_args a, int row0, int first, int items, const running *state, float *s) {
  int64_t v = (int64_t)blockIdx.x * THREADS + threadIdx.x;
  if (v >= items) return;
  int target = a.target[row0 + blockIdx.y];
  float *at = s + (int64_t)blockIdx.y * items + v;
  if (target < 0) {
    *at = 0.0f;
    return;
  }
  running r = state[blockIdx.y];
  *at = a.weight *
        (expf(*at - r.top) / r.total - (target == first + v ? 1.0f - a.smoothing : 0.0f) - a.smoothing / a.items);
}

__global__ static void clear_ignored(sk_xent_args a) {
  int row = blockIdx.x * THREADS + threadIdx.x;
  if (row < a.n && a.target[row] < 0) a.loss[row] = 0.0f;
}

static solid_status tile(sk_backend *be, const sk_xent_args *a, int rows, int first, int items, const float *u,
                         float *s) {
  return sk_cuda_product(be, false, true, rows, items, a->d, u, a->d, a->e + (int64_t)first * a->d, a->d, 0.0f, s,
                         items);
}

/* du and de of one tile from its gradients g (rows, items). */
static solid_status collect(sk_backend *be, const sk_xent_args *a, int row0, int rows, int first, int items,
                            const float *u, const float *g) {
  solid_status status = SOLID_OK;
  if (a->du)
    status = sk_cuda_product(be, false, false, rows, a->d, items, g, items, a->e + (int64_t)first * a->d, a->d,
                             first > 0 ? 1.0f : 0.0f, a->du + (int64_t)row0 * a->d, a->d);
  if (status == SOLID_OK && a->de)
    status = sk_cuda_product(be, true, false, items, a->d, rows, g, items, u, a->d, 1.0f, a->de + (int64_t)first * a->d,
                             a->d);
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
  take_rows<<<rows, THREADS, 0, stream>>>(*a, row0, m->u);
  for (int first = 0; first < a->items; first += m->per_tile) {
    int items = a->items - first < m->per_tile ? a->items - first : m->per_tile;
    if ((status = tile(be, a, rows, first, items, m->u, m->s)) != SOLID_OK) return status;
    scan<<<rows, THREADS, 0, stream>>>(*a, row0, first, items, m->s, m->state);
  }
  for (int first = 0; (a->du || a->de) && first < a->items; first += m->per_tile) {
    int items = a->items - first < m->per_tile ? a->items - first : m->per_tile;
    if (m->per_tile < a->items) status = tile(be, a, rows, first, items, m->u, m->s);
    if (status != SOLID_OK) return status;
    gradient<<<dim3(sk_cuda_blocks(items, THREADS), rows), THREADS, 0, stream>>>(*a, row0, first, items, m->state,
                                                                                 m->s);
    if ((status = collect(be, a, row0, rows, first, items, m->u, m->s)) != SOLID_OK) return status;
  }
  return sk_cuda_launched(be, "xent");
}

solid_status sk_cuda_xent(sk_backend *be, const sk_xent_args *a) {
  if (a->n == 0 || a->items == 0) return SOLID_OK;
  int rows = TILE_FLOATS / a->items < MIN_ROWS ? MIN_ROWS : TILE_FLOATS / a->items;
  if (rows > a->n) rows = a->n;
  if (rows > MAX_ROWS) rows = MAX_ROWS;
  int items = TILE_FLOATS / rows < a->items ? TILE_FLOATS / rows : a->items;
  void *base = NULL;
  size_t floats = (size_t)rows * ((size_t)items + a->d);
  solid_status status = sk_cuda_workspace(be, (floats + 4) * sizeof(float) + (size_t)rows * sizeof(running), &base);
  if (status != SOLID_OK) return status;
  float *s = (float *)base;
  const memory m = {s, s + (size_t)rows * items, (running *)(s + (floats + 3) / 4 * 4), items};
  clear_ignored<<<sk_cuda_blocks(a->n, THREADS), THREADS, 0, sk_cuda_stream(be)>>>(*a);
  for (int row0 = 0; row0 < a->n && status == SOLID_OK; row0 += rows)
    status = rows_of_tile(be, a, row0, a->n - row0 < rows ? a->n - row0 : rows, &m);
  return status;
}
