#include "kernels/cpu/pool.h"
#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

/* Operations of one forward pass follow each other within microseconds: a worker looks for the next job this often
 * before it sleeps. About 20 us. */
#define SPINS 1000

typedef struct pool_worker {
  sk_cpu_pool *pool;
  pthread_t thread;
  int index; /* in locals; the caller is 0 */
} pool_worker;

struct sk_cpu_pool {
  pthread_mutex_t lock;
  pthread_cond_t wake; /* a job was opened, or stop was set */
  pthread_cond_t idle; /* the last active worker left */

  /* The job. Written under the lock while no worker is active. */
  sk_cpu_block_fn fn;
  const void *arg;
  void *const *locals;
  int64_t n_blocks;
  int open; /* under the lock: workers may still join */

  atomic_uint_fast64_t generation; /* of the job; changed under the lock, watched without it */
  atomic_int active;               /* workers inside the job; changed under the lock */
  atomic_int stop;
  _Atomic int64_t next; /* first block that no thread has taken */

  int n_workers;
  pool_worker workers[];
};

static void relax(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

static void draw_blocks(sk_cpu_pool *pool, void *local) {
  for (;;) {
    int64_t block = atomic_fetch_add_explicit(&pool->next, 1, memory_order_relaxed);
    if (block >= pool->n_blocks) return;
    pool->fn(pool->arg, block, local);
  }
}

static void *work(void *arg) {
  pool_worker *worker = arg;
  sk_cpu_pool *pool = worker->pool;
  uint64_t seen = 0;
  for (;;) {
    for (int i = 0; i < SPINS && atomic_load(&pool->generation) == seen && !atomic_load(&pool->stop); i++) relax();
    pthread_mutex_lock(&pool->lock);
    while (atomic_load(&pool->generation) == seen && !atomic_load(&pool->stop))
      pthread_cond_wait(&pool->wake, &pool->lock);
    if (atomic_load(&pool->stop)) {
      pthread_mutex_unlock(&pool->lock);
      return NULL;
    }
    seen = atomic_load(&pool->generation);
    int joined = pool->open;
    if (joined) atomic_fetch_add(&pool->active, 1);
    pthread_mutex_unlock(&pool->lock);
    if (!joined) continue;

    draw_blocks(pool, pool->locals[worker->index]);

    pthread_mutex_lock(&pool->lock);
    if (atomic_fetch_sub(&pool->active, 1) == 1) pthread_cond_signal(&pool->idle);
    pthread_mutex_unlock(&pool->lock);
  }
}

void sk_cpu_pool_run(sk_cpu_pool *pool, int64_t n_blocks, sk_cpu_block_fn fn, const void *arg, void *const *locals) {
  if (pool->n_workers == 0 || n_blocks <= 1) {
    for (int64_t block = 0; block < n_blocks; block++) fn(arg, block, locals[0]);
    return;
  }
  pthread_mutex_lock(&pool->lock);
  assert(!pool->open && "sk_cpu_parallel must not be nested");
  pool->fn = fn;
  pool->arg = arg;
  pool->locals = locals;
  pool->n_blocks = n_blocks;
  atomic_store_explicit(&pool->next, 0, memory_order_relaxed);
  pool->open = 1;
  atomic_fetch_add(&pool->generation, 1);
  pthread_cond_broadcast(&pool->wake);
  pthread_mutex_unlock(&pool->lock);

  draw_blocks(pool, locals[0]);

  pthread_mutex_lock(&pool->lock);
  pool->open = 0;
  pthread_mutex_unlock(&pool->lock);
  for (int i = 0; i < SPINS && atomic_load(&pool->active) > 0; i++) relax();
  pthread_mutex_lock(&pool->lock);
  while (atomic_load(&pool->active) > 0) pthread_cond_wait(&pool->idle, &pool->lock);
  pthread_mutex_unlock(&pool->lock);
}

static solid_status start_workers(sk_cpu_pool *pool, int count) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  solid_status status = SOLID_OK;
  for (int i = 0; i < count && status == SOLID_OK; i++) {
    pool->workers[i] = (pool_worker){.pool = pool, .index = i + 1};
    if (pthread_create(&pool->workers[i].thread, NULL, work, &pool->workers[i]) != 0)
      status = SOLID_ENOMEM;
    else
      pool->n_workers++;
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return status;
}

solid_status sk_cpu_pool_open(sk_cpu_pool **out, int threads) {
  assert(threads >= 1);
  sk_cpu_pool *pool = calloc(1, sizeof *pool + (size_t)(threads - 1) * sizeof pool->workers[0]);
  if (!pool) return SOLID_ENOMEM;
  pthread_mutex_init(&pool->lock, NULL);
  pthread_cond_init(&pool->wake, NULL);
  pthread_cond_init(&pool->idle, NULL);
  solid_status status = start_workers(pool, threads - 1);
  if (status != SOLID_OK) {
    sk_cpu_pool_close(pool);
    return status;
  }
  *out = pool;
  return SOLID_OK;
}

void sk_cpu_pool_close(sk_cpu_pool *pool) {
  if (!pool) return;
  pthread_mutex_lock(&pool->lock);
  atomic_store(&pool->stop, 1);
  pthread_cond_broadcast(&pool->wake);
  pthread_mutex_unlock(&pool->lock);
  for (int i = 0; i < pool->n_workers; i++) pthread_join(pool->workers[i].thread, NULL);
  pthread_cond_destroy(&pool->idle);
  pthread_cond_destroy(&pool->wake);
  pthread_mutex_destroy(&pool->lock);
  free(pool);
}

int sk_cpu_pool_threads(const sk_cpu_pool *pool) {
  return pool->n_workers + 1;
}
