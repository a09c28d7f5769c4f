/* Who is the master, as Redis Sentinels know it. All of them are asked: one that was cut off from the others still
 * names a master of before, under a lower number of configuration (config-epoch), and the highest one counts. Whether
 * the server that is named is a master is then asked of itself (is_choosy of sol_redis_options). */
#ifndef STORE_REDIS_SENTINEL_H
#define STORE_REDIS_SENTINEL_H

#include "store/redis/address.h"
#include "store/redis/connection.h"

/* Timeouts, TLS and log are those of `options`; each Sentinel has connect_timeout_ms. EIO: none of them names it. */
solid_status sol_sentinel_find(const sol_redis_options *options, const sol_address *address, sol_place *out);

#endif
