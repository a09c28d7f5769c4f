#include "solid/train/evaluate/evaluate.h"
#include "solid/extend.h"
#include <stdlib.h>
#include <xxhash.h>

/* Leave-one-out has the plainer reason. */
static solid_status fail_empty(const sol_history *history, sol_part part) {
  char text[SOL_SPLIT_TEXT];
  sol_split_describe(history, text);
  if (history->split.kind == SOL_LEAVE_ONE_OUT)
    return solid_fail(SOLID_ENOTFOUND, "none of %u users has %d events, the fewest that leave one out", history->users,
                      SOL_SPLIT_MIN_EVENTS);
  return solid_fail(SOLID_ENOTFOUND, "none of %u users has a %s target: split %s", history->users,
                    part == SOL_PART_TEST ? "test" : "validation", text);
}

solid_status sol_evaluation_open(sol_evaluation *made, const sol_history *history, sol_part part, uint32_t items) {
  uint32_t users = sol_split_users(history, part), n = 0;
  if (!users) return fail_empty(history, part);
  *made = (sol_evaluation){.users = users, .skipped = history->users - users, .items = items};
  made->who = malloc(users * sizeof *made->who);
  made->ranks = malloc(users * sizeof *made->ranks);
  made->shown = malloc((size_t)users * SOL_COVERED_DEPTH * sizeof *made->shown);
  if (!made->who || !made->ranks || !made->shown) {
    sol_evaluation_clear(made);
    return solid_fail(SOLID_ENOMEM, "no memory for the ranks of %u users", users);
  }
  sol_range known;
  for (uint32_t u = 0; u < history->users; u++)
    if (sol_split_question(history, u, part, &known)) made->who[n++] = u;
  for (size_t i = 0; i < (size_t)users * SOL_COVERED_DEPTH; i++) made->shown[i] = SOL_NO_ID;
  return SOLID_OK;
}

void sol_evaluation_clear(sol_evaluation *evaluation) {
  free(evaluation->who);
  free(evaluation->ranks);
  free(evaluation->shown);
  *evaluation = (sol_evaluation){0};
}

uint64_t sol_evaluation_hash(const sol_evaluation *evaluation, const sol_history *history, sol_part part) {
  uint64_t hash = 0;
  for (uint32_t i = 0; i < evaluation->users; i++) {
    sol_range known = {0, 0};
    sol_split_question(history, evaluation->who[i], part, &known);
    solid_bytes user = sol_vocab_id(&history->user_ids, evaluation->who[i]);
    solid_bytes item = sol_vocab_id(&history->item_ids, history->sequence[known.end]);
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
 * shown (SOL_COVERED_DEPTH) gets the first items. */
static uint32_t walk(const sol_history *history, const sol_evaluate_options *options, uint32_t u, const popular *order,
                     uint32_t *seen, uint32_t *shown) {
  sol_range known = {0, 0};
  sol_split_question(history, u, options->part, &known);
  uint32_t target = history->sequence[known.end], rank = 0, found = SOL_RANK_BEYOND;
  for (size_t e = known.begin; e < known.end && !options->keep_history; e++) seen[history->sequence[e]] = u + 1;
  seen[target] = 0;
  for (uint32_t i = 0; i < history->items && rank < SOL_RANK_DEPTH; i++) {
    uint32_t item = order[i].item;
    if (seen[item] == u + 1 || (options->candidates && !options->candidates[item])) continue;
    if (item == target) found = rank;
    if (rank < SOL_COVERED_DEPTH) shown[rank] = item;
    rank++;
  }
  return found;
}

solid_status sol_evaluate_popularity(sol_evaluation *out, const sol_history *history,
                                     const sol_evaluate_options *options) {
  static const sol_evaluate_options defaults = SOL_EVALUATE_OPTIONS_INIT;
  if (!out || !history) return solid_fail(SOLID_EINVAL, "evaluate: NULL argument");
  if (!options) options = &defaults;
  sol_evaluation made = {0};
  solid_status status = sol_evaluation_open(&made, history, options->part, history->items);
  if (status) return status;
  float *count = malloc(history->items * sizeof *count);
  popular *order = malloc(history->items * sizeof *order);
  uint32_t *seen = calloc(history->items, sizeof *seen);
  uint8_t *covered = calloc(history->items, 1);
  if (!count || !order || !seen || !covered) {
    status = solid_fail(SOLID_ENOMEM, "no memory to rank %u items", history->items);
    goto done;
  }
  sol_split_popularity(history, count);
  const float *by = options->popularity ? options->popularity : count;
  for (uint32_t v = 0; v < history->items; v++) order[v] = (popular){by[v], v};
  qsort(order, history->items, sizeof *order, by_count);
  for (uint32_t i = 0; i < made.users; i++)
    made.ranks[i] = walk(history, options, made.who[i], order, seen, made.shown + (size_t)i * SOL_COVERED_DEPTH);
  for (size_t i = 0; i < (size_t)made.users * SOL_COVERED_DEPTH; i++)
    if (made.shown[i] != SOL_NO_ID) covered[made.shown[i]] = 1;
  made.coverage = sol_evaluation_share(covered, history->items);

done:
  free(count);
  free(order);
  free(seen);
  free(covered);
  if (status)
    sol_evaluation_clear(&made);
  else
    *out = made;
  return status;
}
