/* The core of a dataset: users and items that have enough training events among one another. */
#include "solid/extend.h"
#include "solid/train/data/vocab.h"
#include "solid/train/split.h"
#include <stdlib.h>
#include <string.h>

typedef struct core {
  const solid_dataset *from;
  uint8_t *user_stays, *item_stays;  /* (U), (V) */
  uint32_t *user_count, *item_count; /* training events with what stays */
  uint32_t *item_index;              /* (V) in the core */
} core;

static void close_core(core *c) {
  free(c->user_stays);
  free(c->item_stays);
  free(c->user_count);
  free(c->item_count);
  free(c->item_index);
}

static solid_status open_core(core *c, const solid_dataset *dataset) {
  size_t users = dataset->users, items = dataset->items;
  *c = (core){.from = dataset};
  c->user_stays = malloc(users + 1);
  c->item_stays = malloc(items + 1);
  c->user_count = calloc(users + 1, sizeof *c->user_count);
  c->item_count = calloc(items + 1, sizeof *c->item_count);
  c->item_index = calloc(items + 1, sizeof *c->item_index);
  if (!c->user_stays || !c->item_stays || !c->user_count || !c->item_count || !c->item_index)
    return solid_fail(SOLID_ENOMEM, "no memory to count the events of %zu users", users);
  memset(c->user_stays, 1, users + 1);
  memset(c->item_stays, 1, items + 1);
  return SOLID_OK;
}

/* Counts, and takes out what has too few; returns how many it took out. */
static size_t take_out(core *c, uint32_t min_user, uint32_t min_item) {
  const solid_dataset *d = c->from;
  size_t gone = 0;
  memset(c->item_count, 0, d->items * sizeof *c->item_count);
  for (uint32_t u = 0; u < d->users; u++) {
    solid_range train = solid_split_train(d, u);
    c->user_count[u] = 0;
    for (size_t e = train.begin; e < train.end && c->user_stays[u]; e++) {
      c->user_count[u] += c->item_stays[d->sequence[e]];
      c->item_count[d->sequence[e]]++;
    }
  }
  for (uint32_t u = 0; u < d->users; u++) {
    int goes = c->user_stays[u] && c->user_count[u] < min_user;
    c->user_stays[u] = c->user_stays[u] && !goes;
    gone += (size_t)goes;
  }
  for (uint32_t v = 0; v < d->items; v++) {
    int goes = c->item_stays[v] && c->item_count[v] < min_item;
    c->item_stays[v] = c->item_stays[v] && !goes;
    gone += (size_t)goes;
  }
  return gone;
}

static solid_status keep_ids(core *c, solid_dataset *made) {
  solid_status status = SOLID_OK;
  uint32_t index;
  for (uint32_t u = 0; u < c->from->users && !status; u++)
    if (c->user_stays[u]) status = sol_vocab_add(&made->user_ids, solid_vocab_id(&c->from->user_ids, u), &index);
  for (uint32_t v = 0; v < c->from->items && !status; v++) {
    if (!c->item_stays[v]) continue;
    status = sol_vocab_add(&made->item_ids, solid_vocab_id(&c->from->item_ids, v), &index);
    if (!status) c->item_index[v] = index;
  }
  for (uint32_t a = 0; a < c->from->attributes.count && !status; a++)
    status = sol_vocab_add(&made->attributes, solid_vocab_id(&c->from->attributes, a), &index);
  made->users = made->user_ids.count;
  made->items = made->item_ids.count;
  return status;
}

/* Events of one user, in their parts: what trained trains, and a target whose item is gone is not asked. */
static void keep_user(const core *c, uint32_t u, solid_dataset *made, uint32_t to) {
  const solid_split_bounds from = solid_split_of(c->from, u);
  solid_split_bounds *bounds = &made->split.bounds[to];
  size_t begin = made->events, end = c->from->offsets[u + 1];
  *bounds = (solid_split_bounds){begin, SOLID_NO_EVENT, SOLID_NO_EVENT};
  for (size_t e = c->from->offsets[u];; e++) {
    if (e == from.train_end) bounds->train_end = made->events;
    if (e == end) break;
    if (!c->item_stays[c->from->sequence[e]]) continue;
    if (e == from.valid && made->events > begin) bounds->valid = made->events;
    if (e == from.test && made->events > begin) bounds->test = made->events;
    made->sequence[made->events] = c->item_index[c->from->sequence[e]];
    made->times[made->events++] = c->from->times[e];
  }
  made->offsets[to + 1] = made->events;
}

