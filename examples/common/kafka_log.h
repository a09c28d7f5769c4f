/* librdkafka's own lines as lines of a program, those of brokers that are away once an outage. Any thread. */
#ifndef EXAMPLES_COMMON_KAFKA_LOG_H
#define EXAMPLES_COMMON_KAFKA_LOG_H

#include "examples/common/ground.h"
#include <librdkafka/rdkafka.h>
#include <stdatomic.h>
#include <string.h>
#include <syslog.h>

typedef struct kafka_outage {
  _Atomic int64_t since_ns; /* steady clock; 0 = there is none */
  atomic_int are_all_down;  /* all brokers were, in this outage */
} kafka_outage;

/* 0 where the line is of an outage that was told already. */
static inline int kafka_log_is_news(kafka_outage *outage, int level, const char *facility) {
  int64_t none = 0;
  if (level > LOG_ERR || (strcmp(facility, "FAIL") != 0 && strcmp(facility, "ERROR") != 0)) return 1;
  return atomic_compare_exchange_strong(&outage->since_ns, &none, sol_steady_ns());
}

/* The same of an error (rd_kafka_conf_set_error_cb). That all brokers are down is said again only after one of them was
 * up: then it is another outage, also where nothing was delivered in between. */
static inline int kafka_log_is_new_error(kafka_outage *outage, int err) {
  if (err == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && atomic_exchange(&outage->are_all_down, 1)) {
    atomic_store(&outage->since_ns, sol_steady_ns());
    return 1;
  }
  return kafka_log_is_news(outage, LOG_ERR, "ERROR");
}

/* A message was delivered. It ends an outage if it was produced after the beginning: reports of earlier ones may come
 * late. */
static inline void kafka_log_delivered(kafka_outage *outage, const rd_kafka_message_t *message) {
  int64_t since_ns = atomic_load(&outage->since_ns);
  if (!since_ns || sol_steady_ns() - 1000 * rd_kafka_message_latency(message) <= since_ns) return;
  atomic_store(&outage->are_all_down, 0);
  atomic_store(&outage->since_ns, 0);
}

#endif
