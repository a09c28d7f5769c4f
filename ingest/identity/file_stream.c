#include "ingest/identity/file_stream.h"
#include "solid/extend.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

enum { VERSION = 1, HEAD = 16, ONE = 40, PIECE = 1 << 16 };

size_t sol_file_record_write(const sol_file_record *record, unsigned char *out) {
  memset(out, 0, HEAD);
  memcpy(out, "SFI", 3);
  out[3] = VERSION;
  out[4] = (unsigned char)record->count;
  unsigned char *at = out + HEAD;
  for (size_t i = 0; i < record->count; i++, at += ONE) {
    const sol_file_entry *entry = &record->entries[i];
    sol_put_u64(at, entry->stream);
    sol_put_u64(at + 8, entry->bytes);
    sol_put_u64(at + 16, entry->next);
    sol_put_u64(at + 24, entry->hash.low);
    sol_put_u64(at + 32, entry->hash.high);
  }
  return (size_t)(at - out);
}

solid_status sol_file_record_read(sol_file_record *out, const void *data, size_t size) {
  const unsigned char *bytes = data;
  memset(out, 0, sizeof *out);
  if (size < HEAD || memcmp(bytes, "SFI", 3) != 0)
    return solid_fail(SOLID_EFORMAT, "record of a file: %zu bytes that are none", size);
  if (bytes[3] != VERSION)
    return solid_fail(SOLID_EFORMAT, "record of a file: version %u, known is %d", bytes[3], VERSION);
  if (bytes[4] > SOL_FILE_STREAMS || size != HEAD + (size_t)bytes[4] * ONE)
    return solid_fail(SOLID_EFORMAT, "record of a file: %zu bytes for %u streams", size, bytes[4]);
  out->count = bytes[4];
  for (size_t i = 0; i < out->count; i++) {
    const unsigned char *at = bytes + HEAD + i * ONE;
    sol_file_entry *entry = &out->entries[i];
    *entry = (sol_file_entry){
        sol_get_u64(at), sol_get_u64(at + 8), sol_get_u64(at + 16), {sol_get_u64(at + 24), sol_get_u64(at + 32)}};
    if (!entry->stream || entry->next > entry->bytes)
      return solid_fail(SOLID_EFORMAT, "record of a file: entry %zu goes on at %llu of %llu bytes", i,
                        (unsigned long long)entry->next, (unsigned long long)entry->bytes);
  }
  return SOLID_OK;
}

int sol_file_record_put(sol_file_record *record, sol_file_entry entry) {
  size_t at = 0;
  while (at < record->count && record->entries[at].stream != entry.stream) at++;
  int is_pushed = at == SOL_FILE_STREAMS;
  if (is_pushed) at--;
  if (at == record->count) record->count++;
  memmove(&record->entries[1], &record->entries[0], at * sizeof entry);
  record->entries[0] = entry;
  return is_pushed;
}

/* Length of the next piece to hash: up to the next end of an entry; 0 behind the last. */
static size_t piece_to(const sol_file_record *record, uint64_t at) {
  uint64_t end = 0;
  for (size_t i = 0; i < record->count; i++)
    if (record->entries[i].bytes > at && (!end || record->entries[i].bytes < end)) end = record->entries[i].bytes;
  if (!end) return 0;
  return end - at < PIECE ? (size_t)(end - at) : PIECE;
}

/* 0 at the end of the file, -1 on a fault. */
static ssize_t read_at(int fd, char *piece, size_t size, uint64_t at) {
  ssize_t got;
  do got = pread(fd, piece, size, (off_t)at);
  while (got < 0 && errno == EINTR);
  return got;
}

solid_status sol_file_record_match(const sol_file_record *record, int fd, size_t *found) {
  char *piece = malloc(PIECE);
  XXH3_state_t *state = XXH3_createState();
  solid_status status = piece && state ? SOLID_OK : solid_fail(SOLID_ENOMEM, "file source: out of memory");
  uint64_t at = 0;
  *found = record->count;
  if (status == SOLID_OK) XXH3_128bits_reset(state);
  for (size_t wanted; status == SOLID_OK && (wanted = piece_to(record, at));) {
    ssize_t got = read_at(fd, piece, wanted, at);
    if (got < 0) status = solid_fail(SOLID_EDEVICE, "file source: %s", strerror(errno));
    if (got <= 0) break; /* shorter than every remaining entry */
    XXH3_128bits_update(state, piece, (size_t)got);
    at += (uint64_t)got;
    XXH128_hash_t hash = XXH3_128bits_digest(state);
    for (size_t i = 0; i < record->count; i++) {
      const sol_file_entry *entry = &record->entries[i];
      if (entry->bytes == at && entry->hash.low == hash.low64 && entry->hash.high == hash.high64) *found = i;
    }
  }
  XXH3_freeState(state);
  free(piece);
  return status;
}
