/* What kernels/slate_body.h is made of, for the threads of a block. What a cluster shares goes through
 *   share(s, to, x)   *to = x for all blocks, by threads of which number i serves block i % RANKS
 * which stands before this file with RANK, RANKS and SHARE. */
#ifndef SK_CUDA_SLATE_PRIMITIVES_CUH
#define SK_CUDA_SLATE_PRIMITIVES_CUH

enum {
  LANES = 8, /* of a group */
  GROUPS = THREADS / LANES,
  IN_WARP = SK_WARP / LANES, /* groups */
  AT_ONCE = 5,               /* rows of a product in registers */
  MOST_DH = 256
};

/* Of all threads of the block; `scratch`: a word a warp. */
template <typename T, typename F>
__device__ static T block_reduce(T x, T none, F join, T *scratch) {
  int lane = threadIdx.x % SK_WARP, warp = threadIdx.x / SK_WARP;
  for (int step = SK_WARP / 2; step > 0; step /= 2) x = join(x, __shfl_xor_sync(0xffffffffu, x, step));
  __syncthreads();
  if (lane == 0) scratch[warp] = x;
  __syncthreads();
  x = lane < WARPS ? scratch[lane] : none;
  for (int step = WARPS / 2; step > 0; step /= 2) x = join(x, __shfl_xor_sync(0xffffffffu, x, step));
  return __shfl_sync(0xffffffffu, x, 0);
}

__shared__ static float reduce_floats[SK_WARP];
__shared__ static unsigned reduce_words[SK_WARP];
__shared__ static slate_key reduce_keys[SK_WARP];

/* Up to a warp's number of values every warp adds for itself. */
__device__ static float log_sum_exp(const float *x, int n) {
  bool few = n <= SK_WARP;
  float top = -INFINITY, sum = 0.0f;
  for (int i = few ? threadIdx.x % SK_WARP : threadIdx.x; i < n; i += THREADS) top = fmaxf(top, x[i]);
  top = few ? sk_warp_max(top)
            : block_reduce(
                  top, -INFINITY, [](float a, float b) { return fmaxf(a, b); }, reduce_floats);
  for (int i = few ? threadIdx.x % SK_WARP : threadIdx.x; i < n; i += THREADS) sum += expf(x[i] - top);
  sum = few ? sk_warp_sum(sum)
            : block_reduce(
                  sum, 0.0f, [](float a, float b) { return a + b; }, reduce_floats);
  return top + logf(sum);
}

FN void give(const USER *s, uint32_t *to, uint32_t x) {
  if (threadIdx.x < RANKS) share(s, to, x);
}

FN void give_float(const USER *s, float *to, float x) {
  if (threadIdx.x < RANKS) share(s, to, x);
}

__device__ static inline float gelu(float x) {
  return x * sk_sigmoid(2.0f * 0.7978845608028654f * (x + 0.044715f * x * x * x));
}

/* ---- Products ---- */

/* Outputs from .. to - 1 of ROWS rows, of which `rows` are there. `lanes` share an output, so that neighbours read
 * neighbouring weights, which serve all rows. */
