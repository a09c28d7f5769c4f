/* select: a cluster of blocks makes all lists of a history, one after the other, in one launch; a list stays in shared
 * memory from step to step. Every sum has one order or is of whole numbers, so that lists are the same whenever the
 * step is the same. */
#include "kernels/cuda/select_masses.cuh"
#include "kernels/cuda/select_pick.cuh"

constexpr int MOST = 8192, MAX_DH = 128, THREADS = SK_SELECT_THREADS;
constexpr size_t MEMORY = 223 * 1024; /* of a block's 227 KB: the rest is for what has a fixed size */

/* The window that a step makes the list of. */
struct next_window {
  int first, length; /* its own rows */
  int32_t *list;
  __device__ next_window(const sk_select_args &a, int head, int w) {
    first = a.k_first ? a.k_first[w] : a.q_offsets[w], length = a.q_offsets[w + 1] - a.q_offsets[w];
    list = a.rows + (int64_t)head * a.list_stride + a.begin[w];
  }
};

/* The window's own rows behind `kept` entries, in `rows` too. */
__device__ static int append(const sk_select_args &a, const sk_select_work &at, const next_window &next, int w,
                             int kept, int32_t *rows) {
  for (int i = threadIdx.x; i < next.length; i += THREADS) {
    rows[kept + i] = next.first + i;
    if (at.part == 0) next.list[kept + i] = next.first + i;
  }
  if (threadIdx.x == 0 && at.part == 0) a.count[at.head * a.windows + w] = kept + next.length;
  return kept + next.length;
}

/* Rows that the next step reads first are under way to the second cache meanwhile. */
__device__ static void fetch_ahead(const sk_select_args &a, const sk_select_cut &cut, const sk_select_work &at,
                                   const next_window &next) {
  const int LINE = 32;
  for (int i = at.part * THREADS + (int)threadIdx.x; i < next.length; i += cut.each * THREADS)
    for (int c = 0; c < a.dh; c += LINE)
      asm volatile(
          "prefetch.global.L2 [%0];" ::"l"(a.k + (int64_t)(next.first + i) * a.kv_stride + at.head * a.dh + c));
}

/* The choice of this head alone. */
__device__ static sk_select_choice choose(const sk_select_args &a, const sk_select_desk &d, const sk_select_work &at,
                                          int others) {
  unsigned have = sk_select_histogram(a, at, d.mass, d.bins), want = sk_select_whole(a.rule.p * (float)at.probes);
  if (a.rule.p >= 1.0f) return {0, 0, others};
  return sk_select_pick(a, at, d.mass, d.bins, others, true, want > have ? want - have : 0);
}

/* What the neediest head takes, for all of them. Meets the cluster once. */
__device__ static sk_select_choice agree(const sk_select_args &a, const sk_select_cut &cut, const sk_select_desk &d,
                                         const sk_select_work &at, int others, sk_select_choice mine) {
  __shared__ int needs[SK_SELECT_HEADS];
  if (at.part == 0 && (int)threadIdx.x < a.heads * cut.each) *sk_select_there(needs + at.head, threadIdx.x) = mine.need;
  sk_select_meet();
  int budget = 0;
  for (int head = 0; head < a.heads; head++) budget = max(budget, needs[head]);
  if (at.n > a.rule.dense_below) budget = min(budget, a.rule.budget);
  if (budget >= others) return {0, 0, others};
  if (budget == mine.need) return mine;
  return sk_select_pick(a, at, d.mass, d.bins, others, false, (unsigned)budget);
}

/* Writes what is kept of the list, over the masses and to where lists are; how many. */
__device__ static int keep(const sk_select_args &a, const sk_select_desk &d, const sk_select_work &at,
                           const sk_select_choice &choice, const next_window &next) {
  int each = (at.n + THREADS - 1) / THREADS, first = (int)threadIdx.x * each, last = min(at.n, first + each);
  unsigned kept = 0; /* a bit each: at most 16 */
  for (int j = first; j < last; j++) {
    unsigned bits = sk_select_bits(d.mass[j]);
    bool take = bits > choice.bits || (bits == choice.bits && j >= choice.place) || at.forced(a.rule, j);
    kept |= (unsigned)take << (j - first);
  }
  const sk_select_sums s = sk_select_scan((unsigned)__popc(kept), 0);
  int32_t *rows = (int32_t *)d.mass; /* all have read them */
  int place = (int)s.before_x;
  for (int j = first; j < last; j++)
    if (kept >> (j - first) & 1) {
      if (at.part == 0) next.list[place] = d.rows[j];
      rows[place++] = d.rows[j];
    }
  return (int)s.all_x;
}

