/* solid_train: from data files to a model file. Reads the data, fits the semantic codebook, trains with validation
 * after each epoch and an early stop, writes one safetensors file. A checkpoint stands beside it after each epoch; the
 * same command goes on from it. */
#include "examples/common/manifest.h"
#include "examples/common/program.h"
#include "examples/train/material.h"
#include "examples/train/train_options.h"
#include "examples/train/train_run.h"
#include "solid/extend.h"
#include "solid/train/data/split.h"
#include "solid/train/fit/export.h"
#include "solid/version.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What the model file says about how it was made, an evaluation finds split and hidden items by it. NULL: no memory.
 * The caller frees it. */
static char *describe_training(const train_arguments *a, const sol_history *history, const sol_epoch *r) {
  /* Neither names of files nor threads change the model: the same command gives the same bytes elsewhere. */
  static const char *const without[] = {"data", "out", "log", "limit", "fresh", "keep-checkpoint", "threads", NULL};
  char split[SOL_SPLIT_TEXT];
  sol_split_describe(history, split);
  json_t *root = json_pack("{s:s, s:I, s:o, s:s, s:s, s:i, s:i, s:f, s:o}", "version", solid_version(), "seed",
                           (json_int_t)a->seed, "data", manifest_hash(history), "split", split, "precision",
                           train_precision(a) == SOLID_PRECISION_TF32 ? "tf32" : "fp32", "epochs", (int)r->epoch,
                           "best_epoch", (int)r->best_epoch, "valid_ndcg@10", r->best_ndcg10, "options",
                           manifest_options(&train_program, a, without));
  if (a->hide > 0) {
    json_object_set_new(root, "hide", json_real(a->hide));
    json_object_set_new(root, "hide_seed", json_integer((json_int_t)a->hide_seed));
    json_object_set_new(root, "hidden_codes", json_string(a->hidden_codes == SOL_HIDDEN_RANDOM ? "random" : "content"));
  }
  char *text = root ? json_dumps(root, JSON_REAL_PRECISION(15)) : NULL;
  json_decref(root);
  return text;
}

static solid_status write_model(const train_arguments *a, const sol_config *config, const material *m,
                                const sol_trainer *trainer, const sol_epoch *r) {
  char *training = describe_training(a, m->whole, r);
  if (!training) return solid_fail(SOLID_ENOMEM, "no memory to describe the training");
  solid_status status = material_write(m, config, sol_trainer_best(trainer), (sol_hidden_code)a->hidden_codes,
                                       (uint64_t)a->hide_seed, training, a->out);
  free(training);
  if (status == SOLID_OK)
    printf("%s: best epoch %u of %u, validation ndcg@10 %.4f\n", a->out, r->best_epoch, r->epoch, r->best_ndcg10);
  return status;
}

/* With --refit a second time on more events, for as many epochs as the first found best. */
static solid_status train_again(const train_arguments *a, train_run *run, sol_train_options options,
                                const sol_epoch *first, sol_trainer **out) {
  char checkpoint[4096];
  snprintf(checkpoint, sizeof checkpoint, "%s.refit", a->out);
  run->checkpoint = checkpoint;
  options.refit = first->best_epoch;
  printf("trains again for %u epochs, with the validation events\n", options.refit);
  solid_status status = train_run_all(run, &options, out);
  if (status == SOLID_OK && !a->keep_checkpoint) unlink(checkpoint);
  return status;
}

