/* A server that speaks just enough Redis to be let in, and then misbehaves as told: a thread of the test on a unix
 * socket. */
#ifndef TESTS_STORE_REDIS_FAKE_REDIS_H
#define TESTS_STORE_REDIS_FAKE_REDIS_H

#include <pthread.h>
#include <stddef.h>

/* The answers to SCRIPT LOAD of all the store's scripts. */
#define FAKE_HASH "$40\r\n0123456789012345678901234567890123456789\r\n"
#define FAKE_HASHES                                                                                                    \
  FAKE_HASH FAKE_HASH FAKE_HASH FAKE_HASH FAKE_HASH FAKE_HASH FAKE_HASH FAKE_HASH FAKE_HASH FAKE_HASH FAKE_HASH        \
      FAKE_HASH FAKE_HASH FAKE_HASH FAKE_HASH

typedef struct fake_redis {
  char path[96];
  const char *answer; /* to everything after the greeting */
  size_t answer_size;
  int hang_up;               /* then closes; else stays silent until the client goes */
  size_t read_first;         /* bytes of the request to read before that */
  const char *const *script; /* instead of `answer`: what is answered to the first request, the second ...; NULL ends */
  int scripts_asked[16];     /* EVALSHAs in each of these requests */
  int connections;           /* greeted so far; read it after fake_redis_stop */
  int listener;
  pthread_t thread;
} fake_redis;

/* The fields between `path` and `scripts_asked` are set by the caller. */
void fake_redis_start(fake_redis *fake);
void fake_redis_stop(fake_redis *fake);

#endif
