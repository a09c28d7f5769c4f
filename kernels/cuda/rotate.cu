/* A thread has one pair of one row, in all heads. */
#include "kernels/cuda/cuda.cuh"

constexpr int THREADS = 256;

__global__ static void turn_pairs(sk_rotate_args a) {
  int64_t i = (int64_t)blockIdx.x * THREADS + threadIdx.x;
  int width = sk_rotate_width(&a), pairs = width / 2, c = (int)(i % pairs);
  if (i >= (int64_t)a.n * pairs) return;
  int64_t row = i / pairs;
  double turns = pow(SK_ROTATE_BASE, -2.0 * c / width) / 6.283185307179586476925;
  double turn = (double)a.positions[row] * (double)a.direction * turns;
  float sine, cosine;
  sk_rotate_angle((float)(turn - rint(turn)), &sine, &cosine);
  float *x = a.x + row * a.stride + 2 * c;
  for (int head = 0; head < a.heads; head++, x += a.dh) {
    float even = x[0], odd = x[1];
    x[0] = even * cosine - odd * sine;
    x[1] = even * sine + odd * cosine;
  }
}

solid_status sk_cuda_rotate(sk_backend *be, const sk_rotate_args *a) {
  int64_t tasks = (int64_t)a->n * (sk_rotate_width(a) / 2);
  if (tasks == 0) return SOLID_OK;
  turn_pairs<<<sk_cuda_blocks(tasks, THREADS), THREADS, 0, sk_cuda_stream(be)>>>(*a);
  return sk_cuda_launched(be, "rotate");
}
