/* solid_eval: how well does a model rank what each user of a data file did next?
 *
 * Leave-one-out over the full catalogue; the popularity ranking stands beside the model, both with 95 % intervals. */
#include "examples/eval_hidden.h"
#include "examples/load.h"
#include "ingest/config.h"
#include "solid/extend.h"
#include "solid/model.h"
#include "solid/train/evaluate.h"
#include "solid/version.h"
#include "store/memory_store.h"
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct arguments {
  const char *model, *data, *format, *device, *json;
  int64_t batch, threads, seed, resamples;
  int mask, split, popularity_only, cache;
} arguments;

#define AT(field) .offset = offsetof(arguments, field)

static const solid_property properties[] = {
    {.name = "model", .type = SOLID_PROPERTY_STRING, .meaning = "model file (safetensors)", AT(model)},
    {.name = "data", .type = SOLID_PROPERTY_STRING, .meaning = "file of events", .required = 1, AT(data)},
    {.name = "format", .type = SOLID_PROPERTY_STRING, .preset = "auto", .meaning = "format of the data", AT(format)},
    {.name = "split",
     .type = SOLID_PROPERTY_CHOICE,
     .preset = "test",
     .choices = "valid|test",
     .meaning = "test: last event of each user; valid: the one before",
     AT(split)},
    {.name = "mask",
     .type = SOLID_PROPERTY_BOOL,
     .preset = "true",
     .meaning = "leave the user's history out of the ranking",
     AT(mask)},
    {.name = "popularity-only",
     .type = SOLID_PROPERTY_BOOL,
     .preset = "false",
     .meaning = "no model: the popularity ranking alone",
     AT(popularity_only)},
    {.name = "batch",
     .type = SOLID_PROPERTY_INT,
     .preset = "256",
     .min = 1,
     .max = 65536,
     .meaning = "users ranked at once",
     AT(batch)},
    {.name = "threads",
     .type = SOLID_PROPERTY_INT,
     .preset = "0",
     .min = 0,
     .max = 1024,
     .meaning = "CPU threads; 0 = all",
     AT(threads)},
    {.name = "device", .type = SOLID_PROPERTY_STRING, .preset = "cpu", .meaning = "cpu, cuda or cuda:N", AT(device)},
    {.name = "seed",
     .type = SOLID_PROPERTY_INT,
     .preset = "0",
     .min = 0,
     .max = 9007199254740992.0,
     .meaning = "of the intervals' resamples",
     AT(seed)},
    {.name = "resamples",
     .type = SOLID_PROPERTY_INT,
     .preset = "1000",
     .min = 1,
     .max = 1000000,
     .meaning = "of the users, for the intervals",
     AT(resamples)},
    {.name = "cache",
     .type = SOLID_PROPERTY_CHOICE,
     .preset = "none",
     .choices = "none|f32|f16|i8",
     .meaning = "let parameters go through a store of this element type first",
     AT(cache)},
    {.name = "json", .type = SOLID_PROPERTY_STRING, .meaning = "write the figures to this file", AT(json)},
};

static const solid_program program = {
    .name = "solid_eval",
    .summary = "Ranks the whole catalogue for every user of a data file and reports where the next event stood.",
    .notes = "Exit code: 0 done, 1 the evaluation could not be made, 2 wrong usage.",
    .properties = properties,
    .count = sizeof properties / sizeof *properties,
};

/* One ranking's figures. */
typedef struct figures {
  sol_evaluation evaluation;
  sol_metrics value, low, high;
} figures;

typedef struct run {
  arguments args;
  sol_history history;
  solid_context *ctx;
  solid_model *model;
  solid_model_info info;
  solid_store *cache;
  figures of_model, popularity;
  hidden_report hidden; /* of a model that was trained without some items */
} run;

static void print_log(void *user, solid_log_level level, const char *line) {
  (void)user;
  if (level >= SOLID_LOG_WARN) fprintf(stderr, "%s\n", line);
}

static solid_status finish_figures(figures *f, const arguments *args) {
  const sol_evaluation *e = &f->evaluation;
  sol_metrics_of(e->ranks, e->users, &f->value);
  return sol_metrics_interval(e->ranks, e->users, (uint32_t)args->resamples, (uint64_t)args->seed, &f->low, &f->high);
}

