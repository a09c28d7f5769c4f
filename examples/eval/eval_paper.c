/* solid_eval --protocol paper: a model of solid_paper on sampled candidates. */
#include "examples/common/exit.h"
#include "examples/common/manifest.h"
#include "examples/common/program.h"
#include "examples/eval/eval.h"
#include "examples/paper/file.h"
#include "solid/extend.h"
#include "solid/version.h"
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <unistd.h>

static solid_status check_data(const eval_run *r, const sol_paper_model *model, const sol_paper_origin *origin) {
  uint64_t hash = solid_dataset_hash(&r->dataset);
  if (model->config.items != r->dataset.items + 1)
    return solid_fail(SOLID_EMISMATCH, "%s has %u items, %s was trained on %u", r->args.data, r->dataset.items,
                      r->args.model, model->config.items - 1);
  if (hash == origin->data_hash || r->args.allow_other_data) return SOLID_OK;
  return solid_fail(SOLID_EMISMATCH,
                    "%s (%016" PRIx64 ") is not the data that %s was trained on (%016" PRIx64
                    "); --allow-other-data asks nevertheless",
                    r->args.data, hash, r->args.model, origin->data_hash);
}

static void print_figures(const sol_paper_metrics *m, const char *ties) {
  printf("%-10s  auc %.6f  uauc %.6f  logloss %.6f\n%-10s ", ties, m->auc, m->uauc, m->logloss, "");
  for (int i = 0; i < SOL_PAPER_DEPTHS; i++)
    printf(" ndcg@%u %.6f  hr@%u %.6f ", sol_paper_depths[i], m->ndcg[i], sol_paper_depths[i], m->hr[i]);
  printf("\n");
}

static json_t *json_of(const sol_paper_metrics *m) {
  json_t *object = json_pack("{s:f, s:f, s:f}", "auc", m->auc, "uauc", m->uauc, "logloss", m->logloss);
  for (int i = 0; i < SOL_PAPER_DEPTHS; i++) {
    char name[16];
    snprintf(name, sizeof name, "ndcg@%u", sol_paper_depths[i]);
    json_object_set_new(object, name, json_real(m->ndcg[i]));
    snprintf(name, sizeof name, "hr@%u", sol_paper_depths[i]);
    json_object_set_new(object, name, json_real(m->hr[i]));
  }
  return object;
}

/* What is needed to reproduce these figures. */
static json_t *json_of_manifest(const eval_run *r, const sol_paper_model *model, const sol_paper_origin *origin) {
  static const char *const without[] = {
      /* options that do not influence the figures: files, and options of the other protocol */
      "model",
      "data",
      "json",
      "popularity-only",
      "split",
      "train-share",
      "valid-share",
      "valid-from",
      "test-from",
      "part",
      "allow-other-split",
      "mask",
      "seed",
      "resamples",
      "hide",
      "hide-seed",
      "few",
      "cache",
      "stale",
      "lengths",
      "questions",
      "least",
      "precision",
      NULL};
  const sol_paper_config *c = &model->config;
  json_t *config =
      json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:f}", "backbone", sol_paper_backbones[c->backbone],
                "head", sol_paper_heads[c->head], "form", sol_paper_forms[c->form], "items", (json_int_t)c->items - 1,
                "semantic_rows", (json_int_t)c->semantics, "clusters", (json_int_t)c->clusters, "width",
                (json_int_t)c->width, "heads_of_attention", (json_int_t)c->heads, "window", (json_int_t)c->window,
                "clip", c->clip, "weight", c->weight);
  return json_pack("{s:s, s:o, s:{s:s, s:s}, s:I, s:I, s:s, s:I, s:s, s:o, s:o}", "version", solid_version(),
                   "data_hash", manifest_hash(&r->dataset), "split", "kind", "paper", "text",
                   "each user's last event among 99 others", "seed", (json_int_t)origin->seed, "negatives_seed",
                   (json_int_t)origin->negatives, "device", r->args.device, "threads",
                   (json_int_t)(r->args.threads ? r->args.threads : sysconf(_SC_NPROCESSORS_ONLN)), "precision", "fp32",
                   "model", config, "options", manifest_options(&eval_program, &r->args, without));
}

static solid_status write_json(const eval_run *r, const sol_paper_model *model, const sol_paper_origin *origin,
                               const sol_paper_metrics *figures) {
  const sol_paper_config *c = &model->config;
  json_t *root = json_pack(
      "{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:o, s:s, s:s, s:o, s:o, s:o}", "protocol", "paper", "data",
      r->args.data, "model", r->args.model, "backbone", sol_paper_backbones[c->backbone], "head",
      sol_paper_heads[c->head], "form", sol_paper_forms[c->form], "users", (json_int_t)figures->users, "seed",
      (json_int_t)origin->seed, "negatives_seed", (json_int_t)origin->negatives, "data_hash",
      manifest_hash(&r->dataset), "version", solid_version(), "device", r->args.device, "metrics", json_of(&figures[0]),
      "metrics_file_order", json_of(&figures[1]), "manifest", json_of_manifest(r, model, origin));
  return manifest_write(root, r->args.json);
}

static solid_status measure(eval_run *r, const sol_paper_model *model, const sol_paper_origin *origin,
                            sol_paper_metrics figures[2]) {
  sol_paper_data data = {0};
  solid_context_options options = SOLID_CONTEXT_OPTIONS_INIT;
  options.threads = (int32_t)r->args.threads;
  options.device = r->args.device;
  solid_status status = solid_context_new(&r->ctx, &options);
  if (!status) status = sol_paper_data_open(&data, &r->dataset, model->config.window, origin->negatives);
  if (!status) status = sol_paper_evaluate(r->ctx, model, &data, SOL_PAPER_TIES_EXPECTED, &figures[0]);
  if (!status) status = sol_paper_evaluate(r->ctx, model, &data, SOL_PAPER_TIES_FILE, &figures[1]);
  sol_paper_data_close(&data);
  return status;
}

solid_status eval_paper(eval_run *r) {
  const eval_arguments *args = &r->args;
  load_files files = {.data = args->data, .format = args->format, .reading = &args->reading, .program = "solid_eval"};
  sol_paper_model model = {0};
  sol_paper_origin origin;
  sol_paper_metrics figures[2];
  if (args->model == NULL) return solid_fail(SOLID_EINVAL, "--model is missing");
  program_step(EXIT_MODEL);
  solid_status status = sol_paper_file_read(args->model, &model, &origin);
  if (!status) program_step(EXIT_SOURCE);
  if (!status) status = load_history(&r->dataset, &files);
  if (!status) status = check_data(r, &model, &origin);
  if (!status) program_step(EXIT_FAILED);
  if (!status) status = measure(r, &model, &origin, figures);
  if (!status) {
    printf("%s: %s %s %s, %u epochs\n%zu users, 1 chosen and %d other items each\n", args->model,
           sol_paper_backbones[model.config.backbone], sol_paper_heads[model.config.head],
           sol_paper_forms[model.config.form], origin.epochs, figures[0].users, SOL_PAPER_TEST_CANDIDATES - 1);
    print_figures(&figures[0], "ties fair");
    print_figures(&figures[1], "file order");
    if (args->json) status = write_json(r, &model, &origin, figures);
  }
  sol_paper_model_clear(&model);
  return status;
}
