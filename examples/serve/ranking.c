/* A query's rules over the recommender's list. Blocked, allowed and seen items and the category are the recommender's
 * own filters; what it does not know (boosts, at most n of a category) is done here, over so much of the list that the
 * answer is that of the whole list. */
#include "examples/serve/answering.h"
#include "solid/extend.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { AT_FIRST = 4 }; /* so many times k */

static int has_rules(const serve_query *query) {
  return query->n_boosted || query->per_category;
}

static int is_among(const solid_model *model, uint32_t item, const solid_bytes *ids, size_t n, size_t *which) {
  solid_bytes id = solid_model_item_id(model, item);
  for (size_t i = 0; i < n; i++)
    if (ids[i].size == id.size && memcmp(ids[i].data, id.data, id.size) == 0) {
      *which = i;
      return 1;
    }
  return 0;
}

static double highest_boost(const serve_query *query) {
  double most = 0;
  for (size_t i = 0; i < query->n_boosted; i++) most = query->boosts[i] > most ? query->boosts[i] : most;
  return most;
}

static int by_score(const void *left, const void *right) {
  const solid_scored *a = left, *b = right;
  if (a->score != b->score) return a->score > b->score ? -1 : 1;
  return (a->item > b->item) - (a->item < b->item);
}

/* Takes the item if no category of it is full; `held` counts by category. */
static int takes(const solid_model *model, uint32_t item, uint32_t most, uint32_t *held) {
  const uint32_t *categories = NULL;
  size_t n = 0;
  if (!most) return 1;
  if (solid_model_item_categories(model, item, &categories, &n)) return 0;
  for (size_t i = 0; i < n; i++)
    if (held[categories[i]] >= most) return 0;
  for (size_t i = 0; i < n; i++) held[categories[i]]++;
  return 1;
}

/* In place: boosted, in order, no category too often. Returns how many of at most k. */
static size_t apply_rules(const solid_model *model, const serve_query *query, solid_scored *best, size_t n,
                          uint32_t *held) {
  size_t which = 0, kept = 0;
  for (size_t i = 0; i < n; i++)
    if (is_among(model, best[i].item, query->boosted, query->n_boosted, &which))
      best[i].score += (float)query->boosts[which];
  if (query->n_boosted) qsort(best, n, sizeof *best, by_score);
  for (size_t i = 0; i < n && kept < query->k; i++)
    if (takes(model, best[i].item, query->per_category, held)) best[kept++] = best[i];
  return kept;
}

void answering_filters(const serve_query *query, solid_query *out) {
  out->exclude_seen = query->exclude_seen;
  out->blocked = query->blocked;
  out->n_blocked = query->n_blocked;
  out->category = query->category;
  out->session = query->session;
  out->n_session = query->n_session;
  out->only_allowed = query->has_allowed;
  out->allowed = query->allowed;
  out->n_allowed = query->n_allowed;
}

static solid_status ask(const solid_seat *seat, const serve_query *query, uint32_t k, solid_scored *best,
                        serve_made *made) {
  solid_query q = SOLID_QUERY_INIT;
  q.k = k;
  answering_filters(query, &q);
  made->answer.struct_size = sizeof made->answer;
  solid_bytes user = made->is_fallback ? (solid_bytes){NULL, 0} : query->user;
  return solid_recommend(seat->recommender, user, &q, best, &made->answer);
}

static solid_status no_memory(void) {
  return solid_fail(SOLID_ENOMEM, "out of memory: answer");
}

solid_status answering_rank(serve_desk *desk, const solid_seat *seat, const serve_query *query, size_t items,
                            serve_made *made) {
  solid_model_info info = {.struct_size = sizeof info};
  solid_status status = solid_model_get_info(seat->model, &info);
  if (status) return status;
  size_t wanted = query->k < items ? query->k : items, asked = has_rules(query) ? AT_FIRST * wanted : wanted;
  uint32_t *held = calloc((size_t)info.categories + 1, sizeof *held);
  if (!held) return no_memory();
  for (;; asked *= 2) {
    if (asked > items) asked = items;
    status = serve_desk_room(desk, asked) ? ask(seat, query, (uint32_t)asked, desk->best, made) : no_memory();
    if (status || !has_rules(query)) break;
    size_t got = made->answer.count;
    float last = got ? desk->best[got - 1].score : 0;
    memset(held, 0, ((size_t)info.categories + 1) * sizeof *held);
    made->answer.count = apply_rules(seat->model, query, desk->best, got, held);
    /* All that there is, or nothing behind the list could come before the last that was taken. */
    if (got < asked || asked == items) break;
    if (made->answer.count == wanted && desk->best[wanted - 1].score >= last + (float)highest_boost(query)) break;
  }
  free(held);
  return status;
}
