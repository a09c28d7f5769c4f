/* Bytes of a user's history beside the record: pages of steps, and what stands before a state's parts. Little-endian.
 *
 * Steps are numbered from 0, the first ever applied. Page p has the steps 256 p .. 256 p + 255; the first page of a
 * history that was begun in the middle of one has its last steps only. A page is written once, when it is full.
 *
 *   offset   bytes  what
 *   0        8      birth of the history
 *   8        8      number of its first step
 *   16       2      n: steps, 1 to 256; the last one ends a page
 *   18       8 n    hashes of the items
 *   18 + 8n  8      time of the first step
 *            1-10   for each further step the difference to the time before, zigzag, 7 bits a byte, low ones first
 *            8      XXH3 of all before
 *
 * With times some hours apart a step has 12 bytes, not 16; a page has 3 kB.
 *
 * Head of a state, and behind each part's bytes the XXH3 of them, seeded by stamp and number:
 *
 *   0        4      "ST" 1 0
 *   4        4      n: parts
 *   8        4      ~n
 *   12       40     birth, seq, generation, selector, events
 *   52       8      XXH3 of the 40 bytes before
 *
 * The number of parts is outside the checksum, because a script of the server changes it. */
#ifndef STORE_RECORD_PAGE_H
#define STORE_RECORD_PAGE_H

#include "solid/store.h"

enum {
  SOL_PAGE_HEAD = 18,
  SOL_SUM_SIZE = 8,
  SOL_PAGE_SIZE_MAX = SOL_PAGE_HEAD + 8 * SOLID_PAGE_STEPS + 8 + 10 * (SOLID_PAGE_STEPS - 1) + SOL_SUM_SIZE,
  SOL_STATE_HEAD = 60
};

/* Encodes n steps, of which the first is number `first`. Returns the size. */
size_t sol_page_encode(uint64_t birth, uint64_t first, const solid_step *steps, size_t n,
                       uint8_t out[SOL_PAGE_SIZE_MAX]);

/* The steps of page `number`, and in *first the number of the first of them. Returns how many they are; 0: the bytes
 * are no page, or a page of another history or number. Trusts nothing in them. */
size_t sol_page_decode(const uint8_t *data, size_t size, uint64_t birth, uint64_t number,
                       solid_step steps[SOLID_PAGE_STEPS], uint64_t *first);

void sol_state_head_encode(const solid_state_stamp *stamp, uint32_t n_parts, uint8_t out[SOL_STATE_HEAD]);

/* 1, or 0 where the bytes are no head of a state. */
int sol_state_head_decode(const uint8_t *data, size_t size, solid_state_stamp *stamp, uint32_t *n_parts);

/* What stands behind the bytes of a part. */
uint64_t sol_state_sum(const solid_state_stamp *stamp, uint32_t number, const void *data, size_t size);

/* 1 where these bytes may be a set of hashes: ascending, and none twice. */
int sol_seen_is_sound(const void *data, size_t size);

/* Sorts hashes and leaves out repeated ones; returns how many are left. */
size_t sol_seen_sort(uint64_t *items, size_t n);

#endif
