/* The stream of a file is identified by what was read of it.
 *
 * A file is known by its first bytes, never by its path: under the hash of its first line the store keeps up to 16
 * streams that begin with it, each with how many bytes of it were read and their hash. If the first `bytes` of a file
 * hash to the same, it is that stream, and reading goes on at `next`; of several such streams the one that reaches
 * furthest counts. Otherwise it is another file, and a new stream; where it is
 * shorter than one of them, it may be that one cut off, which nothing can tell. Named input through a pipe has one
 * entry, with which the input must begin. */
#ifndef INGEST_IDENTITY_FILE_STREAM_H
#define INGEST_IDENTITY_FILE_STREAM_H

#include "ingest/identity/anchor.h"
#include "ingest/streams.h"

enum { SOL_FILE_STREAMS = 16, SOL_FILE_RECORD_MAX = 16 + SOL_FILE_STREAMS * 40 };

typedef struct sol_file_entry {
  uint64_t stream;
  uint64_t bytes; /* of the beginning that were read, at least the first line */
  uint64_t next;  /* where reading goes on: `bytes`, or 0 before the first batch is applied */
  sol_hash128 hash;
} sol_file_entry;

typedef struct sol_file_record {
  size_t count;
  sol_file_entry entries[SOL_FILE_STREAMS]; /* the one that was read last first */
} sol_file_record;

size_t sol_file_record_write(const sol_file_record *record, unsigned char *out);
solid_status sol_file_record_read(sol_file_record *out, const void *data, size_t size); /* EFORMAT */

/* Puts the entry in front and removes the older entry of its stream. Returns 1 if another stream was pushed out for it.
 */
int sol_file_record_put(sol_file_record *record, sol_file_entry entry);

/* *found: the entry that reaches furthest of those that the file begins with, or `count`. Reads by offsets, and leaves
 * where the file stands alone. EDEVICE: it cannot be read. */
solid_status sol_file_record_match(const sol_file_record *record, int fd, size_t *found);

#endif
