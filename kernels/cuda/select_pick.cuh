/* The largest of a head's candidates, without sorting: by the bits of their masses, eleven, eleven and nine at a time,
 * from the highest. Masses are added as whole numbers of 2^-24, so that the order of adding does not matter: all probes
 * together read at most 128. */
#ifndef SK_SELECT_PICK_CUH
#define SK_SELECT_PICK_CUH

#include "kernels/cuda/select.cuh"
#include <climits>

/* Kept are those above the threshold, and of those at it all but the `cut` oldest. */
struct sk_select_choice {
  unsigned threshold;
  int need, cut;
};

__device__ static inline unsigned sk_select_whole(float mass) {
  return (unsigned)(mass * 16777216.0f + 0.5f);
}

/* Bits of a mass; what is next to nothing counts as zero. */
__device__ static inline unsigned sk_select_bits(float mass) {
  unsigned bits = __float_as_uint(mass);
  return bits < 1u << 20 ? 0 : bits;
}

/* The bin in which the sum from above reaches `want`, where those above it begin at (count, sum). */
struct sk_select_bin {
  int bin; /* -1: it does not */
  unsigned count, sum, own;
};

/* Bins in descending order, four a thread. by_sum: `want` is of sums, else of counts. */
__device__ static inline sk_select_bin sk_select_find(const unsigned *bins, int total, bool by_sum, unsigned count,
                                                      unsigned sum, unsigned want) {
  __shared__ sk_select_bin found;
  const int EACH = SK_SELECT_BINS / SK_SELECT_THREADS;
  unsigned counts[EACH], sums[EACH], mine_count = 0, mine_sum = 0;
#pragma unroll
  for (int k = 0; k < EACH; k++) {
    int bin = total - 1 - (EACH * (int)threadIdx.x + k);
    counts[k] = bin >= 0 ? bins[bin] : 0, sums[k] = bin >= 0 ? bins[SK_SELECT_BINS + bin] : 0;
    mine_count += counts[k], mine_sum += sums[k];
  }
  if (threadIdx.x == 0) found.bin = -1;
  const sk_select_sums s = sk_select_scan(mine_count, mine_sum);
  count += s.before_x, sum += s.before_y;
#pragma unroll
  for (int k = 0; k < EACH; k++) {
    unsigned before = by_sum ? sum : count, after = before + (by_sum ? sums[k] : counts[k]);
    if (before < want && after >= want) found = {total - 1 - (EACH * (int)threadIdx.x + k), count, sum, counts[k]};
    count += counts[k], sum += sums[k];
  }
  __syncthreads();
  const sk_select_bin result = found;
  __syncthreads();
  return result;
}

/* Of the candidates at places first .. last - 1, the fewest largest whose masses and `have` reach `want`, or, by
 * counts, the `want` largest. */
__device__ static inline sk_select_choice sk_select_pick(const float *mass, int first, int last, bool by_sum,
                                                         unsigned have, unsigned want, unsigned *bins) {
  const int shifts[] = {20, 9, 0}, widths[] = {11, 11, 9};
  unsigned prefix = 0, count = 0, sum = by_sum ? have : 0;
  int others = last - first;
  sk_select_bin at = {};
  if (want <= sum) return {UINT_MAX, 0, 0};
  for (int level = 0; level < 3; level++) {
    int total = 1 << widths[level], shift = shifts[level];
    for (int i = threadIdx.x; i < total; i += SK_SELECT_THREADS) bins[i] = bins[SK_SELECT_BINS + i] = 0;
    __syncthreads();
    for (int j = first + (int)threadIdx.x; j < last; j += SK_SELECT_THREADS) {
      unsigned bits = sk_select_bits(mass[j]);
      if (!bits || (level && bits >> (shift + widths[level]) != prefix)) continue;
      unsigned bin = bits >> shift & (unsigned)(total - 1);
      atomicAdd(bins + bin, 1);
      atomicAdd(bins + SK_SELECT_BINS + bin, sk_select_whole(mass[j]));
    }
    __syncthreads();
    at = sk_select_find(bins, total, by_sum, count, sum, want);
    if (at.bin < 0) break;
    prefix = prefix << widths[level] | (unsigned)at.bin, count = at.count, sum = at.sum;
  }
  if (at.bin < 0 && by_sum) return {0, others, 0};
  if (at.bin < 0) return {0, (int)want, others - (int)want}; /* some of those are taken that nobody reads */
  unsigned one = sk_select_whole(__uint_as_float(prefix));
  unsigned taken = by_sum ? (want - sum + one - 1) / one : want - count;
  return {prefix, (int)(count + taken), (int)(at.own - taken)};
}

#endif
