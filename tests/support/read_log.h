/* What a test body read from a back end, as one hash a read: two runs on the same inputs are compared bit by bit. */
#ifndef TESTS_SUPPORT_READ_LOG_H
#define TESTS_SUPPORT_READ_LOG_H

#include <stddef.h>
#include <stdint.h>

typedef struct read_log {
  uint64_t *hashes;
  size_t count, room;
} read_log;

void read_log_add(read_log *log, const void *bytes, size_t size);
void read_log_clear(read_log *log);

/* Fails the test unless both read the same in the same order; what: the two runs. */
void read_log_compare(const read_log *first, const read_log *second, const char *what);

#endif
