/* Evaluation of slates: a list of K items per user against the next K items of that user, and how similar the items of
 * a list are. Accuracy and similarity pull in opposite directions; a way of making lists is worth using if its curve
 * over both lies above that of the ranked list re-ranked for similarity.
 *
 *   recall      share of the targets in the list, K of them counting as all; targets are the next (at most K) distinct
 *               new items, or those of the next basket
 *   ndcg        sum over hits of 1 / log2(place + 2), over the largest that so many targets can reach
 *   next        1 if the very next of them is in the list
 *   likeness, company, content    mean over the list's pairs of how alike they are by takers, company, content
 *   categories  categories covered, over the items of the list (0 if the model has none)
 *   likelihood  log likelihood of the list under the decoder (0 if it did not run)
 *   raster      log likelihood of the list under a raster decoder, however it was made (0 if there is none to judge) */
#ifndef SOLID_TRAIN_SLATE_EVALUATE_H
#define SOLID_TRAIN_SLATE_EVALUATE_H

#include "solid/slate.h"
#include "solid/train/split.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum solid_slate_figure {
  SOLID_SLATE_RECALL,
  SOLID_SLATE_NDCG,
  SOLID_SLATE_NEXT,
  SOLID_SLATE_LIKENESS, /* and the others of solid_slate_alike, in their order */
  SOLID_SLATE_COMPANY,
  SOLID_SLATE_CONTENT,
  SOLID_SLATE_CATEGORIES,
  SOLID_SLATE_LIKELIHOOD,
  SOLID_SLATE_UNDER_RASTER,
  SOLID_SLATE_FIGURES
} solid_slate_figure;

extern SOLID_API const char *const solid_slate_figure_names[SOLID_SLATE_FIGURES];

/* What it is for two items to be alike. A list is judged by what codes and weights do not know: `judges`, other users'
 * events, or given content where the codes were fitted without it. A list is re-ranked by the training events, or by
 * that content. */
typedef enum solid_slate_alike {
  SOLID_ALIKE_BY_TAKERS = 0, /* c_ij / sqrt(c_i c_j), c = users who took an item, or both. Without judges counted on the
                                events that were not trained on, without the user's own */
  SOLID_ALIKE_BY_COMPANY = 1, /* cosine of what they stand beside in histories: PPMI within 3 events, SVD to 64 floats.
                                 Without judges 0 */
  SOLID_ALIKE_BY_CONTENT = 2, /* cosine of attributes (TF-IDF, SVD) and given vectors. Without content 0 */
  SOLID_ALIKES
} solid_slate_alike;

extern SOLID_API const char *const solid_slate_alike_names[SOLID_ALIKES];

typedef enum solid_slate_way {
  SOLID_SLATE_BY_RANK = 0,   /* the ranker's best K */
  SOLID_SLATE_BY_RERANK = 1, /* of its best 100, one by one the largest score + lambda x mean likeness (`alike`) to
                                those chosen */
  SOLID_SLATE_BY_DECODER = 2 /* solid_slate with `options` */
} solid_slate_way;

typedef struct solid_slate_trial {
  uint32_t way;   /* solid_slate_way */
  uint32_t alike; /* solid_slate_alike, of a re-ranking */
  double lambda;
  solid_slate_options options;
} solid_slate_trial;

typedef struct solid_slate_report {
  uint32_t users;
  double value[SOLID_SLATE_FIGURES], low[SOLID_SLATE_FIGURES], high[SOLID_SLATE_FIGURES]; /* 95 % over users */
  double *each;      /* (SOLID_SLATE_FIGURES, users) in the evaluator's order of users: reports of one are paired */
  uint32_t items;    /* distinct items in all lists */
  uint32_t invalid;  /* lists with an item of the history, or with no item: must be 0 */
  uint32_t repeated; /* lists with an item twice: must be 0 */
  uint32_t ranked;   /* lists that are the ranked list, item for item: all of them under a guide of 1 */
  double forwards;   /* forward passes of the decoder per list */
  double seconds;    /* to make the lists, states and scores included */
} solid_slate_report;

typedef struct solid_slate_evaluator solid_slate_evaluator;

typedef struct solid_slate_asking {
  solid_part part;              /* every user who has a target in it is asked */
  uint32_t rows;                /* K: items of a list */
  int baskets;                  /* 1 = targets are all new items of the next basket, the events of one time */
  const solid_dataset *judges;  /* other users' events on the same items; NULL = none */
  const solid_dataset *content; /* with attributes or vectors of the same items; NULL = none */
  const solid_model *raster;    /* of the same ranker, whose raster decoder judges every list; NULL = none */
} solid_slate_asking;

/* All is borrowed and must outlive the evaluator. ERANGE: rows. EINVAL: baskets of data without times, a judge of
 * another ranker. EUNSUPPORTED: a judge without a raster decoder. ENOTFOUND: no
 * user has a target, or the content of no item is known. ENOMEM, EDEVICE. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_slate_evaluator_new(solid_slate_evaluator **out,
                                                                    const solid_model *model,
                                                                    const solid_dataset *dataset,
                                                                    const solid_slate_asking *asking);

/* NULL is a no-op. */
SOLID_API void solid_slate_evaluator_free(solid_slate_evaluator *evaluator);

/* Makes every user's list in one way. On success the caller owns *report: solid_slate_report_clear. Statuses as
 * solid_slate's. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_slate_evaluate(solid_slate_evaluator *evaluator,
                                                               const solid_slate_trial *trial, uint32_t resamples,
                                                               uint64_t seed, solid_slate_report *report);

/* Frees and zeroes; a zeroed struct is a no-op. */
SOLID_API void solid_slate_report_clear(solid_slate_report *report);

/* The paired difference a - b of one figure over users, with its 95 % interval. EINVAL: other users. ENOMEM. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_slate_compare(const solid_slate_report *a, const solid_slate_report *b,
                                                              solid_slate_figure figure, uint32_t resamples,
                                                              uint64_t seed, double *difference, double *low,
                                                              double *high);

#ifdef __cplusplus
}
#endif
#endif
