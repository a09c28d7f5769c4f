/* One call from what is known to items: the same bits as the separate stages, and what the naive model says. */
#include "solid/infer/worker/worker.h"
#include "solid/model/model_parts.h"
#include "tests/ref/ref_model.h"
#include "tests/support/alloc_watch.h"
#include "tests/support/compare.h"
#include "tests/support/questions.h"
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static const struct {
  solid_head head;
  uint32_t rank;
} heads[] = {{SOLID_HEAD_STATIC, 0},
             {SOLID_HEAD_DUET, 0},
             {SOLID_HEAD_SEMANTIC, 0},
             {SOLID_HEAD_SOLID, 0},
             {SOLID_HEAD_SOLID, 3}};
enum { HEADS = sizeof heads / sizeof *heads };

static solid_worker *worker_of(const serving *s, size_t max_batch) {
  solid_worker *worker = NULL;
  cr_assert_eq(solid_worker_new(&worker, s->model, max_batch), SOLID_OK, "%s", solid_last_error());
  return worker;
}

static void judge(const serving *s, const questions *q, const stages *by) {
  size_t d = s->info.width, P = s->info.params;
  for (size_t i = 0; i < q->n; i++) {
    const solid_question *row = &q->row[i];
    cr_assert_eq(row->count, by->counts[i], "row %zu: %zu items, wanted %zu", i, row->count, by->counts[i]);
    for (size_t j = 0; j < q->k; j++) {
      solid_scored got = row->best[j], want = by->best[i * q->k + j];
      cr_assert_eq(got.item, want.item, "row %zu place %zu: item %u, wanted %u", i, j, got.item, want.item);
      compare_bits("score", &got.score, &want.score, 1);
    }
    int made = row->keep && !(P ? row->params != NULL : row->h != NULL);
    cr_assert_eq(row->made_h != NULL, made);
    cr_assert_eq(row->made_params != NULL, made && P);
    if (made) compare_bits("made h", row->made_h, by->made_h + i * d, d);
    if (made && P) compare_bits("made params", row->made_params, by->made_params + i * P, P);
  }
}

static void answer(solid_worker *worker, questions *q) {
  memset(q->best, 0x55, q->n * q->k * sizeof *q->best);
  cr_assert_eq(solid_worker_answer(worker, q->row, q->n, q->k), SOLID_OK, "%s", solid_last_error());
}

static void compare_floats_to(const char *what, const float *got, const float *want, size_t n) {
  for (size_t i = 0; i < n; i++)
    cr_assert(compare_is_close(got[i], want[i], 1e-6, 1e-5), "%s[%zu]: %.9g, want %.9g", what, i, (double)got[i],
              (double)want[i]);
}

/* Every kind alone, then in company. */
Test(answer, is_what_the_stages_make) {
  for (int head = 0; head < HEADS; head++) {
    serving s = serving_open_ranked(heads[head].head, heads[head].rank, 31);
    solid_worker *worker = worker_of(&s, QUESTIONS);
    questions *q = questions_new(&s);
    stages *by = stages_new(&s);
    seed_rng rng = seed_start(71);
    for (int i = 0; i < 60; i++) {
      size_t n = i % 3 ? 1 + (size_t)seed_below(&rng, QUESTIONS) : 1, k = 1 + (size_t)seed_below(&rng, 40);
      questions_draw(q, &s, &rng, n, k, i < 2 * QUESTION_KINDS ? i % QUESTION_KINDS : -1, i % 4);
      stages_answer(by, worker, &s, q);
      answer(worker, q);
      judge(&s, q, by);
    }
    questions_free(q), stages_free(by);
    solid_worker_free(worker);
    serving_close(&s);
  }
}

