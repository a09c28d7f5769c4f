/* The slots that do not depend on the instruction level: opening, memory, scratch. The CPU has no queue: every slot has
 * done its work when it returns, and sync has nothing to wait for. */
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/pool.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ALIGNMENT   64
#define MAX_THREADS 1024

typedef struct sk_cpu {
  sk_backend base;
  sk_cpu_pool *pool;
  void **locals; /* one a thread */
  size_t local_bytes;
  void *shared;
  size_t shared_bytes;
} sk_cpu;

/* NULL when out of memory or when the rounding would overflow. */
static void *alloc_aligned(size_t bytes) {
  if (bytes > SIZE_MAX - ALIGNMENT) return NULL;
  return aligned_alloc(ALIGNMENT, (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
}

solid_status sk_cpu_probe(char *text, size_t size) {
  if (text && size) snprintf(text, size, "cpu: %s, %ld processors", sk_cpu_level(), sysconf(_SC_NPROCESSORS_ONLN));
  return SOLID_OK;
}

solid_status sk_cpu_open(sk_backend **out, const sk_options *options, const sk_backend_ops *ops) {
  int threads = options ? options->threads : 1;
  if (threads < 1 || threads > MAX_THREADS) {
    if (options->why) snprintf(options->why, options->why_size, "%d threads, may be 1 .. %d", threads, MAX_THREADS);
    return SOLID_EINVAL;
  }
  sk_cpu *cpu = calloc(1, sizeof *cpu);
  if (!cpu) return SOLID_ENOMEM;
  cpu->base.ops = ops;
  solid_status status = SOLID_ENOMEM;
  cpu->locals = calloc((size_t)threads, sizeof *cpu->locals);
  if (!cpu->locals) goto fail;
  status = sk_cpu_pool_open(&cpu->pool, threads);
  if (status != SOLID_OK) goto fail;
  *out = &cpu->base;
  return SOLID_OK;
fail:
  sk_cpu_close(&cpu->base);
  return status;
}

void sk_cpu_close(sk_backend *be) {
  if (!be) return;
  sk_cpu *cpu = (sk_cpu *)be;
  int threads = cpu->pool ? sk_cpu_pool_threads(cpu->pool) : 0;
  for (int i = 0; i < threads; i++) free(cpu->locals[i]);
  sk_cpu_pool_close(cpu->pool);
  free(cpu->locals);
  free(cpu->shared);
  free(cpu);
}

solid_status sk_cpu_alloc(sk_backend *be, void **out, size_t bytes) {
  void *device = NULL;
  if (bytes > 0 && !(device = alloc_aligned(bytes)))
    return sk_fail(be, SOLID_ENOMEM, "cpu: no room for %zu bytes", bytes);
  be->allocations += bytes > 0;
  be->bytes += bytes;
  *out = device;
  return SOLID_OK;
}

void sk_cpu_free(sk_backend *be, void *device) {
  (void)be;
  free(device);
}

/* Callers may pass NULL with 0 bytes, which the standard forbids for memcpy and memset. */
solid_status sk_cpu_copy(sk_backend *be, void *device_to, const void *device_from, size_t bytes) {
  (void)be;
  if (bytes > 0) memmove(device_to, device_from, bytes);
  return SOLID_OK;
}

solid_status sk_cpu_upload(sk_backend *be, void *device, const void *host, size_t bytes) {
  return sk_cpu_copy(be, device, host, bytes);
}

solid_status sk_cpu_download(sk_backend *be, void *host, const void *device, size_t bytes) {
  return sk_cpu_copy(be, host, device, bytes);
}

solid_status sk_cpu_zero(sk_backend *be, void *device, size_t bytes) {
  (void)be;
  if (bytes > 0) memset(device, 0, bytes);
  return SOLID_OK;
}

solid_status sk_cpu_sync(sk_backend *be) {
  (void)be;
  return SOLID_OK;
}

solid_status sk_cpu_memory(sk_backend *be, size_t *free_bytes, size_t *total) {
  (void)be;
  long page = sysconf(_SC_PAGESIZE), left = sysconf(_SC_AVPHYS_PAGES), all = sysconf(_SC_PHYS_PAGES);
  *free_bytes = page > 0 && left > 0 ? (size_t)left * (size_t)page : 0;
  *total = page > 0 && all > 0 ? (size_t)all * (size_t)page : 0;
  return SOLID_OK;
}

/* Nothing is recorded: on the CPU a call costs no more than a replay would. */
solid_status sk_cpu_lane(sk_backend *be, int lane) {
  (void)be, (void)lane;
  return SOLID_OK;
}

solid_status sk_cpu_join(sk_backend *be) {
  (void)be;
  return SOLID_OK;
}

solid_status sk_cpu_replay(sk_backend *be, sk_graph **graph, sk_body body, void *user) {
  (void)be, (void)graph;
  return body(user);
}

void sk_cpu_forget(sk_backend *be, sk_graph *graph) {
  (void)be, (void)graph;
}

void sk_cpu_parallel(sk_backend *be, int64_t n_blocks, sk_cpu_block_fn fn, const void *arg) {
  sk_cpu *cpu = (sk_cpu *)be;
  sk_cpu_pool_run(cpu->pool, n_blocks, fn, arg, cpu->locals);
}

static int grow(void **memory, size_t bytes) {
  void *grown = alloc_aligned(bytes);
  if (!grown) return 0;
  free(*memory);
  *memory = grown;
  return 1;
}

solid_status sk_cpu_reserve(sk_backend *be, size_t local_bytes, size_t shared_bytes) {
  sk_cpu *cpu = (sk_cpu *)be;
  if (local_bytes > cpu->local_bytes) {
    be->allocations++;
    for (int i = 0; i < sk_cpu_pool_threads(cpu->pool); i++)
      if (!grow(&cpu->locals[i], local_bytes))
        return sk_fail(be, SOLID_ENOMEM, "cpu: no room for %zu bytes of scratch a thread", local_bytes);
    cpu->local_bytes = local_bytes;
  }
  if (shared_bytes > cpu->shared_bytes) {
    be->allocations++;
    if (!grow(&cpu->shared, shared_bytes))
      return sk_fail(be, SOLID_ENOMEM, "cpu: no room for %zu bytes of scratch", shared_bytes);
    cpu->shared_bytes = shared_bytes;
  }
  return SOLID_OK;
}

void *sk_cpu_shared(sk_backend *be) {
  return ((sk_cpu *)be)->shared;
}

int sk_cpu_threads(const sk_backend *be) {
  return sk_cpu_pool_threads(((const sk_cpu *)be)->pool);
}
