/* What a store tells of itself, for /metrics: its epoch, keys that its server evicted, users and bytes in memory. */
#ifndef EXAMPLES_COMMON_STORE_FACTS_H
#define EXAMPLES_COMMON_STORE_FACTS_H

#include "examples/common/growing.h"
#include "solid/store.h"

typedef struct store_facts {
  int has_epoch, is_redis, is_memory;
  solid_store_epoch epoch;
  uint64_t evicted, connections, damaged, set_aside; /* of Redis */
  size_t users, bytes;                               /* of the process's memory */
} store_facts;

/* On the store's thread. What cannot be told now stays as it was; no error is left behind. */
void store_facts_count(store_facts *facts, solid_store *store); /* asks nothing of a server */
void store_facts_read_epoch(store_facts *facts, solid_store *store);

void store_facts_write(growing *out, const store_facts *facts);

#endif
