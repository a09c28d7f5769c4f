/* What the item log holds: items that came or went since a model was trained. The log is kept in the store; an
 * entry says one thing about one item, and the newest word about an item counts. Entries have numbers that only rise:
 * what says nothing any more is dropped, and the others keep theirs. It knows ids, and no index of any model. */
#ifndef SOLID_ITEMS_H
#define SOLID_ITEMS_H

#include "solid/status.h"
#include "solid/types.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SOLID_TITLE_MAX           1000 /* longest title in bytes */
#define SOLID_ITEM_ATTRIBUTES_MAX 256  /* of one item */
#define SOLID_ITEM_VECTOR_MAX     4096 /* longest vector in floats */

typedef enum solid_item_change {
  SOLID_ITEM_ADDED = 0,  /* is in the catalogue from now on, as the entry describes it */
  SOLID_ITEM_HIDDEN = 1, /* is not recommended; events about it count as before */
  SOLID_ITEM_SHOWN = 2,  /* is recommended again */
  SOLID_ITEM_REMOVED = 3 /* is as if it had never been, until it is added again */
} solid_item_change;

/* One entry. Everything is borrowed. An item that was added needs an id alone, but what is known of it by nothing is
 * recommended to nobody: attributes, or a vector such as the model's codebook was made from. The other kinds have an id
 * and a time. */
typedef struct solid_item_entry {
  uint32_t kind;     /* solid_item_change */
  solid_bytes id;    /* 1 to 255 bytes */
  solid_bytes title; /* for people; may be empty */
  const solid_bytes *attributes;
  size_t n_attributes;
  const float *vector; /* as solid_train was given them (--vectors), before anything was made of them */
  size_t width;        /* floats of the vector; 0 = none */
  int64_t time_ms;     /* when it was said, since 1970 */
} solid_item_entry;

/* Which log, and how long it is. A log that was lost and begun again has another name. All zero: there is none yet. */
typedef struct solid_items_version {
  uint8_t log[16];
  uint64_t count; /* number of the newest entry */
} solid_items_version;

/* OK, or ERANGE, EINVAL, saying what of which item cannot be: an id of no or of too many bytes, a title or a list that
 * is too long, a vector with a value that is not finite, a kind that is none or that has a description. Any thread. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_item_check(const solid_item_entry *entry);

/* "added", "hidden", "shown", "removed"; "unknown" for another value. Never NULL. */
SOLID_API const char *solid_item_change_name(uint32_t kind);

#ifdef __cplusplus
}
#endif
#endif
