#include "solid/train/evaluate.h"
#include "solid/extend.h"
#include "solid/train/evaluate/ranking.h"
#include <stdlib.h>
#include <xxhash.h>

/* Leave-one-out has a simpler reason. */
static solid_status fail_empty(const solid_dataset *dataset, solid_part part) {
  char text[SOLID_SPLIT_TEXT];
  solid_split_describe(dataset, text);
  if (dataset->split.kind == SOLID_LEAVE_ONE_OUT)
    return solid_fail(SOLID_ENOTFOUND, "none of %u users has %d events, the fewest that leave one out", dataset->users,
                      SOLID_SPLIT_MIN_EVENTS);
  return solid_fail(SOLID_ENOTFOUND, "none of %u users has a %s target: split %s", dataset->users,
                    part == SOLID_PART_TEST ? "test" : "validation", text);
}

solid_status sol_evaluation_open(solid_evaluation *made, const solid_dataset *dataset, solid_part part,
                                 uint32_t items) {
  uint32_t users = solid_split_users(dataset, part), n = 0;
  if (!users) return fail_empty(dataset, part);
  *made = (solid_evaluation){.users = users, .skipped = dataset->users - users, .items = items};
  made->who = malloc(users * sizeof *made->who);
  made->ranks = malloc(users * sizeof *made->ranks);
  made->shown = malloc((size_t)users * SOLID_COVERED_DEPTH * sizeof *made->shown);
  if (!made->who || !made->ranks || !made->shown) {
    solid_evaluation_clear(made);
    return solid_fail(SOLID_ENOMEM, "no memory for the ranks of %u users", users);
  }
  solid_range known;
  for (uint32_t u = 0; u < dataset->users; u++)
    if (solid_split_question(dataset, u, part, &known)) made->who[n++] = u;
  for (size_t i = 0; i < (size_t)users * SOLID_COVERED_DEPTH; i++) made->shown[i] = SOLID_NO_ID;
  return SOLID_OK;
}

void solid_evaluation_clear(solid_evaluation *evaluation) {
  free(evaluation->who);
  free(evaluation->ranks);
  free(evaluation->shown);
  *evaluation = (solid_evaluation){0};
}

uint64_t solid_evaluation_hash(const solid_evaluation *evaluation, const solid_dataset *dataset, solid_part part) {
  uint64_t hash = 0;
  for (uint32_t i = 0; i < evaluation->users; i++) {
    solid_range known = {0, 0};
    solid_split_question(dataset, evaluation->who[i], part, &known);
    solid_bytes user = solid_vocab_id(&dataset->user_ids, evaluation->who[i]);
    solid_bytes item = solid_vocab_id(&dataset->item_ids, dataset->sequence[known.end]);
    uint64_t length = known.end - known.begin;
    hash = XXH3_64bits_withSeed(user.data, user.size, hash);
    hash = XXH3_64bits_withSeed(item.data, item.size, hash);
    hash = XXH3_64bits_withSeed(&length, sizeof length, hash);
  }
  return hash;
}

double sol_evaluation_share(const uint8_t *covered, uint32_t items) {
  size_t n = 0;
  for (uint32_t v = 0; v < items; v++) n += covered[v];
  return (double)n / items;
}

uint32_t sol_evaluation_depth(const solid_evaluate_options *options) {
  return options->depth > SOLID_RANK_DEPTH ? options->depth : SOLID_RANK_DEPTH;
}

uint64_t sol_tie_of(solid_bytes id) {
  return XXH3_64bits_withSeed(id.data, id.size, 0x7469657300000000u); /* another order than that of stored items */
}

int sol_ranked_compare(const void *a, const void *b) {
  const sol_ranked *x = a, *y = b;
  if (x->score != y->score) return x->score > y->score ? -1 : 1;
  if (x->tie != y->tie) return x->tie < y->tie ? -1 : 1;
  return (x->item > y->item) - (x->item < y->item);
}

sol_ranked *sol_ranked_all(const solid_dataset *dataset, const float *score) {
  sol_ranked *order = malloc(((size_t)dataset->items + 1) * sizeof *order);
  for (uint32_t v = 0; v < dataset->items && order; v++)
    order[v] = (sol_ranked){score[v], v, sol_tie_of(solid_vocab_id(&dataset->item_ids, v))};
  if (order) qsort(order, dataset->items, sizeof *order, sol_ranked_compare);
  return order;
}

sol_walk sol_walk_begin(const solid_dataset *dataset, const solid_evaluate_options *options, uint32_t user,
                        uint32_t *seen, uint32_t *shown) {
  solid_range known = {0, 0};
  solid_split_question(dataset, user, options->part, &known);
  uint32_t target = dataset->sequence[known.end];
  for (size_t e = known.begin; e < known.end && !options->keep_history; e++) seen[dataset->sequence[e]] = user + 1;
  seen[target] = 0;
  return (sol_walk){options, seen, user, target, sol_evaluation_depth(options), 0, SOLID_RANK_BEYOND, shown};
}

int sol_walk_next(sol_walk *w, uint32_t item) {
  if (w->seen[item] == w->user + 1 || (w->options->candidates && !w->options->candidates[item])) return 1;
  if (item == w->target) w->found = w->rank;
  if (w->rank < SOLID_COVERED_DEPTH) w->shown[w->rank] = item;
  return ++w->rank < w->depth;
}

solid_status solid_evaluate_popularity(solid_evaluation *out, const solid_dataset *dataset,
                                       const solid_evaluate_options *options) {
  static const solid_evaluate_options defaults = SOLID_EVALUATE_OPTIONS_INIT;
  if (!out || !dataset) return solid_fail(SOLID_EINVAL, "evaluate: NULL argument");
  if (!options) options = &defaults;
  solid_evaluation made = {0};
  solid_status status = sol_evaluation_open(&made, dataset, options->part, dataset->items);
  if (status) return status;
  float *count = malloc(dataset->items * sizeof *count);
  sol_ranked *order = NULL;
  uint32_t *seen = calloc(dataset->items, sizeof *seen);
  uint8_t *covered = calloc(dataset->items, 1);
  if (count) solid_split_popularity(dataset, count);
  if (count) order = sol_ranked_all(dataset, options->popularity ? options->popularity : count);
  if (!count || !order || !seen || !covered) {
    status = solid_fail(SOLID_ENOMEM, "no memory to rank %u items", dataset->items);
    goto done;
  }
  for (uint32_t i = 0; i < made.users; i++) {
    sol_walk w = sol_walk_begin(dataset, options, made.who[i], seen, made.shown + (size_t)i * SOLID_COVERED_DEPTH);
    for (uint32_t v = 0; v < dataset->items && sol_walk_next(&w, order[v].item); v++) continue;
    made.ranks[i] = w.found;
  }
  for (size_t i = 0; i < (size_t)made.users * SOLID_COVERED_DEPTH; i++)
    if (made.shown[i] != SOLID_NO_ID) covered[made.shown[i]] = 1;
  made.coverage = sol_evaluation_share(covered, dataset->items);

done:
  free(count);
  free(order);
  free(seen);
  free(covered);
  if (status)
    solid_evaluation_clear(&made);
  else
    *out = made;
  return status;
}
