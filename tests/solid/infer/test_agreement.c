/* One model, two back ends: a worker on a GPU, or on a table that records, computes what one on the CPU does, for every
 * size of batch; once it is made it takes no memory. */
#include "solid/infer/worker/worker.h"
#include "solid/model/model_parts.h"
#include "tests/support/compare.h"
#include "tests/support/questions.h"
#include "tests/support/recording_backend.h"
#include "tests/support/seed.h"
#include "tests/support/serving.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 37 };

typedef struct drawn {
  solid_windows windows;
  uint32_t offsets[BATCH + 1];
  uint32_t items[BATCH * 64];
} drawn;

/* n windows of any length up to L + 2; some are empty. */
static void draw(drawn *to, const serving *s, seed_rng *rng, size_t n) {
  uint32_t at = 0;
  for (size_t i = 0; i < n; i++) {
    uint32_t length = (uint32_t)seed_below(rng, (int32_t)s->info.window + 3);
    if (seed_below(rng, 5) == 0) length = 0;
    for (uint32_t j = 0; j < length; j++) to->items[at++] = (uint32_t)seed_below(rng, (int32_t)s->info.items);
    to->offsets[i + 1] = at;
  }
  to->windows = (solid_windows){n, to->offsets, to->items};
}

static solid_worker *worker_of(const serving *s) {
  solid_worker *worker = NULL;
  cr_assert_eq(solid_worker_new(&worker, s->model, BATCH), SOLID_OK, "%s", solid_last_error());
  return worker;
}

typedef struct result {
  float *h, *params, *u;
  solid_scored best[BATCH * 5];
  size_t counts[BATCH];
} result;

static result room(const serving *s) {
  return (result){.h = calloc(BATCH, s->info.width * sizeof(float)),
                  .params = calloc(BATCH, (s->info.params + 1) * sizeof(float)),
                  .u = calloc(BATCH, s->info.width * sizeof(float))};
}

