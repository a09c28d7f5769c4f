/* The dead-letter topic: payload and key of a rejected message verbatim, each up to SOLID_PAYLOAD_MAX bytes, with
 * headers reason, source-topic, source-partition, source-offset, source-bytes (of the whole payload). */
#ifndef INGEST_KAFKA_DEAD_LETTER_H
#define INGEST_KAFKA_DEAD_LETTER_H

#include "ingest/decode.h"
#include <librdkafka/rdkafka.h>

typedef struct sol_dead_letter sol_dead_letter;

/* Takes `conf` on success. */
solid_status sol_dead_letter_open(sol_dead_letter **out, rd_kafka_conf_t *conf, const char *topic);
void sol_dead_letter_close(sol_dead_letter *dead_letter);

/* The producer, borrowed. */
rd_kafka_t *sol_dead_letter_handle(const sol_dead_letter *dead_letter);

/* Enqueues a copy of the message, which goes by `number` until the next put after a flush. EIO: the producer does not
 * accept it, or not now. */
solid_status sol_dead_letter_put(sol_dead_letter *dead_letter, const rd_kafka_message_t *message, solid_reject reject,
                                 size_t number);

/* Waits until every put message is acknowledged. EIO, ETIMEDOUT: some were not; they are forgotten and must be put
 * again. No failure is final, because the topic may be repaired later. */
solid_status sol_dead_letter_flush(sol_dead_letter *dead_letter, int64_t timeout_ms);

/* 1 when what was put under this number was acknowledged by the last flush. */
int sol_dead_letter_has(const sol_dead_letter *dead_letter, size_t number);

#endif
