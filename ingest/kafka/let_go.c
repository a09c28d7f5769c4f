#include "ingest/kafka/let_go.h"
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

typedef struct leaving {
  rd_kafka_t *rk;
  int flags;
  pthread_mutex_t lock; /* guards the two behind */
  pthread_cond_t ended;
  int has_ended, is_left;
} leaving;

static void forget(leaving *l) {
  pthread_cond_destroy(&l->ended);
  pthread_mutex_destroy(&l->lock);
  free(l);
}

static void *destroy(void *user) {
  leaving *l = user;
  rd_kafka_destroy_flags(l->rk, l->flags);
  pthread_mutex_lock(&l->lock);
  l->has_ended = 1;
  int is_left = l->is_left;
  pthread_cond_signal(&l->ended);
  pthread_mutex_unlock(&l->lock);
  if (is_left) forget(l);
  return NULL;
}

static leaving *begin(rd_kafka_t *rk, int flags, pthread_t *thread) {
  pthread_condattr_t steady;
  leaving *l = calloc(1, sizeof *l);
  if (!l) return NULL;
  *l = (leaving){.rk = rk, .flags = flags};
  pthread_mutex_init(&l->lock, NULL);
  pthread_condattr_init(&steady);
  pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
  pthread_cond_init(&l->ended, &steady);
  pthread_condattr_destroy(&steady);
  if (!pthread_create(thread, NULL, destroy, l)) return l;
  forget(l);
  return NULL;
}

int sol_let_go(rd_kafka_t *rk, int flags, int64_t wait_ms) {
  struct timespec end;
  pthread_t thread;
  leaving *l = begin(rk, flags, &thread);
  if (!l) {
    rd_kafka_destroy_flags(rk, flags);
    return 1;
  }
  clock_gettime(CLOCK_MONOTONIC, &end);
  int64_t ns = end.tv_nsec + wait_ms % 1000 * 1000000;
  end.tv_sec += wait_ms / 1000 + ns / 1000000000;
  end.tv_nsec = ns % 1000000000;
  pthread_mutex_lock(&l->lock);
  while (!l->has_ended && pthread_cond_timedwait(&l->ended, &l->lock, &end) != ETIMEDOUT) continue;
  int has_ended = l->has_ended;
  l->is_left = !has_ended;
  pthread_mutex_unlock(&l->lock);
  if (!has_ended) {
    pthread_detach(thread);
    return 0;
  }
  pthread_join(thread, NULL);
  forget(l);
  return 1;
}
