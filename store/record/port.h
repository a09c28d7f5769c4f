/* Checks and decisions that every implementation of solid/store.h shares. */
#ifndef STORE_RECORD_PORT_H
#define STORE_RECORD_PORT_H

#include "solid/model.h"
#include "solid/store.h"

/* Largest sizes a store is opened with: a record stays far below the 512 MB of a Redis string. A history shorter than
 * SOL_HISTORY_MIN lies in the record alone, as the window that it is; of a longer one the record has at least the
 * newest SOL_TAIL_MAX steps, or as many as a window has, and fewer than SOLID_PAGE_STEPS more. */
enum {
  SOL_PORT_MAX_WINDOW = SOLID_HISTORY_MAX,
  SOL_PORT_MAX_WIDTH = 1 << 20,
  SOL_PORT_MAX_PARAMS = 1 << 25,
  SOL_HISTORY_MIN = 2 * SOLID_PAGE_STEPS,
  SOL_TAIL_MAX = SOLID_PAGE_STEPS,
  SOL_APPEND_MAX = 1 << 18 /* events of one user in one call: a record has them all for a moment */
};

/* Steps that a record keeps at least when a page leaves it. */
static inline uint32_t sol_port_tail(const solid_store *store) {
  return store->window < SOL_TAIL_MAX ? store->window : SOL_TAIL_MAX;
}

static inline int sol_port_has_pages(uint32_t history) {
  return history >= SOL_HISTORY_MIN;
}

/* Steps that are asked for. */
static inline uint32_t sol_port_most(const solid_store *store, const solid_window *window) {
  return window->most ? window->most : store->window;
}

/* A store's window: the option, or the model's where it is 0. EINVAL: neither says one, or it is too long. */
solid_status sol_port_window(uint32_t *window, const solid_model *model);

/* A store's history: the window where the option is 0. EINVAL: shorter than the window, or too long. */
solid_status sol_port_history(uint32_t *history, uint32_t window);

/* EINVAL, naming what is out of range. */
solid_status sol_port_check_window(uint32_t window);
solid_status sol_port_check_record(uint32_t width, uint32_t count, uint32_t element);

/* ERANGE for a user id of 0 or more than 255 bytes, EINVAL for a NULL or for sizes out of range. Applied to a whole
 * batch before any of it is stored; every status becomes OK. */
solid_status sol_port_check_appends(const solid_store *store, const solid_append *appends, size_t n,
                                    const solid_window *windows, solid_status *statuses);
solid_status sol_port_check_get(const solid_store *store, const solid_bytes *users, size_t n,
                                const solid_window *windows, const solid_params *params, const uint8_t *found,
                                solid_status *statuses);

/* As above, for states: a stamp without birth or seq, numbers that are no state's, too many bytes. */
solid_status sol_port_check_puts(const solid_state_put *puts, size_t n, const uint8_t *stored, solid_status *statuses);
solid_status sol_port_check_states(const solid_bytes *users, const uint64_t *births, size_t n,
                                   const solid_state *states, solid_status *statuses);

/* What becomes of a put. WAS: an earlier try stored it. */
enum { SOL_PUT_REFUSED = 0, SOL_PUT_WRITTEN = 1, SOL_PUT_WAS = 2 };

/* Judges a put against the state that is there (`there` NULL = none) with its parts. *n receives the parts of the state
 * as it is afterwards. store/redis/put_state.lua does the same. */
int sol_port_judge_put(const solid_state_stamp *there, size_t n_parts, const solid_state_put *put, size_t *n);

/* FOUND, OTHER or DAMAGED (ahead of `seq`). */
solid_state_found sol_port_judge_state(const solid_state_stamp *stamp, uint64_t seq, const solid_state *asked);

/* Fill a state that was asked for: its head, its parts in order, and at the end LARGE where they did not fit. */
void sol_port_begin_state(solid_state *state, solid_state_found found, const solid_state_stamp *stamp,
                          uint32_t n_parts);
void sol_port_add_part(solid_state *state, uint32_t number, const uint8_t *data, uint32_t size);
void sol_port_end_state(solid_state *state);

/* As above; ERANGE too for a value that is not finite, which would be served for as long as the record lives. */
solid_status sol_port_check_params(const solid_bytes *users, const solid_params *params, size_t n,
                                   solid_status *statuses);

/* EINVAL, ERANGE: a name or a record of a bad size; of a load `room`, of a save both records. */
solid_status sol_port_check_load(solid_bytes name, const void *room, const size_t *size);
solid_status sol_port_check_save(solid_bytes name, solid_bytes seen, solid_bytes record, const int *saved);

/* As above, of a forget. */
solid_status sol_port_check_forget(const solid_forgetting *forgettings, size_t n, solid_status *statuses);

/* EINVAL: a page of no user, or NULL. */
solid_status sol_port_check_list(size_t most, const uint64_t *cursor, solid_user_fn take);

/* EINVAL, ERANGE: a page of no entry, or NULL; of an append also an entry that is none. */
solid_status sol_port_check_items_read(size_t most, solid_item_fn take, const solid_items_version *now);
solid_status sol_port_check_items_append(const solid_items_version *seen, const solid_item_entry *entries, size_t n,
                                         const solid_items_version *now, const int *appended);

/* Of a drop: numbers that do not rise, or are none of the log's. */
solid_status sol_port_check_items_drop(const solid_items_version *seen, const uint64_t *numbers, size_t n,
                                       const int *dropped);

/* The log after n entries were appended to `seen`; a new one gets a name. EIO. */
solid_status sol_port_next_version(const solid_items_version *seen, size_t n, solid_items_version *next);

/* Copies a record of `found` bytes into the room of a load and sets *size. ERANGE: it does not fit. */
solid_status sol_port_give_record(const void *record, size_t found, void *room, size_t *size);

/* 128 bits from the system. EIO. */
solid_status sol_port_draw_epoch(solid_store_epoch *epoch);

/* 1 if `stored` (its seq, generation, width and count; generation, width and count of 0 where there are none) stays: it
 * is of the same generation and sizes and has a higher seq. What is ahead of its window comes from a window that was
 * lost (evicted, expired), whose count began anew: as stored it goes, as new it is not taken. No window = window_seq 0.
 */
int sol_port_keeps(uint64_t window_seq, const solid_params *stored, const solid_params *params);

#endif
