/* solid_train: from data files to a model file. Reads the data, fits the semantic codebook, trains with validation
 * after each epoch and an early stop, writes one safetensors file. A checkpoint is written beside it after each epoch;
 * the same command continues from it. */
#include "examples/common/exit.h"
#include "examples/common/preparing.h"
#include "examples/common/program.h"
#include "examples/common/titles.h"
#include "examples/train/train_options.h"
#include "examples/train/train_run.h"
#include "examples/train/train_search.h"
#include "examples/train/train_slates.h"
#include "solid/extend.h"
#include "solid/model.h"
#include "solid/train/provenance.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* With --refit a second time on more events, for as many epochs as the first found best. */
static solid_status train_again(const train_arguments *a, train_run *run, solid_trainer *trainer) {
  char checkpoint[4096];
  snprintf(checkpoint, sizeof checkpoint, "%s.refit", a->out);
  run->checkpoint = checkpoint;
  run->fitting.most = 0;
  run->refit = 1;
  printf("trains again for %u epochs, with the validation events\n", solid_trainer_report(trainer)->best_epoch);
  solid_status status = solid_trainer_refit(trainer);
  return status == SOLID_OK ? train_run_all(run, trainer) : status;
}

/* Of the ranker too, whose training would begin anew otherwise if that of the decoder is stopped. */
static void remove_checkpoints(const train_arguments *a) {
  static const char *const ends[] = {".checkpoint", ".refit", TRAIN_SLATES_CHECKPOINT};
  char path[4096];
  for (size_t i = a->slate.of ? 2 : 0; i < sizeof ends / sizeof *ends; i++) { /* of --slate-of the decoder's alone */
    snprintf(path, sizeof path, "%s%s", a->out, ends[i]);
    unlink(path);
  }
}

/* Titles are stored in the model file. */
static solid_status add_titles(const train_arguments *a, const titles *list) {
  size_t kept = 0;
  solid_status status = list ? titles_set(list, a->out, &kept) : SOLID_OK;
  if (status == SOLID_OK && list) printf("%s: titles of %zu items\n", titles_path(list), kept);
  return status;
}

static solid_status train(const train_arguments *a, const solid_train_options *o, const solid_context *ctx,
                          const solid_dataset *dataset, const titles *list, FILE *log) {
  char checkpoint[4096];
  snprintf(checkpoint, sizeof checkpoint, "%s.checkpoint", a->out);
  solid_trainer *trainer = NULL;
  train_run run = {.head = solid_head_name((solid_head)o->head),
                   .checkpoint = checkpoint,
                   .fresh = a->fresh,
                   .limit = a->limit,
                   .log = log};
  solid_epoch report = {0};
  solid_status status = train_fitting_of(&run.fitting, a, o, dataset);
  if (status == SOLID_OK) status = train_start(&trainer, ctx, dataset, o, a->from);
  if (status == SOLID_OK) status = train_run_all(&run, trainer);
  if (status == SOLID_OK) report = *solid_trainer_report(trainer);
  if (status == SOLID_OK && o->refit) status = train_again(a, &run, trainer);
  if (status == SOLID_OK && o->learn_codes > 0) status = train_print_codes(trainer);
  if (status == SOLID_OK) status = solid_trainer_export(trainer, a->out);
  if (status == SOLID_OK) status = add_titles(a, list);
  if (status == SOLID_OK)
    printf("%s: best epoch %u of %u, validation ndcg@10 %.4f\n", a->out, report.best_epoch, report.epoch,
           report.best_ndcg10);
  solid_trainer_free(trainer);
  return status;
}

static void say_data(const train_arguments *a, const solid_train_options *o, const solid_dataset *dataset) {
  uint32_t with = 0, more = 0;
  for (uint32_t v = 0; v < dataset->items; v++) {
    size_t n = dataset->attribute_offsets[v + 1] - dataset->attribute_offsets[v];
    with += n > 0, more += n > o->slots;
  }
  printf("%s: %u users, %u items, %zu events, %u attributes of %u items\n", a->data, dataset->users, dataset->items,
         dataset->events, dataset->attributes.count, with);
  if (more > 0 && o->slots > 0 && o->levels > 0)
    printf("%u items have more than %u attributes: the others are represented by the codes alone\n", more, o->slots);
}

/* A lost log must not cost the model, but the program reports it as a failure. */
static solid_status close_log(FILE *log, const char *path, solid_status status) {
  if (log == NULL) return status;
  int lost = ferror(log) != 0;
  lost |= fclose(log) != 0;
  if (lost && status == SOLID_OK) return solid_fail(SOLID_EIO, "%s: could not be written completely", path);
  return status;
}

/* Options that are not given become those of the model that training goes on from; how long it trains, and what it
 * hides, is another matter. */
