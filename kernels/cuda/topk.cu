/* Scores of a tile of rows x items by cuBLAS, then rounds of sorting: each block sorts SEGMENT keys and keeps the k
 * best, until one segment a row is left. A key is the score's order-preserving bits above the complement of the index,
 * so that the greatest key is the best score with the lowest index; 0 is "no item". k beyond SEGMENT / 2 sorts whole
 * rows with CUB. */
#include "kernels/cuda/cuda.cuh"
#include <cub/block/block_radix_sort.cuh>
#include <cub/device/device_radix_sort.cuh>

enum { THREADS = 256, PER_THREAD = 16, SEGMENT = THREADS * PER_THREAD, TILE_KEYS = 1 << 26 };
typedef unsigned long long key;

__device__ static key key_of(float score, int index) {
  unsigned bits = __float_as_uint(score);
  bits = bits >> 31 ? ~bits : bits | 0x80000000u;
  return (key)bits << 32 | (0xffffffffu - (unsigned)index);
}

__device__ static int index_of(key k) {
  return k ? (int)(0xffffffffu - (unsigned)k) : -1;
}

__device__ static float score_of(key k) {
  unsigned bits = (unsigned)(k >> 32);
  if (!k) return -INFINITY;
  return __uint_as_float(bits >> 31 ? bits & 0x7fffffffu : ~bits);
}

/* Scores (rows, items) to keys; masked items and NaN become 0. */
__global__ static void make_keys(sk_topk_args a, int row0, const float *s, key *keys) {
  int64_t v = (int64_t)blockIdx.x * THREADS + threadIdx.x;
  if (v >= a.items) return;
  int64_t at = (int64_t)blockIdx.y * a.items + v, row = row0 + blockIdx.y;
  bool out = isnan(s[at]) || s[at] == -INFINITY || (a.mask && a.mask[row * a.mask_words + v / 64] >> (v % 64) & 1);
  keys[at] = out ? 0 : key_of(s[at] == 0.0f ? 0.0f : s[at], (int)v);
}

/* from (rows, n) -> to (rows, segments, k): the k best of each SEGMENT keys, best first. */
__global__ static void best_of_segments(int n, int k, const key *from, key *to) {
  typedef cub::BlockRadixSort<key, THREADS, PER_THREAD> sorter;
  __shared__ typename sorter::TempStorage storage;
  key mine[PER_THREAD];
  const key *row = from + (int64_t)blockIdx.y * n;
  int64_t first = (int64_t)blockIdx.x * SEGMENT;
  for (int i = 0; i < PER_THREAD; i++) {
    int64_t at = first + threadIdx.x * PER_THREAD + i;
    mine[i] = at < n ? row[at] : 0;
  }
  sorter(storage).SortDescending(mine);
  key *out = to + ((int64_t)blockIdx.y * gridDim.x + blockIdx.x) * k;
  for (int i = 0; i < PER_THREAD; i++) {
    int place = threadIdx.x * PER_THREAD + i;
    if (place < k) out[place] = mine[i];
  }
}

__global__ static void unpack(sk_topk_args a, int row0, int stride, const key *keys) {
  int place = blockIdx.x * THREADS + threadIdx.x;
  if (place >= a.k) return;
  key best = keys[(int64_t)blockIdx.y * stride + place];
  int64_t at = (int64_t)(row0 + blockIdx.y) * a.k + place;
  a.index[at] = index_of(best);
  a.score[at] = score_of(best);
}

/* Whole rows, for a k that no segment holds. */
static solid_status sort_rows(sk_backend *be, const sk_topk_args *a, int rows, key *keys, key *sorted, void *memory,
                              size_t bytes) {
  for (int row = 0; row < rows; row++) {
    cudaError_t error =
        cub::DeviceRadixSort::SortKeysDescending(memory, bytes, keys + (int64_t)row * a->items,
                                                 sorted + (int64_t)row * a->items, a->items, 0, 64, sk_cuda_stream(be));
    if (error != cudaSuccess) return sk_cuda_status(be, error, "topk sort");
  }
  return SOLID_OK;
}

static solid_status tile(sk_backend *be, const sk_topk_args *a, int row0, int rows, float *s, key *keys, key *other,
                         void *sort, size_t sort_bytes) {
  cudaStream_t stream = sk_cuda_stream(be);
  solid_status status = sk_cuda_product(be, false, true, rows, a->items, a->d, a->u + (int64_t)row0 * a->d, a->d, a->e,
                                        a->d, 0.0f, s, a->items);
  if (status != SOLID_OK) return status;
  make_keys<<<dim3(sk_cuda_blocks(a->items, THREADS), rows), THREADS, 0, stream>>>(*a, row0, s, keys);
  int left = a->items;
  if (2 * a->k > SEGMENT) {
    status = sort_rows(be, a, rows, keys, other, sort, sort_bytes);
    keys = other;
  } else {
    for (bool sorted = false; !sorted;) {
      int segments = (int)sk_cuda_blocks(left, SEGMENT);
      best_of_segments<<<dim3(segments, rows), THREADS, 0, stream>>>(left, a->k, keys, other);
      key *swap = keys;
      keys = other, other = swap;
      left = segments * a->k;
      sorted = segments == 1;
    }
  }
  unpack<<<dim3(sk_cuda_blocks(a->k, THREADS), rows), THREADS, 0, stream>>>(*a, row0, left, keys);
  return status == SOLID_OK ? sk_cuda_launched(be, "topk") : status;
}

solid_status sk_cuda_topk(sk_backend *be, const sk_topk_args *a) {
  if (a->n == 0) return SOLID_OK;
  int rows = TILE_KEYS / a->items < 1 ? 1 : TILE_KEYS / a->items;
  if (rows > a->n) rows = a->n;
  if (rows > 65535) rows = 65535;
  size_t sort_bytes = 0, scores = ((size_t)rows * a->items * sizeof(float) + 255) / 256 * 256,
         keys = (size_t)rows * (a->items + SEGMENT) * sizeof(key);
  cudaError_t error = cub::DeviceRadixSort::SortKeysDescending(NULL, sort_bytes, (const key *)NULL, (key *)NULL,
                                                               a->items, 0, 64, sk_cuda_stream(be));
  solid_status status = sk_cuda_status(be, error, "topk sort size");
  void *memory = NULL;
  if (status == SOLID_OK) status = sk_cuda_workspace(be, scores + 2 * keys + sort_bytes, &memory);
  char *at = (char *)memory;
  for (int row0 = 0; row0 < a->n && status == SOLID_OK; row0 += rows)
    status = tile(be, a, row0, a->n - row0 < rows ? a->n - row0 : rows, (float *)at, (key *)(at + scores),
                  (key *)(at + scores + keys), at + scores + 2 * keys, sort_bytes);
  return status;
}
