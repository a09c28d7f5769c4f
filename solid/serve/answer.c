#include "solid/serve/answer.h"
#include "solid/base/arena.h"
#include "solid/base/clock.h"
#include "solid/base/text.h"
#include "solid/extend.h"
#include "solid/infer/worker/worker.h"
#include "solid/model/model_parts.h"
#include "solid/serve/grouping.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- What each answer is made of ---- */

/* 1 if the parameters are old enough to be made again. Parameters ahead of their window are left to the writer. */
static int is_too_old(const sol_answerer *a, const sol_row *r, int64_t now_ms) {
  if (r->window.seq <= r->params.seq || !r->n_known) return 0;
  if (a->refresh_events && r->window.seq - r->params.seq >= a->refresh_events) return 1;
  return a->refresh_ms && now_ms - r->params.made_ms >= a->refresh_ms;
}

/* 1 if among the steps that the parameters have seen there is an item that their maker did not know yet. */
static int lacks_items(const sol_answerer *a, const sol_row *r) {
  int some = 0;
  for (size_t i = 0; i < r->n_known && a->closed && !some; i++) some = r->known[i] >= a->info.items;
  return some && sol_has_later_items(a->model, &r->window, r->params.seq, r->params.items);
}

/* A window without an item that the model knows adds nothing to the stored state. The model is not asked about a user
 * who is set aside. */
static solid_source source_of(const sol_answerer *a, const sol_row *r, int session, int64_t now_ms) {
  if (r->status) return SOLID_FROM_POPULARITY;
  int newer = r->window.seq > r->params.seq && r->n_known;
  if (r->found && (is_too_old(a, r, now_ms) || lacks_items(a, r))) return SOLID_FROM_GENERATION;
  if (r->found) return newer || session ? SOLID_FROM_CACHE_FRESH : SOLID_FROM_CACHE;
  if (r->n_known) return SOLID_FROM_GENERATION;
  return session ? SOLID_FROM_SESSION : SOLID_FROM_POPULARITY;
}

/* Parameters are always those of the stored window; session items are read by the encoder under them, so that a cold
 * user gets the answer that a warm one would. */
static solid_question question_of(const sol_row *r, const sol_ask *ask) {
  solid_question stored = {.h = r->params.h, .params = r->params.values};
  solid_question window = {
      .window = r->known, .n_window = r->n_known, .session = ask->session, .n_session = ask->n_session};
  switch (r->source) {
  case SOLID_FROM_CACHE:
    return stored;
  case SOLID_FROM_CACHE_FRESH:
    window.params = r->params.values;
    return window;
  case SOLID_FROM_GENERATION:
    window.keep = 1;
    return window;
  case SOLID_FROM_SESSION:
  case SOLID_FROM_POPULARITY:
    break;
  }
  return (solid_question){.window = ask->session, .n_window = ask->n_session};
}

/* Question q with the state that the keeper is to grant: whatever is not stored is read from it. */
static void wish_for(sol_answerer *a, size_t q, const sol_row *r, const sol_ask *ask, size_t *n) {
  solid_question *question = &a->questions[q];
  size_t d = a->info.width;
  if (!a->keeper || r->source == SOLID_FROM_CACHE) return;
  int alone = r->source == SOLID_FROM_SESSION;
  a->wishes[(*n)++] = (sol_wish){.user = alone ? (solid_bytes){NULL, 0} : r->user,
                                 .window = &r->window,
                                 .session = ask->session,
                                 .n_session = ask->n_session,
                                 .h = alone ? NULL : a->fresh + q * d,
                                 .with_session = ask->n_session ? a->with + q * d : NULL};
  question->h = ask->n_session ? a->with + q * d : a->fresh + q * d;
  question->session = NULL, question->n_session = 0;
}

/* Returns how many rows the model answers, and sets how many wishes the keeper has. */
static size_t plan(sol_answerer *a, size_t n, const sol_ask *ask, solid_scored *out, size_t *wishes) {
  size_t m = 0;
  int64_t now_ms = sol_wall_ms();
  for (size_t i = 0; i < n; i++) {
    sol_row *r = &a->rows[i];
    r->source = source_of(a, r, ask->n_session > 0, now_ms);
    if (r->source == SOLID_FROM_POPULARITY) continue;
    if (r->source == SOLID_FROM_GENERATION) r->params.seq = r->window.seq;
    a->questions[m] = question_of(r, ask);
    wish_for(a, m, r, ask, wishes);
    a->questions[m].best = out + i * ask->k;
    if (ask->states) a->questions[m].state = ask->states + i * a->info.width;
    if (ask->vectors) a->questions[m].vector = ask->vectors + i * a->info.width;
    a->asked_by[m++] = i;
  }
  return m;
}

/* The user's disliked items that this model knows; returns how many. */
static size_t known_dislikes(const sol_answerer *a, const sol_row *r, uint32_t items[SOLID_DISLIKES_MAX]) {
  size_t n = 0;
  for (size_t i = 0; i < r->window.n_dislikes; i++) {
    uint32_t item = solid_model_item_by_hash(a->model, r->window.dislikes[i]);
    if (item != SOLID_NO_ITEM) items[n++] = item;
  }
  return n;
}

