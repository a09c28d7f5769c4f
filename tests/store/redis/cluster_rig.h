/* A cluster of three real nodes for each test, a store in it, and the test's own hand on its slots. */
#ifndef TESTS_STORE_REDIS_CLUSTER_RIG_H
#define TESTS_STORE_REDIS_CLUSTER_RIG_H

#include "store/redis_store.h"
#include "tests/store/store_body.h"
#include "tests/support/redis_cluster.h"

enum { RIG_USERS = 200 };

extern redis_cluster rig_cluster;
extern const char *rig_prefix; /* of the stores that are opened from now on */

void rig_start(void);
void rig_stop(void);
solid_redis_store_options rig_options(int64_t ttl_ms);
solid_store *rig_open(int64_t ttl_ms);
void rig_ask_node(size_t node, const char *command, const char *expected);

/* One event each of all users, of which event `n` is the n-th: seq tells what was applied. *behind: how many lack some.
 */
solid_status rig_push_all(solid_store *store, uint64_t n, size_t *behind);
void rig_push_all_ok(solid_store *store, uint64_t n);

unsigned rig_slot_of(const char *user);
void rig_set_slot(size_t node, unsigned slot, const char *how, size_t other);

/* All keys that a slot has here: those of users whom rig_push_all knows, the epoch, who was forgotten. */
void rig_migrate_keys(size_t from, size_t to, unsigned slot);

/* The slot of keys begins to move between two nodes, and has moved. */
void rig_begin_move(size_t from, size_t to, unsigned slot);
void rig_end_move(size_t from, size_t to, unsigned slot);

#endif
