/* Every size that a caller's struct can have, byte by byte. */
#include "solid/base/handshake.h"
#include "solid/status.h"
#include <criterion/criterion.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef struct sample {
  uint32_t struct_size;
  uint8_t rest[36];
} sample;

enum { KNOWN = sizeof(sample), GUARD = 8 };

/* Sizes around every border, and those that an uninitialised struct may show. */
static const uint32_t odd[] = {KNOWN + 1, KNOWN + 4, 1000, INT32_MAX, UINT32_MAX};

static uint8_t theirs[KNOWN + GUARD], ours[KNOWN];

static void fill(uint32_t size) {
  for (size_t i = 0; i < sizeof theirs; i++) theirs[i] = (uint8_t)(100 + i);
  for (size_t i = 0; i < sizeof ours; i++) ours[i] = (uint8_t)(i + 1);
  memcpy(theirs, &size, sizeof size);
}

static int is_known(uint32_t size) {
  return size >= sizeof size && size <= KNOWN;
}

static void refused(solid_status status, uint32_t size) {
  char text[128];
  snprintf(text, sizeof text, "sample: struct_size %u, this library knows %d", size, KNOWN);
  cr_assert_eq(status, SOLID_EINVAL, "size %u", size);
  cr_assert_str_eq(solid_last_error(), text);
}

static void take(uint32_t size) {
  fill(size);
  solid_status status = sol_struct_take(ours, KNOWN, theirs, "sample");
  if (!is_known(size)) refused(status, size);
  if (is_known(size)) cr_assert_eq(status, SOLID_OK);
  for (size_t i = 0; i < KNOWN; i++)
    cr_assert_eq(ours[i], is_known(size) && i < size ? theirs[i] : (uint8_t)(i + 1), "size %u, byte %zu", size, i);
}

static void give(uint32_t size) {
  fill(size);
  solid_status status = sol_struct_give(theirs, ours, KNOWN, "sample");
  if (!is_known(size)) refused(status, size);
  if (is_known(size)) cr_assert_eq(status, SOLID_OK);
  cr_assert_eq(memcmp(theirs, &size, sizeof size), 0, "the caller's size stays");
  for (size_t i = sizeof size; i < sizeof theirs; i++)
    cr_assert_eq(theirs[i], is_known(size) && i < size ? ours[i] : (uint8_t)(100 + i), "size %u, byte %zu", size, i);
}

Test(handshake, every_size) {
  for (uint32_t size = 0; size <= KNOWN; size++) take(size), give(size);
  for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) take(odd[i]), give(odd[i]);
}

Test(handshake, check_alone_says_the_same) {
  for (uint32_t size = 0; size <= KNOWN + 1; size++) {
    fill(size);
    solid_status status = sol_struct_check(theirs, KNOWN, "sample");
    if (is_known(size))
      cr_assert_eq(status, SOLID_OK);
    else
      refused(status, size);
  }
}

Test(handshake, without_a_struct_the_defaults_stay) {
  fill(0);
  cr_assert_eq(sol_struct_take(ours, KNOWN, NULL, "sample"), SOLID_OK);
  for (size_t i = 0; i < KNOWN; i++) cr_assert_eq(ours[i], i + 1);
}

Test(handshake, a_struct_may_stand_anywhere) { /* answers stand as far apart as their size says */
  uint8_t room[KNOWN + 1];
  fill(KNOWN);
  memcpy(room + 1, theirs, KNOWN);
  cr_assert_eq(sol_struct_give(room + 1, ours, KNOWN, "sample"), SOLID_OK);
  cr_assert_eq(memcmp(room + 5, ours + 4, KNOWN - 4), 0);
}