static void compute(solid_worker *worker, const solid_windows *windows, result *r) {
  size_t n = windows->n;
  cr_assert_eq(solid_worker_generate(worker, windows, r->h, r->params), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(solid_worker_apply(worker, n, r->h, r->params, r->u), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(solid_worker_rank(worker, n, r->u, NULL, 5, r->best, r->counts), SOLID_OK, "%s", solid_last_error());
}

static void close_to(const char *what, size_t n, const float *got, const float *want, size_t width) {
  for (size_t i = 0; i < n * width; i++)
    cr_assert(compare_is_close(got[i], want[i], 3e-5, 3e-5), "%s, %zu windows, [%zu]: %.9g, on the CPU %.9g", what, n,
              i, (double)got[i], (double)want[i]);
}

static void judge(serving *cpu, serving *other) {
  solid_worker *want = worker_of(cpu), *got = worker_of(other);
  seed_rng rng = seed_start(11);
  drawn *batch = calloc(1, sizeof *batch);
  result a = room(cpu), b = room(other);
  uint64_t allocations = sol_worker_allocations(got);
  for (int i = 0; i < 60; i++) {
    size_t n = i < BATCH ? (size_t)i + 1 : 1 + (size_t)seed_below(&rng, BATCH);
    draw(batch, cpu, &rng, n);
    compute(want, &batch->windows, &a);
    compute(got, &batch->windows, &b);
    close_to("h", n, b.h, a.h, cpu->info.width);
    close_to("params", n, b.params, a.params, cpu->info.params);
    close_to("u", n, b.u, a.u, cpu->info.width);
    for (size_t w = 0; w < n; w++) serving_same("ranking", b.best + w * 5, a.best + w * 5, 5);
    cr_assert_eq(solid_worker_encode(got, &batch->windows, b.u), SOLID_OK, "%s", solid_last_error());
    close_to("h alone", n, b.u, a.h, cpu->info.width);
  }
  cr_expect_eq(sol_worker_allocations(got), allocations, "%d allocations in the steady state",
               (int)(sol_worker_allocations(got) - allocations));
  free(a.h), free(a.params), free(a.u), free(b.h), free(b.params), free(b.u), free(batch);
  solid_worker_free(want);
  solid_worker_free(got);
}

static float float_of(uint16_t half) {
  int exponent = half >> 10 & 31, fraction = half & 1023;
  double value = exponent ? ldexp(1024 + fraction, exponent - 25) : ldexp(fraction, -24);
  return (float)(half >> 15 ? -value : value);
}

/* A worker that only generates makes what one that answers does, and brings states and layers down in one piece. */
static void judge_generating(const serving *s, sol_worker_use use) {
  solid_worker *want = worker_of(s), *got = NULL;
  cr_assert_eq(sol_worker_new(&got, s->model, BATCH, use), SOLID_OK, "%s", solid_last_error());
  seed_rng rng = seed_start(13);
  drawn *batch = calloc(1, sizeof *batch);
  result r = room(s);
  size_t d = s->info.width, P = s->info.params;
  for (size_t n = 1; n <= BATCH; n++) {
    sol_made made;
    draw(batch, s, &rng, n);
    cr_assert_eq(solid_worker_generate(want, &batch->windows, r.h, r.params), SOLID_OK, "%s", solid_last_error());
    int downloads = recording_backend_counts().downloads;
    cr_assert_eq(sol_worker_generate(got, &batch->windows, &made), SOLID_OK, "%s", solid_last_error());
    if (s->ctx->ops == recording_backend()) cr_assert_eq(recording_backend_counts().downloads, downloads + 1);
    compare_bits("h", made.h, r.h, n * d);
    cr_assert_eq(made.params != NULL, P && use == SOL_WORKER_GENERATE);
    cr_assert_eq(made.halves != NULL, P && use == SOL_WORKER_HALVES);
    if (made.params) compare_bits("params", made.params, r.params, n * P);
    for (size_t i = 0; i < n * P && made.halves; i++)
      cr_assert(compare_is_close(float_of(made.halves[i]), r.params[i], 0x1p-25, 0x1p-11), "half %zu of %zu", i, n);
  }
  free(r.h), free(r.params), free(r.u), free(batch);
  solid_worker_free(want);
  solid_worker_free(got);
}

/* Questions of every kind and size, with and without masks, of few places and of many. */
static void judge_answers(const serving *cpu, const serving *other) {
  solid_worker *want = NULL, *got = NULL;
  cr_assert_eq(solid_worker_new(&want, cpu->model, QUESTIONS), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(solid_worker_new(&got, other->model, QUESTIONS), SOLID_OK, "%s", solid_last_error());
  seed_rng rng = seed_start(12);
  questions *q = questions_new(cpu);
  solid_scored *best = calloc(QUESTIONS, cpu->info.items * sizeof *best);
  uint64_t allocations = sol_worker_allocations(got);
  for (int i = 0; i < 100; i++) {
    size_t n = i < QUESTIONS ? (size_t)i + 1 : 1 + (size_t)seed_below(&rng, QUESTIONS), counts[QUESTIONS];
    size_t k = 1 + (size_t)seed_below(&rng, (int32_t)cpu->info.items);
    questions_draw(q, cpu, &rng, n, k, i % 10 ? -1 : 5, i % 4);
    cr_assert_eq(solid_worker_answer(want, q->row, n, k), SOLID_OK, "%s", solid_last_error());
    memcpy(best, q->best, n * k * sizeof *best);
    for (size_t j = 0; j < n; j++) counts[j] = q->row[j].count;
    memset(q->best, 0x55, n * k * sizeof *best);
    cr_assert_eq(solid_worker_answer(got, q->row, n, k), SOLID_OK, "%s", solid_last_error());
    for (size_t j = 0; j < n; j++) {
      cr_assert_eq(q->row[j].count, counts[j]);
      serving_same("answer", q->row[j].best, best + j * k, counts[j]);
    }
  }
  cr_expect_eq(sol_worker_allocations(got), allocations, "%d allocations in the steady state",
               (int)(sol_worker_allocations(got) - allocations));
  questions_free(q);
  free(best);
  solid_worker_free(want);
  solid_worker_free(got);
}

static const struct {
  solid_head head;
  uint32_t rank;
} heads[] = {{SOLID_HEAD_STATIC, 0},
             {SOLID_HEAD_DUET, 0},
             {SOLID_HEAD_SEMANTIC, 0},
             {SOLID_HEAD_SOLID, 0},
             {SOLID_HEAD_SOLID, 3}};
enum { HEADS = sizeof heads / sizeof *heads };

Test(agreement, a_recording_stands_for_every_batch_of_its_size) {
  for (int i = 0; i < HEADS; i++) {
    serving cpu = serving_open_ranked(heads[i].head, heads[i].rank, 21);
    serving other = serving_open_ranked(heads[i].head, heads[i].rank, 21);
    other.ctx->ops = recording_backend();
    judge(&cpu, &other);
    judge_answers(&cpu, &other);
    judge_generating(&other, SOL_WORKER_GENERATE);
    judge_generating(&other, SOL_WORKER_HALVES);
    serving_close(&cpu);
    serving_close(&other);
  }
  recording_counts counts = recording_backend_counts();
  cr_expect_gt(counts.replayed, HEADS * 60);
  cr_expect_gt(counts.recorded, 0);
}

Test(agreement, a_gpu_computes_what_the_cpu_does, .timeout = 600) {
  for (int i = 0; i < HEADS; i++) {
    serving other = serving_open_on("cuda", heads[i].head, heads[i].rank, 21);
    if (!other.ctx) return;
    serving cpu = serving_open_ranked(heads[i].head, heads[i].rank, 21);
    judge(&cpu, &other);
    judge_answers(&cpu, &other);
    judge_generating(&other, SOL_WORKER_GENERATE);
    judge_generating(&other, SOL_WORKER_HALVES);
    serving_close(&cpu);
    serving_close(&other);
  }
}