/* Windows that find no room together go one after the other, with the same results. */
Test(answer, does_not_depend_on_how_many_rows_have_room_at_once) {
  for (int head = 0; head < HEADS; head++) {
    serving s = serving_open_ranked(heads[head].head, heads[head].rank, 33);
    solid_worker *worker = worker_of(&s, QUESTIONS), *narrow = worker_of(&s, QUESTIONS);
    sol_worker_limit_rows(narrow, s.info.window + 3);
    questions *q = questions_new(&s);
    size_t d = s.info.width, P = s.info.params;
    seed_rng rng = seed_start(73);
    for (int i = 0; i < 20; i++) {
      questions_draw(q, &s, &rng, QUESTIONS, 5, i % 2 ? -1 : i % QUESTION_KINDS, i % 4);
      answer(worker, q);
      solid_scored *best = malloc(q->n * q->k * sizeof *best);
      float *h = calloc(q->n * d, sizeof *h), *params = calloc(q->n * P + 1, sizeof *params);
      memcpy(best, q->best, q->n * q->k * sizeof *best);
      for (size_t r = 0; r < q->n; r++) {
        if (q->row[r].made_h) memcpy(h + r * d, q->row[r].made_h, d * sizeof *h);
        if (q->row[r].made_params) memcpy(params + r * P, q->row[r].made_params, P * sizeof *h);
      }
      answer(narrow, q);
      for (size_t r = 0; r < q->n; r++) {
        for (size_t j = 0; j < q->row[r].count; j++) {
          const solid_scored *got = &q->best[r * q->k + j], *want = &best[r * q->k + j];
          cr_expect(compare_is_close(got->score, want->score, 1e-5, 1e-5), "row %zu place %zu", r, j);
        }
        if (q->row[r].made_h) compare_floats_to("made h", q->row[r].made_h, h + r * d, d);
        if (q->row[r].made_params) compare_floats_to("made params", q->row[r].made_params, params + r * P, P);
      }
      free(best), free(h), free(params);
    }
    questions_free(q);
    solid_worker_free(worker), solid_worker_free(narrow);
    serving_close(&s);
  }
}

/* What the slates of a user are made from: the vector that ranks, and the state that his layers made it of. */
Test(answer, tells_state_and_vector_of_those_who_want_them) {
  for (int head = 0; head < HEADS; head++) {
    serving s = serving_open_ranked(heads[head].head, heads[head].rank, 35);
    solid_worker *worker = worker_of(&s, QUESTIONS);
    questions *q = questions_new(&s);
    stages *by = stages_new(&s);
    seed_rng rng = seed_start(75);
    size_t d = s.info.width, P = s.info.params, n = QUESTIONS;
    float *state = calloc(n, d * sizeof *state), *vector = calloc(n, d * sizeof *vector), *u = calloc(d, sizeof *u);
    questions_draw(q, &s, &rng, n, 5, -1, 1);
    stages_answer(by, worker, &s, q);
    for (size_t i = 0; i < n; i++) {
      if (i % 3) q->row[i].vector = vector + i * d;
      if (i % 2) q->row[i].state = state + i * d;
    }
    answer(worker, q);
    judge(&s, q, by);
    for (size_t i = 0; i < n; i++)
      if (i % 3) compare_bits("vector", vector + i * d, by->u + i * d, d);
    for (size_t i = 0; i < n; i++) {
      const float *layers = q->row[i].params;
      if (i % 2 == 0 || (P && !layers)) continue;
      cr_assert_eq(solid_worker_apply(worker, 1, state + i * d, layers, u), SOLID_OK);
      double want[64];
      for (size_t j = 0; j < d; j++) want[j] = by->u[i * d + j];
      compare_floats("vector of the state", u, want, d, 1e-5, 1e-5);
    }
    free(state), free(vector), free(u);
    questions_free(q), stages_free(by);
    solid_worker_free(worker);
    serving_close(&s);
  }
}

/* Stored layers and masks in the worker's own memory, in any order of its rows, are read where they lie. */
Test(answer, reads_what_lies_in_the_workers_room) {
  serving s = serving_open(SOLID_HEAD_SOLID, 32);
  solid_worker *worker = worker_of(&s, QUESTIONS);
  questions *q = questions_new(&s);
  stages *by = stages_new(&s);
  seed_rng rng = seed_start(72);
  size_t P = s.info.params;
  for (int i = 0; i < 20; i++) {
    questions_draw(q, &s, &rng, 1 + (size_t)seed_below(&rng, QUESTIONS), 7, -1, 1);
    stages_answer(by, worker, &s, q);
    float *room = sol_worker_room(worker);
    uint64_t *masks = sol_worker_masks(worker, q->n);
    size_t turn = (size_t)seed_below(&rng, QUESTIONS);
    for (size_t j = 0; j < q->n; j++) {
      solid_question *row = &q->row[j];
      size_t place = i % 2 ? j : (j + turn) % QUESTIONS;
      if (row->params) row->params = memcpy(room + place * P, row->params, P * sizeof *room);
      if (row->excluded) row->excluded = memcpy(masks + j * q->words, row->excluded, q->words * sizeof *masks);
    }
    answer(worker, q);
    judge(&s, q, by);
  }
  questions_free(q), stages_free(by);
  solid_worker_free(worker);
  serving_close(&s);
}

