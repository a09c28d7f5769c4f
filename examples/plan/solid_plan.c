/* solid_plan: how much memory a model's users take up, in Redis and in the memory store, by element type; with --device
 * also what serving and training take on the device, and whether it is there; with --rate also processes, nodes and
 * partitions. */
#include "examples/common/config.h"
#include "examples/common/exit.h"
#include "examples/common/program.h"
#include "examples/plan/plan_rate.h"
#include "examples/plan/plan_state.h"
#include "solid/extend.h"
#include "solid/train/budget.h"
#include "solid/worker.h"
#include "store/plan.h"
#include <stdio.h>
#include <string.h>

typedef struct plan_options {
  const char *model, *prefix, *device;
  int64_t window, width, params, users, id_bytes, partitions, batch, train_batch, memory;
  int64_t history, taken, state, state_parts;
  rate_options rate;
} plan_options;

static const solid_property properties[] = {
    {"model", SOLID_PROPERTY_STRING, NULL, 0, 0, NULL, "model file from which to take window, width and params", 0,
     offsetof(plan_options, model)},
    {"window", SOLID_PROPERTY_INT, "50", 1, SOLID_HISTORY_MAX, NULL, "steps that it reads", 0,
     offsetof(plan_options, window)},
    {"width", SOLID_PROPERTY_INT, "64", 0, 1 << 20, NULL, "floats of a state", 0, offsetof(plan_options, width)},
    {"params", SOLID_PROPERTY_INT, "2112", 0, 1 << 25, NULL, "generated floats per user", 0,
     offsetof(plan_options, params)},
    {"history", SOLID_PROPERTY_INT, "0", 0, SOLID_HISTORY_MAX, NULL,
     "events of a user that are kept (--history of solid_serve and solid_ingestd); 0 = the window", 0,
     offsetof(plan_options, history)},
    {"taken", SOLID_PROPERTY_INT, "0", 0, 1 << 30, NULL,
     "different items among them; 0 = as many as the model has, without one all are different", 0,
     offsetof(plan_options, taken)},
    {"state", SOLID_PROPERTY_INT, "0", 0, SOLID_STATE_MAX, NULL,
     "bytes of a user's attention state, which models with sparse attention keep; 0 = what the model's lists have room "
     "for",
     0, offsetof(plan_options, state)},
    {"state-parts", SOLID_PROPERTY_INT, "1", 1, SOLID_STATE_PARTS, NULL, "parts that it is written in", 0,
     offsetof(plan_options, state_parts)},
    {"users", SOLID_PROPERTY_INT, "1000000", 1, 1e12, NULL, "number of users", 0, offsetof(plan_options, users)},
    {"id-bytes", SOLID_PROPERTY_INT, "16", 1, 255, NULL, "average length of a user id", 0,
     offsetof(plan_options, id_bytes)},
    {"prefix", SOLID_PROPERTY_STRING, "solid:", -1, 0, NULL, "prefix of the Redis keys", 0,
     offsetof(plan_options, prefix)},
    {"partitions", SOLID_PROPERTY_INT, "1", 1, 65535, NULL, "partitions that the events of one user come from", 0,
     offsetof(plan_options, partitions)},
    {"device", SOLID_PROPERTY_STRING, NULL, 0, 0, NULL, "also plan the memory of this device: cpu, cuda or cuda:N", 0,
     offsetof(plan_options, device)},
    {"batch", SOLID_PROPERTY_INT, "256", 1, 1 << 24, NULL, "users served at once", 0, offsetof(plan_options, batch)},
    {"train-batch", SOLID_PROPERTY_INT, "256", 0, 65536, NULL, "users per training step; 0 = no training", 0,
     offsetof(plan_options, train_batch)},
    {"memory", SOLID_PROPERTY_INT, "0", 0, 1e15, NULL,
     "instead of --device: plan for a GPU with this many bytes free; no GPU is needed", 0,
     offsetof(plan_options, memory)},
    RATE_PROPERTIES(plan_options, rate),
};

static const solid_need needs[] = {
    {"window width params", "!model"},
    {"state-parts", "state"},
    {"device memory", "model"},
    {"batch train-batch", "device memory"},
    {"answers event-us redis-event-us node-bytes", "rate"},
    {"answer-us redis-answer-us", "answers"},
};

