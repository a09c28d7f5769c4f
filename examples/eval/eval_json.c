#include "examples/common/manifest.h"
#include "examples/eval/eval.h"
#include "examples/eval/eval_ranks.h"
#include "solid/extend.h"
#include "solid/train/provenance.h"
#include "solid/version.h"
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

static json_t *json_of_values(const solid_metrics *metrics) {
  json_t *object = json_object();
  for (int m = 0; m < SOLID_METRICS; m++)
    json_object_set_new(object, solid_metric_names[m], json_real(metrics->value[m]));
  return object;
}

static json_t *json_of_interval(const solid_metrics *low, const solid_metrics *high) {
  json_t *object = json_object();
  for (int m = 0; m < SOLID_METRICS; m++)
    json_object_set_new(object, solid_metric_names[m], json_pack("[f, f]", low->value[m], high->value[m]));
  return object;
}

static json_t *json_of_slices(const eval_figures *f) {
  json_t *object = json_object();
  for (int s = 0; s < SOLID_SLICES; s++) {
    const solid_slice_figures *one = &f->slice[s];
    json_t *slice = json_pack("{s:I}", "users", (json_int_t)one->users);
    if (one->users) json_object_set_new(slice, "metrics", json_of_values(&one->value));
    if (one->users) json_object_set_new(slice, "ci95", json_of_interval(&one->low, &one->high));
    json_object_set_new(object, solid_slice_names[s], slice);
  }
  return object;
}

static json_t *json_of_beyond(const eval_figures *f) {
  const solid_beyond *b = &f->beyond;
  return json_pack("{s:f, s:f, s:f, s:o}", "coverage@10", f->evaluation.coverage, "gini@10", b->gini, "novelty@10",
                   b->novelty, "diversity@10", b->diversity < 0 ? json_null() : json_real(b->diversity));
}

static json_t *json_of_model(const solid_model_info *info) {
  return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "head", solid_head_name(info->head),
                   "width", (json_int_t)info->width, "window", (json_int_t)info->window, "blocks",
                   (json_int_t)info->blocks, "heads", (json_int_t)info->heads, "levels", (json_int_t)info->levels,
                   "codes", (json_int_t)info->codes, "rank", (json_int_t)info->rank, "items", (json_int_t)info->items,
                   "params", (json_int_t)info->params, "attributes", (json_int_t)info->attributes, "slots",
                   (json_int_t)info->slots);
}

static json_t *json_of_manifest(const eval_run *r) {
  static const char *const without[] = {"model", "data", "json", "results", "popularity-only", NULL};
  solid_part part = r->args.part ? SOLID_PART_TEST : SOLID_PART_VALID;
  char generation[17], questions[17];
  snprintf(questions, sizeof questions, "%016" PRIx64,
           solid_evaluation_hash(&r->popularity.evaluation, &r->dataset, part));
  snprintf(generation, sizeof generation, "%016" PRIx64, r->info.generation);
  const char *training = r->model ? solid_provenance_text(r->model) : NULL;
  json_t *trained = training ? json_loads(training, 0, NULL) : NULL;
  json_t *manifest = json_pack("{s:s, s:o, s:o, s:s, s:I, s:s, s:I, s:o}", "version", solid_version(), "data_hash",
                               manifest_hash(&r->dataset), "split", manifest_split(&r->dataset), "questions_hash",
                               questions, "seed", (json_int_t)r->args.seed, "device", r->args.device, "threads",
                               (json_int_t)(r->args.threads ? r->args.threads : sysconf(_SC_NPROCESSORS_ONLN)),
                               "options", manifest_options(&eval_program, &r->args, without));
  size_t duplicates = 0;
  if (solid_dataset_duplicates(&r->dataset, &duplicates) == SOLID_OK)
    json_object_set_new(manifest, "duplicates", json_integer((json_int_t)duplicates));
  if (!r->model) return manifest;
  json_object_set_new(manifest, "precision", json_string(r->args.precision ? "tf32" : "fp32"));
  json_object_set_new(manifest, "model", json_of_model(&r->info));
  json_object_set_new(manifest, "model_generation", json_string(generation));
  if (trained) json_object_set_new(manifest, "training", trained);
  return manifest;
}

/* --k: {"7": {"recall": ..., "precision": ..., "ndcg": ..., "map": ..., "ci95": {the same with pairs}}} */
static json_t *json_of_cutoffs(const eval_run *r, const eval_figures *f) {
  json_t *object = json_object();
  for (uint32_t i = 0; i < r->cutoffs; i++) {
    const solid_cutoff *at = &f->at[i], *low = &f->at_low[i], *high = &f->at_high[i];
    char k[16];
    snprintf(k, sizeof k, "%" PRIu32, at->k);
    json_object_set_new(object, k,
                        json_pack("{s:f, s:f, s:f, s:f, s:{s:[f, f], s:[f, f], s:[f, f], s:[f, f]}}", "recall",
                                  at->recall, "precision", at->precision, "ndcg", at->ndcg, "map", at->map, "ci95",
                                  "recall", low->recall, high->recall, "precision", low->precision, high->precision,
                                  "ndcg", low->ndcg, high->ndcg, "map", low->map, high->map));
  }
  return object;
}

/* Under "name", or "prefix_name". */
static void set(json_t *root, const char *prefix, const char *name, json_t *value) {
  char key[64];
  snprintf(key, sizeof key, "%s%s%s", prefix, *prefix && *name ? "_" : "", name);
  json_object_set_new(root, key, value);
}

static void add_ranking(json_t *root, const eval_run *r, const eval_ranking *ranking) {
  const eval_figures *f = ranking->figures;
  const char *prefix = ranking->key;
  set(root, prefix, *prefix ? "" : "metrics", json_of_values(&f->value));
  set(root, prefix, "ci95", json_of_interval(&f->low, &f->high));
  set(root, prefix, "coverage@10", json_real(f->evaluation.coverage));
  set(root, prefix, "beyond", json_of_beyond(f));
  set(root, prefix, "slices", json_of_slices(f));
  if (r->cutoffs) set(root, prefix, "at", json_of_cutoffs(r, f));
  set(root, prefix, "ranks", eval_ranks_write(f->evaluation.ranks, f->evaluation.users));
}

solid_status eval_write_json(const eval_run *r) {
  const solid_evaluation *e = &r->popularity.evaluation;
  json_t *root = json_pack("{s:s, s:s, s:b, s:I, s:I, s:I}", "data", r->args.data, "part", eval_part_name(&r->args),
                           "masked", r->args.mask, "users", (json_int_t)e->users, "skipped_users",
                           (json_int_t)e->skipped, "items", (json_int_t)r->dataset.items);
  eval_ranking ranking[EVAL_RANKINGS];
  size_t n = eval_rankings(r, ranking);
  if (r->model) json_object_set_new(root, "model", json_string(r->args.model));
  for (size_t i = 0; i < n; i++) add_ranking(root, r, &ranking[i]);
  json_object_set_new(root, "item_to_item_neighbours", json_integer(r->neighbours));
  json_object_set_new(root, "head_share", json_real(r->slices.popular_share));
  if (r->stale.count) json_object_set_new(root, "stale", stale_json(&r->stale));
  if (r->lengths.count) json_object_set_new(root, "lengths", lengths_json(&r->lengths));
  if (r->slates.count) json_object_set_new(root, "slates", slates_json(&r->slates));
  if (r->hidden.hidden) json_object_set_new(root, "hidden", hidden_json(&r->hidden));
  json_object_set_new(root, "manifest", json_of_manifest(r));
  return manifest_write(root, r->args.json);
}
