/* A program says once an outage that brokers are away, and says the next one too where nothing was delivered between.
 */
#include "examples/common/kafka_log.h"
#include <criterion/criterion.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdatomic.h>
#include <stdint.h>

enum { PATIENCE_MS = 60000, BROKER = 1 };

static kafka_outage outage;
static atomic_int told;

static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text) {
  (void)rk, (void)text;
  if (level <= LOG_ERR && kafka_log_is_news(&outage, level, facility)) atomic_fetch_add(&told, 1);
}

static void on_error(rd_kafka_t *rk, int err, const char *reason, void *opaque) {
  (void)rk, (void)reason, (void)opaque;
  if (kafka_log_is_new_error(&outage, err)) atomic_fetch_add(&told, 1);
}

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque) {
  (void)rk, (void)opaque;
  if (!message->err) kafka_log_delivered(&outage, message);
}

static rd_kafka_t *producer(rd_kafka_mock_cluster_t **cluster) {
  char text[192];
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  cr_assert_eq(rd_kafka_conf_set(conf, "test.mock.num.brokers", "1", text, sizeof text), 0, "%s", text);
  cr_assert_eq(rd_kafka_conf_set(conf, "reconnect.backoff.max.ms", "100", text, sizeof text), 0, "%s", text);
  rd_kafka_conf_set_log_cb(conf, on_log);
  rd_kafka_conf_set_error_cb(conf, on_error);
  rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
  rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
  cr_assert(rk, "%s", text);
  *cluster = rd_kafka_handle_mock_cluster(rk);
  return rk;
}

static void put(rd_kafka_t *rk) {
  static char text[] = "x";
  cr_assert_eq(rd_kafka_producev(rk, RD_KAFKA_V_TOPIC("events"), RD_KAFKA_V_VALUE(text, 1),
                                 RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END),
               0);
  cr_assert_eq(rd_kafka_flush(rk, PATIENCE_MS), 0);
}

/* One broker answers again, as a program would see it that asks for metadata. */
static void wait_until_up(rd_kafka_t *rk) {
  const struct rd_kafka_metadata *metadata;
  rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR__TRANSPORT;
  for (int64_t end_ms = sol_steady_ms() + PATIENCE_MS; err && sol_steady_ms() < end_ms;)
    err = rd_kafka_metadata(rk, 0, NULL, &metadata, 1000);
  cr_assert_eq(err, 0, "%s", rd_kafka_err2str(err));
  rd_kafka_metadata_destroy(metadata);
}

static void go_down(rd_kafka_t *rk, rd_kafka_mock_cluster_t *cluster, int expected) {
  rd_kafka_mock_broker_set_down(cluster, BROKER);
  for (int64_t end_ms = sol_steady_ms() + PATIENCE_MS; atomic_load(&told) < expected;) {
    rd_kafka_poll(rk, 20);
    cr_assert_lt(sol_steady_ms(), end_ms, "%d outages told, not %d", atomic_load(&told), expected);
  }
  for (int i = 0; i < 20; i++) rd_kafka_poll(rk, 20); /* the tries to connect meanwhile are no news */
  cr_assert_eq(atomic_load(&told), expected);
  rd_kafka_mock_broker_set_up(cluster, BROKER);
  wait_until_up(rk);
}

Test(kafka_log, tells_each_outage_once) {
  rd_kafka_mock_cluster_t *cluster;
  rd_kafka_t *rk = producer(&cluster);
  put(rk);
  go_down(rk, cluster, 1);
  go_down(rk, cluster, 2); /* with nothing delivered since */
  put(rk);
  go_down(rk, cluster, 3);
  go_down(rk, cluster, 4);
  rd_kafka_destroy(rk);
}
