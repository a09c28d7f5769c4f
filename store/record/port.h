/* Checks and decisions that every implementation of solid/store.h shares. */
#ifndef STORE_RECORD_PORT_H
#define STORE_RECORD_PORT_H

#include "solid/model.h"
#include "solid/store.h"

/* Largest sizes a store is opened with: a record stays far below the 512 MB of a Redis string. */
enum { SOL_PORT_MAX_WINDOW = 65535, SOL_PORT_MAX_WIDTH = 1 << 20, SOL_PORT_MAX_PARAMS = 1 << 25 };

/* A store's window: the option, or the model's where it is 0. EINVAL: neither says one, or it is too long. */
solid_status sol_port_window(uint32_t *window, const solid_model *model);

/* EINVAL, naming what is out of range. */
solid_status sol_port_check_window(uint32_t window);
solid_status sol_port_check_record(uint32_t width, uint32_t count, uint32_t element);

/* ERANGE for a user id of 0 or more than 255 bytes, EINVAL for a NULL or for sizes out of range. Applied to a whole
 * batch before any of it is stored; every status becomes OK. */
solid_status sol_port_check_appends(const solid_append *appends, size_t n, const solid_window *windows,
                                    solid_status *statuses);
solid_status sol_port_check_get(const solid_bytes *users, size_t n, const solid_window *windows,
                                const solid_params *params, const uint8_t *found, solid_status *statuses);

/* As above; ERANGE too for a value that is not finite, which would be served for as long as the record lives. */
solid_status sol_port_check_params(const solid_bytes *users, const solid_params *params, size_t n,
                                   solid_status *statuses);

/* EINVAL, ERANGE: a name or a record of a bad size; of a load `room`, of a save both records. */
solid_status sol_port_check_load(solid_bytes name, const void *room, const size_t *size);
solid_status sol_port_check_save(solid_bytes name, solid_bytes seen, solid_bytes record, const int *saved);

/* EINVAL: a page of no user, or NULL. */
solid_status sol_port_check_list(size_t most, const uint64_t *cursor, solid_user_fn take);

/* EINVAL, ERANGE: a page of no entry, or NULL; of an append also an entry that is none. */
solid_status sol_port_check_items_read(size_t most, solid_item_fn take, const solid_items_version *now);
solid_status sol_port_check_items_append(const solid_items_version *seen, const solid_item_entry *entries, size_t n,
                                         const solid_items_version *now, const int *appended);

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
