/* One user in one segment of a catalogue that a scout looks at first: what the files of topk_scout share. */
#ifndef SK_CPU_TOPK_SCOUT_H
#define SK_CPU_TOPK_SCOUT_H

#include "kernels/cpu/scout_dots.h"
#include "kernels/cpu/scout_query.h"
#include "kernels/cpu/topk_parts.h"

enum {
  SK_SEARCH_LIST = 4096,  /* items that wait */
  SK_SEARCH_AHEAD = 16,   /* of them, whose rows are fetched together */
  SK_SEARCH_GUESSES = 128 /* items of a segment that an approximate search scores */
};

typedef struct sk_waiting {
  float upper; /* no NaN */
  int32_t item;
} sk_waiting;

/* One user in one segment. */
typedef struct sk_search {
  const sk_topk_args *a;
  int64_t row, first, end; /* of the segment */
  int is_scouted;
  sk_query part[SK_SCOUT_PARTS];
  float lead[SK_SCOUT_LEAD]; /* the user's first part */
  uint8_t *chosen;           /* groups of the segment that are looked at first */
  const uint64_t *late;      /* of the arguments, where such items are in no list */
  int64_t scored, most;
  sk_best best;
  float least; /* of an approximate search: the lowest of the SK_SEARCH_GUESSES highest estimates so far */
  int64_t due; /* item at which the list is settled next: behind some more of what was passed */
  int32_t count;
  sk_waiting *list; /* (SK_SEARCH_LIST) */
  const sk_topk_made *made;
} sk_search;

/* Thread scratch. */
typedef struct sk_scout_desk {
  float scores[SK_TOPK_CHUNK];
  int32_t dots[SK_SCOUT_PARTS][SK_SCOUT_USERS * SK_TOPK_CHUNK];
  uint8_t left[SK_SCOUT_USERS][SK_TOPK_CHUNK / SK_SCOUT_GROUP]; /* groups that the first parts leave */
  int8_t w[SK_SCOUT_PARTS][SK_SCOUT_USERS * SK_SCOUT_MAX_D];    /* (users, lines * 8) of each part */
  sk_waiting lists[SK_SCOUT_USERS][SK_SEARCH_LIST];
} sk_scout_desk;

static inline int sk_is_approximate(const sk_topk_args *a) {
  return a->approximate && a->k <= SK_TOPK_GUESSED;
}

/* Below it nothing counts. */
static inline float sk_search_worst(const sk_search *s) {
  return sk_is_approximate(s->a) ? s->least : sk_best_worst(&s->best);
}

/* The user as whole numbers, in the search and in the desk's w; 0 if u has no ordinary size. */
int SK_CPU(scout_queries)(sk_search *s, sk_scout_desk *desk, int user);

/* Chooses n groups that promise most, of `groups` from `first` on, a multiple of SK_SCOUT_CELLS: marks and lists them,
 * counted from `first`, and returns how many. work: groups, rounded up to SK_SCOUT_CELLS. */
int64_t SK_CPU(search_choose)(sk_search *s, int64_t first, int64_t groups, int64_t n, float *work, int32_t *list);

/* Scores n <= SK_SEARCH_AHEAD items, whose rows are far apart. */
void SK_CPU(search_score)(sk_search *s, const int32_t *items, int n);

/* Makes room in the list: an exact search empties it, from the highest bound down; an approximate one leaves the
 * SK_SEARCH_GUESSES highest. */
void SK_CPU(search_settle)(sk_search *s);
void SK_CPU(search_shorten)(sk_search *s);

#endif