template <int lanes, int ROWS, int D>
__device__ static __forceinline__ void multiply(const slate_user<D> *s, int rows, int in, int from, int to,
                                                const float *x, const float *w, const float *b, slate_end end,
                                                slate_rows y, bool aligned) {
  int lane = threadIdx.x % lanes;
  for (int first = from; first < to; first += THREADS / lanes) {
    int o = first + threadIdx.x / lanes;
    float sum[ROWS] = {}, bias = b && o < to ? __ldg(b + o) : 0.0f;
    const float *of = w + (int64_t)min(o, to - 1) * in;
#pragma unroll 4
    for (int i = lane * 4; i < in; i += lanes * 4) {
      float4 weight = aligned ? __ldg((const float4 *)(of + i)) : sk_load4(of, i, in, false);
#pragma unroll
      for (int r = 0; r < ROWS; r++) {
        float4 value = sk_load4(x + min(r, rows - 1) * in, i, in, aligned);
        sum[r] += weight.x * value.x + weight.y * value.y + weight.z * value.z + weight.w * value.w;
      }
    }
#pragma unroll
    for (int step = lanes / 2; step > 0; step /= 2)
#pragma unroll
      for (int r = 0; r < ROWS; r++) sum[r] += __shfl_xor_sync(0xffffffffu, sum[r], step);
    if (end == SLATE_ADD)
#pragma unroll
      for (int r = 0; r < ROWS; r++) sum[r] += r < rows && o < to ? *slate_at(y, r, o) : 0.0f;
    __syncwarp(); /* all have read before one writes */
#pragma unroll
    for (int r = 0; r < ROWS; r++) {
      float value = bias + sum[r];
      if (end == SLATE_GELU) value = gelu(value);
      if (r < rows && o < to && lane < RANKS) share(s, slate_at(y, r, o), value);
    }
  }
}

template <int lanes, int D>
__device__ static __forceinline__ void multiply_rows(const slate_user<D> *s, int rows, int in, int from, int to,
                                                     const float *x, const float *w, const float *b, slate_end end,
                                                     slate_rows y, bool aligned) {
  for (; rows > 2; rows -= AT_ONCE, x += AT_ONCE * in) {
    multiply<lanes, AT_ONCE>(s, min(rows, (int)AT_ONCE), in, from, to, x, w, b, end, y, aligned);
    y.y += AT_ONCE * y.stride, y.rest += AT_ONCE * y.rest_stride;
  }
  if (rows > 0) multiply<lanes, 2>(s, rows, in, from, to, x, w, b, end, y, aligned);
}

/* Of a width that the compiler does not know: one for all products. */
template <int D>
__device__ static __noinline__ void multiply_any(const slate_user<D> *s, int rows, int in, int from, int to,
                                                 const float *x, const float *w, const float *b, slate_end end,
                                                 slate_rows y) {
  bool aligned = in % 4 == 0 && (uintptr_t)w % 16 == 0 && (uintptr_t)x % 16 == 0;
  multiply_rows<LANES>(s, rows, in, from, to, x, w, b, end, y, aligned);
}

/* y_ro = b_o + w_o . x_r, or what `end` makes of it; b may be NULL. Each block has a share of the outputs. */
FN void product(const USER *s, int rows, int in, int out, const float *x, const float *w, const float *b, slate_end end,
                slate_rows y) {
  int each = (out + RANKS - 1) / RANKS, from = min(RANK * each, out), to = min(from + each, out);
  if (D == 0)
    multiply_any(s, rows, in, from, to, x, w, b, end, y);
  else if (each * 32 <= THREADS && in >= 128)
    multiply_rows<32>(s, rows, in, from, to, x, w, b, end, y, true);
  else if (each * 16 <= THREADS && in >= 64)
    multiply_rows<16>(s, rows, in, from, to, x, w, b, end, y, true);
  else
    multiply_rows<LANES>(s, rows, in, from, to, x, w, b, end, y, true);
}

/* Of the cells at places begin .. end - 1, from s->y into s->logit: each block has a share of every cell's codes, a
 * group a code, several cells at a time where groups are left. */
