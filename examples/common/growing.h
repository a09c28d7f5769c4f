/* A text that grows: answers and metrics are written into one. If memory runs out, this is remembered until the end, so
 * that writers need not check every call. */
#ifndef EXAMPLES_COMMON_GROWING_H
#define EXAMPLES_COMMON_GROWING_H

#include "solid/export.h"
#include <stddef.h>
#include <stdint.h>

typedef struct growing {
  char *bytes; /* zero-terminated once something was added; owned: growing_clear */
  size_t size, room;
  int is_broken; /* 1 = memory ran out and the text is incomplete */
} growing;

void growing_bytes(growing *text, const void *bytes, size_t size);
void growing_text(growing *text, const char *zero_terminated);
void growing_add(growing *text, const char *format, ...) SOLID_PRINTF(2, 3);

/* A JSON string with its quotes. Bytes that are no UTF-8 become U+FFFD, so that the text is JSON whatever an id is. */
void growing_json(growing *text, const void *bytes, size_t size);

/* In base 10 or 16, with zeros in front up to `digits`: what an answer has many of, without printf. */
void growing_whole(growing *text, uint64_t value);
void growing_hex(growing *text, uint64_t value, int digits);

/* The shortest number that reads back as the value; null for infinity and NaN. */
void growing_number(growing *text, double value);

/* Empties and keeps the room; frees. */
void growing_reset(growing *text);
void growing_clear(growing *text);

#endif
