/* solid_batch: the recommendations of everybody in a data file, or of a list of users, into a file. No store. */
#include "examples/batch/batch.h"
#include "examples/common/apart.h"
#include "examples/common/category.h"
#include "examples/common/exit.h"
#include "examples/common/load.h"
#include "examples/common/manifest.h"
#include "examples/common/preparing.h"
#include "examples/common/program.h"
#include "examples/common/progress.h"
#include "solid/extend.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void print_log(void *user, solid_log_level level, const char *line) {
  (void)user;
  if (!preparing_log(level, line) && level >= SOLID_LOG_WARN) fprintf(stderr, "%s\n", line);
}

static solid_status open_model(batch_run *r) {
  solid_context_options options = SOLID_CONTEXT_OPTIONS_INIT;
  options.threads = (int32_t)r->args.threads;
  options.device = r->args.device;
  options.log = print_log;
  r->info.struct_size = sizeof r->info;
  program_step(EXIT_USAGE);
  solid_status status = solid_context_new(&r->ctx, &options);
  if (!status) program_step(EXIT_MODEL);
  if (!status) status = solid_model_load(&r->model, r->ctx, r->args.model);
  preparing_end();
  return status ? status : solid_model_get_info(r->model, &r->info);
}

static solid_status open_people(batch_run *r) {
  const batch_arguments *args = &r->args;
  load_files files = {.data = args->data, .format = args->format, .reading = &args->reading, .program = "solid_batch"};
  program_step(EXIT_SOURCE);
  solid_status status = batch_people_load(&r->people, &files, args->users, r->model);
  const batch_people *p = &r->people;
  if (!status && p->unknown_items == p->steps.items)
    return solid_fail(SOLID_EMISMATCH, "%s: none of its %u items is among the %u of %s: is it of another catalogue?",
                      args->data, p->steps.items, r->info.items, args->model);
  if (!status && p->unknown_items)
    fprintf(stderr, "solid_batch: %u of the data's %u items are not in the model's catalogue and are passed over\n",
            p->unknown_items, p->steps.items);
  if (!status && p->strangers)
    fprintf(stderr,
            "solid_batch: %zu of the %zu users of %s have no events in the data and get the most popular items\n",
            p->strangers, p->count, args->users);
  return status;
}

/* What two runs must have in common so that one can go on from the other. */
static json_t *question_of(const batch_run *r) {
  static const char *const without[] = {"model", "data", "out", "batch", "threads", "fresh", NULL};
  json_t *question = manifest_options(&batch_program, &r->args, without);
  char generation[17];
  snprintf(generation, sizeof generation, "%016" PRIx64, r->info.generation);
  uint64_t hash = 0;
  for (size_t i = 0; i < r->people.count; i++) hash = 31 * hash + solid_item_hash(r->people.asked[i]);
  json_object_set_new(question, "model", json_string(generation));
  json_object_set_new(question, "data", manifest_hash(&r->people.steps));
  json_object_set_new(question, "dislikes",
                      r->people.dislikes.users ? manifest_hash(&r->people.dislikes) : json_null());
  json_object_set_new(question, "asked", json_sprintf("%016" PRIx64, hash));
  return question;
}

/* A line that is rewritten, on a terminal. */
static void show(const batch_run *r, size_t done, size_t before, double began) {
  double seconds = progress_now() - began, rate = (double)(done - before) / seconds;
  fprintf(stderr, "\r\033[K%zu of %zu users  %.0f users/s  %.0f s left", done, r->people.count, rate,
          (double)(r->people.count - done) / rate);
  fflush(stderr);
}

static int form_of(const batch_arguments *args) {
  size_t size = strlen(args->out);
  int is_csv = size > 4 && strcmp(args->out + size - 4, ".csv") == 0;
  return args->form != BATCH_AUTO ? args->form : is_csv ? BATCH_CSV : BATCH_JSON;
}

