#include "ingest/identity/anchor.h"
#include "solid/extend.h"
#include <errno.h>
#include <string.h>
#include <sys/random.h>
#define XXH_STATIC_LINKING_ONLY /* the state on the stack */
#include <xxhash.h>

enum { VERSION = 1, HEAD = 16, ONE = 32 };

solid_status sol_stream_draw(uint64_t *out) {
  uint64_t value = 0;
  while (!value) {
    ssize_t size = getrandom(&value, sizeof value, 0);
    if (size == (ssize_t)sizeof value) continue;
    if (size < 0 && errno == EINTR) continue;
    return solid_fail(SOLID_EIO, "the system's random numbers: %s", size < 0 ? strerror(errno) : "too few");
  }
  *out = value;
  return SOLID_OK;
}

void sol_put_u64(unsigned char *out, uint64_t value) {
  for (int i = 0; i < 8; i++) out[i] = (unsigned char)(value >> 8 * i);
}

uint64_t sol_get_u64(const unsigned char *bytes) {
  uint64_t value = 0;
  for (int i = 0; i < 8; i++) value |= (uint64_t)bytes[i] << 8 * i;
  return value;
}

/* Size + 1, then the bytes; 0 for NULL. */
static void add_part(XXH3_state_t *state, const void *data, size_t size) {
  unsigned char head[8];
  sol_put_u64(head, data ? (uint64_t)size + 1 : 0);
  XXH3_128bits_update(state, head, sizeof head);
  if (data && size) XXH3_128bits_update(state, data, size);
}

sol_hash128 sol_anchor_hash(int64_t time_ms, const void *key, size_t key_size, const void *value, size_t value_size) {
  unsigned char time[8];
  XXH3_state_t state;
  XXH3_128bits_reset(&state);
  sol_put_u64(time, (uint64_t)time_ms);
  XXH3_128bits_update(&state, time, sizeof time);
  add_part(&state, key, key_size);
  add_part(&state, value, value_size);
  XXH128_hash_t hash = XXH3_128bits_digest(&state);
  return (sol_hash128){hash.low64, hash.high64};
}

/* The anchor to drop, so that the distances stay as even as possible on a logarithmic scale: never the newest or the
 * oldest. */
static size_t least_missed(const sol_record *record) {
  size_t best = 1;
  double best_ratio = 0;
  for (size_t i = 1; i + 1 < record->count; i++) {
    double before = (double)(record->anchors[0].offset - record->anchors[i - 1].offset) + 1;
    double after = (double)(record->anchors[0].offset - record->anchors[i + 1].offset) + 1;
    double ratio = before / after; /* near 1: its neighbours say nearly the same */
    if (ratio > best_ratio) best = i, best_ratio = ratio;
  }
  return best;
}

void sol_record_add(sol_record *record, sol_anchor anchor) {
  if (record->count && anchor.offset <= record->anchors[0].offset) return;
  if (record->count == SOL_ANCHORS) {
    size_t out = least_missed(record);
    memmove(&record->anchors[out], &record->anchors[out + 1], (SOL_ANCHORS - out - 1) * sizeof anchor);
    record->count--;
  }
  memmove(&record->anchors[1], &record->anchors[0], record->count * sizeof anchor);
  record->anchors[0] = anchor;
  record->count++;
}

size_t sol_record_write(const sol_record *record, unsigned char *out) {
  memset(out, 0, HEAD);
  memcpy(out, "SST", 3);
  out[3] = VERSION;
  out[4] = (unsigned char)record->count;
  sol_put_u64(out + 8, record->stream);
  unsigned char *at = out + HEAD;
  for (size_t i = 0; i < record->count; i++, at += ONE) {
    const sol_anchor *anchor = &record->anchors[i];
    sol_put_u64(at, (uint64_t)anchor->offset);
    sol_put_u64(at + 8, (uint64_t)anchor->time_ms);
    sol_put_u64(at + 16, anchor->hash.low);
    sol_put_u64(at + 24, anchor->hash.high);
  }
  return (size_t)(at - out);
}

solid_status sol_record_read(sol_record *out, const void *data, size_t size) {
  const unsigned char *bytes = data;
  memset(out, 0, sizeof *out);
  if (size < HEAD || memcmp(bytes, "SST", 3) != 0)
    return solid_fail(SOLID_EFORMAT, "record of a stream: %zu bytes that are none", size);
  if (bytes[3] != VERSION)
    return solid_fail(SOLID_EFORMAT, "record of a stream: version %u, known is %d", bytes[3], VERSION);
  size_t count = bytes[4];
  if (count > SOL_ANCHORS || size != HEAD + count * ONE)
    return solid_fail(SOLID_EFORMAT, "record of a stream: %zu bytes for %zu anchors", size, count);
  out->stream = sol_get_u64(bytes + 8);
  if (!out->stream) return solid_fail(SOLID_EFORMAT, "record of a stream: without the stream's number");
  out->count = count;
  for (size_t i = 0; i < count; i++) {
    const unsigned char *at = bytes + HEAD + i * ONE;
    out->anchors[i] = (sol_anchor){
        (int64_t)sol_get_u64(at), (int64_t)sol_get_u64(at + 8), {sol_get_u64(at + 16), sol_get_u64(at + 24)}};
    if (out->anchors[i].offset < 0 || (i && out->anchors[i].offset >= out->anchors[i - 1].offset))
      return solid_fail(SOLID_EFORMAT, "record of a stream: anchor %zu is not older than the one before", i);
  }
  return SOLID_OK;
}

sol_identity sol_identity_of(const sol_found *found, size_t count, size_t *newest, size_t *equal) {
  *newest = *equal = count;
  for (size_t i = count; i-- > 0;) {
    if (found[i] != SOL_FOUND_GONE) *newest = i;
    if (found[i] == SOL_FOUND_EQUAL) *equal = i;
  }
  if (*newest == count) return SOL_IDENTITY_UNCLEAR;
  if (*equal == count) return SOL_IDENTITY_NEW;
  return *equal == *newest ? SOL_IDENTITY_SAME : SOL_IDENTITY_CUT;
}