FN void logits(const USER *s, int begin, int end) {
  const sk_slate_net &net = s->a->net;
  int in = net.out_heads * WIDTH(s), lane = threadIdx.x % LANES, group = threadIdx.x / LANES;
  int most = (s->codes + RANKS - 1) / RANKS, at_once = max(GROUPS / most, 1), rounds = (most + GROUPS - 1) / GROUPS;
  bool aligned = D || (in % 4 == 0 && (uintptr_t)net.out % 16 == 0);
  for (int i = 0; i < (end - begin + at_once - 1) / at_once * rounds; i++) {
    int cell = i / rounds * at_once + group / min(most, (int)GROUPS),
        code = i % rounds * GROUPS + group % min(most, (int)GROUPS);
    bool there = cell < end - begin && group < at_once * min(most, (int)GROUPS);
    int column = there ? s->g->cell[begin + cell] % s->g->width : 0, all = net.column_codes[column];
    int each = (all + RANKS - 1) / RANKS, o = RANK * each + code;
    there = there && code < each && o < all;
    const float *w = net.out + (int64_t)(net.column_first[column] + (there ? o : 0)) * in,
                *y = s->y + (there ? cell : 0) * in;
    float sum = 0.0f;
#pragma unroll 4
    for (int j = lane * 4; j < in; j += LANES * 4) {
      float4 a = aligned ? __ldg((const float4 *)(w + j)) : sk_load4(w, j, in, false), b = sk_load4(y, j, in, aligned);
      sum += a.x * b.x + a.y * b.y + a.z * b.z + a.w * b.w;
    }
    for (int step = LANES / 2; step > 0; step /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, step);
    if (there && lane < RANKS) share(s, s->logit + (int64_t)cell * s->codes + o, sum);
  }
}

/* A group a row. */
FN void normalize(const USER *s, int rows, const float *x, const float *gamma, const float *beta, float *y) {
  int lane = threadIdx.x % LANES, d = WIDTH(s), in_warp = SK_WARP / LANES;
  for (int first = threadIdx.x / SK_WARP * in_warp; first < rows; first += GROUPS) {
    int r = first + threadIdx.x % SK_WARP / LANES, at = min(r, rows - 1) * d;
    float sum = 0.0f, squares = 0.0f;
#pragma unroll 8
    for (int j = lane; j < d; j += LANES) sum += x[at + j];
#pragma unroll
    for (int step = LANES / 2; step > 0; step /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, step);
    float mean = sum / (float)d;
#pragma unroll 8
    for (int j = lane; j < d; j += LANES) squares += (x[at + j] - mean) * (x[at + j] - mean);
#pragma unroll
    for (int step = LANES / 2; step > 0; step /= 2) squares += __shfl_xor_sync(0xffffffffu, squares, step);
    float rstd = 1.0f / sqrtf(squares / (float)d + 1e-5f);
    if (r >= rows) continue;
#pragma unroll 8
    for (int j = lane; j < d; j += LANES) y[at + j] = (x[at + j] - mean) * rstd * __ldg(gamma + j) + __ldg(beta + j);
  }
  __syncthreads();
}

#include "kernels/cuda/slate_attend.cuh"

#include "kernels/cuda/slate_guide.cuh"

/* ---- What the lists are ---- */

/* Copies n words and returns where they are. */
__device__ static inline int32_t *copy_words(int32_t **to, const int32_t *from, int n) {
  int32_t *copy = *to;
  FOR(i, n) copy[i] = from[i];
  *to += n;
  return copy;
}

/* The grid with its lists, which every step reads, in shared memory. */
__device__ static inline sk_slate_grid settle(const sk_slate_grid &g, int32_t *lists) {
  sk_slate_grid copy = g;
  int cells = g.rows * g.width;
  copy.cell_offsets = copy_words(&lists, g.cell_offsets, g.steps + 1);
  copy.cell = copy_words(&lists, g.cell, cells);
  copy.input_offsets = copy_words(&lists, g.input_offsets, g.steps + 1);
  copy.input = copy_words(&lists, g.input, 2 * g.inputs);
  copy.key_offsets = copy_words(&lists, g.key_offsets, g.inputs + 1);
  copy.ranges = copy_words(&lists, g.ranges, 2 * g.n_ranges);
  copy.source_offsets = copy_words(&lists, g.source_offsets, cells + 1);
  copy.source = copy_words(&lists, g.source, 2 * g.n_sources);
  return copy;
}

#endif
