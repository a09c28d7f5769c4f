/* What the files of slate share: the body's macros for the threads of a block, and the kernels' order. A call's
 * workspace holds the users' `large`, then, where it does not fit into shared memory, their `small`. */
#ifndef SK_CUDA_SLATE_CUH
#define SK_CUDA_SLATE_CUH

#include "kernels/cuda/cuda.cuh"

/* All is compiled into one function, so that pointers of a user and sizes are registers and constants. */
#define FN                                                                                                             \
  template <int D>                                                                                                     \
  __device__ static __forceinline__
#define BOTH        __host__ __device__ static inline
#define USER        slate_user<D>
#define WIDTH(s)    (D ? D : (s)->a->net.d)
#define FOR(i, n)   for (int i = (int)threadIdx.x; i < (int)(n); i += (int)blockDim.x)
#define ONE         if (threadIdx.x == 0)
#define SYNC()      __syncthreads()
#define POPCOUNT(x) (uint32_t) __popc(x)
#include "kernels/slate_user.h"

static constexpr int THREADS = 512, WARPS = THREADS / SK_WARP;

/* Everything about a user's items: scores and allowed places, and under a guide the best below each node of level 1. */
solid_status sk_cuda_slate_read(sk_backend *be, const sk_slate_args *a, float *large);

/* The whole of some users' slates by a cluster of blocks each, all of whose `small` is in shared memory. Whether a
 * device and these shapes can do it for so many users at once. aligned: weights may be read
 * four at a time. */
bool sk_cuda_slate_is_clustered(sk_backend *be, const sk_slate_args *a, size_t bytes);
solid_status sk_cuda_slate_cluster(sk_backend *be, const sk_slate_args *a, float *large, size_t bytes, bool aligned);

/* The grid's lists, 4-byte words. */
static inline int64_t slate_list_words(const sk_slate_grid *g) {
  int64_t cells = (int64_t)g->rows * g->width;
  return 2 * ((int64_t)g->steps + 1) + 2 * cells + 1 + 3 * (int64_t)g->inputs + 1 + 2 * (int64_t)g->n_ranges +
         2 * (int64_t)g->n_sources;
}

typedef unsigned long long slate_key;

/* Of an allowed place: larger is better in the ranker's order. 0 where it is not allowed. */
FN slate_key slate_key_of(const USER *s, uint32_t place) {
  float x = s->score[place];
  unsigned bits = __float_as_uint(x == 0.0f ? 0.0f : x), rising = bits ^ ((unsigned)((int)bits >> 31) | 0x80000000u);
  slate_key key = (slate_key)rising << 32 | ~s->a->trie.item[place];
  return slate_allowed(s, place) ? key : 0;
}

FN uint32_t slate_place_of(const USER *s, slate_key key) {
  return key ? s->a->trie.place[~(uint32_t)key] : SK_SLATE_NOWHERE;
}

/* The best below `limit` among the places begin + at, begin + at + size, ... before end. */
FN slate_key slate_best(const USER *s, uint32_t begin, uint32_t end, slate_key limit, uint32_t at, uint32_t size) {
  slate_key best = 0;
#pragma unroll 4
  for (uint32_t p = begin + at; p < end; p += size) {
    slate_key key = slate_key_of(s, p);
    if (key < limit && key > best) best = key;
  }
  return best;
}

/* The best of a group of `size` lanes. */
__device__ static inline slate_key slate_most(slate_key key, int size) {
  for (int step = size / 2; step > 0; step /= 2) {
    slate_key other = __shfl_xor_sync(0xffffffffu, key, step);
    if (other > key) key = other;
  }
  return key;
}

#endif
