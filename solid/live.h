/* Which generations of the model are live: a record in the store, which all its writers and readers follow alike, so
 * that no user is given parameters of two of them in turn. */
#ifndef SOLID_LIVE_H
#define SOLID_LIVE_H

#include "solid/store.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SOLID_SHARES 10000

typedef struct solid_live {
  uint64_t version;  /* of this record; 0 = nobody has written one */
  uint64_t current;  /* generation */
  uint64_t previous; /* that can be gone back to, and that the other users have; 0 = none */
  uint32_t share;    /* users of `current`, in 1/SOLID_SHARES; all of them where there is no previous one */
} solid_live;

/* The generation whose parameters a user has: a function of the record and the id. A user who has the current one keeps
 * it when its share grows. */
SOLID_API uint64_t solid_live_generation(const solid_live *live, solid_bytes user);

/* The record of the store; all zero where there is none. EFORMAT: something else lies under its name. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_live_read(solid_store *store, solid_live *live);

/* Writes it where the one in the store has the version before. EMISMATCH: another process has changed it since, and
 * nothing was written. EINVAL: version 0, no current generation, the same one twice, a share out of range. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_live_write(solid_store *store, const solid_live *live);

#ifdef __cplusplus
}
#endif
#endif
