/* A slate begins like a recommendation: store, sources, filters and the ranker's list are the same. The list is not
 * returned but becomes the guide, and the decoder reads the state and the vector that the list came from. */
#include "solid/slate.h"
#include "solid/base/handshake.h"
#include "solid/extend.h"
#include "solid/serve/recommender.h"
#include <stdlib.h>
#include <string.h>

const char *solid_slate_order_name(uint32_t order) {
  switch (order) {
  case SOLID_SLATE_TRAINED:
    return "trained";
  case SOLID_SLATE_RASTER:
    return "raster";
  case SOLID_SLATE_ZIPAR:
    return "zipar";
  case SOLID_SLATE_NEAR_TO_FAR:
    return "near-to-far";
  case SOLID_SLATE_ADAPTIVE:
    return "zipar:adaptive";
  }
  return "unknown";
}

/* ---- Memory ---- */

void sol_recommender_free_slates(solid_recommender *rec) {
  sol_slater_free(rec->slater);
  free(rec->slates);
  free(rec->states);
  free(rec->vectors);
  free(rec->listed);
  rec->slater = NULL;
  rec->slates = NULL;
  rec->states = rec->vectors = NULL;
  rec->listed = NULL;
}

static solid_status take_memory(solid_recommender *rec) {
  const sol_answerer *a = &rec->answerer;
  size_t B = a->max_batch, d = a->info.width;
  if (rec->slater) return SOLID_OK;
  solid_status status = sol_slater_new(&rec->slater, a->model, B);
  if (status) return status;
  rec->slates = calloc(B, sizeof *rec->slates);
  rec->states = calloc(B, d * sizeof *rec->states);
  rec->vectors = calloc(B, d * sizeof *rec->vectors);
  rec->listed = calloc(B, a->info.slate_rows * sizeof *rec->listed);
  if (rec->slates && rec->states && rec->vectors && rec->listed) return SOLID_OK;
  sol_recommender_free_slates(rec);
  return solid_fail(SOLID_ENOMEM, "out of memory: slates of %zu users at once", B);
}

/* ---- Options ---- */

_Static_assert((int)SOL_SLATE_NEAR == (int)SOLID_SLATE_NEAR_TO_FAR &&
                   (int)SOL_SLATE_ADAPTIVE == (int)SOLID_SLATE_ADAPTIVE,
               "orders are told by their numbers");

static solid_status plan_of(const solid_recommender *rec, const solid_slate_options *options, uint32_t k,
                            sol_slate_plan *plan) {
  solid_slate_options all = SOLID_SLATE_OPTIONS_INIT;
  solid_status status = sol_struct_take(&all, sizeof all, options, "slate options");
  if (status) return status;
  *plan = (sol_slate_plan){.rows = k, .how = {all.guide, all.temperature, all.top_p}, .seed = all.seed};
  status = sol_slate_plan_name(plan, all.order, all.window, rec->answerer.info.slate_near != 0);
  if (status) return status;
  if (!rec->answerer.info.slate_rows)
    return solid_fail(SOLID_EUNSUPPORTED, "slate: the model has no decoder; train one with solid_train --slate %u", k);
  if (k > rec->answerer.info.slate_rows)
    return solid_fail(SOLID_ERANGE, "slate: k is %u, the model's decoder has %u rows", k,
                      rec->answerer.info.slate_rows);
  return SOLID_OK;
}

/* ---- The question ---- */

/* Of nobody known, and of damaged parameters, there is nothing that a decoder could read. */
static int is_decoded(const sol_row *r) {
  return r->source != SOLID_FROM_POPULARITY && !r->status;
}

