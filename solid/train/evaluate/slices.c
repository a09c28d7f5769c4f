#include "solid/train/evaluate/slices.h"
#include "solid/extend.h"
#include <stdlib.h>

#define SLICE_NAME(name, text, meaning)    [SOL_SLICE_##name] = text,
#define SLICE_MEANING(name, text, meaning) [SOL_SLICE_##name] = meaning,
const char *const sol_slice_names[SOL_SLICES] = {SOL_SLICE_MAP(SLICE_NAME)};
const char *const sol_slice_meanings[SOL_SLICES] = {SOL_SLICE_MAP(SLICE_MEANING)};

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
  uint32_t size = (uint32_t)(SOL_HEAD_SHARE * items);
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

solid_status sol_slices_make(sol_slices *out, const sol_history *history, const sol_evaluation *e, sol_part part,
                             uint32_t few) {
  if (!out || !history || !e) return solid_fail(SOLID_EINVAL, "slices: NULL argument");
  uint32_t items = history->items;
  sol_slices made = {.users = e->users, .of = malloc((size_t)e->users + 1)};
  float *count = malloc(((size_t)items + 1) * sizeof *count);
  counted *order = malloc(((size_t)items + 1) * sizeof *order);
  uint8_t *head = malloc((size_t)items + 1);
  solid_status status = SOLID_OK;
  if (!made.of || !count || !order || !head) {
    status = solid_fail(SOLID_ENOMEM, "no memory for slices of %u users", e->users);
    goto done;
  }
  sol_split_popularity(history, count);
  made.head_share = mark_head(order, count, items, head);
  for (uint32_t i = 0; i < e->users; i++) {
    sol_range train = sol_split_train(history, e->who[i]), known = {0, 0};
    sol_split_question(history, e->who[i], part, &known);
    uint32_t target = history->sequence[known.end];
    int by_user = train.end - train.begin <= few ? SOL_SLICE_FEW_EVENTS : SOL_SLICE_MORE_EVENTS;
    int by_item = count[target] == 0     ? SOL_SLICE_UNSEEN_ITEM
                  : count[target] <= few ? SOL_SLICE_RARE_ITEM
                                         : SOL_SLICE_KNOWN_ITEM;
    int by_head = head[target] ? SOL_SLICE_HEAD_ITEM : SOL_SLICE_TAIL_ITEM;
    made.of[i] = (uint8_t)(1 << by_user | 1 << by_item | 1 << by_head);
  }

done:
  free(count);
  free(order);
  free(head);
  if (status)
    sol_slices_clear(&made);
  else
    *out = made;
  return status;
}

void sol_slices_clear(sol_slices *slices) {
  free(slices->of);
  *slices = (sol_slices){0};
}

solid_status sol_slices_measure(sol_slice_figures *out, const sol_slices *slices, sol_slice slice,
                                const sol_evaluation *e, uint32_t resamples, uint64_t seed) {
  if (!out || !slices || !e || slice >= SOL_SLICES) return solid_fail(SOLID_EINVAL, "slices: bad argument");
  if (slices->users != e->users)
    return solid_fail(SOLID_EMISMATCH, "slices of %u users, an evaluation of %u", slices->users, e->users);
  sol_slice_figures made = {0};
  uint32_t *ranks = malloc(((size_t)e->users + 1) * sizeof *ranks);
  if (!ranks) return solid_fail(SOLID_ENOMEM, "no memory for the ranks of %u users", e->users);
  for (uint32_t i = 0; i < e->users; i++)
    if (slices->of[i] >> slice & 1) ranks[made.users++] = e->ranks[i];
  sol_metrics_of(ranks, made.users, &made.value);
  solid_status status =
      made.users ? sol_metrics_interval(ranks, made.users, resamples, seed, &made.low, &made.high) : SOLID_OK;
  free(ranks);
  if (!status) *out = made;
  return status;
}
