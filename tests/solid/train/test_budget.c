/* The plan of a device's memory: what does not fit is refused before anything is taken, with both numbers; what fits is
 * taken before the first step and never after. A table that records, with a memory of its own size, stands for a GPU.
 */
#include "kernels/topk.h"
#include "solid/infer/plan_backend.h"
#include "solid/infer/worker/worker.h"
#include "solid/model/context.h"
#include "solid/model/model_parts.h"
#include "solid/train/budget.h"
#include "solid/train/fit/budget.h"
#include "solid/train/fit/fit.h"
#include "solid/worker.h"
#include "tests/support/recording_backend.h"
#include "tests/support/serving.h"
#include "tests/support/tiny_model.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { USERS = 70, ITEMS = 41, EVENTS = 12, BATCH = 16 };

static const sol_config config = {.items = ITEMS,
                                  .width = 16,
                                  .window = 8,
                                  .blocks = 1,
                                  .heads = 2,
                                  .levels = 2,
                                  .codes = 5,
                                  .attributes = 6,
                                  .slots = 3,
                                  .head = SOLID_HEAD_SOLID,
                                  .clip = 0.1f};

typedef struct data {
  solid_dataset dataset;
  size_t offsets[USERS + 1];
  uint32_t sequence[USERS * EVENTS];
  uint16_t codes[ITEMS * 2];
} data;

/* Users of four to EVENTS events. */
static void make(data *d) {
  size_t at = 0;
  for (uint32_t u = 0; u < USERS; u++) {
    for (uint32_t i = 0; i < 4 + u % (EVENTS - 3); i++) d->sequence[at++] = (u * 7 + i * 3) % ITEMS;
    d->offsets[u + 1] = at;
  }
  for (uint32_t i = 0; i < ITEMS * 2; i++) d->codes[i] = (uint16_t)(i % 5);
  d->dataset =
      (solid_dataset){.users = USERS, .items = ITEMS, .events = at, .offsets = d->offsets, .sequence = d->sequence};
}

static solid_train_options options_of(int all) {
  solid_train_options o = SOLID_TRAIN_OPTIONS_INIT;
  o.batch = BATCH, o.epochs = 3, o.patience = 0;
  if (all) o.average = 0.9f, o.cuts = 0.5f, o.item_dropout = 0.1f;
  if (all == 2) o.negatives = 7;
  return o;
}

/* ---- A card of a size ---- */

static sk_backend_ops small;
static size_t card;

static solid_status memory_of_card(sk_backend *be, size_t *left, size_t *total) {
  (void)be;
  *left = *total = card;
  return SOLID_OK;
}

static solid_status open_small(sk_backend **out, const sk_options *options) {
  solid_status status = sk_backend_find("cpu")->open(out, options);
  if (status == SOLID_OK) (*out)->ops = &small;
  return status;
}

static solid_context on_card(size_t bytes) {
  card = bytes;
  small = *recording_backend();
  small.open = open_small;
  small.memory = memory_of_card;
  return (solid_context){.ops = &small, .threads = 1};
}

static void refused(solid_status status, const char *advice) {
  char free_text[64];
  snprintf(free_text, sizeof free_text, "%.1f of %.1f MB are free", (double)card / 1e6, (double)card / 1e6);
  cr_expect_eq(status, SOLID_ENOMEM, "%s", solid_status_name(status));
  cr_expect(strstr(solid_last_error(), free_text) && strstr(solid_last_error(), "needs"), "\"%s\"", solid_last_error());
  cr_expect(strstr(solid_last_error(), advice), "\"%s\"", solid_last_error());
}

Test(plan, refuses_a_training_that_does_not_fit) {
  static data d;
  make(&d);
  for (int all = 0; all < 3; all++) {
    solid_train_options o = options_of(all);
    uint64_t bytes = 0;
    sol_fit *trainer = NULL;
    cr_assert_eq(sol_budget_training(&bytes, &(sol_fit_task){&config, &o, &d.dataset, d.codes, 0}), SOLID_OK, "%s",
                 solid_last_error());
    solid_context ctx = on_card((size_t)bytes - 1);
    refused(sol_fit_new(&trainer, &ctx, &(sol_fit_task){&config, &o, &d.dataset, d.codes, 0}), "use a smaller batch");
    cr_expect_null(trainer);
    ctx = on_card((size_t)bytes);
    cr_assert_eq(sol_fit_new(&trainer, &ctx, &(sol_fit_task){&config, &o, &d.dataset, d.codes, 0}), SOLID_OK, "%s",
                 solid_last_error());
    sol_fit_close(trainer);
  }
}

