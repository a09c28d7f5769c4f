/* Prepares the store before the first event: tries a write, takes over records of an earlier layout, or begins a new
 * epoch. */
#include "examples/ingestd/ingestd.h"
#include "solid/extend.h"
#include <inttypes.h>
#ifdef SOLID_WITH_KAFKA
#include "ingest/consumer.h"
#endif
#ifdef SOLID_WITH_REDIS
#include "store/redis_store.h"
#endif

#if defined(SOLID_WITH_REDIS) && defined(SOLID_WITH_KAFKA)
/* Earlier marks named only a partition: they are taken for the one topic that is read. Marks of files belong to no
 * stream. */
static uint64_t stream_of(void *topic, uint32_t partition) {
  enum { OF_A_FILE = 65534 };
  return partition == OF_A_FILE ? 0 : solid_consumer_adopted_stream(topic, partition);
}

static solid_status adopt(const ingestd_options *options, solid_store *store) {
  char topic[256];
  uint64_t users = 0;
  snprintf(topic, sizeof topic, "%s", options->topic);
  solid_status status = solid_redis_store_adopt(store, stream_of, topic, &users);
  if (!status) logging_say(SOLID_LOG_INFO, "took over %" PRIu64 " users of an earlier layout", users);
  return status;
}
#else
static solid_status adopt(const ingestd_options *options, solid_store *store) {
  (void)options, (void)store;
  return solid_fail(SOLID_EUNSUPPORTED, "--adopt-marks: built without Redis or Kafka");
}
#endif

static solid_status forget_old(const ingestd_options *options, solid_store *store) {
  uint64_t users = 0;
  solid_status status = SOLID_OK;
#ifdef SOLID_WITH_REDIS
  if (options->store.kind == STORE_REDIS) status = solid_redis_store_forget_old(store, &users);
#else
  (void)options, (void)store;
#endif
  if (users) logging_say(SOLID_LOG_INFO, "removed %" PRIu64 " users of an earlier layout", users);
  return status;
}

solid_status ingestd_prepare_store(const ingestd_options *options, solid_store *store) {
  solid_store_epoch epoch;
  if (options->adopt_marks) return adopt(options, store);
  if (options->rebuild) return SOLID_OK; /* ingestd_rebuild does it, once everything is known to be readable again */
  solid_status status = store->ops->epoch(store, &epoch);
  /* If the store has no epoch, none is begun here, because a group may have committed offsets: the consumer checks
   * them. */
  if (status == SOLID_ENOTFOUND && !options->from_file) return SOLID_OK;
  if (status && status != SOLID_ENOTFOUND) return status;
  return store->ops->epoch_begin(store, 0, &epoch);
}

int64_t ingestd_memory_mb(const ingestd_options *options) {
  const store_options *store = &options->store;
  int is_waited_for = store->ttl_s && store->ttl_s <= options->retry_max_ms / 1000;
  return store->kind == STORE_MEMORY && !is_waited_for ? store->memory_mb : 0;
}

solid_status ingestd_push(void *user, const solid_event *events, size_t n, solid_status *verdicts) {
  ingestd_report *report = user;
  char why[256];
  solid_status status = store_watched_note(report->store, ingestd_items_push(&report->items, events, n, verdicts));
  if (status != SOLID_EFULL || !report->memory_mb) return status;
  snprintf(why, sizeof why, "%s", solid_last_error());
  return solid_fail(SOLID_EREFUSED,
                    "%s: raise --memory-limit %" PRId64 ", shorten --ttl or use Redis; solid_plan says what users take",
                    why, report->memory_mb);
}

solid_status ingestd_rebuild(const ingestd_options *options, solid_store *store) {
  solid_store_epoch epoch;
  solid_status status = store->ops->epoch_begin(store, 1, &epoch);
  if (!status) logging_say(SOLID_LOG_INFO, "rebuilds the store: all events are read again from the beginning");
  return status ? status : forget_old(options, store);
}
