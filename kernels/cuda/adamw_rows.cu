/* A warp a row, four columns a lane. */
#include "kernels/cuda/cuda.cuh"

enum { ROWS = 8, PER_LANE = 4, COLUMNS = PER_LANE * SK_WARP };

struct piece { /* a lane's columns of a row, zero behind its end */
  float w[PER_LANE], m[PER_LANE], v[PER_LANE], average[PER_LANE];
};

__device__ static void take(piece *p, const sk_adamw_past &s, float up, float down, float eps, const float *root) {
#pragma unroll
  for (int c = 0; c < PER_LANE; c++) {
    p->w[c] -= s.fade * p->w[c] + __fdividef(up * p->m[c], down * root[c] + eps);
    p->average[c] += s.gain * (p->w[c] - p->average[c]);
  }
}

__device__ static void catch_up(const sk_adamw_rows_args &a, int taken, int missed, piece *p) {
  bool mine = false;
  float root[PER_LANE];
#pragma unroll
  for (int c = 0; c < PER_LANE; c++) {
    mine |= p->m[c] != 0.0f;
    root[c] = sqrtf(p->v[c]);
  }
  int steps = __any_sync(0xffffffffu, mine) ? min(missed, (int)SK_ADAMW_LOOP) : 0;
  const sk_adamw_past *past = a.past + taken;
#pragma unroll 2
  for (int j = 1; j <= steps; j++) {
    const sk_adamw_past s = past[j - 1];
    const sk_adamw_power power = a.powers[j];
    take(p, s, s.rate * power.m, s.root * power.root_v, a.eps, root);
  }
  float m_left = missed > SK_ADAMW_LOOP ? 0.0f : a.powers[missed].m, v_left = a.tail[taken].v;
  const sk_adamw_tail tail = a.tail[taken + steps];
#pragma unroll
  for (int c = 0; c < PER_LANE; c++) {
    p->m[c] *= m_left, p->v[c] *= v_left;
    if (steps == missed) continue;
    p->average[c] = tail.stay * p->average[c] + tail.come * p->w[c];
    p->w[c] *= tail.fall;
  }
}

__global__ static void __launch_bounds__(ROWS *SK_WARP) adamw_rows(sk_adamw_rows_args a) {
  int i = blockIdx.x * ROWS + threadIdx.y, lane = threadIdx.x;
  if (i >= a.n) return;
  int64_t row = a.index ? a.index[i] : i;
  int taken = a.taken[row], missed = a.count - (a.grad ? 1 : 0) - taken;
  float clip = sk_adamw_clip(a.sumsq, a.max_norm);
  for (int from = 0; from < a.d; from += COLUMNS) {
    piece p = {};
    int64_t at = row * a.d + from + lane;
#pragma unroll
    for (int c = 0; c < PER_LANE; c++) {
      if (from + lane + c * SK_WARP >= a.d) continue;
      int64_t x = at + c * SK_WARP;
      p.w[c] = a.w[x], p.m[c] = a.m[x], p.v[c] = a.v[x];
      if (a.average) p.average[c] = a.average[x];
    }
    if (missed > 0) catch_up(a, taken, missed, &p);
    if (a.grad) {
      const sk_adamw_past s = a.past[a.count - 1];
      float root[PER_LANE];
#pragma unroll
      for (int c = 0; c < PER_LANE; c++) {
        bool there = from + lane + c * SK_WARP < a.d;
        float g = there ? clip * a.grad[(int64_t)i * a.d + from + lane + c * SK_WARP] : 0.0f;
        p.m[c] = a.b1 * p.m[c] + (1.0f - a.b1) * g;
        p.v[c] = a.b2 * p.v[c] + (1.0f - a.b2) * g * g;
        root[c] = sqrtf(p.v[c]);
      }
      take(&p, s, s.rate, s.root, a.eps, root);
    }
#pragma unroll
    for (int c = 0; c < PER_LANE; c++) {
      if (from + lane + c * SK_WARP >= a.d) continue;
      int64_t x = at + c * SK_WARP;
      a.w[x] = p.w[c], a.m[x] = p.m[c], a.v[x] = p.v[c];
      if (a.average) a.average[x] = p.average[c];
    }
  }
  __syncwarp(); /* everyone has read it */
  if (lane == 0) a.taken[row] = a.count;
}

solid_status sk_cuda_adamw_rows(sk_backend *be, const sk_adamw_rows_args *a) {
  if (a->n == 0) return SOLID_OK;
  adamw_rows<<<sk_cuda_blocks(a->n, ROWS), dim3(SK_WARP, ROWS), 0, sk_cuda_stream(be)>>>(*a);
  return sk_cuda_launched(be, "adamw_rows");
}
