/* solid_train: from data files to a model file. Reads the data, fits the semantic codebook, trains with validation
 * after each epoch and an early stop, writes one safetensors file. A checkpoint stands beside it after each epoch; the
 * same command goes on from it. */
#include "examples/load_options.h"
#include "examples/manifest.h"
#include "examples/material.h"
#include "examples/train_run.h"
#include "solid/extend.h"
#include "solid/train/content_start.h"
#include "solid/train/export.h"
#include "solid/version.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct arguments {
  const char *data, *format, *attributes, *vectors, *out, *device, *log, *teachers, *codes_from;
  int64_t vector_width, width, window, blocks, heads, levels, codes, rank;
  int64_t seed, threads, epochs, patience, check, batch, warmup, cooccurrence, content;
  double clip, limit, rate, rate_end, rate_scale, decay, decay_generator, max_norm, dropout, dropout_z, dropout_y,
      smoothing, average, cuts, item_dropout, start_content, taught, code_task;
  double hide;
  int64_t hide_seed;
  int head, precision, fresh, keep_checkpoint, hidden_codes, refit;
  load_split order;
} arguments;

#define TEXT(name_, field, preset_, meaning_, required_)                                                               \
  {                                                                                                                    \
    .name = (name_), .type = SOLID_PROPERTY_STRING, .preset = (preset_), .meaning = (meaning_),                        \
    .required = (required_), .offset = offsetof(arguments, field)                                                      \
  }
#define WHOLE(name_, field, preset_, min_, max_, meaning_)                                                             \
  {                                                                                                                    \
    .name = (name_), .type = SOLID_PROPERTY_INT, .preset = (preset_), .min = (min_), .max = (max_),                    \
    .meaning = (meaning_), .offset = offsetof(arguments, field)                                                        \
  }
#define REAL(name_, field, preset_, max_, meaning_)                                                                    \
  {                                                                                                                    \
    .name = (name_), .type = SOLID_PROPERTY_FLOAT, .preset = (preset_), .min = 0, .max = (max_),                       \
    .meaning = (meaning_), .offset = offsetof(arguments, field)                                                        \
  }
#define SWITCH(name_, field, meaning_)                                                                                 \
  {                                                                                                                    \
    .name = (name_), .type = SOLID_PROPERTY_BOOL, .preset = "false", .meaning = (meaning_),                            \
    .offset = offsetof(arguments, field)                                                                               \
  }

