/* Gather is a copy. Scatter-add, for tables and batches whose product is small, has all warps of a block look through
 * the indices for each row of the table: one warp alone would wait for what falls on the fullest row. Else it sorts the
 * indices (a stable radix sort of index and position), cuts the sorted sequence into pieces of fixed length, sums what
 * each piece holds of every run of equal indices, and joins the runs that reach over several pieces. The order of every
 * sum is a function of the indices. */
#include "kernels/cuda/cuda.cuh"
#include <cub/device/device_radix_sort.cuh>

enum { ROWS = 8, THREADS = 256, PIECE = SK_EMBED_PIECE };

__global__ static void gather(sk_embed_args a) {
  int row = blockIdx.x * ROWS + threadIdx.y;
  if (row >= a.n) return;
  int index = a.index[row];
  for (int i = threadIdx.x; i < a.d; i += SK_WARP) {
    float x = index < 0 ? 0.0f : a.scale * a.table[(int64_t)index * a.d + i];
    float *out = a.out + (int64_t)row * a.d + i;
    *out = a.accumulate ? *out + x : x;
  }
}

solid_status sk_cuda_embed(sk_backend *be, const sk_embed_args *a) {
  if (a->made) return sk_fail(be, SOLID_EUNSUPPORTED, "cuda embed: rows that are made when they are read");
  if (a->n == 0) return SOLID_OK;
  gather<<<sk_cuda_blocks(a->n, ROWS), dim3(SK_WARP, ROWS), 0, sk_cuda_stream(be)>>>(*a);
  return sk_cuda_launched(be, "embed");
}

/* ---- Looking through ---- */

enum { LOOK_COLUMNS = SK_EMBED_LOOK_COLUMNS / 32, WARPS = 16 };

/* A block has one row of the table, each of its warps a part of the indices. */
__global__ static void look_through(sk_embed_backward_args a) {
  __shared__ float parts[WARPS][LOOK_COLUMNS * 32];
  const int AHEAD = 4;
  int lane = threadIdx.x, part = threadIdx.y, row = blockIdx.x;
  int each = ((a.n + WARPS - 1) / WARPS + SK_WARP - 1) / SK_WARP * SK_WARP, end = min(a.n, (part + 1) * each);
  float sum[LOOK_COLUMNS] = {};
  for (int from = part * each; from < end; from += AHEAD * SK_WARP) {
    int index[AHEAD];
#pragma unroll
    for (int k = 0; k < AHEAD; k++) {
      int i = from + k * SK_WARP + lane;
      index[k] = i < end ? a.index[i] : -1;
    }
#pragma unroll
    for (int k = 0; k < AHEAD; k++)
      for (unsigned hits = __ballot_sync(0xffffffffu, index[k] == row); hits;) {
        const float *at[AHEAD];
        float x[AHEAD][LOOK_COLUMNS];
#pragma unroll
        for (int h = 0; h < AHEAD; h++) { /* loads of several hits are in flight at once */
          at[h] = hits ? a.dout + (int64_t)(from + k * SK_WARP + __ffs(hits) - 1) * a.d : NULL;
          hits &= hits - 1;
        }
#pragma unroll
        for (int h = 0; h < AHEAD; h++)
#pragma unroll
          for (int c = 0; c < LOOK_COLUMNS; c++)
            x[h][c] = at[h] && c * SK_WARP + lane < a.d ? at[h][c * SK_WARP + lane] : 0.0f;
#pragma unroll
        for (int h = 0; h < AHEAD; h++)
#pragma unroll
          for (int c = 0; c < LOOK_COLUMNS; c++) sum[c] += a.scale * x[h][c];
      }
  }
#pragma unroll
  for (int c = 0; c < LOOK_COLUMNS; c++) parts[part][c * SK_WARP + lane] = sum[c];
  __syncthreads();
  for (int i = part * SK_WARP + lane; i < a.d; i += WARPS * SK_WARP) {
    float all = 0.0f;
    for (int p = 0; p < WARPS; p++) all += parts[p][i];
    a.dtable[(int64_t)row * a.d + i] += all;
  }
}

/* ---- Sorting ---- */

/* A negative index sorts behind all others, as `rows`. */
__global__ static void number(sk_embed_backward_args a, int *keys, int *positions) {
  int i = blockIdx.x * THREADS + threadIdx.x;
  if (i >= a.n) return;
  keys[i] = a.index[i] < 0 ? a.rows : a.index[i];
  positions[i] = i;
}

/* One warp a piece. A run that lies within the piece is finished here; of one that reaches over an end of it, the sum
 * goes to the piece's row of `partial` (pieces, 2, d): [0] where the run began in a piece before, else [1]. */