static solid_status open_cache(run *r) {
  solid_memory_store_options options = SOLID_MEMORY_STORE_OPTIONS_INIT;
  options.window = r->info.window;
  options.width = r->info.width;
  options.params = r->info.params;
  options.element = (solid_element)(r->args.cache - 1);
  return solid_memory_store_open(&r->cache, &options);
}

/* A model that was trained without some items is asked about them. */
static solid_status ask_about_hidden(run *r, const sol_evaluate_options *options) {
  sol_hidden hidden = {0};
  solid_status status = sol_evaluate_hidden(&hidden, r->model, &r->history);
  if (status == SOLID_ENOTFOUND) return SOLID_OK;
  if (!status)
    status = hidden_measure(&r->hidden, &hidden, r->model, &r->history, options, &r->of_model.evaluation,
                            (uint32_t)r->args.resamples, (uint64_t)r->args.seed);
  sol_hidden_clear(&hidden);
  return status;
}

static solid_status evaluate(run *r) {
  const arguments *args = &r->args;
  load_files files = {.data = args->data, .format = args->format};
  sol_evaluate_options options = {.part = args->split ? SOL_PART_TEST : SOL_PART_VALID,
                                  .keep_history = !args->mask,
                                  .batch = (uint32_t)args->batch};
  solid_status status = SOLID_OK;
  if (!args->model && !args->popularity_only)
    return solid_fail(SOLID_EINVAL, "--model is missing; --popularity-only does without one");
  if (!args->popularity_only) {
    solid_context_options context = SOLID_CONTEXT_OPTIONS_INIT;
    context.threads = (int32_t)args->threads;
    context.device = args->device;
    context.log = print_log;
    status = solid_context_new(&r->ctx, &context);
    if (!status) status = solid_model_load(&r->model, r->ctx, args->model);
    r->info.struct_size = sizeof r->info;
    if (!status) status = solid_model_get_info(r->model, &r->info);
  }
  if (!status) status = load_history(&r->history, &files);
  if (!status && r->model && sol_evaluate_same_data(r->model, &r->history) == 0)
    fprintf(stderr,
            "solid_eval: warning: %s is not the data that %s was trained on: an id that both have may mean two items\n",
            args->data, args->model);
  if (!status) status = sol_evaluate_popularity(&r->popularity.evaluation, &r->history, &options);
  if (!status) status = finish_figures(&r->popularity, args);
  if (!status && r->model && args->cache) status = open_cache(r);
  options.cache = r->cache;
  if (!status && r->model) status = sol_evaluate_model(&r->of_model.evaluation, r->model, &r->history, &options);
  if (!status && r->model) status = finish_figures(&r->of_model, args);
  if (!status && r->model) status = ask_about_hidden(r, &options);
  return status;
}

static const char *split_name(const arguments *args) {
  return args->split ? "test" : "valid";
}

static void print_figure(const figures *f, int metric) {
  printf("  %.4f [%.4f, %.4f]", f->value.value[metric], f->low.value[metric], f->high.value[metric]);
}

static void print_table(const run *r) {
  const sol_evaluation *e = &r->popularity.evaluation;
  printf("%s: %" PRIu32 " users with a %s target (%" PRIu32 " with one or two events skipped), %" PRIu32 " items, %s\n",
         r->args.data, e->users, split_name(&r->args), e->skipped, r->history.items,
         r->args.mask ? "history masked" : "history not masked");
  if (r->model)
    printf("%s: %s, generation %016" PRIx64 ", catalogue of %" PRIu32 "\n", r->args.model,
           solid_head_name(r->info.head), r->info.generation, r->info.items);
  printf("\n%-8s", "");
  if (r->model) printf("  %-23s", "model, 95 % interval");
  printf("  %s\n", "popularity, 95 % interval");
  for (int m = 0; m < SOL_METRICS; m++) {
    printf("%-8s", sol_metric_names[m]);
    if (r->model) print_figure(&r->of_model, m);
    print_figure(&r->popularity, m);
    printf("\n");
  }
  printf("%-8s", "covered");
  if (r->model) printf("  %-23.4f", r->of_model.evaluation.coverage);
  printf("  %.4f   (share of the catalogue in anybody's first %d)\n", e->coverage, SOL_COVERED_DEPTH);
  if (r->hidden.hidden) hidden_print(&r->hidden);
}

