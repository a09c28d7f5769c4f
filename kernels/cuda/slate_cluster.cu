/* slate by a cluster of blocks a user. Every block has all of `small` in its shared memory and computes what is short
 * by itself: norms, attention. Of each product it computes a share of the outputs and writes it into the memory of all;
 * its share of the weights comes from L2 once and stays in L1. Each decodes the cells of some columns, which never
 * meet in one step. */
#include <cooperative_groups.h>
#include <string.h>
#define RANKS        8
#define RANK         ((int)cooperative_groups::this_cluster().block_rank())
#define SHARE(words) meet(s, words)
#include "kernels/cuda/slate.cuh"

/* Clusters are sm_90's; the host asks before it launches. */
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900
#define HAS_CLUSTERS 1
#endif

#ifdef HAS_CLUSTERS
/* What an exchange brings into a block counts on a barrier there. There are two, in turn, because a block may send for
 * an exchange while another still waits for the one before, but no further: it has got what all have sent. What is
 * overwritten has been read by then, as a block sends only what it has made of it, behind a barrier of its threads. */
__shared__ static uint64_t arrived[2];

__device__ static inline uint32_t shared_address(const void *p) {
  return (uint32_t)__cvta_generic_to_shared(p);
}

template <int D, typename T>
__device__ static __forceinline__ void share(const slate_user<D> *s, T *to, T x) {
  static_assert(sizeof x == 4, "a word");
  uint32_t address = shared_address(to) + s->remote, barrier = shared_address(arrived + s->turn % 2) + s->remote, word;
  memcpy(&word, &x, sizeof word);
  asm volatile("st.async.shared::cluster.mbarrier::complete_tx::bytes.u32 [%0], %1, [%2];" ::"r"(address), "r"(word),
               "r"(barrier)
               : "memory");
}

template <int D>
__device__ static __forceinline__ void meet(const slate_user<D> *s, int words) {
  uint32_t barrier = shared_address(arrived + s->turn % 2), parity = s->turn / 2 % 2, done = 0;
  if (threadIdx.x == 0)
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(barrier), "r"(words * 4) : "memory");
  while (!done)
    asm volatile("{\n.reg .pred p;\n"
                 "mbarrier.try_wait.parity.acquire.cluster.shared::cta.b64 p, [%1], %2;\n"
                 "selp.u32 %0, 1, 0, p;\n}"
                 : "=r"(done)
                 : "r"(barrier), "r"(parity)
                 : "memory");
  s->turn++;
}

/* Nobody writes into a block that is not there yet. */
template <int D>
__device__ static __forceinline__ void begin_exchanges(slate_user<D> *s) {
  uint32_t here = shared_address(arrived), there;
  asm volatile("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(there) : "r"(here), "r"(threadIdx.x % RANKS));
  s->remote = there - here, s->turn = 0;
  if (threadIdx.x < 2)
    asm volatile("mbarrier.init.shared::cta.b64 [%0], 1;" ::"r"(shared_address(arrived + threadIdx.x)) : "memory");
  asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
  cooperative_groups::this_cluster().sync();
}

#define SK_SLATE_PRIMITIVES "kernels/cuda/slate_primitives.cuh"
#include "kernels/slate_body.h"
#endif

template <int D>
__global__ static void __launch_bounds__(THREADS)
    decode(const __grid_constant__ sk_slate_args a, const __grid_constant__ slate_small places, float *large,
           int64_t large_words) {
#ifdef HAS_CLUSTERS
  extern __shared__ float4 shared[];
  int w = blockIdx.x / RANKS;
  sk_slate_grid grid = settle(a.grid, (int32_t *)((float *)shared + places.words));
  slate_user<D> user;
  slate_bind_large(&user, &a, w, large + w * large_words);
  slate_bind_small(&user, &places, (float *)shared);
  user.g = &grid;
  begin_exchanges(&user);
  slate_decode(&user);
  cooperative_groups::this_cluster().sync(); /* nor into one that has ended */
#endif
}

typedef void (*kernel)(const sk_slate_args, const slate_small, float *, int64_t);

/* The compiler knows the usual width. */
static kernel kernel_of(const sk_slate_args *a, bool aligned) {
  return aligned && a->net.d == 64 ? decode<64> : decode<0>;
}

/* What starts n clusters. */
struct start {
  cudaLaunchConfig_t config;
  cudaLaunchAttribute size;

  start(sk_backend *be, int n, size_t bytes) : config{}, size{} {
    size.id = cudaLaunchAttributeClusterDimension;
    size.val.clusterDim = {RANKS, 1, 1};
    config.gridDim = dim3(RANKS * (unsigned)n), config.blockDim = dim3(THREADS), config.dynamicSmemBytes = bytes;
    config.stream = sk_cuda_stream(be), config.attrs = &size, config.numAttrs = 1;
  }
};

/* Of the memory of a multiprocessor, what the kernel does not need is left to L1, where the weights stay. */
static cudaError_t prepare(sk_backend *be, kernel decode, size_t bytes) {
  static const size_t own = 4 * 1024;
  int all = 0;
  cudaError_t error = cudaFuncSetAttribute(decode, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)bytes);
  if (error == cudaSuccess)
    error = cudaDeviceGetAttribute(&all, cudaDevAttrMaxSharedMemoryPerMultiprocessor, ((sk_cuda *)be)->device);
  if (error != cudaSuccess) return error;
  int percent = (int)((100 * (bytes + own) + (size_t)all - 1) / (size_t)all);
  return cudaFuncSetAttribute(decode, cudaFuncAttributePreferredSharedMemoryCarveout, percent < 100 ? percent : 100);
}

bool sk_cuda_slate_is_clustered(sk_backend *be, const sk_slate_args *a, size_t bytes) {
  int major = 0, clusters = 0;
  if (cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, ((sk_cuda *)be)->device) != cudaSuccess ||
      major < 9 || prepare(be, decode<0>, bytes) != cudaSuccess)
    return false;
  start s(be, a->n, bytes);
  return cudaOccupancyMaxActiveClusters(&clusters, decode<0>, &s.config) == cudaSuccess && a->n <= clusters;
}

solid_status sk_cuda_slate_cluster(sk_backend *be, const sk_slate_args *a, float *large, size_t bytes, bool aligned) {
  kernel decode = kernel_of(a, aligned);
  cudaError_t error = prepare(be, decode, bytes);
  start s(be, a->n, bytes);
  if (error == cudaSuccess)
    error = cudaLaunchKernelEx(&s.config, decode, *a, slate_small_of(a), large, slate_large_of(a).words);
  return sk_cuda_status(be, error, "slate");
}
