/* Products of the rows of a scout with users' whole numbers: the same sums on every machine, because no sum of whole
 * numbers rounds and none can saturate: a pair of products is at most 2 * 15 * 127. */
#ifndef SK_CPU_SCOUT_DOTS_H
#define SK_CPU_SCOUT_DOTS_H

#include "kernels/scout.h"

enum { SK_SCOUT_USERS = 8 }; /* at a time */

/* dots_ui = n_i . w_u for the 16 items of each of `blocks` blocks at `rows`: user u's are at dots + u * stride, its
 * numbers, in -127 .. 127, at w + u * lines * 8. users <= SK_SCOUT_USERS. */
typedef struct sk_scout_dots_args {
  const uint8_t *rows;
  int64_t lines, blocks;
  int users;
  const int8_t *w;
  int32_t *dots;
  int64_t stride;
} sk_scout_dots_args;

typedef struct sk_scout_form {
  const char *name;
  int (*usable)(void); /* on this machine */
  void (*dots)(const sk_scout_dots_args *a);
} sk_scout_form;

/* The forms that were compiled, best first; the last is usable everywhere. */
extern const sk_scout_form sk_scout_forms[];
extern const size_t sk_scout_form_count;

/* The best one that is usable. */
const sk_scout_form *sk_scout_form_here(void);

#endif
