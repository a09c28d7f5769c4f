#include "examples/eval/eval_slates.h"
#include "examples/common/slate_options.h"
#include "solid/extend.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Which trials ---- */

static solid_status add(slates_result *r, const solid_slate_trial *trial) {
  if (r->count == SLATES_TRIALS) return solid_fail(SOLID_EINVAL, "--slate: more than %d lists a user", SLATES_TRIALS);
  r->row[r->count++].trial = *trial;
  return SOLID_OK;
}

/* Calls add for every number of a list. */
static solid_status each_number(slates_result *r, const char *name, const char *list, solid_slate_trial *trial) {
  solid_status status = SOLID_OK;
  for (const char *at = list; *at && !status;) {
    char *end;
    double number = strtod(at, &end);
    if (end == at || (*end != ',' && *end != '\0') || !isfinite(number) ||
        (trial->way == SOLID_SLATE_BY_DECODER && !(number >= 0 && number <= 1)))
      return solid_fail(SOLID_EINVAL, "--%s %s: must be numbers%s, commas between", name, list,
                        trial->way == SOLID_SLATE_BY_DECODER ? " from 0 to 1" : "");
    trial->lambda = number; /* either of them, as it was given */
    trial->options.guide = (float)number;
    status = add(r, trial);
    at = end + (*end == ',');
  }
  return status;
}

static solid_status list_trials(slates_result *r, const slates_arguments *args, int has_content) {
  solid_slate_trial ranked = {.options = SOLID_SLATE_OPTIONS_INIT}, rerank = ranked, slate = ranked;
  char orders[256];
  rerank.way = SOLID_SLATE_BY_RERANK, slate.way = SOLID_SLATE_BY_DECODER;
  solid_status status = add(r, &ranked);
  for (uint32_t a = 0; a < SOLID_ALIKES && !status; a++) {
    rerank.alike = a;
    if (a != SOLID_ALIKE_BY_CONTENT || has_content) status = each_number(r, "lambdas", args->lambdas, &rerank);
  }
  snprintf(orders, sizeof orders, "%s", args->orders);
  for (char *rest = orders, *order; !status && (order = strtok_r(rest, ",", &rest));) {
    const slate_options text = {.order = order, .top_p = 1};
    status = slate_options_read(&text, "orders", &slate.options);
    if (!status) status = each_number(r, "guides", args->guides, &slate);
  }
  return status;
}

/* ---- Measuring ---- */

/* Models and data of one measurement; all zero at first. */
typedef struct measuring {
  solid_dataset judges, content;
  solid_model *also;
  solid_slate_evaluator *evaluator[SLATES_MODELS];
  int near[SLATES_MODELS]; /* what the model's decoder was trained for */
} measuring;

static int has_content(const slates_arguments *args) {
  return args->items.attributes || args->items.vectors;
}

static solid_status open_model(measuring *m, int i, const solid_model *model, const slates_ground *ground,
                               const solid_slate_asking *asking) {
  solid_model_info info = {.struct_size = sizeof info};
  solid_status status = solid_model_get_info(model, &info);
  m->near[i] = info.slate_near != 0;
  return status ? status : solid_slate_evaluator_new(&m->evaluator[i], model, ground->dataset, asking);
}

/* The one of the two whose decoder is raster's. */
static solid_status find_raster(const measuring *m, const slates_arguments *args, const slates_ground *ground,
                                const solid_model **raster) {
  const solid_model *const models[SLATES_MODELS] = {ground->model, m->also};
  solid_model_info info = {.struct_size = sizeof info};
  for (int i = 0; i < SLATES_MODELS && !*raster && args->likelihood; i++)
    if (models[i] && solid_model_get_info(models[i], &info) == SOLID_OK && info.slate_rows && !info.slate_near)
      *raster = models[i];
  return !args->likelihood || *raster ? SOLID_OK
                                      : solid_fail(SOLID_EUNSUPPORTED, "--slate-likelihood: neither --model nor "
                                                                       "--slate-also has a raster decoder");
}

static solid_status open_all(measuring *m, const slates_arguments *args, const slates_ground *ground) {
  const load_files judges = {.data = args->judges};
  load_files content = *ground->files;
  content.items = &args->items;
  solid_slate_asking asking = {.part = ground->part, .rows = (uint32_t)args->rows, .baskets = args->baskets};
  solid_status status = SOLID_OK;
  if (args->judges) status = load_history(&m->judges, &judges);
  if (!status && has_content(args)) status = load_history(&m->content, &content);
  if (args->judges) asking.judges = &m->judges;
  if (has_content(args)) asking.content = &m->content;
  if (!status && args->also) status = solid_model_load(&m->also, ground->ctx, args->also);
  if (!status) status = find_raster(m, args, ground, &asking.raster);
  if (!status) status = open_model(m, 0, ground->model, ground, &asking);
  if (!status && args->also) status = open_model(m, 1, m->also, ground, &asking);
  return status;
}

