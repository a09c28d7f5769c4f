#include "solid/train/codebook/cooccurrence.h"
#include "solid/extend.h"
#include "solid/model/progress.h"
#include "solid/train/split.h"
#include <math.h>
#include <stdlib.h>

#define SAID_ITEMS 1024 /* items between two looks at the clock */

/* Where each item occurs in training: its neighbours are read from the sequences, so no list of pairs is needed. */
typedef struct occurrences {
  size_t *offsets;  /* (V + 1) */
  size_t *position; /* in dataset->sequence */
  uint32_t *user;
} occurrences;

static void occurrences_clear(occurrences *index) {
  free(index->offsets);
  free(index->position);
  free(index->user);
}

static solid_status occurrences_build(occurrences *index, const solid_dataset *dataset) {
  index->offsets = calloc((size_t)dataset->items + 2, sizeof *index->offsets);
  index->position = malloc(dataset->events * sizeof *index->position);
  index->user = malloc(dataset->events * sizeof *index->user);
  if (!index->offsets || !index->position || !index->user)
    return solid_fail(SOLID_ENOMEM, "no memory for the neighbours of %zu events", dataset->events);
  for (uint32_t u = 0; u < dataset->users; u++) {
    solid_range train = solid_split_train(dataset, u);
    for (size_t i = train.begin; i < train.end; i++) index->offsets[dataset->sequence[i] + 2]++;
  }
  for (uint32_t v = 0; v < dataset->items; v++) index->offsets[v + 2] += index->offsets[v + 1];
  for (uint32_t u = 0; u < dataset->users; u++) {
    solid_range train = solid_split_train(dataset, u);
    for (size_t i = train.begin; i < train.end; i++) {
      size_t slot = index->offsets[dataset->sequence[i] + 1]++;
      index->position[slot] = i;
      index->user[slot] = u;
    }
  }
  return SOLID_OK;
}

static int ascending(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return (x > y) - (x < y);
}

/* Row v of C into `sum` (V, zero before), its columns ascending into `columns`; returns how many. */
static size_t count_row(const solid_dataset *dataset, const occurrences *index, uint32_t v, uint32_t window,
                        double *sum, uint32_t *columns) {
  size_t n = 0;
  for (size_t o = index->offsets[v]; o < index->offsets[v + 1]; o++) {
    solid_range train = solid_split_train(dataset, index->user[o]);
    size_t i = index->position[o];
    for (uint32_t d = 1; d <= window; d++) {
      const uint32_t *near[2] = {i >= train.begin + d ? &dataset->sequence[i - d] : NULL,
                                 i + d < train.end ? &dataset->sequence[i + d] : NULL};
      for (int side = 0; side < 2; side++) {
        if (!near[side]) continue;
        if (sum[*near[side]] == 0) columns[n++] = *near[side];
        sum[*near[side]] += 1.0 / d;
      }
    }
  }
  qsort(columns, n, sizeof *columns, ascending);
  return n;
}

typedef struct scratch {
  double *sum;       /* (V) */
  double *total;     /* (V): s */
  uint32_t *columns; /* (V) */
} scratch;

/* Two passes over the rows: the first counts entries and totals, the second writes what is positive. */
static solid_status fill(sol_cooccurrence *made, const solid_dataset *dataset, const occurrences *index,
                         uint32_t window, scratch *work, sol_progress *progress) {
  uint32_t items = dataset->items;
  size_t entries = 0, kept = 0;
  double all = 0;
  for (uint32_t v = 0; v < items; v++) {
    size_t n = count_row(dataset, index, v, window, work->sum, work->columns);
    if (v % SAID_ITEMS == SAID_ITEMS - 1) sol_progress_add(progress, SAID_ITEMS);
    for (size_t j = 0; j < n; j++) {
      work->total[v] += work->sum[work->columns[j]];
      work->sum[work->columns[j]] = 0;
    }
    all += work->total[v];
    entries += n;
  }
  made->columns = malloc((entries + 1) * sizeof *made->columns);
  made->values = malloc((entries + 1) * sizeof *made->values);
  if (!made->columns || !made->values) return solid_fail(SOLID_ENOMEM, "no memory for %zu neighbours", entries);
  for (uint32_t v = 0; v < items; v++) {
    size_t n = count_row(dataset, index, v, window, work->sum, work->columns);
    if (v % SAID_ITEMS == SAID_ITEMS - 1) sol_progress_add(progress, SAID_ITEMS);
    for (size_t j = 0; j < n; j++) {
      uint32_t w = work->columns[j];
      double value = log(work->sum[w] * all / (work->total[v] * work->total[w]));
      work->sum[w] = 0;
      if (!(value > 0)) continue;
      made->columns[kept] = w;
      made->values[kept++] = (float)value;
    }
    made->offsets[v + 1] = kept;
  }
  return SOLID_OK;
}

solid_status sol_cooccurrence_count(sol_cooccurrence *out, const solid_dataset *dataset, uint32_t window,
                                    const solid_context *ctx) {
  sol_progress progress =
      sol_progress_start(ctx, "content: neighbours of the items, twice", "items", 2.0 * dataset->items);
  sol_cooccurrence made = {0};
  occurrences index = {0};
  size_t items = dataset->items;
  scratch work = {calloc(items, sizeof *work.sum), calloc(items, sizeof *work.total),
                  malloc(items * sizeof *work.columns)};
  made.offsets = calloc(items + 1, sizeof *made.offsets);
  solid_status status = SOLID_OK;
  if (!work.sum || !work.total || !work.columns || !made.offsets)
    status = solid_fail(SOLID_ENOMEM, "no memory for the neighbours of %zu items", items);
  if (!status) status = occurrences_build(&index, dataset);
  if (!status) status = fill(&made, dataset, &index, window, &work, &progress);
  free(work.sum);
  free(work.total);
  free(work.columns);
  occurrences_clear(&index);
  if (status)
    sol_cooccurrence_clear(&made);
  else
    *out = made;
  return status;
}

void sol_cooccurrence_clear(sol_cooccurrence *cooccurrence) {
  free(cooccurrence->offsets);
  free(cooccurrence->columns);
  free(cooccurrence->values);
  *cooccurrence = (sol_cooccurrence){0};
}
