#include "solid/train/slate/slate_figures.h"
#include "solid/base/random.h"
#include "solid/extend.h"
#include "solid/model.h"
#include "solid/train/slate/alike.h"
#include "solid/train/slate/slate_data.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const solid_slate_figure_names[SOLID_SLATE_FIGURES] = {
    "recall", "ndcg", "next", "likeness", "company", "content", "categories", "likelihood", "raster"};

/* ---- Who is asked ---- */

static solid_status read_categories(sol_slate_asked *asked, const solid_model *model, const solid_model_info *info) {
  solid_status status = SOLID_OK;
  const uint32_t *items;
  size_t n;
  asked->categories = info->categories;
  asked->category_at = calloc((size_t)info->items + 2, sizeof *asked->category_at);
  if (!asked->category_at) return solid_fail(SOLID_ENOMEM, "out of memory: categories");
  for (uint32_t c = 0; c < info->categories && !status; c++) {
    status = solid_model_category_items(model, c, &items, &n);
    for (size_t i = 0; i < n && !status; i++) asked->category_at[items[i] + 2]++;
  }
  for (uint32_t v = 0; v < info->items; v++) asked->category_at[v + 2] += asked->category_at[v + 1];
  asked->category = malloc(((size_t)asked->category_at[info->items + 1] + 1) * sizeof *asked->category);
  if (!asked->category) return solid_fail(SOLID_ENOMEM, "out of memory: categories");
  for (uint32_t c = 0; c < info->categories && !status; c++) {
    status = solid_model_category_items(model, c, &items, &n);
    for (size_t i = 0; i < n && !status; i++) asked->category[asked->category_at[items[i] + 1]++] = c;
  }
  return status;
}

static solid_status take_asked(sol_slate_asked *asked, const solid_dataset *dataset, uint32_t rows) {
  asked->rows = rows;
  asked->who = calloc((size_t)dataset->users + 1, sizeof *asked->who);
  asked->known = calloc((size_t)dataset->users + 2, sizeof *asked->known);
  asked->targets = calloc((size_t)dataset->users + 1, sizeof *asked->targets);
  asked->items = calloc(dataset->events + (size_t)dataset->users * rows + 1, sizeof *asked->items);
  return asked->who && asked->known && asked->targets && asked->items
             ? SOLID_OK
             : solid_fail(SOLID_ENOMEM, "out of memory: questions of %u users", dataset->users);
}

/* Adds user u if the user took a new item, up to `most` of them; data->sequence is in the model's items. */
static void ask_user(sol_slate_asked *asked, const sol_slate_data *data, uint32_t u, size_t cut, size_t end,
                     uint32_t most, sol_slate_seen *seen) {
  sol_random unused = {0};
  size_t at = asked->known[asked->users];
  for (size_t i = data->offsets[u]; i < cut; i++)
    if (data->sequence[i] != SOLID_NO_ITEM) asked->items[at++] = data->sequence[i];
  uint32_t n = sol_slate_targets(data, u, cut, end, most, seen, &unused, asked->items + at);
  if (n == 0 || at == asked->known[asked->users]) return;
  asked->who[asked->users] = u;
  asked->targets[asked->users] = at;
  asked->known[++asked->users] = at + n;
}

