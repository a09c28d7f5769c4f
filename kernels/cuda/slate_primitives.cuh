/* What kernels/slate_body.h is made of, for the threads of one block. */
#ifndef SK_CUDA_SLATE_PRIMITIVES_CUH
#define SK_CUDA_SLATE_PRIMITIVES_CUH

enum { LANES = 8, AT_ONCE = 5 /* rows of a product in registers */ };

/* Of all threads of the block; `scratch`: a word a warp. */
template <typename T, typename F>
__device__ static T block_reduce(T x, T none, F join, T *scratch) {
  int lane = threadIdx.x % SK_WARP, warp = threadIdx.x / SK_WARP;
  for (int step = SK_WARP / 2; step > 0; step /= 2) x = join(x, __shfl_xor_sync(0xffffffffu, x, step));
  __syncthreads();
  if (lane == 0) scratch[warp] = x;
  __syncthreads();
  x = lane < (int)blockDim.x / SK_WARP ? scratch[lane] : none;
  for (int step = SK_WARP / 2; step > 0; step /= 2) x = join(x, __shfl_xor_sync(0xffffffffu, x, step));
  return x;
}

__shared__ static float reduce_floats[SK_WARP];
__shared__ static unsigned reduce_words[SK_WARP];

__device__ static float largest(const float *x, int n) {
  float top = -INFINITY;
  for (int i = threadIdx.x; i < n; i += blockDim.x) top = fmaxf(top, x[i]);
  return block_reduce(
      top, -INFINITY, [](float a, float b) { return fmaxf(a, b); }, reduce_floats);
}

__device__ static float sum_exp(const float *x, int n, float top) {
  float sum = 0.0f;
  for (int i = threadIdx.x; i < n; i += blockDim.x) sum += expf(x[i] - top);
  return block_reduce(
      sum, 0.0f, [](float a, float b) { return a + b; }, reduce_floats);
}

/* y_ro = b_o + w_o . x_r, added to y with `add`; b may be NULL. Eight lanes share an output, so that neighbours read
 * neighbouring weights, which serve AT_ONCE rows at a time. */
__device__ static void product(int rows, int in, int out, const float *x, int x_stride, const float *w, const float *b,
                               int add, float *y, int y_stride) {
  int group = threadIdx.x / LANES, lane = threadIdx.x % LANES, groups = blockDim.x / LANES;
  bool aligned = in % 4 == 0 && x_stride % 4 == 0 && (uintptr_t)w % 16 == 0 && (uintptr_t)x % 16 == 0;
  for (int from = 0; from < rows; from += AT_ONCE)
    for (int first = 0; first < out; first += groups) {
      int o = first + group, n = min(AT_ONCE, rows - from);
      float sum[AT_ONCE] = {};
      for (int i = lane * 4; i < in && o < out; i += LANES * 4) {
        float4 weight = sk_load4(w + (int64_t)o * in, i, in, aligned);
#pragma unroll
        for (int r = 0; r < AT_ONCE; r++) {
          if (r >= n) break;
          float4 value = sk_load4(x + (int64_t)(from + r) * x_stride, i, in, aligned);
          sum[r] += weight.x * value.x + weight.y * value.y + weight.z * value.z + weight.w * value.w;
        }
      }
#pragma unroll
      for (int r = 0; r < AT_ONCE; r++)
        for (int step = LANES / 2; step > 0; step /= 2) sum[r] += __shfl_xor_sync(0xffffffffu, sum[r], step);
#pragma unroll
      for (int r = 0; r < AT_ONCE; r++) {
        if (lane != 0 || o >= out || r >= n) continue;
        float *to = y + (int64_t)(from + r) * y_stride + o, total = (b ? b[o] : 0.0f) + sum[r];
        *to = add ? *to + total : total;
      }
    }
  __syncthreads();
}

__device__ static void normalize(int rows, int d, const float *x, const float *gamma, const float *beta, float *y) {
  int lane = threadIdx.x % SK_WARP;
  for (int r = threadIdx.x / SK_WARP; r < rows; r += blockDim.x / SK_WARP) {
    float sum = 0.0f, squares = 0.0f;
    for (int j = lane; j < d; j += SK_WARP) sum += x[r * d + j];
    float mean = sk_warp_sum(sum) / (float)d;
    for (int j = lane; j < d; j += SK_WARP) squares += (x[r * d + j] - mean) * (x[r * d + j] - mean);
    float rstd = 1.0f / sqrtf(sk_warp_sum(squares) / (float)d + 1e-5f);
    for (int j = lane; j < d; j += SK_WARP) y[r * d + j] = (x[r * d + j] - mean) * rstd * gamma[j] + beta[j];
  }
  __syncthreads();
}

__device__ static void gelu(float *x, int n) {
  for (int i = threadIdx.x; i < n; i += blockDim.x)
    x[i] *= sk_sigmoid(2.0f * 0.7978845608028654f * (x[i] + 0.044715f * x[i] * x[i] * x[i]));
  __syncthreads();
}

/* 1 where the slot reads the key. */
__device__ static bool reads(const sk_slate_grid &g, int slot, int key) {
  for (int e = g.key_offsets[slot]; e < g.key_offsets[slot + 1]; e++)
    if (key >= g.ranges[2 * e] && key < g.ranges[2 * e + 1]) return true;
  return false;
}

/* Queries s->q of slots first .. over the keys of their ranges, into s->attended: scores, a warp a softmax, dims. What
 * has not gone in is never read. */
