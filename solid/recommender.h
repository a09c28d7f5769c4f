/* Recommendations: what would this user want next? One recommender per thread over one shared model. */
#ifndef SOLID_RECOMMENDER_H
#define SOLID_RECOMMENDER_H

#include "solid/item_log.h"
#include "solid/model.h"
#include "solid/store.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct solid_recommender solid_recommender;

/* What the answer was computed from. */
typedef enum solid_source {
  SOLID_FROM_CACHE = 0,       /* cached parameters and the state stored beside them: nothing newer is known */
  SOLID_FROM_CACHE_FRESH = 1, /* cached parameters, encoder run now over a newer window or over session items */
  SOLID_FROM_GENERATION = 2,  /* window without parameters, or with too old ones: generated now and put back */
  SOLID_FROM_SESSION = 3,     /* nothing stored: the query's session items alone */
  SOLID_FROM_POPULARITY = 4   /* nothing known: popularity in the training data */
} solid_source;

/* Which items that the user took are left out. Items of the session are, unless it is STAYS. */
typedef enum solid_seen {
  SOLID_SEEN_STAYS = 0, /* none */
  SOLID_SEEN_EVER = 1,  /* all that the store knows: of a store with a history every item ever taken, exactly, without
                           reading the history; else those of the window. solid_answer.seen_since tells how far back */
  SOLID_SEEN_WINDOW = 2 /* those of the window that the model reads; of its newest 512 steps where the model has
                           attention states (sparse attention, and a store with histories) */
} solid_seen;

typedef struct solid_query {
  uint32_t struct_size;
  uint32_t k;                 /* how many items; 1 .. the model's rows */
  int32_t exclude_seen;       /* solid_seen; default EVER. What the user dislikes is left out in any case */
  const solid_bytes *blocked; /* item ids never to return; unknown ids are ignored */
  size_t n_blocked;
  solid_bytes category;       /* only items of this category; {NULL, 0} = all. An unknown name is ENOTFOUND */
  const solid_bytes *session; /* item ids newer than anything stored, oldest first; unknown ids are skipped */
  size_t n_session;
  int32_t only_allowed;       /* 1: no items but those of `allowed`, were there none at all; default 0 */
  const solid_bytes *allowed; /* item ids; unknown ones are ignored. Not read where only_allowed is 0 */
  size_t n_allowed;
} solid_query;

#define SOLID_QUERY_INIT                                                                                               \
  { sizeof(solid_query), 10, 1, NULL, 0, {NULL, 0}, NULL, 0, 0, NULL, 0 }

/* The same for callers who cannot use macros. */
SOLID_API solid_query solid_query_default(void);

typedef struct solid_answer {
  uint32_t struct_size; /* set by the caller to sizeof(solid_answer) */
  uint32_t source;      /* solid_source */
  uint64_t params_seq;  /* events the parameters have seen; 0 when there were none */
  uint64_t window_seq;  /* events the window has seen */
  size_t count;         /* items returned; below k only when fewer are left after the filters */
  solid_status status;  /* OK, or why this user alone has no answer (EFORMAT: the stored record is unusable;
                           ERANGE: scores that are no finite numbers); count is 0 then */
  uint64_t seen_since;  /* where EVER was asked for: number of the first event whose item is known to be taken, as far
                           as the store keeps it; 0 = all since the user came */
} solid_answer;

typedef struct solid_recommender_stats {
  uint32_t struct_size;     /* set by the caller to sizeof(solid_recommender_stats) */
  uint64_t answers[5];      /* by solid_source */
  uint64_t unsaved;         /* users whose new parameters could not be stored; they were answered all the same */
  uint64_t set_aside;       /* users without an answer, because their stored record is unusable */
  solid_state_stats states; /* zero where windows are encoded */
} solid_recommender_stats;

typedef struct solid_recommender_options {
  uint32_t struct_size;    /* set by SOLID_RECOMMENDER_OPTIONS_INIT */
  uint32_t max_batch;      /* the largest n of solid_recommend_batch; default 1 */
  uint32_t element;        /* solid_element: how parameters are kept that had to be generated now; default f16 */
  uint64_t refresh_events; /* parameters so many events old are made anew by the question; 0 = only where there are
                              none; default 1 */
  int64_t refresh_ms; /* the same of parameters so old that the window has moved since; 0 = their time does not count */
  solid_item_log *items; /* followed when the store's log has grown; borrowed; NULL = the model's items stay */
} solid_recommender_options;

#define SOLID_RECOMMENDER_OPTIONS_INIT                                                                                 \
  { sizeof(solid_recommender_options), 1, SOLID_F16, 1, 0, NULL }

/* The same for callers who cannot use macros. */
SOLID_API solid_recommender_options solid_recommender_options_default(void);

/* Model and store are borrowed. `options` NULL = defaults. EMISMATCH: the store keeps shorter windows than the model
 * reads. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_recommender_new(solid_recommender **out, const solid_model *model,
                                                                solid_store *store,
                                                                const solid_recommender_options *options);

/* NULL is a no-op. */
SOLID_API void solid_recommender_free(solid_recommender *rec);

/* The k best items for one user, best first, into out (query->k); places that remain are {SOLID_NO_ITEM, -INFINITY}.
 * `user` may be empty ({NULL, 0}) for an anonymous visitor: nothing is read from the store then. `query` NULL =
 * SOLID_QUERY_INIT. `answer` may be NULL. Scores are u . e_v, or counts of training events if the source is popularity.
 * EINVAL, ERANGE (k = 0, k > V, user id over 255 bytes), ENOTFOUND (category). If the store is away, its retriable
 * status is returned, never a lesser answer in silence; to get one, ask again with an empty user, which needs no store.
 * EFORMAT: what the store has under this user's key is not a record. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_recommend(solid_recommender *rec, solid_bytes user,
                                                          const solid_query *query, solid_scored *out,
                                                          solid_answer *answer);

/* The same for n users under one query: out is (n, k), answers (n, may be NULL). One round trip to the store,
 * and a second one if parameters were generated. A fault of one user alone is in answers[i].status, and that user's
 * places in `out` are empty. EINVAL: n > max_batch. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_recommend_batch(solid_recommender *rec, const solid_bytes *users,
                                                                size_t n, const solid_query *query, solid_scored *out,
                                                                solid_answer *answers);

/* Fills the fields that fit in stats->struct_size. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_recommender_get_stats(const solid_recommender *rec,
                                                                      solid_recommender_stats *stats);

/* "cache", "cache+fresh", "generation", "session", "popularity". Never NULL. */
SOLID_API const char *solid_source_name(uint32_t source);

#ifdef __cplusplus
}
#endif
#endif
