/* What attend.cu (one query a window, and the choice) and attend_rows.cu (a query every row) share. */
#ifndef SK_ATTEND_CUH
#define SK_ATTEND_CUH

#include "kernels/cuda/cuda.cuh"
#include "kernels/philox.h"

enum { SK_ATTEND_MAX_DH = 256 };

/* The window that holds `row`: the last offset that is not above it. */
__device__ static inline int sk_attend_window(const int32_t *offsets, int windows, int row) {
  int low = 0, high = windows; /* offsets[low] <= row < offsets[high] */
  while (high - low > 1) {
    int middle = (low + high) / 2;
    if (offsets[middle] <= row)
      low = middle;
    else
      high = middle;
  }
  return low;
}

/* Every row a query. */
solid_status sk_cuda_attend_rows(sk_backend *be, const sk_attend_args *a);
solid_status sk_cuda_attend_rows_backward(sk_backend *be, const sk_attend_backward_args *a);

#endif