static solid_status keep_events(const core *c, solid_dataset *made) {
  const solid_dataset *d = c->from;
  made->offsets = calloc((size_t)made->users + 1, sizeof *made->offsets);
  made->sequence = malloc((d->events + 1) * sizeof *made->sequence);
  made->times = malloc((d->events + 1) * sizeof *made->times);
  made->split = d->split;
  made->split.bounds = malloc(((size_t)made->users + 1) * sizeof *made->split.bounds);
  if (!made->offsets || !made->sequence || !made->times || !made->split.bounds)
    return solid_fail(SOLID_ENOMEM, "no memory for %zu events", d->events);
  for (uint32_t u = 0, to = 0; u < d->users; u++)
    if (c->user_stays[u]) keep_user(c, u, made, to++);
  return SOLID_OK;
}

static solid_status keep_content(const core *c, solid_dataset *made) {
  const solid_dataset *d = c->from;
  size_t width = d->vector_width, labels = d->attribute_offsets ? d->attribute_offsets[d->items] : 0;
  made->vector_width = d->vector_width;
  made->attribute_offsets = calloc((size_t)made->items + 1, sizeof *made->attribute_offsets);
  made->attribute_ids = malloc((labels + 1) * sizeof *made->attribute_ids);
  if (width) made->vectors = malloc(((size_t)made->items * width + 1) * sizeof *made->vectors);
  if (!made->attribute_offsets || !made->attribute_ids || (width && !made->vectors))
    return solid_fail(SOLID_ENOMEM, "no memory for what is known about %u items", made->items);
  for (uint32_t v = 0; v < d->items; v++) {
    uint32_t to = c->item_index[v];
    if (!c->item_stays[v]) continue;
    size_t at = made->attribute_offsets[to], n = labels ? d->attribute_offsets[v + 1] - d->attribute_offsets[v] : 0;
    if (n) memcpy(made->attribute_ids + at, d->attribute_ids + d->attribute_offsets[v], n * sizeof *d->attribute_ids);
    made->attribute_offsets[to + 1] = at + n;
    if (width) memcpy(made->vectors + to * width, d->vectors + v * width, width * sizeof *d->vectors);
  }
  return SOLID_OK;
}

static solid_status check_parts(const solid_dataset *made, const solid_dataset *from, uint32_t min_user,
                                uint32_t min_item) {
  if (made->users && made->items && solid_split_users(made, SOLID_PART_VALID) &&
      solid_split_users(made, SOLID_PART_TEST))
    return SOLID_OK;
  return solid_fail(SOLID_ENOTFOUND,
                    "at least %u training events a user and %u an item leave %u of %u users and %u of %u items, and "
                    "nothing to validate or to test",
                    min_user, min_item, made->users, from->users, made->items, from->items);
}

solid_status solid_split_core(solid_dataset *dataset, uint32_t min_user, uint32_t min_item) {
  core c;
  solid_dataset made = {0};
  if (!dataset) return solid_fail(SOLID_EINVAL, "core: NULL argument");
  if (min_user == 0 && min_item == 0) return SOLID_OK;
  solid_status status = open_core(&c, dataset);
  while (!status && take_out(&c, min_user, min_item)) continue;
  if (!status) status = keep_ids(&c, &made);
  if (!status) status = keep_events(&c, &made);
  if (!status) status = keep_content(&c, &made);
  if (!status) status = check_parts(&made, dataset, min_user, min_item);
  close_core(&c);
  if (status) {
    solid_dataset_clear(&made);
    return status;
  }
  made.has_times = dataset->has_times;
  made.unseen_items = dataset->unseen_items;
  made.split.min_user = min_user;
  made.split.min_item = min_item;
  solid_dataset_clear(dataset);
  *dataset = made;
  return SOLID_OK;
}
