#include "examples/common/store_facts.h"
#include "examples/common/metrics.h"
#include "store/memory_store.h"
#include <stdio.h>
#include <string.h>
#ifdef SOLID_WITH_REDIS
#include "store/redis_store.h"
#endif

void store_facts_count(store_facts *facts, solid_store *store) {
  facts->is_memory = strcmp(store->ops->name, "memory") == 0;
  if (facts->is_memory && solid_memory_store_usage(store, &facts->users, &facts->bytes)) facts->is_memory = 0;
#ifdef SOLID_WITH_REDIS
  solid_redis_store_stats stats = {.struct_size = sizeof stats};
  facts->is_redis = strcmp(store->ops->name, "redis") == 0 && solid_redis_store_get_stats(store, &stats) == SOLID_OK;
  if (!facts->is_redis) return;
  if (stats.evicted > facts->evicted) facts->evicted = stats.evicted;
  facts->connections = stats.connections;
  facts->damaged = stats.damaged;
  facts->set_aside = stats.set_aside;
#endif
}

void store_facts_read_epoch(store_facts *facts, solid_store *store) {
  solid_store_epoch epoch;
  solid_status status = store->ops->epoch(store, &epoch);
  if (!status) facts->epoch = epoch;
  if (!status || status == SOLID_ENOTFOUND) facts->has_epoch = !status;
}

void store_facts_write(growing *out, const store_facts *facts) {
  char labels[64], *to = labels + snprintf(labels, sizeof labels, "epoch=\"");
  for (size_t i = 0; i < sizeof facts->epoch.bytes; i++) to += snprintf(to, 3, "%02x", facts->epoch.bytes[i]);
  snprintf(to, 2, "\"");
  metrics_head(out, "solid_store_epoch_info", "gauge",
               "1, with the epoch of the store's contents, once they have one.");
  if (facts->has_epoch) metrics_gauge(out, "solid_store_epoch_info", labels, 1);
  if (facts->is_memory) {
    metrics_head(out, "solid_store_users", "gauge", "Users in the process's memory.");
    metrics_gauge(out, "solid_store_users", "", (double)facts->users);
    metrics_head(out, "solid_store_bytes", "gauge", "Bytes that they take.");
    metrics_gauge(out, "solid_store_bytes", "", (double)facts->bytes);
  }
  metrics_head(out, "solid_store_evicted_keys_total", "counter",
               "Keys that the Redis server evicted: their users are forgotten. Memory evicts nobody.");
  metrics_count(out, "solid_store_evicted_keys_total", "", facts->evicted);
  if (!facts->is_redis) return;
  const struct {
    const char *name, *help;
    uint64_t value;
  } counters[] = {
      {"solid_store_connections_total", "Connections to the Redis server: 1 + the reconnections.", facts->connections},
      {"solid_store_damaged_records_total", "Records that could not be read.", facts->damaged},
      {"solid_store_set_aside_total", "Answers for users whose key is none of ours.", facts->set_aside}};
  for (size_t i = 0; i < sizeof counters / sizeof *counters; i++) {
    metrics_head(out, counters[i].name, "counter", counters[i].help);
    metrics_count(out, counters[i].name, "", counters[i].value);
  }
}
