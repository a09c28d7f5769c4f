/* What the store has of the users of a batch. */
#include "solid/extend.h"
#include "solid/infer/worker/worker.h"
#include "solid/model/model_parts.h"
#include "solid/serve/answer.h"
#include "solid/serve/grouping.h"
#include <stdlib.h>
#include <string.h>

/* Items that the user took before the window, into the row's mask. */
static void take_seen(void *user, const uint64_t *items, size_t n) {
  sol_row *r = user;
  sol_answerer *a = r->owner;
  if (!a->seen) a->seen = calloc(a->max_batch, a->words * sizeof *a->seen);
  a->is_short |= !a->seen;
  if (!a->seen || !n) return;
  if (!r->seen) {
    r->seen = a->seen + (size_t)(r - a->rows) * a->words;
    memset(r->seen, 0, a->words * sizeof *r->seen);
  }
  for (size_t i = 0; i < n; i++) {
    uint32_t item = solid_model_item_by_hash(a->model, items[i]);
    if (item != SOLID_NO_ITEM) sol_exclude(r->seen, item);
  }
}

/* The store writes parameters where the worker reads them. */
static sol_row row_of(sol_answerer *a, size_t i, solid_bytes user, int is_seen_asked) {
  size_t d = a->info.width, P = a->info.params;
  return (sol_row){.owner = a,
                   .user = user,
                   .window = {.steps = a->steps + i * a->tail,
                              .most = a->keeper ? (uint32_t)a->tail : 0,
                              .dislikes = a->dislikes + i * SOLID_DISLIKES_MAX,
                              .take_seen = is_seen_asked ? take_seen : NULL,
                              .seen_user = &a->rows[i]},
                   .params = {.h = a->h + i * d,
                              .values = sol_worker_room(a->worker) + i * P,
                              .width = a->info.width,
                              .count = a->info.params},
                   .known = a->known + i * a->tail};
}

/* One round trip for all who have an id. */
solid_status sol_answer_read(sol_answerer *a, const solid_bytes *users, size_t n, int is_seen_asked) {
  size_t asked = 0;
  a->is_short = a->has_followed = 0;
  for (size_t i = 0; i < n; i++) {
    a->rows[i] = row_of(a, i, users[i], is_seen_asked);
    if (!users[i].size) continue;
    a->users[asked] = users[i];
    a->windows[asked] = a->rows[i].window;
    a->params[asked++] = a->rows[i].params;
  }
  if (!asked) a->has_followed = sol_catch_up(a->items, a->model);
  a->applied = sol_model_applied(a->model);
  if (!asked) return SOLID_OK;
  solid_status status =
      a->store->ops->get(a->store, a->users, asked, a->info.generation, a->windows, a->params, a->found, a->statuses);
  if (!status && a->is_short)
    status = solid_fail(SOLID_ENOMEM, "out of memory: items seen by %zu users at once", a->max_batch);
  if (status) return status;
  a->has_followed = sol_follow(&a->follower, a->items, a->store, a->model);
  a->applied = sol_model_applied(a->model);
  for (size_t i = 0, at = 0; i < n; i++) {
    sol_row *r = &a->rows[i];
    if (!r->user.size) continue;
    r->window = a->windows[at];
    r->status = a->statuses[at];
    r->found = a->found[at];
    if (r->found) r->params.seq = a->params[at].seq;
    if (r->found) r->params.made_ms = a->params[at].made_ms;
    if (r->found) r->params.items = a->params[at].items;
    r->n_known = sol_known_items(a->model, &r->window, a->info.window < a->tail ? a->info.window : a->tail,
                                 a->known + i * a->tail);
    at++;
  }
  return SOLID_OK;
}
