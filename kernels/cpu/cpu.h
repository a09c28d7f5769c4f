/* The CPU back end: a pool of threads over blocks of fixed size, scratch memory that only grows, and one table of
 * operations for each instruction level.
 *
 * Threads. An operation cuts its work into blocks whose size depends on the shapes alone, never on the number of
 * threads; every output element belongs to one block. Any thread may run any block, so results are bitwise the same for
 * any number of threads. The pool belongs to one backend and is driven by one caller.
 *
 * Levels. The files of the operations are compiled once for each instruction level; SK_CPU(name) becomes
 * sk_cpu_<level>_<name>. The table of the best level that this machine has in full is the one called "cpu". */
#ifndef SK_CPU_CPU_H
#define SK_CPU_CPU_H

#include "kernels/backend.h"

#ifndef SK_CPU_LEVEL
#define SK_CPU_LEVEL base
#endif
#define SK_CPU_JOIN_(level, name) sk_cpu_##level##_##name
#define SK_CPU_JOIN(level, name)  SK_CPU_JOIN_(level, name)
#define SK_CPU(name)              SK_CPU_JOIN(SK_CPU_LEVEL, name)

/* The entry of every operation at this level, and the level's table. */
#define SK_CPU_DECLARE(op) solid_status SK_CPU(op)(sk_backend * be, const sk_##op##_args *a);
SK_OPS(SK_CPU_DECLARE)
#undef SK_CPU_DECLARE
extern const sk_backend_ops SK_CPU(table);

/* One block of work. `local` is this thread's scratch (sk_cpu_reserve), 64-byte aligned, contents undefined. */
typedef void (*sk_cpu_block_fn)(const void *arg, int64_t block, void *local);

/* Runs fn for blocks 0 .. n_blocks-1 on the pool and the caller; returns when all are done. With one thread or one
 * block it is a plain loop. Must not be nested. */
void sk_cpu_parallel(sk_backend *be, int64_t n_blocks, sk_cpu_block_fn fn, const void *arg);

/* Makes room for local_bytes of scratch in every thread and shared_bytes for all. Grows only: no allocation in the
 * steady state. Scratch pointers of earlier calls become invalid. */
solid_status sk_cpu_reserve(sk_backend *be, size_t local_bytes, size_t shared_bytes);
void *sk_cpu_shared(sk_backend *be);

/* Of the pool. For work whose result is the same however it is cut. */
int sk_cpu_threads(const sk_backend *be);

/* Number of blocks of `size` that cover n. */
static inline int64_t sk_cpu_blocks(int64_t n, int64_t size) {
  return (n + size - 1) / size;
}
static inline int64_t sk_cpu_block_end(int64_t n, int64_t size, int64_t block) {
  return (block + 1) * size < n ? (block + 1) * size : n;
}

/* The table of one level by name (NULL: the best); NULL when it is not compiled in or this machine lacks it. */
const sk_backend_ops *sk_cpu_table(const char *level);

/* Slots that do not depend on the level. */
solid_status sk_cpu_probe(char *text, size_t size);
solid_status sk_cpu_open(sk_backend **out, const sk_options *options, const sk_backend_ops *ops);
void sk_cpu_close(sk_backend *be);
solid_status sk_cpu_alloc(sk_backend *be, void **out, size_t bytes);
void sk_cpu_free(sk_backend *be, void *device);
solid_status sk_cpu_upload(sk_backend *be, void *device, const void *host, size_t bytes);
solid_status sk_cpu_download(sk_backend *be, void *host, const void *device, size_t bytes);
solid_status sk_cpu_copy(sk_backend *be, void *device_to, const void *device_from, size_t bytes);
solid_status sk_cpu_zero(sk_backend *be, void *device, size_t bytes);
solid_status sk_cpu_sync(sk_backend *be);
solid_status sk_cpu_memory(sk_backend *be, size_t *free, size_t *total);
solid_status sk_cpu_lane(sk_backend *be, int lane);
solid_status sk_cpu_join(sk_backend *be);
solid_status sk_cpu_replay(sk_backend *be, sk_graph **graph, sk_body body, void *user);
void sk_cpu_forget(sk_backend *be, sk_graph *graph);

#endif
