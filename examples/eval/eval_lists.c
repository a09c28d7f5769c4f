#include "examples/eval/eval_lists.h"
#include "examples/eval/eval_ranks.h"
#include "solid/extend.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const lists_figure_names[LISTS_FIGURES] = {"recall", "ndcg", "likeness", "company", "content"};

/* ---- Files ---- */

static lists_point *point_of(lists_set *set, const char *curve, double knob) {
  size_t at = lists_find(set, curve, knob);
  if (at != SIZE_MAX) return &set->point[at];
  if (set->points == LISTS_POINTS) return NULL;
  lists_point *p = &set->point[set->points];
  p->each = calloc(set->users * LISTS_FIGURES, sizeof *p->each);
  if (!p->each) return NULL;
  snprintf(p->curve, sizeof p->curve, "%s", curve);
  p->knob = knob;
  set->points++;
  return p;
}

/* Adds numbers in ten-thousandths, blanks between. 0 where they are not n. */
static int add_values(double *sum, size_t n, const char *text) {
  for (size_t i = 0; i < n; i++) {
    char *end;
    long value = text ? strtol(text, &end, 10) : 0;
    if (!text || end == text) return 0;
    sum[i] += (double)value / 1e4;
    text = end;
  }
  return n == 0 || *text == '\0';
}

static solid_status add_list(lists_set *set, const json_t *list, const char *path) {
  const char *kind = json_string_value(json_object_get(list, "list")),
             *order = json_string_value(json_object_get(list, "order"));
  const json_t *each = json_object_get(list, "each");
  char curve[48];
  if (!kind || !order || !each) return solid_fail(SOLID_EFORMAT, "%s: lists without every user's figures", path);
  int slate = strcmp(kind, "slate") == 0, again = strcmp(kind, "re-ranked") == 0;
  snprintf(curve, sizeof curve, "%s%s", slate ? "" : again ? "re-ranked by " : kind, slate || again ? order : "");
  lists_point *p = point_of(set, curve, json_number_value(json_object_get(list, slate ? "guide" : "lambda")));
  if (!p) return solid_fail(SOLID_ENOMEM, "%s: no room for more than %d ways of making lists", path, LISTS_POINTS);
  for (int f = 0; f < LISTS_FIGURES; f++)
    if (!add_values(p->each + (size_t)f * set->users, set->users,
                    json_string_value(json_object_get(each, lists_figure_names[f]))))
      return solid_fail(SOLID_EFORMAT, "%s: %s is not of %zu users", path, lists_figure_names[f], set->users);
  p->forwards = json_number_value(json_object_get(list, "forwards"));
  p->runs++;
  set->lists += (json_int_t)set->users;
  set->invalid += json_integer_value(json_object_get(list, "invalid"));
  set->repeated += json_integer_value(json_object_get(list, "repeated"));
  return SOLID_OK;
}

/* What runs must share, as text. NULL: no memory. */
static char *asked_of(const json_t *root) {
  const json_t *manifest = json_object_get(root, "manifest"), *slates = json_object_get(root, "slates");
  json_t *asked =
      json_pack("{s:O?, s:O?, s:O?, s:O?, s:O?}", "data", json_object_get(manifest, "data_hash"), "questions",
                json_object_get(manifest, "questions_hash"), "part", json_object_get(root, "part"), "rows",
                json_object_get(slates, "rows"), "users", json_object_get(slates, "users"));
  char *text = asked ? json_dumps(asked, JSON_SORT_KEYS) : NULL;
  json_decref(asked);
  return text;
}

static solid_status add_root(lists_set *set, const json_t *root, const char *path) {
  const json_t *slates = json_object_get(root, "slates"), *lists = json_object_get(slates, "lists"), *list;
  char *asked = asked_of(root);
  size_t i;
  solid_status status = asked ? SOLID_OK : solid_fail(SOLID_ENOMEM, "no memory for %s", path);
  if (!status && !json_array_size(lists))
    status = solid_fail(SOLID_EFORMAT, "%s: no slates: not a result of solid_eval --slate", path);
  if (!status && set->asked && strcmp(asked, set->asked) != 0)
    status = solid_fail(SOLID_EMISMATCH, "%s asked %s, the files before it %s", path, asked, set->asked);
  if (!status && !set->asked) {
    set->users = (size_t)json_integer_value(json_object_get(slates, "users"));
    set->rows = json_integer_value(json_object_get(slates, "rows"));
    set->asked = asked;
    asked = NULL;
  }
  json_array_foreach(lists, i, list) if (!status) status = add_list(set, list, path);
  set->files++;
  free(asked);
  return status;
}

solid_status lists_add(lists_set *set, const char *path) {
  json_t *root = NULL;
  solid_status status = eval_result_read(&root, path);
  if (status) return status;
  status = add_root(set, root, path);
  json_decref(root);
  return status;
}

void lists_clear(lists_set *set) {
  for (size_t i = 0; i < set->points; i++) free(set->point[i].each);
  free(set->mean);
  free(set->asked);
  *set = (lists_set){0};
}

