/* What the parts of select share. A history's lists are made by a cluster of blocks, `each` of them a head: a block has
 * the whole list and all masses of its head in shared memory, and computes the masses of its own part of the
 * candidates, which it sends to the other blocks of the head. */
#ifndef SK_SELECT_DESK_CUH
#define SK_SELECT_DESK_CUH

#include "kernels/cuda/attend_tensor.cuh"
#include <cooperative_groups.h>

enum {
  SK_SELECT_THREADS = 512,
  SK_SELECT_WARPS = SK_SELECT_THREADS / SK_WARP,
  SK_SELECT_HEADS = 8,
  SK_SELECT_BINS = 2048,
  SK_SELECT_FEW = 256, /* of a bin that are compared */
  SK_SELECT_LOW = 20,  /* bits of a mass that a bin does not tell */
  SK_SELECT_HALF = 64  /* probes whose scores a thread holds at once */
};

/* How the work of a launch is cut; host and device. */
struct sk_select_cut {
  int each;     /* blocks of a head */
  int room;     /* entries of a list, even */
  int probes;   /* of a chunk, in whole halves */
  bool aligned; /* rows may be read four numbers at a time */
};

/* Shared memory of a block. */
struct sk_select_desk {
  unsigned *asked; /* probes in BF16 as products read them: select_masses.cuh */
  float2 *tops;    /* (warps, probes) top and sum of each warp's scores */
  float2 *parts;   /* (each, probes) of each block's */
  float *lse;      /* (probes) */
  int32_t *row;    /* (probes) of a full window; -1: stands for none */
  unsigned *bins;  /* (2, bins) numbers and sums of candidates */
  int32_t *rows;   /* (room) the list */
  float *mass;     /* (room) then the next list */
};

__host__ __device__ static inline size_t sk_select_bytes(const sk_select_cut &cut, int D) {
  return (size_t)cut.probes * (4 * D + 8 * (SK_SELECT_WARPS + cut.each) + 8) + 8 * (SK_SELECT_BINS + (size_t)cut.room);
}

__device__ static inline sk_select_desk sk_select_lay_out(const sk_select_cut &cut, int D, unsigned char *memory) {
  sk_select_desk d;
  d.asked = (unsigned *)memory, memory += (size_t)cut.probes * D * 4;
  d.tops = (float2 *)memory, d.parts = d.tops + SK_SELECT_WARPS * cut.probes;
  d.lse = (float *)(d.parts + cut.each * cut.probes), d.row = (int32_t *)(d.lse + cut.probes);
  d.bins = (unsigned *)(d.row + cut.probes);
  d.rows = (int32_t *)(d.bins + 2 * SK_SELECT_BINS), d.mass = (float *)(d.rows + cut.room);
  return d;
}

/* What a block works on: window w of its head, which is full and has one behind it. */
struct sk_select_work {
  int head, part; /* of the head's blocks */
  int w, n;
  unsigned turn; /* how many lists were weighed */
  __device__ bool forced(const sk_select_rule &rule, int place) const {
    return place < rule.sink || place >= n - rule.window;
  }
};

/* Clusters are sm_90's; the host asks before it launches. */
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900
#define SK_SELECT_CLUSTERS 1
#endif

/* Exchanges of a list, in their order. What one brings into a block counts on a barrier there. A block that sends rows
 * has got the masses before from all blocks of its head, and one that sends masses their rows, so that whoever gets
 * them has done with the last ones. Needs come from one block of every head, and the others of that head may still wait
 * for the needs before, but no further back: they have two barriers and places in turn. */
enum { SK_SELECT_ROWS, SK_SELECT_MASSES, SK_SELECT_NEEDS, SK_SELECT_EXCHANGES = SK_SELECT_NEEDS + 2 };

#ifdef SK_SELECT_CLUSTERS
__shared__ static uint64_t sk_select_arrived[SK_SELECT_EXCHANGES];

