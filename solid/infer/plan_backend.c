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
  queue->base.rounds = 1;                 /* takes the more scratch */
  queue->base.bytes = (uint64_t)32 << 20; /* cuBLAS's workspace */
  *out = &queue->base;
  return SOLID_OK;
}

static void close_plan(sk_backend *be) {
  free(be);
}

/* An address that is never read: callers compute offsets from it. */
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

/* Real memory, because callers write into it; untouched pages cost nothing. */
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
    return count_scratch(be, sk_##op##_scratch(a));                                                                    \
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