Test(plan, refuses_a_worker_or_a_model_that_does_not_fit) {
  serving s = serving_open(SOLID_HEAD_SOLID, 5);
  struct solid_context *ctx = (struct solid_context *)s.ctx;
  solid_worker *worker = NULL;
  *ctx = on_card(4096);
  refused(solid_worker_new(&worker, s.model, BATCH), "use a smaller batch");
  cr_expect_null(worker);
  *ctx = on_card((size_t)1 << 40);
  cr_assert_eq(solid_worker_new(&worker, s.model, BATCH), SOLID_OK, "%s", solid_last_error());
  solid_worker_free(worker);
  *ctx = on_card(0);
  sol_model_file file;
  tiny_model_file(&file, &config, 3);
  solid_model *model = NULL;
  refused(sol_model_new(&model, ctx, &file), "free memory on the card");
  cr_expect_null(model);
  serving_close(&s);
}

/* Planes are the device's; rows that stay on the host are not. */
Test(plan, counts_what_a_large_catalogue_holds_where) {
  sol_config large = config;
  large.items = SK_TOPK_LARGE + 1;
  const solid_context ctx = {.ops = &sol_plan_table, .threads = 1};
  const uint64_t table = (uint64_t)large.items * large.width * sizeof(float);
  uint64_t device[2], host[2], planes = 0;
  for (int stays = 0; stays < 2; stays++) {
    sol_model_file file;
    solid_model *model = NULL;
    tiny_model_file(&file, &large, 3);
    cr_assert_eq(sol_model_make(&model, &ctx, &file, 0, stays ? 0 : UINT32_MAX), SOLID_OK, "%s", solid_last_error());
    device[stays] = model->be->bytes, host[stays] = sol_model_host_bytes(model);
    planes = sol_model_planes_bytes(model);
    solid_model_free(model);
  }
  uint64_t codes = (uint64_t)large.items * (large.levels + large.slots) * sizeof(int32_t);
  cr_expect(host[0] == 0 && host[1] == 3 * table, "%llu", (unsigned long long)host[1]);
  cr_expect(planes >= table / 2 && planes < table, "of 16 inputs as of 32: %llu", (unsigned long long)planes);
  uint64_t less = device[0] - device[1];
  cr_expect(less + 256 >= 3 * table + codes && less <= 3 * table + codes, "%llu", (unsigned long long)less);
}

/* A larger batch needs more, and training's optional arrays show. */
Test(plan, counts_what_is_asked_for) {
  static data d;
  make(&d);
  uint64_t plain = 0, all = 0, wide = 0;
  solid_train_options o = options_of(0), more = options_of(1);
  cr_assert_eq(sol_budget_training(&plain, &(sol_fit_task){&config, &o, &d.dataset, NULL, 0}), SOLID_OK);
  cr_assert_eq(sol_budget_training(&all, &(sol_fit_task){&config, &more, &d.dataset, NULL, 0}), SOLID_OK);
  o.batch = USERS;
  cr_assert_eq(sol_budget_training(&wide, &(sol_fit_task){&config, &o, &d.dataset, NULL, 0}), SOLID_OK);
  cr_expect_gt(all, plain);
  cr_expect_gt(wide, plain);
}

/* Of a large catalogue: E, its two moments and its average, and for each item codes, attributes and one number. */
Test(plan, of_a_training_on_drawn_items_holds_four_arrays_of_the_catalogue) {
  static data d;
  const uint32_t more = 300000;
  sol_config large = config;
  solid_train_options o = options_of(0);
  uint64_t bytes[2];
  o.negatives = 100, o.average = 0.9;
  make(&d);
  for (int i = 0; i < 2; i++) {
    large.items = d.dataset.items = (uint32_t)(i + 1) * more;
    cr_assert_eq(sol_budget_training(&bytes[i], &(sol_fit_task){&large, &o, &d.dataset, NULL, 0}), SOLID_OK, "%s",
                 solid_last_error());
  }
  uint64_t each = (4 * large.width + large.levels + large.slots + 1) * sizeof(float);
  cr_expect_leq(bytes[1] - bytes[0], more * each + 4096, "%g bytes for each item more",
                (double)(bytes[1] - bytes[0]) / more);
  cr_expect_geq(bytes[1] - bytes[0], more * each);
}

/* ---- The steady state ---- */

static void train(const char *name, sk_backend *be, const data *d, int all) {
  solid_train_options o = options_of(all);
  uint64_t planned = 0;
  sol_fit *trainer = NULL;
  cr_assert_eq(sol_budget_training(&planned, &(sol_fit_task){&config, &o, &d->dataset, d->codes, 0}), SOLID_OK, "%s",
               solid_last_error());
  cr_assert_eq(sol_fit_open(&trainer, be, &(sol_fit_task){&config, &o, &d->dataset, d->codes, 0}), SOLID_OK, "%s",
               solid_last_error());
  uint64_t allocations = be->allocations;
  cr_expect_gt(allocations, 0);
  for (uint32_t epoch = 0; epoch < o.epochs; epoch++)
    cr_assert_eq(sol_fit_epoch(trainer, NULL, NULL, NULL), SOLID_OK, "%s", solid_last_error());
  cr_expect_eq(be->allocations, allocations, "%s: %d allocations in the steady state", name,
               (int)(be->allocations - allocations));
  cr_expect_leq(be->bytes, planned, "%s takes %llu bytes, planned were %llu", name, (unsigned long long)be->bytes,
                (unsigned long long)planned);
  sol_fit_close(trainer);
}

