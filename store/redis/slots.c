#include "store/redis/slots.h"
#include <stdio.h>
#include <string.h>

/* Polynomial x^16 + x^12 + x^5 + 1, from 0, highest bit first, four bits at a time. */
static uint32_t crc16(const uint8_t *bytes, size_t size) {
  static const uint16_t rest[16] = {0x0000, 0x1021, 0x2042, 0x3063, 0x4084, 0x50a5, 0x60c6, 0x70e7,
                                    0x8108, 0x9129, 0xa14a, 0xb16b, 0xc18c, 0xd1ad, 0xe1ce, 0xf1ef};
  uint32_t crc = 0;
  for (size_t i = 0; i < size; i++) {
    crc = (crc << 4 & 0xffff) ^ rest[crc >> 12 ^ bytes[i] >> 4];
    crc = (crc << 4 & 0xffff) ^ rest[crc >> 12 ^ (bytes[i] & 15)];
  }
  return crc;
}

uint32_t sol_slot_of(const void *key, size_t size) {
  const char *begin = key, *end = begin + size, *open = memchr(begin, '{', size);
  const char *close = open ? memchr(open + 1, '}', (size_t)(end - open - 1)) : NULL;
  if (close && close > open + 1) begin = open + 1, end = close;
  return crc16((const uint8_t *)begin, (size_t)(end - begin)) % SOL_SLOTS;
}

void sol_slot_tags(uint32_t tags[SOL_SLOTS]) {
  uint8_t is_there[SOL_SLOTS] = {0};
  char text[16];
  for (uint32_t number = 0, missing = SOL_SLOTS; missing; number++) {
    int size = snprintf(text, sizeof text, "%u", number);
    uint32_t slot = crc16((const uint8_t *)text, (size_t)size) % SOL_SLOTS;
    if (is_there[slot]) continue;
    is_there[slot] = 1;
    tags[slot] = number;
    missing--;
  }
}
