/* select: a cluster of blocks makes all lists of a history, one after the other, in one launch; a list stays in shared
 * memory from step to step. Every sum has one order or is of whole numbers, so that lists are the same whenever the
 * step is the same. */
#include "kernels/cuda/select_masses.cuh"
#include "kernels/cuda/select_pick.cuh"

constexpr int MOST = 8192, MAX_DH = 128, THREADS = SK_SELECT_THREADS;

#ifdef SK_SELECT_CLUSTERS

/* The window that a step makes the list of. */
struct next_window {
  int first, length; /* its own rows */
  int32_t *list;
  __device__ next_window(const sk_select_args &a, int head, int w) {
    first = a.k_first ? a.k_first[w] : a.q_offsets[w], length = a.q_offsets[w + 1] - a.q_offsets[w];
    list = a.rows + (int64_t)head * a.list_stride + a.begin[w];
  }
};

/* What the next step needs and this one does not change: its probes, empty bins, and its keys in the second cache. */
template <int D>
__device__ static void prepare(const sk_select_args &a, const sk_select_cut &cut, const sk_select_desk &d,
                               const sk_select_work &at, const next_window &next) {
  const int LINE = 32;
  sk_select_load_probes<D>(a, cut.aligned, at.head, at.w + 1, cut.probes, d.asked, d.unseen);
  sk_select_clear(d);
#pragma unroll 1
  for (int i = at.part * THREADS + (int)threadIdx.x; i < next.length; i += cut.each * THREADS)
#pragma unroll 1
    for (int c = 0; c < a.dh; c += LINE)
      asm volatile(
          "prefetch.global.L2 [%0];" ::"l"(a.k + (int64_t)(next.first + i) * a.kv_stride + at.head * a.dh + c));
}

/* What the neediest head takes, for all of them. */
__device__ static int agree(const sk_select_args &a, const sk_select_cut &cut, const sk_select_work &at, int need) {
  __shared__ int needs[2][SK_SELECT_HEADS];
  int *all = needs[at.turn % 2], exchange = SK_SELECT_NEEDS + at.turn % 2, most = 0;
  if (a.heads == 1) return need;
  if (at.part == 0 && (int)threadIdx.x < a.heads * cut.each) sk_select_send(exchange, all + at.head, threadIdx.x, need);
  sk_select_await(exchange, at.turn / 2, a.heads * (int)sizeof(int));
#pragma unroll 1
  for (int head = 0; head < a.heads; head++) most = max(most, all[head]);
  return most;
}

/* The choice of this head alone, then with the number that all take. */
__device__ static sk_select_choice choose(const sk_select_args &a, const sk_select_cut &cut, const sk_select_desk &d,
                                          const sk_select_work &at, int others) {
  unsigned have = sk_select_histogram(a, at, d.mass, d.bins), want = sk_select_whole(a.rule.p * (float)at.probes);
  const sk_select_bins bins = sk_select_add_up(d.bins);
  const sk_select_choice all = {0, 0, others};
  want = want > have ? want - have : 0;
  bool by_sum = true;
#pragma unroll 1
  for (;;) {
    sk_select_choice choice = all;
    if (!by_sum || a.rule.p < 1.0f) choice = sk_select_pick(a, at, d.mass, bins, others, by_sum, want);
    if (!by_sum) return choice;
    int budget = min(agree(a, cut, at, choice.need), a.rule.budget);
    if (budget >= others) return all;
    if (budget == choice.need) return choice;
    by_sum = false, want = (unsigned)budget;
  }
}

