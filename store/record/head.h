/* The head of a user's record, as store/redis/record.lua reads and writes it; versions 1 to 3:
 *
 *   offset   bytes  what
 *   0        2      "SU"
 *   2        1      version: 3 when the store keeps a history of the user, in pages beside the record, else 1; up to
 *                   SOL_HEAD_VERSION is read
 *   3        1      marks, 0 to 8; + 128 when there are dislikes
 *   4        16     epoch under which it was written
 *   20       8      seq: number of steps ever applied, of 40 bits (SOL_SEQ_BITS): pages have numbers of 32
 *   28       40     head of the params (codec.h); all zero = there are none
 *   68       16 m   marks: position of the newest event applied of a stream; the stream that moved last at the end.
 *                   Of a user who was forgotten before, the first one is of stream 0 and its offset says how often:
 *                   it tells this life from those before
 *   68+16m   24     in versions 2 and 3: birth of the history, when the lifetime of what lies beside the record was
 *                   renewed (ms since 1970), number of the first step of the history
 *
 * In version 1 the steps of the record are the window and older ones are gone; in versions 2 and 3 they are those that
 * are in no page (page.h), and nobody may trim them. In version 2 all items of pages are in one field beside them, in
 * version 3 those of the newest pages may be in another (put_pages.lua), which whoever knows version 2 alone would
 * miss. A writer that keeps histories makes a record of version 1 or 2 one of version 3.
 *
 * Versions grow; whoever meets a newer one than its own leaves it alone. Therefore the first three bytes mean the same
 * in every version, and nothing else does. */
#ifndef STORE_RECORD_HEAD_H
#define STORE_RECORD_HEAD_H

#include "store/record/codec.h"

#ifndef SOLID_RECORD_VERSION
#define SOLID_RECORD_VERSION 3 /* a test builds the programs with a later one (tests/e2e/upgrade.sh) */
#endif

enum {
  SOL_HEAD_VERSION = SOLID_RECORD_VERSION,
  SOL_HEAD_OLD_HISTORY = 2,  /* read */
  SOL_HEAD_WITH_HISTORY = 3, /* versions that are written */
  SOL_HEAD_PLAIN = SOLID_RECORD_VERSION > 3 ? SOLID_RECORD_VERSION : 1,
  SOL_HEAD_HISTORY = 24,
  SOL_HEAD_SIZE = 68,
  SOL_HEAD_PARAMS = 28, /* where the head of the params lies */
  SOL_MARKS_MAX = 8,
  SOL_SEQ_BITS = 40,
  SOL_HEAD_MAX = SOL_HEAD_SIZE + SOL_MARKS_MAX * SOL_POSITION_SIZE + SOL_HEAD_HISTORY
};

typedef struct sol_head {
  solid_store_epoch epoch;
  uint64_t seq;
  uint8_t params[SOL_PARAMS_HEAD];
  int has_params, has_dislikes;
  size_t n_marks;
  solid_position marks[SOL_MARKS_MAX];
  uint64_t life;                     /* decoded: the offset of the mark of stream 0; 0 = there is none */
  uint64_t birth, renewed_ms, begun; /* of versions 2 and 3; birth 0 = version 1 */
} sol_head;

/* Returns the size. Only the newest of more than SOL_MARKS_MAX marks could be kept: there may be no more. */
size_t sol_head_encode(const sol_head *head, uint8_t out[SOL_HEAD_MAX]);

/* 1, or 0 where the bytes are no head of this version. */
int sol_head_decode(const uint8_t *data, size_t size, sol_head *head);

#endif
