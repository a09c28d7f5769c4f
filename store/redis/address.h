/* Where Redis is, as one text says it:
 *
 *   HOST:PORT                             a server, as redis://HOST:PORT
 *   /PATH                                 its socket, as unix:/PATH
 *   redis://HOST[:PORT],HOST...[/N]       a server, the servers of which one is the master, or some nodes of a cluster
 *   rediss://...                          the same by TLS
 *   sentinel://HOST[:PORT],.../NAME[/N]   Sentinels, who know the master of that name
 *   sentinels://...                       the same by TLS, Sentinels and servers
 *
 * N is the number of the database. An IPv6 address stands in brackets. User and password have options of their own:
 * what is written here is seen by everybody who sees the process. */
#ifndef STORE_REDIS_ADDRESS_H
#define STORE_REDIS_ADDRESS_H

#include "solid/status.h"
#include <stddef.h>
#include <stdint.h>

enum {
  SOL_HOSTS_MAX = 16,
  SOL_HOST_ROOM = 256,
  SOL_PATH_ROOM = 108,
  SOL_MASTER_ROOM = 128,
  SOL_REDIS_PORT = 6379,
  SOL_SENTINEL_PORT = 26379
};

/* One server: a host and a port, or a socket. */
typedef struct sol_place {
  char host[SOL_HOST_ROOM];
  uint16_t port;
  char path[SOL_PATH_ROOM]; /* "" = host and port */
} sol_place;

typedef struct sol_address {
  sol_place places[SOL_HOSTS_MAX]; /* of servers; of Sentinels where `master` is named */
  size_t n_places;
  char master[SOL_MASTER_ROOM]; /* "" = no Sentinels */
  int is_tls;
  int has_database;
  uint32_t database;
} sol_address;

/* EINVAL, with the text and what was expected. */
solid_status sol_address_read(sol_address *out, const char *text);

/* EINVAL: too long. */
solid_status sol_place_set(sol_place *place, const char *host, size_t size, uint32_t port);

/* "host:port", "[address]:port" or the path; cut where there is no room. */
void sol_place_write(const sol_place *place, char *out, size_t room);

int sol_place_equal(const sol_place *a, const sol_place *b);

#endif
