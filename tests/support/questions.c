#include "tests/support/questions.h"
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST = 2 * 16 };

questions *questions_new(const serving *s) {
  questions *q = calloc(1, sizeof *q);
  q->words = (s->info.items + 63) / 64;
  q->h = calloc(QUESTIONS, s->info.width * sizeof *q->h);
  q->params = calloc(QUESTIONS, (s->info.params + 1) * sizeof *q->params);
  q->items = calloc(QUESTIONS, 2 * LONGEST * sizeof *q->items);
  q->masks = calloc(QUESTIONS, q->words * sizeof *q->masks);
  q->best = calloc(QUESTIONS, s->info.items * sizeof *q->best);
  return q;
}

void questions_free(questions *q) {
  free(q->h), free(q->params), free(q->items), free(q->masks), free(q->best), free(q);
}

static size_t draw_items(const serving *s, seed_rng *rng, uint32_t *items) {
  size_t n = 1 + (size_t)seed_below(rng, (int32_t)s->info.window + 3);
  cr_assert_leq(n, LONGEST);
  for (size_t i = 0; i < n; i++) items[i] = (uint32_t)seed_below(rng, (int32_t)s->info.items);
  return n;
}

static void draw_row(questions *q, const serving *s, seed_rng *rng, size_t i, int kind) {
  solid_question *row = &q->row[i];
  float *h = q->h + i * s->info.width, *params = q->params + i * s->info.params;
  uint32_t *window = q->items + i * 2 * LONGEST, *session = window + LONGEST;
  seed_fill_normal(rng, h, s->info.width, 1.0f);
  seed_fill_normal(rng, params, s->info.params, 0.1f);
  size_t n_window = draw_items(s, rng, window), n_session = draw_items(s, rng, session);
  int stored = kind < 3 || kind == 6 || kind == 7, with_window = kind != 6 && kind != 8 && kind != 7;
  int with_session = kind == 2 || kind == 4 || kind == 6;
  if (stored) row->params = params;
  if (kind == 0 || kind == 7 || kind == 6) row->h = h; /* with a session it is not looked at */
  if (with_window) row->window = window, row->n_window = n_window;
  if (with_session) row->session = session, row->n_session = n_session;
  row->keep = kind == 3 || kind == 4 || kind == 8;
}

void questions_draw(questions *q, const serving *s, seed_rng *rng, size_t n, size_t k, int kind, int masks) {
  q->n = n, q->k = k;
  for (size_t i = 0; i < n; i++) {
    q->row[i] = (solid_question){.best = q->best + i * k};
    draw_row(q, s, rng, i, kind < 0 ? seed_below(rng, QUESTION_KINDS) : kind);
    uint64_t *mask = q->masks + i * q->words;
    memset(mask, 0, q->words * sizeof *mask);
    for (uint32_t v = 0; v < s->info.items; v++)
      if (seed_below(rng, 4) == 0) mask[v / 64] |= UINT64_C(1) << (v % 64);
    if (masks && seed_below(rng, 5)) q->row[i].excluded = mask;
  }
}

stages *stages_new(const serving *s) {
  stages *by = calloc(1, sizeof *by);
  by->best = calloc(QUESTIONS, s->info.items * sizeof *by->best);
  by->made_h = calloc(QUESTIONS, s->info.width * sizeof *by->made_h);
  by->made_params = calloc(QUESTIONS, (s->info.params + 1) * sizeof *by->made_params);
  by->u = calloc(QUESTIONS, s->info.width * sizeof *by->u);
  return by;
}

void stages_free(stages *by) {
  free(by->best), free(by->made_h), free(by->made_params), free(by->u), free(by);
}

typedef struct packed {
  size_t n, row[QUESTIONS];
  uint32_t offsets[QUESTIONS + 1], items[QUESTIONS * 2 * LONGEST];
} packed;

static void pack(packed *p, const solid_question *q, size_t row, int with_session) {
  uint32_t at = p->offsets[p->n];
  for (size_t i = 0; i < q->n_window; i++) p->items[at++] = q->window[i];
  for (size_t i = 0; i < q->n_session && with_session; i++) p->items[at++] = q->session[i];
  p->row[p->n++] = row;
  p->offsets[p->n] = at;
}

static int has_layers(const serving *s, const solid_question *q) {
  return s->info.params ? q->params != NULL : q->h != NULL;
}

void stages_answer(stages *by, solid_worker *worker, const serving *s, const questions *q) {
  size_t d = s->info.width, P = s->info.params;
  packed *generate = calloc(1, sizeof *generate), *encode = calloc(1, sizeof *encode);
  float *h = calloc(QUESTIONS, d * sizeof *h), *params = calloc(QUESTIONS, (P + 1) * sizeof *params);
  float *some_h = calloc(QUESTIONS, d * sizeof *h), *some_params = calloc(QUESTIONS, (P + 1) * sizeof *params);
  uint64_t *masks = calloc(QUESTIONS, q->words * sizeof *masks);
  int masked = 0;
  for (size_t i = 0; i < q->n; i++) {
    const solid_question *row = &q->row[i];
    int layers = has_layers(s, row);
    if (!layers) pack(generate, row, i, 0);
    if (row->n_session || (layers && !row->h)) pack(encode, row, i, 1);
    if (layers && row->h) memcpy(h + i * d, row->h, d * sizeof *h);
    if (layers && P) memcpy(params + i * P, row->params, P * sizeof *params);
    if (row->excluded) memcpy(masks + i * q->words, row->excluded, q->words * sizeof *masks);
    masked |= row->excluded != NULL;
  }
  solid_windows windows = {generate->n, generate->offsets, generate->items};
  cr_assert_eq(solid_worker_generate(worker, &windows, some_h, some_params), SOLID_OK, "%s", solid_last_error());
  for (size_t g = 0; g < generate->n; g++) {
    size_t i = generate->row[g];
    memcpy(by->made_h + i * d, memcpy(h + i * d, some_h + g * d, d * sizeof *h), d * sizeof *h);
    memcpy(by->made_params + i * P, memcpy(params + i * P, some_params + g * P, P * sizeof *params),
           P * sizeof *params);
  }
  windows = (solid_windows){encode->n, encode->offsets, encode->items};
  cr_assert_eq(solid_worker_encode(worker, &windows, some_h), SOLID_OK, "%s", solid_last_error());
  for (size_t e = 0; e < encode->n; e++) memcpy(h + encode->row[e] * d, some_h + e * d, d * sizeof *h);
  cr_assert_eq(solid_worker_apply(worker, q->n, h, params, by->u), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(solid_worker_rank(worker, q->n, by->u, masked ? masks : NULL, q->k, by->best, by->counts), SOLID_OK,
               "%s", solid_last_error());
  free(generate), free(encode), free(h), free(params), free(some_h), free(some_params), free(masks);
}
