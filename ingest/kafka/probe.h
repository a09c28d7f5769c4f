/* A second handle of the same cluster, without a group, that reads single messages, to compare them with anchors. */
#ifndef INGEST_KAFKA_PROBE_H
#define INGEST_KAFKA_PROBE_H

#include "ingest/identity/anchor.h"
#include <librdkafka/rdkafka.h>

/* The anchor that a message is. */
sol_anchor sol_anchor_of(const rd_kafka_message_t *message);

typedef struct sol_probe sol_probe;

/* Takes `conf` on success. */
solid_status sol_probe_open(sol_probe **out, rd_kafka_conf_t *conf, const char *topic);
void sol_probe_close(sol_probe *probe);

/* Whether a broker answers at all. EIO: none does. */
solid_status sol_probe_reach(sol_probe *probe, int64_t deadline_ms);

/* First and next offset of the partition. EIO, ETIMEDOUT: try again, the topic may be missing. EINVAL: access is
 * denied. */
solid_status sol_probe_ends(sol_probe *probe, int32_t partition, int64_t deadline_ms, int64_t *low, int64_t *high);

/* Compares the message at the anchor's offset, which is in low .. high - 1. Statuses as above. */
solid_status sol_probe_read(sol_probe *probe, int32_t partition, const sol_anchor *anchor, int64_t deadline_ms,
                            sol_found *found);

#endif
