/* A real Redis Cluster for tests: some masters on free ports of 127.0.0.1, each with its share of the slots, in order.
 */
#ifndef TESTS_SUPPORT_REDIS_CLUSTER_H
#define TESTS_SUPPORT_REDIS_CLUSTER_H

#include "tests/support/redis_server.h"

enum { REDIS_CLUSTER_MAX = 4 };

typedef struct redis_cluster {
  redis_server nodes[REDIS_CLUSTER_MAX];
  char ids[REDIS_CLUSTER_MAX][48];
  size_t n;
} redis_cluster;

/* 0 once every node says that the cluster serves all slots; else -1 with a line on stderr. */
int redis_cluster_start(redis_cluster *cluster, size_t n);
void redis_cluster_stop(redis_cluster *cluster);

/* The node that has a slot as it was begun. */
size_t redis_cluster_owner(const redis_cluster *cluster, unsigned slot);

#endif
