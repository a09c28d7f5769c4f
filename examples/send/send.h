/* solid_send in two pieces: the source (data file or lines -> payloads), and the producer in the program itself. */
#ifndef EXAMPLES_SEND_SEND_H
#define EXAMPLES_SEND_SEND_H

#include "examples/common/reading.h"
#include "solid/status.h"
#include "solid/types.h"
#include <stdint.h>

/* Takes one event as JSON with its key (empty when the line is not an event). Borrowed for the call. */
typedef solid_status (*send_take_fn)(void *user, solid_bytes key, solid_bytes payload);

typedef struct send_source {
  const char *path;               /* "-" = lines from stdin */
  const char *format;             /* of ingest/data_file.h, or "lines": JSON lines passed on unchanged, valid or not */
  const reading_options *reading; /* of a data file */
  uint64_t limit;                 /* events; 0 = all */
} send_source;

/* Gives everything to `take`; ends early with the status that `take` returns. Reaching the limit is SOLID_OK. */
solid_status send_read(const send_source *source, send_take_fn take, void *user);

#endif