static solid_status train(const train_arguments *a, const solid_context *ctx, const sol_history *history,
                          const char *checkpoint, FILE *log) {
  material m = {0};
  sol_trainer *trainer = NULL;
  solid_status status = material_open(&m, history, a->hide, (uint64_t)a->hide_seed);
  sol_config config = train_config(a, status == SOLID_OK ? m.trained->items : history->items, history);
  sol_train_options options = train_options(a);
  sol_features_options features = train_features(a);
  sol_codebook_options codebook = train_codebook(a);
  if (status == SOLID_OK) status = sol_config_check(&config);
  if (status == SOLID_OK) status = sol_train_options_check(&options);
  if (status == SOLID_OK && a->levels > 0) status = material_fit(&m, &features, &codebook);
  train_run run = {.ctx = ctx,
                   .config = &config,
                   .history = m.trained,
                   .codes = m.book.table,
                   .book = &m.book,
                   .content = a->levels > 0 ? material_content(&m) : NULL,
                   .content_width = m.features.width,
                   .checkpoint = checkpoint,
                   .fresh = a->fresh,
                   .limit = a->limit,
                   .log = log};
  if (status == SOLID_OK) status = train_run_all(&run, &options, &trainer);
  sol_epoch report = {0};
  if (status == SOLID_OK) report = *sol_trainer_report(trainer);
  if (status == SOLID_OK && a->refit) {
    sol_trainer_close(trainer);
    trainer = NULL;
    status = train_again(a, &run, options, &report, &trainer);
  }
  if (status == SOLID_OK && a->learn_codes > 0) status = material_learn(&m, trainer);
  if (status == SOLID_OK) status = write_model(a, &config, &m, trainer, &report);
  if (status == SOLID_OK && !a->keep_checkpoint) unlink(checkpoint);
  sol_trainer_close(trainer);
  material_clear(&m);
  return status;
}

/* Hidden items come back with what their content says of them; that there is none is known before any training. */
static solid_status check_hidden(const train_arguments *a, const sol_history *history) {
  int content = a->items.attributes || history->attributes.count > 0 || history->vector_width > 0;
  if (a->hide > 0 && (a->levels == 0 || (a->hidden_codes == SOL_HIDDEN_CONTENT && !content)))
    return solid_fail(SOLID_EINVAL,
                      "hidden items would be known by nothing: they want codes (--levels) and content to make "
                      "them from (--attributes, --vectors)");
  return SOLID_OK;
}

static void say_data(const train_arguments *a, const sol_history *history) {
  uint32_t with = 0, more = 0;
  for (uint32_t v = 0; v < history->items; v++) {
    size_t n = history->attribute_offsets[v + 1] - history->attribute_offsets[v];
    with += n > 0, more += n > (size_t)a->slots;
  }
  printf("%s: %u users, %u items, %zu events, %u attributes of %u items\n", a->data, history->users, history->items,
         history->events, history->attributes.count, with);
  if (more > 0 && a->slots > 0 && a->levels > 0)
    printf("%u items have more than %d attributes: the rest of theirs is known by the codes alone\n", more,
           (int)a->slots);
}

/* A log that was lost is no reason to lose the model, and is not passed over either. */
static solid_status close_log(FILE *log, const char *path, solid_status status) {
  if (log == NULL) return status;
  int lost = ferror(log) != 0;
  lost |= fclose(log) != 0;
  if (lost && status == SOLID_OK) return solid_fail(SOLID_EIO, "%s: could not be written whole", path);
  return status;
}

/* Everything that can be refused is refused before the data is read. */
static solid_status run(void *user) {
  const train_arguments *a = user;
  char checkpoint[4096];
  sol_history history = {0};
  solid_context *ctx = NULL;
  FILE *log = NULL;
  solid_context_options options = SOLID_CONTEXT_OPTIONS_INIT;
  options.threads = (int32_t)a->threads;
  options.device = a->device;
  options.precision = train_precision(a);
  snprintf(checkpoint, sizeof checkpoint, "%s.checkpoint", a->out);
  solid_status status = sol_export_check(a->out);
  if (status == SOLID_OK && a->log != NULL && (log = fopen(a->log, "a")) == NULL)
    status = solid_fail(SOLID_EIO, "%s: %s", a->log, strerror(errno));
  if (status == SOLID_OK) status = solid_context_new(&ctx, &options);
  load_files files = {.data = a->data,
                      .format = a->format,
                      .reading = &a->reading,
                      .program = "solid_train",
                      .items = &a->items,
                      .split = &a->order};
  if (status == SOLID_OK) status = load_history(&history, &files);
  if (status == SOLID_OK) status = load_warn("solid_train", &history, &files);
  if (status == SOLID_OK) status = check_hidden(a, &history);
  if (status == SOLID_OK) {
    say_data(a, &history);
    status = train(a, ctx, &history, checkpoint, log);
  }
  sol_history_clear(&history);
  solid_context_free(ctx);
  return close_log(log, a->log, status);
}

int main(int argc, char **argv) {
  train_arguments a = {0};
  return program_run(&train_program, argc, argv, &a, run, &a);
}
