/* generate_apply by Hopper's warpgroup products: a group of warps makes 32 columns of its 64 users' layers, multiplies
 * them by x and forgets them.
 *
 * Most of the time goes to what is done to each weight beside the products, so weights are made in the share 1 / 2c, c
 * the bound of the clip:
 *
 *   w / 2c = sat(wi / 2c + 1/2) + (ws / 2c - 1/2)       sat: to [0, 1], which a multiplication does on its way
 *
 * sat makes 0 of a NaN, so where the item branch has one it is put into the semantic branch too. */
#include "kernels/cuda/generate_wgmma.cuh"

/* One group a block where columns are small enough for four blocks a multiprocessor: groups do not wait at one
 * another's barriers. */
template <int D, int PARTS, int OUT>
struct shape {
  static constexpr int GROUPS = PARTS == 1 ? 1 : 2, THREADS = GROUPS * SK_WGMMA_GROUP;
  static constexpr int BLOCKS = PARTS > 1 ? 2 : D == 32 && OUT < 64 ? 5 : 4; /* that registers are for */
  static constexpr int CHUNK = 128 / D;                                      /* packed at a time */
  static constexpr bool EARLY = PARTS > 1 && D == 32 && OUT < 64;            /* biases, before the products have come */
};

/* What the users of rows 8k + lane / 4 multiply the share of weights by. */
struct shares {
  float item[2], semantic[2];
};

/* Of the lane's eight columns: biases of both branches, scales. */
template <int D, int PARTS>
struct beside {
  float4 bias[2][2];
  float scale[2];
  __device__ void read(const sk_wgmma_columns<D, PARTS> &from) {
    int t = threadIdx.x % 4;
#pragma unroll
    for (int k = 0; k < 2; k++) {
      const float4 *b = (const float4 *)&from.b[k][8 * t];
      bias[k][0] = b[0], bias[k][1] = b[1], scale[k] = from.scale[k][t / 2];
    }
  }
};

/* y += x w / 2c of rows 8k + lane / 4 and the lane's eight columns, first to last. */
template <int D, int PARTS, bool EARLY>
__device__ static inline void add(const shares &scale, const sk_dual_rows<D, 1> (&z)[2],
                                  const sk_wgmma_columns<D, PARTS> &from, const float (&x)[2], float (&y)[2][8]) {
  float sum[2][16];
  beside<D, PARTS> b;
  if (EARLY) b.read(from);
  sk_wgmma_products(z, from, sum);
  if (!EARLY) b.read(from);
#pragma unroll
  for (int h = 0; h < 2; h++) { /* four columns */
    const float4 bi = b.bias[0][h], bs = b.bias[1][h];
    const float item[4] = {bi.x, bi.y, bi.z, bi.w}, semantic[4] = {bs.x, bs.y, bs.z, bs.w};
#pragma unroll
    for (int k = 0; k < 2; k++) {
      float si = scale.item[k] * b.scale[0], ss = scale.semantic[k] * b.scale[1];
#pragma unroll
      for (int c = 0; c < 4; c++) {
        int at = (2 * h + c / 2) * 4 + 2 * k + c % 2;
        y[k][4 * h + c] += x[k] * (__saturatef(fmaf(sum[0][at], si, item[c])) + fmaf(sum[1][at], ss, semantic[c]));
      }
    }
  }
}

/* N neighbours. */
template <int N>
struct __align__(4 * N) neighbours {
  float x[N];
};

/* x of the inputs that a chunk's columns belong to, for users k; beyond the bias nothing. */
template <int CHUNK, int OUT>
__device__ static inline void load_inputs(const float *const (&from)[2], int at, int in, bool aligned,
                                          float (&x)[CHUNK][2]) {
  const int N = OUT < SK_WGMMA_COLUMNS ? 1 : CHUNK * SK_WGMMA_COLUMNS / OUT < 1 ? 1 : CHUNK * SK_WGMMA_COLUMNS / OUT;
  bool whole = SK_WGMMA_COLUMNS * (at + CHUNK) <= OUT * in;
  if (OUT >= SK_WGMMA_COLUMNS && aligned && whole) {
#pragma unroll
    for (int k = 0; k < 2; k++) {
      const neighbours<N> there = *(const neighbours<N> *)(from[k] + SK_WGMMA_COLUMNS * at / OUT);
#pragma unroll
      for (int i = 0; i < CHUNK; i++) x[i][k] = there.x[i * SK_WGMMA_COLUMNS / OUT % N];
    }
    return;
  }
#pragma unroll
  for (int i = 0; i < CHUNK * 2; i++) {
    int input = (SK_WGMMA_COLUMNS * (at + i / 2) + threadIdx.x % 4 * 8) / OUT;
    x[i / 2][i % 2] = whole || input < in ? from[i % 2][input] : input == in ? 1.0f : 0.0f;
  }
}

/* Column 32 q + 8t of a user's layer belongs to input (32 q + 8t) / OUT; row a.in is the bias, and beyond it is
 * nothing. share: 1 / 2c. aligned: a chunk's inputs may be read at once. */