/* ---- Means and resamples ---- */

static int kind_of(const char *curve) {
  return strcmp(curve, "ranked") == 0 ? 0 : strncmp(curve, "re-ranked", 9) == 0 ? 1 : 2;
}

static int by_curve(const void *a, const void *b) {
  const lists_point *x = a, *y = b;
  if (kind_of(x->curve) != kind_of(y->curve)) return kind_of(x->curve) - kind_of(y->curve);
  int order = strcmp(x->curve, y->curve);
  return order ? order : (x->knob > y->knob) - (x->knob < y->knob);
}

/* splitmix64 (Steele, Lea, Flood 2014): a draw below n, n far below 2^32. */
static size_t draw(uint64_t *state, size_t n) {
  uint64_t z = *state += 0x9e3779b97f4a7c15;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
  z = (z ^ z >> 27) * 0x94d049bb133111eb;
  return (size_t)(((z ^ z >> 31) >> 32) * n >> 32);
}

static void take_means(lists_set *set, size_t resample, const uint32_t *count) {
  double *mean = set->mean + resample * set->points * LISTS_FIGURES;
  for (size_t p = 0; p < set->points; p++)
    for (size_t f = 0; f < LISTS_FIGURES; f++) {
      const double *x = set->point[p].each + f * set->users;
      double sum = 0;
      for (size_t u = 0; u < set->users; u++) sum += count[u] * x[u];
      mean[p * LISTS_FIGURES + f] = sum / ((double)set->users * (double)set->point[p].runs);
    }
}

solid_status lists_finish(lists_set *set, size_t resamples, uint64_t seed) {
  uint32_t *count = calloc(set->users + 1, sizeof *count);
  uint64_t state = seed;
  set->resamples = resamples;
  set->mean = calloc((1 + resamples) * set->points * LISTS_FIGURES + 1, sizeof *set->mean);
  solid_status status =
      count && set->mean ? SOLID_OK : solid_fail(SOLID_ENOMEM, "no memory for %zu resamples", resamples);
  size_t first = set->points > 1; /* 0 is the ranked list, which every file has */
  for (size_t p = first; p < set->points && !status; p++)
    if (set->point[p].runs != set->point[first].runs)
      status = solid_fail(SOLID_EMISMATCH, "%zu files have %s %g, %zu have %s", set->point[p].runs, set->point[p].curve,
                          set->point[p].knob, set->point[first].runs, set->point[first].curve);
  qsort(set->point, set->points, sizeof *set->point, by_curve);
  for (size_t r = 0; r <= resamples && !status; r++) {
    memset(count, 0, set->users * sizeof *count);
    for (size_t u = 0; u < set->users; u++) count[r ? draw(&state, set->users) : u]++;
    take_means(set, r, count);
  }
  free(count);
  return status;
}

size_t lists_find(const lists_set *set, const char *curve, double knob) {
  for (size_t i = 0; i < set->points; i++)
    if (strcmp(set->point[i].curve, curve) == 0 && set->point[i].knob == knob) return i;
  return SIZE_MAX;
}

/* ---- Estimates ---- */

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

lists_estimate lists_judge(const lists_set *set, lists_fn fn, const void *what) {
  lists_estimate e = {fn(set, 0, what), NAN, NAN};
  double *values = malloc((set->resamples + 1) * sizeof *values);
  size_t n = 0;
  for (size_t r = 1; r <= set->resamples && values; r++) {
    values[n] = fn(set, r, what);
    n += !isnan(values[n]);
  }
  if (n > 1 && !isnan(e.value)) {
    qsort(values, n, sizeof *values, ascending);
    e.low = values[(size_t)(0.025 * (double)(n - 1))];
    e.high = values[(size_t)(0.975 * (double)(n - 1) + 0.5)];
  }
  free(values);
  return e;
}

double lists_at(const lists_set *set, size_t resample, const char *curve, lists_figure figure, double level) {
  size_t before = SIZE_MAX, ranked = lists_find(set, "ranked", 0);
  int crossed = kind_of(curve) != 1; /* a slate's guide of 1 is the ranked list; lambda 0 is between the signs */
  double best = NAN;
  for (size_t p = 0; p < set->points; p++) {
    if (strcmp(set->point[p].curve, curve) != 0) continue;
    size_t here = p;
    if (!crossed && set->point[p].knob > 0 && ranked != SIZE_MAX) here = ranked, crossed = 1, p--;
    if (before != SIZE_MAX) {
      double a = lists_mean(set, resample, before, figure), b = lists_mean(set, resample, here, figure);
      double x = lists_mean(set, resample, before, LISTS_NDCG), y = lists_mean(set, resample, here, LISTS_NDCG);
      if (a != b && (level - a) * (level - b) <= 0)
        best = fmax(isnan(best) ? -1 : best, x + (y - x) * (level - a) / (b - a));
    }
    before = here;
  }
  return best;
}