__device__ static void attend(const slate_user *s, int first, int slots, const float *kv) {
  const sk_slate_grid &g = s->a->grid;
  int d = s->a->net.d, heads = s->a->net.heads, dh = d / heads, keys = first + slots, lane = threadIdx.x % SK_WARP;
  float scale = rsqrtf((float)dh);
  for (int i = threadIdx.x; i < slots * heads * keys; i += blockDim.x) {
    int key = i % keys, h = i / keys % heads, r = i / keys / heads;
    const float *q = s->q + r * d + h * dh, *k = kv + (int64_t)key * 2 * d + h * dh;
    float sum = 0.0f;
    bool read = reads(g, first + r, key);
    for (int j = 0; j < dh && read; j++) sum += q[j] * k[j];
    s->weight[((int64_t)r * heads + h) * g.inputs + key] = read ? scale * sum : -INFINITY;
  }
  __syncthreads();
  for (int i = threadIdx.x / SK_WARP; i < slots * heads; i += blockDim.x / SK_WARP) {
    float *p = s->weight + (int64_t)i * g.inputs, top = -INFINITY, sum = 0.0f;
    for (int j = lane; j < keys; j += SK_WARP) top = fmaxf(top, p[j]);
    top = sk_warp_max(top);
    for (int j = lane; j < keys; j += SK_WARP) sum += p[j] = expf(p[j] - top);
    sum = sk_warp_sum(sum);
    for (int j = lane; j < keys; j += SK_WARP) p[j] /= sum;
  }
  __syncthreads();
  for (int i = threadIdx.x; i < slots * d; i += blockDim.x) {
    const float *p = s->weight + ((int64_t)(i / d) * heads + i % d / dh) * g.inputs, *v = kv + d + i % d;
    float sum = 0.0f;
    for (int j = 0; j < keys; j++) sum += p[j] * v[(int64_t)j * 2 * d];
    s->attended[i] = sum;
  }
  __syncthreads();
}

/* x_i = sum of those before it, in stretches a thread; returns the sum of all. */
__device__ static uint32_t scan(uint32_t *x, int n, float *) {
  __shared__ uint32_t sums[1024 + 1];
  int size = (n + blockDim.x - 1) / blockDim.x, begin = min((int)threadIdx.x * size, n), end = min(begin + size, n);
  uint32_t sum = 0;
  __syncthreads();
  for (int i = begin; i < end; i++) sum += x[i];
  sums[threadIdx.x + 1] = sum;
  __syncthreads();
  if (threadIdx.x == 0) {
    sums[0] = 0;
    for (int i = 0; i < (int)blockDim.x; i++) sums[i + 1] += sums[i];
  }
  __syncthreads();
  sum = sums[threadIdx.x];
  for (int i = begin; i < end; i++) {
    uint32_t mine = x[i];
    x[i] = sum;
    sum += mine;
  }
  uint32_t all = sums[blockDim.x];
  __syncthreads();
  return all;
}

__device__ static uint32_t better(const slate_user *s, uint32_t a, uint32_t b) {
  if (a == SK_SLATE_NOWHERE) return b;
  return b == SK_SLATE_NOWHERE || slate_before(s, a, b) ? a : b;
}

/* The (held + 1)-th best of the allowed places in [begin, end), by passes of one warp. */
__device__ static uint32_t nth_place(const slate_user *s, uint32_t begin, uint32_t end, int held) {
  uint32_t last = SK_SLATE_NOWHERE, lane = threadIdx.x % SK_WARP;
  for (int pass = 0; pass <= held; pass++) {
    uint32_t best = SK_SLATE_NOWHERE;
    for (uint32_t p = begin + lane; p < end; p += SK_WARP)
      if (slate_allowed(s, p) && (last == SK_SLATE_NOWHERE || slate_before(s, last, p))) best = better(s, best, p);
    for (int step = SK_WARP / 2; step > 0; step /= 2) best = better(s, best, __shfl_xor_sync(0xffffffffu, best, step));
    last = best;
  }
  return last;
}

/* s->place of n children from `child` on that are open; the root's are kept. */
__device__ static void nth_places(const slate_user *s, int level, uint32_t child, int n) {
  const uint32_t *begin = s->a->trie.begin[level];
  for (int i = threadIdx.x / SK_WARP; i < n; i += blockDim.x / SK_WARP) {
    uint32_t c = child + (uint32_t)i;
    if (s->held[i] < 0) continue;
    bool kept = level == 1 && s->best_of[c] == (uint32_t)s->held[i];
    uint32_t place = kept ? s->best[c] : nth_place(s, begin[c], begin[c + 1], s->held[i]);
    __syncwarp();
    if (threadIdx.x % SK_WARP == 0) {
      s->place[i] = place;
      if (level == 1) s->best[c] = place, s->best_of[c] = (uint32_t)s->held[i];
    }
  }
  __syncthreads();
}

/* The better of two children, either of which may be none. */
__device__ static unsigned better_child(const slate_user *s, unsigned a, unsigned b) {
  if (a == SK_SLATE_NOWHERE) return b;
  if (b == SK_SLATE_NOWHERE) return a;
  float x = s->value[a], y = s->value[b];
  if (x != y) return x > y ? a : b;
  if (s->a->guide > 0) return slate_before(s, s->place[a], s->place[b]) ? a : b;
  return min(a, b);
}

/* The open child of the largest value. */
__device__ static int best_choice(const slate_user *s, int n) {
  unsigned best = SK_SLATE_NOWHERE;
  for (int i = threadIdx.x; i < n; i += blockDim.x)
    if (s->held[i] >= 0) best = better_child(s, best, (unsigned)i);
  return (int)block_reduce(
      best, SK_SLATE_NOWHERE, [s](unsigned a, unsigned b) { return better_child(s, a, b); }, reduce_words);
}

#endif