template <int D, int PARTS, int OUT>
__global__ static void __launch_bounds__((shape<D, PARTS, OUT>::THREADS), (shape<D, PARTS, OUT>::BLOCKS))
    apply(sk_generate_apply_args a, float share, bool aligned, int all_columns, const sk_wgmma_columns<D, PARTS> *all) {
  using like = shape<D, PARTS, OUT>;
  const int CHUNK = like::CHUNK, EACH = OUT < SK_WGMMA_COLUMNS ? 1 : OUT / SK_WGMMA_COLUMNS;
  static_assert(CHUNK % EACH == 0, "a chunk begins with the first columns of an input");
  extern __shared__ __align__(128) char memory[];
  __shared__ uint64_t barriers[SK_DUAL_STAGES];
  sk_wgmma_stream<sk_wgmma_columns<D, PARTS>, CHUNK> columns;
  int lane = threadIdx.x % SK_WARP, t = lane % 4,
      row = blockIdx.x * like::GROUPS * SK_WGMMA_ROWS + threadIdx.x / SK_WARP * 16;
  const float *from[2]; /* users beyond the last multiply what the last one has */
#pragma unroll
  for (int k = 0; k < 2; k++) from[k] = a.x + (int64_t)min(row + lane / 4 + 8 * k, a.n - 1) * a.in;
  sk_dual_rows<D, 1> z[2];
  shares scale;
  float y[EACH][2][8] = {};
  columns.open(all, 0, all_columns, memory, barriers);
  z[0].load(a.zi, row, a.n, a.d);
  z[1].load(a.zs, row, a.n, a.d);
#pragma unroll
  for (int k = 0; k < 2; k++) {
    scale.item[k] = z[0].scale[k] * share;
    scale.semantic[k] = z[1].scale[k] * share + 0.0f * z[0].scale[k];
  }
  for (int at = 0, n = 0; at < all_columns; at += CHUNK, n++) {
    float x[CHUNK][2];
    load_inputs<CHUNK, OUT>(from, at, a.in, aligned, x);
    const sk_wgmma_columns<D, PARTS> *chunk = columns.take(at, n);
#pragma unroll
    for (int i = 0; i < CHUNK; i++) {
      if (at + i >= all_columns) break;
      add<D, PARTS, like::EARLY>(scale, z, chunk[i], x[i], y[i % EACH]);
    }
  }
#pragma unroll
  for (int i = 0; i < EACH * 16; i++) {
    int64_t user = row + lane / 4 + i / 8 % 2 * 8;
    float sum = y[i / 16][i / 8 % 2][i % 8];
    if (OUT < SK_WGMMA_COLUMNS) sum += __shfl_xor_sync(0xffffffffu, sum, 2);
    int column = i / 16 * SK_WGMMA_COLUMNS + 8 * t + i % 8;
    sum *= 2.0f * a.clip;
    if (user < a.n && column < OUT) a.y[user * OUT + column] = a.f == SK_TANH ? tanhf(sum) : sum;
  }
}

template <int D, int PARTS, int OUT>
static solid_status launch(sk_backend *be, const sk_generate_apply_args *a) {
  sk_dual_args dual = sk_dual_of(a, a->in * a->out + a->out);
  sk_generate_apply_args bounded = *a;
  if (!a->zi) bounded.clip = 1.0f;
  float share = 0.5f / bounded.clip;
  using like = shape<D, PARTS, OUT>;
  int bytes = SK_DUAL_STAGES * like::CHUNK * (int)sizeof(sk_wgmma_columns<D, PARTS>);
  bool aligned = a->in % 4 == 0 && (uintptr_t)a->x % 16 == 0;
  sk_wgmma_columns<D, PARTS> *columns = NULL;
  auto kernel = apply<D, PARTS, OUT>;
  solid_status status = sk_cuda_status(
      be, cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes), "generate_apply");
  if (status == SOLID_OK) status = sk_wgmma_pack_all<D, PARTS, true>(be, &dual, share, &columns);
  if (status != SOLID_OK) return status;
  kernel<<<sk_cuda_blocks(a->n, like::GROUPS * SK_WGMMA_ROWS), like::THREADS, bytes, sk_cuda_stream(be)>>>(
      bounded, share, aligned, (int)sk_cuda_blocks(dual.m, SK_WGMMA_COLUMNS), columns);
  return sk_cuda_launched(be, "generate_apply");
}

template <int D, int PARTS>
static solid_status launch_any(sk_backend *be, const sk_generate_apply_args *a) {
  if (a->out == 16) return launch<D, PARTS, 16>(be, a);
  return a->out == 32 ? launch<D, PARTS, 32>(be, a) : launch<D, PARTS, 64>(be, a);
}

solid_status sk_cuda_generate_apply_wgmma(sk_backend *be, const sk_generate_apply_args *a) {
  bool round = ((sk_cuda *)be)->tf32;
  if (a->d <= 32) return round ? launch_any<32, 1>(be, a) : launch_any<32, 2>(be, a);
  return round ? launch_any<64, 1>(be, a) : launch_any<64, 2>(be, a);
}