/* Writes what is kept of the list over the masses; how many. A warp has the places that follow one another. */
__device__ static int keep(const sk_select_args &a, const sk_select_desk &d, const sk_select_work &at,
                           const sk_select_choice &choice) {
  __shared__ int warps[SK_SELECT_WARPS];
  const unsigned ALL = 0xffffffffu;
  int lane = threadIdx.x % SK_WARP, warp = threadIdx.x / SK_WARP, rounds = (at.n + THREADS - 1) / THREADS;
  int first = warp * rounds * SK_WARP + lane, mine = 0;
  unsigned kept = 0; /* a bit each: at most 16 */
  for (int i = 0, j = first; i < rounds; i++, j += SK_WARP) {
    unsigned bits = j < at.n ? sk_select_bits(d.mass[j]) : 0;
    bool take = bits > choice.bits || (bits == choice.bits && j >= choice.place) || at.forced(a.rule, j);
    take = take && j < at.n;
    kept |= (unsigned)take << i;
    mine += __popc(__ballot_sync(ALL, take));
  }
  if (lane == 0) warps[warp] = mine;
  __syncthreads(); /* all have read the masses */
  int of = lane < SK_SELECT_WARPS ? warps[lane] : 0, all = __reduce_add_sync(ALL, of);
  int place = __reduce_add_sync(ALL, lane < warp ? of : 0);
  int32_t *rows = (int32_t *)d.mass;
  for (int i = 0, j = first; i < rounds; i++, j += SK_WARP) {
    unsigned taken = __ballot_sync(ALL, kept >> i & 1);
    if (kept >> i & 1) rows[place + __popc(taken & ((1u << lane) - 1))] = d.rows[j];
    place += __popc(taken);
  }
  return all;
}

/* The window's own rows behind `kept` entries; the list, of which each block writes a share. */
__device__ static int append(const sk_select_args &a, const sk_select_cut &cut, const sk_select_work &at,
                             const next_window &next, int w, int kept, int32_t *rows) {
  int n = kept + next.length, share = (n + cut.each - 1) / cut.each;
#pragma unroll 1
  for (int i = threadIdx.x; i < next.length; i += THREADS) rows[kept + i] = next.first + i;
  __syncthreads();
#pragma unroll 1
  for (int i = at.part * share + (int)threadIdx.x; i < min(n, (at.part + 1) * share); i += THREADS)
    next.list[i] = rows[i];
  if (threadIdx.x == 0 && at.part == 0) a.count[at.head * a.windows + w] = n;
  return n;
}

template <int D, int G>
__device__ static void make_list(const sk_select_args &a, const sk_select_cut &cut, sk_select_desk &d,
                                 sk_select_work &at) {
  const next_window next(a, at.head, at.w + 1);
  int others = max(0, at.n - a.rule.sink - a.rule.window), part = ((at.n + cut.each - 1) / cut.each + 7) / 8 * 8;
  bool all = at.n <= a.rule.dense_below;
  sk_select_choice choice = {0, 0, others};
  int first = min(at.n, at.part * part);
  const sk_select_weigher<D, G> weigher = {a, cut, d, at, first, min(at.n, first + part)};
  if (!all) weigher.run();
  __syncthreads(); /* the probes have been read */
  prepare<D>(a, cut, d, at, next);
  if (!all) {
    sk_select_await(SK_SELECT_MASSES, at.turn, weigher.bytes_of(at.n));
    choice = choose(a, cut, d, at, others);
    at.turn++;
  }
  int32_t *rows = (int32_t *)d.mass;
  at.n = append(a, cut, at, next, at.w + 1, keep(a, d, at, choice), rows);
  d.mass = (float *)d.rows, d.rows = rows;
  at.length = next.length, at.probes = sk_select_probes(&a.rule, next.length);
}

#endif

template <int D, int G>
__global__ static void __launch_bounds__(THREADS, 1)
    make_lists(const __grid_constant__ sk_select_args a, const __grid_constant__ sk_select_cut cut) {
#ifdef SK_SELECT_CLUSTERS
  extern __shared__ __align__(128) unsigned char memory[];
  int blocks = a.heads * cut.each, history = (int)blockIdx.x / blocks, rank = (int)blockIdx.x % blocks;
  int end = a.chunk_offsets[history + 1];
  sk_select_work at = {rank / cut.each, rank % cut.each, a.chunk_offsets[history]};
  if (at.w >= end) return;
  sk_select_desk d = sk_select_lay_out(cut, D, memory);
  const next_window begun(a, at.head, at.w);
  if (a.resume) {
    at.n = a.count[at.head * a.windows + at.w];
#pragma unroll 1
    for (int i = threadIdx.x; i < at.n; i += THREADS) d.rows[i] = begun.list[i];
  } else {
    at.n = append(a, cut, at, begun, at.w, 0, d.rows);
  }
  at.length = begun.length, at.probes = sk_select_probes(&a.rule, begun.length);
  sk_select_load_probes<D>(a, cut.aligned, at.head, at.w, cut.probes, d.asked, d.unseen);
  sk_select_begin();
  for (; at.w + 1 < end; at.w++) make_list<D, G>(a, cut, d, at);
  sk_select_end();
#endif
}