static json_t *json_of_values(const sol_metrics *metrics) {
  json_t *object = json_object();
  for (int m = 0; m < SOL_METRICS; m++) json_object_set_new(object, sol_metric_names[m], json_real(metrics->value[m]));
  return object;
}

static json_t *json_of_interval(const figures *f) {
  json_t *object = json_object();
  for (int m = 0; m < SOL_METRICS; m++)
    json_object_set_new(object, sol_metric_names[m], json_pack("[f, f]", f->low.value[m], f->high.value[m]));
  return object;
}

static json_t *json_of_manifest(const run *r) {
  char hash[17], generation[17];
  snprintf(hash, sizeof hash, "%016" PRIx64, sol_history_hash(&r->history));
  snprintf(generation, sizeof generation, "%016" PRIx64, r->info.generation);
  static const char *const caches[] = {"none", "f32", "f16", "i8"};
  return json_pack("{s:s, s:s, s:I, s:I, s:s, s:I, s:I, s:s, s:s*}", "version", solid_version(), "data_hash", hash,
                   "seed", (json_int_t)r->args.seed, "resamples", (json_int_t)r->args.resamples, "device",
                   r->args.device, "threads", (json_int_t)r->args.threads, "batch", (json_int_t)r->args.batch, "cache",
                   caches[r->args.cache], "model_generation", r->model ? generation : NULL);
}

static solid_status write_json(const run *r) {
  const sol_evaluation *e = &r->popularity.evaluation;
  json_t *root = json_pack("{s:s, s:s, s:b, s:I, s:I, s:I}", "data", r->args.data, "split", split_name(&r->args),
                           "masked", r->args.mask, "users", (json_int_t)e->users, "skipped_users",
                           (json_int_t)e->skipped, "items", (json_int_t)r->history.items);
  if (r->model) {
    json_object_set_new(root, "model", json_string(r->args.model));
    json_object_set_new(root, "metrics", json_of_values(&r->of_model.value));
    json_object_set_new(root, "ci95", json_of_interval(&r->of_model));
    json_object_set_new(root, "coverage@10", json_real(r->of_model.evaluation.coverage));
  }
  json_object_set_new(root, "popularity", json_of_values(&r->popularity.value));
  json_object_set_new(root, "popularity_ci95", json_of_interval(&r->popularity));
  json_object_set_new(root, "popularity_coverage@10", json_real(e->coverage));
  if (r->hidden.hidden) json_object_set_new(root, "hidden", hidden_json(&r->hidden));
  json_object_set_new(root, "manifest", json_of_manifest(r));
  int bad = !root || json_dump_file(root, r->args.json, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
  json_decref(root);
  return bad ? solid_fail(SOLID_EIO, "%s: cannot be written", r->args.json) : SOLID_OK;
}

static void clear(run *r) {
  sol_evaluation_clear(&r->of_model.evaluation);
  sol_evaluation_clear(&r->popularity.evaluation);
  sol_history_clear(&r->history);
  if (r->cache) r->cache->ops->close(r->cache);
  solid_model_free(r->model);
  solid_context_free(r->ctx);
}

int main(int argc, char **argv) {
  static run r;
  solid_config *config = NULL;
  solid_status status = solid_config_load(&config, &program, argc, argv, &r.args);
  if (status) {
    fprintf(stderr, "solid_eval: %s\n", solid_last_error());
    return 2;
  }
  solid_config_request request = solid_config_get_request(config);
  if (request == SOLID_CONFIG_HELP)
    status = solid_config_write_help(&program, stdout);
  else if (request == SOLID_CONFIG_VERSION)
    status = solid_config_write_version(&program, stdout);
  else {
    status = evaluate(&r);
    if (!status) print_table(&r);
    if (!status && r.args.json) status = write_json(&r);
  }
  if (status) fprintf(stderr, "solid_eval: %s\n", solid_last_error());
  clear(&r);
  solid_config_free(config);
  return status == SOLID_OK ? 0 : status == SOLID_EINVAL ? 2 : 1;
}
