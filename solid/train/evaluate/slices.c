#include "solid/train/slices.h"
#include "solid/extend.h"
#include <stdlib.h>

#define SLICE_NAME(name, text, meaning)    [SOLID_SLICE_##name] = text,
#define SLICE_MEANING(name, text, meaning) [SOLID_SLICE_##name] = meaning,
const char *const solid_slice_names[SOLID_SLICES] = {SOLID_SLICE_MAP(SLICE_NAME)};
const char *const solid_slice_meanings[SOLID_SLICES] = {SOLID_SLICE_MAP(SLICE_MEANING)};

typedef struct counted {
  float count;
  uint32_t item;
} counted;

static int most_first(const void *a, const void *b) {
  const counted *x = a, *y = b;
  if (x->count != y->count) return x->count > y->count ? -1 : 1;
  return (x->item > y->item) - (x->item < y->item);
}

/* head (V): 1 = in it. Returns its share of the events. */
static double mark_head(counted *order, const float *count, uint32_t items, uint8_t *head) {
  uint32_t size = (uint32_t)(SOLID_POPULAR_SHARE * items);
  double in_head = 0, all = 0;
  if (size == 0) size = 1;
  for (uint32_t v = 0; v < items; v++) order[v] = (counted){count[v], v};
  qsort(order, items, sizeof *order, most_first);
  for (uint32_t i = 0; i < items; i++) {
    head[order[i].item] = i < size;
    in_head += i < size ? order[i].count : 0;
    all += order[i].count;
  }
  return all > 0 ? in_head / all : 0;
}

solid_status solid_slices_make(solid_slices *out, const solid_dataset *dataset, const solid_evaluation *e,
                               solid_part part, uint32_t few) {
  if (!out || !dataset || !e) return solid_fail(SOLID_EINVAL, "slices: NULL argument");
  uint32_t items = dataset->items;
  solid_slices made = {.users = e->users, .of = malloc((size_t)e->users + 1)};
  float *count = malloc(((size_t)items + 1) * sizeof *count);
  counted *order = malloc(((size_t)items + 1) * sizeof *order);
  uint8_t *head = malloc((size_t)items + 1);
  solid_status status = SOLID_OK;
  if (!made.of || !count || !order || !head) {
    status = solid_fail(SOLID_ENOMEM, "no memory for slices of %u users", e->users);
    goto done;
  }
  solid_split_popularity(dataset, count);
  made.popular_share = mark_head(order, count, items, head);
  for (uint32_t i = 0; i < e->users; i++) {
    solid_range train = solid_split_train(dataset, e->who[i]), known = {0, 0};
    solid_split_question(dataset, e->who[i], part, &known);
    uint32_t target = dataset->sequence[known.end];
    int by_user = train.end - train.begin <= few ? SOLID_SLICE_FEW_EVENTS : SOLID_SLICE_MORE_EVENTS;
    int by_item = count[target] == 0     ? SOLID_SLICE_UNSEEN_ITEM
                  : count[target] <= few ? SOLID_SLICE_RARE_ITEM
                                         : SOLID_SLICE_KNOWN_ITEM;
    int by_head = head[target] ? SOLID_SLICE_POPULAR_ITEM : SOLID_SLICE_OTHER_ITEM;
    made.of[i] = (uint8_t)(1 << by_user | 1 << by_item | 1 << by_head);
  }

done:
  free(count);
  free(order);
  free(head);
  if (status)
    solid_slices_clear(&made);
  else
    *out = made;
  return status;
}

void solid_slices_clear(solid_slices *slices) {
  free(slices->of);
  *slices = (solid_slices){0};
}

solid_status solid_slices_measure(solid_slice_figures *out, const solid_slices *slices, solid_slice slice,
                                  const solid_evaluation *e, uint32_t resamples, uint64_t seed) {
  if (!out || !slices || !e || slice >= SOLID_SLICES) return solid_fail(SOLID_EINVAL, "slices: bad argument");
  if (slices->users != e->users)
    return solid_fail(SOLID_EMISMATCH, "slices of %u users, an evaluation of %u", slices->users, e->users);
  solid_slice_figures made = {0};
  uint32_t *ranks = malloc(((size_t)e->users + 1) * sizeof *ranks);
  if (!ranks) return solid_fail(SOLID_ENOMEM, "no memory for the ranks of %u users", e->users);
  for (uint32_t i = 0; i < e->users; i++)
    if (slices->of[i] >> slice & 1) ranks[made.users++] = e->ranks[i];
  solid_metrics_of(ranks, made.users, &made.value);
  solid_status status =
      made.users ? solid_metrics_interval(ranks, made.users, resamples, seed, &made.low, &made.high) : SOLID_OK;
  free(ranks);
  if (!status) *out = made;
  return status;
}