/* Each question's mask, where the worker reads it. */
static void exclude(sol_answerer *a, size_t m, const sol_ask *ask) {
  uint64_t *mask = sol_worker_masks(a->worker, m);
  uint32_t disliked[SOLID_DISLIKES_MAX];
  for (size_t q = 0; q < m; q++, mask += a->words) {
    sol_row *r = &a->rows[a->asked_by[q]];
    memcpy(mask, ask->common, a->words * sizeof *mask);
    for (size_t w = 0; w < a->words && a->closed; w++) mask[w] |= a->closed[w];
    for (size_t s = 0; s < r->n_known && ask->exclude_seen; s++) sol_exclude(mask, r->known[s]);
    for (size_t w = 0; w < a->words && r->seen; w++) mask[w] |= r->seen[w];
    for (size_t i = known_dislikes(a, r, disliked); i-- > 0;) sol_exclude(mask, disliked[i]);
    a->questions[q].excluded = r->excluded = mask;
  }
}

/* ---- Answers ---- */

/* A failure to store new parameters does not withhold the answer: the next question generates again. */
static void put_back(sol_answerer *a, size_t m) {
  size_t n = 0;
  for (size_t q = 0; q < m; q++) {
    const sol_row *r = &a->rows[a->asked_by[q]];
    int made = a->keeper ? r->source == SOLID_FROM_GENERATION : a->questions[q].made_h != NULL;
    if (!made) continue;
    a->params[n] = (solid_params){.h = a->keeper ? a->fresh + q * a->info.width : a->questions[q].made_h,
                                  .values = a->questions[q].made_params,
                                  .seq = r->params.seq,
                                  .generation = a->info.generation,
                                  .width = a->info.width,
                                  .count = a->info.params,
                                  .element = a->element,
                                  .life = r->window.life,
                                  .items = (uint32_t)a->applied & 0xffffff};
    a->users[n++] = r->user;
  }
  if (!n) return;
  solid_status status = a->store->ops->put_params(a->store, a->users, a->params, n, a->statuses);
  for (size_t i = 0; i < n; i++) a->unsaved += status || a->statuses[i];
}

static int is_among(const uint32_t *items, size_t n, uint32_t item) {
  size_t i = 0;
  while (i < n && items[i] != item) i++;
  return i < n;
}

/* For a row without a user vector; nothing for a user who is set aside. */
static size_t rank_by_popularity(const sol_answerer *a, const sol_row *r, const sol_ask *ask, solid_scored *out) {
  uint32_t disliked[SOLID_DISLIKES_MAX];
  size_t count = 0, n_disliked = known_dislikes(a, r, disliked);
  for (uint32_t i = 0; i < a->info.rows && count < ask->k && !r->status; i++) {
    uint32_t item = i < a->info.items ? a->by_popularity[i] : i; /* of items that joined nothing is known */
    int is_seen = r->seen && sol_is_excluded(r->seen, item);
    if (is_seen || (a->closed && sol_is_excluded(a->closed, item))) continue;
    if (!sol_is_excluded(ask->common, item) && !is_among(disliked, n_disliked, item))
      out[count++] = (solid_scored){item, a->popularity[item]};
  }
  for (size_t i = count; i < ask->k; i++) out[i] = (solid_scored){SOLID_NO_ITEM, -INFINITY};
  return count;
}

/* An item whose score is NaN is never among the best, so fewer best items than open items is as wrong as an infinite
 * score. The rows of the items are finite and small (tensors.h). Therefore a score that is not finite means that u
 * has an element that is not finite, and then every score is infinite or NaN: to look at the best is enough. Damaged
 * parameters or a damaged model must show, so the user gets an error and no items. */
static void judge_scores(const sol_answerer *a, size_t q, const sol_ask *ask) {
  const solid_question *question = &a->questions[q];
  sol_row *r = &a->rows[a->asked_by[q]];
  size_t open = 0, count = question->count; /* items to choose from, counted only if too few came back */
  for (size_t i = 0; i < a->info.rows && count < ask->k; i++) open += !sol_is_excluded(question->excluded, (uint32_t)i);
  if (count >= (open < ask->k ? open : ask->k) &&
      (!count || (isfinite(question->best[0].score) && isfinite(question->best[count - 1].score))))
    return;
  r->status = solid_fail(SOLID_ERANGE,
                         "user %s: %zu of %zu items have scores that are numbers: the model or the stored parameters "
                         "are damaged",
                         sol_show(r->user.data, r->user.size).text, count, open);
  r->count = 0;
  for (size_t i = 0; i < ask->k; i++) question->best[i] = (solid_scored){SOLID_NO_ITEM, -INFINITY};
}

/* The worker ranks no more places than there are items. */
static solid_status rank(sol_answerer *a, size_t m, const sol_ask *ask) {
  size_t items = solid_model_item_count(a->model), k = ask->k < items ? ask->k : items;
  solid_status status = solid_worker_answer(a->worker, a->questions, m, k);
  for (size_t q = 0; q < m && !status; q++)
    for (size_t i = k; i < ask->k; i++) a->questions[q].best[i] = (solid_scored){SOLID_NO_ITEM, -INFINITY};
  return status;
}

solid_status sol_answer(sol_answerer *a, size_t n, const sol_ask *ask, solid_scored *out) {
  size_t wishes = 0, m = plan(a, n, ask, out, &wishes);
  if (a->closed) solid_model_closed_items(a->model, a->closed);
  exclude(a, m, ask);
  solid_status status = wishes ? sol_keeper_grant(a->keeper, a->wishes, wishes) : SOLID_OK;
  if (!status) status = rank(a, m, ask);
  if (status) return status;
  for (size_t q = 0; q < m; q++) {
    a->rows[a->asked_by[q]].count = a->questions[q].count;
    judge_scores(a, q, ask);
  }
  for (size_t i = 0; i < n; i++) {
    sol_row *r = &a->rows[i];
    if (r->source == SOLID_FROM_POPULARITY) r->count = rank_by_popularity(a, r, ask, out + i * ask->k);
  }
  put_back(a, m);
  return SOLID_OK;
}
