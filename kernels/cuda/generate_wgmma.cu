/* The generator by Hopper's warpgroup products, compiled for sm_90a and run where that runs (sk_cuda.wgmma); numbers,
 * scales and splits are those of dual.cuh. Four warps multiply 64 rows, which stay in registers, by 32 columns straight
 * from shared memory, for which mma spends most of its time on loads. Where products may round their factors
 * (sk_cuda.tf32), x = hi alone: 11 bits of either factor, as TF32 has, and a third of the products. */
#include "kernels/cuda/dual.cuh"

enum {
  COLUMNS = 32, /* of one product */
  GROUP = 128,  /* threads that multiply together */
  ROWS = 64,    /* of a group */
  GROUPS = 2,
  BLOCKS = 2, /* a multiprocessor */
  THREADS = GROUPS * GROUP
};

/* 32 columns of both branches, in the matrices of 8 columns by 8 inputs that a product reads. */
template <int D, int PARTS>
struct __align__(128) packed {
  uint32_t g[2][PARTS][D / 16][2][COLUMNS / 8][8][4]; /* branch; hi, lo; step; half of its inputs; columns; pairs */
  float b[2][COLUMNS], scale[2][2];                   /* scale: of 16 columns */
};

template <int D>
__host__ __device__ constexpr int chunk_of() { /* packed at a time */
  return 128 / D;
}

/* Products give lane t columns 8 * tile + 2t and its neighbour. WIDE: those are to be columns 8t .. 8t + 7; else
 * 4t .. 4t + 3 of either half. The inputs of a step are permuted as dual.cuh says. Block (SK_WARP, 2, 2): a warp packs
 * a branch of 16 columns. */
template <int D, int PARTS, bool WIDE>
__global__ static void pack(sk_dual_args a, bool aligned, packed<D, PARTS> *all) {
  int lane = threadIdx.x, branch = threadIdx.y, half = threadIdx.z, first = blockIdx.x * COLUMNS + 16 * half;
  const float *from = branch ? a.gs : a.gi, *bias = branch ? a.bs : a.bi;
  packed<D, PARTS> &to = all[blockIdx.x];
  float4 x[D / 8];
  float most = 0.0f, scale;
#pragma unroll
  for (int i = 0; i < D / 8; i++) {
    int column = first + (i * SK_WARP + lane) / (D / 4), input = (i * SK_WARP + lane) % (D / 4) * 4;
    x[i] = from && column < a.m ? sk_load4(from + (int64_t)column * a.d, input, a.d, aligned) : float4{};
    most = sk_dual_most(most, x[i]);
  }
  float factor = sk_dual_factor(sk_warp_max(most), &scale);
#pragma unroll
  for (int i = 0; i < D / 8; i++) {
    int c = 16 * half + (i * SK_WARP + lane) / (D / 4), step = (i * SK_WARP + lane) % (D / 4) / 4, t = lane % 4;
    int n = WIDE ? c % 8 / 2 * 8 + c / 8 * 2 + c % 2 : c / 16 * 16 + c % 4 / 2 * 8 + c % 16 / 4 * 2 + c % 2;
    unsigned hi[2], lo[2];
    sk_dual_split(x[i].x * factor, x[i].y * factor, &hi[0], &lo[0]);
    sk_dual_split(x[i].z * factor, x[i].w * factor, &hi[1], &lo[1]);
    for (int k = 0; k < 2; k++) {
      to.g[branch][0][step][k][n / 8][n % 8][t] = hi[k];
      if (PARTS > 1) to.g[branch][PARTS - 1][step][k][n / 8][n % 8][t] = lo[k];
    }
  }
  if (lane < 16) to.b[branch][16 * half + lane] = from && first + lane < a.m ? bias[first + lane] : 0.0f;
  if (lane == 0) to.scale[branch][half] = scale;
}

/* A product's columns in shared memory: no swizzle; 512 bytes from one half of the inputs to the other, 128 from eight
 * columns to the next. */