/* More results than a worker keeps at once: the cut into several rankings must not show. */
Test(answer, ranks_the_whole_catalogue_for_many) {
  serving s = serving_open(SOLID_HEAD_SOLID, 33);
  size_t n = ((size_t)1 << 17) / s.info.items + 9, k = s.info.items;
  solid_worker *worker = worker_of(&s, n), *single = worker_of(&s, 1);
  solid_question *row = calloc(n, sizeof *row), one = {0};
  solid_scored *best = calloc(n, k * sizeof *best), *want = calloc(k, sizeof *want);
  uint32_t *items = calloc(n, sizeof *items);
  for (size_t i = 0; i < n; i++) {
    items[i] = (uint32_t)(i % s.info.items);
    row[i] = (solid_question){.window = items + i, .n_window = 1, .best = best + i * k};
  }
  cr_assert_eq(solid_worker_answer(worker, row, n, k), SOLID_OK, "%s", solid_last_error());
  for (size_t i = 0; i < n; i += 17) {
    one = row[i];
    one.best = want;
    cr_assert_eq(solid_worker_answer(single, &one, 1, k), SOLID_OK, "%s", solid_last_error());
    cr_assert_eq(row[i].count, k);
    serving_same("row", row[i].best, want, k);
  }
  solid_worker_free(worker);
  solid_worker_free(single);
  free(row), free(best), free(want), free(items);
  serving_close(&s);
}

/* Layers that are not written out: the same bits, whatever the size of the batch. */
Test(answer, does_not_depend_on_whether_layers_are_written) {
  enum { MANY = 700 };
  for (int head = 1; head < HEADS; head++) {
    serving s = serving_open_ranked(heads[head].head, heads[head].rank, 37);
    solid_worker *worker = worker_of(&s, MANY);
    solid_question row[MANY];
    solid_scored *best = calloc((size_t)2 * MANY, 5 * sizeof *best);
    uint32_t items[MANY];
    for (size_t n = 1; n <= MANY; n += 1 + n / 2) {
      for (int fuse = 0; fuse < 2; fuse++) {
        sol_worker_fuse(worker, fuse);
        for (size_t i = 0; i < n; i++) {
          items[i] = (uint32_t)((7 * i + n) % s.info.items);
          row[i] = (solid_question){.window = items + i / 2, .n_window = 1 + (i + 1) / 2 % 3, .best = best + 5 * i};
          if (i / 2 + row[i].n_window > i + 1) row[i].n_window = 1;
          if (fuse) row[i].best += (size_t)5 * MANY;
        }
        cr_assert_eq(solid_worker_answer(worker, row, n, 5), SOLID_OK, "%s", solid_last_error());
      }
      for (size_t j = 0; j < 5 * n; j++) {
        cr_assert_eq(best[j].item, best[5 * MANY + j].item, "of %zu, place %zu", n, j);
        compare_bits("score", &best[j].score, &best[5 * MANY + j].score, 1);
      }
    }
    solid_worker_free(worker);
    free(best);
    serving_close(&s);
  }
}

/* ---- The naive model ---- */

static ref_model naive(const serving *s, double *values) {
  const struct solid_model *model = s->model;
  for (size_t i = 0; i < sol_tensors_total(&model->file.config); i++) values[i] = model->device_weights[i];
  return (ref_model){&model->file.config, values, model->file.codes, model->file.attributes};
}

/* u of a row in double: the state of window and session under the window's own layers. */
static void naive_vector(const ref_model *model, const solid_question *q, float *u, size_t d, size_t P) {
  uint32_t items[64];
  double *h = calloc(2 * d + P, sizeof *h), *vector = h + d, *params = vector + d;
  ref_model_user(model, q->window, q->n_window, h, params, vector);
  if (q->n_session) {
    memcpy(items, q->window, q->n_window * sizeof *items);
    memcpy(items + q->n_window, q->session, q->n_session * sizeof *items);
    double *unused = calloc(d, sizeof *unused);
    ref_model_user(model, items, q->n_window + q->n_session, h, NULL, unused);
    ref_model_apply(model, h, params, vector);
    free(unused);
  }
  for (size_t j = 0; j < d; j++) u[j] = (float)vector[j];
  free(h);
}

