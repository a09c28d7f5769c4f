#include "store/memory/streams.h"
#include "solid/extend.h"
#include "store/record/port.h"
#include <stdlib.h>
#include <string.h>

static int same(const void *data, size_t size, solid_bytes other) {
  return size == other.size && (!size || !memcmp(data, other.data, size));
}

static sol_stream *find(const sol_streams *streams, solid_bytes name) {
  for (size_t i = 0; i < streams->count; i++)
    if (same(streams->all[i].name, streams->all[i].name_size, name)) return &streams->all[i];
  return NULL;
}

void sol_streams_clear(sol_streams *streams) {
  for (size_t i = 0; i < streams->count; i++) {
    free(streams->all[i].name);
    free(streams->all[i].record);
  }
  free(streams->all);
  *streams = (sol_streams){0};
}

solid_status sol_streams_load(const sol_streams *streams, solid_bytes name, void *room, size_t *size) {
  const sol_stream *stream = find(streams, name);
  return sol_port_give_record(stream ? stream->record : NULL, stream ? stream->size : 0, room, size);
}

static void *copy_of(solid_bytes bytes) {
  void *copy = malloc(bytes.size);
  if (copy) memcpy(copy, bytes.data, bytes.size);
  return copy;
}

static solid_status add(sol_streams *streams, solid_bytes name, solid_bytes record) {
  sol_stream *all = realloc(streams->all, sizeof *all * (streams->count + 1));
  if (all) streams->all = all;
  sol_stream stream = {name.size, record.size, all ? copy_of(name) : NULL, all ? copy_of(record) : NULL};
  if (!stream.name || !stream.record) {
    free(stream.name);
    free(stream.record);
    return solid_fail(SOLID_ENOMEM, "memory store: record of a stream of %zu bytes", record.size);
  }
  all[streams->count++] = stream;
  return SOLID_OK;
}

static solid_status replace(sol_stream *stream, solid_bytes record) {
  uint8_t *copy = copy_of(record);
  if (!copy) return solid_fail(SOLID_ENOMEM, "memory store: record of a stream of %zu bytes", record.size);
  free(stream->record);
  stream->record = copy;
  stream->size = record.size;
  return SOLID_OK;
}

solid_status sol_streams_save(sol_streams *streams, solid_bytes name, solid_bytes seen, solid_bytes record,
                              int *saved) {
  sol_stream *stream = find(streams, name);
  *saved = stream && same(stream->record, stream->size, record);
  if (*saved) return SOLID_OK;
  if (stream ? !same(stream->record, stream->size, seen) : seen.size != 0) return SOLID_OK;
  solid_status status = stream ? replace(stream, record) : add(streams, name, record);
  *saved = !status;
  return status;
}
