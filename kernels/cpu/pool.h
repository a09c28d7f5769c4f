/* A pool of threads for one caller. A job is a counter of blocks; caller and workers take blocks from it until none is
 * left. Workers join a job only while it is open, so a worker that wakes late delays nobody. */
#ifndef SK_CPU_POOL_H
#define SK_CPU_POOL_H

#include "kernels/cpu/cpu.h"

typedef struct sk_cpu_pool sk_cpu_pool;

/* threads >= 1 counts the caller; 1 makes no thread. Workers block every signal: handlers run on the host's threads. */
solid_status sk_cpu_pool_open(sk_cpu_pool **out, int threads);
void sk_cpu_pool_close(sk_cpu_pool *pool);
int sk_cpu_pool_threads(const sk_cpu_pool *pool);

/* locals[t] is handed to the blocks that thread t runs; the caller is thread 0. */
void sk_cpu_pool_run(sk_cpu_pool *pool, int64_t n_blocks, sk_cpu_block_fn fn, const void *arg, void *const *locals);

#endif
