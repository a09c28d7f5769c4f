/* A slate: K items chosen together, code by code, so that they fit one another. A model can make slates if it has a
 * decoder (solid_train --slate K; solid_model_info.slate_rows is the largest K).
 *
 *   order          forwards of the decoder for K rows of C columns        needs a decoder trained
 *   raster         K C                                                    raster
 *   ZipAR          C + (K - 1) s    s = window; s >= C is raster          raster
 *   adaptive       C + (K - 1) s to K C                                   raster
 *   near-to-far    K + C - 1                                              near-to-far
 *
 * Adaptive is ZipAR that tests again what it chose too early, until it is what raster would have chosen: greedy it
 * gives raster's slate (but where two values are equal up to rounding), and what it draws is distributed as raster's.
 * Its forwards have more inputs and depend on the user, so users of a batch go one by one.
 *
 * C is solid_model_info.levels + 1: the last column distinguishes items of equal codes.
 *
 * The guide g adds the ranker: every choice is the one with the largest (1 - g) log p(decoder) + g (best score below).
 * With g = 1 a slate is exactly the list of solid_recommend, item for item, in every order; with g = 0 it is the
 * decoder's most likely list. Values in between trade accuracy for coherence.
 *
 * In every order, all items of a slate pass the query's filters and none occurs twice. Fewer than K are returned only
 * if fewer are left. */
#ifndef SOLID_SLATE_H
#define SOLID_SLATE_H

#include "solid/recommender.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum solid_slate_order {
  SOLID_SLATE_TRAINED = 0, /* the order that the decoder was trained for: raster or near-to-far */
  SOLID_SLATE_RASTER = 1,
  SOLID_SLATE_ZIPAR = 2,
  SOLID_SLATE_NEAR_TO_FAR = 3,
  SOLID_SLATE_ADAPTIVE = 4 /* ZipAR with an adaptive window */
} solid_slate_order;

typedef struct solid_slate_options {
  uint32_t struct_size; /* set by SOLID_SLATE_OPTIONS_INIT */
  uint32_t order;       /* solid_slate_order */
  uint32_t window;      /* s of ZipAR, 1 or more, at which an adaptive one begins; otherwise not read */
  float guide;          /* g, 0 .. 1 */
  float temperature;    /* 0 = take the largest value; above 0: draw in proportion to exp(value / temperature) */
  float top_p;          /* above 0, up to 1: draw from the most likely codes that have this share together */
  uint64_t seed;        /* of draws; the i-th user of a batch draws by seed + i */
} solid_slate_options;

#define SOLID_SLATE_OPTIONS_INIT                                                                                       \
  { sizeof(solid_slate_options), SOLID_SLATE_TRAINED, 2, 0.9f, 0.0f, 1.0f, 0 }

/* The same for callers who cannot use macros. */
SOLID_API solid_slate_options solid_slate_options_default(void);

typedef struct solid_slate_answer {
  uint32_t struct_size; /* set by the caller to sizeof(solid_slate_answer) */
  uint32_t source;      /* solid_source, as in solid_answer */
  uint64_t params_seq, window_seq;
  size_t count;    /* items of the slate; below K only if fewer are left after the filters */
  uint32_t order;  /* solid_slate_order that was used, never SOLID_SLATE_TRAINED */
  uint32_t window; /* s of ZipAR, else 0 */
  uint32_t
      forwards; /* forward passes of the decoder; 0 if it did not run: guide 1, nothing left, or source popularity */
  double log_likelihood; /* of the slate under the decoder, over the codes that were open; 0 if it did not run */
  solid_status status;   /* of this user, as in solid_answer; not SOLID_OK = no slate */
} solid_slate_answer;

/* A slate of query->k items for one user into out (query->k), in the order of its rows; places that remain are
 * {SOLID_NO_ITEM, -INFINITY}. User, query, sources and what is read and stored are as in solid_recommend.
 * `options` NULL = SOLID_SLATE_OPTIONS_INIT, `answer` may be NULL. Scores are u . e_v. A user about whom nothing is
 * known (source popularity) gets the most popular items, as in solid_recommend. Slates use the recommender's thread;
 * the first one allocates their memory. EUNSUPPORTED: the model has no decoder, or none for this order; the text says
 * how to train one. ERANGE: k is 0 or more than the decoder's rows; window, guide, temperature or top_p out of range.
 * Others as solid_recommend. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_slate(solid_recommender *rec, solid_bytes user,
                                                      const solid_query *query, const solid_slate_options *options,
                                                      solid_scored *out, solid_slate_answer *answer);

/* The same for n users under one query: out is (n, k), answers (n, may be NULL) of one struct_size. EINVAL: n is above
 * the recommender's max_batch. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_slate_batch(solid_recommender *rec, const solid_bytes *users, size_t n,
                                                            const solid_query *query,
                                                            const solid_slate_options *options, solid_scored *out,
                                                            solid_slate_answer *answers);

/* "trained", "raster", "zipar", "near-to-far", "zipar:adaptive". Never NULL. */
SOLID_API const char *solid_slate_order_name(uint32_t order);

#ifdef __cplusplus
}
#endif
#endif
