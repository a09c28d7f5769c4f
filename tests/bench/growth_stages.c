#include "tests/bench/growth_stages.h"
#include "ingest/data_file.h"
#include "solid/base/clock.h"
#include "solid/extend.h"
#include "solid/train/data/attributes.h"
#include "solid/train/fit/budget.h"
#include "solid/train/fit/export.h"
#include "solid/train/fit/fit.h"
#include "solid/train/fit/state.h"
#include "solid/train/fit/validate.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define STEPS_SECONDS 10 /* after so many no further step is timed */
#define STEPS         16
#define JUDGED        1024 /* users that a validation is timed with */
#define CALLS         30
#define BATCH         64
#define TOP           10

static void whole(growth_result *r) {
  growth_end(&r->meter);
  r->seconds_cpu = r->meter.cpu, r->seconds_wall = r->meter.wall;
}

/* ---- Reading ---- */

static solid_status count_events(void *context, const solid_event *events, const double *ratings, size_t count) {
  (void)events, (void)ratings;
  *(uint64_t *)context += count;
  return SOLID_OK;
}

/* Another process writes into the pipe, whose seconds do not count. */
static pid_t start_writer(const growth_run *run, growth_format format, int text[2], int sum[2]) {
  if (pipe(text) || pipe(sum)) return -1;
  pid_t writer = fork();
  if (writer != 0) return writer;
  close(text[0]);
  uint64_t bytes = growth_write(&run->shape, format, text[1]);
  _exit(write(sum[1], &bytes, sizeof bytes) != (ssize_t)sizeof bytes);
}

static solid_status read_path(const growth_run *run, growth_result *r, const char *path) {
  uint64_t events = 0;
  solid_data_file *file = NULL;
  growth_begin(&r->meter);
  solid_status status = solid_data_file_open(&file, path, NULL);
  if (!status) status = solid_data_file_read(file, count_events, &events);
  solid_data_file_close(file);
  whole(r);
  if (!status && events != run->shape.events) status = solid_fail(SOLID_EMISMATCH, "%llu events", (long long)events);
  return status;
}

static solid_status read_pipe(growth_run *run, growth_result *r, growth_format format) {
  int text[2], sum[2];
  char path[32];
  uint64_t bytes = 0;
  pid_t writer = start_writer(run, format, text, sum);
  if (writer < 0) return solid_fail(SOLID_EIO, "no process to write the text");
  close(text[1]), close(sum[1]);
  snprintf(path, sizeof path, "/dev/fd/%d", text[0]);
  solid_status status = read_path(run, r, path);
  close(text[0]);
  if (!status && read(sum[0], &bytes, sizeof bytes) != (ssize_t)sizeof bytes)
    status = solid_fail(SOLID_EIO, "the writer ended early");
  close(sum[0]);
  waitpid(writer, NULL, 0);
  r->amount = 1e-6 * (double)bytes;
  return status;
}