solid_status sol_slate_ask(sol_slate_asked *asked, const solid_model *model, const solid_dataset *dataset,
                           const solid_slate_asking *asking) {
  uint32_t rows = asking->rows;
  solid_model_info info = {.struct_size = sizeof info};
  uint32_t *item_of = sol_alike_map_items(model, dataset), *sequence = calloc(dataset->events + 1, sizeof *sequence);
  memset(asked, 0, sizeof *asked);
  asked->judged_apart = asking->judges != NULL;
  solid_status status = solid_model_get_info(model, &info);
  if (!status && asking->baskets && !dataset->has_times)
    status = solid_fail(SOLID_EINVAL, "slates: baskets are events of one time, and the data has no times");
  sol_slate_seen seen = {calloc(info.items + 1, sizeof *seen.stamp), 0};
  if (!status && (!item_of || !sequence || !seen.stamp)) status = solid_fail(SOLID_ENOMEM, "out of memory: questions");
  if (!status) status = take_asked(asked, dataset, rows);
  if (!status) status = read_categories(asked, model, &info);
  const sol_slate_data data = {dataset->users, dataset->offsets, NULL, sequence, NULL};
  for (size_t i = 0; i < dataset->events && !status; i++) sequence[i] = item_of[dataset->sequence[i]];
  for (uint32_t u = 0; u < dataset->users && !status; u++) {
    solid_range known;
    if (!solid_split_question(dataset, u, asking->part, &known)) continue;
    size_t end = asking->part == SOLID_PART_VALID ? solid_split_of(dataset, u).test : dataset->offsets[u + 1];
    if (end == SOLID_NO_EVENT) end = dataset->offsets[u + 1];
    if (asking->baskets) end = sol_slate_basket_end(dataset->times, known.end, end);
    ask_user(asked, &data, u, known.end, end, asking->baskets ? (uint32_t)(end - known.end) : rows, &seen);
  }
  if (!status && !asked->users) status = solid_fail(SOLID_ENOTFOUND, "slates: no user has a question");
  free(item_of);
  free(sequence);
  free(seen.stamp);
  return status;
}

void sol_slate_asked_clear(sol_slate_asked *asked) {
  free(asked->who);
  free(asked->known);
  free(asked->targets);
  free(asked->items);
  free(asked->category_at);
  free(asked->category);
  memset(asked, 0, sizeof *asked);
}

/* ---- Figures ---- */

solid_status sol_slate_report_open(solid_slate_report *report, uint32_t users) {
  *report = (solid_slate_report){.users = users};
  report->each = calloc((size_t)users * SOLID_SLATE_FIGURES + 1, sizeof *report->each);
  return report->each ? SOLID_OK : solid_fail(SOLID_ENOMEM, "out of memory: figures of %u users", users);
}

void solid_slate_report_clear(solid_slate_report *report) {
  free(report->each);
  memset(report, 0, sizeof *report);
}

static int contains(const uint32_t *items, size_t n, uint32_t item) {
  for (size_t i = 0; i < n; i++)
    if (items[i] == item) return 1;
  return 0;
}

static uint32_t count_categories(const sol_slate_asked *asked, const solid_scored *list, uint32_t n) {
  uint32_t found = 0;
  for (uint32_t k = 0; k < n; k++)
    for (uint32_t i = asked->category_at[list[k].item]; i < asked->category_at[list[k].item + 1]; i++) {
      int before = 0;
      for (uint32_t j = 0; j < k && !before; j++)
        before = contains(asked->category + asked->category_at[list[j].item],
                          asked->category_at[list[j].item + 1] - asked->category_at[list[j].item], asked->category[i]);
      found += !before;
    }
  return found;
}

/* Mean over the pairs of a list of n items. */
static double mean_likeness(const solid_scored *list, uint32_t n, const sol_likeness *judged, uint32_t but) {
  double sum = 0;
  for (uint32_t a = 0; a < n; a++)
    for (uint32_t b = 0; b < a; b++) sum += sol_likeness_of(judged, list[a].item, list[b].item, but);
  return n < 2 ? 0 : sum / (n * (n - 1) / 2.0);
}