static solid_status take_over(const train_arguments *a, solid_train_options *o, const solid_model *model) {
  static const char *const own[] = {"epochs", "patience", "rate-end", "refit", "hide", "hide-seed", "hidden-codes"};
  const solid_option_row *rows = solid_train_option_rows();
  solid_provenance then;
  solid_status status = solid_provenance_read(model, &then);
  for (size_t i = 0; i < SOLID_TRAIN_OPTIONS_COUNT && status == SOLID_OK; i++) {
    size_t k = 0;
    while (k < sizeof own / sizeof *own && strcmp(own[k], rows[i].flag) != 0) k++;
    if (k < sizeof own / sizeof *own || a->given[i]) continue;
    status = solid_train_option_set(o, &rows[i], solid_train_option_get(&then.options, &rows[i]));
  }
  return status;
}

/* What the library says of its work: of preparation, which can take minutes of a large catalogue. */
static void say(void *unused, solid_log_level level, const char *line) {
  (void)unused;
  if (preparing_log(level, line)) return;
  if (level >= SOLID_LOG_WARN)
    fprintf(stderr, "solid_train: %s\n", line);
  else
    printf("%s\n", line);
}

/* The ranker, or several of which the best stays, then the decoder of slates. */
static solid_status train_parts(const train_arguments *a, solid_train_options *o, const solid_context *ctx,
                                const solid_dataset *dataset, const titles *list, FILE *log) {
  say_data(a, o, dataset);
  solid_status status = a->slate.of ? SOLID_OK : train_choose(a, dataset, o);
  if (status == SOLID_OK && a->search) {
    status = train_search(a, o, ctx, dataset, log);
    if (status == SOLID_OK) status = add_titles(a, list);
  } else if (status == SOLID_OK && !a->slate.of) {
    status = train(a, o, ctx, dataset, list, log);
  }
  if (status == SOLID_OK) status = train_slates(a, ctx, dataset, log);
  if (status == SOLID_OK && !a->keep_checkpoint) remove_checkpoints(a);
  return status;
}

/* Everything that can be refused is refused before the data is read. */
static solid_status run(void *user) {
  const train_arguments *a = user;
  titles *list = NULL;
  solid_model *from = NULL; /* whose titles and attributes stay where the command names none */
  solid_dataset dataset = {0};
  solid_context *ctx = NULL;
  FILE *log = NULL;
  solid_context_options options = SOLID_CONTEXT_OPTIONS_INIT;
  options.threads = (int32_t)a->threads;
  options.device = a->device;
  options.precision = train_precision(a);
  options.log = say;
  solid_train_options o = solid_train_options_default();
  solid_status status = train_options(a, &o);
  if (status == SOLID_OK) status = train_check_files(a);
  if (status == SOLID_OK && a->search && (o.refit || a->slate.of))
    status = solid_fail(SOLID_EINVAL, "--search and --%s exclude one another", o.refit ? "refit" : "slate-of");
  if (status == SOLID_OK) status = solid_export_check(a->out);
  if (status == SOLID_OK && a->log != NULL && (log = fopen(a->log, "a")) == NULL)
    status = solid_fail(SOLID_EIO, "%s: %s", a->log, strerror(errno));
  if (status == SOLID_OK) {
    program_step(EXIT_USAGE);
    status = solid_context_new(&ctx, &options);
  }
  if (status == SOLID_OK && a->from) {
    program_step(EXIT_MODEL);
    status = solid_model_load(&from, ctx, a->from);
    if (status == SOLID_OK) status = take_over(a, &o, from);
  }
  load_files files = {.data = a->data,
                      .format = a->format,
                      .reading = &a->reading,
                      .program = "solid_train",
                      .items = &a->items,
                      .known = from,
                      .split = &a->order};
  if (status == SOLID_OK) program_step(EXIT_SOURCE);
  if (status == SOLID_OK) status = titles_read(&list, a->titles, &a->items);
  if (status == SOLID_OK && from && !list) status = titles_of_model(&list, a->from, from);
  if (status == SOLID_OK) printf("reads %s\n", a->data);
  if (status == SOLID_OK) status = load_history(&dataset, &files);
  if (status == SOLID_OK) status = load_warn("solid_train", &dataset, &files);
  if (status == SOLID_OK) {
    program_step(EXIT_FAILED);
    status = train_parts(a, &o, ctx, &dataset, list, log);
  }
  titles_free(list);
  solid_model_free(from);
  solid_dataset_clear(&dataset);
  solid_context_free(ctx);
  return close_log(log, a->log, status);
}

static int run_with(void *user, const solid_config *config) {
  train_given(user, config);
  solid_status status = run(user);
  if (status != SOLID_OK) fprintf(stderr, "solid_train: %s\n", solid_last_error());
  return program_exit_of(status);
}

int main(int argc, char **argv) {
  train_arguments a = {0};
  setvbuf(stdout, NULL, _IOLBF, 0); /* lines go out as they are written, into pipes too: a run takes hours */
  return program_main(train_program(), argc, argv, &a, run_with, &a);
}
