#include "examples/eval.h"
#include "examples/manifest.h"
#include "solid/extend.h"
#include "solid/version.h"
#include <inttypes.h>
#include <stdio.h>

static json_t *json_of_values(const sol_metrics *metrics) {
  json_t *object = json_object();
  for (int m = 0; m < SOL_METRICS; m++) json_object_set_new(object, sol_metric_names[m], json_real(metrics->value[m]));
  return object;
}

static json_t *json_of_interval(const eval_figures *f) {
  json_t *object = json_object();
  for (int m = 0; m < SOL_METRICS; m++)
    json_object_set_new(object, sol_metric_names[m], json_pack("[f, f]", f->low.value[m], f->high.value[m]));
  return object;
}

static json_t *json_of_manifest(const eval_run *r) {
  static const char *const without[] = {"model", "data", "json", "popularity-only", NULL};
  char generation[17];
  snprintf(generation, sizeof generation, "%016" PRIx64, r->info.generation);
  const char *training = r->model ? sol_evaluate_training(r->model) : NULL;
  json_t *trained = training ? json_loads(training, 0, NULL) : NULL;
  return json_pack("{s:s, s:o, s:o, s:I, s:s, s:I, s:o, s:s*, s:o*}", "version", solid_version(), "data_hash",
                   manifest_hash(&r->history), "split", manifest_split(&r->history), "seed", (json_int_t)r->args.seed,
                   "device", r->args.device, "threads", (json_int_t)r->args.threads, "options",
                   manifest_options(&eval_program, &r->args, without), "model_generation", r->model ? generation : NULL,
                   "training", trained);
}

solid_status eval_write_json(const eval_run *r) {
  const sol_evaluation *e = &r->popularity.evaluation;
  json_t *root = json_pack("{s:s, s:s, s:b, s:I, s:I, s:I}", "data", r->args.data, "part", eval_part_name(&r->args),
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
