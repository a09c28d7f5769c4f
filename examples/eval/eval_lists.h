/* What solid_eval lists compares: results of solid_eval --slate of the same questions (seeds), each way of making lists
 * a point of figures, their means over users with what a resample of the users would make of them. */
#ifndef EXAMPLES_EVAL_EVAL_LISTS_H
#define EXAMPLES_EVAL_EVAL_LISTS_H

#include "solid/status.h"
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

typedef enum lists_figure {
  LISTS_RECALL,
  LISTS_NDCG,
  LISTS_LIKENESS,
  LISTS_COMPANY,
  LISTS_CONTENT,
  LISTS_FIGURES
} lists_figure;

extern const char *const lists_figure_names[LISTS_FIGURES];

#define LISTS_POINTS 256

/* One way of making lists, its figures averaged over the runs, user by user. */
typedef struct lists_point {
  char curve[48]; /* "raster", "re-ranked by takers", ...; "ranked" */
  double knob;    /* guide or lambda */
  double forwards;
  size_t runs;
  double *each; /* (LISTS_FIGURES, users) sums over the runs until lists_finish */
} lists_point;

typedef struct lists_set {
  size_t users, files, points;
  json_int_t rows, lists, invalid, repeated; /* K; counted over all files */
  char *asked;                               /* which questions: the same in every file */
  lists_point point[LISTS_POINTS];           /* sorted: ranked, re-ranked and slates, by curve and knob */
  size_t resamples;
  double *mean; /* (1 + resamples, points, LISTS_FIGURES): of all users, then of every resample */
} lists_set;

/* Adds a result file. EIO, EFORMAT; EMISMATCH: other questions than the files before. */
solid_status lists_add(lists_set *set, const char *path);

/* After the last file: averages, sorts and resamples. EMISMATCH: runs that do not have the same lists. ENOMEM. */
solid_status lists_finish(lists_set *set, size_t resamples, uint64_t seed);

void lists_clear(lists_set *set);

static inline double lists_mean(const lists_set *set, size_t resample, size_t point, lists_figure figure) {
  return set->mean[(resample * set->points + point) * LISTS_FIGURES + (size_t)figure];
}

/* The point; SIZE_MAX where there is none. */
size_t lists_find(const lists_set *set, const char *curve, double knob);

/* A value with the percentiles 2.5 and 97.5 of its resamples; NAN where it is not defined. */
typedef struct lists_estimate {
  double value, low, high;
} lists_estimate;

/* Of a figure in a resample; `what` is its own. */
typedef double (*lists_fn)(const lists_set *set, size_t resample, const void *what);

lists_estimate lists_judge(const lists_set *set, lists_fn fn, const void *what);

/* NDCG of a curve where `figure` is `level`, straight between neighbours, the best where the curve has several; a
 * re-ranked curve and a slate's begin at the ranked list. NAN: the curve does not reach it. */
double lists_at(const lists_set *set, size_t resample, const char *curve, lists_figure figure, double level);

#endif
