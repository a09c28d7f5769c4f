/* What the memory store keeps of a user beside the newest steps: full pages, the set of items in them, the state. Every
 * byte is counted by who calls: the functions say beforehand how many more they need. */
#ifndef STORE_MEMORY_HISTORY_H
#define STORE_MEMORY_HISTORY_H

#include "solid/store.h"

typedef struct sol_kept_part {
  uint8_t *data;
  uint32_t size;
} sol_kept_part;

typedef struct sol_history {
  uint64_t first;     /* number of the first step of the first page: a multiple of SOLID_PAGE_STEPS */
  solid_step **pages; /* SOLID_PAGE_STEPS each */
  size_t n_pages, pages_room;
  uint64_t *seen; /* sorted, each once: the items of steps seen_since .. in pages, dropped ones included */
  size_t n_seen, seen_room;
  uint64_t seen_since;
  solid_state_stamp stamp; /* of the state */
  sol_kept_part *parts;
  size_t n_parts, state_bytes;
} sol_history;

void sol_history_free(sol_history *history); /* NULL is a no-op */

/* Bytes that a history takes up: itself, pages, set and state. 0 of NULL. */
size_t sol_history_bytes(const sol_history *history);

/* Adds a page of the oldest SOLID_PAGE_STEPS steps; `kept` is how many steps are to be kept of the `seq` that there
 * are: pages of which all are older go. Allocates at most SOL_HISTORY_MORE(history) bytes before. ENOMEM: nothing
 * changes. *dropped receives the number of steps that went. */
solid_status sol_history_add(sol_history *history, const solid_step *steps, uint64_t seq, uint32_t kept,
                             size_t *dropped);

/* Most bytes by which the next page makes a history grow. */
size_t sol_history_more(const sol_history *history);

/* Steps `from` .. `to` - 1, by number, which are all in pages. */
void sol_history_read(const sol_history *history, uint64_t from, uint64_t to, solid_step *out);

/* 1 if the put is stored (or was), 0 if it may not be, as solid_store_ops.put_states says; ENOMEM changes nothing. */
solid_status sol_history_put_state(sol_history *history, const solid_state_put *put, uint8_t *stored);

/* Fills what the caller asked for; `seq` is that of the history. */
void sol_history_read_state(const sol_history *history, uint64_t birth, uint64_t seq, solid_state *state);

#endif
