#include "examples/send/letters.h"
#include "examples/common/ground.h"
#include "solid/extend.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

typedef struct part {
  int64_t next, end; /* offsets: first that was not taken, and where to stop */
} part;

struct letter_box {
  rd_kafka_t *rk;
  char *topic;
  int count, timeout_ms;
  part *parts; /* (count) */
};

static solid_status failed(const letter_box *box, rd_kafka_resp_err_t err) {
  solid_status status = err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || err == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC
                            ? SOLID_ENOTFOUND
                            : SOLID_EIO;
  if (err == RD_KAFKA_RESP_ERR__TRANSPORT || err == RD_KAFKA_RESP_ERR__TIMED_OUT)
    return solid_fail(status,
                      "kafka topic %s: no broker answered within %d ms (%s): is it running, is the address right?",
                      box->topic, box->timeout_ms, rd_kafka_err2str(err));
  return solid_fail(status, "kafka topic %s: %s", box->topic, rd_kafka_err2str(err));
}

static rd_kafka_resp_err_t count_partitions(letter_box *box) {
  const struct rd_kafka_metadata *metadata;
  rd_kafka_topic_t *topic = rd_kafka_topic_new(box->rk, box->topic, NULL);
  if (!topic) return rd_kafka_last_error();
  rd_kafka_resp_err_t err = rd_kafka_metadata(box->rk, 0, topic, &metadata, box->timeout_ms);
  rd_kafka_topic_destroy(topic);
  if (err) return err;
  err = metadata->topic_cnt == 1 ? metadata->topics[0].err : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
  box->count = err ? 0 : metadata->topics[0].partition_cnt;
  rd_kafka_metadata_destroy(metadata);
  return err;
}

static rd_kafka_topic_partition_list_t *positions(const letter_box *box) {
  rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(box->count);
  for (int i = 0; i < box->count; i++)
    rd_kafka_topic_partition_list_add(list, box->topic, i)->offset = box->parts[i].next;
  return list;
}

/* Between the topic's first message and its end, behind what the group has committed. */
static rd_kafka_resp_err_t find_ends(letter_box *box, int is_continued) {
  rd_kafka_topic_partition_list_t *list = positions(box);
  rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR_NO_ERROR;
  if (is_continued) err = rd_kafka_committed(box->rk, list, box->timeout_ms);
  for (int i = 0; !err && i < box->count; i++) {
    part *at = &box->parts[i];
    int64_t low, committed = is_continued ? list->elems[i].offset : -1;
    err = rd_kafka_query_watermark_offsets(box->rk, box->topic, i, &low, &at->end, box->timeout_ms);
    at->next = committed > low ? committed : low;
    if (at->next > at->end) at->next = at->end;
  }
  rd_kafka_topic_partition_list_destroy(list);
  return err;
}

static rd_kafka_resp_err_t begin(letter_box *box, int is_continued) {
  rd_kafka_resp_err_t err = find_ends(box, is_continued);
  if (err) return err;
  rd_kafka_topic_partition_list_t *list = positions(box);
  err = rd_kafka_assign(box->rk, list);
  rd_kafka_topic_partition_list_destroy(list);
  return err;
}

solid_status letters_open(letter_box **out, rd_kafka_t *rk, const char *topic, int is_continued, int64_t timeout_ms) {
  letter_box *made = calloc(1, sizeof *made);
  if (!made) {
    rd_kafka_destroy(rk);
    return solid_fail(SOLID_ENOMEM, "dead letters: out of memory");
  }
  made->rk = rk;
  made->timeout_ms = (int)timeout_ms;
  made->topic = strdup(topic);
  rd_kafka_poll_set_consumer(rk);
  rd_kafka_resp_err_t err = made->topic ? count_partitions(made) : RD_KAFKA_RESP_ERR_NO_ERROR;
  if (made->topic && !err) made->parts = calloc((size_t)made->count, sizeof *made->parts);
  if (made->parts) err = begin(made, is_continued);
  solid_status status = SOLID_OK;
  if (err)
    status = failed(made, err);
  else if (!made->parts)
    status = solid_fail(SOLID_ENOMEM, "dead letters: out of memory");
  if (status)
    letters_close(made);
  else
    *out = made;
  return status;
}

