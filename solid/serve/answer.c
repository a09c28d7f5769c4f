/* The walk of a question: one round trip, the encoder where the stored state will not do, the generator where there are
 * no parameters, then apply, filters and top k. Every stage runs once for the whole batch, over packed rows. */
#include "solid/serve/grouping.h"
#include "solid/serve/recommender.h"
#include <math.h>
#include <string.h>

/* ---- What is stored ---- */

static void row_reset(solid_recommender *rec, size_t i, solid_bytes user) {
  size_t d = rec->info.width, P = rec->info.params, L = rec->info.window;
  rec->rows[i] = (sol_row){.source = SOLID_FROM_POPULARITY,
                           .user = user,
                           .window = {.steps = rec->steps + i * rec->store->window},
                           .params = {.h = rec->h + i * d,
                                      .values = rec->values + i * P,
                                      .width = rec->info.width,
                                      .count = rec->info.params,
                                      .element = rec->element},
                           .known = rec->known + i * L};
}

/* One round trip for all who have an id. */
static solid_status read_store(solid_recommender *rec, const solid_bytes *users, size_t n) {
  size_t asked = 0;
  for (size_t i = 0; i < n; i++) {
    row_reset(rec, i, users[i]);
    if (!users[i].size) continue;
    rec->users[asked] = users[i];
    rec->windows[asked] = rec->rows[i].window;
    rec->params[asked++] = rec->rows[i].params;
  }
  if (!asked) return SOLID_OK;
  solid_status status = rec->store->ops->get(rec->store, rec->users, asked, rec->info.generation, rec->windows,
                                             rec->params, rec->found, rec->statuses);
  if (status) return status;
  for (size_t i = 0, a = 0; i < n; i++) {
    sol_row *r = &rec->rows[i];
    if (!r->user.size) continue;
    r->window = rec->windows[a];
    r->status = rec->statuses[a];
    r->found = rec->found[a];
    if (r->found) r->params.seq = rec->params[a].seq;
    r->n_known = sol_known_items(rec->model, &r->window, rec->info.window, rec->known + i * rec->info.window);
    a++;
  }
  return SOLID_OK;
}

/* ---- State and layers of every user ---- */

/* Adds the window of row i: `n` stored items, then the session, the newest L of both. */
static void request_add(const solid_recommender *rec, sol_request *req, size_t i, const uint32_t *items, size_t n,
                        int with_session) {
  size_t L = rec->info.window, n_session = with_session ? rec->n_session : 0;
  size_t keep = n + n_session > L ? L - n_session : n;
  uint32_t *to = req->items + req->offsets[req->n];
  memcpy(to, items + n - keep, keep * sizeof *to);
  memcpy(to + keep, rec->session, n_session * sizeof *to);
  req->rows[req->n++] = i;
  req->offsets[req->n] = req->offsets[req->n - 1] + (uint32_t)(keep + n_session);
}

/* What each row needs. Parameters are always those of the stored window; session items are read by the encoder under
 * them, so that a cold user gets the answer that a warm one would. */
static void plan(solid_recommender *rec, size_t n) {
  rec->generate.n = rec->encode.n = 0;
  rec->generate.offsets[0] = rec->encode.offsets[0] = 0;
  for (size_t i = 0; i < n; i++) {
    sol_row *r = &rec->rows[i];
    int session = rec->n_session > 0;
    if (r->status) continue;
    if (r->found) {
      /* A window of which the model knows nothing has nothing to add to the state that is stored. */
      int newer = r->window.seq > r->params.seq && r->n_known;
      r->source = newer || session ? SOLID_FROM_CACHE_FRESH : SOLID_FROM_CACHE;
      if (newer || session) request_add(rec, &rec->encode, i, r->known, r->n_known, 1);
    } else if (r->n_known) {
      r->source = SOLID_FROM_GENERATION;
      r->params.seq = r->window.seq;
      request_add(rec, &rec->generate, i, r->known, r->n_known, 0);
      if (session) request_add(rec, &rec->encode, i, r->known, r->n_known, 1);
    } else if (session) {
      r->source = SOLID_FROM_SESSION;
      request_add(rec, &rec->generate, i, r->known, 0, 1);
    }
  }
}

