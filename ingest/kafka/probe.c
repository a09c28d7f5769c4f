#include "ingest/kafka/probe.h"
#include "ingest/kafka/let_go.h"
#include "solid/base/clock.h"
#include "solid/extend.h"
#include <stdlib.h>
#include <string.h>

sol_anchor sol_anchor_of(const rd_kafka_message_t *message) {
  int64_t time_ms = rd_kafka_message_timestamp(message, NULL);
  return (sol_anchor){message->offset, time_ms,
                      sol_anchor_hash(time_ms, message->key, message->key_len, message->payload, message->len)};
}

struct sol_probe {
  rd_kafka_t *rk;
  rd_kafka_topic_t *rkt;
  char *topic;
};

solid_status sol_probe_open(sol_probe **out, rd_kafka_conf_t *conf, const char *topic) {
  char text[192];
  sol_probe *probe = calloc(1, sizeof *probe);
  if (probe) probe->topic = strdup(topic);
  if (!probe || !probe->topic) {
    sol_probe_close(probe);
    return solid_fail(SOLID_ENOMEM, "consumer: out of memory");
  }
  probe->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text);
  if (!probe->rk) {
    sol_probe_close(probe);
    return solid_fail(SOLID_EINVAL, "kafka: %s", text);
  }
  probe->rkt = rd_kafka_topic_new(probe->rk, topic, NULL); /* of its own, and `conf` is gone */
  if (!probe->rkt) {
    sol_probe_close(probe);
    *out = NULL;
    return solid_fail(SOLID_EINVAL, "kafka topic %s: %s", topic, rd_kafka_err2str(rd_kafka_last_error()));
  }
  *out = probe;
  return SOLID_OK;
}

void sol_probe_close(sol_probe *probe) {
  if (!probe) return;
  if (probe->rkt) rd_kafka_topic_destroy(probe->rkt);
  if (probe->rk) sol_let_go(probe->rk, 0, SOL_LET_GO_MS);
  free(probe->topic);
  free(probe);
}

static solid_status failed(const sol_probe *probe, int32_t partition, rd_kafka_resp_err_t err) {
  const char *why = rd_kafka_err2str(err);
  if (err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED || err == RD_KAFKA_RESP_ERR__AUTHENTICATION)
    return solid_fail(SOLID_EINVAL, "kafka topic %s [%d]: %s", probe->topic, (int)partition, why);
  return solid_fail(SOLID_EIO, "kafka topic %s [%d]: cannot see whether it is the one that was read: %s", probe->topic,
                    (int)partition, why);
}

static int left_ms(int64_t deadline_ms) {
  int64_t left = deadline_ms - sol_steady_ms();
  return left > 1 ? (int)left : 1;
}

solid_status sol_probe_reach(sol_probe *probe, int64_t deadline_ms) {
  const struct rd_kafka_metadata *metadata;
  rd_kafka_resp_err_t err = rd_kafka_metadata(probe->rk, 0, probe->rkt, &metadata, left_ms(deadline_ms));
  if (err) return solid_fail(SOLID_EIO, "kafka topic %s: no broker answers (%s)", probe->topic, rd_kafka_err2str(err));
  rd_kafka_metadata_destroy(metadata);
  return SOLID_OK;
}

/* Asks with the special times for first and next offset, because the call for the ends (query_watermark_offsets) waits
 * longer than its timeout. */
static rd_kafka_resp_err_t ask_end(sol_probe *probe, int32_t partition, int64_t which, int64_t deadline_ms,
                                   int64_t *out) {
  rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
  if (!list) return RD_KAFKA_RESP_ERR__FAIL;
  rd_kafka_topic_partition_t *entry = rd_kafka_topic_partition_list_add(list, probe->topic, partition);
  entry->offset = which;
  rd_kafka_resp_err_t err = rd_kafka_offsets_for_times(probe->rk, list, left_ms(deadline_ms));
  if (!err) err = entry->err;
  if (!err && entry->offset < 0) err = RD_KAFKA_RESP_ERR__BAD_MSG;
  *out = entry->offset;
  rd_kafka_topic_partition_list_destroy(list);
  return err;
}

solid_status sol_probe_ends(sol_probe *probe, int32_t partition, int64_t deadline_ms, int64_t *low, int64_t *high) {
  rd_kafka_resp_err_t err = ask_end(probe, partition, RD_KAFKA_OFFSET_BEGINNING, deadline_ms, low);
  if (!err) err = ask_end(probe, partition, RD_KAFKA_OFFSET_END, deadline_ms, high);
  return err ? failed(probe, partition, err) : SOLID_OK;
}

/* Waits for the first message at or after the offset. *found is GONE if there is none up to the end. */
static rd_kafka_resp_err_t first_message(sol_probe *probe, int32_t partition, const sol_anchor *anchor,
                                         int64_t deadline_ms, sol_found *found) {
  do {
    rd_kafka_message_t *message = rd_kafka_consume(probe->rkt, partition, left_ms(deadline_ms));
    if (!message) continue;
    rd_kafka_resp_err_t err = message->err;
    int is_answer = !err || err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
    *found = SOL_FOUND_GONE;
    if (!err && message->offset == anchor->offset) {
      sol_anchor there = sol_anchor_of(message);
      int is_equal = there.time_ms == anchor->time_ms && there.hash.low == anchor->hash.low &&
                     there.hash.high == anchor->hash.high;
      *found = is_equal ? SOL_FOUND_EQUAL : SOL_FOUND_DIFFERENT;
    }
    rd_kafka_message_destroy(message);
    if (is_answer) return RD_KAFKA_RESP_ERR_NO_ERROR;
    if (err != RD_KAFKA_RESP_ERR__TRANSPORT && err != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) return err;
  } while (sol_steady_ms() < deadline_ms);
  return RD_KAFKA_RESP_ERR__TIMED_OUT;
}

solid_status sol_probe_read(sol_probe *probe, int32_t partition, const sol_anchor *anchor, int64_t deadline_ms,
                            sol_found *found) {
  if (rd_kafka_consume_start(probe->rkt, partition, anchor->offset))
    return failed(probe, partition, rd_kafka_last_error());
  rd_kafka_resp_err_t err = first_message(probe, partition, anchor, deadline_ms, found);
  rd_kafka_consume_stop(probe->rkt, partition);
  return err ? failed(probe, partition, err) : SOLID_OK;
}
