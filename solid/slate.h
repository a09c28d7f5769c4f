/* A slate: K items that are chosen together, one code at a time, so that they may belong together. A model can make
 * slates when it has a decoder (solid_train --slate K; solid_model_info.slate_rows says for how many rows).
 *
 *   order          forwards of the decoder for K rows of C columns        asks for a decoder trained
 *   raster         K C                                                    raster
 *   ZipAR          C + (K - 1) s    s = window; s >= C is raster          raster
 *   near-to-far    K + C - 1                                              near-to-far
 *
 * C is solid_model_info.levels + 1: the last column tells items of equal codes apart.
 *
 * The guide g weighs the ranker in: every choice is the largest (1 - g) log p(decoder) + g (best score below). With
 * g = 1 a slate is exactly what solid_recommend answers, item for item, in every order; with g = 0 it is the decoder's
 * own most likely list. In between it is a dial from the accurate list to the coherent one.
 *
 * Every item of a slate obeys the query's filters, and none comes twice, in every order. Fewer than K come back only
 * where fewer are left. */
#ifndef SOLID_SLATE_H
#define SOLID_SLATE_H

#include "solid/recommender.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum solid_slate_order {
  SOLID_SLATE_TRAINED = 0, /* as the model's decoder was trained: raster or near-to-far */
  SOLID_SLATE_RASTER = 1,
  SOLID_SLATE_ZIPAR = 2,
  SOLID_SLATE_NEAR_TO_FAR = 3
} solid_slate_order;

typedef struct solid_slate_options {
  uint32_t struct_size;
  solid_slate_order order;
  uint32_t window;   /* s of ZipAR, 1 or more; else not read */
  float guide;       /* g, 0 .. 1 */
  float temperature; /* 0 = the largest value; above: drawn in proportion to exp(value / temperature) */
  float top_p;       /* above 0, up to 1: of a draw, the share that its rarest codes are cut off beyond */
  uint64_t seed;     /* of draws; the i-th user of a batch draws by seed + i */
} solid_slate_options;

#define SOLID_SLATE_OPTIONS_INIT                                                                                       \
  { sizeof(solid_slate_options), SOLID_SLATE_TRAINED, 2, 0.9f, 0.0f, 1.0f, 0 }

typedef struct solid_slate_answer {
  uint32_t struct_size; /* set by the caller to sizeof(solid_slate_answer) */
  solid_source source;  /* as in solid_answer */
  uint64_t params_seq, window_seq;
  size_t count;            /* items of the slate; below K only when fewer are left after the filters */
  solid_slate_order order; /* that was gone: never SOLID_SLATE_TRAINED */
  uint32_t window;         /* s of ZipAR, else 0 */
  uint32_t forwards;       /* of the decoder; 0 where it was not asked: guide 1, and source popularity */
  double log_likelihood;   /* of the slate by the decoder, over the codes that were open; 0 where it was not asked */
  solid_status status;     /* of this user, as in solid_answer; not SOLID_OK = no slate */
} solid_slate_answer;

/* A slate of query->k items for one user into out (query->k), in the order of its rows; places that remain are
 * {SOLID_NO_ITEM, -INFINITY}. User, query, sources, what is stored and what is put back are as with solid_recommend.
 * `options` NULL = SOLID_SLATE_OPTIONS_INIT, `answer` may be NULL. Scores are u . e_v. A user of whom nothing is known
 * (source popularity) gets the most popular items, as from solid_recommend. Slates share the recommender's thread; the
 * first one takes their memory.
 * EUNSUPPORTED: the model has no decoder, or none for this order; the text says how to train one. ERANGE: k is 0 or
 * more than the decoder's rows; window, guide, temperature or top_p out of range. Others as solid_recommend. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_slate(solid_recommender *rec, solid_bytes user,
                                                      const solid_query *query, const solid_slate_options *options,
                                                      solid_scored *out, solid_slate_answer *answer);

/* The same for n users under one query: out is (n, k), answers (n, may be NULL) of one struct_size. EINVAL: n is more
 * than the recommender was made for. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_slate_batch(solid_recommender *rec, const solid_bytes *users, size_t n,
                                                            const solid_query *query,
                                                            const solid_slate_options *options, solid_scored *out,
                                                            solid_slate_answer *answers);

/* "trained", "raster", "zipar", "near-to-far". Never NULL. */
SOLID_API const char *solid_slate_order_name(solid_slate_order order);

#ifdef __cplusplus
}
#endif
#endif