static const solid_property properties[] = {
    TEXT("data", data, NULL, "file of events", 1),
    TEXT("format", format, "auto", "format of the data; auto = by its first lines", 0),
    TEXT("attributes", attributes, NULL, "file of item attributes", 0),
    TEXT("vectors", vectors, NULL, "file of item vectors: raw float32, one row an item", 0),
    WHOLE("vector-width", vector_width, "0", 0, 65536, "floats in a row of --vectors"),
    LOAD_SPLIT_PROPERTIES(arguments),
    TEXT("out", out, NULL, "model file to write", 1),
    {.name = "head",
     .type = SOLID_PROPERTY_CHOICE,
     .preset = "solid",
     .choices = "static|duet|semantic|solid",
     .meaning = "generated layers: none, from items, from codes, from both (the paper's own models: solid_paper)",
     .offset = offsetof(arguments, head)},
    WHOLE("rank", rank, "0", 0, 1024, "of the generated layers; 0 = full width"),
    WHOLE("width", width, "64", 1, 1024, "floats of an item vector"),
    WHOLE("window", window, "50", 1, 4096, "newest events that are read"),
    WHOLE("blocks", blocks, "1", 1, 8, "of the encoder"),
    WHOLE("heads", heads, "1", 1, 1024, "of attention"),
    WHOLE("levels", levels, "3", 0, 8, "of the semantic codebook; 0 = no codes"),
    WHOLE("codes", codes, "256", 1, 65536, "codes a level"),
    WHOLE("content", content, "64", 1, 4096, "floats of each part of a content vector"),
    WHOLE("cooccurrence", cooccurrence, "3", 0, 1000, "distance up to which events co-occur; 0 = leave it out"),
    REAL("clip", clip, "0.1", 1e6, "bound of the item branch's generated weights"),
    WHOLE("epochs", epochs, "200", 1, 1e6, "at most"),
    WHOLE("patience", patience, "20", 0, 1e6, "epochs without a better validation before it stops; 0 = never stops"),
    REAL("limit", limit, "0", 1e9, "seconds after which the best so far is written; 0 = none"),
    WHOLE("check", check, "1", 1, 1e6, "validates, and leaves a checkpoint, after every so many epochs"),
    WHOLE("batch", batch, "256", 1, 65536, "users a step"),
    REAL("rate", rate, "0.001", 10, "learning rate"),
    REAL("rate-end", rate_end, "1", 1, "share of --rate that a half cosine over --epochs ends at; 1 = constant rate"),
    WHOLE("warmup", warmup, "0", 0, 1e6, "steps over which the rate grows to --rate"),
    REAL("rate-scale", rate_scale, "1", 1000, "the generator's learning rate over --rate"),
    REAL("decay", decay, "0", 10, "weight decay"),
    REAL("decay-generator", decay_generator, "0", 10, "weight decay of the generator"),
    REAL("max-norm", max_norm, "5", 1e9, "the gradient's norm is cut to this"),
    REAL("dropout", dropout, "0.5", 0.99, "of embeddings, attention, feed-forward and the generator's inputs"),
    REAL("dropout-z", dropout_z, "0.5", 0.99, "of the generator's states"),
    REAL("dropout-y", dropout_y, "0.5", 0.99, "of the generated layers' output"),
    REAL("smoothing", smoothing, "0.1", 0.99, "of the labels"),
    REAL("code-task", code_task, "0", 100, "weight of a second task: the codes of the next item"),
    REAL("item-dropout", item_dropout, "0", 0.99, "share of the items that a step knows by their codes alone"),
    REAL("average", average, "0", 0.999999, "moving average of weights: kept at each step; 0 = none"),
    REAL("cuts", cuts, "0", 1, "how often a history longer than the window gives a random cut, not its newest"),
    REAL("start-content", start_content, "0", 100,
         "length of the item embeddings made from content at first; 0 = none"),
    TEXT("codes-from", codes_from, NULL, "model whose item vectors have a say in the codes: a learned codebook", 0),
    TEXT("teachers", teachers, NULL, "model files, commas between, that draw a share of the targets", 0),
    REAL("taught", taught, "0.3", 0.99, "share of the targets that the teachers draw"),
    WHOLE("seed", seed, "0", 0, 9007199254740992.0, "of codebook, initial weights, order and dropout"),
    WHOLE("threads", threads, "0", 0, 1024, "CPU threads; 0 = as many as the machine has"),
    TEXT("device", device, "cpu", "cpu, cuda or cuda:N", 0),
    {.name = "precision",
     .type = SOLID_PROPERTY_CHOICE,
     .preset = "auto",
     .choices = "auto|fp32|tf32",
     .meaning = "of products; auto = tf32 on cuda, fp32 on the CPU, which has nothing else",
     .offset = offsetof(arguments, precision)},
    TEXT("log", log, NULL, "file for one line of JSON an epoch", 0),
    REAL("hide", hide, "0", 0.99, "share of the items to hide from training and to give codes from content; 0 = none"),
    WHOLE("hide-seed", hide_seed, "0", 0, 9007199254740992.0, "of the choice of hidden items"),
    {.name = "hidden-codes",
     .type = SOLID_PROPERTY_CHOICE,
     .preset = "content",
     .choices = "content|random",
     .meaning = "codes of hidden items: from content, or another item's, to compare with",
     .offset = offsetof(arguments, hidden_codes)},
    SWITCH("refit", refit, "then train again for the best number of epochs, with the validation events"),
    SWITCH("fresh", fresh, "do not go on from a checkpoint"),
    SWITCH("keep-checkpoint", keep_checkpoint, "leave the checkpoint after the model is written"),
};

static const solid_program program = {
    .name = "solid_train",
    .summary = "Trains a recommendation model on a file of events and writes one safetensors file.",
    .notes = "The checkpoint is OUT.checkpoint; the same command goes on from it.\n"
             "Exit code: 0 done, 1 the model could not be made, 2 wrong usage.",
    .properties = properties,
    .count = sizeof properties / sizeof *properties};

enum { PRECISION_AUTO, PRECISION_FP32, PRECISION_TF32 }; /* in the order of the choices */

