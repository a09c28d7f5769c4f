/* Attention states: what the encoder must remember of users' histories, so that an event more costs one row and not the
 * whole history again. For models with sparse attention and turned positions.
 *
 *   A state begins at event 0 of a history. Of every block it has
 *     kept    keys and values of the events that the list of the open chunk keeps, for each head its own, equally many
 *     open    keys and values of the open chunk's events, and the queries of its probes (kernels/select.h)
 *   A new row of a block reads kept, then open up to itself. When the chunk is full, kept becomes what select keeps of
 *   both, and a new chunk opens. A prefill is the same with many rows at a time, a chunk at most: so prefill and append
 *   are one path, and memory goes by the rows in flight, however long a history is.
 *
 *   Queries and keys are turned by the number of their event less the slot's base, which follows before numbers reach
 *   SOL_STATES_REBASE; then the keys that are there are turned by as much.
 *
 * The states of a pool lie in slots of one size on one back end. Lists are the same however a history is cut into
 * appends, and outputs equal up to the rounding of products. A pool belongs to one thread, allocates when it is made,
 * and borrows model and back end. */
#ifndef SOLID_INFER_STATE_STATES_H
#define SOLID_INFER_STATE_STATES_H

#include "kernels/backend.h"
#include "solid/model.h"

#define SOL_STATES_REBASE ((uint64_t)1 << 24)

typedef struct sol_states sol_states;

/* Newer events of one state, oldest first, as dense item indices. */
typedef struct sol_newer {
  size_t slot;
  const uint32_t *items;
  size_t n; /* 0: the state's own h is asked for */
} sol_newer;

/* Bytes on the device of a pool of so many slots that computes up to `rows` rows at once; SIZE_MAX: no machine has so
 * many. */
size_t sol_states_bytes(const solid_model *model, size_t slots, size_t rows);

/* Empty states. `rows`, at least `slots`, bounds the rows in flight. EUNSUPPORTED: the model has dense attention or
 * positions that are not turned. EINVAL: sizes. ENOMEM: bytes needed and free, before anything is taken. */
solid_status sol_states_new(sol_states **out, const solid_model *model, sk_backend *be, size_t slots, size_t rows);

/* NULL is a no-op. */
void sol_states_free(sol_states *states);

/* The slot's state becomes that of no event. */
void sol_states_clear(sol_states *states, size_t slot);

/* Events in the slot's state. */
uint64_t sol_states_events(const sol_states *states, size_t slot);

/* Empties the slot for a state that is made anew. `origin` goes into all of its parts, so that parts of two states of
 * one history are not taken for one. */
void sol_states_begin(sol_states *states, size_t slot, uint32_t origin);

/* 1 if an item that block 0 or the open chunk keeps was removed since, or has another row. */
int sol_states_has_gone(const sol_states *states, size_t slot);

/* How many entries of the item log were known to who looked up the slot's items, the lower 24 bits. */
void sol_states_know(sol_states *states, size_t slot, uint32_t items);
uint32_t sol_states_knew(const sol_states *states, size_t slot);

/* Appends to n different slots. *h is on the device, row i the encoder's state at the newest event of newer[i], zero
 * where there is none; it is there when the back end has been waited for, until the next call. EINVAL, ERANGE: an item,
 * a slot; nothing has happened. After another failure the slots are empty. */
solid_status sol_states_append(sol_states *states, const sol_newer *newer, size_t n, const float **h);

/* The events that block and head keep of older chunks, ascending; returns how many. */
size_t sol_states_kept(const sol_states *states, size_t slot, size_t block, size_t head, const uint32_t **events);

/* Another number than SOL_STATES_REBASE: for tests. */
void sol_states_rebase_at(sol_states *states, uint64_t limit);

#endif
