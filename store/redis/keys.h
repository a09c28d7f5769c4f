/* The name of a user's key in Redis: <prefix>{<user>}. The braces are a hash tag: what stands beside it
 * (<prefix>{<user>}:pages, :state, :damaged) lives in the same slot of a Redis Cluster.
 *
 * Ids are any bytes. In the tag '}' is written %7D and '%' is written %25, nothing else is changed: the tag then ends
 * where the id ends (an id beginning with '}' would make it empty, and the keys would hash apart), and two ids never
 * share a key. */
#ifndef STORE_REDIS_KEYS_H
#define STORE_REDIS_KEYS_H

#include "solid/types.h"

enum { SOL_KEY_PREFIX_MAX = 64, SOL_KEY_MAX = SOL_KEY_PREFIX_MAX + 3 * SOLID_ID_MAX + 8 };

/* What lies beside a user's record: pages of the history and the set of what was ever taken; the attention state. */
#define SOL_KEY_PAGES ":pages"
#define SOL_KEY_STATE ":state"

/* 1 if the prefix may be used: at most SOL_KEY_PREFIX_MAX bytes, no brace. */
int sol_key_prefix_ok(const char *prefix);

/* Writes the key (no terminating zero) and returns its size. */
size_t sol_key_write(const char *prefix, solid_bytes user, char out[SOL_KEY_MAX]);

size_t sol_key_write_part(const char *prefix, solid_bytes user, const char *part, char out[SOL_KEY_MAX]);

/* The id of a user's key, decoded in place: it points into `key`. Empty: the key is none under this prefix. */
solid_bytes sol_key_read(const char *prefix, char *key, size_t size);

/* The same for what belongs to no user: <prefix><name><rest>, e.g. "solid:stream:" and its name as it is. No user's key
 * is like it: those have a brace behind the prefix. */
size_t sol_key_write_name(const char *prefix, const char *name, solid_bytes rest, char out[SOL_KEY_MAX]);

#endif