/* The rows that are decoded, one after the other; returns how many. */
static size_t gather(solid_recommender *rec, size_t n, uint32_t k, solid_scored *out) {
  const sol_answerer *a = &rec->answerer;
  size_t m = 0, d = a->info.width;
  for (size_t i = 0; i < n; i++) {
    const sol_row *r = &a->rows[i];
    if (!is_decoded(r)) continue;
    memcpy(rec->listed + m * k, out + i * k, k * sizeof *out);
    rec->slates[m] = (sol_slate_user){.h = rec->states + i * d,
                                      .u = rec->vectors + i * d,
                                      .excluded = r->excluded,
                                      .top = rec->listed + m * k,
                                      .n_top = (uint32_t)r->count,
                                      .out = out + i * k};
    m++;
  }
  return m;
}

/* A user draws by its place in the batch, whoever else is decoded: rows that follow one another go together. */
static solid_status decode(solid_recommender *rec, size_t n, const sol_slate_plan *plan) {
  const sol_row *rows = rec->answerer.rows;
  solid_status status = SOLID_OK;
  for (size_t i = 0, m = 0, run; i < n && !status; i += run + 1, m += run) {
    sol_slate_plan from = *plan;
    from.seed += i;
    for (run = 0; i + run < n && is_decoded(&rows[i + run]);) run++;
    status = sol_slater_decode(rec->slater, &from, rec->slates + m, run);
  }
  return status;
}

static solid_status write_answers(const solid_recommender *rec, size_t n, const sol_slate_plan *plan,
                                  solid_slate_answer *answers) {
  solid_status status = SOLID_OK;
  for (size_t i = 0, m = 0; i < n && !status; i++) {
    const sol_row *r = &rec->answerer.rows[i];
    solid_slate_answer all = {.source = r->source,
                              .params_seq = r->params.seq,
                              .window_seq = r->window.seq,
                              .count = r->count,
                              .order = sol_slate_plan_order(plan),
                              .window = (uint32_t)plan->window,
                              .status = r->status};
    if (is_decoded(r)) {
      const sol_slate_user *slate = &rec->slates[m++];
      all.count = slate->count;
      all.forwards = (uint32_t)slate->forwards;
      all.log_likelihood = slate->log_p;
    }
    status = sol_struct_give(sol_answer_at(answers, i), &all, sizeof all, "slate answer");
  }
  return status;
}

solid_status solid_slate_batch(solid_recommender *rec, const solid_bytes *users, size_t n, const solid_query *query,
                               const solid_slate_options *options, solid_scored *out, solid_slate_answer *answers) {
  sol_ask ask;
  sol_slate_plan plan;
  solid_status status = sol_recommender_ask(rec, users, n, query, out, &ask);
  if (!status) status = sol_check_answers(answers, n, sizeof *answers, "slate answer");
  if (!status) status = plan_of(rec, options, ask.k, &plan);
  if (!status) status = take_memory(rec);
  if (!status) status = sol_slater_check(rec->slater, &plan);
  if (status) return status;
  ask.states = rec->states;
  ask.vectors = rec->vectors;
  status = sol_recommender_read(rec, users, n, query, out, &ask);
  if (!status) status = sol_answer(&rec->answerer, n, &ask, out);
  if (!status) {
    size_t m = gather(rec, n, ask.k, out);
    status = plan.how.temperature > 0 ? decode(rec, n, &plan) : sol_slater_decode(rec->slater, &plan, rec->slates, m);
  }
  for (size_t i = 0; i < n && !status; i++) {
    const sol_row *r = &rec->answerer.rows[i];
    if (r->status)
      rec->stats.set_aside++;
    else
      rec->stats.answers[r->source]++;
  }
  return status || !answers ? status : write_answers(rec, n, &plan, answers);
}

solid_slate_options solid_slate_options_default(void) {
  return (solid_slate_options)SOLID_SLATE_OPTIONS_INIT;
}

solid_status solid_slate(solid_recommender *rec, solid_bytes user, const solid_query *query,
                         const solid_slate_options *options, solid_scored *out, solid_slate_answer *answer) {
  solid_status status = solid_slate_batch(rec, &user, 1, query, options, out, answer);
  return status ? status : rec->answerer.rows[0].status;
}
