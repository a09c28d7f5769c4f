/* The generator's products by Hopper's warpgroups, for what is compiled for sm_90a and run where that runs
 * (sk_cuda.wgmma); numbers, scales and splits are those of dual.cuh. Four warps multiply 64 rows, which stay in
 * registers, by 32 columns straight from shared memory, for which mma spends most of its time on loads. Where products
 * may round their factors (sk_cuda.tf32), x = hi alone: 11 bits of either factor, as TF32 has, and a third of the
 * products. */
#ifndef SK_GENERATE_WGMMA_CUH
#define SK_GENERATE_WGMMA_CUH

#include "kernels/cuda/dual.cuh"

constexpr int SK_WGMMA_COLUMNS = 32; /* of one product */
constexpr int SK_WGMMA_GROUP = 128;  /* threads that multiply together */
constexpr int SK_WGMMA_ROWS = 64;    /* of a group */

/* 32 columns of both branches, in the matrices of 8 columns by 8 inputs that a product reads. */
template <int D, int PARTS>
struct __align__(128) sk_wgmma_columns {
  uint32_t g[2][PARTS][D / 16][2][SK_WGMMA_COLUMNS / 8][8]
            [4];                             /* branch; hi, lo; step; half of its inputs; columns; pairs */
  float b[2][SK_WGMMA_COLUMNS], scale[2][2]; /* biases; scale: of 16 columns */
};

/* Products give lane t columns 8 * tile + 2t and its neighbour. WIDE: those are to be columns 8t .. 8t + 7; else
 * 4t .. 4t + 3 of either half. The inputs of a step are permuted as dual.cuh says. Block (SK_WARP, 2, 2): a warp packs
 * a branch of 16 columns. */
template <int D, int PARTS, bool WIDE>
__global__ static void sk_wgmma_pack(sk_dual_args a, bool aligned, sk_wgmma_columns<D, PARTS> *all) {
  int lane = threadIdx.x, branch = threadIdx.y, half = threadIdx.z, first = blockIdx.x * SK_WGMMA_COLUMNS + 16 * half;
  const float *from = branch ? a.gs : a.gi, *bias = branch ? a.bs : a.bi;
  sk_wgmma_columns<D, PARTS> &to = all[blockIdx.x];
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
  if (lane < 16) {
    float b = from && first + lane < a.m ? bias[first + lane] : 0.0f;
    to.b[branch][16 * half + lane] = b;
  }
  if (lane == 0) to.scale[branch][half] = scale;
}

/* A product's columns in shared memory: no swizzle; 512 bytes from one half of the inputs to the other, 128 from eight
 * columns to the next. */
__device__ static inline uint64_t sk_wgmma_describe(const void *columns) {
  uint64_t at = __cvta_generic_to_shared(columns);
  return (at & 0x3ffff) >> 4 | (uint64_t)(512 >> 4) << 16 | (uint64_t)(128 >> 4) << 32;
}

/* sum (64, 32) = rows (64, 16) columns (16, 32), added to what it was if `keep`. */
__device__ static inline void sk_wgmma_multiply(float (&c)[16], const unsigned (&a)[4], uint64_t columns, int keep) {
  asm volatile(
      "{.reg .pred p;\n"
      "setp.ne.b32 p, %21, 0;\n"
      "wgmma.mma_async.sync.aligned.m64n32k16.f32.f16.f16 {%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, "
      "%14, %15}, {%16, %17, %18, %19}, %20, p, 1, 1, 0;}"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3]), "+f"(c[4]), "+f"(c[5]), "+f"(c[6]), "+f"(c[7]), "+f"(c[8]),
        "+f"(c[9]), "+f"(c[10]), "+f"(c[11]), "+f"(c[12]), "+f"(c[13]), "+f"(c[14]), "+f"(c[15])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(columns), "r"(keep));
}

/* The products of 64 rows and 32 columns: sum[branch][4 * tile + 2k + c] is row 8k + lane / 4 and column 8 * tile + 2t
 * + c of the packed ones. Small terms are summed before great ones. */