/* Few histories get clusters of all that one may have. */
static sk_select_cut cut_of(const sk_select_args *a) {
  const int USUAL = 8, LARGE = 16, FEW = 6;
  int probes = sk_select_probes(&a->rule, a->rule.chunk), halves = (probes + SK_SELECT_HALF - 1) / SK_SELECT_HALF;
  bool aligned = (a->q_stride | a->kv_stride | a->dh) % 4 == 0 && ((uintptr_t)a->q | (uintptr_t)a->k) % 16 == 0;
  return {(a->histories <= FEW ? LARGE : USUAL) / a->heads, (sk_select_room(&a->rule) + 1) / 2 * 2,
          (halves > 1 ? halves : 1) * SK_SELECT_HALF, aligned};
}

template <int D, int G>
static cudaError_t launch(sk_backend *be, const sk_select_args *a, const sk_select_cut &cut) {
  size_t bytes = sk_select_bytes(cut, D);
  cudaLaunchConfig_t config = {};
  cudaLaunchAttribute size = {};
  size.id = cudaLaunchAttributeClusterDimension;
  size.val.clusterDim.x = (unsigned)(a->heads * cut.each), size.val.clusterDim.y = size.val.clusterDim.z = 1;
  config.gridDim = dim3((unsigned)(a->histories * a->heads * cut.each)), config.blockDim = dim3(THREADS);
  config.dynamicSmemBytes = bytes, config.stream = sk_cuda_stream(be), config.attrs = &size, config.numAttrs = 1;
  cudaError_t error = cudaFuncSetAttribute(make_lists<D, G>, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)bytes);
  if (error == cudaSuccess)
    error = cudaFuncSetAttribute(make_lists<D, G>, cudaFuncAttributeNonPortableClusterSizeAllowed, 1);
  return error == cudaSuccess ? cudaLaunchKernelEx(&config, make_lists<D, G>, *a, cut) : error;
}

/* So many groups that a block's part is one tile, where registers suffice. */
template <int D>
static cudaError_t launch_width(sk_backend *be, const sk_select_args *a) {
  const sk_select_cut cut = cut_of(a);
  return cut.room > cut.each * SK_SELECT_WARPS * 16 ? launch<D, 4>(be, a, cut) : launch<D, 2>(be, a, cut);
}

solid_status sk_cuda_select(sk_backend *be, const sk_select_args *a) {
  int probes = sk_select_probes(&a->rule, a->rule.chunk), room = sk_select_room(&a->rule), major = 0;
  cudaError_t error = cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, ((sk_cuda *)be)->device);
  if (error != cudaSuccess) return sk_cuda_status(be, error, "select");
  if (major < 9 || a->dh > MAX_DH || a->heads > SK_SELECT_HEADS)
    return sk_fail(be, SOLID_EUNSUPPORTED,
                   "cuda select: %d heads of width %d, needs at most %d of %d and a card of sm_90 or later", a->heads,
                   a->dh, SK_SELECT_HEADS, MAX_DH);
  if (probes > SK_SELECT_PROBES)
    return sk_fail(be, SOLID_EUNSUPPORTED, "cuda select: %d probes a chunk, at most %d; use a longer stride", probes,
                   SK_SELECT_PROBES);
  if (room > MOST)
    return sk_fail(be, SOLID_EUNSUPPORTED, "cuda select: %d candidates, at most %d; use a smaller budget", room, MOST);
  if (a->histories == 0 || a->heads == 0) return SOLID_OK;
  error = a->dh <= 16   ? launch_width<16>(be, a)
          : a->dh <= 32 ? launch_width<32>(be, a)
          : a->dh <= 64 ? launch_width<64>(be, a)
                        : launch<128, 2>(be, a, cut_of(a));
  return sk_cuda_status(be, error, "select");
}
