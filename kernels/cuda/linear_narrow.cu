/* linear of narrow layers and many rows, for which cuBLAS spends longer joining its splits than multiplying: a block
 * keeps w in shared memory and walks its rows in tiles. The backward pass makes dx and the block's share of dw and db
 * from one reading of dy; a second launch adds up the shares in the order of the blocks. The generator's, of narrow
 * inputs and many outputs, has a block for each chunk of outputs as well, and shares of dx. */
#include "kernels/cuda/cuda.cuh"

enum {
  THREADS = SK_NARROW_WIDEST,
  ROWS = SK_NARROW_ROWS, /* a tile */
  GAP = 4                /* floats behind a row: rows begin in other banks */
};

/* floats of a row in shared memory */
__host__ __device__ static int pitch(int width) {
  return (width + 3) / 4 * 4 + GAP;
}

/* Columns of some rows of an array: x[row * stride], ..., width of them. */
struct columns {
  const float *x;
  int64_t stride;
  int width;
  bool aligned;

  __device__ float4 at(int row, int column) const { return sk_load4(x + row * stride, column, width, aligned); }
};

/* Rows first .. first + count; zero beyond `end` and between the width and the next multiple of 4. With a gate, what
 * stands where it is beyond the clip counts as zero. */
__device__ static void load(const columns &from, int first, int count, int end, float *to, const float *gate = NULL,
                            float clip = 0.0f) {
  int quads = (from.width + 3) / 4;
  const columns gates = {gate, from.stride, from.width, from.aligned};
#pragma unroll 4
  for (int i = threadIdx.x; i < count * quads; i += THREADS) {
    int row = i / quads, at = i % quads * 4;
    bool there = first + row < end;
    float4 x = there ? from.at(first + row, at) : float4{};
    if (gate && there) {
      const float4 g = gates.at(first + row, at);
      if (!(fabsf(g.x) <= clip)) x.x = 0.0f;
      if (!(fabsf(g.y) <= clip)) x.y = 0.0f;
      if (!(fabsf(g.z) <= clip)) x.z = 0.0f;
      if (!(fabsf(g.w) <= clip)) x.w = 0.0f;
    }
    *(float4 *)(to + row * pitch(from.width) + at) = x;
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
    load({a.x, a.in, a.in, aligned_x}, first, ROWS, end, x);
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

/* A backward pass as the kernel sees it. */
struct pass {
  int n, in, out;
  const float *x, *w, *dy, *gate; /* gate NULL: none */
  float clip;
  bool accumulate_dx, aligned_in, aligned_out;
  int rows, chunk; /* of a block */
  float *dx;       /* of one chunk; of more, shares (chunks, n, in) */
  float *partial;  /* (blocks of rows, out in + out): dw, then db; NULL where neither is asked for */
  bool wants_dw;
};

__global__ static void __launch_bounds__(THREADS) backward(pass a) {
  extern __shared__ float4 memory[];
  int from = blockIdx.y * a.chunk, out = min(a.chunk, a.out - from), mine = threadIdx.x;
  int end = min(a.n, (int)(blockIdx.x + 1) * a.rows);
  float *w = (float *)memory, *x = w + (out + 3) / 4 * 4 * pitch(a.in), *dy = x + ROWS * pitch(a.in), db = 0.0f;
  share dw(a.in, out);
  if (a.dx) load({a.w + (int64_t)from * a.in, a.in, a.in, a.aligned_in}, 0, (out + 3) / 4 * 4, out, w);
  for (int first = blockIdx.x * a.rows; first < end; first += ROWS) {
    __syncthreads();
    if (a.wants_dw) load({a.x, a.in, a.in, a.aligned_in}, first, ROWS, end, x);
    load({a.dy + from, a.out, out, a.aligned_out}, first, ROWS, end, dy, a.gate ? a.gate + from : NULL, a.clip);
    __syncthreads();
    if (a.wants_dw) dw.add(x, pitch(a.in), dy, pitch(out));
    if (a.partial && mine < out)
      for (int row = 0; row < ROWS; row++) db += dy[row * pitch(out) + mine];
    if (a.dx)
      multiply(dy, out, w, a.in, NULL, first, end, a.aligned_in, a.accumulate_dx,
               a.dx + (int64_t)blockIdx.y * a.n * a.in);
  }
  if (!a.partial) return;
  float *partial = a.partial + (int64_t)blockIdx.x * a.out * (a.in + 1);
  dw.write(a.in, out, a.in % 4 == 0 && a.out % 4 == 0, memory, partial + (int64_t)from * a.in);
  if (mine < out) partial[(int64_t)a.out * a.in + from + mine] = db;
}

/* Shares (blocks, out in + out) of dw and db, and (chunks, n in) of dx, each added up by a thread. */
__global__ static void join(pass a, int blocks, int chunks, float *dw, float *db, int accumulate_dx, float *dx) {
  int64_t i = (int64_t)blockIdx.x * THREADS + threadIdx.x, weights = (int64_t)a.out * a.in, columns = weights + a.out;
  float sum = 0.0f;
  if (i < columns) {
    float *to = i < weights ? dw + i : db + (i - weights);
#pragma unroll 8
    for (int block = 0; block < blocks; block++) sum += a.partial[block * columns + i];
    *to += sum;
    return;
  }
  i -= columns;
  int64_t floats = (int64_t)a.n * a.in;
  if (i >= floats) return;
#pragma unroll 8
  for (int chunk = 0; chunk < chunks; chunk++) sum += a.dx[chunk * floats + i];
  dx[i] = accumulate_dx ? dx[i] + sum : sum;
}

static int padded(int width) {
  return (width + 3) / 4 * 4;
}

static bool aligned(const float *x, int d) { /* or absent */
  return x == NULL || sk_rows_aligned(x, d);
}

solid_status sk_cuda_linear_narrow(sk_backend *be, const sk_linear_args *a) {
  int rows = (int)sk_narrow_rows((uint64_t)a->n, 1);
  size_t floats = (size_t)padded(a->in) * pitch(a->out) + (size_t)ROWS * pitch(a->in);
  forward<<<sk_cuda_blocks(a->n, rows), THREADS, floats * sizeof(float), sk_cuda_stream(be)>>>(
      *a, rows, aligned(a->x, a->in), aligned(a->y, a->out));
  return sk_cuda_launched(be, "linear");
}

static solid_status launch(sk_backend *be, const pass *a) {
  size_t floats = (size_t)(padded(a->chunk) + ROWS) * pitch(a->in) + (size_t)ROWS * pitch(a->chunk);
  dim3 blocks(sk_cuda_blocks(a->n, a->rows), sk_cuda_blocks(a->out, a->chunk));
  backward<<<blocks, THREADS, floats * sizeof(float), sk_cuda_stream(be)>>>(*a);
  return sk_cuda_launched(be, "backward pass of a narrow layer");
}

solid_status sk_cuda_linear_backward_narrow(sk_backend *be, const sk_linear_backward_args *a, float *partial) {
  pass p = {};
  p.n = a->n, p.in = a->in, p.out = p.chunk = a->out;
  p.x = a->x, p.w = a->w, p.dy = a->dy, p.dx = a->dx;
  p.accumulate_dx = a->accumulate_dx != 0;
  p.aligned_in = aligned(a->x, a->in) && aligned(a->w, a->in) && aligned(a->dx, a->in);
  p.aligned_out = aligned(a->dy, a->out);
  p.rows = (int)sk_narrow_rows((uint64_t)a->n, 1);
  p.wants_dw = a->dw != NULL;
  p.partial = a->dw || a->db ? partial : NULL;
  solid_status status = launch(be, &p);
  if (status != SOLID_OK || !p.partial) return status;
  return sk_cuda_join_sums(be, (int)sk_cuda_blocks(p.n, p.rows), p.out * p.in + p.out, partial, p.out * p.in, a->dw,
                           a->db);
}

/* ---- The generator ---- */

/* A branch's dz, dg and db; gate NULL: no clip. */
solid_status sk_cuda_generate_backward_narrow(sk_backend *be, const sk_generate_backward_args *a, const float *z,
                                              const float *g, const float *gate, float *dz, float *dg, float *db) {
  const sk_generate_cut cut = sk_generate_cut_of(a->n, a->d, a->m);
  int blocks = (int)cut.blocks, chunks = (int)cut.chunks;
  pass p = {};
  p.n = a->n, p.in = a->d, p.out = a->m, p.chunk = (int)cut.chunk;
  p.x = z, p.w = g, p.dy = a->dw, p.gate = gate, p.clip = a->clip;
  p.aligned_in = aligned(z, a->d) && aligned(g, a->d);
  p.aligned_out = aligned(a->dw, a->m) && aligned(gate, a->m);
  p.rows = (int)cut.rows;
  p.wants_dw = true;
  int64_t weights = (int64_t)a->m * (a->d + 1), floats = (int64_t)a->n * a->d;
  void *memory = NULL;
  solid_status status = sk_cuda_workspace(be, sk_generate_backward_scratch(a), &memory);
  if (status != SOLID_OK) return status;
  p.dx = (float *)memory, p.partial = p.dx + chunks * floats;
  if ((status = launch(be, &p)) != SOLID_OK) return status;
  join<<<sk_cuda_blocks(weights + floats, THREADS), THREADS, 0, sk_cuda_stream(be)>>>(p, blocks, chunks, dg, db,
                                                                                      a->accumulate_dz, dz);
  return sk_cuda_launched(be, "generate_backward");
}
