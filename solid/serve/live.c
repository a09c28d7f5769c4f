#include "solid/live.h"
#include "solid/base/table.h"
#include "solid/extend.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RECORD_ROOM = 160 };

static const solid_bytes record_name = {"live generations", sizeof "live generations" - 1};

/* The upper half of the hash cut into SOLID_SHARES equal parts. */
uint64_t solid_live_generation(const solid_live *live, solid_bytes user) {
  if (!live) return 0;
  if (!live->previous) return live->current;
  uint64_t part = (sol_table_hash(user.data, user.size) >> 32) * SOLID_SHARES >> 32;
  return part < live->share ? live->current : live->previous;
}

static solid_status check(const solid_live *live) {
  if (live->version && live->current && live->current != live->previous && live->share <= SOLID_SHARES) return SOLID_OK;
  return solid_fail(SOLID_EINVAL,
                    "live generations: version %" PRIu64 ", current %016" PRIx64 ", previous %016" PRIx64
                    ", share %u of %d are no record",
                    live->version, live->current, live->previous, live->share, SOLID_SHARES);
}

/* The record is text, so that people can read it: "solid-live 1 version 7 current 00f3... previous 0000... share
 * 10000". */
static size_t print(const solid_live *live, char text[RECORD_ROOM]) {
  return (size_t)snprintf(text, RECORD_ROOM,
                          "solid-live 1 version %" PRIu64 " current %016" PRIx64 " previous %016" PRIx64 " share %u",
                          live->version, live->current, live->previous, live->share);
}

/* What was parsed must print as the same bytes, so that text that only resembles a record is refused. */
static solid_status parse(solid_live *live, const char *text, size_t size) {
  char copy[RECORD_ROOM], again[RECORD_ROOM];
  solid_live read = {0};
  int is_record = 0;
  if (size < sizeof copy) {
    memcpy(copy, text, size);
    copy[size] = 0;
    is_record = sscanf(copy, "solid-live 1 version %" SCNu64 " current %" SCNx64 " previous %" SCNx64 " share %" SCNu32,
                       &read.version, &read.current, &read.previous, &read.share) == 4 &&
                check(&read) == SOLID_OK && print(&read, again) == size && memcmp(again, text, size) == 0;
  }
  if (!is_record)
    return solid_fail(SOLID_EFORMAT, "live generations: what the store has under their name is no record of them");
  *live = read;
  return SOLID_OK;
}

/* The record's bytes in the store, which a later save must name. */
static solid_status load(solid_store *store, solid_live *live, char room[RECORD_ROOM], size_t *size) {
  *size = RECORD_ROOM;
  *live = (solid_live){0};
  solid_status status = store->ops->stream_load(store, record_name, room, size);
  if (status == SOLID_ERANGE) return parse(live, "", 0);
  return status || !*size ? status : parse(live, room, *size);
}

solid_status solid_live_read(solid_store *store, solid_live *live) {
  char room[RECORD_ROOM];
  size_t size;
  if (!store || !live) return solid_fail(SOLID_EINVAL, "live generations: store or live is NULL");
  return load(store, live, room, &size);
}

solid_status solid_live_write(solid_store *store, const solid_live *live) {
  if (!store || !live) return solid_fail(SOLID_EINVAL, "live generations: store or live is NULL");
  char seen[RECORD_ROOM], text[RECORD_ROOM];
  size_t size;
  int saved = 0;
  solid_live before;
  solid_status status = check(live);
  if (!status) status = load(store, &before, seen, &size);
  if (status) return status;
  if (before.version + 1 == live->version)
    status = store->ops->stream_save(store, record_name, (solid_bytes){seen, size},
                                     (solid_bytes){text, print(live, text)}, &saved);
  if (status || saved) return status;
  return solid_fail(SOLID_EMISMATCH,
                    "live generations: version %" PRIu64 " is not the next one: another process has changed them",
                    live->version);
}
