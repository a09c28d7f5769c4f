/* A state as bytes, in parts of which an event changes few. Little-endian. F = 2 + (blocks - 1) * H.
 *
 *   part 0          what is where
 *   part 1          events that lists of block 0 keep, with the hashes of their items: of block 0 nothing else is kept,
 *                   since its keys and values follow from the items
 *   part 2 .. F-1   block b >= 1 and head h, part 2 + (b - 1) * H + h: what its list keeps
 *   part F ..       the open chunk, a ring of G events a part; the newest of them is written anew with every event
 *
 *   Each begins with 24 bytes: XXH3-64 of the part behind it (8), its number (4), a count (4), the first event of the
 *   open chunk (4) and the state's origin (4), so that parts of two writers are not taken for one state.
 *   0:    version (4), element (4), selector, generation, seq, events, base, items (8 each), kept of every block (4
 * each), the encoder's state h at the newest event, d floats 1:    count events (4 each), ascending, as many hashes (8
 * each), and for every head a bit an event: in its list far:  count events (4 each), then of each a key and a value,
 * v(dh) each ring: of each event the item's hash (8), then of every block from 1 on v(2 d), keys and values of all
 * heads, and, if it is a probe, v(d), its queries v(n): n values as solid/base/values.h has them in the element
 *
 * Keys and queries are turned by the number of their event less base. */
#ifndef SOLID_INFER_STATE_IMAGE_H
#define SOLID_INFER_STATE_IMAGE_H

#include "solid/infer/state/states.h"
#include "solid/model/config.h"

typedef struct sol_part {
  uint32_t number, size;
  const uint8_t *data; /* at a multiple of 8 */
} sol_part;

/* Parts in memory of the caller. */
typedef struct sol_image {
  uint8_t *room;   /* sol_image_room bytes, at a multiple of 8 */
  sol_part *parts; /* sol_image_most */
  size_t n, bytes;
  int whole;          /* 1: these are all parts, 0: those that changed */
  uint64_t overflows; /* f16: values that were kept as 65504 */
} sol_image;

/* Parts and bytes at most. */
size_t sol_image_most(const sol_states *states);
size_t sol_image_room(const sol_states *states);

typedef struct sol_image_size {
  size_t parts, bytes;
} sol_image_size;

/* The same of a model whose encoder has states; and of one state in `element` after so many events, its chunk half open
 * and its lists as long as they may be. */
sol_image_size sol_image_largest(const solid_model *model);
sol_image_size sol_image_expected(const solid_model *model, int element, uint64_t events);

/* Hash of what decides which keys are kept and how they stand: states of another selector are of no use. Never 0. */
uint64_t sol_selector(const sol_config *config);

/* The slot's state, after `seq` events of its user, in `element` (SOL_VALUES_F16, _I8). `since`: its events when it was
 * packed last, whose parts need not come again unless a chunk was closed since; 0: all. EFORMAT: a key or value is no
 * number. */
solid_status sol_image_pack(sol_states *states, size_t slot, uint64_t seq, int element, uint64_t since, sol_image *out);

/* Reads all parts of a state into the slot and sets *seq. Trusts nothing. EFORMAT: cut off, flipped, of two states,
 * events out of order or beyond the history, no number; EMISMATCH: of another selector, generation or sizes; the text
 * says which. The slot is empty then: the state is to be made again from the history. */
solid_status sol_image_unpack(sol_states *states, size_t slot, const sol_part *parts, size_t n, uint64_t *seq);

#endif
