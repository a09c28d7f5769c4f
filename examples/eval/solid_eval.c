/* solid_eval: how well does a model rank what each user of a data file did next?
 *
 * One target per user, ranked in the whole catalogue; the model beside popularity and item-to-item, all with 95 %
 * intervals. */
#include "examples/common/apart.h"
#include "examples/common/exit.h"
#include "examples/common/manifest.h"
#include "examples/common/preparing.h"
#include "examples/common/program.h"
#include "examples/eval/eval.h"
#include "solid/extend.h"
#include "store/memory_store.h"
#include <stdio.h>
#include <string.h>

static void print_log(void *user, solid_log_level level, const char *line) {
  (void)user;
  if (!preparing_log(level, line) && level >= SOLID_LOG_WARN) fprintf(stderr, "%s\n", line);
}

static solid_status open_model(eval_run *r) {
  if (r->args.popularity_only) return SOLID_OK;
  if (!r->args.model) return solid_fail(SOLID_EINVAL, "--model is missing; only --popularity-only works without one");
  solid_context_options options = SOLID_CONTEXT_OPTIONS_INIT;
  options.threads = (int32_t)r->args.threads;
  options.device = r->args.device;
  options.log = print_log;
  options.precision = r->args.precision ? SOLID_PRECISION_TF32 : SOLID_PRECISION_FP32;
  program_step(EXIT_USAGE);
  solid_status status = solid_context_new(&r->ctx, &options);
  if (!status) program_step(EXIT_MODEL);
  if (!status) status = solid_model_load(&r->model, r->ctx, r->args.model);
  preparing_end();
  r->info.struct_size = sizeof r->info;
  return status ? status : solid_model_get_info(r->model, &r->info);
}

static solid_status open_data(eval_run *r) {
  const eval_arguments *args = &r->args;
  program_step(EXIT_SOURCE);
  load_files files = {.data = args->data,
                      .format = args->format,
                      .reading = &args->reading,
                      .program = "solid_eval",
                      .split = &args->order};
  solid_status status = load_history(&r->dataset, &files);
  if (!status) status = load_warn("solid_eval", &r->dataset, &files);
  if (status || !r->model) return status;
  if (solid_evaluate_same_data(r->model, &r->dataset) == 0 && !args->allow_other_data)
    return solid_fail(SOLID_EMISMATCH,
                      "%s is not the data that %s was trained on, or not read with the same options (--kinds, "
                      "--min-rating, --min-user, --min-item): the same id may mean two items, and the targets may be "
                      "known (--allow-other-data evaluates all the same)",
                      args->data, args->model);
  if (args->allow_other_split) return SOLID_OK;
  if (!args->part && solid_evaluate_refitted(r->model))
    return solid_fail(
        SOLID_EMISMATCH,
        "%s was trained on the validation events too (--refit); --allow-other-split evaluates all the same",
        args->model);
  status = solid_evaluate_check_split(r->model, &r->dataset);
  return status ? solid_fail(status, "%s; --allow-other-split evaluates all the same", solid_last_error()) : SOLID_OK;
}

/* If a model was trained without some items, their ranking is measured; for comparison another model can be measured,
 * too. */
static solid_status ask_about_hidden(eval_run *r, const solid_evaluate_options *options) {
  solid_hidden hidden = {0};
  solid_status status = solid_evaluate_hidden(&hidden, r->model, &r->dataset);
  r->hidden.trained_on = status == SOLID_ENOTFOUND;
  if (r->hidden.trained_on && r->args.hide == 0) return SOLID_OK;
  if (r->hidden.trained_on)
    status = solid_hidden_choose(&hidden, &r->dataset, r->args.hide, (uint64_t)r->args.hide_seed);
  else if (!status && r->args.hide > 0)
    status = solid_fail(SOLID_EINVAL, "--hide: the model's file says which items were hidden from it");
  if (!status)
    status = hidden_measure(&r->hidden, &hidden, r->model, &r->dataset, options, &r->of_model.evaluation,
                            (uint32_t)r->args.resamples, (uint64_t)r->args.seed);
  solid_hidden_clear(&hidden);
  return status;
}

