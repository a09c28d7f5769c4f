/* linear of narrow layers and many rows, whose products are over before cuBLAS has joined its splits: a block keeps w
 * in shared memory and walks its rows in tiles. The backward pass makes dx and the block's share of dw and db from one
 * reading of dy; a second launch adds up the shares in the order of the blocks. */
#include "kernels/cuda/cuda.cuh"

enum {
  THREADS = 128,
  ROWS = 32,        /* a tile */
  BLOCKS = 480,     /* wanted: three to four a multiprocessor of a large card */
  WIDEST = THREADS, /* a thread sums a column of dy */
  PRODUCT = 4096,   /* most floats of w, padded: two tiles of 4 x 4 a thread, and shared memory of every card */
  GAP = 4           /* floats behind a row: rows begin in other banks */
};

/* floats of a row in shared memory */
__host__ __device__ static int pitch(int width) {
  return (width + 3) / 4 * 4 + GAP;
}

/* Rows first .. first + count of an array of width d; zero beyond `end` and between d and the next multiple of 4. */
__device__ static void load(const float *from, int first, int count, int end, int d, bool aligned, float *to) {
  int quads = (d + 3) / 4;
#pragma unroll 4
  for (int i = threadIdx.x; i < count * quads; i += THREADS) {
    int row = i / quads, at = i % quads * 4;
    float4 x = first + row < end ? sk_load4(from + (int64_t)(first + row) * d, at, d, aligned) : float4{};
    *(float4 *)(to + row * pitch(d) + at) = x;
  }
}

__device__ static void store(float4 x, int at, int d, bool aligned, bool accumulate, float *to) {
  if (aligned) {
    float4 *four = (float4 *)(to + at);
    if (accumulate) {
      const float4 old = *four;
      x.x += old.x, x.y += old.y, x.z += old.z, x.w += old.w;
    }
    *four = x;
    return;
  }
  const float each[4] = {x.x, x.y, x.z, x.w};
#pragma unroll
  for (int k = 0; k < 4; k++)
    if (at + k < d) to[at + k] = accumulate ? to[at + k] + each[k] : each[k];
}

__device__ static void add_scaled(float4 *sum, float scale, const float4 &x) {
  sum->x += scale * x.x, sum->y += scale * x.y, sum->z += scale * x.z, sum->w += scale * x.w;
}

/* c = a b (+ bias, + c) for rows first .. of a tile a (ROWS, terms) with b (terms, d), both in shared memory; a thread
 * has two rows of four columns. */
__device__ static void multiply(const float *a, int terms, const float *b, int d, const float *bias, int first, int end,
                                bool aligned, bool accumulate, float *c) {
  int quads = (d + 3) / 4, a_pitch = pitch(terms), b_pitch = pitch(d);
  for (int i = threadIdx.x; i < ROWS / 2 * quads; i += THREADS) {
    int row = i / quads * 2, at = i % quads * 4;
    const float *a0 = a + row * a_pitch, *a1 = a0 + a_pitch;
    float4 sum[2] = {};
#pragma unroll 2
    for (int k = 0; k < terms; k += 4) {
      const float4 x = *(const float4 *)(a0 + k), y = *(const float4 *)(a1 + k);
      const float xs[4] = {x.x, x.y, x.z, x.w}, ys[4] = {y.x, y.y, y.z, y.w};
#pragma unroll
      for (int j = 0; j < 4; j++) {
        const float4 w = *(const float4 *)(b + (k + j) * b_pitch + at);
        add_scaled(&sum[0], xs[j], w);
        add_scaled(&sum[1], ys[j], w);
      }
    }
    float4 plus = bias ? sk_load4(bias, at, d, false) : float4{};
#pragma unroll
    for (int r = 0; r < 2; r++) {
      if (first + row + r >= end) break;
      add_scaled(&sum[r], 1.0f, plus);
      store(sum[r], at, d, aligned, accumulate, c + (int64_t)(first + row + r) * d);
    }
  }
}

__global__ static void __launch_bounds__(THREADS) forward(sk_linear_args a, int rows, bool aligned_x, bool aligned_y) {
  extern __shared__ float4 memory[];
  float *w = (float *)memory, *x = w + (a.in + 3) / 4 * 4 * pitch(a.out);
  int end = min(a.n, (int)(blockIdx.x + 1) * rows);
  for (int i = threadIdx.x; i < (a.in + 3) / 4 * 4 * pitch(a.out); i += THREADS) {
    int o = i % pitch(a.out), k = i / pitch(a.out);
    w[i] = o < a.out && k < a.in ? a.w[o * a.in + k] : 0.0f; /* from the cache: transposed on the way */
  }
  for (int first = blockIdx.x * rows; first < end; first += ROWS) {
    __syncthreads();
    load(a.x, first, ROWS, end, a.in, aligned_x, x);
    __syncthreads();
    multiply(x, a.in, w, a.out, a.b, first, end, aligned_y, a.accumulate != 0, a.y);
  }
}

/* The block's dw (out, in) from its tiles: a thread has one or two tiles of 4 x 4 of it; of a small dw, half of the
 * threads take the odd rows. */
struct share {
  float4 sum[2][4];
  int quads, tiles, halves, id, odd;

  __device__ share(int in, int out) : sum{} {
    quads = (in + 3) / 4, tiles = (out + 3) / 4 * quads, halves = tiles <= THREADS / 2 ? 2 : 1;
    id = threadIdx.x % (THREADS / halves), odd = threadIdx.x / (THREADS / halves);
  }

