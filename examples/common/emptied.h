/* A store that was emptied, or that a new epoch was begun over, under a program that writes events which nobody can
 * read again: they go on under the epoch that there is by now. */
#ifndef EXAMPLES_COMMON_EMPTIED_H
#define EXAMPLES_COMMON_EMPTIED_H

#include "solid/store.h"

enum { EMPTIED_LINES = 8 }; /* a minute, at most */

/* What was said of it. */
typedef struct emptied_said {
  int has_epoch;
  solid_store_epoch epoch; /* that was met last */
  int64_t begun_ms;        /* of the minute */
  int lines;               /* in it */
  uint64_t left_out;       /* changes since the last line */
} emptied_said;

/* 1 = that the store has this epoch now is to be said: it is another than was met last, and few lines came before it.
 * *left_out becomes the number of changes of which none came. */
int emptied_is_news(emptied_said *said, const solid_store_epoch *epoch, int64_t now_ms, uint64_t *left_out);

/* After a call of this handle that answered ELOST, whose text is the last error: what it writes from now on is of the
 * store's present epoch. Says so, once a change for the whole program. Any thread. */
solid_status emptied_go_on(solid_store *store);

#endif
