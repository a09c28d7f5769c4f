#include "solid/train/split.h"
#include "solid/base/number.h"
#include "solid/extend.h"
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static solid_status check(const solid_dataset *dataset, const solid_split_options *options) {
  if (options->kind > SOLID_PER_USER_RATIO) return solid_fail(SOLID_EINVAL, "split %d is not one", (int)options->kind);
  if (options->kind == SOLID_LEAVE_ONE_OUT) return SOLID_OK;
  if (!(options->train > 0 && options->valid > 0 && options->train + options->valid < 1))
    return solid_fail(SOLID_EINVAL,
                      "shares of %g for training and %g for validation: want both above 0, their sum below 1",
                      options->train, options->valid);
  if (options->kind != SOLID_GLOBAL_TIME) return SOLID_OK;
  if (!dataset->has_times) return solid_fail(SOLID_EINVAL, "the global-time split needs times, and the data has none");
  if ((options->valid_from || options->test_from) && options->valid_from >= options->test_from)
    return solid_fail(SOLID_EINVAL,
                      "the boundary of validation, %" PRId64 " ms, is not before that of the test, %" PRId64 " ms",
                      options->valid_from, options->test_from);
  return SOLID_OK;
}

static int by_time(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

/* floor(share * n) below n, where 0.7 * 10 is 7 whatever the doubles say. */
static size_t share_of(double share, size_t n) {
  size_t at = (size_t)(share * (double)n + 1e-9);
  return at < n ? at : n - 1;
}

/* The times of the events that the shares end at: an event of the same time as a boundary is behind it. */
static solid_status find_boundaries(solid_split *split, const solid_dataset *dataset) {
  int64_t *times = malloc((dataset->events + 1) * sizeof *times);
  if (!times) return solid_fail(SOLID_ENOMEM, "no memory for %zu times", dataset->events);
  size_t n = 0;
  for (size_t i = 0; i < dataset->events; i++)
    if (dataset->times[i] != SOLID_NO_TIME) times[n++] = dataset->times[i];
  qsort(times, n, sizeof *times, by_time);
  if (n) {
    split->valid_from = times[share_of(split->train, n)];
    split->test_from = times[share_of(split->train + split->valid, n)];
  }
  free(times);
  if (n && split->valid_from < split->test_from) return SOLID_OK;
  return solid_fail(SOLID_ENOTFOUND, "no event lies between %g and %g of all %zu in time: the validation part is empty",
                    split->train, split->train + split->valid, n);
}

static solid_status bound_by_time(solid_split *split, const solid_dataset *dataset, uint32_t u) {
  size_t begin = dataset->offsets[u], end = dataset->offsets[u + 1], i = begin;
  solid_split_bounds *b = &split->bounds[u];
  *b = (solid_split_bounds){begin, SOLID_NO_EVENT, SOLID_NO_EVENT};
  if (dataset->times[begin] == SOLID_NO_TIME) {
    split->untimed++;
    return SOLID_OK;
  }
  for (size_t e = begin + 1; e < end; e++) {
    if (dataset->times[e] >= dataset->times[e - 1]) continue;
    solid_bytes id = solid_vocab_id(&dataset->user_ids, u);
    return solid_fail(SOLID_EFORMAT, "user \"%.*s\": event %zu is older than the one before it",
                      (int)(id.size < 64 ? id.size : 64), id.data, e - begin + 1);
  }
  while (i < end && dataset->times[i] < split->valid_from) i++;
  b->train_end = i;
  if (i > begin && i < end && dataset->times[i] < split->test_from) b->valid = i;
  while (i < end && dataset->times[i] < split->test_from) i++;
  if (i > begin && i < end) b->test = i;
  return SOLID_OK;
}

static void bound_by_ratio(solid_split *split, const solid_dataset *dataset, uint32_t u) {
  size_t begin = dataset->offsets[u], n = dataset->offsets[u + 1] - begin;
  split->bounds[u] = (solid_split_bounds){begin + n, SOLID_NO_EVENT, SOLID_NO_EVENT};
  if (n < SOLID_SPLIT_MIN_EVENTS) return;
  size_t train = share_of(split->train, n), test = share_of(split->train + split->valid, n);
  train = train < 1 ? 1 : train > n - 2 ? n - 2 : train;
  test = test <= train ? train + 1 : test > n - 1 ? n - 1 : test;
  split->bounds[u] = (solid_split_bounds){begin + train, begin + train, begin + test};
}

static size_t longest_of(const solid_dataset *dataset) {
  size_t longest = 0;
  for (uint32_t u = 0; u < dataset->users; u++) {
    size_t n = dataset->offsets[u + 1] - dataset->offsets[u];
    if (n > longest) longest = n;
  }
  return longest;
}

/* A part that is empty would judge nothing, in silence. */
static solid_status check_parts(const solid_dataset *dataset) {
  size_t events = 0;
  for (uint32_t u = 0; u < dataset->users; u++) {
    solid_range train = solid_split_train(dataset, u);
    events += train.end - train.begin;
  }
  const char *part = !events                                         ? "training event"
                     : !solid_split_users(dataset, SOLID_PART_VALID) ? "validation target"
                     : !solid_split_users(dataset, SOLID_PART_TEST)  ? "test target"
                                                                     : NULL;
  if (!part) return SOLID_OK;
  if (dataset->split.kind == SOLID_SPLIT_GIVEN)
    return solid_fail(SOLID_ENOTFOUND, "none of %u users has a %s", dataset->users, part);
  if (dataset->split.kind != SOLID_GLOBAL_TIME)
    return solid_fail(
        SOLID_ENOTFOUND, "none of %u users has %d events, the fewest that %s: the longest history has %zu",
        dataset->users, SOLID_SPLIT_MIN_EVENTS,
        dataset->split.kind == SOLID_LEAVE_ONE_OUT ? "leave one out (training needs four)" : "a ratio splits",
        longest_of(dataset));
  char text[SOLID_SPLIT_TEXT];
  solid_split_describe(dataset, text);
  return solid_fail(SOLID_ENOTFOUND, "none of %u users has a %s: split %s of %zu events", dataset->users, part, text,
                    dataset->events);
}

solid_split_options solid_split_options_default(void) {
  return (solid_split_options)SOLID_SPLIT_OPTIONS_INIT;
}

solid_status solid_split_apply(solid_dataset *dataset, const solid_split_options *options) {
  static const solid_split_options defaults = SOLID_SPLIT_OPTIONS_INIT;
  if (!dataset) return solid_fail(SOLID_EINVAL, "split: NULL argument");
  if (!options) options = &defaults;
  solid_status status = check(dataset, options);
  if (status) return status;
  solid_split old = dataset->split;
  solid_split split = {.kind = options->kind,
                       .shuffled = old.shuffled,
                       .tie_seed = old.tie_seed,
                       .min_user = old.min_user,
                       .min_item = old.min_item};
  if (split.kind != SOLID_LEAVE_ONE_OUT) {
    split.train = options->train, split.valid = options->valid;
    split.bounds = malloc(((size_t)dataset->users + 1) * sizeof *split.bounds);
    if (!split.bounds) return solid_fail(SOLID_ENOMEM, "no memory to split %u users", dataset->users);
  }
  if (split.kind == SOLID_GLOBAL_TIME) {
    split.valid_from = options->valid_from, split.test_from = options->test_from;
    if (split.valid_from || split.test_from)
      split.train = split.valid = 0;
    else
      status = find_boundaries(&split, dataset);
  }
  for (uint32_t u = 0; u < dataset->users && split.bounds && !status; u++) {
    if (split.kind == SOLID_GLOBAL_TIME)
      status = bound_by_time(&split, dataset, u);
    else
      bound_by_ratio(&split, dataset, u);
  }
  dataset->split = split;
  if (!status) status = check_parts(dataset);
  if (status) dataset->split = old;
  free(status ? split.bounds : old.bounds);
  return status;
}

static int is_in_order(const solid_split_bounds *b, size_t begin, size_t end) {
  size_t test = b->test == SOLID_NO_EVENT ? end : b->test, valid = b->valid == SOLID_NO_EVENT ? test : b->valid;
  int has_target = b->valid != SOLID_NO_EVENT || b->test != SOLID_NO_EVENT;
  if (b->train_end < begin || b->train_end > valid || valid > test || test > end) return 0;
  return (b->test == SOLID_NO_EVENT || (test < end && (b->valid == SOLID_NO_EVENT || valid < test))) &&
         (b->valid == SOLID_NO_EVENT || valid < end) && (!has_target || valid > begin);
}

solid_status solid_split_give(solid_dataset *dataset, const solid_split_bounds *bounds) {
  if (!dataset || !bounds) return solid_fail(SOLID_EINVAL, "split: NULL argument");
  for (uint32_t u = 0; u < dataset->users; u++)
    if (!is_in_order(&bounds[u], dataset->offsets[u], dataset->offsets[u + 1]))
      return solid_fail(SOLID_EINVAL, "split: the bounds of user %u are not those of his events", u);
  solid_split old = dataset->split;
  solid_split split = {.kind = SOLID_SPLIT_GIVEN,
                       .bounds = malloc(((size_t)dataset->users + 1) * sizeof *split.bounds)};
  if (!split.bounds) return solid_fail(SOLID_ENOMEM, "no memory to split %u users", dataset->users);
  memcpy(split.bounds, bounds, dataset->users * sizeof *bounds);
  dataset->split = split;
  solid_status status = check_parts(dataset);
  if (status) dataset->split = old;
  free(status ? split.bounds : old.bounds);
  return status;
}

void solid_split_describe(const solid_dataset *dataset, char text[SOLID_SPLIT_TEXT]) {
  const solid_split *s = &dataset->split;
  int n = 0;
  if (s->kind == SOLID_LEAVE_ONE_OUT) n = snprintf(text, SOLID_SPLIT_TEXT, "leave-one-out");
  if (s->kind == SOLID_GLOBAL_TIME)
    n = snprintf(text, SOLID_SPLIT_TEXT, "global-time %" PRId64 " %" PRId64, s->valid_from, s->test_from);
  if (s->kind == SOLID_PER_USER_RATIO) {
    char train[SOL_NUMBER_TEXT], valid[SOL_NUMBER_TEXT];
    sol_number_text(s->train, train, sizeof train);
    sol_number_text(s->valid, valid, sizeof valid);
    n = snprintf(text, SOLID_SPLIT_TEXT, "per-user-ratio %s %s", train, valid);
  }
  if (s->kind == SOLID_SPLIT_GIVEN)
    n = snprintf(text, SOLID_SPLIT_TEXT, "given, %u validation and %u test targets",
                 solid_split_users(dataset, SOLID_PART_VALID), solid_split_users(dataset, SOLID_PART_TEST));
  if (s->shuffled) n += snprintf(text + n, (size_t)(SOLID_SPLIT_TEXT - n), ", ties shuffled by %" PRIu64, s->tie_seed);
  if (s->min_user || s->min_item)
    snprintf(text + n, (size_t)(SOLID_SPLIT_TEXT - n), ", at least %u events a user, %u an item", s->min_user,
             s->min_item);
}

solid_split_bounds solid_split_of(const solid_dataset *dataset, uint32_t u) {
  assert(u < dataset->users);
  if (dataset->split.bounds) return dataset->split.bounds[u];
  size_t end = dataset->offsets[u + 1];
  if (end - dataset->offsets[u] < SOLID_SPLIT_MIN_EVENTS)
    return (solid_split_bounds){end, SOLID_NO_EVENT, SOLID_NO_EVENT};
  return (solid_split_bounds){end - 2, end - 2, end - 1};
}

solid_range solid_split_train(const solid_dataset *dataset, uint32_t u) {
  return (solid_range){dataset->offsets[u], solid_split_of(dataset, u).train_end};
}

int solid_split_question(const solid_dataset *dataset, uint32_t u, solid_part part, solid_range *known) {
  solid_split_bounds bounds = solid_split_of(dataset, u);
  size_t target = part == SOLID_PART_TEST ? bounds.test : bounds.valid;
  if (target == SOLID_NO_EVENT) return 0;
  *known = (solid_range){dataset->offsets[u], target};
  return 1;
}

uint32_t solid_split_users(const solid_dataset *dataset, solid_part part) {
  uint32_t n = 0;
  solid_range known;
  for (uint32_t u = 0; u < dataset->users; u++) n += (uint32_t)solid_split_question(dataset, u, part, &known);
  return n;
}

void solid_split_popularity(const solid_dataset *dataset, float *count) {
  for (uint32_t v = 0; v < dataset->items; v++) count[v] = 0;
  for (uint32_t u = 0; u < dataset->users; u++) {
    solid_range train = solid_split_train(dataset, u);
    for (size_t i = train.begin; i < train.end; i++) count[dataset->sequence[i]] += 1;
  }
}