__device__ static inline uint64_t describe(const void *columns) {
  uint64_t at = __cvta_generic_to_shared(columns);
  return (at & 0x3ffff) >> 4 | (uint64_t)(512 >> 4) << 16 | (uint64_t)(128 >> 4) << 32;
}

/* sum (64, 32) = rows (64, 16) columns (16, 32), added to what it was if `keep`. */
__device__ static inline void multiply(float (&c)[16], const unsigned (&a)[4], uint64_t columns, int keep) {
  asm volatile(
      "{.reg .pred p;\n"
      "setp.ne.b32 p, %21, 0;\n"
      "wgmma.mma_async.sync.aligned.m64n32k16.f32.f16.f16 {%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, "
      "%14, %15}, {%16, %17, %18, %19}, %20, p, 1, 1, 0;}"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3]), "+f"(c[4]), "+f"(c[5]), "+f"(c[6]), "+f"(c[7]), "+f"(c[8]),
        "+f"(c[9]), "+f"(c[10]), "+f"(c[11]), "+f"(c[12]), "+f"(c[13]), "+f"(c[14]), "+f"(c[15])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(columns), "r"(keep));
}

/* w of rows 8k + lane / 4 and the lane's eight columns, first to last. Small terms are summed before great ones. */
template <int D, int PARTS, bool WIDE>
__device__ static inline void make(float clip, const sk_dual_rows<D, 1> (&z)[2], const packed<D, PARTS> &from,
                                   float (&w)[2][8]) {
  const int STEPS = D / 16, TERMS = PARTS == 1 ? 1 : 3;
  int t = threadIdx.x % 4;
  float sum[2][16];
  asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
#pragma unroll
  for (int i = 0; i < TERMS * STEPS * 2; i++) {
    int k = i % 2, step = i / 2 % STEPS, term = i / 2 / STEPS;
    const unsigned(&rows)[4] = TERMS > 1 && term == 0 ? z[k].lo[0][step] : z[k].hi[0][step];
    multiply(sum[k], rows, describe(from.g[k][term == 1 ? PARTS - 1 : 0][step]), i >= 2);
  }
  asm volatile("wgmma.commit_group.sync.aligned;\nwgmma.wait_group.sync.aligned 0;" ::: "memory");
#pragma unroll
  for (int i = 0; i < 32; i++) asm volatile("" : "+f"(sum[i / 16][i % 16])); /* not to be read before the wait */
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

/* What was copied to shared memory is what products see. */
__device__ static inline void arrive(void) {
  __pipeline_wait_prior(1);
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
  __syncthreads();
}

/* ---- Written ---- */

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
    write(sk_dual_args a, const packed<D, PARTS> *all, int run, bool aligned, int64_t stride, T *w) {
  const int CHUNK = chunk_of<D>();
  extern __shared__ __align__(128) char memory[];
  packed<D, PARTS> *chunk = (packed<D, PARTS> *)memory; /* SK_DUAL_STAGES of CHUNK */
  int lane = threadIdx.x % SK_WARP, row = blockIdx.x * GROUPS * ROWS + threadIdx.x / SK_WARP * 16;
  int first = blockIdx.y * run, end = min(first + run, (a.m + COLUMNS - 1) / COLUMNS);
  auto fetch = [&](int at, int stage) {
    sk_dual_fetch<THREADS, CHUNK>(chunk + stage * CHUNK, all + at, max(0, min(CHUNK, end - at)));
  };
  T *to[2];
  int columns[2];
#pragma unroll
  for (int k = 0; k < 2; k++) {
    int64_t user = row + lane / 4 + 8 * k;
    to[k] = w + user * stride, columns[k] = user < a.n ? a.m : 0;
  }
  sk_dual_rows<D, 1> z[2];
  fetch(first, 0);
  fetch(first + CHUNK, 1);
  z[0].load(a.zi, row, a.n, a.d);
  z[1].load(a.zs, row, a.n, a.d);
  for (int at = first, stage = 0; at < end; at += CHUNK, stage = (stage + 1) % SK_DUAL_STAGES) {
    arrive();
    fetch(at + 2 * CHUNK, (stage + 2) % SK_DUAL_STAGES);
#pragma unroll
    for (int i = 0; i < CHUNK; i++) {
      if (at + i >= end) break;
      float x[2][8];
      make<D, PARTS, sizeof(T) == 2>(a.clip, z, chunk[stage * CHUNK + i], x);
#pragma unroll
      for (int k = 0; k < 2; k++) put(columns[k], aligned, (at + i) * COLUMNS, x[k], to[k]);
    }
  }
}

size_t sk_cuda_generate_wgmma_scratch(int m) {
  return sk_cuda_blocks(m, COLUMNS) * sizeof(packed<SK_DUAL_MAX_D, 2>);
}

template <int D, int PARTS, bool WIDE>
static solid_status pack_all(sk_backend *be, const sk_dual_args *a, packed<D, PARTS> **out) {
  void *memory = NULL;
  unsigned blocks = sk_cuda_blocks(a->m, COLUMNS);
  solid_status status = sk_cuda_workspace(be, blocks * sizeof **out, &memory);
  if (status != SOLID_OK) return status;
  *out = (packed<D, PARTS> *)memory;
  bool aligned = (!a->gi || sk_rows_aligned(a->gi, a->d)) && (!a->gs || sk_rows_aligned(a->gs, a->d));
  pack<D, PARTS, WIDE><<<blocks, dim3(SK_WARP, 2, 2), 0, sk_cuda_stream(be)>>>(*a, aligned, *out);
  return SOLID_OK;
}

template <int D, int PARTS, typename T>
static solid_status launch_write(sk_backend *be, const sk_generate_args *a, T *w) {
  const int CHUNK = chunk_of<D>(), BUSY = 264, together = sizeof(T) == 2 ? 8 : 4;
  sk_dual_args dual = sk_dual_of(a, a->m);
  bool aligned = a->m % together == 0 && a->stride % together == 0 && (uintptr_t)w % 16 == 0;
  int all = (int)sk_cuda_blocks(a->m, COLUMNS), run = all,
      bytes = SK_DUAL_STAGES * CHUNK * (int)sizeof(packed<D, PARTS>);
  unsigned blocks = sk_cuda_blocks(a->n, GROUPS * ROWS);
  while (run > CHUNK && (int)(blocks * sk_cuda_blocks(all, run)) < BUSY) run = (run / 2 + CHUNK - 1) / CHUNK * CHUNK;
  packed<D, PARTS> *columns = NULL;
  solid_status status = sk_cuda_status(
      be, cudaFuncSetAttribute(write<D, PARTS, T>, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes), "generate");
  if (status == SOLID_OK) status = pack_all<D, PARTS, sizeof(T) == 2>(be, &dual, &columns);
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

/* ---- Applied ---- */

/* Column 32 q + 8t of a user's layer belongs to input (32 q + 8t) / OUT; row a.in is the bias, and beyond it is
 * nothing. */
template <int D, int PARTS, int OUT>
__global__ static void __launch_bounds__(THREADS, BLOCKS)
    apply(sk_generate_apply_args a, int all_columns, const packed<D, PARTS> *all) {
  const int CHUNK = chunk_of<D>(), EACH = OUT < COLUMNS ? 1 : OUT / COLUMNS;
  extern __shared__ __align__(128) char memory[];
  packed<D, PARTS> *chunk = (packed<D, PARTS> *)memory; /* SK_DUAL_STAGES of CHUNK */
  int lane = threadIdx.x % SK_WARP, t = lane % 4, row = blockIdx.x * GROUPS * ROWS + threadIdx.x / SK_WARP * 16;
  auto fetch = [&](int at, int stage) {
    sk_dual_fetch<THREADS, CHUNK>(chunk + stage * CHUNK, all + at, max(0, min(CHUNK, all_columns - at)));
  };
  const float *from[2]; /* users beyond the last multiply what the last one has */
#pragma unroll
  for (int k = 0; k < 2; k++) from[k] = a.x + (int64_t)min(row + lane / 4 + 8 * k, a.n - 1) * a.in;
  sk_dual_rows<D, 1> z[2];
  float y[EACH][2][8] = {};
  fetch(0, 0);
  fetch(CHUNK, 1);
  z[0].load(a.zi, row, a.n, a.d);
  z[1].load(a.zs, row, a.n, a.d);
  for (int at = 0, stage = 0; at < all_columns; at += CHUNK, stage = (stage + 1) % SK_DUAL_STAGES) {
    float x[CHUNK][2];
#pragma unroll
    for (int i = 0; i < CHUNK * 2; i++) {
      int input = (COLUMNS * (at + i / 2) + 8 * t) / OUT;
      if (COLUMNS * (at + CHUNK) <= OUT * a.in)
        x[i / 2][i % 2] = from[i % 2][input];
      else
        x[i / 2][i % 2] = input < a.in ? from[i % 2][input] : input == a.in ? 1.0f : 0.0f;
    }
    arrive();
    fetch(at + 2 * CHUNK, (stage + 2) % SK_DUAL_STAGES);
#pragma unroll
    for (int i = 0; i < CHUNK; i++) {
      if (at + i >= all_columns) break;
      float w[2][8];
      make<D, PARTS, true>(a.clip, z, chunk[stage * CHUNK + i], w);
#pragma unroll
      for (int c = 0; c < 16; c++) y[i % EACH][c / 8][c % 8] += x[i][c / 8] * w[c / 8][c % 8];
    }
  }
#pragma unroll
  for (int i = 0; i < EACH * 16; i++) {
    int64_t user = row + lane / 4 + i / 8 % 2 * 8;
    float sum = y[i / 16][i / 8 % 2][i % 8];
    if (OUT < COLUMNS) sum += __shfl_xor_sync(0xffffffffu, sum, 2);
    int column = i / 16 * COLUMNS + 8 * t + i % 8;
    if (user < a.n && column < OUT) a.y[user * OUT + column] = a.f == SK_TANH ? tanhf(sum) : sum;
  }
}

template <int D, int PARTS, int OUT>
static solid_status launch_apply(sk_backend *be, const sk_generate_apply_args *a) {
  sk_dual_args dual = sk_dual_of(a, a->in * a->out + a->out);
  int bytes = SK_DUAL_STAGES * chunk_of<D>() * (int)sizeof(packed<D, PARTS>);
  packed<D, PARTS> *columns = NULL;
  solid_status status =
      sk_cuda_status(be, cudaFuncSetAttribute(apply<D, PARTS, OUT>, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes),
                     "generate_apply");
  if (status == SOLID_OK) status = pack_all<D, PARTS, true>(be, &dual, &columns);
  if (status != SOLID_OK) return status;
  apply<D, PARTS, OUT><<<sk_cuda_blocks(a->n, GROUPS * ROWS), THREADS, bytes, sk_cuda_stream(be)>>>(
      *a, (int)sk_cuda_blocks(dual.m, COLUMNS), columns);
  return sk_cuda_launched(be, "generate_apply");
}

template <int D, int PARTS>
static solid_status apply_any(sk_backend *be, const sk_generate_apply_args *a) {
  if (a->out == 16) return launch_apply<D, PARTS, 16>(be, a);
  return a->out == 32 ? launch_apply<D, PARTS, 32>(be, a) : launch_apply<D, PARTS, 64>(be, a);
}

solid_status sk_cuda_generate_apply_wgmma(sk_backend *be, const sk_generate_apply_args *a) {
  bool round = ((sk_cuda *)be)->tf32;
  if (a->d <= 32) return round ? apply_any<32, 1>(be, a) : apply_any<32, 2>(be, a);
  return round ? apply_any<64, 1>(be, a) : apply_any<64, 2>(be, a);
}
