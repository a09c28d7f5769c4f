/* The memory store's records of streams: few, found by linear search. Not locked: the store does that. */
#ifndef STORE_MEMORY_STREAMS_H
#define STORE_MEMORY_STREAMS_H

#include "solid/store.h"

typedef struct sol_stream {
  size_t name_size, size;
  char *name;
  uint8_t *record;
} sol_stream;

/* A zeroed struct is empty. */
typedef struct sol_streams {
  sol_stream *all;
  size_t count;
} sol_streams;

void sol_streams_clear(sol_streams *streams);

/* As the slots of solid_store_ops whose arguments they are given, checked. */
solid_status sol_streams_load(const sol_streams *streams, solid_bytes name, void *room, size_t *size);
solid_status sol_streams_save(sol_streams *streams, solid_bytes name, solid_bytes seen, solid_bytes record, int *saved);

#endif