/* Failing to put back is no reason to withhold the answer: the next one generates again. */
static void put_back(solid_recommender *rec) {
  size_t n = 0;
  for (size_t g = 0; g < rec->generate.n; g++) {
    const sol_row *r = &rec->rows[rec->generate.rows[g]];
    if (r->source != SOLID_FROM_GENERATION) continue;
    rec->params[n] = r->params;
    rec->params[n].generation = rec->info.generation;
    rec->users[n++] = r->user;
  }
  if (!n) return;
  solid_status status = rec->store->ops->put_params(rec->store, rec->users, rec->params, n, rec->statuses);
  for (size_t i = 0; i < n; i++) rec->stats.unsaved += status || rec->statuses[i];
}

static void scatter(float *to, const float *from, const sol_request *req, size_t width) {
  for (size_t i = 0; i < req->n; i++) memcpy(to + req->rows[i] * width, from + i * width, width * sizeof *to);
}

/* h and params of every row that has any, each at the row's place. */
static solid_status compute(solid_recommender *rec) {
  solid_status status = SOLID_OK;
  if (rec->generate.n) {
    solid_windows windows = {rec->generate.n, rec->generate.offsets, rec->generate.items};
    status = solid_worker_generate(rec->worker, &windows, rec->new_h, rec->new_values);
    if (status) return status;
    scatter(rec->h, rec->new_h, &rec->generate, rec->info.width);
    scatter(rec->values, rec->new_values, &rec->generate, rec->info.params);
    put_back(rec);
  }
  if (rec->encode.n) {
    solid_windows windows = {rec->encode.n, rec->encode.offsets, rec->encode.items};
    status = solid_worker_encode(rec->worker, &windows, rec->new_h);
    if (status) return status;
    scatter(rec->h, rec->new_h, &rec->encode, rec->info.width);
  }
  return SOLID_OK;
}

/* ---- Ranking ---- */

/* For a row without a user vector; nothing for a user who is set aside. */
static size_t rank_by_popularity(const solid_recommender *rec, const sol_row *r, size_t k, solid_scored *out) {
  size_t count = 0;
  for (size_t i = 0; i < rec->info.items && count < k && !r->status; i++) {
    uint32_t item = rec->by_popularity[i];
    if (!sol_is_excluded(rec->common, item)) out[count++] = (solid_scored){item, rec->popularity[item]};
  }
  for (size_t i = count; i < k; i++) out[i] = (solid_scored){SOLID_NO_ITEM, -INFINITY};
  return count;
}

/* Moves the rows that have a user vector to the front, in order, with an exclusion row each; returns how many. */
static size_t gather(solid_recommender *rec, const solid_query *query, size_t n) {
  size_t d = rec->info.width, P = rec->info.params, m = 0;
  for (size_t i = 0; i < n; i++) {
    const sol_row *r = &rec->rows[i];
    if (r->source == SOLID_FROM_POPULARITY) continue;
    if (m != i) {
      memcpy(rec->h + m * d, rec->h + i * d, d * sizeof *rec->h);
      memcpy(rec->values + m * P, rec->values + i * P, P * sizeof *rec->values);
    }
    uint64_t *mask = rec->excluded + m * rec->words;
    memcpy(mask, rec->common, rec->words * sizeof *mask);
    for (size_t s = 0; s < r->n_known && query->exclude_seen; s++) sol_exclude(mask, r->known[s]);
    m++;
  }
  return m;
}

static solid_status rank(solid_recommender *rec, const solid_query *query, size_t n, solid_scored *out) {
  size_t k = query->k, m = gather(rec, query, n);
  if (m) {
    solid_status status = solid_worker_apply(rec->worker, m, rec->h, rec->values, rec->new_h);
    if (!status) status = solid_worker_rank(rec->worker, m, rec->new_h, rec->excluded, k, out, rec->counts);
    if (status) return status;
  }
  /* Back to the rows' own places, from the last, since none moves towards the front. */
  for (size_t i = n; i-- > 0;) {
    if (rec->rows[i].source == SOLID_FROM_POPULARITY) {
      rec->counts[i] = rank_by_popularity(rec, &rec->rows[i], k, out + i * k);
    } else if (--m != i) {
      memcpy(out + i * k, out + m * k, k * sizeof *out);
      rec->counts[i] = rec->counts[m];
    }
  }
  return SOLID_OK;
}

solid_status sol_answer(solid_recommender *rec, const solid_bytes *users, size_t n, const solid_query *query,
                        solid_scored *out) {
  solid_status status = read_store(rec, users, n);
  if (status) return status;
  plan(rec, n);
  status = compute(rec);
  return status ? status : rank(rec, query, n, out);
}
