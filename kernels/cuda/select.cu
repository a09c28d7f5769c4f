/* select: a cluster of blocks makes all lists of a history, one after the other, in one launch; a list stays in shared
 * memory from step to step. Every sum has one order or is of whole numbers, so that lists are the same whenever the
 * step is the same. */
#include "kernels/cuda/select_masses.cuh"
#include "kernels/cuda/select_pick.cuh"

constexpr int MOST = 8192, MAX_DH = 128, THREADS = SK_SELECT_THREADS;

#ifdef SK_SELECT_CLUSTERS

/* The window that a step makes the list of. */
struct next_window {
  int row, first, length; /* its own rows, of q and of k */
  int32_t *list;
  __device__ next_window(const sk_select_args &a, int head, int w) {
    row = a.q_offsets[w], first = a.k_first ? a.k_first[w] : row, length = a.q_offsets[w + 1] - row;
    list = a.rows + (int64_t)head * a.list_stride + a.begin[w];
  }
};

/* A row is under way to the second cache meanwhile. */
__device__ static void fetch(const float *row, int dh) {
  const int LINE = 32;
#pragma unroll 1
  for (int c = 0; c < dh; c += LINE) asm volatile("prefetch.global.L2 [%0];" ::"l"(row + c));
}

/* What the next list needs and this choice does not change: its probes, empty bins, its keys in the second cache, and
 * those probes there that come after it, of rows before `rows`. */
template <int D>
__device__ static void prepare(const sk_select_args &a, const sk_select_cut &cut, const sk_select_desk &d,
                               const sk_select_work &at, const next_window &next, int rows) {
  sk_select_load_probes<D>(a, cut, d, at.head, next.row);
  for (int i = threadIdx.x; i < SK_SELECT_BINS / 2; i += THREADS) ((uint4 *)d.bins)[i] = {};
#pragma unroll 1
  for (int i = at.part * THREADS + (int)threadIdx.x; i < next.length; i += cut.each * THREADS)
    fetch(a.k + (int64_t)(next.first + i) * a.kv_stride + at.head * a.dh, a.dh);
  int t = (int)threadIdx.x - THREADS / 2, row = t >= 0 && t < cut.probes ? d.row[t] + next.row + a.rule.chunk : rows;
  if (at.part == cut.each - 1 && row < rows) fetch(a.q + (int64_t)row * a.q_stride + at.head * a.dh, a.dh);
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
  unsigned *mass = (unsigned *)d.mass, have = sk_select_histogram(a, at, mass, d.bins);
  unsigned want = sk_select_whole(__float_as_uint(a.rule.p * (float)sk_select_probes(&a.rule, a.rule.chunk)));
  const sk_select_bins bins = sk_select_add_up(d.bins);
  const sk_select_choice all = {0, 0, others};
  want = want > have ? want - have : 0;
  bool by_sum = true;
#pragma unroll 1
  for (;;) {
    sk_select_choice choice = all;
    if (!by_sum || a.rule.p < 1.0f) choice = sk_select_pick(at, mass, bins, others, by_sum, want);
    if (!by_sum) return choice;
    int budget = min(agree(a, cut, at, choice.need), a.rule.budget);
    if (budget >= others) return all;
    if (budget == choice.need) return choice;
    by_sum = false, want = (unsigned)budget;
  }
}

/* Writes what is kept of the list over the masses; how many. A warp has the places that follow one another. */
__device__ static int keep(const sk_select_desk &d, const sk_select_work &at, const sk_select_choice &choice) {
  __shared__ int warps[SK_SELECT_WARPS];
  const unsigned ALL = 0xffffffffu;
  int lane = threadIdx.x % SK_WARP, warp = threadIdx.x / SK_WARP, rounds = (at.n + THREADS - 1) / THREADS;
  int first = warp * rounds * SK_WARP + lane, mine = 0;
  unsigned kept = 0; /* a bit each: at most 16 */
#pragma unroll 1
  for (int i = 0, j = first; i < rounds; i++, j += SK_WARP) {
    unsigned bits = j < at.n ? ((const unsigned *)d.mass)[j] : 0;
    bool take = j < at.n && (bits > choice.bits || (bits == choice.bits && j >= choice.place));
    kept |= (unsigned)take << i;
    mine += __popc(__ballot_sync(ALL, take));
  }
  if (lane == 0) warps[warp] = mine;
  __syncthreads(); /* all have read the masses */
  int of = lane < SK_SELECT_WARPS ? warps[lane] : 0, all = __reduce_add_sync(ALL, of);
  int place = __reduce_add_sync(ALL, lane < warp ? of : 0);
  int32_t *rows = (int32_t *)d.mass;
#pragma unroll 1
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
  int n = kept + next.length;
#pragma unroll 1
  for (int i = threadIdx.x; i < next.length; i += THREADS) rows[kept + i] = next.first + i;
  __syncthreads();
#pragma unroll 1
  for (int i = at.part * THREADS + (int)threadIdx.x; i < n; i += cut.each * THREADS) next.list[i] = rows[i];
  if (threadIdx.x == 0 && at.part == 0) a.count[at.head * a.windows + w] = n;
  return n;
}

template <int D, int G>
__device__ static void make_list(const sk_select_args &a, const sk_select_cut &cut, sk_select_desk &d,
                                 sk_select_work &at, next_window &next, int end, int rows) {
  int others = max(0, at.n - a.rule.sink - a.rule.window), part = ((at.n + cut.each - 1) / cut.each + 7) / 8 * 8;
  bool all = at.n <= a.rule.dense_below;
  sk_select_choice choice = {0, 0, others};
  int first = min(at.n, at.part * part);
  const sk_select_weigher<D, G> weigher = {a, cut, d, at, first, min(at.n, first + part)};
  if (!all) weigher.run();
  __syncthreads(); /* the probes have been read */
  prepare<D>(a, cut, d, at, next, rows);
  const next_window after(a, at.head, min(at.w + 2, end - 1));
  if (!all) {
    sk_select_await(SK_SELECT_MASSES, at.turn, weigher.bytes_of(at.n));
    __syncthreads(); /* bins are empty */
    choice = choose(a, cut, d, at, others);
    at.turn++;
  }
  int32_t *list = (int32_t *)d.mass;
  at.n = append(a, cut, at, next, at.w + 1, keep(d, at, choice), list);
  d.mass = (float *)d.rows, d.rows = list;
  next = after;
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
  sk_select_list_probes(a, cut, d);
  if (threadIdx.x == 0) sk_select_counted = {};
  sk_select_begin();
  if (at.w + 1 < end) sk_select_load_probes<D>(a, cut, d, at.head, begun.row);
  __syncthreads();
  int rows = a.q_offsets[end];
  next_window next(a, at.head, min(at.w + 1, end - 1));
  for (; at.w + 1 < end; at.w++) make_list<D, G>(a, cut, d, at, next, end, rows);
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
