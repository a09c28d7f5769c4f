/* The members of a JSON object of any size, one at a time: only one is in memory, beside the names of those before. */
#ifndef INGEST_DATA_JSON_MEMBERS_H
#define INGEST_DATA_JSON_MEMBERS_H

#include "ingest/data/text.h"
#include <jansson.h>

typedef solid_status (*sol_member_fn)(void *context, const char *key, const json_t *value);

/* Reads what `lines` hold, to its end, and calls `member` in the file's order. EFORMAT: no object, a name twice, bytes
 * behind it, a member over 64 MiB; EIO; a status of `member`. */
solid_status sol_json_members(sol_lines *lines, sol_member_fn member, void *context);

#endif
