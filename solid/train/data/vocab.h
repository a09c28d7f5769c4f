/* Making a solid_vocab: not for more than 2^32 - 2 strings or 4 GiB of bytes. */
#ifndef SOLID_TRAIN_DATA_VOCAB_H
#define SOLID_TRAIN_DATA_VOCAB_H

#include "solid/train/dataset.h"

/* Index of `id`, added when it is new. ENOMEM; ERANGE when 32 bits do not suffice. A zeroed struct is an empty
 * vocabulary. */
solid_status sol_vocab_add(solid_vocab *vocab, solid_bytes id, uint32_t *index);

/* The same of n strings, in their order. Memory is asked for some strings ahead: a large vocabulary is in no cache. */
solid_status sol_vocab_add_all(solid_vocab *vocab, const solid_bytes *ids, size_t n, uint32_t *indices);

/* Their indices, SOLID_NO_ID of those that are not there. */
void sol_vocab_find_all(const solid_vocab *vocab, const solid_bytes *ids, size_t n, uint32_t *indices);

/* 1 when every string is a decimal integer of at most 18 digits, with or without a minus. An empty vocabulary: 0. */
int sol_vocab_is_integers(const solid_vocab *vocab);

/* Puts the strings in the order of their integers (equal ones as they were): new_index (count) gives the new place of
 * each old index. Needs sol_vocab_is_integers. ENOMEM: nothing has changed. */
solid_status sol_vocab_sort_integers(solid_vocab *vocab, uint32_t *new_index);

/* Frees and zeroes; a zeroed struct is a no-op. */
void sol_vocab_clear(solid_vocab *vocab);

#endif