static solid_precision precision(const arguments *a) {
  int tf32 = a->precision == PRECISION_TF32 || (a->precision == PRECISION_AUTO && strncmp(a->device, "cuda", 4) == 0);
  return tf32 ? SOLID_PRECISION_TF32 : SOLID_PRECISION_FP32;
}

static sol_config model_config(const arguments *a, uint32_t items) {
  return (sol_config){.items = items,
                      .width = (uint32_t)a->width,
                      .window = (uint32_t)a->window,
                      .blocks = (uint32_t)a->blocks,
                      .heads = (uint32_t)a->heads,
                      .levels = (uint32_t)a->levels,
                      .codes = a->levels > 0 ? (uint32_t)a->codes : 0,
                      .rank = (uint32_t)a->rank,
                      .head = (solid_head)a->head,
                      .clip = (float)a->clip};
}

static sol_train_options train_options(const arguments *a) {
  return (sol_train_options){.epochs = (uint32_t)a->epochs,
                             .patience = (uint32_t)a->patience,
                             .check = (uint32_t)a->check,
                             .batch = (uint32_t)a->batch,
                             .seed = (uint64_t)a->seed,
                             .rate = (float)a->rate,
                             .rate_end = (float)a->rate_end,
                             .warmup = (uint32_t)a->warmup,
                             .decay = (float)a->decay,
                             .rate_scale = (float)a->rate_scale,
                             .decay_generator = (float)a->decay_generator,
                             .max_norm = (float)a->max_norm,
                             .dropout = (float)a->dropout,
                             .dropout_z = (float)a->dropout_z,
                             .dropout_y = (float)a->dropout_y,
                             .smoothing = (float)a->smoothing,
                             .code_task = (float)a->code_task,
                             .item_dropout = (float)a->item_dropout,
                             .average = (float)a->average,
                             .cuts = (float)a->cuts,
                             .start_content = (float)a->start_content,
                             .taught = a->teachers ? (float)a->taught : 0};
}

static solid_status fit_codebook(const arguments *a, const solid_context *ctx, material *m) {
  if (a->levels == 0) return SOLID_OK;
  solid_model *learned = NULL;
  sol_features_options features = SOL_FEATURES_OPTIONS_INIT;
  features.dims = (uint32_t)a->content, features.window = (uint32_t)a->cooccurrence, features.seed = (uint64_t)a->seed;
  sol_codebook_options options = SOL_CODEBOOK_OPTIONS_INIT;
  options.levels = (uint32_t)a->levels, options.codes = (uint32_t)a->codes, options.seed = (uint64_t)a->seed;
  solid_status status = a->codes_from ? solid_model_load(&learned, ctx, a->codes_from) : SOLID_OK;
  if (status == SOLID_OK) status = material_fit(m, &features, &options, learned);
  solid_model_free(learned);
  return status;
}

/* What the model file says about how it was made, an evaluation finds split and hidden items by it. NULL: no memory.
 * The caller frees it. */
static char *describe_training(const arguments *a, const sol_history *history, const sol_epoch *r) {
  /* Neither names of files nor threads change the model: the same command gives the same bytes elsewhere. */
  static const char *const without[] = {"data", "out", "log", "limit", "fresh", "keep-checkpoint", "threads", NULL};
  char split[SOL_SPLIT_TEXT];
  sol_split_describe(history, split);
  json_t *root =
      json_pack("{s:s, s:I, s:o, s:s, s:s, s:i, s:i, s:f, s:o}", "version", solid_version(), "seed",
                (json_int_t)a->seed, "data", manifest_hash(history), "split", split, "precision",
                precision(a) == SOLID_PRECISION_TF32 ? "tf32" : "fp32", "epochs", (int)r->epoch, "best_epoch",
                (int)r->best_epoch, "valid_ndcg@10", r->best_ndcg10, "options", manifest_options(&program, a, without));
  if (a->hide > 0) {
    json_object_set_new(root, "hide", json_real(a->hide));
    json_object_set_new(root, "hide_seed", json_integer((json_int_t)a->hide_seed));
    json_object_set_new(root, "hidden_codes", json_string(a->hidden_codes == SOL_HIDDEN_RANDOM ? "random" : "content"));
  }
  char *text = root ? json_dumps(root, JSON_REAL_PRECISION(15)) : NULL;
  json_decref(root);
  return text;
}

