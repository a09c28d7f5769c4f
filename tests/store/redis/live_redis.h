/* A redis-server for each test, and the few operations on its store that tests of what can happen to it need. */
#ifndef TESTS_STORE_REDIS_LIVE_REDIS_H
#define TESTS_STORE_REDIS_LIVE_REDIS_H

#include "store/redis_store.h"
#include "tests/store/store_body.h"
#include "tests/support/redis_server.h"

/* So often is tried what must come in the end, on a machine of any speed; what does not come fails all the same. */
enum { LIVE_TRIES = 10000, LIVE_WINDOW = 64 /* the longest of any test: live_append and live_get have room for it */ };

extern redis_server live_server;
extern uint32_t live_element; /* of what live_put puts */

void live_sleep_ms(int64_t ms);
void live_start(void);
void live_stop(void);
solid_redis_store_options live_options(void);
solid_store *live_open_with(const solid_redis_store_options *options);
solid_store *live_open(int64_t ttl_ms);
solid_store *live_open_history(uint32_t window, uint32_t history, int64_t ttl_ms);
solid_bytes live_text(const char *s);
solid_status live_append(solid_store *store, const char *user, uint64_t item, solid_window *window);
solid_status live_put(solid_store *store, const char *user, uint64_t seq, float value);
/* The value put, or -1 when there are no params. */
float live_get(solid_store *store, const char *user, solid_status *status);
float live_get_ok(solid_store *store, const char *user);
void live_ask(const char *command, const char *expected);
solid_redis_store_stats live_stats(solid_store *store);
/* Appends until it works, as a service would; a server that comes back empty is given a new epoch, as a person would.
 */
void live_append_until_ok(solid_store *store, const char *user);

#endif
