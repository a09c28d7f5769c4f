/* The largest of a head's candidates, without sorting: a histogram of the high bits of their masses says in which bin
 * the last one that is taken lies, and the few of that bin are compared with one another. Masses are added as whole
 * numbers of 2^-24, so that the order of adding does not matter: all probes together read at most 128. */
#ifndef SK_SELECT_PICK_CUH
#define SK_SELECT_PICK_CUH

#include "kernels/cuda/select_desk.cuh"
#include <climits>

/* The last candidate that is taken: all of more mass are, and of the same mass all that are no older. */
struct sk_select_choice {
  unsigned bits;
  int place, need; /* need: how many */
};

#define SK_SELECT_FORCED UINT_MAX /* in place of a mass's bits: above all */

/* The mass of these bits as a whole number. */
__device__ static inline unsigned sk_select_whole(unsigned bits) {
  return (unsigned)(__uint_as_float(bits) * 16777216.0f + 0.5f);
}

/* What is next to nothing counts as zero. */
__device__ static inline unsigned sk_select_bits(unsigned mass) {
  return mass >> SK_SELECT_LOW ? mass : 0;
}

/* Counters that begin with nothing, and do again when they were read. */
struct sk_select_counters {
  unsigned credit[2]; /* in turn */
  int few;
};
__shared__ static sk_select_counters sk_select_counted;

/* Of a head: what it has without a choice, and how many candidates there are and what mass in a bin, in descending
 * order of mass. What has none is in no bin. Bins are empty before. Masses become their bits; of those that are kept
 * anyway, SK_SELECT_FORCED. */
__device__ static inline unsigned sk_select_histogram(const sk_select_args &a, const sk_select_work &at, unsigned *mass,
                                                      unsigned *bins) {
  unsigned mine = 0, *credit = sk_select_counted.credit + at.turn % 2;
#pragma unroll 1
  for (int j = threadIdx.x; j < at.n; j += SK_SELECT_THREADS) {
    unsigned bits = sk_select_bits(mass[j]), whole = sk_select_whole(bits);
    if (at.forced(a.rule, j)) {
      mine += whole, bits = SK_SELECT_FORCED;
    } else if (bits) {
      unsigned *to = bins + (SK_SELECT_BINS - 1 - (bits >> SK_SELECT_LOW));
      atomicAdd(to, 1);
      atomicAdd(to + SK_SELECT_BINS, whole);
    }
    mass[j] = bits;
  }
  if (__any_sync(0xffffffffu, mine != 0)) {
    mine = __reduce_add_sync(0xffffffffu, mine);
    if (threadIdx.x % SK_WARP == 0) atomicAdd(credit, mine);
  }
  __syncthreads();
  if (threadIdx.x == 0) sk_select_counted.credit[(at.turn + 1) % 2] = 0;
  return *credit;
}

/* A bin, and how many candidates and what mass are before it. */
struct sk_select_bin {
  int bin;
  unsigned count, sum, own;
};

/* A thread's four bins, and what is before them. */
struct sk_select_bins {
  unsigned counts[4], sums[4];
  sk_select_sums before;
};

/* By numbers, by masses; none before the bins were added up: -1. */
__shared__ static sk_select_bin sk_select_found[2];

__device__ static inline sk_select_bins sk_select_add_up(const unsigned *bins) {
  static_assert(SK_SELECT_BINS == 4 * SK_SELECT_THREADS, "four a thread");
  const uint4 c = ((const uint4 *)bins)[threadIdx.x], s = ((const uint4 *)(bins + SK_SELECT_BINS))[threadIdx.x];
  if (threadIdx.x < 2) sk_select_found[threadIdx.x].bin = -1;
  return {{c.x, c.y, c.z, c.w}, {s.x, s.y, s.z, s.w}, sk_select_scan(c.x + c.y + c.z + c.w, s.x + s.y + s.z + s.w)};
}

/* The bin in which numbers (or, by_sum, masses) from the first bin on reach `want`; bin -1: they do not. */
__device__ static inline sk_select_bin sk_select_find(const sk_select_bins &bins, bool by_sum, unsigned want) {
  unsigned count = bins.before.before_x, sum = bins.before.before_y;
#pragma unroll
  for (int k = 0; k < 4; k++) {
    unsigned have = by_sum ? sum : count, more = by_sum ? bins.sums[k] : bins.counts[k];
    if (have < want && have + more >= want)
      sk_select_found[by_sum] = {4 * (int)threadIdx.x + k, count, sum, bins.counts[k]};
    count += bins.counts[k], sum += bins.sums[k];
  }
  __syncthreads();
  return sk_select_found[by_sum];
}

/* Of candidates of the same bits, the one that has `newer` newer ones. */
__device__ static inline int sk_select_nth(const sk_select_work &at, const unsigned *mass, unsigned bits,
                                           unsigned newer) {
  __shared__ int place;
  __syncthreads(); /* scans come one after the other */
  int each = (at.n + SK_SELECT_THREADS - 1) / SK_SELECT_THREADS, last = at.n - (int)threadIdx.x * each;
  unsigned mine = 0;
#pragma unroll 1
  for (int j = last - 1; j >= max(0, last - each); j--) mine += mass[j] == bits;
  unsigned before = sk_select_scan(mine, 0).before_x;
#pragma unroll 1
  for (int j = last - 1; j >= max(0, last - each); j--)
    if (mass[j] == bits && before++ == newer) place = j;
  __syncthreads();
  return place;
}

