/* Stands between a store and its server and breaks the connection behind the n-th script that passes: it is done, and
 * its answer and all that follows are lost, as when the process that wrote was killed there. Or it lets somebody else
 * do something there, and goes on. */
#ifndef TESTS_STORE_REDIS_CUT_PROXY_H
#define TESTS_STORE_REDIS_CUT_PROXY_H

#include <pthread.h>
#include <stdint.h>

typedef struct cut_proxy {
  uint32_t port, server_port; /* of 127.0.0.1 */
  int cut_behind;             /* scripts from now on; 0 = nothing is cut */
  void (*between)(void *);    /* NULL = cut; else called, and nothing is cut */
  void *between_user;
  int listener;
  pthread_t thread;
} cut_proxy;

/* `server_port` and `cut_behind` are set. 0 = it runs. */
int cut_proxy_start(cut_proxy *proxy);
void cut_proxy_stop(cut_proxy *proxy);

#endif