/* Written before the seconds begin, and so still in the system's cache. */
static solid_status read_file(growth_run *run, growth_result *r, growth_format format) {
  int fd = open(run->text, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  uint64_t bytes = fd < 0 ? 0 : growth_write(&run->shape, format, fd);
  if (fd >= 0) close(fd);
  solid_status status = bytes ? read_path(run, r, run->text) : solid_fail(SOLID_EIO, "%s cannot be written", run->text);
  unlink(run->text);
  r->amount = 1e-6 * (double)bytes;
  return status;
}

static solid_status read_text(growth_run *run, growth_result *r, growth_format format) {
  return run->text ? read_file(run, r, format) : read_pipe(run, r, format);
}

static solid_status read_csv(growth_run *run, growth_result *r) {
  return read_text(run, r, GROWTH_CSV);
}
static solid_status read_inter(growth_run *run, growth_result *r) {
  return read_text(run, r, GROWTH_INTER);
}
static solid_status read_json(growth_run *run, growth_result *r) {
  return read_text(run, r, GROWTH_JSON);
}

/* ---- Preparation ---- */

static solid_status vocabulary(growth_run *run, growth_result *r) {
  growth_begin(&r->meter);
  solid_status status = growth_dataset(&run->shape, &run->data);
  whole(r);
  return status;
}

static solid_status features(growth_run *run, growth_result *r, sol_features *out, int words, int neighbours) {
  sol_features_options o = SOL_FEATURES_OPTIONS_INIT;
  o.ignore_attributes = !words;
  if (!neighbours) o.window = 0;
  growth_begin(&r->meter);
  solid_status status = sol_features_build(out, &run->data, &o);
  whole(r);
  return status;
}

static solid_status tfidf(growth_run *run, growth_result *r) {
  return features(run, r, &run->words, 1, 0);
}

static solid_status ppmi(growth_run *run, growth_result *r) {
  return features(run, r, &run->neighbours, 0, 1);
}

/* Over both parts side by side, as training has them; the parts alone are no longer needed. */
static solid_status kmeans(growth_run *run, growth_result *r) {
  const sol_features *a = &run->words, *b = &run->neighbours;
  size_t wa = a->width, wb = b->width, width = wa + wb, V = run->data.items;
  float *x = malloc(V * width * sizeof *x);
  if (!x) return solid_fail(SOLID_ENOMEM, "no memory for %zu content vectors", V);
  for (size_t v = 0; v < V; v++) {
    memcpy(x + v * width, a->values + v * wa, wa * sizeof *x);
    if (wb) memcpy(x + v * width + wa, b->values + v * wb, wb * sizeof *x);
  }
  sol_features_clear(&run->neighbours);
  sol_codebook_options options = SOL_CODEBOOK_OPTIONS_INIT;
  options.ctx = run->ctx;
  growth_begin(&r->meter);
  solid_status status = sol_codebook_fit(&run->book, x, (uint32_t)V, (uint32_t)width, &options);
  whole(r);
  free(x);
  return status;
}

/* ---- Training ---- */

static solid_status open_fit(growth_run *run, growth_result *r) {
  solid_train_options o = SOLID_TRAIN_OPTIONS_INIT;
  run->config = (sol_config){.items = run->data.items,
                             .width = o.width,
                             .window = run->shape.window,
                             .blocks = 1,
                             .heads = 1,
                             .levels = run->book.levels,
                             .codes = run->book.codes,
                             .attributes = run->data.attributes.count,
                             .slots = sol_attributes_slots(&run->data, o.slots),
                             .head = SOLID_HEAD_SOLID,
                             .clip = (float)o.clip};
  const sol_fit_task task = {&run->config, &o, &run->data, run->book.table, 0};
  growth_begin(&r->meter);
  solid_status status = sol_fit_new(&run->fit, run->ctx, &task);
  whole(r);
  return status;
}

typedef struct step_times {
  double first_cpu, first_wall, last_cpu, last_wall; /* since the beginning */
  growth_meter began;
  sk_backend *be;
  uint32_t steps, all;
} step_times;

/* A device is waited for: else the time of a step is that of its launch. */
static int after_step(void *user, uint32_t step, uint32_t steps) {
  step_times *t = user;
  if (t->be->ops->sync(t->be)) return 1; /* the next call says why */
  growth_meter now = t->began;
  growth_end(&now);
  t->last_cpu = now.cpu, t->last_wall = now.wall, t->steps = step, t->all = steps;
  if (step == 1) t->first_cpu = now.cpu, t->first_wall = now.wall;
  return step == STEPS || (step > 1 && now.wall > STEPS_SECONDS);
}

/* The first step, which orders the users too, and further ones times how many there are. */
static solid_status epoch(growth_run *run, growth_result *r) {
  step_times t = {.be = run->fit->be};
  growth_begin(&r->meter);
  t.began = r->meter;
  solid_status status = sol_fit_epoch(run->fit, after_step, &t, NULL);
  growth_end(&r->meter);
  if (status && status != SOLID_ECANCELLED) return status;
  double users = run->asked ? (double)run->asked : (double)run->fit->feed.users;
  double steps = t.all * users / run->fit->feed.users, more = t.steps - 1;
  double rest = more > 0 ? (steps - 1) / more : steps - 1; /* of one step alone, as it is */
  double cpu = more > 0 ? t.last_cpu - t.first_cpu : t.first_cpu,
         wall = more > 0 ? t.last_wall - t.first_wall : t.first_wall;
  r->seconds_cpu = t.first_cpu + rest * cpu, r->seconds_wall = t.first_wall + rest * wall;
  r->amount = t.steps, r->extrapolated = steps > t.steps;
  return SOLID_OK;
}

static solid_status validation(growth_run *run, growth_result *r) {
  sol_fit *fit = run->fit;
  sol_validator v = {0};
  sol_validation found;
  sol_weights weights;
  solid_dataset some = run->data;
  if (some.users > JUDGED) some.users = JUDGED, some.events = some.offsets[JUDGED];
  solid_status status = sol_validator_open(&v, fit->be, &run->config, &some, 0, fit->validator.piece);
  sol_weights_bind(&weights, &run->config, fit->step.values[sol_fit_kept(fit)]);
  if (!status) status = sol_validator_warm_up(&v, &weights, &fit->step);
  growth_begin(&r->meter);
  if (!status) status = sol_validator_run(&v, &weights, &fit->step, &found);
  growth_end(&r->meter);
  double users = run->asked ? (double)run->asked : run->data.users, judged = v.users ? v.users : 1;
  r->seconds_cpu = r->meter.cpu * users / judged, r->seconds_wall = r->meter.wall * users / judged;
  r->amount = v.users, r->extrapolated = users > judged;
  sol_validator_close(&v);
  return status;
}

/* ---- The model ---- */

static solid_status write_model(growth_run *run, growth_result *r) {
  const sol_export what = {
      .config = &run->config, .dataset = &run->data, .codebook = &run->book, .weights = sol_fit_best(run->fit)};
  growth_begin(&r->meter);
  solid_status status = sol_export_model(&what, run->file);
  whole(r);
  sol_fit_close(run->fit);
  run->fit = NULL;
  return status;
}

static solid_status load_model(growth_run *run, growth_result *r) {
  growth_begin(&r->meter);
  solid_status status = solid_model_load(&run->model, run->ctx, run->file);
  whole(r);
  return status;
}

static solid_status ask(growth_run *run, growth_result *r, size_t n) {
  solid_worker *worker = NULL;
  solid_question questions[BATCH];
  solid_scored best[BATCH][TOP];
  memset(questions, 0, sizeof questions);
  for (size_t i = 0; i < n; i++) {
    size_t begin = run->data.offsets[i % run->data.users], end = run->data.offsets[i % run->data.users + 1];
    questions[i].window = run->data.sequence + begin, questions[i].n_window = end - begin;
    questions[i].best = best[i];
  }
  growth_meter opened;
  growth_begin(&opened);
  solid_status status = solid_worker_new(&worker, run->model, n);
  if (!status) status = solid_worker_answer(worker, questions, n, TOP);
  growth_end(&opened);
  growth_begin(&r->meter);
  for (int call = 0; call < CALLS && !status; call++) status = solid_worker_answer(worker, questions, n, TOP);
  growth_end(&r->meter);
  r->meter.bytes = opened.bytes; /* a worker takes its memory when it is made */
  r->seconds_cpu = r->meter.cpu / CALLS, r->seconds_wall = r->meter.wall / CALLS, r->amount = CALLS;
  solid_worker_free(worker);
  return status;
}

static solid_status question(growth_run *run, growth_result *r) {
  return ask(run, r, 1);
}
static solid_status batch(growth_run *run, growth_result *r) {
  return ask(run, r, BATCH);
}

const growth_stage growth_stages[GROWTH_STAGES] = {
    {"read csv", "MB", read_csv, 1},        {"read inter", "MB", read_inter, 1},   {"read JSON", "MB", read_json, 1},
    {"vocabulary", NULL, vocabulary, 0},    {"TF-IDF and SVD", NULL, tfidf, 0},    {"PPMI and SVD", NULL, ppmi, 0},
    {"k-means", NULL, kmeans, 0},           {"open training", NULL, open_fit, 0},  {"epoch", "steps", epoch, 0},
    {"validation", "users", validation, 0}, {"write model", NULL, write_model, 0}, {"load model", NULL, load_model, 0},
    {"question", "calls", question, 0},     {"batch of 64", "calls", batch, 0},
};

void growth_run_close(growth_run *run) {
  sol_fit_close(run->fit);
  solid_model_free(run->model);
  sol_features_clear(&run->words);
  sol_features_clear(&run->neighbours);
  sol_codebook_clear(&run->book);
  solid_dataset_clear(&run->data);
  solid_context_free(run->ctx);
}
