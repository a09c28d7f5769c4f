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

__device__ static inline unsigned sk_select_whole(float mass) {
  return (unsigned)(mass * 16777216.0f + 0.5f);
}

/* Bits of a mass; what is next to nothing counts as zero. */
__device__ static inline unsigned sk_select_bits(float mass) {
  unsigned bits = __float_as_uint(mass);
  return bits >> SK_SELECT_LOW ? bits : 0;
}

/* Of a head: what it has without a choice, and how many candidates there are and what mass in a bin, in descending
 * order of mass. What has none is in no bin. */
__device__ static inline unsigned sk_select_histogram(const sk_select_args &a, const sk_select_work &at,
                                                      const float *mass, unsigned *bins) {
  __shared__ unsigned credit;
  unsigned mine = 0;
  for (int i = threadIdx.x; i < 2 * SK_SELECT_BINS; i += SK_SELECT_THREADS) bins[i] = 0;
  if (threadIdx.x == 0) credit = 0;
  __syncthreads();
  for (int j = threadIdx.x; j < at.n; j += SK_SELECT_THREADS) {
    unsigned bits = sk_select_bits(mass[j]), whole = sk_select_whole(mass[j]);
    if (at.forced(a.rule, j)) {
      mine += whole;
    } else if (bits) {
      unsigned *to = bins + (SK_SELECT_BINS - 1 - (bits >> SK_SELECT_LOW));
      atomicAdd(to, 1);
      atomicAdd(to + SK_SELECT_BINS, whole);
    }
  }
  mine = __reduce_add_sync(0xffffffffu, mine);
  if (threadIdx.x % SK_WARP == 0 && mine) atomicAdd(&credit, mine);
  __syncthreads();
  return credit;
}

/* The bin in which numbers (or, by_sum, masses) from the first bin on reach `want`, and those before it. */
struct sk_select_bin {
  int bin; /* -1: they do not */
  unsigned count, sum, own;
};
__device__ static inline sk_select_bin sk_select_find(const unsigned *bins, bool by_sum, unsigned want) {
  __shared__ sk_select_bin found;
  static_assert(SK_SELECT_BINS == 4 * SK_SELECT_THREADS, "four a thread");
  const uint4 c = ((const uint4 *)bins)[threadIdx.x], s = ((const uint4 *)(bins + SK_SELECT_BINS))[threadIdx.x];
  const unsigned counts[] = {c.x, c.y, c.z, c.w}, sums[] = {s.x, s.y, s.z, s.w};
  if (threadIdx.x == 0) found.bin = -1;
  const sk_select_sums before = sk_select_scan(c.x + c.y + c.z + c.w, s.x + s.y + s.z + s.w);
  unsigned count = before.before_x, sum = before.before_y;
#pragma unroll
  for (int k = 0; k < 4; k++) {
    unsigned have = by_sum ? sum : count, more = by_sum ? sums[k] : counts[k];
    if (have < want && have + more >= want) found = {4 * (int)threadIdx.x + k, count, sum, counts[k]};
    count += counts[k], sum += sums[k];
  }
  __syncthreads();
  return found;
}

/* Of candidates of the same bits, the one that has `newer` newer ones. */
__device__ static inline int sk_select_nth(const sk_select_args &a, const sk_select_work &at, const float *mass,
                                           unsigned bits, unsigned newer) {
  __shared__ int place;
  int each = (at.n + SK_SELECT_THREADS - 1) / SK_SELECT_THREADS, last = at.n - (int)threadIdx.x * each;
  unsigned mine = 0;
  for (int j = last - 1; j >= max(0, last - each); j--)
    mine += !at.forced(a.rule, j) && sk_select_bits(mass[j]) == bits;
  unsigned before = sk_select_scan(mine, 0).before_x;
  for (int j = last - 1; j >= max(0, last - each); j--)
    if (!at.forced(a.rule, j) && sk_select_bits(mass[j]) == bits && before++ == newer) place = j;
  __syncthreads();
  return place;
}

/* The least bits with which the candidates of the bin that have no fewer, and those before it, reach `want`: bit by
 * bit, where the bin holds too many to compare. */
