/* What is done to a dataset once it is made. */
#include "solid/base/random.h"
#include "solid/extend.h"
#include "solid/train/data/vocab.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

void solid_dataset_clear(solid_dataset *dataset) {
  free(dataset->offsets);
  free(dataset->sequence);
  free(dataset->times);
  sol_vocab_clear(&dataset->user_ids);
  sol_vocab_clear(&dataset->item_ids);
  sol_vocab_clear(&dataset->attributes);
  free(dataset->attribute_offsets);
  free(dataset->attribute_ids);
  free(dataset->vectors);
  free(dataset->split.bounds);
  *dataset = (solid_dataset){0};
}

/* offsets (n + 1) from 0 to `end`, none below the one before. */
static int rises(const size_t *offsets, uint32_t n, size_t end) {
  if (offsets == NULL || offsets[0] != 0 || offsets[n] != end) return 0;
  for (uint32_t i = 0; i < n; i++)
    if (offsets[i + 1] < offsets[i]) return 0;
  return 1;
}

static int all_below(const uint32_t *values, size_t n, uint32_t bound) {
  for (size_t i = 0; i < n; i++)
    if (values[i] >= bound) return 0;
  return 1;
}

static solid_status check_content(const solid_dataset *d) {
  size_t labels = d->attribute_offsets != NULL ? d->attribute_offsets[d->items] : 0;
  if (!rises(d->attribute_offsets, d->items, labels))
    return solid_fail(SOLID_EINVAL, "dataset: attribute_offsets are missing or go backwards");
  if (labels > 0 && (d->attribute_ids == NULL || !all_below(d->attribute_ids, labels, d->attributes.count)))
    return solid_fail(SOLID_EINVAL, "dataset: an attribute is not below the %u there are", d->attributes.count);
  if ((d->vector_width > 0) != (d->vectors != NULL))
    return solid_fail(SOLID_EINVAL, "dataset: vectors of width %u are %s", d->vector_width,
                      d->vectors != NULL ? "there" : "missing");
  for (size_t i = 0; i < (size_t)d->items * d->vector_width; i++)
    if (!isfinite(d->vectors[i]))
      return solid_fail(SOLID_EINVAL, "dataset: value %zu of vector %zu is not finite", i % d->vector_width,
                        i / d->vector_width);
  return SOLID_OK;
}

solid_status solid_dataset_check(const solid_dataset *dataset) {
  const solid_dataset *d = dataset;
  if (d == NULL) return solid_fail(SOLID_EINVAL, "dataset is NULL");
  if (d->users == 0 || d->items == 0 || d->events == 0)
    return solid_fail(SOLID_EINVAL, "dataset of %u users, %u items, %zu events", d->users, d->items, d->events);
  if (!rises(d->offsets, d->users, d->events))
    return solid_fail(SOLID_EINVAL, "dataset: offsets are missing, go backwards or do not end at %zu events",
                      d->events);
  if (d->sequence == NULL || d->times == NULL || !all_below(d->sequence, d->events, d->items))
    return solid_fail(SOLID_EINVAL, "dataset: sequence or times are missing, or an item is not below the %u there are",
                      d->items);
  if (d->user_ids.count != d->users || d->item_ids.count != d->items)
    return solid_fail(SOLID_EINVAL, "dataset: %u user ids and %u item ids of %u users and %u items", d->user_ids.count,
                      d->item_ids.count, d->users, d->items);
  return check_content(d);
}

static uint64_t hash_bytes(const void *data, size_t size, uint64_t seed) {
  return XXH3_64bits_withSeed(data, size, seed);
}

uint64_t solid_dataset_hash(const solid_dataset *dataset) {
  uint64_t hash = 0;
  const solid_vocab *vocabs[] = {&dataset->user_ids, &dataset->item_ids};
  for (int i = 0; i < 2; i++) {
    hash = hash_bytes(vocabs[i]->offsets, ((size_t)vocabs[i]->count + 1) * sizeof(uint32_t), hash);
    hash = hash_bytes(vocabs[i]->bytes, vocabs[i]->offsets[vocabs[i]->count], hash);
  }
  for (uint32_t u = 0; u < dataset->users; u++)
    hash = hash_bytes(dataset->sequence + dataset->offsets[u],
                      (dataset->offsets[u + 1] - dataset->offsets[u]) * sizeof(uint32_t), hash);
  return hash;
}

