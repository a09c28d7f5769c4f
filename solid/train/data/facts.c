#include "solid/train/facts.h"
#include "solid/extend.h"
#include "solid/train/split.h"
#include <stdlib.h>

static int has_vector(const solid_dataset *d, uint32_t item) {
  for (size_t j = 0; d->vectors && j < d->vector_width; j++)
    if (d->vectors[(size_t)item * d->vector_width + j] != 0) return 1;
  return 0;
}

static void count_described(solid_data_facts *facts, const solid_dataset *d) {
  const size_t *offsets = d->attribute_offsets;
  facts->attributes = d->attributes.count;
  for (uint32_t v = 0; v < d->items; v++)
    facts->described += (offsets && offsets[v + 1] > offsets[v]) || has_vector(d, v);
}

/* lengths[n] = users of n training events that are trained on; last (V) = who took an item last, plus 1. */
static void count_users(solid_data_facts *facts, const solid_dataset *d, uint32_t *lengths, uint32_t *last) {
  for (uint32_t u = 0; u < d->users; u++) {
    solid_range train = solid_split_train(d, u);
    size_t n = train.end - train.begin;
    if (n < 2) continue;
    facts->users++, facts->events += n, lengths[n]++;
    for (size_t i = train.begin; i < train.end; i++) {
      facts->repeats += last[d->sequence[i]] == u + 1;
      facts->taken += last[d->sequence[i]] == 0;
      last[d->sequence[i]] = u + 1;
    }
  }
  uint64_t below = 0;
  for (uint32_t n = 0; n <= facts->longest; n++) {
    if (2 * below < facts->users) facts->median = n;
    below += lengths[n];
  }
}

solid_status solid_data_facts_of(solid_data_facts *out, const solid_dataset *dataset) {
  const solid_dataset *d = dataset;
  if (!out || !d) return solid_fail(SOLID_EINVAL, "facts: NULL argument");
  *out = (solid_data_facts){.items = d->items};
  for (uint32_t u = 0; u < d->users; u++) {
    solid_range train = solid_split_train(d, u);
    size_t n = train.end - train.begin;
    if (n >= 2 && n > out->longest) out->longest = (uint32_t)n;
  }
  uint32_t *lengths = calloc((size_t)out->longest + 1, sizeof *lengths),
           *last = calloc((size_t)d->items + 1, sizeof *last);
  solid_status status = SOLID_OK;
  if (lengths && last) {
    count_users(out, d, lengths, last);
    count_described(out, d);
  } else {
    status = solid_fail(SOLID_ENOMEM, "no memory to count %u users and %u items", d->users, d->items);
  }
  free(lengths);
  free(last);
  return status;
}
