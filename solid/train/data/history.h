/* A data set in memory: one sequence of items per user, oldest first, and what is known about the items.
 *
 * A sol_collector takes events in (it is a solid_sink_fn) and item attributes and vectors beside them, in any order;
 * sol_collector_finish turns what came in into a sol_history. Ids are byte strings outside and dense indices inside: in
 * the order of first appearance, or, when all ids of a kind are integers, in the order of the integers. */
#ifndef SOLID_TRAIN_DATA_HISTORY_H
#define SOLID_TRAIN_DATA_HISTORY_H

#include "solid/pipeline.h"
#include "solid/train/data/vocab.h"

#define SOL_NO_TIME INT64_MIN

typedef enum sol_split_kind { SOL_LEAVE_ONE_OUT = 0, SOL_GLOBAL_TIME = 1, SOL_PER_USER_RATIO = 2 } sol_split_kind;

/* Positions in `sequence` of one user; split.h says which. */
typedef struct sol_split_bounds {
  size_t train_end, valid, test;
} sol_split_bounds;

/* What is trained on and what is asked. */
typedef struct sol_split {
  sol_split_kind kind;
  double train, valid;           /* shares, where they made the bounds; else 0 */
  int64_t valid_from, test_from; /* global-time: the boundaries, milliseconds */
  uint32_t untimed;              /* global-time: users left out because they have no times */
  int shuffled;                  /* 1 = ties of time were shuffled with this seed: sol_history_shuffle_ties */
  uint64_t tie_seed;
  sol_split_bounds *bounds; /* (U); NULL = leave-one-out */
} sol_split;

typedef struct sol_history {
  uint32_t users, items; /* U, V */
  size_t events;
  size_t *offsets;    /* (U + 1): user u's events are offsets[u] .. offsets[u+1]-1 */
  uint32_t *sequence; /* (events) item of each event */
  int64_t *times;     /* (events) milliseconds; SOL_NO_TIME where unknown */
  int has_times;      /* 1 = they are the data's own; 0 = they only say the order */
  sol_vocab user_ids, item_ids;

  sol_vocab attributes;
  size_t *attribute_offsets; /* (V + 1) */
  uint32_t *attribute_ids;   /* ascending within an item, none twice */

  uint32_t vector_width; /* 0 = no vectors */
  float *vectors;        /* (V, vector_width), zero where an item has none; NULL without vectors */

  uint32_t unseen_items; /* items that had attributes or a vector but no event, and were left out */

  sol_split split; /* sol_split_apply; zero = leave-one-out */
} sol_history;

typedef struct sol_collector sol_collector;

typedef struct sol_collector_options {
  int sort_by_time;      /* order a user's events by time (stable); 0 = order of arrival */
  int keep_unseen_items; /* items without events are part of the catalogue */
  int has_times;         /* the events' times are the data's own: see sol_history */
} sol_collector_options;

/* `options` NULL = all zero. *out: sol_collector_free. */
solid_status sol_collector_new(sol_collector **out, const sol_collector_options *options);

/* NULL is a no-op. */
void sol_collector_free(sol_collector *collector);

/* A solid_sink_fn: takes events. verdicts (n), may be NULL: ERANGE for a user or item id that is not 1..SOLID_ID_MAX
 * bytes; such an event is left out. */
solid_status sol_collector_push(void *collector, const solid_event *events, size_t n, solid_status *verdicts);

/* Says that an item has an attribute; saying it twice changes nothing. ERANGE: length of an id. */
solid_status sol_collector_attribute(sol_collector *collector, solid_bytes item, solid_bytes attribute);

/* Gives an item's vector, replacing an earlier one. EMISMATCH: another width than the first. ERANGE: a value that is
 * not finite, a width of zero, length of an id. */
solid_status sol_collector_vector(sol_collector *collector, solid_bytes item, const float *vector, uint32_t width);

/* Fills *history, which the caller owns then (sol_history_clear), and empties the collector. ENOTFOUND: no event came
 * in. */
solid_status sol_collector_finish(sol_collector *collector, sol_history *history);

/* Frees and zeroes; a zeroed struct is a no-op. */
void sol_history_clear(sol_history *history);

/* Hash of ids and sequences (XXH3, 64 bits): names the data whatever file format it came from. */
uint64_t sol_history_hash(const sol_history *history);

/* Gives user u's events their times, position by position, and the history has_times: events whose times nobody gave
 * have SOL_NO_TIME then. EMISMATCH: not as many as the user has events. EFORMAT: they go backwards. */
solid_status sol_history_set_times(sol_history *history, uint32_t u, const int64_t *times_ms, size_t n);

/* Puts every user's events of equal time in a random order. A split that was applied is undone: apply it after this.
 * EINVAL: the data has no times. */
solid_status sol_history_shuffle_ties(sol_history *history, uint64_t seed);

/* Events that an earlier one equals in user, item and time; 0 where the data has no times. ENOMEM. */
solid_status sol_history_duplicates(const sol_history *history, size_t *count);

#endif