void sol_slate_judge(solid_slate_report *report, const sol_slate_asked *asked, uint32_t i, const solid_scored *list,
                     double log_p, const sol_likeness judged[SOLID_ALIKES], uint8_t *shown) {
  const uint32_t *known = asked->items + asked->known[i], *target = asked->items + asked->targets[i];
  size_t n_known = asked->targets[i] - asked->known[i], n_targets = asked->known[i + 1] - asked->targets[i];
  double hits = 0, dcg = 0, ideal = 0, *each = report->each;
  uint32_t n = 0, invalid = 0, repeated = 0, next = 0, users = report->users;
  while (n < asked->rows && list[n].item != SOLID_NO_ITEM) n++;
  for (uint32_t k = 0; k < n; k++) {
    int hit = contains(target, n_targets, list[k].item);
    hits += hit;
    dcg += hit / log2(k + 2.0);
    next |= list[k].item == target[0];
    invalid |= (uint32_t)contains(known, n_known, list[k].item);
    for (uint32_t j = 0; j < k; j++) repeated |= list[j].item == list[k].item;
    shown[list[k].item] = 1;
  }
  uint32_t most = n_targets < asked->rows ? (uint32_t)n_targets : asked->rows;
  for (size_t k = 0; k < most; k++) ideal += 1 / log2((double)k + 2);
  report->invalid += invalid;
  report->repeated += repeated;
  each[SOLID_SLATE_RECALL * users + i] = hits / most;
  each[SOLID_SLATE_NDCG * users + i] = dcg / ideal;
  each[SOLID_SLATE_NEXT * users + i] = next;
  for (uint32_t a = 0; a < SOLID_ALIKES; a++)
    each[(SOLID_SLATE_LIKENESS + a) * users + i] =
        mean_likeness(list, n, &judged[a], asked->judged_apart ? SOLID_NO_ITEM : asked->who[i]);
  each[SOLID_SLATE_CATEGORIES * users + i] = count_categories(asked, list, n);
  each[SOLID_SLATE_LIKELIHOOD * users + i] = log_p;
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double mean(const double *x, uint32_t n) {
  double sum = 0;
  for (uint32_t i = 0; i < n; i++) sum += x[i];
  return n ? sum / n : 0;
}

/* Percentiles 2.5 and 97.5 of the means of `resamples` draws of n with replacement. */
static solid_status interval(const double *x, uint32_t n, uint32_t resamples, uint64_t seed, double *low,
                             double *high) {
  double *means = calloc((size_t)resamples + 1, sizeof *means);
  if (!means) return solid_fail(SOLID_ENOMEM, "out of memory: %u resamples", resamples);
  sol_random random = sol_random_start(seed, 0xb007);
  for (uint32_t r = 0; r < resamples; r++) {
    for (uint32_t i = 0; i < n; i++) means[r] += x[sol_random_below(&random, n)];
    means[r] /= n;
  }
  qsort(means, resamples, sizeof *means, ascending);
  *low = resamples ? means[(size_t)(0.025 * (resamples - 1))] : 0;
  *high = resamples ? means[(size_t)(0.975 * (resamples - 1) + 0.5)] : 0;
  free(means);
  return SOLID_OK;
}

solid_status sol_slate_report_finish(solid_slate_report *report, uint32_t resamples, uint64_t seed) {
  solid_status status = SOLID_OK;
  for (int f = 0; f < SOLID_SLATE_FIGURES && !status; f++) {
    const double *each = report->each + (size_t)f * report->users;
    report->value[f] = mean(each, report->users);
    status = interval(each, report->users, resamples, seed, &report->low[f], &report->high[f]);
  }
  return status;
}

solid_status solid_slate_compare(const solid_slate_report *a, const solid_slate_report *b, solid_slate_figure figure,
                                 uint32_t resamples, uint64_t seed, double *difference, double *low, double *high) {
  if (!a || !b || a->users != b->users || !a->users || (unsigned)figure >= SOLID_SLATE_FIGURES)
    return solid_fail(SOLID_EINVAL, "slates: reports of %u and %u users", a ? a->users : 0, b ? b->users : 0);
  double *each = malloc(a->users * sizeof *each);
  if (!each) return solid_fail(SOLID_ENOMEM, "out of memory: differences of %u users", a->users);
  for (uint32_t i = 0; i < a->users; i++)
    each[i] = a->each[(size_t)figure * a->users + i] - b->each[(size_t)figure * a->users + i];
  *difference = mean(each, a->users);
  solid_status status = interval(each, a->users, resamples, seed, low, high);
  free(each);
  return status;
}
