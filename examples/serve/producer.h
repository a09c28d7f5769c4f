/* Events to the topic, each acknowledged by the broker before its request is. One producer for all threads. */
#ifndef EXAMPLES_SERVE_PRODUCER_H
#define EXAMPLES_SERVE_PRODUCER_H

#include "ingest/consumer.h"
#include "solid/types.h"
#include <stdint.h>

typedef struct serve_producer serve_producer;

/* EUNSUPPORTED: built without Kafka. EINVAL: a setting that librdkafka does not take. */
solid_status producer_open(serve_producer **out, const char *brokers, const char *topic, const solid_setting *settings,
                           size_t n_settings);

/* Sends the payloads, keyed by user, and waits for all of them. ETIMEDOUT: not all were acknowledged by the deadline,
 * some may have been. EIO: the broker refused one. */
solid_status producer_send(serve_producer *producer, const solid_event *events, char *const *payloads, size_t n,
                           int64_t deadline_ns);

/* NULL is a no-op. */
void producer_close(serve_producer *producer);

#endif
