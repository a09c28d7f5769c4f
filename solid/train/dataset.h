/* A data set in memory: one sequence of items per user, oldest first, and what is known about the items. It is a
 * plain struct that you may fill yourself; a solid_collector fills it from events, attributes and vectors, for example
 * those that the readers of ingest/data_file.h deliver.
 *
 * Ids are byte strings for callers and dense indices inside, in the order of first appearance or, if all ids of a kind
 * are integers, in the order of the integers. A dataset that is not being changed may be read by any number of threads;
 * a collector belongs to one thread. Any function that returns a status may also return ENOMEM. */
#ifndef SOLID_TRAIN_DATASET_H
#define SOLID_TRAIN_DATASET_H

#include "solid/status.h"
#include "solid/types.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SOLID_NO_ID UINT32_MAX

struct sol_table;

/* A vocabulary: byte strings <-> dense indices 0, 1, 2, ... in the order of adding. A zeroed struct is an empty one. */
typedef struct solid_vocab {
  uint32_t count;
  uint32_t *offsets; /* count + 1; string i is bytes[offsets[i] .. offsets[i+1]) */
  char *bytes;
  struct sol_table *table;          /* private: finds strings; NULL if filled by hand: every string is compared */
  uint32_t capacity, byte_capacity; /* private */
} solid_vocab;

/* Index of `id`, or SOLID_NO_ID. */
SOLID_API uint32_t solid_vocab_find(const solid_vocab *vocab, solid_bytes id);

/* Borrowed, valid until the vocabulary changes; {NULL, 0} if there is no such index. */
SOLID_API solid_bytes solid_vocab_id(const solid_vocab *vocab, uint32_t index);

#define SOLID_NO_TIME INT64_MIN

typedef enum solid_split_kind {
  SOLID_LEAVE_ONE_OUT = 0,
  SOLID_GLOBAL_TIME = 1,
  SOLID_PER_USER_RATIO = 2,
  SOLID_SPLIT_GIVEN = 3 /* solid_split_give */
} solid_split_kind;

/* Positions in `sequence` of one user; solid/train/split.h says which. */
typedef struct solid_split_bounds {
  size_t train_end, valid, test;
} solid_split_bounds;

/* Which events train and which are targets. */
typedef struct solid_split {
  solid_split_kind kind;
  double train, valid;           /* shares, if the bounds were made from them; else 0 */
  int64_t valid_from, test_from; /* global-time: the boundaries, milliseconds */
  uint32_t untimed;              /* global-time: users left out because they have no times */
  int shuffled;                  /* 1 = ties of time were shuffled with this seed: solid_dataset_shuffle_ties */
  uint64_t tie_seed;
  solid_split_bounds *bounds;  /* (U); NULL = leave-one-out */
  uint32_t min_user, min_item; /* solid_split_core: fewest training events of a user, of an item; 0 = any number */
} solid_split;

typedef struct solid_dataset {
  uint32_t users, items; /* U, V */
  size_t events;
  size_t *offsets;    /* (U + 1): user u's events are offsets[u] .. offsets[u+1]-1 */
  uint32_t *sequence; /* (events) item of each event */
  int64_t *times;     /* (events) milliseconds; SOLID_NO_TIME where unknown */
  int has_times;      /* 1 = the times come from the data; 0 = they only give the order */
  solid_vocab user_ids, item_ids;

  solid_vocab attributes;
  size_t *attribute_offsets; /* (V + 1) */
  uint32_t *attribute_ids;   /* ascending within an item, none twice */

  uint32_t vector_width; /* 0 = no vectors */
  float *vectors;        /* (V, vector_width), zero where an item has none; NULL without vectors */

  uint32_t unseen_items; /* items that had attributes or a vector but no event, and were left out */

  solid_split split; /* solid_split_apply; zero = leave-one-out */
} solid_dataset;

typedef struct solid_collector solid_collector;

typedef struct solid_collector_options {
  int sort_by_time;      /* order a user's events by time (stable); 0 = order of arrival */
  int keep_unseen_items; /* items without events are part of the catalogue */
  int has_times;         /* the events' times come from the data: see solid_dataset */
} solid_collector_options;

/* `options` NULL = all zero. *out: solid_collector_free. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_collector_new(solid_collector **out,
                                                              const solid_collector_options *options);

/* NULL is a no-op. */
SOLID_API void solid_collector_free(solid_collector *collector);

/* A solid_sink_fn: takes events. verdicts (n), may be NULL: ERANGE for a user or item id that is not 1..SOLID_ID_MAX
 * bytes; such an event is left out. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_collector_push(void *collector, const solid_event *events, size_t n,
                                                               solid_status *verdicts);

/* Adds an attribute to an item; adding it again changes nothing. ERANGE: length of an id. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_collector_attribute(solid_collector *collector, solid_bytes item,
                                                                    solid_bytes attribute);

/* Gives an item's vector, replacing an earlier one. EMISMATCH: another width than the first. ERANGE: a value that is
 * not finite, a width of zero, length of an id. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_collector_vector(solid_collector *collector, solid_bytes item,
                                                                 const float *vector, uint32_t width);

/* Fills *dataset, which the caller then owns (solid_dataset_clear), and empties the collector. ENOTFOUND: there was no
 * event. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_collector_finish(solid_collector *collector, solid_dataset *dataset);

/* Checks a struct that was filled by hand. EINVAL, with what is wrong: an item or attribute out of its range, offsets
 * that go backwards, more or fewer ids than users or items, a missing array, a vector that is not finite. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_dataset_check(const solid_dataset *dataset);

/* Frees and zeroes; a zeroed struct is a no-op. */
SOLID_API void solid_dataset_clear(solid_dataset *dataset);

/* Hash of ids and sequences (XXH3, 64 bits); it does not depend on the file format. */
SOLID_API uint64_t solid_dataset_hash(const solid_dataset *dataset);

/* Sets the times of user u's events, in their order, and has_times. Events of other users keep SOLID_NO_TIME until
 * their times are set. EMISMATCH: another number of times than events. EFORMAT: the times go backwards. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_dataset_set_times(solid_dataset *dataset, uint32_t u,
                                                                  const int64_t *times_ms, size_t n);

/* Puts every user's events of equal time in a random order. This undoes a split: apply it afterwards.
 * EINVAL: the data has no times. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_dataset_shuffle_ties(solid_dataset *dataset, uint64_t seed);

/* Number of events that equal an earlier one in user, item and time; 0 if the data has no times. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_dataset_duplicates(const solid_dataset *dataset, size_t *count);

#ifdef __cplusplus
}
#endif
#endif