template <int D, int PARTS>
__device__ static inline void sk_wgmma_products(const sk_dual_rows<D, 1> (&z)[2],
                                                const sk_wgmma_columns<D, PARTS> &from, float (&sum)[2][16]) {
  const int STEPS = D / 16, TERMS = PARTS == 1 ? 1 : 3;
  asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
#pragma unroll
  for (int i = 0; i < TERMS * STEPS * 2; i++) {
    int k = i % 2, step = i / 2 % STEPS, term = i / 2 / STEPS;
    const unsigned(&rows)[4] = TERMS > 1 && term == 0 ? z[k].lo[0][step] : z[k].hi[0][step];
    sk_wgmma_multiply(sum[k], rows, sk_wgmma_describe(from.g[k][term == 1 ? PARTS - 1 : 0][step]), i >= 2);
  }
  asm volatile("wgmma.commit_group.sync.aligned;\nwgmma.wait_group.sync.aligned 0;" ::: "memory");
#pragma unroll
  for (int i = 0; i < 32; i++) asm volatile("" : "+f"(sum[i / 16][i % 16])); /* must not be read before the wait */
}

/* Chunks of packed columns on their way into shared memory: the copy engine brings one while others are multiplied, and
 * what it writes is what products see. All threads of the block call all functions. */
template <typename PACKED, int CHUNK>
struct sk_wgmma_stream {
  const PACKED *all;
  PACKED *stages; /* SK_DUAL_STAGES of CHUNK */
  unsigned there; /* shared address of SK_DUAL_STAGES barriers: a stage has come */
  int end;        /* of the columns */

  __device__ void open(const PACKED *from, int first, int past, void *memory, uint64_t *barriers) {
    all = from, end = past, stages = (PACKED *)memory, there = (unsigned)__cvta_generic_to_shared(barriers);
    if (threadIdx.x == 0) {
      for (int i = 0; i < SK_DUAL_STAGES; i++)
        asm volatile("mbarrier.init.shared::cta.b64 [%0], 1;" ::"r"(there + 8 * i) : "memory");
      asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
    }
    __syncthreads();
    for (int i = 0; i + 1 < SK_DUAL_STAGES; i++) fetch(first + i * CHUNK, i);
  }

  __device__ void fetch(int at, int stage) {
    unsigned bytes = max(0, min(CHUNK, end - at)) * (unsigned)sizeof(PACKED), barrier = there + 8 * stage;
    if (threadIdx.x == 0 && bytes > 0) {
      asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(barrier), "r"(bytes) : "memory");
      asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::"r"(
                       (unsigned)__cvta_generic_to_shared(stages + stage * CHUNK)),
                   "l"(all + at), "r"(bytes), "r"(barrier)
                   : "memory");
    }
    __syncwarp(); /* products want the warp together */
  }

  /* Waits for chunk number n, which begins at `at`; everyone is done with the one before, whose place the next but one
   * takes. */
  __device__ const PACKED *take(int at, int n) {
    unsigned barrier = there + 8 * (n % SK_DUAL_STAGES), parity = n / SK_DUAL_STAGES % 2;
    asm volatile("{.reg .pred come;\n"
                 "wait: mbarrier.try_wait.parity.shared::cta.b64 come, [%0], %1;\n"
                 "@!come bra wait;}" ::"r"(barrier),
                 "r"(parity)
                 : "memory");
    __syncthreads();
    fetch(at + (SK_DUAL_STAGES - 1) * CHUNK, (n + SK_DUAL_STAGES - 1) % SK_DUAL_STAGES);
    return stages + n % SK_DUAL_STAGES * CHUNK;
  }
};

template <int D, int PARTS, bool WIDE>
static solid_status sk_wgmma_pack_all(sk_backend *be, const sk_dual_args *a, sk_wgmma_columns<D, PARTS> **out) {
  static_assert(sizeof **out <= SK_PACKED_SIZE(D) && SK_WGMMA_COLUMNS == SK_PACKED_COLUMNS, "see kernels/generate.h");
  void *memory = NULL;
  unsigned blocks = sk_cuda_blocks(a->m, SK_WGMMA_COLUMNS);
  solid_status status = sk_cuda_workspace(be, sk_packed_bytes(a->d, a->m), &memory);
  if (status != SOLID_OK) return status;
  *out = (sk_wgmma_columns<D, PARTS> *)memory;
  bool aligned = (!a->gi || sk_rows_aligned(a->gi, a->d)) && (!a->gs || sk_rows_aligned(a->gs, a->d));
  sk_wgmma_pack<D, PARTS, WIDE><<<blocks, dim3(SK_WARP, 2, 2), 0, sk_cuda_stream(be)>>>(*a, aligned, *out);
  return SOLID_OK;
}

#endif