  __device__ void add(const float *x, int x_pitch, const float *dy, int dy_pitch) {
#pragma unroll
    for (int t = 0; t < 2; t++) {
      int tile = id + t * THREADS;
      if (tile >= tiles) break;
      const float *xs = x + tile % quads * 4, *ys = dy + tile / quads * 4;
#pragma unroll 4
      for (int row = odd; row < ROWS; row += halves) {
        const float4 a = *(const float4 *)(xs + row * x_pitch), b = *(const float4 *)(ys + row * dy_pitch);
        add_scaled(&sum[t][0], b.x, a), add_scaled(&sum[t][1], b.y, a);
        add_scaled(&sum[t][2], b.z, a), add_scaled(&sum[t][3], b.w, a);
      }
    }
  }

  /* `space`: shared memory for the odd rows' sums */
  __device__ void write(int in, int out, bool aligned, float4 *space, float *to) {
    __syncthreads();
    if (odd && id < tiles)
      for (int k = 0; k < 4; k++) space[id * 4 + k] = sum[0][k];
    __syncthreads();
    if (odd) return;
#pragma unroll
    for (int t = 0; t < 2; t++) {
      int tile = id + t * THREADS;
      if (tile >= tiles) break;
#pragma unroll
      for (int k = 0; k < 4; k++) {
        int o = tile / quads * 4 + k;
        if (o >= out) break;
        if (halves == 2) add_scaled(&sum[t][k], 1.0f, space[id * 4 + k]);
        store(sum[t][k], tile % quads * 4, in, aligned, false, to + o * in);
      }
    }
  }
};

/* partial (blocks, out in + out): the block's dw, then db; NULL where neither is asked for. */
__global__ static void __launch_bounds__(THREADS) backward(sk_linear_backward_args a, int rows, bool aligned_in,
                                                           bool aligned_out, bool aligned_partial, float *partial) {
  extern __shared__ float4 memory[];
  float *w = (float *)memory, *x = w + (a.out + 3) / 4 * 4 * pitch(a.in), *dy = x + ROWS * pitch(a.in), db = 0.0f;
  int end = min(a.n, (int)(blockIdx.x + 1) * rows), mine = threadIdx.x;
  share dw(a.in, a.out);
  if (a.dx) load(a.w, 0, (a.out + 3) / 4 * 4, a.out, a.in, aligned_in, w);
  for (int first = blockIdx.x * rows; first < end; first += ROWS) {
    __syncthreads();
    if (partial && a.dw) load(a.x, first, ROWS, end, a.in, aligned_in, x);
    load(a.dy, first, ROWS, end, a.out, aligned_out, dy);
    __syncthreads();
    if (partial && a.dw) dw.add(x, pitch(a.in), dy, pitch(a.out));
    if (partial && mine < a.out)
      for (int row = 0; row < ROWS; row++) db += dy[row * pitch(a.out) + mine];
    if (a.dx) multiply(dy, a.out, w, a.in, NULL, first, end, aligned_in, a.accumulate_dx != 0, a.dx);
  }
  if (!partial) return;
  partial += (int64_t)blockIdx.x * (a.out * a.in + a.out);
  dw.write(a.in, a.out, aligned_partial, memory, partial);
  if (mine < a.out) partial[a.out * a.in + mine] = db;
}

bool sk_cuda_linear_is_narrow(int n, int in, int out) {
  return n > 1 && in <= WIDEST && out <= WIDEST && (in + 3) / 4 * 4 * ((out + 3) / 4 * 4) <= PRODUCT;
}

/* Rows of a block, in whole tiles. */
static int rows_of_block(int n) {
  return (int)sk_cuda_blocks(sk_cuda_blocks(n, BLOCKS), ROWS) * ROWS;
}

static bool aligned(const float *x, int d) { /* or absent */
  return x == NULL || sk_rows_aligned(x, d);
}

solid_status sk_cuda_linear_narrow(sk_backend *be, const sk_linear_args *a) {
  int rows = rows_of_block(a->n);
  size_t floats = (size_t)((a->in + 3) / 4 * 4) * pitch(a->out) + (size_t)ROWS * pitch(a->in);
  forward<<<sk_cuda_blocks(a->n, rows), THREADS, floats * sizeof(float), sk_cuda_stream(be)>>>(
      *a, rows, aligned(a->x, a->in), aligned(a->y, a->out));
  return sk_cuda_launched(be, "linear");
}

size_t sk_cuda_linear_narrow_bytes(const sk_linear_backward_args *a) {
  return (size_t)sk_cuda_blocks(a->n, rows_of_block(a->n)) * a->out * (a->in + 1) * sizeof(float);
}

solid_status sk_cuda_linear_backward_narrow(sk_backend *be, const sk_linear_backward_args *a, float *partial) {
  int rows = rows_of_block(a->n), columns = a->out * a->in + a->out;
  unsigned blocks = sk_cuda_blocks(a->n, rows);
  size_t floats = (size_t)((a->out + 3) / 4 * 4 + ROWS) * pitch(a->in) + (size_t)ROWS * pitch(a->out);
  bool sums = a->dw || a->db, aligned_in = aligned(a->x, a->in) && aligned(a->w, a->in) && aligned(a->dx, a->in);
  backward<<<blocks, THREADS, floats * sizeof(float), sk_cuda_stream(be)>>>(
      *a, rows, aligned_in, aligned(a->dy, a->out), a->in % 4 == 0 && columns % 4 == 0, sums ? partial : NULL);
  solid_status status = sk_cuda_launched(be, "linear_backward");
  if (status != SOLID_OK || !sums) return status;
  return sk_cuda_join_sums(be, (int)blocks, columns, partial, a->out * a->in, a->dw, a->db);
}
