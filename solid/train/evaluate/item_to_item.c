/* Item-to-item by what was taken together: the plain answer that a model must beat. */
#include "solid/extend.h"
#include "solid/train/evaluate/ranking.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct solid_item_to_item {
  const solid_dataset *dataset;
  sol_ranked *popular; /* (V) best first: what follows where no score is */
  size_t *begin;       /* (V + 1) into `near`: an item's neighbours, the most similar first */
  sol_ranked *near;
  size_t room; /* of near */
};

/* Who took each item in training: each user once. */
typedef struct takers {
  size_t *begin; /* (V + 1) */
  uint32_t *user;
} takers;

static void takers_clear(takers *t) {
  free(t->begin);
  free(t->user);
}

/* Counts (fill 0) or writes (fill 1) each user once an item; last (V) = the last user, plus one, of an item. */
static void pass(const solid_dataset *d, takers *t, size_t *at, uint32_t *last, int fill) {
  memset(last, 0, d->items * sizeof *last);
  for (uint32_t u = 0; u < d->users; u++) {
    solid_range train = solid_split_train(d, u);
    for (size_t e = train.begin; e < train.end; e++) {
      uint32_t item = d->sequence[e];
      if (last[item] == u + 1) continue;
      last[item] = u + 1;
      if (fill)
        t->user[at[item]++] = u;
      else
        t->begin[item + 1]++;
    }
  }
}

static solid_status takers_make(takers *t, const solid_dataset *d) {
  uint32_t *last = malloc(((size_t)d->items + 1) * sizeof *last);
  size_t *at = malloc(((size_t)d->items + 1) * sizeof *at);
  t->begin = calloc((size_t)d->items + 1, sizeof *t->begin);
  t->user = malloc((d->events + 1) * sizeof *t->user);
  int has_room = last && at && t->begin && t->user;
  if (has_room) {
    pass(d, t, at, last, 0);
    for (uint32_t v = 0; v < d->items; v++) t->begin[v + 1] += t->begin[v];
    memcpy(at, t->begin, ((size_t)d->items + 1) * sizeof *at);
    pass(d, t, at, last, 1);
  }
  free(last);
  free(at);
  return has_room ? SOLID_OK : solid_fail(SOLID_ENOMEM, "no memory for the users of %u items", d->items);
}

static double takers_count(const takers *t, uint32_t item) {
  return (double)(t->begin[item + 1] - t->begin[item]);
}

/* How often each item was taken together with `item`: counts in both (V), the items met in list; returns how many. */
static size_t count_together(const solid_dataset *d, const takers *t, uint32_t item, uint32_t *both, uint32_t *last,
                             uint32_t *list) {
  size_t n = 0;
  for (size_t i = t->begin[item]; i < t->begin[item + 1]; i++) {
    solid_range train = solid_split_train(d, t->user[i]);
    for (size_t e = train.begin; e < train.end; e++) {
      uint32_t other = d->sequence[e];
      if (last[other] == t->user[i] + 1) continue; /* this user again */
      last[other] = t->user[i] + 1;
      if (!both[other]++) list[n++] = other;
    }
  }
  for (size_t i = 0; i < n; i++) last[list[i]] = 0;
  return n;
}

static solid_status add_near(solid_item_to_item *m, const sol_ranked *found, size_t n, uint32_t item) {
  size_t at = m->begin[item];
  if (at + n > m->room) {
    size_t room = 2 * (at + n) + 1024;
    sol_ranked *near = realloc(m->near, room * sizeof *near);
    if (!near) return solid_fail(SOLID_ENOMEM, "no memory for the neighbours of %u items", m->dataset->items);
    m->near = near;
    m->room = room;
  }
  if (n) memcpy(m->near + at, found, n * sizeof *found);
  m->begin[item + 1] = at + n;
  return SOLID_OK;
}

