/* The memory store's item log: its entries in memory and, where it has a file, there before an append is over.
 *
 * The file is a head and frames, one an append, all numbers little-endian:
 *
 *   head:  "SOLIDLOG" (8), version (4), CRC-32 of the other 28 bytes (4), name of the log (16)
 *   frame: bytes behind these 16 (4), entries (4), CRC-32 of those bytes (4), CRC-32 of the 12 before it (4); each
 *          entry (store/record/entry.h) behind its size (4). In version 2 also, in the place of entries that were
 *          dropped: zero (1) and the number of the last one of them (8)
 *
 * A file of less than a head is begun anew, and named. A full disk takes nothing of an append, and says so.
 * A frame is written behind the others, and synced. So what a kill or a lost machine leaves unfinished is the last
 * frame, which nobody was told of: it is cut off when the file is opened. Anything else that is not sound is damage to
 * what somebody was told is kept, and the file is refused. Where entries are dropped the file is
 * written anew under another name, and renamed. Not locked: the store does that, and nobody who reads waits
 * for a file; against other processes the file is. */
#ifndef STORE_MEMORY_ITEM_LOG_H
#define STORE_MEMORY_ITEM_LOG_H

#include "solid/context.h"
#include "solid/store.h"

typedef struct sol_item_log {
  solid_items_version version;
  uint8_t *bytes; /* the entries behind one another */
  size_t size, room;
  size_t *ends; /* (version.count) where each entry ends; of no bytes: it was dropped */
  size_t ends_room;
  int fd; /* -1 = no file */
  char *path;
  uint64_t file_size;
  int is_broken; /* a write failed and could not be undone */
} sol_item_log;

/* `path` NULL: no file. The file is made with the first entry. `log` (may be NULL) is told of what was cut off.
 * EREFUSED: another process has the file. EFORMAT: it is no log, or damaged. EUNSUPPORTED: of a newer version. EIO,
 * ENOMEM. A zeroed struct may not be closed; one that could not be opened is. */
solid_status sol_item_log_open(sol_item_log *log, const char *path, solid_log_fn tell, void *tell_user);
void sol_item_log_close(sol_item_log *log);

/* As the slot of solid_store_ops whose arguments it is given, checked. */
solid_status sol_item_log_read(const sol_item_log *log, uint64_t from, size_t most, solid_item_fn take,
                               void *take_user);

/* An append, of which there is one at a time. It begins (no bytes: the log is not as it was seen), is written to the
 * file, and ends. Only the first and the last change what readers see; the caller frees the bytes. */
typedef struct sol_item_frame {
  uint8_t *bytes;
  size_t size, n;
} sol_item_frame;
solid_status sol_item_log_begin(sol_item_log *log, const solid_items_version *seen, const solid_item_entry *entries,
                                size_t n, sol_item_frame *out);
solid_status sol_item_log_write(sol_item_log *log, const sol_item_frame *frame);
int sol_item_log_end(sol_item_log *log, const sol_item_frame *frame);

/* Dropping, likewise: what is left (count 0: it is another log), into the file, into the log, which owns it then. */
typedef struct sol_item_rest {
  uint8_t *bytes;
  size_t size;
  size_t *ends;
  uint64_t count;
} sol_item_rest;
solid_status sol_item_log_drop_begin(const sol_item_log *log, const solid_items_version *seen, const uint64_t *numbers,
                                     size_t n, sol_item_rest *out);
solid_status sol_item_log_drop_write(sol_item_log *log, const sol_item_rest *rest);
void sol_item_log_drop_end(sol_item_log *log, const sol_item_rest *rest);

#endif
