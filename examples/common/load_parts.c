#include "examples/common/load_parts.h"
#include "solid/extend.h"
#include <stdlib.h>
#include <string.h>

solid_status load_parts_read(load_parts *parts, const load_files *files, load_part_fn read) {
  const char *const path[LOAD_PARTS] = {files->data, files->split->valid_data, files->split->test_data};
  solid_status status = SOLID_OK;
  for (int i = 0; i < LOAD_PARTS && !status; i++) {
    load_files one = {.data = path[i],
                      .format = files->format,
                      .reading = files->reading,
                      .program = files->program,
                      .has_histories = &parts->has_histories[i]};
    status = read(&parts->part[i], &one);
    if (status) break;
    parts->told[i] = calloc((size_t)parts->part[i].users + 1, sizeof *parts->told[i]);
    if (!parts->told[i]) status = solid_fail(SOLID_ENOMEM, "no memory for %u users", parts->part[i].users);
  }
  parts->is_read = 1;
  return status;
}

void load_parts_clear(load_parts *parts) {
  for (int i = 0; i < LOAD_PARTS; i++) {
    solid_dataset_clear(&parts->part[i]);
    free(parts->told[i]);
  }
  *parts = (load_parts){0};
}

static solid_range events_of(const solid_dataset *d, uint32_t u) {
  return (solid_range){d->offsets[u], d->offsets[u + 1]};
}

static int is_same_item(const solid_dataset *a, size_t e, const solid_dataset *b, size_t f) {
  solid_bytes x = solid_vocab_id(&a->item_ids, a->sequence[e]), y = solid_vocab_id(&b->item_ids, b->sequence[f]);
  return x.size == y.size && memcmp(x.data, y.data, x.size) == 0;
}

/* Where the user's events end that the parts before `before` have: his last event there is the newest one. Fills part
 * and event of the k-th event from the end, k from 0; returns 0 where there are fewer. */
static int from_end(const load_parts *p, int before, solid_bytes user, size_t k, int *part, size_t *event) {
  for (int i = before - 1; i >= 0; i--) {
    uint32_t u = solid_vocab_find(&p->part[i].user_ids, user);
    if (u == SOLID_NO_ID) continue;
    solid_range events = events_of(&p->part[i], u);
    size_t n = events.end - events.begin - p->told[i][u];
    if (k < n) return *part = i, *event = events.end - 1 - k, 1;
    k -= n;
  }
  return 0;
}

/* How many first events of a history are the newest known ones: a history tells them again before its target. */
static size_t told_again(const load_parts *p, int part, uint32_t u) {
  const solid_dataset *d = &p->part[part];
  solid_range events = events_of(d, u);
  solid_bytes user = solid_vocab_id(&d->user_ids, u);
  for (size_t overlap = events.end - events.begin - 1; overlap; overlap--) {
    size_t k = 0, known;
    int of;
    while (k < overlap && from_end(p, part, user, k, &of, &known) &&
           is_same_item(d, events.begin + overlap - 1 - k, &p->part[of], known))
      k++;
    if (k == overlap) return overlap;
  }
  return 0;
}

static solid_status push_part(load_parts *p, int part, solid_collector *collector) {
  const solid_dataset *d = &p->part[part];
  solid_status status = SOLID_OK;
  for (uint32_t u = 0; u < d->users && !status; u++) {
    if (part > LOAD_TRAIN && p->has_histories[part]) p->told[part][u] = told_again(p, part, u);
    solid_range events = events_of(d, u);
    for (size_t e = events.begin + p->told[part][u]; e < events.end && !status; e++) {
      solid_event event = {.user = solid_vocab_id(&d->user_ids, u),
                           .item = solid_vocab_id(&d->item_ids, d->sequence[e]),
                           .time_ms = d->times[e]};
      status = solid_collector_push(collector, &event, 1, NULL);
    }
  }
  return status;
}

solid_status load_parts_join(load_parts *parts, solid_collector **out) {
  solid_collector_options options = {.has_times = 1};
  for (int i = 0; i < LOAD_PARTS; i++) options.has_times &= parts->part[i].has_times;
  solid_status status = solid_collector_new(out, &options);
  for (int i = 0; i < LOAD_PARTS && !status; i++) status = push_part(parts, i, *out);
  return status;
}

/* Events of a user in a part, without those that were told again. */
static size_t count_of(const load_parts *p, int part, solid_bytes user) {
  uint32_t u = solid_vocab_find(&p->part[part].user_ids, user);
  if (u == SOLID_NO_ID) return 0;
  solid_range events = events_of(&p->part[part], u);
  return events.end - events.begin - p->told[part][u];
}

solid_status load_parts_split(const load_parts *parts, solid_dataset *dataset) {
  solid_split_bounds *bounds = malloc(((size_t)dataset->users + 1) * sizeof *bounds);
  if (!bounds) return solid_fail(SOLID_ENOMEM, "no memory to split %u users", dataset->users);
  for (uint32_t u = 0; u < dataset->users; u++) {
    solid_bytes user = solid_vocab_id(&dataset->user_ids, u);
    size_t begin = dataset->offsets[u], end = dataset->offsets[u + 1];
    size_t valid = begin + count_of(parts, LOAD_TRAIN, user), test = valid + count_of(parts, LOAD_VALID, user);
    bounds[u] = (solid_split_bounds){valid, SOLID_NO_EVENT, SOLID_NO_EVENT};
    if (valid < test && valid > begin) bounds[u].valid = valid;
    if (test < end && test > begin) bounds[u].test = test;
  }
  solid_status status = solid_split_give(dataset, bounds);
  free(bounds);
  return status;
}
