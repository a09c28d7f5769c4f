/* Events to the topic, each acknowledged by the broker before its request is. One producer for all threads. */
#ifndef EXAMPLES_SERVE_PRODUCER_H
#define EXAMPLES_SERVE_PRODUCER_H

#include "examples/serve/serve.h"
#include "ingest/consumer.h"
#include "solid/types.h"
#include <stdint.h>

typedef struct serve_producer serve_producer;

/* To the brokers and the topic of the options. A message is given up (message.timeout.ms) when half of the time of its
 * request is over, so that the answer can say what was not delivered; librdkafka may be later than that. EUNSUPPORTED:
 * built without Kafka. EINVAL: a setting that librdkafka does not take. */
solid_status producer_open(serve_producer **out, const serve_options *options, const solid_setting *settings,
                           size_t n_settings);

/* Sends the payloads, keyed by user, and waits for all of them. Whatever it returns, `statuses` (n) say what became of
 * each: OK, acknowledged; EIO, not delivered; ERANGE, larger than a message may be; EUNKNOWN, sent or still to be sent,
 * and not acknowledged. ETIMEDOUT: not all were by the deadline. EIO, ERANGE: the broker did not take one. */
solid_status producer_send(serve_producer *producer, const solid_event *events, char *const *payloads, size_t n,
                           int64_t deadline_ns, solid_status *statuses);

/* NULL is a no-op. */
void producer_close(serve_producer *producer);

#endif
