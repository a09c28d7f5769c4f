#include "tests/support/read_log.h"
#include <criterion/criterion.h>
#include <stdlib.h>

/* FNV-1a */
void read_log_add(read_log *log, const void *bytes, size_t size) {
  uint64_t hash = 0xcbf29ce484222325ULL;
  for (size_t i = 0; i < size; i++) hash = (hash ^ ((const unsigned char *)bytes)[i]) * 0x100000001b3ULL;
  if (log->count == log->room) {
    log->room = log->room ? 2 * log->room : 64;
    log->hashes = realloc(log->hashes, log->room * sizeof *log->hashes);
    cr_assert(log->hashes, "no room for %zu hashes", log->room);
  }
  log->hashes[log->count++] = hash;
}

void read_log_clear(read_log *log) {
  free(log->hashes);
  *log = (read_log){0};
}

void read_log_compare(const read_log *first, const read_log *second, const char *what) {
  cr_assert(first->count == second->count, "%s: the body reads %zu buffers, then %zu", what, first->count,
            second->count);
  for (size_t i = 0; i < first->count; i++)
    cr_assert(first->hashes[i] == second->hashes[i], "%s: read %zu of the body differs", what, i);
}
