/* What every implementation of solid/store.h checks and decides in the same way. */
#ifndef STORE_RECORD_PORT_H
#define STORE_RECORD_PORT_H

#include "solid/store.h"

/* Largest sizes a store is opened with: a record stays far below the 512 MB of a Redis string. */
enum { SOL_PORT_MAX_WINDOW = 65535, SOL_PORT_MAX_WIDTH = 1 << 20, SOL_PORT_MAX_PARAMS = 1 << 25 };

/* EINVAL, naming the option. */
solid_status sol_port_check_sizes(uint32_t window, uint32_t width, uint32_t params, solid_element element);

/* ERANGE for a user id of 0 or more than 255 bytes, EINVAL for a NULL. Applied to a whole batch before any of it is
 * stored. */
solid_status sol_port_check_appends(const solid_append *appends, size_t n, const solid_window *windows);
solid_status sol_port_check_get(const solid_bytes *users, size_t n, const solid_window *windows,
                                const solid_params *params, const uint8_t *found);

/* As above; ERANGE too for a value that is not finite, which would be served for as long as the record lives. */
solid_status sol_port_check_params(const solid_store *store, const solid_bytes *users, const solid_params *params,
                                   size_t n);

/* 1 if what is stored stays: it is of the same generation and has a higher seq. One that is ahead of its window is a
 * leftover of a window that was lost (evicted, expired), whose count began anew: it goes. No window = window_seq 0. */
int sol_port_keeps(uint64_t window_seq, uint64_t generation, uint64_t seq, const solid_params *params);

#endif
