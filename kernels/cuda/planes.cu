/* Rows in whole numbers from rows in FP32, which may stand in the host's memory. Words and bounds are only replaced,
 * each at once, so that who ranks meanwhile finds rows that do not change as they were. */
#include "kernels/cuda/cuda.cuh"

enum { QUADS = SK_PLANES_QUADS, STEPS = SK_PLANES_MAX_D / 32, THREADS = 32 * 2 * QUADS };

__device__ static double quad_sum(double x) {
  x += __shfl_xor_sync(0xffffffffu, x, 1);
  return x + __shfl_xor_sync(0xffffffffu, x, 2);
}

__device__ static sk_planes_sums quad_sums(sk_planes_sums x) {
  return {quad_sum(x.size), quad_sum(x.lost)};
}

struct row { /* thread t of an item has inputs 32 s + 8 t ... + 7 */
  float in[STEPS][8], most;
  double norm;
};

__device__ static void read_row(const sk_planes &planes, const float *e, bool aligned, int item, int t, row *r) {
  double squares = 0.0;
  int d = item < planes.items ? planes.d : 0;
  r->most = 0.0f;
  for (int s = 0; s < STEPS; s++)
    for (int i = 0; i < 8; i += 4) {
      float4 x = sk_load4(e + (int64_t)item * planes.d, 32 * s + 8 * t + i, d, aligned);
      float in[4] = {x.x, x.y, x.z, x.w};
      for (int j = 0; j < 4; j++) {
        r->in[s][i + j] = in[j], r->most = fmaxf(r->most, fabsf(in[j]));
        squares += (double)in[j] * (double)in[j];
      }
    }
  r->most = fmaxf(r->most, __shfl_xor_sync(0xffffffffu, r->most, 1));
  r->most = fmaxf(r->most, __shfl_xor_sync(0xffffffffu, r->most, 2));
  r->norm = sqrt(quad_sum(squares));
}

/* Writes the words; sums[0]: of high halves alone, sums[1]: of both. */
__device__ static void put_row(const sk_planes &planes, sk_planes_cut cut, int item, int t, const row &r,
                               uint32_t upper, sk_planes_sums (&sums)[2]) {
  float scale = sk_planes_float(upper), inverse = upper ? 1.0f / scale : 0.0f;
  for (int s = 0; s < cut.steps; s++) {
    uint32_t high = 0, low = 0;
    for (int i = 0; i < 8; i++) {
      int shift = 8 * (i % 4) + i / 4 * 4, level = upper ? sk_planes_level(r.in[s][i], inverse) : 0;
      high |= ((uint32_t)(level >> 4) & 15u) << shift;
      low |= ((uint32_t)level & 15u) << shift;
      if (32 * s + 8 * t + i >= planes.d) continue;
      sk_planes_add(&sums[0], r.in[s][i], scale, (level >> 4) * 16 + 8);
      sk_planes_add(&sums[1], r.in[s][i], scale, level);
    }
    int64_t word = sk_planes_word(cut, item, t, s);
    planes.high[word] = high, planes.low[word] = low;
  }
}

/* A block for each block of items, four threads an item. */
__global__ static void __launch_bounds__(THREADS) put_block(sk_planes planes, const float *e, bool aligned, int block) {
  __shared__ unsigned sizes[2][4], reaches[2][4];
  const sk_planes_cut cut = sk_planes_cut_of(planes.d);
  int items = 8 * cut.tiles, t = threadIdx.x % QUADS, group = threadIdx.x / QUADS / (2 * cut.tiles);
  int item = (block + (int)blockIdx.x) * items + (int)threadIdx.x / QUADS;
  if (threadIdx.x < 8) sizes[threadIdx.x / 4][threadIdx.x % 4] = reaches[threadIdx.x / 4][threadIdx.x % 4] = 0;
  __syncthreads();
  row r;
  read_row(planes, e, aligned, item, t, &r);
  bool bounded = r.norm <= (double)SK_PLANES_MOST; /* NaN is not */
  uint32_t upper = bounded ? sk_planes_scale(r.most) : 0;
  sk_planes_sums sums[2] = {};
  put_row(planes, cut, item, t, r, upper, sums);
  for (int p = 0; p < 2; p++) {
    uint32_t size = 0, reach = SK_PLANES_UNBOUNDED;
    sk_planes_sums all = quad_sums(sums[p]);
    if (bounded) sk_planes_bounds(all, r.norm, planes.d, &size, &reach);
    if (t == 0 && item < planes.items) atomicMax(&sizes[p][group], size), atomicMax(&reaches[p][group], reach);
  }
  if (t == 0) planes.scale[item] = (uint16_t)upper;
  __syncthreads();
  if (threadIdx.x >= 8) return;
  int p = threadIdx.x / 4, at = threadIdx.x % 4;
  (p ? planes.fine : planes.coarse)[(block + blockIdx.x) * 4 + at] = sizes[p][at] << 16 | reaches[p][at];
}

solid_status sk_cuda_planes(sk_backend *be, const sk_planes_args *a) {
  if (a->n <= 0) return SOLID_OK;
  int items = sk_planes_block(a->planes.d);
  put_block<<<sk_cuda_blocks(a->n, items), items * QUADS, 0, sk_cuda_stream(be)>>>(
      a->planes, a->e, sk_rows_aligned(a->e, a->planes.d), a->first / items);
  return sk_cuda_launched(be, "planes");
}