/* Into the best ones so far, in their order. Returns how many there are. */
static size_t keep_best(sol_ranked *best, size_t n, sol_ranked one) {
  if (n == SOLID_NEIGHBOURS_MAX && sol_ranked_compare(&best[n - 1], &one) < 0) return n;
  size_t at = n < SOLID_NEIGHBOURS_MAX ? n++ : n - 1;
  for (; at && sol_ranked_compare(&one, &best[at - 1]) < 0; at--) best[at] = best[at - 1];
  best[at] = one;
  return n;
}

static solid_status find_near(solid_item_to_item *m, const takers *t) {
  const solid_dataset *d = m->dataset;
  uint32_t *both = calloc((size_t)d->items + 1, sizeof *both), *last = calloc((size_t)d->items + 1, sizeof *last);
  uint32_t *list = malloc(((size_t)d->items + 1) * sizeof *list);
  uint64_t *tie = malloc(((size_t)d->items + 1) * sizeof *tie);
  sol_ranked found[SOLID_NEIGHBOURS_MAX];
  solid_status status =
      both && last && list && tie ? SOLID_OK : solid_fail(SOLID_ENOMEM, "no memory to compare %u items", d->items);
  for (uint32_t v = 0; v < d->items && !status; v++) tie[v] = sol_tie_of(solid_vocab_id(&d->item_ids, v));
  for (uint32_t v = 0; v < d->items && !status; v++) {
    size_t n = count_together(d, t, v, both, last, list), kept = 0;
    for (size_t i = 0; i < n; i++) {
      uint32_t other = list[i];
      double cosine = both[other] / sqrt(takers_count(t, v) * takers_count(t, other));
      if (other != v) kept = keep_best(found, kept, (sol_ranked){(float)cosine, other, tie[other]});
      both[other] = 0;
    }
    status = add_near(m, found, kept, v);
  }
  free(both), free(last), free(list), free(tie);
  return status;
}

solid_status solid_item_to_item_new(solid_item_to_item **out, const solid_dataset *dataset) {
  if (!out || !dataset) return solid_fail(SOLID_EINVAL, "item to item: NULL argument");
  solid_item_to_item *m = calloc(1, sizeof *m);
  takers t = {0};
  float *count = malloc(((size_t)dataset->items + 1) * sizeof *count);
  if (m) m->dataset = dataset, m->begin = calloc((size_t)dataset->items + 1, sizeof *m->begin);
  if (count) solid_split_popularity(dataset, count);
  if (m && count) m->popular = sol_ranked_all(dataset, count);
  solid_status status = m && m->begin && m->popular
                            ? takers_make(&t, dataset)
                            : solid_fail(SOLID_ENOMEM, "no memory for %u items", dataset->items);
  if (!status) status = find_near(m, &t);
  takers_clear(&t);
  free(count);
  if (status)
    solid_item_to_item_free(m);
  else
    *out = m;
  return status;
}

void solid_item_to_item_free(solid_item_to_item *m) {
  if (!m) return;
  free(m->popular);
  free(m->begin);
  free(m->near);
  free(m);
}

/* What one user's scores need. */
typedef struct scores {
  float *sum;         /* (V) zero but for the items in the list */
  sol_ranked *list;   /* (V) */
  uint32_t *is_there; /* (V) number of the last user, plus one, in whose list the item is */
  size_t n;
} scores;

static void add_scores(const solid_item_to_item *m, scores *s, solid_range known, uint32_t user, uint32_t neighbours) {
  s->n = 0;
  for (size_t e = known.begin; e < known.end; e++) {
    uint32_t item = m->dataset->sequence[e];
    size_t begin = m->begin[item], end = m->begin[item + 1];
    for (size_t i = begin; i < end && i < begin + neighbours; i++) {
      const sol_ranked *near = &m->near[i];
      if (s->is_there[near->item] != user + 1) {
        s->is_there[near->item] = user + 1;
        s->sum[near->item] = 0;
        s->list[s->n++] = *near;
      }
      s->sum[near->item] += near->score;
    }
  }
  for (size_t i = 0; i < s->n; i++) s->list[i].score = s->sum[s->list[i].item];
  qsort(s->list, s->n, sizeof *s->list, sol_ranked_compare);
}