static solid_status evaluate_slates(eval_run *r, solid_part part) {
  const eval_arguments *args = &r->args;
  const load_files files = {.data = args->data,
                            .format = args->format,
                            .reading = &args->reading,
                            .program = "solid_eval",
                            .split = &args->order};
  const slates_ground ground = {
      r->ctx, r->model, &r->dataset, &files, part, (uint32_t)args->resamples, (uint64_t)args->seed};
  return slates_measure(&r->slates, &args->slates, &ground);
}

static solid_status evaluate(eval_run *r) {
  const eval_arguments *args = &r->args;
  solid_evaluate_options options = {.part = args->part ? SOLID_PART_TEST : SOLID_PART_VALID,
                                    .keep_history = !args->mask,
                                    .batch = (uint32_t)args->batch};
  solid_status status = eval_read_cutoffs(r);
  if (r->cutoffs) options.depth = r->cutoff[r->cutoffs - 1];
  if (!status) status = open_model(r);
  if (!status) status = open_data(r);
  if (!status) program_step(EXIT_FAILED);
  if (!status) status = solid_evaluate_popularity(&r->popularity.evaluation, &r->dataset, &options);
  if (!status) status = eval_item_to_item(r, &options);
  if (status || !r->model) return status ? status : eval_measure(r);
  if (args->cache) status = solid_store_open_memory(&r->cache, r->model, NULL);
  options.cache = r->cache;
  options.cache_element = args->cache ? (uint32_t)args->cache - 1 : SOLID_F32;
  if (!status) status = solid_evaluate_model(&r->of_model.evaluation, r->model, &r->dataset, &options);
  if (!status) status = solid_evaluate_density(&r->density, &r->density_users, r->model, &r->dataset, options.part);
  if (!status) status = eval_measure(r);
  if (!status && args->stale)
    status = stale_measure(&r->stale, args->stale, r->model, &r->dataset, &options, (uint32_t)args->resamples,
                           (uint64_t)args->seed);
  if (!status && args->lengths) {
    const lengths_task task = {args->lengths, (uint32_t)args->questions, (uint32_t)args->least,
                               (uint32_t)args->resamples, (uint64_t)args->seed};
    status = lengths_measure(&r->lengths, &task, r->model, &r->dataset, &options);
  }
  if (!status && args->slates.rows) status = evaluate_slates(r, options.part);
  return status ? status : ask_about_hidden(r, &options);
}

static void clear(eval_run *r) {
  solid_evaluation_clear(&r->of_model.evaluation);
  solid_evaluation_clear(&r->popularity.evaluation);
  solid_evaluation_clear(&r->item_to_item.evaluation);
  slates_clear(&r->slates);
  lengths_clear(&r->lengths);
  solid_slices_clear(&r->slices);
  solid_dataset_clear(&r->dataset);
  solid_store_close(r->cache);
  solid_model_free(r->model);
  solid_context_free(r->ctx);
}

static solid_status check_files(const eval_arguments *a) {
  const apart_file written[] = {{"--json", a->json}, {"--results", a->results}, {NULL, NULL}};
  const apart_file read[] = {{"--data", a->data},
                             {"--valid-data", a->order.valid_data},
                             {"--test-data", a->order.test_data},
                             {"--times", a->order.times},
                             {"--model", a->model},
                             {NULL, NULL}};
  const apart_file parts[] = {read[0], read[1], read[2], {NULL, NULL}};
  solid_status status = apart_check(written, read);
  return status ? status : apart_check_parts(parts);
}

static solid_status run(void *user) {
  eval_run *r = user;
  solid_status status = check_files(&r->args);
  if (!status && r->args.json) status = manifest_check(r->args.json);
  if (!status && r->args.results) status = manifest_check(r->args.results);
  if (!status && r->args.protocol) return eval_paper(r);
  if (!status) status = evaluate(r);
  if (!status) eval_print_table(r);
  if (!status && r->slates.count) slates_print(&r->slates);
  if (!status && r->args.results) status = eval_write_results(r);
  return !status && r->args.json ? eval_write_json(r) : status;
}

int main(int argc, char **argv) {
  static eval_run r;
  if (argc > 1 && strcmp(argv[1], "compare") == 0) return eval_compare(argc - 1, argv + 1);
  if (argc > 1 && strcmp(argv[1], "lists") == 0) return eval_lists(argc - 1, argv + 1);
  if (argc > 1 && strcmp(argv[1], "plot") == 0) return eval_plot(argc - 1, argv + 1);
  int code = program_run(&eval_program, argc, argv, &r.args, run, &r);
  clear(&r);
  return code;
}