static void close_all(measuring *m) {
  for (int i = 0; i < SLATES_MODELS; i++) solid_slate_evaluator_free(m->evaluator[i]);
  solid_model_free(m->also);
  solid_dataset_clear(&m->judges);
  solid_dataset_clear(&m->content);
}

/* The other model must rank as the first does. */
static solid_status check_also(const measuring *m, const slates_row *ranked, const char *path,
                               const slates_ground *ground) {
  solid_slate_report other;
  solid_status status = solid_slate_evaluate(m->evaluator[1], &ranked->trial, 1, ground->seed, &other);
  if (status) return status;
  size_t floats = (size_t)SOLID_SLATE_FIGURES * other.users;
  int same =
      other.users == ranked->report.users && memcmp(other.each, ranked->report.each, floats * sizeof *other.each) == 0;
  solid_slate_report_clear(&other);
  return same ? SOLID_OK
              : solid_fail(SOLID_EMISMATCH, "%s: its ranker is not that of --model; both must come from one --slate-of",
                           path);
}

static int evaluator_for(const measuring *m, const solid_slate_trial *trial) {
  int near = trial->options.order == SOLID_SLATE_NEAR_TO_FAR;
  if (!m->also || trial->way != SOLID_SLATE_BY_DECODER || trial->options.order == SOLID_SLATE_TRAINED) return 0;
  return m->near[0] == near ? 0 : 1;
}

static solid_status compare(const solid_slate_report *a, const solid_slate_report *b, const slates_ground *ground,
                            slates_difference *difference) {
  solid_status status = SOLID_OK;
  for (int f = 0; f < SOLID_SLATE_FIGURES && !status; f++)
    status = solid_slate_compare(a, b, (solid_slate_figure)f, ground->resamples, ground->seed, &difference[f].value,
                                 &difference[f].low, &difference[f].high);
  return status;
}

/* Raster under the same guide; NULL: this is raster, or no slate, or there is none. */
static const slates_row *raster_of(const slates_result *r, const slates_row *row) {
  if (row->trial.way != SOLID_SLATE_BY_DECODER || row->trial.options.order == SOLID_SLATE_RASTER) return NULL;
  for (uint32_t i = 0; i < r->count; i++) {
    const solid_slate_trial *trial = &r->row[i].trial;
    if (trial->way == SOLID_SLATE_BY_DECODER && trial->options.order == SOLID_SLATE_RASTER &&
        trial->lambda == row->trial.lambda)
      return &r->row[i];
  }
  return NULL;
}

static solid_status compare_all(slates_result *r, const slates_ground *ground) {
  solid_status status = SOLID_OK;
  for (uint32_t i = 0; i < r->count && !status; i++) {
    slates_row *row = &r->row[i];
    const slates_row *raster = raster_of(r, row);
    status = compare(&row->report, &r->row[0].report, ground, row->over);
    row->of_raster = raster != NULL;
    if (!status && raster) status = compare(&row->report, &raster->report, ground, row->than);
  }
  return status;
}

solid_status slates_measure(slates_result *r, const slates_arguments *args, const slates_ground *ground) {
  measuring m = {0};
  *r = (slates_result){.rows = (uint32_t)args->rows, .row = calloc(SLATES_TRIALS, sizeof *r->row)};
  solid_status status =
      r->row ? list_trials(r, args, has_content(args)) : solid_fail(SOLID_ENOMEM, "no memory for figures of slates");
  if (!status) status = open_all(&m, args, ground);
  for (uint32_t i = 0; i < r->count && !status; i++) {
    slates_row *row = &r->row[i];
    status = solid_slate_evaluate(m.evaluator[evaluator_for(&m, &row->trial)], &row->trial, ground->resamples,
                                  ground->seed, &row->report);
    if (!status && i == 0 && args->also) status = check_also(&m, row, args->also, ground);
  }
  if (!status) status = compare_all(r, ground);
  close_all(&m);
  return status;
}

void slates_clear(slates_result *r) {
  for (uint32_t i = 0; i < r->count; i++) solid_slate_report_clear(&r->row[i].report);
  free(r->row);
  *r = (slates_result){0};
}
