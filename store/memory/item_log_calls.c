#include "solid/extend.h"
#include "store/memory/item_log_parts.h"
#include "store/record/entry.h"
#include "store/record/port.h"
#include <stdlib.h>
#include <unistd.h>

/* Room for n entries of `size` bytes more. */
static int reserve(sol_item_log *log, size_t n, size_t size) {
  if (log->size + size > log->room) {
    size_t room = 2 * (log->size + size);
    uint8_t *bytes = realloc(log->bytes, room);
    if (!bytes) return 0;
    log->bytes = bytes, log->room = room;
  }
  size_t count = (size_t)log->version.count + n;
  if (count <= log->ends_room) return 1;
  size_t *ends = realloc(log->ends, 2 * count * sizeof *ends);
  if (!ends) return 0;
  log->ends = ends, log->ends_room = 2 * count;
  return 1;
}

static void keep(sol_item_log *log, const uint8_t *entry, size_t size) {
  memcpy(log->bytes + log->size, entry, size);
  log->ends[log->version.count++] = log->size += size;
}

/* Entries up to number `last` were dropped. */
static int keep_gap(sol_item_log *log, uint64_t last) {
  if (last <= log->version.count || last - log->version.count > UINT32_MAX) return 0;
  if (!reserve(log, (size_t)(last - log->version.count), 0)) return 0;
  while (log->version.count < last) log->ends[log->version.count++] = log->size;
  return 1;
}

int sol_item_keep_frame(sol_item_log *log, const uint8_t *at, size_t size, size_t n) {
  size_t used = 0;
  int ok = reserve(log, n, size);
  for (; ok && n && size - used >= SOL_ITEM_SIZE && size - used - SOL_ITEM_SIZE >= sol_item_number_at(at + used); n--) {
    const uint8_t *entry = at + used + SOL_ITEM_SIZE;
    size_t bytes = sol_item_number_at(at + used);
    uint64_t last;
    used += SOL_ITEM_SIZE + bytes;
    if (bytes == SOL_GAP && !*entry) {
      memcpy(&last, entry + 1, sizeof last);
      ok = keep_gap(log, last) && reserve(log, n, size);
    } else {
      keep(log, entry, bytes);
    }
  }
  return ok && n == 0 && used == size;
}

solid_status sol_item_log_open(sol_item_log *log, const char *path, solid_log_fn tell, void *tell_user) {
  solid_store_epoch name;
  *log = (sol_item_log){.fd = -1};
  solid_status status = sol_port_draw_epoch(&name);
  if (status) return status;
  memcpy(log->version.log, name.bytes, sizeof log->version.log);
  if (!path) return SOLID_OK;
  log->path = strdup(path);
  return log->path ? sol_item_file_open(log, tell, tell_user) : solid_fail(SOLID_ENOMEM, "item log");
}

void sol_item_log_close(sol_item_log *log) {
  if (log->fd >= 0) close(log->fd);
  free(log->path);
  free(log->bytes);
  free(log->ends);
  *log = (sol_item_log){.fd = -1};
}

solid_status sol_item_log_read(const sol_item_log *log, uint64_t from, size_t most, solid_item_fn take,
                               void *take_user) {
  sol_entry_room *room = malloc(sizeof *room);
  if (!room) return solid_fail(SOLID_ENOMEM, "item log: entry");
  for (uint64_t number = from + 1; number <= log->version.count && most; number++) {
    size_t begin = number > 1 ? log->ends[number - 2] : 0;
    solid_item_entry entry;
    if (log->ends[number - 1] == begin) continue; /* dropped */
    most--;
    int is_bad = sol_entry_decode(log->bytes + begin, log->ends[number - 1] - begin, room, &entry) != SOLID_OK;
    take(take_user, number, is_bad ? NULL : &entry);
  }
  free(room);
  return SOLID_OK;
}

solid_status sol_item_log_begin(sol_item_log *log, const solid_items_version *seen, const solid_item_entry *entries,
                                size_t n, sol_item_frame *out) {
  size_t size = 0, at = SOL_ITEM_FRAME_HEAD;
  *out = (sol_item_frame){.bytes = NULL};
  if (!sol_items_version_same(seen, &log->version)) return SOLID_OK;
  for (size_t i = 0; i < n; i++) size += SOL_ITEM_SIZE + sol_entry_size(&entries[i]);
  uint8_t *frame = malloc(SOL_ITEM_FRAME_HEAD + size);
  if (!frame || !reserve(log, n, size)) {
    free(frame);
    return solid_fail(SOLID_ENOMEM, "item log: %zu entries", n);
  }
  for (size_t i = 0; i < n; i++) {
    size_t bytes = sol_entry_encode(&entries[i], frame + at + SOL_ITEM_SIZE);
    sol_item_put_number(frame + at, bytes);
    at += SOL_ITEM_SIZE + bytes;
  }
  sol_item_frame_seal(frame, size, n);
  *out = (sol_item_frame){frame, SOL_ITEM_FRAME_HEAD + size, n};
  return SOLID_OK;
}

solid_status sol_item_log_write(sol_item_log *log, const sol_item_frame *frame) {
  return log->path ? sol_item_file_append(log, frame->bytes, frame->size) : SOLID_OK;
}

int sol_item_log_end(sol_item_log *log, const sol_item_frame *frame) {
  return sol_item_keep_frame(log, frame->bytes + SOL_ITEM_FRAME_HEAD, frame->size - SOL_ITEM_FRAME_HEAD, frame->n);
}

/* ---- Dropping ---- */

solid_status sol_item_log_drop_begin(const sol_item_log *log, const solid_items_version *seen, const uint64_t *numbers,
                                     size_t n, sol_item_rest *out) {
  *out = (sol_item_rest){.count = 0};
  if (memcmp(seen->log, log->version.log, sizeof seen->log) || seen->count > log->version.count) return SOLID_OK;
  sol_item_rest rest = {.count = log->version.count, .bytes = malloc(log->size + 1)};
  rest.ends = malloc((size_t)rest.count * sizeof *rest.ends);
  if (!rest.bytes || !rest.ends) {
    free(rest.bytes);
    free(rest.ends);
    return solid_fail(SOLID_ENOMEM, "item log: %zu entries to drop", n);
  }
  for (uint64_t i = 0, at = 0; i < rest.count; i++) {
    size_t begin = i ? log->ends[i - 1] : 0, size = log->ends[i] - begin;
    if (at < n && numbers[at] == i + 1) at++, size = 0;
    memcpy(rest.bytes + rest.size, log->bytes + begin, size);
    rest.ends[i] = rest.size += size;
  }
  *out = rest;
  return SOLID_OK;
}

solid_status sol_item_log_drop_write(sol_item_log *log, const sol_item_rest *rest) {
  return log->path ? sol_item_file_replace(log, rest) : SOLID_OK;
}

void sol_item_log_drop_end(sol_item_log *log, const sol_item_rest *rest) {
  free(log->bytes);
  free(log->ends);
  log->bytes = rest->bytes, log->size = rest->size, log->room = rest->size;
  log->ends = rest->ends, log->ends_room = (size_t)rest->count;
}