static const solid_program program = {
    .name = "solid_plan",
    .summary =
        "Prints the memory that users take in a store, and a model on a device, and what a rate of events needs.",
    .notes = "Counts users with a full window and generated params; with a TTL only the users of that time are kept.\n"
             "Example: solid_plan --model beauty.safetensors --users 5000000\n"
             "         solid_plan --model beauty.safetensors --device cuda --batch 4096\n"
             "         solid_plan --model beauty.safetensors --memory 24000000000\n"
             "         solid_plan --model beauty.safetensors --users 5000000 --rate 20000 --answers 1000\n"
             "A CUDA context and its code take some hundred megabytes more; --device has subtracted them already.",
    .exits = HAS_EXIT(MODEL),
    .cut = "",
    .needs = needs,
    .n_needs = sizeof needs / sizeof *needs,
    .properties = properties,
    .count = sizeof properties / sizeof *properties,
};

static uint32_t history_of(const plan_options *options) {
  return (uint32_t)(options->history ? options->history : options->window);
}

/* A state that is not given is the model's; with a history the work of a new model is measured. */
static solid_status read_state(plan_options *options, const solid_model *model) {
  uint32_t history = history_of(options);
  solid_state_budget state = solid_budget_state(model, history);
  if (history < 2 * SOLID_PAGE_STEPS || options->state || !state.bytes) return SOLID_OK;
  options->state = state.bytes, options->state_parts = state.parts;
  return plan_rebuild(model, history, options->users);
}

/* Takes the sizes from the model file instead of the flags. */
static solid_status read_model(plan_options *options) {
  solid_context *ctx = NULL;
  solid_model *model = NULL;
  solid_model_info info = {.struct_size = sizeof info};
  solid_status status = solid_context_new(&ctx, NULL);
  program_step(EXIT_MODEL);
  if (!status) status = solid_model_load(&model, ctx, options->model);
  if (!status) status = solid_model_get_info(model, &info);
  if (!status) program_step(EXIT_FAILED);
  options->window = info.window;
  options->width = info.width;
  options->params = info.params;
  if (!options->taken && info.items < history_of(options)) options->taken = info.items;
  if (!status) printf("%s: head %s, %u items\n", options->model, solid_head_name(info.head), info.items);
  if (!status) status = read_state(options, model);
  solid_model_free(model);
  solid_context_free(ctx);
  return status;
}

/* A number of bytes in the unit that shows three digits or so. */
static const char *bytes_text(double bytes, char text[24]) {
  static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
  int unit = 0;
  for (; bytes >= 10000 && unit < 5; unit++) bytes /= 1000;
  snprintf(text, 24, unit ? "%.1f %s" : "%.0f %s", bytes, units[unit]);
  return text;
}

static void print_head(const plan_options *options, const solid_plan *plan) {
  printf("a user: window of %lld steps, state of %lld floats, %lld params; id of %lld bytes\n",
         (long long)options->window, (long long)options->width, (long long)options->params,
         (long long)options->id_bytes);
  if (plan->pages || plan->state)
    printf("beside it: %lld events, in pages of %zu bytes; items ever taken, %zu bytes; attention state, %zu bytes\n",
           (long long)history_of(options), plan->pages, plan->seen, plan->state);
  if (plan->pages && !plan->state && !options->model)
    puts("a model with sparse attention also keeps a state of each user, often the most: give --model, or --state and "
         "--state-parts");
  printf("%-8s %10s %10s %12s %12s   %lld users: %12s %12s\n", "element", "window", "record", "in redis", "in memory",
         (long long)options->users, "redis", "memory");
}

static solid_plan_sizes sizes_of(const plan_options *options, uint32_t element) {
  return (solid_plan_sizes){.window = (uint32_t)options->window,
                            .width = (uint32_t)options->width,
                            .params = (uint32_t)options->params,
                            .element = element,
                            .id_bytes = (uint32_t)options->id_bytes,
                            .prefix_bytes = (uint32_t)strlen(options->prefix),
                            .partitions = (uint32_t)options->partitions,
                            .history = (uint32_t)options->history,
                            .taken = (uint32_t)options->taken,
                            .state_bytes = (uint32_t)options->state,
                            .state_parts = (uint32_t)options->state_parts};
}

static solid_status print_plan(const plan_options *options) {
  static const char *const names[] = {"f32", "f16", "i8"};
  double f16_bytes = 0;
  for (int element = SOLID_F32; element <= SOLID_I8; element++) {
    const solid_plan_sizes sizes = sizes_of(options, (uint32_t)element);
    solid_plan plan;
    char redis[24], memory[24], label[32];
    solid_status status = solid_plan_user(&sizes, &plan);
    if (status) return status;
    if (element == SOLID_F32) print_head(options, &plan);
    if (element == SOLID_F16) f16_bytes = (double)plan.redis * (double)options->users;
    int indent = snprintf(label, sizeof label, "%lld users: ", (long long)options->users);
    printf("%-8s %10zu %10zu %12zu %12zu   %*s%12s %12s\n", names[element], plan.window, plan.record, plan.redis,
           plan.memory, indent, "", bytes_text((double)plan.redis * (double)options->users, redis),
           bytes_text((double)plan.memory * (double)options->users, memory));
  }
  const solid_plan_sizes f16 = sizes_of(options, SOLID_F16);
  solid_plan_traffic traffic;
  solid_status status = solid_plan_wire(&f16, &traffic);
  if (status) return status;
  if (options->rate.events > 0) plan_rate(&options->rate, f16_bytes, &traffic);
  return SOLID_OK;
}

