#include "solid/infer/plan_backend.h"
#include <stdlib.h>
#include <string.h>

static solid_status probe(char *text, size_t size) {
  if (text && size) text[0] = '\0';
  return SOLID_OK;
}

/* `base.bytes` counts the largest scratch once, as a queue has it. */
typedef struct plan_queue {
  sk_backend base;
  uint64_t scratch;
} plan_queue;

static solid_status open_plan(sk_backend **out, const sk_options *options) {
  (void)options;
  plan_queue *queue = calloc(1, sizeof *queue);
  if (!queue) return SOLID_ENOMEM;
  queue->base.ops = &sol_plan_table;
  queue->base.bytes = (uint64_t)32 << 20; /* cuBLAS's workspace */
  *out = &queue->base;
  return SOLID_OK;
}

static void close_plan(sk_backend *be) {
  free(be);
}

/* An address that nobody reads: callers compute with it. */
static solid_status alloc(sk_backend *be, void **out, size_t bytes) {
  be->bytes += bytes;
  be->allocations += bytes > 0;
  *out = bytes ? (void *)be : NULL;
  return SOLID_OK;
}

static void release(sk_backend *be, void *device) {
  (void)be, (void)device;
}

static solid_status upload(sk_backend *be, void *device, const void *host, size_t bytes) {
  (void)be, (void)device, (void)host, (void)bytes;
  return SOLID_OK;
}

static solid_status download(sk_backend *be, void *host, const void *device, size_t bytes) {
  (void)be, (void)device;
  if (bytes) memset(host, 0, bytes);
  return SOLID_OK;
}

static solid_status copy(sk_backend *be, void *to, const void *from, size_t bytes) {
  return upload(be, to, from, bytes);
}

static solid_status zero(sk_backend *be, void *device, size_t bytes) {
  return upload(be, device, NULL, bytes);
}

static solid_status sync(sk_backend *be) {
  (void)be;
  return SOLID_OK;
}

/* Real, for callers write into it; only where the pages are touched does it cost anything. */
static solid_status alloc_host(sk_backend *be, void **out, size_t bytes) {
  *out = bytes ? calloc(bytes, 1) : NULL;
  return bytes && !*out ? sk_fail(be, SOLID_ENOMEM, "no room for %zu bytes on the host", bytes) : SOLID_OK;
}

static void free_host(sk_backend *be, void *host) {
  (void)be;
  free(host);
}

static solid_status memory(sk_backend *be, size_t *left, size_t *total) {
  (void)be;
  *left = *total = SIZE_MAX;
  return SOLID_OK;
}

static solid_status lane(sk_backend *be, int number) {
  (void)be, (void)number;
  return SOLID_OK;
}

static solid_status join(sk_backend *be) {
  (void)be;
  return SOLID_OK;
}

static solid_status replay(sk_backend *be, sk_graph **graph, sk_body body, void *user) {
  (void)be, (void)graph;
  return body(user);
}

static void forget(sk_backend *be, sk_graph *graph) {
  (void)be, (void)graph;
}

/* ---- Upper bounds of what the CUDA kernels take of their queue's scratch, in bytes ---- */

#define TILE_FLOATS ((uint64_t)1 << 26) /* of logits or generated layers that are there at once */

static uint64_t least(uint64_t a, uint64_t b) {
  return a < b ? a : b;
}

static uint64_t xent_scratch(const sk_xent_args *a) {
  uint64_t rows = TILE_FLOATS / (a->items ? (uint64_t)a->items : 1);
  rows = least(rows < 256 ? 256 : rows, (uint64_t)a->n);
  return 4 * (least(rows * ((uint64_t)a->items + 4), TILE_FLOATS + 4 * rows) + rows * ((uint64_t)a->d + 8));
}

static uint64_t topk_scratch(const sk_topk_args *a) {
  uint64_t items = (uint64_t)a->items, stride = items / (a->d <= 64 ? 16 : a->d <= 128 ? 8 : 4) + 8;
  uint64_t rows = TILE_FLOATS / stride < 16 ? 16 : least(TILE_FLOATS / stride, 2048);
  uint64_t scouted = 4 * stride + least(rows, (uint64_t)a->n + 15) * (4 * stride + 64 * 1024);
  uint64_t sorted = 48 * items + (1 << 20);
  return scouted > sorted ? scouted : sorted;
}

static uint64_t embed_backward_scratch(const sk_embed_backward_args *a) {
  return (uint64_t)a->n * (32 + (uint64_t)a->d / 2) + (1 << 20);
}

static uint64_t generate_scratch(const sk_generate_args *a) {
  return (uint64_t)a->m * (a->d <= 64 ? 1024 : 8 * (uint64_t)a->n);
}

