#include "tests/support/redis_cluster.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { SLOTS = 16384, TRIES = 8000 };

static int ask(const redis_server *node, const char *command, const char *expected) {
  char answer[128] = "";
  if (redis_server_ask(node, command, answer, sizeof answer)) return -1;
  return strcmp(answer, expected) ? -1 : 0;
}

static int start_node(redis_cluster *c, size_t i, uint16_t bus) {
  char port[8];
  snprintf(port, sizeof port, "%u", bus);
  const char *const extra[] = {
      "--cluster-enabled", "yes", "--cluster-port", port, "--cluster-node-timeout", "1000", NULL};
  return redis_server_start(&c->nodes[i], 0, extra);
}

static int join(redis_cluster *c, size_t i, uint16_t first_bus) {
  char command[160];
  if (redis_server_ask(&c->nodes[i], "CLUSTER MYID", c->ids[i], sizeof c->ids[i])) return -1;
  snprintf(command, sizeof command, "CLUSTER SET-CONFIG-EPOCH %zu", i + 1);
  if (ask(&c->nodes[i], command, "OK")) return -1;
  snprintf(command, sizeof command, "CLUSTER ADDSLOTSRANGE %zu %zu", i * SLOTS / c->n, (i + 1) * SLOTS / c->n - 1);
  if (ask(&c->nodes[i], command, "OK")) return -1;
  snprintf(command, sizeof command, "CLUSTER MEET 127.0.0.1 %u %u", c->nodes[0].port, first_bus);
  return i ? ask(&c->nodes[i], command, "OK") : 0;
}

int redis_cluster_start(redis_cluster *c, size_t n) {
  uint16_t first_bus = free_port();
  memset(c, 0, sizeof *c);
  c->n = n;
  for (size_t i = 0; i < n; i++)
    if (start_node(c, i, i ? free_port() : first_bus)) return -1;
  for (size_t i = 0; i < n; i++)
    if (join(c, i, first_bus)) return fprintf(stderr, "redis cluster: node %zu does not join\n", i), -1;
  for (size_t i = 0, tries = 0; i < n;) {
    if (!ask(&c->nodes[i], "CLUSTER INFO", "cluster_state:ok")) {
      i++;
      continue;
    }
    if (tries++ == TRIES) return fprintf(stderr, "redis cluster: node %zu is not served\n", i), -1;
    nanosleep(&(struct timespec){0, 25 * 1000 * 1000}, NULL);
  }
  return 0;
}

void redis_cluster_stop(redis_cluster *c) {
  for (size_t i = 0; i < c->n; i++) {
    char path[128];
    if (!*c->nodes[i].folder) continue;
    redis_server_kill(&c->nodes[i]);
    snprintf(path, sizeof path, "%s/nodes.conf", c->nodes[i].folder);
    unlink(path);
    redis_server_stop(&c->nodes[i]);
  }
}

size_t redis_cluster_owner(const redis_cluster *c, unsigned slot) {
  size_t i = 0;
  while (slot >= (i + 1) * SLOTS / c->n) i++;
  return i;
}