Test(answer, is_what_the_naive_model_says) {
  for (int head = 0; head < HEADS; head++) {
    serving s = serving_open_ranked(heads[head].head, heads[head].rank, 34);
    double *values = calloc(sol_tensors_total(sol_model_config(s.model)), sizeof *values);
    ref_model model = naive(&s, values);
    solid_worker *worker = worker_of(&s, QUESTIONS);
    questions *q = questions_new(&s);
    seed_rng rng = seed_start(73);
    float *u = calloc(s.info.width, sizeof *u);
    uint8_t *skip = calloc(s.info.items, 1);
    for (int kind = 3; kind < 6; kind++) {
      questions_draw(q, &s, &rng, 12, 10, kind, 1);
      answer(worker, q);
      for (size_t i = 0; i < q->n; i++) {
        solid_scored want[10];
        for (uint32_t v = 0; v < s.info.items; v++)
          skip[v] = q->row[i].excluded && q->row[i].excluded[v / 64] >> (v % 64) & 1;
        naive_vector(&model, &q->row[i], u, s.info.width, s.info.params);
        size_t count = serving_rank(&s, u, skip, 10, want);
        cr_assert_eq(q->row[i].count, count);
        serving_same("naive", q->row[i].best, want, count);
      }
    }
    free(values), free(u), free(skip);
    questions_free(q);
    solid_worker_free(worker);
    serving_close(&s);
  }
}

/* ---- Manners ---- */

Test(answer, allocates_nothing) {
  serving s = serving_open(SOLID_HEAD_SOLID, 35);
  solid_worker *worker = worker_of(&s, QUESTIONS);
  questions *q = questions_new(&s);
  seed_rng rng = seed_start(74);
  size_t before = alloc_watch_count();
  cr_assert_gt(before, 0, "the allocations of this program are not watched");
  for (int kind = -1; kind < QUESTION_KINDS; kind++) {
    questions_draw(q, &s, &rng, QUESTIONS, 9, kind, 1);
    answer(worker, q);
  }
  cr_assert_eq(alloc_watch_count(), before, "%zu allocations", alloc_watch_count() - before);
  questions_free(q);
  solid_worker_free(worker);
  serving_close(&s);
}

Test(answer, refuses_what_it_was_not_made_for) {
  serving s = serving_open(SOLID_HEAD_SOLID, 36);
  solid_worker *worker = worker_of(&s, 2);
  uint32_t good = 0, bad = s.info.items;
  solid_scored best[9];
  solid_question q[3] = {{.window = &good, .n_window = 1, .best = best},
                         {.window = &good, .n_window = 1, .best = best + 3},
                         {.window = &good, .n_window = 1, .best = best + 6}};
  cr_assert_eq(solid_worker_answer(NULL, q, 1, 3), SOLID_EINVAL);
  cr_assert_eq(solid_worker_answer(worker, NULL, 1, 3), SOLID_EINVAL);
  cr_assert_eq(solid_worker_answer(worker, q, 3, 3), SOLID_EINVAL, "three rows for two");
  cr_assert_eq(solid_worker_answer(worker, q, 2, 0), SOLID_ERANGE);
  cr_assert_eq(solid_worker_answer(worker, q, 2, s.info.items + 1), SOLID_ERANGE);
  q[1].session = &bad, q[1].n_session = 1;
  cr_assert_eq(solid_worker_answer(worker, q, 2, 3), SOLID_ERANGE, "item V");
  cr_assert_neq(strstr(solid_last_error(), "session 1"), NULL, "%s", solid_last_error());
  q[1].session = NULL;
  cr_assert_eq(solid_worker_answer(worker, q, 2, 3), SOLID_EINVAL, "a session without data");
  q[1].n_session = 0, q[1].best = NULL;
  cr_assert_eq(solid_worker_answer(worker, q, 2, 3), SOLID_EINVAL, "no room for items");
  cr_assert_eq(solid_worker_answer(worker, q, 1, 3), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(solid_worker_answer(worker, q, 0, 3), SOLID_OK, "nothing is legal");
  solid_worker_free(worker);
  serving_close(&s);
}