void letters_close(letter_box *box) {
  if (!box) return;
  if (box->rk) {
    rd_kafka_consumer_close(box->rk);
    rd_kafka_destroy(box->rk);
  }
  free(box->topic);
  free(box->parts);
  free(box);
}

static solid_bytes header(const rd_kafka_headers_t *headers, const char *name) {
  const void *value;
  size_t size;
  if (!headers || rd_kafka_header_get_last(headers, name, &value, &size) || !value) return (solid_bytes){"", 0};
  return (solid_bytes){value, size};
}

/* A header's decimal number from 0 to most, or -1. */
static int64_t number(const rd_kafka_headers_t *headers, const char *name, int64_t most) {
  solid_bytes text = header(headers, name);
  int64_t value = text.size ? 0 : -1;
  for (size_t i = 0; i < text.size && value >= 0; i++) {
    int digit = ((const char *)text.data)[i] - '0';
    value = digit < 0 || digit > 9 || value > (most - digit) / 10 ? -1 : value * 10 + digit;
  }
  return value;
}

static letter letter_of(const rd_kafka_message_t *message) {
  rd_kafka_headers_t *headers = NULL;
  if (rd_kafka_message_headers(message, &headers)) headers = NULL;
  letter it = {.key = {message->key, message->key_len}, .payload = {message->payload, message->len}};
  solid_bytes topic = header(headers, "source-topic");
  int64_t partition = number(headers, "source-partition", INT32_MAX);
  it.reason = header(headers, "reason");
  it.offset = number(headers, "source-offset", INT64_MAX);
  it.is_cut = number(headers, "source-bytes", INT64_MAX) > (int64_t)message->len;
  if (partition < 0 || !topic.size || topic.size >= sizeof it.topic || memchr(topic.data, 0, topic.size)) return it;
  it.partition = (int32_t)partition;
  memcpy(it.topic, topic.data, topic.size);
  return it;
}

static int is_at_end(const letter_box *box) {
  for (int i = 0; i < box->count; i++)
    if (box->parts[i].next < box->parts[i].end) return 0;
  return 1;
}

static solid_status take_message(letter_box *box, const rd_kafka_message_t *message, letter_fn take, void *user) {
  part *at = message->rkt && message->partition >= 0 && message->partition < box->count
                 ? &box->parts[message->partition]
                 : NULL;
  if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) { /* the last offsets may be no messages */
    if (at && message->offset > at->next) at->next = message->offset < at->end ? message->offset : at->end;
    return SOLID_OK;
  }
  if (message->err == RD_KAFKA_RESP_ERR__TRANSPORT || message->err == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
    return SOLID_OK; /* librdkafka connects again; the caller counts the silence */
  if (message->err) return failed(box, message->err);
  if (!at || message->offset >= at->end) return SOLID_OK;
  letter it = letter_of(message);
  solid_status status = take(user, &it);
  if (!status) at->next = message->offset + 1;
  return status;
}

solid_status letters_read(letter_box *box, const volatile sig_atomic_t *stopped, letter_fn take, void *user) {
  solid_status status = SOLID_OK;
  int64_t heard_ms = sol_steady_ms();
  while (!status && !is_at_end(box)) {
    if (*stopped) return solid_fail(SOLID_ECANCELLED, "stopped");
    rd_kafka_message_t *message = rd_kafka_consumer_poll(box->rk, 100);
    if (message) status = take_message(box, message, take, user);
    if (message && !message->err) heard_ms = sol_steady_ms(); /* after `take`, which may wait for its rate */
    if (message) rd_kafka_message_destroy(message);
    if (!status && sol_steady_ms() - heard_ms > box->timeout_ms)
      status = solid_fail(SOLID_ETIMEDOUT, "kafka topic %s: nothing came for %d ms", box->topic, box->timeout_ms);
  }
  return status;
}

solid_status letters_commit(letter_box *box) {
  rd_kafka_topic_partition_list_t *list = positions(box);
  rd_kafka_resp_err_t err = rd_kafka_commit(box->rk, list, 0);
  rd_kafka_topic_partition_list_destroy(list);
  return err ? failed(box, err) : SOLID_OK;
}
