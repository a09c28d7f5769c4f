/* The topic of items: a consumer of its own, in a group beside that of the events. A message that is no entry is told
 * of with its place, and passed over; the others are in the store's log before their offsets are committed. An entry
 * that comes twice says nothing new. */
#include "examples/common/ground.h"
#include "examples/common/item_entry.h"
#include "examples/common/logging.h"
#include "examples/ingestd/ingestd_items.h"
#include "solid/extend.h"
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { AT_ONCE = 500, WAIT_MS = 100, RETRY_MIN_MS = 100 };

struct ingestd_items_topic {
  pthread_t thread;
  int is_running;
  atomic_int stop;
  rd_kafka_t *rk;
  solid_store *store;
  solid_item_log *log;
  int64_t retry_max_ms;
  uint64_t rejected;
  json_t *roots[AT_ONCE]; /* that the entries of a batch borrow from */
  size_t n;
};

typedef struct ingestd_items_topic items_topic;

/* The first few, then ever fewer. */
static int is_told(uint64_t count) {
  return count <= 16 || (count & (count - 1)) == 0;
}

static void take_message(items_topic *t, const rd_kafka_message_t *message, item_entries *all) {
  json_error_t error;
  if (message->err) {
    if (message->err != RD_KAFKA_RESP_ERR__PARTITION_EOF)
      logging_say(SOLID_LOG_WARN, "items topic: %s", rd_kafka_message_errstr(message));
    return;
  }
  json_t *root = json_loadb(message->payload ? message->payload : "", message->len, JSON_REJECT_DUPLICATES, &error);
  solid_status status = root ? item_entries_add(all, root) : solid_fail(SOLID_EFORMAT, "no JSON: %s", error.text);
  if (!status) {
    t->roots[t->n++] = root;
    return;
  }
  json_decref(root);
  if (is_told(++t->rejected))
    logging_say(SOLID_LOG_WARN, "items topic %s, partition %d, offset %" PRId64 ": passed over: %s",
                rd_kafka_topic_name(message->rkt), (int)message->partition, message->offset, solid_last_error());
}

/* What comes within a short while. Returns how many messages. */
static size_t collect(items_topic *t, item_entries *all) {
  size_t taken = 0;
  int64_t until_ms = sol_steady_ms() + WAIT_MS;
  while (t->n < AT_ONCE && !atomic_load(&t->stop)) {
    int64_t left = until_ms - sol_steady_ms();
    rd_kafka_message_t *message = rd_kafka_consumer_poll(t->rk, left > 0 ? (int)left : 0);
    if (!message) break;
    taken += !message->err;
    take_message(t, message, all);
    rd_kafka_message_destroy(message);
  }
  return taken;
}

/* Until the store has them: 0 = stopped before. */
static int append(items_topic *t, const item_entries *all) {
  static solid_status verdicts[AT_ONCE];
  int64_t wait_ms = RETRY_MIN_MS;
  for (int tries = 0; !atomic_load(&t->stop); tries++) {
    solid_status status = solid_item_log_add(t->log, t->store, all->entries, all->n, sol_wall_ms(), verdicts);
    if (!status) return 1;
    if (tries == 0) logging_say(SOLID_LOG_ERROR, "items topic: waits: %s", solid_last_error());
    for (int64_t slept = 0; slept < wait_ms && !atomic_load(&t->stop); slept += WAIT_MS) sol_sleep_ms(WAIT_MS);
    wait_ms = 2 * wait_ms < t->retry_max_ms ? 2 * wait_ms : t->retry_max_ms;
  }
  return 0;
}

static void *run(void *user) {
  items_topic *t = user;
  while (!atomic_load(&t->stop)) {
    item_entries all = {0};
    size_t taken = collect(t, &all);
    if (taken && (!all.n || append(t, &all))) {
      rd_kafka_resp_err_t err = rd_kafka_commit(t->rk, NULL, 0); /* what is not committed comes again, and is known */
      if (err && err != RD_KAFKA_RESP_ERR__NO_OFFSET)
        logging_say(SOLID_LOG_WARN, "items topic: commit: %s", rd_kafka_err2str(err));
    }
    item_entries_clear(&all);
    while (t->n) json_decref(t->roots[--t->n]);
  }
  return NULL;
}

/* ---- Opening ---- */

static solid_status set(rd_kafka_conf_t *conf, const char *name, const char *value) {
  char text[192];
  if (rd_kafka_conf_set(conf, name, value, text, sizeof text) == RD_KAFKA_CONF_OK) return SOLID_OK;
  return solid_fail(SOLID_EINVAL, "kafka.%s: %s", name, text);
}

static solid_status subscribe(items_topic *t, const char *topic) {
  rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(list, topic, RD_KAFKA_PARTITION_UA);
  rd_kafka_resp_err_t err = rd_kafka_subscribe(t->rk, list);
  rd_kafka_topic_partition_list_destroy(list);
  return err ? solid_fail(SOLID_EINVAL, "--items-topic %s: %s", topic, rd_kafka_err2str(err)) : SOLID_OK;
}

/* Said by librdkafka, which does not repeat itself within 30 s. */
static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text) {
  (void)rk, (void)level;
  logging_say(SOLID_LOG_ERROR, "items topic: kafka: %s: %s", facility, text);
}

static void on_error(rd_kafka_t *rk, int err, const char *reason, void *opaque) {
  (void)rk, (void)err, (void)reason, (void)opaque; /* stands in the log */
}

static solid_status open_consumer(items_topic *t, const ingestd_items_source *source) {
  char text[192], group[300];
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  snprintf(group, sizeof group, "%s.items", source->group);
  solid_status status = set(conf, "bootstrap.servers", source->brokers);
  if (!status) status = set(conf, "log_level", "3");
  if (!status) status = set(conf, "log.thread.name", "false");
  rd_kafka_conf_set_log_cb(conf, on_log);
  rd_kafka_conf_set_error_cb(conf, on_error);
  for (size_t i = 0; !status && i < source->n_settings; i++)
    status = set(conf, source->settings[i].name, source->settings[i].value);
  if (!status) status = set(conf, "group.id", group);
  if (!status) status = set(conf, "enable.auto.commit", "false");
  if (!status) status = set(conf, "auto.offset.reset", "earliest");
  if (!status && !(t->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text)))
    status = solid_fail(SOLID_EINVAL, "kafka: %s", text);
  if (!t->rk) rd_kafka_conf_destroy(conf);
  if (!status) rd_kafka_poll_set_consumer(t->rk);
  return status ? status : subscribe(t, source->topic);
}

solid_status ingestd_items_read_topic(ingestd_items *items, const ingestd_items_source *source) {
  items_topic *t = calloc(1, sizeof *t);
  if (!t) {
    solid_store_close(source->store);
    return solid_fail(SOLID_ENOMEM, "out of memory: items topic");
  }
  items->topic = t;
  t->store = source->store;
  t->log = items->log;
  t->retry_max_ms = source->retry_max_ms;
  solid_status status = open_consumer(t, source);
  if (status) return status;
  t->is_running = pthread_create(&t->thread, NULL, run, t) == 0;
  return t->is_running ? SOLID_OK : solid_fail(SOLID_ENOMEM, "no thread for the items topic");
}

void ingestd_items_end(ingestd_items *items) {
  items_topic *t = items->topic;
  if (t) {
    atomic_store(&t->stop, 1);
    if (t->is_running) pthread_join(t->thread, NULL);
    if (t->rk) {
      rd_kafka_consumer_close(t->rk);
      rd_kafka_destroy(t->rk);
    }
    solid_store_close(t->store);
    free(t);
  }
  solid_item_log_free(items->log);
}
