/* A vocabulary: byte strings <-> dense indices 0, 1, 2, ... in the order of adding. Not for more than 2^32 - 2 strings
 * or 4 GiB of bytes. */
#ifndef SOLID_TRAIN_DATA_VOCAB_H
#define SOLID_TRAIN_DATA_VOCAB_H

#include "solid/status.h"
#include "solid/types.h"

#define SOL_NO_ID UINT32_MAX

typedef struct sol_vocab {
  uint32_t count;
  uint32_t *offsets; /* count + 1; string i is bytes[offsets[i] .. offsets[i+1]) */
  char *bytes;
  /* Private: open addressing over the strings, `slots` a power of two. */
  uint32_t *table, slots;
  uint32_t capacity, byte_capacity;
} sol_vocab;

/* Index of `id`, added when it is new. ENOMEM; ERANGE when 32 bits do not suffice. A zeroed struct is an empty
 * vocabulary. */
solid_status sol_vocab_add(sol_vocab *vocab, solid_bytes id, uint32_t *index);

/* Index of `id`, or SOL_NO_ID. */
uint32_t sol_vocab_find(const sol_vocab *vocab, solid_bytes id);

/* Borrowed until the next add; {NULL, 0} when there is no such index. */
solid_bytes sol_vocab_id(const sol_vocab *vocab, uint32_t index);

/* 1 when every string is a decimal integer of at most 18 digits, with or without a minus. An empty vocabulary: 0. */
int sol_vocab_is_integers(const sol_vocab *vocab);

/* Puts the strings in the order of their integers (equal ones as they were): new_index (count) gives the new place of
 * each old index. Needs sol_vocab_is_integers. ENOMEM: nothing has changed. */
solid_status sol_vocab_sort_integers(sol_vocab *vocab, uint32_t *new_index);

/* Frees and zeroes; a zeroed struct is a no-op. */
void sol_vocab_clear(sol_vocab *vocab);

#endif
