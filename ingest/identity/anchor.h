/* Anchors: how a stream is recognised.
 *
 * An anchor is a hash of the message at an offset. Up to 8 are kept, the newest first, at growing distances back:
 *
 *    offset    0 ........................ 700 ........ 900 ... 960 . 980 990 995 1000
 *                                                                             newest
 *
 * Of two streams the newest anchor tells whether they are one; the older ones tell a stream whose end was cut off from
 * one that began anew, and stand in where newer ones are gone (expired, or compacted away). */
#ifndef INGEST_IDENTITY_ANCHOR_H
#define INGEST_IDENTITY_ANCHOR_H

#include "solid/status.h"
#include <stddef.h>
#include <stdint.h>

enum { SOL_ANCHORS = 8, SOL_RECORD_MAX = 16 + SOL_ANCHORS * 32 };

typedef struct sol_hash128 {
  uint64_t low, high;
} sol_hash128;

typedef struct sol_anchor {
  int64_t offset, time_ms;
  sol_hash128 hash; /* of the time, the key and the value */
} sol_anchor;

/* What the store keeps of a stream. */
typedef struct sol_record {
  uint64_t stream;
  size_t count;                    /* of anchors */
  sol_anchor anchors[SOL_ANCHORS]; /* newest first, offsets falling */
} sol_record;

/* What was found at an anchor's offset. */
typedef enum sol_found {
  SOL_FOUND_EQUAL,
  SOL_FOUND_DIFFERENT,
  SOL_FOUND_BEYOND, /* the stream ends before it */
  SOL_FOUND_GONE    /* expired or compacted away: says nothing */
} sol_found;

typedef enum sol_identity {
  SOL_IDENTITY_SAME,
  SOL_IDENTITY_NEW,
  SOL_IDENTITY_CUT,    /* its end was cut off: an older anchor is there, newer ones are not */
  SOL_IDENTITY_UNCLEAR /* all anchors are gone, or there were none */
} sol_identity;

/* A new stream number from the system's random source; never 0. EIO. */
solid_status sol_stream_draw(uint64_t *out);

/* XXH3, 128 bits, of the time (8 bytes, little-endian), then key and value, each with its size in front; NULL differs
 * from empty. */
sol_hash128 sol_anchor_hash(int64_t time_ms, const void *key, size_t key_size, const void *value, size_t value_size);

/* Puts `anchor` in front. One that is not newer than the newest is left out. A ninth anchor pushes out the one whose
 * neighbours stand closest for their distance. */
void sol_record_add(sol_record *record, sol_anchor anchor);

/* Bytes of a record: "SST" and a version, the count, the stream, the anchors; little-endian. Returns their number, at
 * most SOL_RECORD_MAX. */
size_t sol_record_write(const sol_record *record, unsigned char *out);

/* EFORMAT: the bytes are no record, or of a later version. */
solid_status sol_record_read(sol_record *out, const void *data, size_t size);

/* The conclusion from `count` findings (newest first). *newest is the first that is not gone, *equal the first that is
 * equal; `count` if there is none. */
sol_identity sol_identity_of(const sol_found *found, size_t count, size_t *newest, size_t *equal);

/* Little-endian numbers of records. */
void sol_put_u64(unsigned char *out, uint64_t value);
uint64_t sol_get_u64(const unsigned char *bytes);

#endif
