/* What the parts of select share. A history's lists are made by a cluster of blocks, `each` of them a head: a block has
 * the whole list and all masses of its head in shared memory, and computes the masses of its own part of the
 * candidates, which it writes to the other blocks of the head. */
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
  int each;   /* blocks of a head */
  int room;   /* entries of a list */
  int probes; /* of a chunk, in whole halves */
  int groups; /* of eight candidates that a warp has at once: 1, 2 or 4 */
  __host__ __device__ int tile() const { return SK_SELECT_WARPS * 8 * groups; }
};

/* Shared memory of a block. What lies in `shared` twice is not needed at the same time. */
struct sk_select_desk {
  int32_t *rows;        /* (room) the list */
  float *mass;          /* (room) then the next list */
  float2 *tops;         /* (warps, probes) top and sum of each warp's scores */
  unsigned *bins;       /* (2, bins) numbers and sums of candidates, in place of tops */
  float2 *parts;        /* (each, probes) top and sum of each block's */
  unsigned asked, keys; /* addresses of the probes' tiles and the candidates' */
};

__host__ __device__ static inline size_t sk_select_bytes(const sk_select_cut &cut, int D) {
  size_t tops = (size_t)SK_SELECT_WARPS * cut.probes * 8, bins = 2 * SK_SELECT_BINS * 4;
  return (size_t)(cut.probes + cut.tile()) * D * 4 + (size_t)cut.room * 8 + (tops > bins ? tops : bins) +
         (size_t)cut.each * cut.probes * 8;
}

__device__ static inline sk_select_desk sk_select_lay_out(const sk_select_cut &cut, int D, unsigned char *memory) {
  sk_select_desk d;
  size_t tops = (size_t)SK_SELECT_WARPS * cut.probes * 8, bins = 2 * SK_SELECT_BINS * 4;
  d.asked = (unsigned)__cvta_generic_to_shared(memory), memory += (size_t)cut.probes * D * 4;
  d.keys = (unsigned)__cvta_generic_to_shared(memory), memory += (size_t)cut.tile() * D * 4;
  d.tops = (float2 *)memory, d.bins = (unsigned *)memory, memory += tops > bins ? tops : bins;
  d.parts = (float2 *)memory, memory += (size_t)cut.each * cut.probes * 8;
  d.rows = (int32_t *)memory, d.mass = (float *)(d.rows + cut.room);
  return d;
}

/* What a block works on: window w of its head, which is full and has one behind it. */
struct sk_select_work {
  int head, part; /* of the head's blocks */
  int w, n, length, probes;
  __device__ bool forced(const sk_select_rule &rule, int place) const {
    return place < rule.sink || place >= n - rule.window;
  }
};

/* Clusters are sm_90's; the host asks before it launches. */
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900
#define SK_SELECT_CLUSTERS 1
#endif

/* The same place in the shared memory of a block of the cluster. */
template <typename T>
__device__ static inline T *sk_select_there(T *here, int rank) {
#ifdef SK_SELECT_CLUSTERS
  return cooperative_groups::this_cluster().map_shared_rank(here, rank);
#else
  return here + 0 * rank;
#endif
}

__device__ static inline void sk_select_meet() {
#ifdef SK_SELECT_CLUSTERS
  cooperative_groups::this_cluster().sync();
#endif
}

/* Sums over the threads before this one, and over all; x and y apart. Meets the block twice. */
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
  __syncthreads();
  return {below_x + upto_x - x, below_y + upto_y - y, all_x, all_y};
}

#endif
