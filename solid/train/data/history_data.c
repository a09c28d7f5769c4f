/* What is done to a history once it is made. */
#include "solid/base/random.h"
#include "solid/extend.h"
#include "solid/train/data/history.h"
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

void sol_history_clear(sol_history *history) {
  free(history->offsets);
  free(history->sequence);
  free(history->times);
  sol_vocab_clear(&history->user_ids);
  sol_vocab_clear(&history->item_ids);
  sol_vocab_clear(&history->attributes);
  free(history->attribute_offsets);
  free(history->attribute_ids);
  free(history->vectors);
  free(history->split.bounds);
  *history = (sol_history){0};
}

static uint64_t hash_bytes(const void *data, size_t size, uint64_t seed) {
  return XXH3_64bits_withSeed(data, size, seed);
}

uint64_t sol_history_hash(const sol_history *history) {
  uint64_t hash = 0;
  const sol_vocab *vocabs[] = {&history->user_ids, &history->item_ids};
  for (int i = 0; i < 2; i++) {
    hash = hash_bytes(vocabs[i]->offsets, ((size_t)vocabs[i]->count + 1) * sizeof(uint32_t), hash);
    hash = hash_bytes(vocabs[i]->bytes, vocabs[i]->offsets[vocabs[i]->count], hash);
  }
  for (uint32_t u = 0; u < history->users; u++)
    hash = hash_bytes(history->sequence + history->offsets[u],
                      (history->offsets[u + 1] - history->offsets[u]) * sizeof(uint32_t), hash);
  return hash;
}

solid_status sol_history_set_times(sol_history *history, uint32_t u, const int64_t *times_ms, size_t n) {
  if (!history || !times_ms || u >= history->users) return solid_fail(SOLID_EINVAL, "times: bad argument");
  size_t begin = history->offsets[u], events = history->offsets[u + 1] - begin;
  solid_bytes id = sol_vocab_id(&history->user_ids, u);
  if (n != events)
    return solid_fail(SOLID_EMISMATCH, "user \"%.*s\" has %zu times and %zu events", (int)(id.size < 64 ? id.size : 64),
                      id.data, n, events);
  for (size_t i = 1; i < n; i++)
    if (times_ms[i] < times_ms[i - 1])
      return solid_fail(SOLID_EFORMAT, "user \"%.*s\": time %zu is before time %zu", (int)(id.size < 64 ? id.size : 64),
                        id.data, i + 1, i);
  for (size_t i = 0; i < history->events && !history->has_times; i++) history->times[i] = SOL_NO_TIME;
  history->has_times = 1;
  memcpy(history->times + begin, times_ms, n * sizeof *times_ms);
  return SOLID_OK;
}

/* One past the last event of the run of equal times that begins at i. */
static size_t run_end(const sol_history *history, size_t i, size_t end) {
  size_t stop = i + 1;
  while (stop < end && history->times[stop] == history->times[i]) stop++;
  return stop;
}

solid_status sol_history_shuffle_ties(sol_history *history, uint64_t seed) {
  if (!history) return solid_fail(SOLID_EINVAL, "shuffle: NULL argument");
  if (!history->has_times) return solid_fail(SOLID_EINVAL, "ties cannot be shuffled: the data has no times");
  for (uint32_t u = 0; u < history->users; u++) {
    sol_random random = sol_random_start(seed ^ (uint64_t)u << 32, 7);
    size_t end = history->offsets[u + 1];
    for (size_t i = history->offsets[u], stop; i < end; i = stop) {
      stop = run_end(history, i, end);
      if (history->times[i] == SOL_NO_TIME) continue;
      for (size_t n = stop - i; n > 1; n--) { /* Fisher-Yates */
        size_t j = i + sol_random_below(&random, n), last = i + n - 1;
        uint32_t kept = history->sequence[last];
        history->sequence[last] = history->sequence[j];
        history->sequence[j] = kept;
      }
    }
  }
  free(history->split.bounds);
  history->split = (sol_split){.shuffled = 1, .tie_seed = seed};
  return SOLID_OK;
}

solid_status sol_history_duplicates(const sol_history *history, size_t *count) {
  if (!history || !count) return solid_fail(SOLID_EINVAL, "duplicates: NULL argument");
  size_t found = 0, run = 0;
  if (history->has_times) {
    size_t *seen = calloc((size_t)history->items + 1, sizeof *seen); /* the last run that had the item */
    if (!seen) return solid_fail(SOLID_ENOMEM, "no memory for %u items", history->items);
    for (uint32_t u = 0; u < history->users; u++)
      for (size_t i = history->offsets[u], stop; i < history->offsets[u + 1]; i = stop) {
        stop = run_end(history, i, history->offsets[u + 1]);
        run++;
        if (history->times[i] == SOL_NO_TIME) continue;
        for (size_t e = i; e < stop; e++) {
          found += seen[history->sequence[e]] == run;
          seen[history->sequence[e]] = run;
        }
      }
    free(seen);
  }
  *count = found;
  return SOLID_OK;
}