static void train_on(const char *name, const sk_backend_ops *ops) {
  static data d;
  make(&d);
  for (int all = 0; all < 3; all++) {
    sk_backend *be = NULL;
    cr_assert_eq(ops->open(&be, &(sk_options){.threads = 2}), SOLID_OK);
    train(name, be, &d, all);
    be->ops->close(be);
  }
}

typedef struct server {
  solid_context ctx;
  solid_model *model;
  solid_worker *worker;
} server;

static void open_server(server *s, const sk_backend_ops *ops) {
  sol_model_file file;
  tiny_model_file(&file, &config, 3);
  *s = (server){.ctx = {.ops = ops, .threads = 1}};
  cr_assert_eq(sol_model_new(&s->model, &s->ctx, &file), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(solid_worker_new(&s->worker, s->model, USERS), SOLID_OK, "%s", solid_last_error());
}

static void close_server(server *s) {
  solid_worker_free(s->worker);
  solid_model_free(s->model);
}

/* Of all numbers of rows and places at once that a worker ranks, none is new to the kernels. */
static void serve_on(const char *name, const sk_backend_ops *ops) {
  server planned, s;
  open_server(&planned, &sol_plan_table);
  open_server(&s, ops);
  float u[USERS * 16] = {0};
  static solid_scored out[USERS * ITEMS];
  size_t counts[USERS];
  uint64_t allocations = sol_worker_allocations(s.worker);
  for (size_t n = 1; n <= USERS; n += n < 40 ? 13 : 31)
    for (size_t k = 1; k <= ITEMS; k += 8)
      cr_assert_eq(solid_worker_rank(s.worker, n, u, NULL, k, out, counts), SOLID_OK, "%s", solid_last_error());
  cr_expect_eq(sol_worker_allocations(s.worker), allocations, "%s: %d allocations in the steady state", name,
               (int)(sol_worker_allocations(s.worker) - allocations));
  cr_expect_leq(sol_worker_bytes(s.worker), sol_worker_bytes(planned.worker), "%s takes %llu bytes, planned were %llu",
                name, (unsigned long long)sol_worker_bytes(s.worker),
                (unsigned long long)sol_worker_bytes(planned.worker));
  close_server(&s);
  close_server(&planned);
}

/* What only generates takes less than what ranks too. */
Test(plan, a_pipeline_plans_no_ranking) {
  server s;
  solid_worker *generating = NULL;
  open_server(&s, &sol_plan_table);
  cr_assert_eq(sol_worker_new(&generating, s.model, USERS, SOL_WORKER_GENERATE), SOLID_OK, "%s", solid_last_error());
  cr_expect_lt(sol_worker_bytes(generating), sol_worker_bytes(s.worker));
  solid_worker_free(generating);
  close_server(&s);
}

Test(plan, serving_takes_no_memory_after_it_began) {
  serve_on("a table that only counts", &sol_plan_table);
  serve_on("a table that records", recording_backend());
}

Test(plan, training_takes_no_memory_after_it_began) {
  train_on("a table that records", recording_backend());
}

Test(plan, a_gpu_takes_no_memory_after_it_began, .timeout = 600) {
  const sk_backend_ops *ops = sk_backend_find("cuda");
  const char *required = getenv("SOLID_REQUIRE");
  char why[160] = "not compiled in";
  if (ops && ops->probe(why, sizeof why) == SOLID_OK) {
    train_on("cuda", ops);
    serve_on("cuda", ops);
    return;
  }
  cr_assert(!required || !strstr(required, "cuda"), "cuda is required: %s", why);
  fprintf(stderr, "[SKIP] cuda: %s\n", why);
}

/* A window of more items than a step has rows by default: the plan is of a step with room for one. */
Test(budget, a_window_longer_than_a_step_can_be_planned) {
  char path[128];
  sol_config wide = tiny_config(SOLID_HEAD_SOLID, 0);
  solid_train_options o = options_of(0), roomy = o;
  solid_device_budget plan = {0}, same = {0};
  o.rows = wide.window - 1, roomy.rows = wide.window;
  tiny_model_write(path, sizeof path, &wide, 3);
  cr_assert_eq(solid_budget_device(&plan, path, 2, &o), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(solid_budget_device(&same, path, 2, &roomy), SOLID_OK, "%s", solid_last_error());
  cr_expect_eq(plan.training, same.training);
  cr_expect_gt(plan.training, 0);
  unlink(path);
}
