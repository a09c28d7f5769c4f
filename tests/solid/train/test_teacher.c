/* What a teacher knows at an event is the softmax of its model's ranking after what came before it. */
#include "solid/train/data/split.h"
#include "solid/train/fit/teacher.h"
#include "solid/worker.h"
#include "tests/support/serving.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH 5
#define USERS 7

/* The model's items in its order first, one of them twice, then walks of several lengths. */
static void make_history(sol_history *history, const serving *s) {
  sol_collector *collector = NULL;
  cr_assert_eq(sol_collector_new(&collector, NULL), SOLID_OK);
  for (uint32_t u = 0; u < USERS; u++) {
    uint32_t events = u == 0 ? s->info.items : u == 1 ? 2 : 3 + 5 * u;
    for (uint32_t i = 0; i < events; i++) {
      char user[8];
      snprintf(user, sizeof user, "u%u", u);
      solid_event event = {.user = {user, strlen(user)},
                           .item = solid_model_item_id(s->model, (i * (1 + u) + u) % s->info.items),
                           .position = SOLID_NO_STREAM};
      cr_assert_eq(sol_collector_push(collector, &event, 1, NULL), SOLID_OK);
    }
  }
  cr_assert_eq(sol_collector_finish(collector, history), SOLID_OK, "%s", solid_last_error());
  sol_collector_free(collector);
}

/* p (V): the softmax over the model's first DEPTH items after `n` items. */
static void expected(const serving *s, const uint32_t *window, size_t n, double temperature, double *p) {
  float *u = malloc(s->info.width * sizeof *u);
  solid_scored best[DEPTH];
  if (n > s->info.window) window += n - s->info.window, n = s->info.window;
  serving_vector(s, window, n, window, n, u);
  cr_assert_eq(serving_rank(s, u, NULL, DEPTH, best), DEPTH);
  double sum = 0;
  for (int k = 0; k < DEPTH; k++) sum += exp((double)best[k].score / temperature);
  for (int k = 0; k < DEPTH; k++) p[best[k].item] += exp((double)best[k].score / temperature) / sum;
  free(u);
}

static void check_event(const sol_teacher *teacher, const serving *const *models, uint32_t count,
                        const sol_history *history, uint32_t user, size_t e, double temperature) {
  enum { DRAWS = 20000 };
  uint32_t items = history->items;
  double *want = calloc(items, sizeof *want), *got = calloc(items, sizeof *got);
  size_t begin = history->offsets[user];
  for (uint32_t m = 0; m < count; m++) expected(models[m], history->sequence + begin, e - begin, temperature, want);
  for (int i = 0; i < DRAWS; i++) {
    int32_t item = sol_teacher_draw(teacher, e, (i + 0.5) / DRAWS);
    cr_assert(item >= 0 && (uint32_t)item < items);
    got[item] += 1.0 / DRAWS;
  }
  for (uint32_t v = 0; v < items; v++)
    cr_expect_float_eq(got[v], want[v] / count, 1e-3, "event %zu item %u: %g, not %g", e, v, got[v], want[v] / count);
  free(want);
  free(got);
}

Test(teacher, draws_from_the_mixture_of_its_models) {
  serving a = serving_open(SOLID_HEAD_SOLID, 1), b = serving_open(SOLID_HEAD_STATIC, 2);
  const serving *both[] = {&a, &b};
  const solid_model *models[] = {a.model, b.model};
  sol_history history;
  make_history(&history, &a);
  sol_teacher_options options = {DEPTH, 0.5f};
  for (uint32_t count = 1; count <= 2; count++) {
    sol_teacher teacher;
    cr_assert_eq(sol_teacher_ask(&teacher, models, count, &history, &options), SOLID_OK, "%s", solid_last_error());
    for (uint32_t u = 0; u < USERS; u++) {
      sol_range train = sol_split_train(&history, u);
      cr_expect_eq(sol_teacher_draw(&teacher, train.begin, 0.5), -1, "nothing came before the first event");
      for (size_t e = train.begin + 1; e < train.end; e++) check_event(&teacher, both, count, &history, u, e, 0.5);
      for (size_t e = train.end; e < history.offsets[u + 1]; e++)
        if (e > train.begin) cr_expect_eq(sol_teacher_draw(&teacher, e, 0.5), -1, "asked about what may not be seen");
    }
    sol_teacher_clear(&teacher);
  }
  sol_history_clear(&history);
  serving_close(&a);
  serving_close(&b);
}

Test(teacher, refuses_a_model_of_other_items) {
  serving a = serving_open(SOLID_HEAD_STATIC, 1);
  const solid_model *models[] = {a.model};
  sol_history history;
  make_history(&history, &a);
  sol_teacher teacher = {0};
  cr_expect_eq(sol_teacher_ask(&teacher, models, 0, &history, NULL), SOLID_EINVAL);
  sol_teacher_options options = {0, 1};
  cr_expect_eq(sol_teacher_ask(&teacher, models, 1, &history, &options), SOLID_EINVAL);
  history.items--;
  cr_expect_eq(sol_teacher_ask(&teacher, models, 1, &history, &(sol_teacher_options){DEPTH, 1}), SOLID_EMISMATCH);
  cr_expect(strstr(solid_last_error(), "for data of") != NULL, "%s", solid_last_error());
  history.items++;
  sol_history_clear(&history);
  serving_close(&a);
}