/* The least bits with which the candidates of the bin that have no fewer, and those before it, reach `want`: bit by
 * bit, where the bin holds too many to compare. */
__device__ static inline sk_select_choice sk_select_split(const sk_select_work &at, const unsigned *mass,
                                                          const sk_select_bin &in, bool by_sum, unsigned want) {
  unsigned bits = (unsigned)(SK_SELECT_BINS - 1 - in.bin) << SK_SELECT_LOW, above = 0;
#pragma unroll 1
  for (int bit = SK_SELECT_LOW - 1; bit >= -1; bit--) { /* at last: of more than the bits that were found */
    unsigned least = bit >= 0 ? bits | 1u << bit : bits + 1, count = 0, sum = 0;
#pragma unroll 1
    for (int j = threadIdx.x; j < at.n; j += SK_SELECT_THREADS) {
      unsigned its = mass[j];
      if (its < least || its >> SK_SELECT_LOW != bits >> SK_SELECT_LOW) continue;
      count++, sum += sk_select_whole(its);
    }
    __syncthreads();
    const sk_select_sums all = sk_select_scan(count, sum);
    unsigned reached = by_sum ? in.sum + all.all_y : in.count + all.all_x;
    if (bit >= 0 && reached >= want) bits = least;
    if (bit < 0) {
      unsigned one = sk_select_whole(bits);
      above = by_sum ? (want - reached + one - 1) / one : want - reached; /* of those of these bits */
      return {bits, sk_select_nth(at, mass, bits, above - 1), (int)(in.count + all.all_x + above)};
    }
  }
  return {};
}

/* The candidates of one bin, each compared with all: a share of them by each thread of a candidate. */
__device__ static inline sk_select_choice sk_select_compare(const sk_select_work &at, const unsigned *mass,
                                                            const sk_select_bin &in, bool by_sum, unsigned want) {
  __shared__ uint2 few[SK_SELECT_FEW]; /* bits, place */
  __shared__ unsigned taken[SK_SELECT_FEW], sums[SK_SELECT_FEW];
  __shared__ sk_select_choice found;
  if (threadIdx.x < SK_SELECT_FEW) taken[threadIdx.x] = in.count, sums[threadIdx.x] = in.sum;
#pragma unroll 1
  for (int j = threadIdx.x; j < at.n; j += SK_SELECT_THREADS) {
    unsigned bits = mass[j];
    if (SK_SELECT_BINS - 1 - (int)(bits >> SK_SELECT_LOW) == in.bin)
      few[atomicAdd(&sk_select_counted.few, 1)] = make_uint2(bits, (unsigned)j);
  }
  __syncthreads();
  if (threadIdx.x == 0) sk_select_counted.few = 0;
  int log = in.own > SK_WARP ? 32 - __clz((int)in.own - 1) : 5; /* threads of a share: a power of two */
  unsigned i = threadIdx.x & ((1u << log) - 1);
  if (i < in.own) {
    const uint2 mine = few[i];
    unsigned before = 0, sum = 0;
#pragma unroll 2
    for (unsigned k = threadIdx.x >> log; k < in.own; k += SK_SELECT_THREADS >> log) {
      const uint2 other = few[k];
      if (other.x > mine.x || (other.x == mine.x && other.y > mine.y)) before++, sum += sk_select_whole(other.x);
    }
    atomicAdd(taken + i, before), atomicAdd(sums + i, sum);
  }
  __syncthreads();
  if (threadIdx.x < in.own) {
    const uint2 mine = few[threadIdx.x];
    unsigned before = taken[threadIdx.x], have = by_sum ? sums[threadIdx.x] : before,
             more = by_sum ? sk_select_whole(mine.x) : 1;
    if (have < want && have + more >= want) found = {mine.x, (int)mine.y, (int)before + 1};
  }
  __syncthreads();
  return found;
}

/* Of the histogram's candidates, the fewest largest whose masses reach `want`; or, by number, the `want` largest. */
__device__ static inline sk_select_choice sk_select_pick(const sk_select_work &at, const unsigned *mass,
                                                         const sk_select_bins &bins, int others, bool by_sum,
                                                         unsigned want) {
  if (want == 0) return {SK_SELECT_FORCED - 1, INT_MAX, 0};
  const sk_select_bin in = sk_select_find(bins, by_sum, want);
  if (in.bin < 0 && by_sum) return {0, 0, others};
  if (in.bin < 0) /* some of those that nobody reads are taken */
    return {0, sk_select_nth(at, mass, 0, want - bins.before.all_x - 1), (int)want};
  if (in.own <= SK_SELECT_FEW) return sk_select_compare(at, mass, in, by_sum, want);
  return sk_select_split(at, mass, in, by_sum, want);
}

#endif
