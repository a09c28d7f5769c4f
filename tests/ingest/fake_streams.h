/* Records of streams in memory, with a script of failures: what a source is given where a test has no store. */
#ifndef TESTS_INGEST_FAKE_STREAMS_H
#define TESTS_INGEST_FAKE_STREAMS_H

#include "ingest/streams.h"

enum { FAKE_STREAMS = 16, FAKE_STREAM_ROOM = 2048 };

typedef struct fake_stream {
  char name[SOLID_ID_MAX + 1];
  char bytes[FAKE_STREAM_ROOM];
  size_t size;
} fake_stream;

typedef struct fake_streams {
  fake_stream streams[FAKE_STREAMS];
  size_t count;
  int away;                 /* so many calls answer EIO first */
  int loads, saves;         /* calls that were answered */
  const fake_stream *rival; /* saves this one just before the next save, once */
} fake_streams;

solid_streams fake_streams_of(fake_streams *fake);

/* The record under the name, or under the only one there is (NULL); asserts that it is there. */
fake_stream *fake_streams_find(fake_streams *fake, const char *name);

#endif
