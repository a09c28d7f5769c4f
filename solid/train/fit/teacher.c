#include "solid/train/fit/teacher.h"
#include "solid/extend.h"
#include "solid/train/data/split.h"
#include "solid/worker.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define AT_ONCE 512 /* windows */

/* One model at work on the events in their order. */
typedef struct lesson {
  const sol_history *history;
  const sol_teacher_options *options;
  sol_teacher *teacher;
  uint32_t model, window;
  solid_worker *worker;
  uint32_t n;                /* windows that wait */
  size_t *events;            /* (AT_ONCE) what each is asked about */
  uint32_t *offsets, *items; /* (AT_ONCE + 1), (AT_ONCE * window) */
  float *h, *params;
  solid_scored *scored; /* (AT_ONCE, depth) */
  size_t *counts;
} lesson;

static void lesson_close(lesson *l) {
  solid_worker_free(l->worker);
  free(l->events);
  free(l->offsets);
  free(l->items);
  free(l->h);
  free(l->params);
  free(l->scored);
  free(l->counts);
}

static solid_status check_items(const solid_model *model, const solid_model_info *info, const sol_history *history) {
  if (info->items != history->items)
    return solid_fail(SOLID_EMISMATCH, "a teacher of %u items for data of %u", info->items, history->items);
  for (uint32_t v = 0; v < history->items; v++) {
    solid_bytes id = sol_vocab_id(&history->item_ids, v);
    if (solid_model_item_index(model, id) != v)
      return solid_fail(SOLID_EMISMATCH, "item \"%.*s\" has another place in the teacher", (int)id.size, id.data);
  }
  return SOLID_OK;
}

static solid_status lesson_open(lesson *l, const solid_model *model) {
  solid_model_info info = {.struct_size = sizeof info};
  solid_status status = solid_model_get_info(model, &info);
  if (status == SOLID_OK) status = check_items(model, &info, l->history);
  if (status == SOLID_OK) status = solid_worker_new(&l->worker, model, AT_ONCE);
  if (status != SOLID_OK) return status;
  l->window = info.window;
  l->teacher->hash = XXH3_64bits_withSeed(&info.generation, sizeof info.generation, l->teacher->hash);
  l->events = malloc(AT_ONCE * sizeof *l->events);
  l->offsets = malloc((AT_ONCE + 1) * sizeof *l->offsets);
  l->items = malloc((size_t)AT_ONCE * info.window * sizeof *l->items);
  l->h = malloc((size_t)AT_ONCE * info.width * sizeof *l->h);
  l->params = malloc(((size_t)AT_ONCE * info.params + 1) * sizeof *l->params);
  l->scored = malloc((size_t)AT_ONCE * l->options->depth * sizeof *l->scored);
  l->counts = malloc(AT_ONCE * sizeof *l->counts);
  if (!l->events || !l->offsets || !l->items || !l->h || !l->params || !l->scored || !l->counts)
    return solid_fail(SOLID_ENOMEM, "no memory to ask a teacher");
  l->offsets[0] = 0;
  return SOLID_OK;
}

/* What a ranking says, as cumulative probabilities. */
static void note(const lesson *l, uint32_t window) {
  uint32_t depth = l->options->depth;
  size_t at = (l->events[window] * l->teacher->models + l->model) * depth;
  const solid_scored *scored = l->scored + (size_t)window * depth;
  double sum = 0, run = 0, temperature = (double)l->options->temperature;
  for (uint32_t k = 0; k < l->counts[window]; k++)
    sum += exp((double)(scored[k].score - scored[0].score) / temperature);
  for (uint32_t k = 0; k < depth; k++) {
    int there = k < l->counts[window];
    if (there) run += exp((double)(scored[k].score - scored[0].score) / temperature) / sum;
    l->teacher->items[at + k] = there ? scored[k].item : scored[0].item;
    l->teacher->reach[at + k] = (float)run;
  }
  l->teacher->reach[at + depth - 1] = 1;
}

static solid_status ask(lesson *l) {
  solid_windows windows = {l->n, l->offsets, l->items};
  solid_status status = solid_worker_generate(l->worker, &windows, l->h, l->params);
  if (status == SOLID_OK) status = solid_worker_apply(l->worker, l->n, l->h, l->params, l->h);
  if (status == SOLID_OK)
    status = solid_worker_rank(l->worker, l->n, l->h, NULL, l->options->depth, l->scored, l->counts);
  for (uint32_t w = 0; w < l->n && status == SOLID_OK; w++) note(l, w);
  l->n = 0;
  return status;
}

static solid_status give(lesson *l) {
  solid_status status = SOLID_OK;
  for (uint32_t u = 0; u < l->history->users && status == SOLID_OK; u++) {
    sol_range train = sol_split_train(l->history, u);
    for (size_t e = train.begin + 1; e < train.end && status == SOLID_OK; e++) {
      size_t first = e - train.begin > l->window ? e - l->window : train.begin;
      uint32_t at = l->offsets[l->n];
      memcpy(l->items + at, l->history->sequence + first, (e - first) * sizeof *l->items);
      l->events[l->n++] = e;
      l->offsets[l->n] = at + (uint32_t)(e - first);
      if (l->n == AT_ONCE) status = ask(l);
    }
  }
  return status == SOLID_OK && l->n > 0 ? ask(l) : status;
}

solid_status sol_teacher_ask(sol_teacher *out, const solid_model *const *models, uint32_t count,
                             const sol_history *history, const sol_teacher_options *options) {
  sol_teacher_options defaults = SOL_TEACHER_OPTIONS_INIT;
  if (defaults.depth > history->items) defaults.depth = history->items;
  if (options == NULL) options = &defaults;
  if (count == 0) return solid_fail(SOLID_EINVAL, "no teacher");
  if (options->depth == 0 || options->depth > history->items || !(options->temperature > 0))
    return solid_fail(SOLID_EINVAL, "teacher: depth %u of %u items, temperature %g", options->depth, history->items,
                      (double)options->temperature);
  size_t cells = history->events * count * options->depth;
  sol_teacher made = {.depth = options->depth, .models = count};
  made.hash = XXH3_64bits_withSeed(options, sizeof *options, count);
  made.items = calloc(cells, sizeof *made.items);
  made.reach = calloc(cells, sizeof *made.reach);
  solid_status status = SOLID_OK;
  if (!made.items || !made.reach)
    status = solid_fail(SOLID_ENOMEM, "no memory for what %u teachers say about %zu events", count, history->events);
  for (uint32_t m = 0; m < count && status == SOLID_OK; m++) {
    lesson l = {.history = history, .options = options, .teacher = &made, .model = m};
    status = lesson_open(&l, models[m]);
    if (status == SOLID_OK) status = give(&l);
    lesson_close(&l);
  }
  if (status == SOLID_OK)
    *out = made;
  else
    sol_teacher_clear(&made);
  return status;
}

int32_t sol_teacher_draw(const sol_teacher *teacher, size_t e, double uniform) {
  double scaled = uniform * teacher->models;
  uint32_t model = (uint32_t)scaled < teacher->models ? (uint32_t)scaled : teacher->models - 1, k = 0;
  size_t at = (e * teacher->models + model) * teacher->depth;
  if (teacher->reach[at + teacher->depth - 1] == 0) return -1;
  float left = (float)(scaled - model);
  while (k + 1 < teacher->depth && teacher->reach[at + k] <= left) k++;
  return (int32_t)teacher->items[at + k];
}

void sol_teacher_clear(sol_teacher *teacher) {
  free(teacher->items);
  free(teacher->reach);
  *teacher = (sol_teacher){0};
}