__device__ static inline unsigned sk_select_here(const void *p) {
  return (unsigned)__cvta_generic_to_shared(p);
}

/* The same place in the shared memory of a block of the cluster. */
__device__ static inline unsigned sk_select_there(const void *p, int rank) {
  unsigned there;
  asm("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(there) : "r"(sk_select_here(p)), "r"(rank));
  return there;
}

__device__ static inline void sk_select_send(int exchange, float2 *to, int rank, float x, float y) {
  asm volatile("st.async.shared::cluster.mbarrier::complete_tx::bytes.v2.f32 [%0], {%1, %2}, [%3];" ::"r"(
                   sk_select_there(to, rank)),
               "f"(x), "f"(y), "r"(sk_select_there(sk_select_arrived + exchange, rank))
               : "memory");
}

__device__ static inline void sk_select_send(int exchange, int *to, int rank, int x) {
  asm volatile(
      "st.async.shared::cluster.mbarrier::complete_tx::bytes.s32 [%0], %1, [%2];" ::"r"(sk_select_there(to, rank)),
      "r"(x), "r"(sk_select_there(sk_select_arrived + exchange, rank))
      : "memory");
}

/* Waits for so many bytes, the exchange's `phase`-th. */
__device__ static inline void sk_select_await(int exchange, unsigned phase, int bytes) {
  unsigned barrier = sk_select_here(sk_select_arrived + exchange), done = 0;
  if (threadIdx.x == 0)
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(barrier), "r"(bytes) : "memory");
  while (!done)
    asm volatile("{\n.reg .pred p;\n"
                 "mbarrier.try_wait.parity.acquire.cluster.shared::cta.b64 p, [%1], %2;\n"
                 "selp.u32 %0, 1, 0, p;\n}"
                 : "=r"(done)
                 : "r"(barrier), "r"(phase % 2)
                 : "memory");
}

/* Nobody sends to a block that is not there yet, */
__device__ static inline void sk_select_begin() {
  if (threadIdx.x < SK_SELECT_EXCHANGES)
    asm volatile("mbarrier.init.shared::cta.b64 [%0], 1;" ::"r"(sk_select_here(sk_select_arrived + threadIdx.x))
                 : "memory");
  asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
  cooperative_groups::this_cluster().sync();
}

/* nor to one that has ended. */
__device__ static inline void sk_select_end() {
  cooperative_groups::this_cluster().sync();
}
#endif

/* Sums over the threads before this one, and over all; x and y apart. Meets the block once, and between two calls it
 * must meet once more. */
struct sk_select_sums {
  unsigned before_x, before_y, all_x, all_y;
};
__device__ static inline sk_select_sums sk_select_scan(unsigned x, unsigned y) {
  __shared__ uint2 warps[SK_SELECT_WARPS];
  int lane = threadIdx.x % SK_WARP, warp = threadIdx.x / SK_WARP;
  unsigned upto_x = x, upto_y = y;
#pragma unroll
  for (int step = 1; step < SK_WARP; step *= 2) {
    unsigned more_x = __shfl_up_sync(0xffffffffu, upto_x, step), more_y = __shfl_up_sync(0xffffffffu, upto_y, step);
    if (lane >= step) upto_x += more_x, upto_y += more_y;
  }
  if (lane == SK_WARP - 1) warps[warp] = make_uint2(upto_x, upto_y);
  __syncthreads();
  uint2 of = lane < SK_SELECT_WARPS ? warps[lane] : make_uint2(0, 0);
  unsigned below_x = __reduce_add_sync(0xffffffffu, lane < warp ? of.x : 0);
  unsigned below_y = __reduce_add_sync(0xffffffffu, lane < warp ? of.y : 0);
  unsigned all_x = __reduce_add_sync(0xffffffffu, of.x), all_y = __reduce_add_sync(0xffffffffu, of.y);
  return {below_x + upto_x - x, below_y + upto_y - y, all_x, all_y};
}

#endif
