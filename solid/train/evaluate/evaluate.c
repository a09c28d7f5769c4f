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

typedef struct popular {
  float count;
  uint32_t item;
} popular;

static int by_count(const void *a, const void *b) {
  const popular *x = a, *y = b;
  if (x->count != y->count) return x->count > y->count ? -1 : 1;
  return (x->item > y->item) - (x->item < y->item);
}

/* Walks down the list past what the user knows; seen[v] = the last user, plus one, that knows v;
 * shown (SOLID_COVERED_DEPTH) gets the first items. */
static uint32_t walk(const solid_dataset *dataset, const solid_evaluate_options *options, uint32_t u,
                     const popular *order, uint32_t *seen, uint32_t *shown) {
  solid_range known = {0, 0};
  solid_split_question(dataset, u, options->part, &known);
  uint32_t target = dataset->sequence[known.end], rank = 0, found = SOLID_RANK_BEYOND;
  for (size_t e = known.begin; e < known.end && !options->keep_history; e++) seen[dataset->sequence[e]] = u + 1;
  seen[target] = 0;
  for (uint32_t i = 0; i < dataset->items && rank < SOLID_RANK_DEPTH; i++) {
    uint32_t item = order[i].item;
    if (seen[item] == u + 1 || (options->candidates && !options->candidates[item])) continue;
    if (item == target) found = rank;
    if (rank < SOLID_COVERED_DEPTH) shown[rank] = item;
    rank++;
  }
  return found;
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
  popular *order = malloc(dataset->items * sizeof *order);
  uint32_t *seen = calloc(dataset->items, sizeof *seen);
  uint8_t *covered = calloc(dataset->items, 1);
  if (!count || !order || !seen || !covered) {
    status = solid_fail(SOLID_ENOMEM, "no memory to rank %u items", dataset->items);
    goto done;
  }
  solid_split_popularity(dataset, count);
  const float *by = options->popularity ? options->popularity : count;
  for (uint32_t v = 0; v < dataset->items; v++) order[v] = (popular){by[v], v};
  qsort(order, dataset->items, sizeof *order, by_count);
  for (uint32_t i = 0; i < made.users; i++)
    made.ranks[i] = walk(dataset, options, made.who[i], order, seen, made.shown + (size_t)i * SOLID_COVERED_DEPTH);
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
