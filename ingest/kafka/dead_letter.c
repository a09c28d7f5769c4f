#include "ingest/kafka/dead_letter.h"
#include "solid/extend.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PURGE_MS = 1000 }; /* reports of purged messages arrive at once */

struct sol_dead_letter {
  rd_kafka_t *rk;
  char *topic;
  rd_kafka_resp_err_t err; /* first failed delivery since the last flush */
  uint32_t round;          /* of puts; reports of earlier rounds are ignored */
  int is_open;             /* something was put since the last flush */
  uint8_t *done;           /* (room) by the numbers of this round */
  size_t room;
};

/* What goes with a message to its report: round and number. */
static void *tag_of(uint32_t round, size_t number) {
  return (void *)(uintptr_t)((uint64_t)round << 32 | number);
}

/* Called from rd_kafka_flush, on the consumer's thread. */
static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque) {
  (void)rk;
  sol_dead_letter *dead_letter = opaque;
  uint64_t tag = (uintptr_t)message->_private;
  size_t number = (uint32_t)tag;
  if (tag >> 32 != dead_letter->round || number >= dead_letter->room) return;
  if (message->err && !dead_letter->err) dead_letter->err = message->err;
  if (!message->err) dead_letter->done[number] = 1;
}

solid_status sol_dead_letter_open(sol_dead_letter **out, rd_kafka_conf_t *conf, const char *topic) {
  char text[192];
  sol_dead_letter *dead_letter = calloc(1, sizeof *dead_letter);
  if (dead_letter) dead_letter->topic = strdup(topic);
  if (!dead_letter || !dead_letter->topic) {
    sol_dead_letter_close(dead_letter);
    return solid_fail(SOLID_ENOMEM, "dead letters: out of memory");
  }
  rd_kafka_conf_set_opaque(conf, dead_letter);
  rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
  dead_letter->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
  if (!dead_letter->rk) {
    sol_dead_letter_close(dead_letter);
    return solid_fail(SOLID_EINVAL, "kafka: %s", text);
  }
  *out = dead_letter;
  return SOLID_OK;
}

void sol_dead_letter_close(sol_dead_letter *dead_letter) {
  if (!dead_letter) return;
  if (dead_letter->rk) rd_kafka_destroy(dead_letter->rk);
  free(dead_letter->topic);
  free(dead_letter->done);
  free(dead_letter);
}

rd_kafka_t *sol_dead_letter_handle(const sol_dead_letter *dead_letter) {
  return dead_letter->rk;
}

static solid_status failed(const sol_dead_letter *dead_letter, rd_kafka_resp_err_t err) {
  int is_missing = err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || err == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
  return solid_fail(SOLID_EIO, "dead-letter topic %s: %s%s", dead_letter->topic, rd_kafka_err2str(err),
                    is_missing ? ": create it or choose another" : "");
}

/* With the headers, a message of the largest size that brokers accept would no longer fit, and the stream would never
 * continue. So a payload that is too large to be an event is cut. */
static size_t at_most(size_t size) {
  return size < SOLID_PAYLOAD_MAX ? size : SOLID_PAYLOAD_MAX;
}

/* A round begins with the first put after a flush. */
static solid_status make_room(sol_dead_letter *dead_letter, size_t number) {
  if (!dead_letter->is_open) {
    dead_letter->is_open = 1;
    dead_letter->round = (dead_letter->round + 1) & 0x7fffffff;
    if (dead_letter->room) memset(dead_letter->done, 0, dead_letter->room);
  }
  if (number < dead_letter->room) return SOLID_OK;
  size_t room = number + number / 2 + 16;
  uint8_t *done = realloc(dead_letter->done, room);
  if (!done) return solid_fail(SOLID_ENOMEM, "dead letters: out of memory");
  memset(done + dead_letter->room, 0, room - dead_letter->room);
  dead_letter->done = done;
  dead_letter->room = room;
  return SOLID_OK;
}

int sol_dead_letter_has(const sol_dead_letter *dead_letter, size_t number) {
  return number < dead_letter->room && dead_letter->done[number];
}

solid_status sol_dead_letter_put(sol_dead_letter *dead_letter, const rd_kafka_message_t *message, solid_reject reject,
                                 size_t number) {
  solid_status status = make_room(dead_letter, number);
  if (status != SOLID_OK) return status;
  char partition[16], offset[24], bytes[24];
  const char *reason = solid_reject_code(reject), *source = rd_kafka_topic_name(message->rkt);
  int partition_size = snprintf(partition, sizeof partition, "%" PRId32, message->partition);
  int offset_size = snprintf(offset, sizeof offset, "%" PRId64, message->offset);
  int bytes_size = snprintf(bytes, sizeof bytes, "%zu", message->len);
  rd_kafka_resp_err_t err = rd_kafka_producev(
      dead_letter->rk, RD_KAFKA_V_TOPIC(dead_letter->topic), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
      RD_KAFKA_V_OPAQUE(tag_of(dead_letter->round, number)), RD_KAFKA_V_KEY(message->key, at_most(message->key_len)),
      RD_KAFKA_V_VALUE(message->payload, at_most(message->len)), RD_KAFKA_V_HEADER("reason", reason, strlen(reason)),
      RD_KAFKA_V_HEADER("source-topic", source, strlen(source)),
      RD_KAFKA_V_HEADER("source-partition", partition, partition_size),
      RD_KAFKA_V_HEADER("source-offset", offset, offset_size), RD_KAFKA_V_HEADER("source-bytes", bytes, bytes_size),
      RD_KAFKA_V_END);
  return err ? failed(dead_letter, err) : SOLID_OK;
}

solid_status sol_dead_letter_flush(sol_dead_letter *dead_letter, int64_t timeout_ms) {
  rd_kafka_resp_err_t err = rd_kafka_flush(dead_letter->rk, (int)timeout_ms);
  dead_letter->is_open = 0;
  if (err) {
    /* No report may arrive after the batch has been offered again, except of messages in flight now. */
    rd_kafka_purge(dead_letter->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_flush(dead_letter->rk, PURGE_MS);
    dead_letter->err = RD_KAFKA_RESP_ERR_NO_ERROR;
    return solid_fail(SOLID_ETIMEDOUT, "dead-letter topic %s: not acknowledged within %" PRId64 " ms",
                      dead_letter->topic, timeout_ms);
  }
  err = dead_letter->err;
  dead_letter->err = RD_KAFKA_RESP_ERR_NO_ERROR;
  return err ? failed(dead_letter, err) : SOLID_OK;
}