__global__ static void add_pieces(sk_embed_backward_args a, const int *keys, const int *order, float *partial) {
  int piece = blockIdx.x * ROWS + threadIdx.y, first = piece * PIECE, lane = threadIdx.x;
  if (first >= a.n || keys[first] >= a.rows) return;
  int count = min(PIECE, a.n - first);
  int before = first > 0 ? keys[first - 1] : -1, after = first + count < a.n ? keys[first + count] : -1;
  int my_key = lane < count ? keys[first + lane] : a.rows, my_row = lane < count ? order[first + lane] : 0;
  for (int column = lane; column - lane < a.d; column += SK_WARP) {
    float x[PIECE], sum = 0.0f;
    bool there = column < a.d;
#pragma unroll
    for (int j = 0; j < PIECE; j++) {
      int key = __shfl_sync(0xffffffffu, my_key, j), row = __shfl_sync(0xffffffffu, my_row, j);
      x[j] = there && key < a.rows ? a.dout[(int64_t)row * a.d + column] : 0.0f;
    }
#pragma unroll
    for (int j = 0; j < PIECE; j++) {
      int key = __shfl_sync(0xffffffffu, my_key, j), next = __shfl_sync(0xffffffffu, my_key, (j + 1) % PIECE);
      if (j >= count || key >= a.rows) break;
      sum += a.scale * x[j];
      bool last = j + 1 == count;
      if (!last && next == key) continue;
      bool came = key == before, goes = last && key == after;
      if (there && (came || goes))
        partial[((int64_t)piece * 2 + (came ? 0 : 1)) * a.d + column] = sum;
      else if (there)
        a.dtable[(int64_t)key * a.d + column] += sum;
      sum = 0.0f;
    }
  }
}

/* One warp a piece in which a run begins that goes on in the next: it adds up the run's partial sums in their order. */
__global__ static void join_pieces(sk_embed_backward_args a, const int *keys, const float *partial) {
  int piece = blockIdx.x * ROWS + threadIdx.y, end = (piece + 1) * PIECE;
  if (end >= a.n) return;
  int key = keys[end - 1];
  if (key >= a.rows || keys[end] != key) return;
  if (piece > 0 && keys[end - PIECE] == key && keys[end - PIECE - 1] == key) return; /* it began before */
  int low = end, high = a.n; /* keys[low] == key, keys[high] is not, or is past the end */
  while (high - low > 1) {
    int middle = low + (high - low) / 2;
    if (keys[middle] == key)
      low = middle;
    else
      high = middle;
  }
  for (int i = threadIdx.x; i < a.d; i += SK_WARP) {
    float sum = partial[((int64_t)piece * 2 + 1) * a.d + i];
#pragma unroll 8
    for (int next = piece + 1; next <= low / PIECE; next++) sum += partial[(int64_t)next * 2 * a.d + i];
    a.dtable[(int64_t)key * a.d + i] += sum;
  }
}

static int bits_for(int largest) {
  int bits = 1;
  while (bits < 31 && largest >> bits) bits++;
  return bits;
}

solid_status sk_cuda_embed_backward(sk_backend *be, const sk_embed_backward_args *a) {
  if (a->n == 0) return SOLID_OK;
  cudaStream_t stream = sk_cuda_stream(be);
  if (sk_embed_backward_looks(a)) {
    look_through<<<a->rows, dim3(SK_WARP, WARPS), 0, stream>>>(*a);
    return sk_cuda_launched(be, "embed_backward");
  }
  int bits = bits_for(a->rows);
  size_t sort_bytes = sk_embed_backward_sort(a), array = sk_embed_backward_array(a),
         pieces = sk_cuda_blocks(a->n, PIECE);
  void *memory = NULL;
  solid_status status = sk_cuda_workspace(be, sk_embed_backward_scratch(a), &memory);
  if (status != SOLID_OK) return status;
  char *at = (char *)memory;
  int *keys = (int *)at, *positions = (int *)(at + array), *sorted = (int *)(at + 2 * array),
      *order = (int *)(at + 3 * array);
  float *partial = (float *)(at + 4 * array + sort_bytes);
  number<<<sk_cuda_blocks(a->n, THREADS), THREADS, 0, stream>>>(*a, keys, positions);
  cudaError_t error = cub::DeviceRadixSort::SortPairs(at + 4 * array, sort_bytes, keys, sorted, positions, order, a->n,
                                                      0, bits, stream);
  if ((status = sk_cuda_status(be, error, "embed_backward sort")) != SOLID_OK) return status;
  unsigned blocks = sk_cuda_blocks((int64_t)pieces, ROWS);
  add_pieces<<<blocks, dim3(SK_WARP, ROWS), 0, stream>>>(*a, sorted, order, partial);
  if (pieces > 1) join_pieces<<<blocks, dim3(SK_WARP, ROWS), 0, stream>>>(*a, sorted, partial);
  return sk_cuda_launched(be, "embed_backward");
}
