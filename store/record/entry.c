#include "store/record/entry.h"
#include "solid/extend.h"
#include <assert.h>
#include <string.h>
#include <zlib.h>

enum { CRC_AT = 20 };

static uint32_t crc_of(const uint8_t *data, size_t size) {
  return (uint32_t)crc32_z(crc32_z(0, data, CRC_AT), data + SOL_ENTRY_HEAD, size - SOL_ENTRY_HEAD);
}

size_t sol_entry_size(const solid_item_entry *entry) {
  size_t size = SOL_ENTRY_HEAD + entry->id.size + entry->title.size + sizeof(float) * entry->width;
  for (size_t i = 0; i < entry->n_attributes; i++) size += 1 + entry->attributes[i].size;
  return size;
}

static uint8_t *put(uint8_t *at, const void *data, size_t size) {
  if (size) memcpy(at, data, size);
  return at + size;
}

void sol_entry_seal(uint8_t *data, size_t size) {
  uint32_t crc = crc_of(data, size);
  memcpy(data + CRC_AT, &crc, sizeof crc);
}

size_t sol_entry_encode(const solid_item_entry *entry, uint8_t *out) {
  uint16_t attributes = (uint16_t)entry->n_attributes, title = (uint16_t)entry->title.size;
  uint32_t width = (uint32_t)entry->width;
  memset(out, 0, SOL_ENTRY_HEAD);
  out[0] = SOL_ENTRY_VERSION;
  out[1] = (uint8_t)entry->kind;
  memcpy(out + 2, &attributes, 2);
  memcpy(out + 4, &width, 4);
  memcpy(out + 8, &entry->time_ms, 8);
  memcpy(out + 16, &title, 2);
  out[18] = (uint8_t)entry->id.size;
  uint8_t *at = put(out + SOL_ENTRY_HEAD, entry->id.data, entry->id.size);
  at = put(at, entry->title.data, entry->title.size);
  for (size_t i = 0; i < entry->n_attributes; i++) {
    *at++ = (uint8_t)entry->attributes[i].size;
    at = put(at, entry->attributes[i].data, entry->attributes[i].size);
  }
  at = put(at, entry->vector, sizeof(float) * entry->width);
  size_t size = (size_t)(at - out);
  assert(size == sol_entry_size(entry) && size <= SOL_ENTRY_MAX);
  sol_entry_seal(out, size);
  return size;
}

/* The next `size` of the `*left` bytes at *at; 0 = there are fewer. */
static int take(const uint8_t **at, size_t *left, size_t size, solid_bytes *out) {
  if (size > *left) return 0;
  *out = (solid_bytes){(const char *)*at, size};
  *at += size;
  *left -= size;
  return 1;
}

static int take_attributes(const uint8_t **at, size_t *left, size_t n, solid_bytes *out) {
  for (size_t i = 0; i < n; i++) {
    solid_bytes size;
    if (!take(at, left, 1, &size) || !take(at, left, (uint8_t)size.data[0], &out[i])) return 0;
  }
  return 1;
}

solid_status sol_entry_decode(const uint8_t *data, size_t size, sol_entry_room *room, solid_item_entry *entry) {
  uint32_t crc, width;
  uint16_t attributes, title;
  solid_bytes vector;
  if (size && data[0] > SOL_ENTRY_VERSION)
    return solid_fail(SOLID_EUNSUPPORTED, "entry of the item log: version %u is newer than %d", data[0],
                      SOL_ENTRY_VERSION);
  if (size < SOL_ENTRY_HEAD || size > SOL_ENTRY_MAX || data[0] != SOL_ENTRY_VERSION || data[19]) goto damaged;
  memcpy(&crc, data + CRC_AT, 4);
  if (crc != crc_of(data, size)) goto damaged;
  memcpy(&attributes, data + 2, 2);
  memcpy(&width, data + 4, 4);
  memcpy(&title, data + 16, 2);
  if (attributes > SOLID_ITEM_ATTRIBUTES_MAX || width > SOLID_ITEM_VECTOR_MAX) goto damaged;
  solid_item_entry read = {.kind = data[1], .attributes = room->attributes, .n_attributes = attributes};
  const uint8_t *at = data + SOL_ENTRY_HEAD;
  size_t left = size - SOL_ENTRY_HEAD;
  if (!take(&at, &left, data[18], &read.id) || !take(&at, &left, title, &read.title) ||
      !take_attributes(&at, &left, attributes, room->attributes) || !take(&at, &left, sizeof(float) * width, &vector) ||
      left)
    goto damaged;
  memcpy(room->vector, vector.data, vector.size);
  memcpy(&read.time_ms, data + 8, 8);
  read.vector = room->vector;
  read.width = width;
  solid_status status = solid_item_check(&read);
  if (status) return solid_fail(SOLID_EFORMAT, "entry of the item log: %s", solid_last_error());
  *entry = read;
  return SOLID_OK;
damaged:
  return solid_fail(SOLID_EFORMAT, "entry of the item log: %zu bytes that are none, or damaged", size);
}

void sol_log_head_encode(const solid_items_version *version, uint8_t out[SOL_LOG_HEAD]) {
  const uint8_t begin[4] = {'S', 'I', SOL_ENTRY_VERSION, 0};
  memcpy(out, begin, 4);
  memcpy(out + 4, version->log, sizeof version->log);
  memcpy(out + 20, &version->count, 8);
}

solid_status sol_log_head_decode(const uint8_t *data, size_t size, solid_items_version *version) {
  solid_items_version read = {.count = 0};
  if (size) {
    if (size < 4 || data[0] != 'S' || data[1] != 'I')
      return solid_fail(SOLID_EFORMAT, "item log: what stands under its name is no log");
    if (data[2] > SOL_LOG_VERSION)
      return solid_fail(SOLID_EUNSUPPORTED, "item log: version %u is newer than %d", data[2], SOL_LOG_VERSION);
    if (size != SOL_LOG_HEAD || !data[2] || data[3]) return solid_fail(SOLID_EFORMAT, "item log: its head is damaged");
    memcpy(read.log, data + 4, sizeof read.log);
    memcpy(&read.count, data + 20, 8);
  }
  *version = read;
  return SOLID_OK;
}

int sol_items_version_same(const solid_items_version *a, const solid_items_version *b) {
  return a->count == b->count && (!a->count || memcmp(a->log, b->log, sizeof a->log) == 0);
}
