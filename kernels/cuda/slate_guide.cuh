/* What a user may be given and the guide's choices, for the threads of a block. */
#ifndef SK_CUDA_SLATE_GUIDE_CUH
#define SK_CUDA_SLATE_GUIDE_CUH

enum { SHORT = 512 /* places that a group looks through */ };

/* base of the stretches; returns the sum of all. */
FN uint32_t slate_begin(const USER *s) {
  int n = slate_stretches(s->a), warp = threadIdx.x / SK_WARP, lane = threadIdx.x % SK_WARP;
  uint32_t all = 0;
  for (int first = 0; first < n; first += THREADS) {
    int i = first + threadIdx.x;
    uint32_t mine = i < n ? s->sums[i] : 0, sum = mine, before = all;
    for (int step = 1; step < SK_WARP; step *= 2) {
      uint32_t other = __shfl_up_sync(0xffffffffu, sum, step);
      if (lane >= step) sum += other;
    }
    if (lane == SK_WARP - 1) reduce_words[warp] = sum;
    __syncthreads();
    for (int k = 0; k < WARPS; k++) {
      if (k < warp) before += reduce_words[k];
      all += reduce_words[k];
    }
    if (i < n) s->base[i] = before + sum - mine;
    __syncthreads();
  }
  return all;
}

/* For how many rows in it the best below a child of the root is kept; -1 = nothing is kept. */
FN int kept_for(const USER *s, int level, uint32_t c) {
  return level == 1 ? (int)s->best_of[c] : -1;
}

/* The place of an open child by `size` threads, of which this is `at`, whose best is found by `most`. */
template <int D, typename F>
__device__ static __forceinline__ void find_place(const slate_user<D> *s, int level, uint32_t child, int i, bool mine,
                                                  int at, int size, F most) {
  uint32_t c = child + (uint32_t)i;
  int held = mine ? s->held[i] : -1, kept = mine ? kept_for(s, level, c) : -1;
  if (kept > held) kept = -1;
  int passes = held - kept;
  slate_key limit = ~0ull;
  if (mine && kept >= 0) limit = slate_key_of(s, s->best[c]);
  uint32_t begin = mine ? s->a->trie.begin[level][c] : 0, end = mine ? s->a->trie.begin[level][c + 1] : 0;
  for (int k = 0; __any_sync(0xffffffffu, k < passes); k++) {
    slate_key best = most(k < passes ? slate_best(s, begin, end, limit, (uint32_t)at, (uint32_t)size) : 0);
    if (k < passes) limit = best;
  }
  if (!mine || at != 0) return;
  s->place[i] = slate_place_of(s, limit);
  if (level == 1) s->best[c] = s->place[i], s->best_of[c] = (uint32_t)held;
}

/* s->place of n children from `child` on that are open; the root's are kept. A group a child, all threads a child of
 * many places. */
FN void nth_places(const USER *s, int level, uint32_t child, int n) {
  const uint32_t *begin = s->a->trie.begin[level];
  int lane = threadIdx.x % SK_WARP, group = lane / LANES, longer = 0;
  for (int first = threadIdx.x / SK_WARP * IN_WARP; first < n; first += GROUPS) {
    int i = first + group, there = i < n && s->held[i] >= 0;
    uint32_t c = child + (uint32_t)i;
    bool kept = there && kept_for(s, level, c) == s->held[i], is_long = there && begin[c + 1] - begin[c] > SHORT;
    if (kept && lane % LANES == 0) s->place[i] = s->best[c];
    longer |= is_long && !kept;
    find_place(s, level, child, i, there && !kept && !is_long, lane % LANES, LANES,
               [](slate_key key) { return slate_most(key, LANES); });
  }
  if (!__syncthreads_or(longer)) return;
  for (int first = 0; first < n; first += SK_WARP) {
    uint32_t c = child + (uint32_t)(first + lane);
    bool there = first + lane < n && s->held[first + lane] >= 0;
    bool is_long = there && kept_for(s, level, c) != s->held[first + lane] && begin[c + 1] - begin[c] > SHORT;
    unsigned all = __ballot_sync(0xffffffffu, is_long);
    __syncthreads(); /* all know before one is found */
    for (; all; all &= all - 1)
      find_place(s, level, child, first + __ffs((int)all) - 1, true, threadIdx.x, THREADS, [](slate_key key) {
        return block_reduce(
            key, (slate_key)0, [](slate_key a, slate_key b) { return a > b ? a : b; }, reduce_keys);
      });
  }
  __syncthreads();
}

/* The better of two children, either of which may be none. */
FN unsigned better_child(const USER *s, unsigned a, unsigned b) {
  if (a == SK_SLATE_NOWHERE) return b;
  if (b == SK_SLATE_NOWHERE) return a;
  float x = s->value[a], y = s->value[b];
  if (x != y) return x > y ? a : b;
  if (s->a->guide > 0) return slate_before(s, s->place[a], s->place[b]) ? a : b;
  return min(a, b);
}

/* The open child of the largest value. */
FN int best_choice(const USER *s, int n) {
  unsigned best = SK_SLATE_NOWHERE;
  bool few = n <= SK_WARP;
  for (int i = few ? threadIdx.x % SK_WARP : threadIdx.x; i < n; i += THREADS)
    if (s->held[i] >= 0) best = better_child(s, best, (unsigned)i);
  if (!few)
    return (int)block_reduce(
        best, SK_SLATE_NOWHERE, [s](unsigned a, unsigned b) { return better_child(s, a, b); }, reduce_words);
  for (int step = SK_WARP / 2; step > 0; step /= 2)
    best = better_child(s, best, __shfl_xor_sync(0xffffffffu, best, step));
  return (int)best;
}

#endif