static uint32_t rank_user(const solid_item_to_item *m, scores *s, sol_walk *w, uint32_t neighbours) {
  solid_range known = {0, 0};
  solid_split_question(m->dataset, w->user, w->options->part, &known);
  add_scores(m, s, known, w->user, neighbours);
  int more = 1;
  for (size_t i = 0; i < s->n && more; i++) more = sol_walk_next(w, s->list[i].item);
  for (uint32_t v = 0; v < m->dataset->items && more; v++)
    if (s->is_there[m->popular[v].item] != w->user + 1) more = sol_walk_next(w, m->popular[v].item);
  return w->found;
}

solid_status solid_item_to_item_evaluate(solid_evaluation *out, const solid_item_to_item *m, uint32_t neighbours,
                                         const solid_evaluate_options *options) {
  static const solid_evaluate_options defaults = SOLID_EVALUATE_OPTIONS_INIT;
  if (!out || !m) return solid_fail(SOLID_EINVAL, "item to item: NULL argument");
  if (neighbours < 1 || neighbours > SOLID_NEIGHBOURS_MAX)
    return solid_fail(SOLID_ERANGE, "%u neighbours, want 1 to %d", neighbours, SOLID_NEIGHBOURS_MAX);
  if (!options) options = &defaults;
  const solid_dataset *d = m->dataset;
  solid_evaluation made = {0};
  solid_status status = sol_evaluation_open(&made, d, options->part, d->items);
  if (status) return status;
  size_t room = (size_t)d->items + 1;
  scores s = {malloc(room * sizeof *s.sum), malloc(room * sizeof *s.list), calloc(room, sizeof *s.is_there), 0};
  uint32_t *seen = calloc(room, sizeof *seen);
  uint8_t *covered = calloc(room, 1);
  if (!s.sum || !s.list || !s.is_there || !seen || !covered)
    status = solid_fail(SOLID_ENOMEM, "no memory to rank %u items", d->items);
  for (uint32_t i = 0; i < made.users && !status; i++) {
    uint32_t *shown = made.shown + (size_t)i * SOLID_COVERED_DEPTH;
    sol_walk w = sol_walk_begin(d, options, made.who[i], seen, shown);
    made.ranks[i] = rank_user(m, &s, &w, neighbours);
    for (int k = 0; k < SOLID_COVERED_DEPTH; k++)
      if (shown[k] != SOLID_NO_ID) covered[shown[k]] = 1;
  }
  if (!status) made.coverage = sol_evaluation_share(covered, d->items);
  free(s.sum), free(s.list), free(s.is_there), free(seen), free(covered);
  if (status)
    solid_evaluation_clear(&made);
  else
    *out = made;
  return status;
}

solid_status solid_item_to_item_choose(const solid_item_to_item *taken_together, const solid_evaluate_options *options,
                                       uint32_t *neighbours) {
  static const uint32_t tried[] = {5, 10, 20, 50, 100, 200};
  static const solid_evaluate_options defaults = SOLID_EVALUATE_OPTIONS_INIT;
  solid_evaluate_options valid = options ? *options : defaults;
  solid_status status = SOLID_OK;
  double best = -1;
  valid.part = SOLID_PART_VALID;
  for (size_t i = 0; i < sizeof tried / sizeof *tried && !status; i++) {
    solid_evaluation made = {0};
    solid_metrics metrics;
    status = solid_item_to_item_evaluate(&made, taken_together, tried[i], &valid);
    if (status) break;
    solid_metrics_of(made.ranks, made.users, &metrics);
    solid_evaluation_clear(&made);
    if (metrics.value[SOLID_NDCG_10] <= best) continue;
    best = metrics.value[SOLID_NDCG_10];
    *neighbours = tried[i];
  }
  return status;
}