static solid_status write_model(const arguments *a, const sol_config *config, const material *m,
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
static solid_status train_again(const arguments *a, train_run *run, sol_train_options options, const sol_epoch *first,
                                sol_trainer **out) {
  char checkpoint[4096];
  snprintf(checkpoint, sizeof checkpoint, "%s.refit", a->out);
  run->checkpoint = checkpoint;
  options.refit = first->best_epoch;
  printf("trains again for %u epochs, with the validation events\n", options.refit);
  solid_status status = train_run_all(run, &options, out);
  if (status == SOLID_OK && !a->keep_checkpoint) unlink(checkpoint);
  return status;
}

static solid_status train(const arguments *a, const solid_context *ctx, const sol_history *history,
                          const char *checkpoint, FILE *log) {
  material m = {0};
  sol_teacher teacher = {0};
  float *items = NULL;
  sol_trainer *trainer = NULL;
  solid_status status = material_open(&m, history, a->hide, (uint64_t)a->hide_seed);
  sol_config config = model_config(a, status == SOLID_OK ? m.trained->items : history->items);
  sol_train_options options = train_options(a);
  if (status == SOLID_OK) status = sol_config_check(&config);
  if (status == SOLID_OK) status = sol_train_options_check(&options);
  if (status == SOLID_OK) status = fit_codebook(a, ctx, &m);
  if (status == SOLID_OK && a->start_content > 0)
    status = sol_content_start(&items, &m.features, &config, a->start_content, (uint64_t)a->seed);
  if (status == SOLID_OK && a->teachers) status = train_ask_teachers(ctx, a->teachers, m.trained, &teacher);
  train_run run = {.ctx = ctx,
                   .config = &config,
                   .history = m.trained,
                   .codes = m.book.table,
                   .teacher = a->teachers ? &teacher : NULL,
                   .items = items,
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
  if (status == SOLID_OK) status = write_model(a, &config, &m, trainer, &report);
  if (status == SOLID_OK && !a->keep_checkpoint) unlink(checkpoint);
  sol_trainer_close(trainer);
  sol_teacher_clear(&teacher);
  free(items);
  material_clear(&m);
  return status;
}

/* Everything that can be refused is refused before the data is read. */
static solid_status run(const arguments *a) {
  char checkpoint[4096];
  sol_history history = {0};
  solid_context *ctx = NULL;
  FILE *log = NULL;
  solid_context_options options = SOLID_CONTEXT_OPTIONS_INIT;
  options.threads = (int32_t)a->threads;
  options.device = a->device;
  options.precision = precision(a);
  snprintf(checkpoint, sizeof checkpoint, "%s.checkpoint", a->out);
  solid_status status = sol_export_check(a->out);
  if (status == SOLID_OK && a->log != NULL && (log = fopen(a->log, "a")) == NULL) {
    fprintf(stderr, "solid_train: %s: %s\n", a->log, strerror(errno));
    return SOLID_EIO;
  }
  if (status == SOLID_OK) status = solid_context_new(&ctx, &options);
  load_files files = {.data = a->data,
                      .format = a->format,
                      .attributes = a->attributes,
                      .vectors = a->vectors,
                      .vector_width = (uint32_t)a->vector_width,
                      .split = &a->order};
  if (status == SOLID_OK) status = load_history(&history, &files);
  if (status == SOLID_OK) status = load_warn("solid_train", &history, &files);
  if (status == SOLID_OK) {
    printf("%s: %u users, %u items, %zu events, %u attributes\n", a->data, history.users, history.items, history.events,
           history.attributes.count);
    status = train(a, ctx, &history, checkpoint, log);
  }
  if (status != SOLID_OK) fprintf(stderr, "solid_train: %s\n", solid_last_error());
  sol_history_clear(&history);
  solid_context_free(ctx);
  if (log != NULL) fclose(log);
  return status;
}

int main(int argc, char **argv) {
  arguments a = {0};
  solid_config *config = NULL;
  solid_status status = solid_config_load(&config, &program, argc, argv, &a);
  if (status != SOLID_OK) {
    fprintf(stderr, "solid_train: %s\n", solid_last_error());
    return 2;
  }
  solid_config_request request = solid_config_get_request(config);
  if (request == SOLID_CONFIG_HELP)
    status = solid_config_write_help(&program, stdout);
  else if (request == SOLID_CONFIG_VERSION)
    status = solid_config_write_version(&program, stdout);
  else
    status = run(&a);
  solid_config_free(config);
  return status == SOLID_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
