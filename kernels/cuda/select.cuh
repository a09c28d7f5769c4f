/* Data that the kernels of select pass to one another. */
#ifndef SK_SELECT_CUH
#define SK_SELECT_CUH

#include "kernels/cuda/cuda.cuh"

/* (histories, heads) of each. */
struct sk_select_desk {
  int room, tiles, pairs; /* of tiles */
  float *mass;            /* (room) of every candidate */
  float2 *parts;          /* (tiles, SK_SELECT_PROBES) top and sum of a probe's scores of one tile */
  int32_t *order;         /* (room) places of those that need not be kept, largest mass first */
  int32_t *needs;
};

/* The list that a block works on: that of window w, which is full and has one behind it; w < 0: none. */
struct sk_select_work {
  int head, list, w, n, length;
  int32_t *rows;
  __device__ sk_select_work(const sk_select_args &a, int number, int step) {
    int history = number / a.heads;
    head = number % a.heads, list = number, w = a.chunk_offsets[history] + step;
    if (w + 1 >= a.chunk_offsets[history + 1]) {
      w = -1;
      return;
    }
    n = a.count[head * a.windows + w];
    length = a.q_offsets[w + 1] - a.q_offsets[w];
    rows = a.rows + (int64_t)head * a.list_stride + a.begin[w];
  }
  __device__ bool forced(const sk_select_rule &rule, int place) const {
    return place < rule.sink || place >= n - rule.window;
  }
};

/* Masses of every list of a step: two launches. */
solid_status sk_cuda_select_masses(sk_backend *be, const sk_select_args *a, const sk_select_desk *d, int step);

#endif
