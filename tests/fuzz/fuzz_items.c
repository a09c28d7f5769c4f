/* Entries of the item log from outside: whatever the bytes, decoding reads nothing behind them, and what it accepts is
 * a good entry that encoding would write with the same bytes. */
#include "store/record/entry.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const uint8_t *data, size_t size) {
  static sol_entry_room room;
  static uint8_t again[SOL_ENTRY_MAX];
  solid_item_entry entry;
  if (sol_entry_decode(data, size, &room, &entry) != SOLID_OK) return;
  if (solid_item_check(&entry) != SOLID_OK || sol_entry_size(&entry) != size) abort();
  if (sol_entry_encode(&entry, again) != size || memcmp(again, data, size)) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  solid_items_version version;
  uint8_t head[SOL_LOG_HEAD];
  if (sol_log_head_decode(data, size, &version) == SOLID_OK && size) {
    sol_log_head_encode(&version, head);
    head[2] = data[2]; /* who drops entries says version 2 in a head that is otherwise the same */
    if (size != sizeof head || memcmp(head, data, size)) abort();
  }
  check(data, size);
  if (size < SOL_ENTRY_HEAD) return 0;
  /* the same with a checksum that fits, so that what lies behind the checksum is reached */
  uint8_t *copy = malloc(size);
  if (!copy) return 0;
  memcpy(copy, data, size);
  sol_entry_seal(copy, size);
  check(copy, size);
  free(copy);
  return 0;
}