static uint64_t generate_apply_scratch(const sk_generate_apply_args *a) {
  uint64_t m = ((uint64_t)a->in + 1) * (uint64_t)a->out, layers = least((uint64_t)a->n * m, TILE_FLOATS + m);
  return 4 * layers * (a->d <= 64 ? 1 : 3) + 1024 * m;
}

/* Sums over blocks of rows, or, where they are few, all shares of a branch's gradients. */
static uint64_t generate_backward_scratch(const sk_generate_backward_args *a) {
  uint64_t n = (uint64_t)a->n, d = (uint64_t)a->d, m = (uint64_t)a->m, sums = (n / 64 + 1) * 2 * m;
  if (d == 0 || d > 128) return 4 * sums;
  uint64_t chunks = m / least(4096 / (d + 3) / 4 * 4, 128) + 1,
           blocks = least(n / 32 + 1, 480 / least(chunks, 480) + 1);
  uint64_t shares = chunks * n * d <= (uint64_t)2 << 22 ? chunks * n * d + blocks * m * (d + 1) : 0;
  return 4 * (shares > sums ? shares : sums);
}

/* Shares of the gradient of a narrow layer. */
static uint64_t shares_scratch(uint64_t n, uint64_t in, uint64_t out) {
  return in * out <= 4096 ? 4 * least(n / 32 + 1, 480) * out * (in + 1) : 0;
}

static uint64_t gru_backward_scratch(const sk_gru_backward_args *a) {
  uint64_t rows = (uint64_t)a->rows, d = (uint64_t)a->d;
  return 4 * rows * d + shares_scratch(rows, d, 3 * d);
}

static uint64_t attend_backward_scratch(const sk_attend_backward_args *a) {
  return sk_attend_scratch(&a->pairs, a->precision, a->accumulate, 1);
}

static uint64_t attend_scratch(const sk_attend_args *a) {
  return sk_attend_scratch(&a->pairs, a->precision, a->join, 0);
}

static uint64_t select_scratch(const sk_select_args *a) {
  return sk_select_scratch(a);
}

static uint64_t layer_norm_backward_scratch(const sk_layer_norm_backward_args *a) {
  return 8 * ((uint64_t)a->n + 1) * (uint64_t)a->d;
}

static uint64_t linear_backward_scratch(const sk_linear_backward_args *a) {
  uint64_t n = (uint64_t)a->n, in = (uint64_t)a->in, out = (uint64_t)a->out;
  return 4 * (n / 128 + 1) * out + shares_scratch(n, in, out);
}

static uint64_t small_scratch(const void *a) {
  (void)a;
  return 1 << 16;
}

// clang-format off
#define SCRATCH(a)                                                                                                     \
  _Generic((a),                                                                                                        \
      const sk_xent_args *: xent_scratch,                                                                              \
      const sk_topk_args *: topk_scratch,                                                                              \
      const sk_embed_backward_args *: embed_backward_scratch,                                                          \
      const sk_generate_args *: generate_scratch,                                                                      \
      const sk_generate_backward_args *: generate_backward_scratch,                                                    \
      const sk_generate_apply_args *: generate_apply_scratch,                                                          \
      const sk_gru_backward_args *: gru_backward_scratch,                                                              \
      const sk_attend_args *: attend_scratch,                                                                          \
      const sk_attend_backward_args *: attend_backward_scratch,                                                        \
      const sk_select_args *: select_scratch,                                                                          \
      const sk_layer_norm_backward_args *: layer_norm_backward_scratch,                                                \
      const sk_linear_backward_args *: linear_backward_scratch,                                                        \
      default: small_scratch)(a)
// clang-format on

static solid_status count_scratch(sk_backend *be, uint64_t bytes) {
  plan_queue *queue = (plan_queue *)be;
  if (bytes <= queue->scratch) return SOLID_OK;
  be->bytes += bytes - queue->scratch;
  be->allocations++;
  queue->scratch = bytes;
  return SOLID_OK;
}

#define NOTHING(op)                                                                                                    \
  static solid_status no_##op(sk_backend *be, const sk_##op##_args *a) {                                               \
    return count_scratch(be, SCRATCH(a));                                                                              \
  }
SK_OPS(NOTHING)
#undef NOTHING

const sk_backend_ops sol_plan_table = {.name = "plan",
                                       .tile_rows = 16384,
                                       .records = 1,
                                       .probe = probe,
                                       .open = open_plan,
                                       .close = close_plan,
                                       .alloc = alloc,
                                       .free = release,
                                       .upload = upload,
                                       .download = download,
                                       .copy = copy,
                                       .zero = zero,
                                       .sync = sync,
                                       .alloc_host = alloc_host,
                                       .free_host = free_host,
                                       .memory = memory,
                                       .lane = lane,
                                       .join = join,
                                       .replay = replay,
                                       .forget = forget,
#define FILL_SLOT(op) .op = no_##op,
                                       SK_OPS(FILL_SLOT)
#undef FILL_SLOT
};
