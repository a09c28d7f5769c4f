#include "tests/ingest/fake_streams.h"
#include "solid/extend.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static fake_stream *find(fake_streams *fake, solid_bytes name) {
  for (size_t i = 0; i < fake->count; i++)
    if (strlen(fake->streams[i].name) == name.size && memcmp(fake->streams[i].name, name.data, name.size) == 0)
      return &fake->streams[i];
  return NULL;
}

static solid_status load(void *user, solid_bytes name, void *room, size_t *size) {
  fake_streams *fake = user;
  if (fake->away > 0) {
    fake->away--;
    return solid_fail(SOLID_EIO, "the streams are away");
  }
  fake->loads++;
  const fake_stream *stream = find(fake, name);
  size_t has = stream ? stream->size : 0;
  if (has > *size) return solid_fail(SOLID_ERANGE, "record of %zu bytes, room for %zu", has, *size);
  if (has) memcpy(room, stream->bytes, has);
  *size = has;
  return SOLID_OK;
}

static fake_stream *make(fake_streams *fake, solid_bytes name) {
  cr_assert(name.size >= 1 && name.size <= SOLID_ID_MAX);
  cr_assert_lt(fake->count, (size_t)FAKE_STREAMS);
  fake_stream *stream = &fake->streams[fake->count++];
  snprintf(stream->name, sizeof stream->name, "%.*s", (int)name.size, name.data);
  return stream;
}

static solid_status save(void *user, solid_bytes name, solid_bytes seen, solid_bytes record, int *saved) {
  fake_streams *fake = user;
  if (fake->away > 0) {
    fake->away--;
    return solid_fail(SOLID_EIO, "the streams are away");
  }
  fake->saves++;
  fake_stream *stream = find(fake, name);
  if (fake->rival) {
    if (!stream) stream = make(fake, name);
    memcpy(stream->bytes, fake->rival->bytes, stream->size = fake->rival->size);
    fake->rival = NULL;
  }
  size_t has = stream ? stream->size : 0;
  *saved = has == seen.size && (!has || memcmp(stream->bytes, seen.data, has) == 0);
  if (!*saved) return SOLID_OK;
  if (!stream) stream = make(fake, name);
  cr_assert(record.size >= 1 && record.size <= FAKE_STREAM_ROOM);
  memcpy(stream->bytes, record.data, stream->size = record.size);
  return SOLID_OK;
}

solid_streams fake_streams_of(fake_streams *fake) {
  return (solid_streams){fake, load, save, NULL, NULL};
}

fake_stream *fake_streams_find(fake_streams *fake, const char *name) {
  if (!name) cr_assert_eq(fake->count, 1, "%zu streams", fake->count);
  fake_stream *stream = name ? find(fake, (solid_bytes){name, strlen(name)}) : &fake->streams[0];
  cr_assert(stream, "no stream %s", name);
  return stream;
}
