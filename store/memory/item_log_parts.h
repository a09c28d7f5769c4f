/* What the files of the memory store's item log share: item_log_calls.c has the entries in memory, item_log_file.c the
 * file, item_log_anew.c a new one in its place. */
#ifndef STORE_MEMORY_ITEM_LOG_PARTS_H
#define STORE_MEMORY_ITEM_LOG_PARTS_H

#include "store/memory/item_log.h"
#include <string.h>
#include <zlib.h>

enum { SOL_ITEM_FILE_HEAD = 32, SOL_ITEM_FILE_VERSION = 2, SOL_ITEM_FRAME_HEAD = 16, SOL_ITEM_SIZE = 4 };

static inline uint32_t sol_item_number_at(const uint8_t *at) {
  uint32_t number;
  memcpy(&number, at, sizeof number);
  return number;
}

static inline void sol_item_put_number(uint8_t *at, size_t value) {
  uint32_t number = (uint32_t)value;
  memcpy(at, &number, sizeof number);
}

/* Completes a frame of n entries and `size` bytes behind its head. */
void sol_item_frame_seal(uint8_t *frame, size_t size, size_t n);

/* The entries of a frame whose checksum is right; 0 = they do not fill it, or there is no memory. */
int sol_item_keep_frame(sol_item_log *log, const uint8_t *at, size_t size, size_t n);

/* Reads the file, if there is one, into an empty log. Statuses as sol_item_log_open. */
solid_status sol_item_file_open(sol_item_log *log, solid_log_fn tell, void *tell_user);

/* Writes a frame behind the others, and syncs; the file is made where there is none. */
solid_status sol_item_file_append(sol_item_log *log, const uint8_t *frame, size_t size);

/* Writes the file anew with what `rest` has: under another name, and then under the file's. A kill leaves the one or
 * the other. */
solid_status sol_item_file_replace(sol_item_log *log, const sol_item_rest *rest);

/* The head of a file of this version. */
void sol_item_file_head(const sol_item_log *log, uint32_t version, uint8_t head[SOL_ITEM_FILE_HEAD]);

/* Makes the file's name outlive a crash. EIO. */
solid_status sol_item_file_sync_folder(const sol_item_log *log);

/* EFULL or EIO with what errno says of the file. */
solid_status sol_item_file_fail(const sol_item_log *log, const char *what);

#endif
