/* The record of live model generations. It is kept in the store and followed by every process that writes or reads
 * there, so that a user always gets parameters of the same generation. */
#ifndef SOLID_LIVE_H
#define SOLID_LIVE_H

#include "solid/store.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SOLID_SHARES 10000

typedef struct solid_live {
  uint64_t version;  /* of this record; 0 = there is no record yet */
  uint64_t current;  /* generation */
  uint64_t previous; /* generation of the other users, and the one to go back to; 0 = none */
  uint32_t share;    /* of users on `current`, in 1/SOLID_SHARES; without a previous one, all users are */
} solid_live;

/* The generation whose parameters a user has: a function of the record and the id. A user on the current
 * generation stays on it when its share grows. */
SOLID_API uint64_t solid_live_generation(const solid_live *live, solid_bytes user);

/* Reads the record of the store; all zero if there is none. EFORMAT: the record under its name is something else. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_live_read(solid_store *store, solid_live *live);

/* Writes the record if the one in the store has the version before this one's. EMISMATCH: another process changed it in
 * between, and nothing was written. EINVAL: version 0, no current generation, the same generation twice, a share out of
 * range. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_live_write(solid_store *store, const solid_live *live);

#ifdef __cplusplus
}
#endif
#endif