static void print_line(const char *what, uint64_t bytes) {
  char text[24];
  printf("  %-46s %10s\n", what, bytes_text((double)bytes, text));
}

/* Opens what was planned, to compare: the arrays must have the planned size; the rest is the device's own. */
static solid_status measure(const solid_context *ctx, const plan_options *options, size_t before,
                            const solid_device_budget *plan) {
  solid_model *model = NULL;
  solid_worker *worker = NULL;
  size_t after = 0, total = 0;
  solid_status status = solid_model_load(&model, ctx, options->model);
  if (!status) status = solid_worker_new(&worker, model, (size_t)options->batch);
  if (!status) status = solid_budget_memory(ctx, &after, &total);
  solid_worker_free(worker);
  solid_model_free(model);
  uint64_t taken = before > after ? before - after : 0, planned = plan->model + plan->worker;
  if (!status) print_line("opened: kernels, graphs and libraries besides", taken > planned ? taken - planned : 0);
  return status;
}

static solid_status refuse(const char *what, int64_t users, uint64_t bytes, size_t left, const char *flag) {
  char a[24], b[24];
  return solid_fail(SOLID_ENOMEM, "%s %lld users at once needs %s, %s are free: use a smaller %s", what,
                    (long long)users, bytes_text((double)bytes, a), bytes_text((double)left, b), flag);
}

/* Prints what fits into `left` bytes; without a context the card need not exist. */
static solid_status print_device(const plan_options *options, const solid_context *ctx, size_t left, size_t total) {
  char a[24], b[24];
  solid_train_options train = SOLID_TRAIN_OPTIONS_INIT;
  solid_device_budget plan;
  train.batch = options->train_batch ? (uint32_t)options->train_batch : 1;
  solid_status status = solid_budget_device(&plan, options->model, (uint32_t)options->batch, &train);
  if (status) return status;
  uint64_t serving = plan.model + plan.worker + plan.slates;
  printf("device %s: %s of %s are free\n", ctx ? options->device : "as asked", bytes_text((double)left, a),
         bytes_text((double)total, b));
  print_line("serving: weights, codes, the catalogue", plan.model);
  if (plan.host) print_line("serving: rows of items, pinned on the host", plan.host);
  print_line("serving: batches, records, scratch", plan.worker);
  if (plan.slates) print_line("serving: slates, once one is asked for", plan.slates);
  if (options->train_batch) print_line("training a model of these shapes", plan.training);
  if (options->train_batch && plan.learning) print_line("training with --learn-codes, besides", plan.learning);
  if (serving > left) return refuse("serving", options->batch, serving, left, "--batch");
  if (ctx && strcmp(options->device, "cpu") != 0) status = measure(ctx, options, left, &plan);
  if (!status && options->train_batch && plan.training > left)
    status = refuse("training with", options->train_batch, plan.training, left,
                    "--train-batch (0 = only serving is planned)");
  return status;
}

static solid_status plan_device(const plan_options *options) {
  size_t left = (size_t)options->memory, total = left;
  if (left) return print_device(options, NULL, left, total);
  solid_context_options context = SOLID_CONTEXT_OPTIONS_INIT;
  solid_context *ctx = NULL;
  context.device = options->device;
  program_step(EXIT_USAGE);
  solid_status status = solid_context_new(&ctx, &context);
  if (!status) program_step(EXIT_FAILED);
  if (!status) status = solid_budget_memory(ctx, &left, &total);
  if (!status) status = print_device(options, ctx, left, total);
  solid_context_free(ctx);
  return status;
}

static solid_status run(void *user) {
  plan_options *options = user;
  int of_device = options->device || options->memory;
  if (options->device && options->memory) return solid_fail(SOLID_EINVAL, "--device and --memory exclude one another");
  solid_status status = options->model ? read_model(options) : SOLID_OK;
  if (!status) status = print_plan(options);
  return !status && of_device ? plan_device(options) : status;
}

int main(int argc, char **argv) {
  plan_options options = {0};
  return program_run(&program, argc, argv, &options, run, &options);
}
