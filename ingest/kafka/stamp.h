/* The metadata of a committed offset: its stream, the message before it as an anchor, and the epoch of the store that
 * was filled up to it. Kafka deletes it with the topic, like the offset. */
#ifndef INGEST_KAFKA_STAMP_H
#define INGEST_KAFKA_STAMP_H

#include "ingest/identity/anchor.h"

enum { SOL_STAMP_ROOM = 192 };

typedef struct sol_stamp {
  int64_t offset;  /* committed; -1 = none */
  uint64_t stream; /* 0 = unknown: committed by a tool, or by an earlier version */
  sol_anchor anchor;
  int has_epoch;
  uint8_t epoch[16];
} sol_stamp;

/* "solid1 <stream> <offset> <time> <hash> <epoch or ->", numbers but the offset and time in hexadecimals. Returns its
 * length. */
size_t sol_stamp_write(const sol_stamp *stamp, char *out);

/* Fills all but stamp->offset; any other text leaves stream at 0. */
void sol_stamp_read(sol_stamp *stamp, const char *text, size_t size);

#endif
