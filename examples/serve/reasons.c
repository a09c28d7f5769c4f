#include "examples/serve/reasons.h"
#include "examples/common/item_json.h"
#include "solid/extend.h"
#include <stdlib.h>

enum { SHOWN = 2 };

static const float least = 0.1f; /* a cosine below says nothing */

solid_status reasons_history(serve_desk *desk, const solid_model *model, solid_bytes user, uint32_t **items,
                             size_t *count, uint64_t *seq) {
  solid_store *store = desk->store;
  solid_params none = {.seq = 0};
  uint8_t found;
  solid_window window = {.steps = calloc(store->window, sizeof *window.steps)};
  solid_status of_user = SOLID_OK, status = SOLID_OK;
  *count = 0;
  *items = calloc(store->window, sizeof **items);
  if (!window.steps || !*items)
    status = solid_fail(SOLID_ENOMEM, "out of memory: history");
  else
    status = store->ops->get(store, &user, 1, 0, &window, &none, &found, &of_user);
  if (!status) status = of_user;
  for (size_t i = 0; i < window.count && !status; i++) {
    uint32_t item = solid_model_item_by_hash(model, window.steps[i].item);
    if (item != SOLID_NO_ITEM) (*items)[(*count)++] = item;
  }
  *seq = window.seq;
  free(window.steps);
  return status;
}

void reasons_begin(reasons *why, serve_desk *desk, const solid_seat *seat, const serve_query *query) {
  uint64_t seq;
  if (query->user.size && reasons_history(desk, seat->model, query->user, &why->items, &why->count, &seq))
    why->count = 0;
  uint32_t *all = realloc(why->items, (why->count + query->n_session + 1) * sizeof *all);
  if (!all) return;
  why->items = all;
  for (size_t i = 0; i < query->n_session; i++) {
    uint32_t item = solid_model_item_index(seat->model, query->session[i]);
    if (item != SOLID_NO_ITEM) all[why->count++] = item;
  }
}

void reasons_end(reasons *why) {
  free(why->items);
  *why = (reasons){0};
}

/* The events most like the item, none twice; returns how many. */
static size_t nearest(const reasons *why, const solid_seat *seat, uint32_t item, solid_scored out[SHOWN]) {
  size_t n = 0;
  for (size_t i = 0; i < why->count; i++) {
    float score = solid_neighbours_cosine(seat->neighbours, item, why->items[i]);
    size_t at = 0;
    while (at < n && out[at].item != why->items[i]) at++;
    if (score < least || at < n || (n == SHOWN && score <= out[n - 1].score)) continue;
    for (at = n < SHOWN ? n++ : n - 1; at && out[at - 1].score < score; at--) out[at] = out[at - 1];
    out[at] = (solid_scored){why->items[i], score};
  }
  return n;
}

static int has_category(const solid_model *model, uint32_t item, uint32_t category) {
  const uint32_t *of = NULL;
  size_t n = 0;
  if (solid_model_item_categories(model, item, &of, &n)) return 0;
  for (size_t i = 0; i < n; i++)
    if (of[i] == category) return 1;
  return 0;
}

void reasons_write(const reasons *why, const solid_seat *seat, uint32_t item, growing *out) {
  solid_scored events[SHOWN];
  const uint32_t *categories = NULL;
  size_t n = nearest(why, seat, item, events), n_categories = 0, written = 0;
  growing_text(out, ",\"reasons\":{\"events\":[");
  for (size_t i = 0; i < n; i++) {
    if (i) growing_text(out, ",");
    item_json(out, seat->model, events[i].item);
    growing_text(out, ",\"similarity\":");
    growing_number(out, (double)events[i].score);
    growing_text(out, "}");
  }
  growing_text(out, "],\"shared\":[");
  if (solid_model_item_categories(seat->model, item, &categories, &n_categories)) n_categories = 0;
  for (size_t c = 0; c < n_categories; c++) {
    size_t i = 0;
    while (i < n && !has_category(seat->model, events[i].item, categories[c])) i++;
    if (i == n) continue;
    solid_bytes name = solid_model_category_name(seat->model, categories[c]);
    if (written++) growing_text(out, ",");
    growing_json(out, name.data, name.size);
  }
  growing_text(out, "]}");
}