__device__ static inline sk_select_choice sk_select_split(const sk_select_args &a, const sk_select_work &at,
                                                          const float *mass, const sk_select_bin &in, bool by_sum,
                                                          unsigned want) {
  unsigned bits = (unsigned)(SK_SELECT_BINS - 1 - in.bin) << SK_SELECT_LOW, above = 0;
  for (int bit = SK_SELECT_LOW - 1; bit >= -1; bit--) { /* at last: of more than the bits that were found */
    unsigned least = bit >= 0 ? bits | 1u << bit : bits + 1, count = 0, sum = 0;
    for (int j = threadIdx.x; j < at.n; j += SK_SELECT_THREADS) {
      unsigned its = sk_select_bits(mass[j]);
      if (at.forced(a.rule, j) || its < least || its >> SK_SELECT_LOW != bits >> SK_SELECT_LOW) continue;
      count++, sum += sk_select_whole(mass[j]);
    }
    const sk_select_sums all = sk_select_scan(count, sum);
    unsigned reached = by_sum ? in.sum + all.all_y : in.count + all.all_x;
    if (bit >= 0 && reached >= want) bits = least;
    if (bit < 0) {
      unsigned one = sk_select_whole(__uint_as_float(bits));
      above = by_sum ? (want - reached + one - 1) / one : want - reached; /* of those of these bits */
      return {bits, sk_select_nth(a, at, mass, bits, above - 1), (int)(in.count + all.all_x + above)};
    }
  }
  return {};
}

/* The candidates of one bin, each compared with all. */
__device__ static inline sk_select_choice sk_select_compare(const sk_select_args &a, const sk_select_work &at,
                                                            const float *mass, const sk_select_bin &in, bool by_sum,
                                                            unsigned want) {
  __shared__ uint2 few[SK_SELECT_FEW]; /* bits, place */
  __shared__ sk_select_choice found;
  __shared__ int count;
  if (threadIdx.x == 0) count = 0;
  __syncthreads();
  for (int j = threadIdx.x; j < at.n; j += SK_SELECT_THREADS) {
    unsigned bits = sk_select_bits(mass[j]);
    if (!at.forced(a.rule, j) && bits && SK_SELECT_BINS - 1 - (int)(bits >> SK_SELECT_LOW) == in.bin)
      few[atomicAdd(&count, 1)] = make_uint2(bits, (unsigned)j);
  }
  __syncthreads();
  if (threadIdx.x < in.own) {
    const uint2 mine = few[threadIdx.x];
    unsigned taken = in.count, sum = in.sum;
    for (unsigned i = 0; i < in.own; i++) {
      const uint2 other = few[i];
      if (other.x > mine.x || (other.x == mine.x && other.y > mine.y))
        taken++, sum += sk_select_whole(__uint_as_float(other.x));
    }
    unsigned have = by_sum ? sum : taken, own = by_sum ? sk_select_whole(__uint_as_float(mine.x)) : 1;
    if (have < want && have + own >= want) found = {mine.x, (int)mine.y, (int)taken + 1};
  }
  __syncthreads();
  return found;
}

/* Of the histogram's candidates, the fewest largest whose masses reach `want`; or, by number, the `want` largest. */
__device__ static inline sk_select_choice sk_select_pick(const sk_select_args &a, const sk_select_work &at,
                                                         const float *mass, const unsigned *bins, int others,
                                                         bool by_sum, unsigned want) {
  if (want == 0) return {UINT_MAX, INT_MAX, 0};
  const sk_select_bin in = sk_select_find(bins, by_sum, want);
  if (in.bin < 0 && by_sum) return {0, 0, others};
  if (in.bin < 0) { /* some of those that nobody reads are taken */
    unsigned read = 0;
    for (int i = threadIdx.x; i < SK_SELECT_BINS; i += SK_SELECT_THREADS) read += bins[i];
    read = sk_select_scan(read, 0).all_x;
    return {0, sk_select_nth(a, at, mass, 0, want - read - 1), (int)want};
  }
  if (in.own <= SK_SELECT_FEW) return sk_select_compare(a, at, mass, in, by_sum, want);
  return sk_select_split(a, at, mass, in, by_sum, want);
}

#endif
