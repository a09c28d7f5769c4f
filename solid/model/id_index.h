/* Byte strings to their dense index, by their XXH3 hashes. Two strings of one hash cannot both be in it, so a hash
 * alone identifies a string. Immutable once built. */
#ifndef SOLID_MODEL_ID_INDEX_H
#define SOLID_MODEL_ID_INDEX_H

#include "solid/base/table.h"
#include "solid/model/strings.h"
#include "solid/status.h"

typedef struct sol_id_index {
  uint64_t *hashes; /* of string i */
  sol_table table;
} sol_id_index;

/* `what` names the strings in error texts ("item id"). EFORMAT: a string occurs twice, or two have one hash. ENOMEM. On
 * success sol_id_index_clear ends it; on failure *index is zeroed. */
solid_status sol_id_index_build(sol_id_index *index, const sol_strings *strings, const char *what);
void sol_id_index_clear(sol_id_index *index);

/* SOLID_NO_ITEM when there is none. */
uint32_t sol_id_index_by_hash(const sol_id_index *index, uint64_t hash);
uint32_t sol_id_index_find(const sol_id_index *index, const sol_strings *strings, solid_bytes id);

#endif
