#include "examples/paper/data.h"
#include "solid/base/random.h"
#include "solid/extend.h"
#include <stdlib.h>
#include <string.h>

enum { FOR_ORDER = 500, FOR_TRAIN = 501, FOR_TEST = 502 };

static int by_value(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return x < y ? -1 : x > y;
}

static uint32_t sort_unique(uint32_t *items, size_t n) {
  uint32_t kept = 0;
  qsort(items, n, sizeof *items, by_value);
  for (size_t i = 0; i < n; i++)
    if (i == 0 || items[i] != items[i - 1]) items[kept++] = items[i];
  return kept;
}

static solid_status collect(sol_paper_data *data) {
  const solid_dataset *h = data->dataset;
  memcpy(data->own, h->sequence, h->events * sizeof *data->own);
  for (uint32_t u = 0; u < h->users; u++) {
    size_t begin = h->offsets[u], end = h->offsets[u + 1];
    data->owns[u] = sort_unique(data->own + begin, end - begin);
    if (end - begin < 3) continue;
    if (h->items - data->owns[u] < SOL_PAPER_TEST_CANDIDATES - 1) {
      solid_bytes id = solid_vocab_id(&h->user_ids, u);
      return solid_fail(SOLID_ERANGE, "user \"%.*s\" met %u of %u items: fewer than %d are left as negatives",
                        (int)(id.size < 64 ? id.size : 64), id.data, data->owns[u], h->items,
                        SOL_PAPER_TEST_CANDIDATES - 1);
    }
    for (size_t i = begin + 1; i + 1 < end; i++) data->train[data->trains++] = (sol_paper_example){u, i};
    data->test[data->tests++] = (sol_paper_example){u, end - 1};
  }
  for (size_t i = 0; i < data->trains; i++) data->order[i] = (uint32_t)i;
  if (data->tests == 0) return solid_fail(SOLID_ENOTFOUND, "none of %u users has three events", h->users);
  return SOLID_OK;
}

solid_status sol_paper_data_open(sol_paper_data *data, const solid_dataset *dataset, uint32_t window, uint64_t seed) {
  *data = (sol_paper_data){.dataset = dataset, .window = window, .seed = seed};
  data->train = malloc((dataset->events + 1) * sizeof *data->train);
  data->order = malloc((dataset->events + 1) * sizeof *data->order);
  data->test = malloc(((size_t)dataset->users + 1) * sizeof *data->test);
  data->own = malloc((dataset->events + 1) * sizeof *data->own);
  data->owns = malloc(((size_t)dataset->users + 1) * sizeof *data->owns);
  solid_status status = SOLID_OK;
  if (data->train == NULL || data->order == NULL || data->test == NULL || data->own == NULL || data->owns == NULL)
    status = solid_fail(SOLID_ENOMEM, "windows of %zu events", dataset->events);
  if (status == SOLID_OK) status = collect(data);
  if (status != SOLID_OK) sol_paper_data_close(data);
  return status;
}

void sol_paper_data_close(sol_paper_data *data) {
  free(data->train);
  free(data->order);
  free(data->test);
  free(data->own);
  free(data->owns);
  *data = (sol_paper_data){0};
}

void sol_paper_data_shuffle(sol_paper_data *data, uint64_t seed, uint32_t epoch) {
  sol_random random = sol_random_start(seed ^ (uint64_t)epoch << 32, FOR_ORDER);
  for (size_t i = 0; i < data->trains; i++) data->order[i] = (uint32_t)i;
  for (size_t i = data->trains; i > 1; i--) {
    size_t j = sol_random_below(&random, i);
    uint32_t kept = data->order[i - 1];
    data->order[i - 1] = data->order[j];
    data->order[j] = kept;
  }
}

static int is_own(const sol_paper_data *data, uint32_t user, uint32_t item) {
  const uint32_t *own = data->own + data->dataset->offsets[user];
  return bsearch(&item, own, data->owns[user], sizeof *own, by_value) != NULL;
}

static int32_t given(const sol_paper_data *data, uint32_t item) {
  int32_t v = (int32_t)item + 1;
  return data->category != NULL ? data->category[v] : v;
}

static int occurs(const uint32_t *items, int n, uint32_t item) {
  for (int i = 0; i < n; i++)
    if (items[i] == item) return 1;
  return 0;
}

static void give(const sol_paper_data *data, const sol_paper_example *e, int count, int distinct, uint64_t purpose,
                 int32_t *window, int32_t *candidates) {
  const solid_dataset *h = data->dataset;
  size_t begin = h->offsets[e->user], known = e->target - begin;
  size_t length = known < data->window ? known : data->window;
  uint32_t drawn[SOL_PAPER_TEST_CANDIDATES];
  sol_random random = sol_random_start(data->seed + e->target, purpose);
  memset(window, 0, data->window * sizeof *window);
  for (size_t i = 0; i < length; i++) window[i] = given(data, h->sequence[e->target - length + i]);
  candidates[0] = given(data, h->sequence[e->target]);
  for (int n = 1; n < count;) {
    uint32_t item = (uint32_t)sol_random_below(&random, h->items);
    if (is_own(data, e->user, item) || (distinct && occurs(drawn + 1, n - 1, item))) continue;
    drawn[n] = item;
    candidates[n++] = given(data, item);
  }
}

void sol_paper_data_train(const sol_paper_data *data, size_t index, int32_t *window, int32_t *candidates) {
  give(data, &data->train[data->order[index]], SOL_PAPER_TRAIN_CANDIDATES, 0, FOR_TRAIN, window, candidates);
}

void sol_paper_data_test(const sol_paper_data *data, size_t index, int32_t *window, int32_t *candidates) {
  give(data, &data->test[index], SOL_PAPER_TEST_CANDIDATES, 1, FOR_TEST, window, candidates);
}