template <int D>
__device__ static void make_list(const sk_select_args &a, const sk_select_cut &cut, sk_select_desk &d,
                                 sk_select_work &at) {
  __shared__ int seen[SK_SELECT_PROBES];
  __shared__ float lse[SK_SELECT_PROBES];
  const next_window next(a, at.head, at.w + 1);
  int others = max(0, at.n - a.rule.sink - a.rule.window), part = ((at.n + cut.each - 1) / cut.each + 7) / 8 * 8;
  bool aligned = (a.q_stride | a.kv_stride | a.dh) % 4 == 0 && ((uintptr_t)a.q | (uintptr_t)a.k) % 16 == 0;
  sk_select_choice choice = {0, 0, others};
  fetch_ahead(a, cut, at, next);
  if (at.n > a.rule.dense_below) {
    for (int t = threadIdx.x; t < cut.probes; t += THREADS)
      seen[t] = t < at.probes ? at.n - (at.length - 1 - sk_select_probe(&a.rule, at.length, t)) : 0;
    int first = min(at.n, at.part * part), last = min(at.n, first + part);
    sk_select_weigher<D>{a, cut, d, at, seen, first, last, aligned}.run(lse);
    choice = choose(a, d, at, others);
  } else { /* heads meet as often */
    sk_select_meet();
    sk_select_meet();
  }
  choice = agree(a, cut, d, at, others, choice);
  int kept = keep(a, d, at, choice, next);
  int32_t *rows = (int32_t *)d.mass;
  d.mass = (float *)d.rows, d.rows = rows;
  at.n = append(a, at, next, at.w + 1, kept, rows);
  at.length = next.length, at.probes = sk_select_probes(&a.rule, next.length);
  __syncthreads();
}

template <int D>
__global__ static void __launch_bounds__(THREADS, 1)
    make_lists(const __grid_constant__ sk_select_args a, const __grid_constant__ sk_select_cut cut) {
  extern __shared__ __align__(128) unsigned char memory[];
  int blocks = a.heads * cut.each, history = (int)blockIdx.x / blocks, rank = (int)blockIdx.x % blocks;
  int end = a.chunk_offsets[history + 1];
  sk_select_work at = {rank / cut.each, rank % cut.each, a.chunk_offsets[history]};
  if (at.w >= end) return;
  sk_select_desk d = sk_select_lay_out(cut, D, memory);
  const next_window begun(a, at.head, at.w);
  if (a.resume) {
    at.n = a.count[at.head * a.windows + at.w];
    for (int i = threadIdx.x; i < at.n; i += THREADS) d.rows[i] = begun.list[i];
  } else {
    at.n = append(a, at, begun, at.w, 0, d.rows);
  }
  at.length = begun.length, at.probes = sk_select_probes(&a.rule, begun.length);
  sk_select_meet(); /* all blocks run */
  for (; at.w + 1 < end; at.w++) make_list<D>(a, cut, d, at);
}

/* The largest tile that fits, but no larger than a block's part. Few histories get clusters of all that one may have.
 */
static sk_select_cut cut_of(const sk_select_args *a, int D) {
  const int USUAL = 8, LARGE = 16, FEW = 6;
  int room = (sk_select_room(&a->rule) + 1) / 2 * 2, probes = sk_select_probes(&a->rule, a->rule.chunk);
  sk_select_cut cut = {(a->histories <= FEW ? LARGE : USUAL) / a->heads, room,
                       (probes + SK_SELECT_HALF - 1) / SK_SELECT_HALF * SK_SELECT_HALF, 1};
  if (cut.probes == 0) cut.probes = SK_SELECT_HALF;
  while (cut.each > 1 && sk_select_bytes(cut, D) > MEMORY) cut.each--;
  while (cut.groups < 4 && cut.tile() < (room + cut.each - 1) / cut.each + 8) {
    cut.groups *= 2;
    if (sk_select_bytes(cut, D) <= MEMORY) continue;
    cut.groups /= 2;
    break;
  }
  return cut;
}

template <int D>
static cudaError_t launch(sk_backend *be, const sk_select_args *a) {
  const sk_select_cut cut = cut_of(a, D);
  size_t bytes = sk_select_bytes(cut, D);
  cudaLaunchConfig_t config = {};
  cudaLaunchAttribute size = {};
  size.id = cudaLaunchAttributeClusterDimension;
  size.val.clusterDim.x = (unsigned)(a->heads * cut.each), size.val.clusterDim.y = size.val.clusterDim.z = 1;
  config.gridDim = dim3((unsigned)(a->histories * a->heads * cut.each)), config.blockDim = dim3(THREADS);
  config.dynamicSmemBytes = bytes, config.stream = sk_cuda_stream(be), config.attrs = &size, config.numAttrs = 1;
  cudaError_t error = cudaFuncSetAttribute(make_lists<D>, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)bytes);
  if (error == cudaSuccess)
    error = cudaFuncSetAttribute(make_lists<D>, cudaFuncAttributeNonPortableClusterSizeAllowed, 1);
  return error == cudaSuccess ? cudaLaunchKernelEx(&config, make_lists<D>, *a, cut) : error;
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
  error = a->dh <= 16   ? launch<16>(be, a)
          : a->dh <= 32 ? launch<32>(be, a)
          : a->dh <= 64 ? launch<64>(be, a)
                        : launch<128>(be, a);
  return sk_cuda_status(be, error, "select");
}
