#include "examples/paper/metrics.h"
#include "solid/extend.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PROBABILITY_EPS 1e-15

const uint32_t sol_paper_depths[SOL_PAPER_DEPTHS] = {5, 10, 20};

/* A row as it is sorted: best first, then in the order of the file. */
typedef struct ranked {
  float score;
  int32_t label;
  size_t place;
} ranked;

static int by_rank(const void *a, const void *b) {
  const ranked *x = a, *y = b;
  if (x->score != y->score) return x->score < y->score ? 1 : -1;
  return x->place < y->place ? -1 : x->place > y->place;
}

static void rank_rows(const sol_paper_row *rows, size_t n, ranked *order) {
  for (size_t i = 0; i < n; i++) order[i] = (ranked){rows[i].score, rows[i].label, i};
  qsort(order, n, sizeof *order, by_rank);
}

/* End of the rows that are tied with row i. */
static size_t tie_end(const ranked *order, size_t n, size_t i, size_t *positives) {
  size_t end = i;
  *positives = 0;
  for (; end < n && order[end].score == order[i].score; end++) *positives += order[end].label != 0;
  return end;
}

/* NAN without a positive or without a negative. */
static double auc_of(const ranked *order, size_t n) {
  double above = 0, pairs = 0; /* positives so far; (positive, negative) pairs in order */
  size_t negatives = 0;
  for (size_t i = 0, end, positives; i < n; i = end) {
    end = tie_end(order, n, i, &positives);
    size_t others = end - i - positives;
    pairs += (above + 0.5 * (double)positives) * (double)others;
    above += (double)positives;
    negatives += others;
  }
  return above > 0 && negatives > 0 ? pairs / (above * (double)negatives) : NAN;
}

static double gain(size_t place) {
  return 1.0 / log2((double)place + 2.0);
}

/* Probability that none of `positives` of `tied` rows is among the `room` that come first in a random order. */
static double miss(size_t tied, size_t positives, size_t room) {
  double p = 1;
  for (size_t i = 0; i < room; i++) {
    if (tied - positives <= i) return 0;
    p *= (double)(tied - positives - i) / (double)(tied - i);
  }
  return p;
}

/* One group's DCG / IDCG and hit. 0: it has no positive. */
static int group_figures(const ranked *order, size_t n, size_t depth, sol_paper_ties ties, double *ndcg, double *hit) {
  double dcg = 0, ideal = 0, missed = 1;
  size_t all = 0;
  for (size_t i = 0, end, positives; i < n; i = end) {
    end = tie_end(order, n, i, &positives);
    if (ties == SOL_PAPER_TIES_FILE) end = i + 1, positives = order[i].label != 0;
    size_t room = i >= depth ? 0 : (end < depth ? end : depth) - i;
    for (size_t place = i; place < i + room; place++) dcg += gain(place) * (double)positives / (double)(end - i);
    if (positives > 0 && room > 0) missed *= miss(end - i, positives, room);
    all += positives;
  }
  for (size_t place = 0; place < depth && place < all; place++) ideal += gain(place);
  if (all == 0) return 0;
  *ndcg = dcg / ideal;
  *hit = 1 - missed;
  return 1;
}

static size_t group_end(const sol_paper_row *rows, size_t n, size_t begin) {
  size_t end = begin;
  while (end < n && rows[end].user == rows[begin].user) end++;
  return end;
}

solid_status sol_paper_ndcg_hr(const sol_paper_row *rows, size_t n, uint32_t depth, sol_paper_ties ties, double *ndcg,
                               double *hr) {
  ranked *order = malloc((n + 1) * sizeof *order);
  if (order == NULL) return solid_fail(SOLID_ENOMEM, "%zu scores", n);
  double sums[2] = {0, 0}, counted = 0;
  for (size_t begin = 0, end; begin < n; begin = end) {
    double one = 0, hit = 0;
    end = group_end(rows, n, begin);
    rank_rows(rows + begin, end - begin, order);
    if (!group_figures(order, end - begin, depth, ties, &one, &hit)) continue;
    sums[0] += one, sums[1] += hit, counted++;
  }
  free(order);
  *ndcg = counted > 0 ? sums[0] / counted : 0;
  *hr = counted > 0 ? sums[1] / counted : 0;
  return SOLID_OK;
}

static solid_status check_rows(const sol_paper_row *rows, size_t n, size_t *positives) {
  *positives = 0;
  for (size_t i = 0; i < n; i++) {
    if (!(rows[i].score >= 0 && rows[i].score <= 1))
      return solid_fail(SOLID_ERANGE, "score %zu is %g, not a probability", i, (double)rows[i].score);
    *positives += rows[i].label != 0;
  }
  if (*positives == 0 || *positives == n)
    return solid_fail(SOLID_EINVAL, "%zu candidates with %zu positives cannot be ranked", n, *positives);
  return SOLID_OK;
}

solid_status sol_paper_metrics_of(const sol_paper_row *rows, size_t n, sol_paper_ties ties, sol_paper_metrics *out) {
  size_t positives;
  solid_status status = check_rows(rows, n, &positives);
  if (status != SOLID_OK) return status;
  ranked *order = malloc(n * sizeof *order);
  if (order == NULL) return solid_fail(SOLID_ENOMEM, "%zu scores", n);
  sol_paper_metrics m = {0};
  double counted = 0;
  for (size_t begin = 0, end; begin < n; begin = end, m.users++) {
    end = group_end(rows, n, begin);
    rank_rows(rows + begin, end - begin, order);
    double auc = auc_of(order, end - begin);
    if (!isnan(auc)) m.uauc += auc, counted++;
  }
  m.uauc = counted > 0 ? m.uauc / counted : 0;
  rank_rows(rows, n, order);
  m.auc = auc_of(order, n);
  free(order);
  for (size_t i = 0; i < n; i++) {
    double p = rows[i].label != 0 ? (double)rows[i].score : 1.0 - (double)rows[i].score;
    m.logloss -= log(fmin(fmax(p, PROBABILITY_EPS), 1 - PROBABILITY_EPS)) / (double)n;
  }
  for (int i = 0; i < SOL_PAPER_DEPTHS && status == SOLID_OK; i++)
    status = sol_paper_ndcg_hr(rows, n, sol_paper_depths[i], ties, &m.ndcg[i], &m.hr[i]);
  if (status == SOLID_OK) *out = m;
  return status;
}