static solid_status answer_all(batch_run *r, batch_file *file, batch_answerer *answerer, const batch_lines *lines,
                               batch_list *lists) {
  growing texts[BATCH_TEXTS] = {{0}};
  size_t users[BATCH_TEXTS];
  solid_status status = SOLID_OK;
  int terminal = isatty(STDERR_FILENO);
  size_t before = file->done, total = r->people.count;
  double began = progress_now(), shown = began;
  if (!file->bytes) batch_lines_head(lines, &texts[0]);
  if (texts[0].size) status = batch_file_add(file, &texts[0], 0);
  while (!status && file->done < total) {
    size_t first = file->done, n = total - first;
    if (n > (size_t)r->args.batch) n = (size_t)r->args.batch;
    status = batch_answer(answerer, first, n, lists);
    size_t count = status ? 0 : batch_lines_write(lines, r->people.asked + first, lists, n, texts, users);
    for (size_t t = 0; t < count && !status; t++) status = batch_file_add(file, &texts[t], users[t]);
    if (!terminal || progress_now() - shown < 0.2) continue;
    show(r, file->done, before, began);
    shown = progress_now();
  }
  for (size_t t = 0; t < BATCH_TEXTS; t++) growing_clear(&texts[t]);
  if (terminal) fprintf(stderr, "\r\033[K");
  double seconds = progress_now() - began;
  if (!status)
    fprintf(file->part ? stdout : stderr, "%s: %zu users%s, %.2f s, %.0f users/s\n", file->path, total,
            before ? " (some of an earlier run)" : "", seconds, (double)(total - before) / seconds);
  return status;
}

static solid_status write_all(batch_run *r) {
  batch_file file = {.fd = -1};
  batch_answerer *answerer = NULL;
  batch_lines *lines = NULL;
  batch_list *lists = calloc((size_t)r->args.batch, sizeof *lists);
  program_step(EXIT_FAILED);
  solid_status status = lists ? SOLID_OK : solid_fail(SOLID_ENOMEM, "no memory for the lists");
  if (!status) status = batch_answerer_new(&answerer, r, (size_t)r->args.batch);
  if (!status) status = batch_lines_new(&lines, r->model, form_of(&r->args));
  if (!status) status = batch_file_open(&file, r->args.out, question_of(r), r->args.fresh);
  if (!status && file.done) printf("continues after %zu of %zu users\n", file.done, r->people.count);
  if (!status) status = answer_all(r, &file, answerer, lines, lists);
  if (!status) status = batch_file_finish(&file);
  batch_file_close(&file);
  batch_lines_free(lines);
  batch_answerer_free(answerer);
  free(lists);
  return status;
}

static solid_status check_files(const batch_arguments *args) {
  const apart_file written[] = {{"--out", args->out}, {NULL, NULL}};
  const apart_file read[] = {{"--data", args->data}, {"--users", args->users}, {"--model", args->model}, {NULL, NULL}};
  return apart_check(written, read);
}

static solid_status check_questions(const batch_run *r) {
  const char *name = r->args.slate.rows ? "--slate" : "--k";
  int64_t k = r->args.slate.rows ? r->args.slate.rows : r->args.k;
  program_step(EXIT_USAGE);
  solid_status status = category_check(r->model, r->args.category);
  if (!status && k > r->info.items)
    status = solid_fail(SOLID_ERANGE, "%s %" PRId64 ": the model has %u items: take %s %u or less", name, k,
                        r->info.items, name, r->info.items);
  return status;
}

static solid_status run(void *user) {
  batch_run *r = user;
  solid_status status = check_files(&r->args);
  if (!status) status = id_list_read(&r->blocked, "blocked", r->args.blocked);
  if (!status) status = open_model(r);
  if (!status) id_list_keep_known(&r->blocked, r->model, "solid_batch", "blocked");
  if (!status) status = open_people(r);
  if (!status) status = check_questions(r);
  return status ? status : write_all(r);
}

int main(int argc, char **argv) {
  static batch_run r;
  int code = program_run(&batch_program, argc, argv, &r.args, run, &r);
  id_list_clear(&r.blocked);
  batch_people_clear(&r.people);
  solid_model_free(r.model);
  solid_context_free(r.ctx);
  return code;
}
