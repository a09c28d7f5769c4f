/* One user's long history and what is expected of it, which the cases about pages and states are made of. */
#ifndef TESTS_STORE_HISTORY_PARTS_H
#define TESTS_STORE_HISTORY_PARTS_H

#include "tests/store/store_parts.h"

enum { HISTORY_ROOM = 140000 };

/* Step n of every history: items come again after a while, times go back at times. Item numbers are below n + 1. */
uint64_t history_item(uint64_t n);
solid_step history_step(uint64_t n);
/* Appends steps `from` .. `to` - 1, which come from stream 1 at these offsets, with at most `most` in the window that
 * comes back; the steps of that window are judged. Returns how many were new. */
size_t history_append(solid_store *store, const char *user, uint64_t from, uint64_t to, uint32_t most,
                      solid_window *window);
/* The newest `most` steps as `get` gives them, judged: of a history of `seq` steps, `count` of them. */
void history_expect(solid_store *store, const char *user, uint64_t seq, uint32_t most, size_t count);
/* Window of `get` with what is asked for in it. */
void history_get(solid_store *store, const char *user, solid_window *window);
/* The same of up to four users in one call, with what was ever taken: since when it is known, and how many steps came.
 */
void history_get_seen(solid_store *store, const char *const *users, size_t n, uint32_t most, uint64_t *since,
                      size_t *counts);
/* All items of steps `since` .. seq - 1, no other, and the store says that it knows those. */
void history_expect_seen(solid_store *store, const char *user, uint64_t since, uint64_t seq, uint32_t most);

#endif
