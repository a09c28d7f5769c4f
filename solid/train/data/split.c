#include "solid/train/data/split.h"
#include "solid/extend.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static solid_status check(const sol_history *history, const sol_split_options *options) {
  if (options->kind > SOL_PER_USER_RATIO) return solid_fail(SOLID_EINVAL, "split %d is not one", (int)options->kind);
  if (options->kind == SOL_LEAVE_ONE_OUT) return SOLID_OK;
  if (!(options->train > 0 && options->valid > 0 && options->train + options->valid < 1))
    return solid_fail(SOLID_EINVAL,
                      "shares of %g for training and %g for validation: want both above 0, their sum below 1",
                      options->train, options->valid);
  if (options->kind != SOL_GLOBAL_TIME) return SOLID_OK;
  if (!history->has_times) return solid_fail(SOLID_EINVAL, "the global-time split needs times, and the data has none");
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
static solid_status find_boundaries(sol_split *split, const sol_history *history) {
  int64_t *times = malloc((history->events + 1) * sizeof *times);
  if (!times) return solid_fail(SOLID_ENOMEM, "no memory for %zu times", history->events);
  size_t n = 0;
  for (size_t i = 0; i < history->events; i++)
    if (history->times[i] != SOL_NO_TIME) times[n++] = history->times[i];
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

static solid_status bound_by_time(sol_split *split, const sol_history *history, uint32_t u) {
  size_t begin = history->offsets[u], end = history->offsets[u + 1], i = begin;
  sol_split_bounds *b = &split->bounds[u];
  *b = (sol_split_bounds){begin, SOL_NO_EVENT, SOL_NO_EVENT};
  if (history->times[begin] == SOL_NO_TIME) {
    split->untimed++;
    return SOLID_OK;
  }
  for (size_t e = begin + 1; e < end; e++) {
    if (history->times[e] >= history->times[e - 1]) continue;
    solid_bytes id = sol_vocab_id(&history->user_ids, u);
    return solid_fail(SOLID_EFORMAT, "user \"%.*s\": event %zu is older than the one before it",
                      (int)(id.size < 64 ? id.size : 64), id.data, e - begin + 1);
  }
  while (i < end && history->times[i] < split->valid_from) i++;
  b->train_end = i;
  if (i > begin && i < end && history->times[i] < split->test_from) b->valid = i;
  while (i < end && history->times[i] < split->test_from) i++;
  if (i > begin && i < end) b->test = i;
  return SOLID_OK;
}

static void bound_by_ratio(sol_split *split, const sol_history *history, uint32_t u) {
  size_t begin = history->offsets[u], n = history->offsets[u + 1] - begin;
  split->bounds[u] = (sol_split_bounds){begin + n, SOL_NO_EVENT, SOL_NO_EVENT};
  if (n < SOL_SPLIT_MIN_EVENTS) return;
  size_t train = share_of(split->train, n), test = share_of(split->train + split->valid, n);
  train = train < 1 ? 1 : train > n - 2 ? n - 2 : train;
  test = test <= train ? train + 1 : test > n - 1 ? n - 1 : test;
  split->bounds[u] = (sol_split_bounds){begin + train, begin + train, begin + test};
}

/* A part that is empty would judge nothing, in silence. */
static solid_status check_parts(const sol_history *history) {
  size_t events = 0;
  for (uint32_t u = 0; u < history->users; u++) {
    sol_range train = sol_split_train(history, u);
    events += train.end - train.begin;
  }
  const char *part = !events                                     ? "training event"
                     : !sol_split_users(history, SOL_PART_VALID) ? "validation target"
                     : !sol_split_users(history, SOL_PART_TEST)  ? "test target"
                                                                 : NULL;
  if (!part) return SOLID_OK;
  if (history->split.kind != SOL_GLOBAL_TIME)
    return solid_fail(SOLID_ENOTFOUND, "none of %u users has %d events, the fewest that %s", history->users,
                      SOL_SPLIT_MIN_EVENTS,
                      history->split.kind == SOL_LEAVE_ONE_OUT ? "leave one out" : "a ratio splits");
  char text[SOL_SPLIT_TEXT];
  sol_split_describe(history, text);
  return solid_fail(SOLID_ENOTFOUND, "none of %u users has a %s: split %s of %zu events", history->users, part, text,
                    history->events);
}

solid_status sol_split_apply(sol_history *history, const sol_split_options *options) {
  static const sol_split_options defaults = SOL_SPLIT_OPTIONS_INIT;
  if (!history) return solid_fail(SOLID_EINVAL, "split: NULL argument");
  if (!options) options = &defaults;
  solid_status status = check(history, options);
  if (status) return status;
  sol_split old = history->split;
  sol_split split = {.kind = options->kind, .shuffled = old.shuffled, .tie_seed = old.tie_seed};
  if (split.kind != SOL_LEAVE_ONE_OUT) {
    split.train = options->train, split.valid = options->valid;
    split.bounds = malloc(((size_t)history->users + 1) * sizeof *split.bounds);
    if (!split.bounds) return solid_fail(SOLID_ENOMEM, "no memory to split %u users", history->users);
  }
  if (split.kind == SOL_GLOBAL_TIME) {
    split.valid_from = options->valid_from, split.test_from = options->test_from;
    if (split.valid_from || split.test_from)
      split.train = split.valid = 0;
    else
      status = find_boundaries(&split, history);
  }
  for (uint32_t u = 0; u < history->users && split.bounds && !status; u++) {
    if (split.kind == SOL_GLOBAL_TIME)
      status = bound_by_time(&split, history, u);
    else
      bound_by_ratio(&split, history, u);
  }
  history->split = split;
  if (!status) status = check_parts(history);
  if (status) history->split = old;
  free(status ? split.bounds : old.bounds);
  return status;
}

void sol_split_describe(const sol_history *history, char text[SOL_SPLIT_TEXT]) {
  const sol_split *s = &history->split;
  int n = 0;
  if (s->kind == SOL_LEAVE_ONE_OUT) n = snprintf(text, SOL_SPLIT_TEXT, "leave-one-out");
  if (s->kind == SOL_GLOBAL_TIME)
    n = snprintf(text, SOL_SPLIT_TEXT, "global-time %" PRId64 " %" PRId64, s->valid_from, s->test_from);
  if (s->kind == SOL_PER_USER_RATIO) n = snprintf(text, SOL_SPLIT_TEXT, "per-user-ratio %g %g", s->train, s->valid);
  if (s->shuffled) snprintf(text + n, (size_t)(SOL_SPLIT_TEXT - n), ", ties shuffled by %" PRIu64, s->tie_seed);
}
