/* generate by Hopper's warpgroup products, with the result written out. */
#include "kernels/cuda/generate_wgmma.cuh"

constexpr int GROUPS = 2, THREADS = GROUPS * SK_WGMMA_GROUP;
constexpr int BLOCKS = 2; /* a multiprocessor */

template <int D>
__host__ __device__ constexpr int chunk_of() { /* packed at a time */
  return 128 / D;
}

/* w of rows 8k + lane / 4 and the lane's eight columns, first to last. */
template <int D, int PARTS, bool WIDE>
__device__ static inline void make(float clip, const sk_dual_rows<D, 1> (&z)[2], const sk_wgmma_columns<D, PARTS> &from,
                                   float (&w)[2][8]) {
  int t = threadIdx.x % 4;
  float sum[2][16];
  sk_wgmma_products(z, from, sum);
#pragma unroll
  for (int h = 0; h < 2; h++) { /* four columns */
    int column = WIDE ? 8 * t + 4 * h : 16 * h + 4 * t;
    const float4 bi = *(const float4 *)&from.b[0][column], bs = *(const float4 *)&from.b[1][column];
    const float item[4] = {bi.x, bi.y, bi.z, bi.w}, semantic[4] = {bs.x, bs.y, bs.z, bs.w};
#pragma unroll
    for (int k = 0; k < 2; k++) {
      float si = z[0].scale[k] * from.scale[0][column / 16], ss = z[1].scale[k] * from.scale[1][column / 16];
#pragma unroll
      for (int c = 0; c < 4; c++) {
        int at = (2 * h + c / 2) * 4 + 2 * k + c % 2;
        w[k][4 * h + c] = sk_dual_join(sum[0][at] * si + item[c], clip, sum[1][at] * ss + semantic[c]);
      }
    }
  }
}

__device__ static inline void put(int m, bool aligned, int column, const float (&w)[8], uint16_t *row) {
  sk_dual_write(m, aligned, column + threadIdx.x % 4 * 8, w, row);
}

__device__ static inline void put(int m, bool aligned, int column, const float (&w)[8], float *row) {
#pragma unroll
  for (int h = 0; h < 2; h++) {
    const float four[4] = {w[4 * h], w[4 * h + 1], w[4 * h + 2], w[4 * h + 3]};
    sk_dual_write(m, aligned, column + 16 * h + threadIdx.x % 4 * 4, four, row);
  }
}

/* T: float or binary16. blockIdx.x: rows; blockIdx.y: a run of 32 columns each. */
template <int D, int PARTS, typename T>
__global__ static void __launch_bounds__(THREADS, BLOCKS)
    write(sk_dual_args a, const sk_wgmma_columns<D, PARTS> *all, int run, bool aligned, int64_t stride, T *w) {
  const int CHUNK = chunk_of<D>();
  extern __shared__ __align__(128) char memory[];
  __shared__ uint64_t barriers[SK_DUAL_STAGES];
  sk_wgmma_stream<sk_wgmma_columns<D, PARTS>, CHUNK> columns;
  int lane = threadIdx.x % SK_WARP, row = blockIdx.x * GROUPS * SK_WGMMA_ROWS + threadIdx.x / SK_WARP * 16;
  int first = blockIdx.y * run, end = min(first + run, (a.m + SK_WGMMA_COLUMNS - 1) / SK_WGMMA_COLUMNS);
  T *to[2];
  int widths[2];
#pragma unroll
  for (int k = 0; k < 2; k++) {
    int64_t user = row + lane / 4 + 8 * k;
    to[k] = w + user * stride, widths[k] = user < a.n ? a.m : 0;
  }
  sk_dual_rows<D, 1> z[2];
  columns.open(all, first, end, memory, barriers);
  z[0].load(a.zi, row, a.n, a.d);
  z[1].load(a.zs, row, a.n, a.d);
  for (int at = first, n = 0; at < end; at += CHUNK, n++) {
    const sk_wgmma_columns<D, PARTS> *chunk = columns.take(at, n);
#pragma unroll
    for (int i = 0; i < CHUNK; i++) {
      if (at + i >= end) break;
      float x[2][8];
      make<D, PARTS, sizeof(T) == 2>(a.clip, z, chunk[i], x);
#pragma unroll
      for (int k = 0; k < 2; k++) put(widths[k], aligned, (at + i) * SK_WGMMA_COLUMNS, x[k], to[k]);
    }
  }
}

template <int D, int PARTS, typename T>
static solid_status launch_write(sk_backend *be, const sk_generate_args *a, T *w) {
  const int CHUNK = chunk_of<D>(), BUSY = 264, together = sizeof(T) == 2 ? 8 : 4;
  sk_dual_args dual = sk_dual_of(a, a->m);
  bool aligned = a->m % together == 0 && a->stride % together == 0 && (uintptr_t)w % 16 == 0;
  int all = (int)sk_cuda_blocks(a->m, SK_WGMMA_COLUMNS), run = all,
      bytes = SK_DUAL_STAGES * CHUNK * (int)sizeof(sk_wgmma_columns<D, PARTS>);
  unsigned blocks = sk_cuda_blocks(a->n, GROUPS * SK_WGMMA_ROWS);
  while (run > CHUNK && (int)(blocks * sk_cuda_blocks(all, run)) < BUSY) run = (run / 2 + CHUNK - 1) / CHUNK * CHUNK;
  sk_wgmma_columns<D, PARTS> *columns = NULL;
  solid_status status = sk_cuda_status(
      be, cudaFuncSetAttribute(write<D, PARTS, T>, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes), "generate");
  if (status == SOLID_OK) status = sk_wgmma_pack_all<D, PARTS, sizeof(T) == 2>(be, &dual, &columns);
  if (status != SOLID_OK) return status;
  write<D, PARTS, T><<<dim3(blocks, sk_cuda_blocks(all, run)), THREADS, bytes, sk_cuda_stream(be)>>>(
      dual, columns, run, aligned, a->stride, w);
  return sk_cuda_launched(be, "generate");
}

template <int D, int PARTS>
static solid_status write_either(sk_backend *be, const sk_generate_args *a) {
  return a->half ? launch_write<D, PARTS>(be, a, a->half) : launch_write<D, PARTS>(be, a, a->w);
}

solid_status sk_cuda_generate_wgmma(sk_backend *be, const sk_generate_args *a) {
  bool round = ((sk_cuda *)be)->tf32;
  if (a->d <= 32) return round ? write_either<32, 1>(be, a) : write_either<32, 2>(be, a);
  return round ? write_either<64, 1>(be, a) : write_either<64, 2>(be, a);
}