solid_status solid_dataset_set_times(solid_dataset *dataset, uint32_t u, const int64_t *times_ms, size_t n) {
  if (!dataset || !times_ms || u >= dataset->users) return solid_fail(SOLID_EINVAL, "times: bad argument");
  size_t begin = dataset->offsets[u], events = dataset->offsets[u + 1] - begin;
  solid_bytes id = solid_vocab_id(&dataset->user_ids, u);
  if (n != events)
    return solid_fail(SOLID_EMISMATCH, "user \"%.*s\" has %zu times and %zu events", (int)(id.size < 64 ? id.size : 64),
                      id.data, n, events);
  for (size_t i = 1; i < n; i++)
    if (times_ms[i] < times_ms[i - 1])
      return solid_fail(SOLID_EFORMAT, "user \"%.*s\": time %zu is before time %zu", (int)(id.size < 64 ? id.size : 64),
                        id.data, i + 1, i);
  for (size_t i = 0; i < dataset->events && !dataset->has_times; i++) dataset->times[i] = SOLID_NO_TIME;
  dataset->has_times = 1;
  memcpy(dataset->times + begin, times_ms, n * sizeof *times_ms);
  return SOLID_OK;
}

/* One past the last event of the run of equal times that begins at i. */
static size_t run_end(const solid_dataset *dataset, size_t i, size_t end) {
  size_t stop = i + 1;
  while (stop < end && dataset->times[stop] == dataset->times[i]) stop++;
  return stop;
}

solid_status solid_dataset_shuffle_ties(solid_dataset *dataset, uint64_t seed) {
  if (!dataset) return solid_fail(SOLID_EINVAL, "shuffle: NULL argument");
  if (!dataset->has_times) return solid_fail(SOLID_EINVAL, "ties cannot be shuffled: the data has no times");
  for (uint32_t u = 0; u < dataset->users; u++) {
    sol_random random = sol_random_start(seed ^ (uint64_t)u << 32, 7);
    size_t end = dataset->offsets[u + 1];
    for (size_t i = dataset->offsets[u], stop; i < end; i = stop) {
      stop = run_end(dataset, i, end);
      if (dataset->times[i] == SOLID_NO_TIME) continue;
      for (size_t n = stop - i; n > 1; n--) { /* Fisher-Yates */
        size_t j = i + sol_random_below(&random, n), last = i + n - 1;
        uint32_t kept = dataset->sequence[last];
        dataset->sequence[last] = dataset->sequence[j];
        dataset->sequence[j] = kept;
      }
    }
  }
  free(dataset->split.bounds);
  dataset->split = (solid_split){
      .shuffled = 1, .tie_seed = seed, .min_user = dataset->split.min_user, .min_item = dataset->split.min_item};
  return SOLID_OK;
}

typedef struct moment {
  int64_t time;
  uint32_t item;
} moment;

static int by_time_and_item(const void *x, const void *y) {
  const moment *a = x, *b = y;
  if (a->time != b->time) return a->time < b->time ? -1 : 1;
  return (a->item > b->item) - (a->item < b->item);
}

/* A history need not be in the order of its times: one that was joined of parts is in that of the parts. */
static size_t duplicates_of(const solid_dataset *dataset, uint32_t u, moment *moments) {
  size_t n = 0, found = 0;
  for (size_t e = dataset->offsets[u]; e < dataset->offsets[u + 1]; e++)
    if (dataset->times[e] != SOLID_NO_TIME) moments[n++] = (moment){dataset->times[e], dataset->sequence[e]};
  if (n) qsort(moments, n, sizeof *moments, by_time_and_item);
  for (size_t i = 1; i < n; i++) found += by_time_and_item(&moments[i - 1], &moments[i]) == 0;
  return found;
}

solid_status solid_dataset_duplicates(const solid_dataset *dataset, size_t *count) {
  if (!dataset || !count) return solid_fail(SOLID_EINVAL, "duplicates: NULL argument");
  size_t found = 0, most = 0;
  for (uint32_t u = 0; u < dataset->users && dataset->has_times; u++) {
    size_t events = dataset->offsets[u + 1] - dataset->offsets[u];
    if (events > most) most = events;
  }
  moment *moments = malloc((most + 1) * sizeof *moments);
  if (!moments) return solid_fail(SOLID_ENOMEM, "no memory for the times of %zu events", most);
  for (uint32_t u = 0; u < dataset->users && dataset->has_times; u++) found += duplicates_of(dataset, u, moments);
  free(moments);
  *count = found;
  return SOLID_OK;
}
