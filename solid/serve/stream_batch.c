#include "solid/serve/stream_batch.h"
#include "solid/extend.h"
#include <stdlib.h>

void sol_stream_clear(sol_stream_batch *stream) {
  free(stream->steps);
  free(stream->positions);
  free(stream->keep);
  free(stream->dislikes);
  *stream = (sol_stream_batch){0};
}

solid_status sol_stream_reserve(sol_stream_batch *stream, size_t n) {
  if (n <= stream->capacity) return SOLID_OK;
  sol_stream_batch made = {.capacity = n};
  if (n <= SIZE_MAX / sizeof *made.steps) {
    made.steps = malloc(n * sizeof *made.steps);
    made.positions = malloc(n * sizeof *made.positions);
    made.keep = malloc(n);
    made.dislikes = malloc(n);
  }
  if (!made.steps || !made.positions || !made.keep || !made.dislikes) {
    sol_stream_clear(&made);
    return solid_fail(SOLID_ENOMEM, "out of memory: batch of %zu events", n);
  }
  sol_stream_clear(stream);
  *stream = made;
  return SOLID_OK;
}
