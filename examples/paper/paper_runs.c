#include "examples/paper/paper_runs.h"
#include "examples/paper/file.h"
#include "solid/base/text.h"
#include "solid/extend.h"
#include "solid/train/trainer.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static solid_status read_names(const char *what, const char *list, const char *const *names, int n, unsigned *bits) {
  const char *part;
  size_t size;
  if (*list == '\0') return solid_fail(SOLID_EINVAL, "--%s: the list is empty", what);
  for (*bits = 0; sol_text_part(&list, &part, &size);) {
    int i = 0;
    while (i < n && (strlen(names[i]) != size || strncmp(names[i], part, size) != 0)) i++;
    if (i == n) return solid_fail(SOLID_EINVAL, "--%s: there is no %s", what, sol_show(part, size).text);
    *bits |= 1u << i;
  }
  return SOLID_OK;
}

static solid_status read_seeds(paper_runs *runs, const char *list) {
  const char *part;
  size_t size;
  if (*list == '\0') return solid_fail(SOLID_EINVAL, "--seeds: the list is empty");
  while (sol_text_part(&list, &part, &size)) {
    char *end;
    unsigned long long seed = strtoull(part, &end, 10);
    if (size == 0 || end != part + size) return solid_fail(SOLID_EINVAL, "--seeds: \"%s\"", part);
    if (runs->n_seeds == PAPER_MAX_SEEDS) return solid_fail(SOLID_EINVAL, "--seeds: more than %d", PAPER_MAX_SEEDS);
    runs->seeds[runs->n_seeds++] = seed;
  }
  return SOLID_OK;
}

static void add_job(paper_runs *runs, int backbone, int form, int seed, unsigned heads) {
  if (heads == 0) return;
  runs->jobs[runs->n_jobs++] = (paper_job){.backbone = (sol_paper_backbone)backbone,
                                           .form = (sol_paper_form)form,
                                           .seed = seed,
                                           .heads = heads,
                                           .duet_first = (heads & 1u << SOL_PAPER_SOLID) != 0};
}

/* Long jobs first: those with solid have two stages more. The two forms of base differ on sasrec alone. */
static void list_jobs(paper_runs *runs) {
  const unsigned base = 1u << SOL_PAPER_BASE;
  for (int short_ones = 0; short_ones < 2; short_ones++)
    for (int b = 2; b >= 0; b--)
      for (int seed = 0; seed < runs->n_seeds; seed++)
        for (int form = 0; form < 2; form++) {
          if (!(runs->backbones & 1u << b) || !(runs->forms & 1u << form)) continue;
          add_job(runs, b, form, seed, runs->heads & (short_ones ? base : ~base));
        }
}

solid_status paper_runs_plan(paper_runs *runs, const paper_arguments *args) {
  *runs = (paper_runs){.args = args};
  pthread_mutex_init(&runs->lock, NULL);
  solid_status status = read_names("backbones", args->backbones, sol_paper_backbones, 3, &runs->backbones);
  if (status == SOLID_OK) status = read_names("heads", args->heads, sol_paper_heads, 3, &runs->heads);
  if (status == SOLID_OK) status = read_names("forms", args->forms, sol_paper_forms, 2, &runs->forms);
  if (status == SOLID_OK) status = read_seeds(runs, args->seeds);
  if (status != SOLID_OK) return status;
  runs->jobs = calloc((size_t)(2 * PAPER_CELLS * runs->n_seeds), sizeof *runs->jobs);
  if (runs->jobs == NULL) return solid_fail(SOLID_ENOMEM, "jobs");
  list_jobs(runs);
  if (args->out != NULL && (runs->n_jobs != 1 || (runs->heads & (runs->heads - 1)) != 0))
    return solid_fail(SOLID_EINVAL, "--out: one backbone, head, form and seed make one file");
  if (args->out != NULL) status = solid_export_check(args->out);
  if (status != SOLID_OK) return status;
  if (args->log != NULL && (runs->log = fopen(args->log, "a")) == NULL)
    return solid_fail(SOLID_EIO, "%s: %s", args->log, strerror(errno));
  return SOLID_OK;
}

void paper_runs_clear(paper_runs *runs) {
  if (runs->args != NULL) pthread_mutex_destroy(&runs->lock);
  if (runs->log != NULL) fclose(runs->log);
  free(runs->jobs);
  *runs = (paper_runs){0};
}

/* Where an epoch's figures go. */
typedef struct listener {
  paper_runs *runs;
  const paper_job *job;
} listener;

static void take_epoch(void *user, const sol_paper_config *config, const sol_paper_epoch *e) {
  const listener *l = user;
  paper_runs *runs = l->runs;
  paper_result *r = &runs->result[config->backbone][config->form][config->head][l->job->seed];
  const sol_paper_metrics *m = &e->test;
  pthread_mutex_lock(&runs->lock);
  r->last = *e;
  if (r->best.epoch == 0 || m->auc > r->best.test.auc) r->best = *e;
  printf("%s %s %s seed %llu epoch %2u  loss %.5f  auc %.6f uauc %.6f logloss %.6f ndcg@10 %.4f hr@10 %.4f  %.1f s\n",
         sol_paper_backbones[config->backbone], sol_paper_heads[config->head], sol_paper_forms[config->form],
         (unsigned long long)runs->seeds[l->job->seed], e->epoch, e->loss, m->auc, m->uauc, m->logloss, m->ndcg[1],
         m->hr[1], e->seconds);
  fflush(stdout);
  if (runs->log != NULL) {
    fprintf(runs->log,
            "{\"backbone\": \"%s\", \"head\": \"%s\", \"form\": \"%s\", \"seed\": %llu, \"epoch\": %u, \"loss\": %.7g, "
            "\"codebook_loss\": %.7g, \"auc\": %.6f, \"uauc\": %.6f, \"logloss\": %.6f, \"ndcg\": [%.6f, %.6f, %.6f], "
            "\"hr\": [%.6f, %.6f, %.6f], \"seconds\": %.2f}\n",
            sol_paper_backbones[config->backbone], sol_paper_heads[config->head], sol_paper_forms[config->form],
            (unsigned long long)runs->seeds[l->job->seed], e->epoch, e->loss, e->codebook_loss, m->auc, m->uauc,
            m->logloss, m->ndcg[0], m->ndcg[1], m->ndcg[2], m->hr[0], m->hr[1], m->hr[2], e->seconds);
    fflush(runs->log);
  }
  pthread_mutex_unlock(&runs->lock);
}

static sol_paper_task task_of(paper_runs *runs, const paper_job *job, const solid_context *ctx, sol_paper_data *data,
                              sol_paper_head head) {
  const paper_arguments *a = runs->args;
  int solid = head == SOL_PAPER_SOLID, given = a->source == SOL_PAPER_FROM_ATTRIBUTES;
  uint32_t clusters = given ? runs->dataset->attributes.count : (uint32_t)a->clusters; /* the spare rows stay */
  uint32_t semantics = clusters + (uint32_t)(a->semantic_rows - a->clusters);
  return (sol_paper_task){.ctx = ctx,
                          .config = {.backbone = job->backbone,
                                     .head = head,
                                     .form = job->form,
                                     .items = runs->dataset->items + 1,
                                     .semantics = solid ? semantics : 0,
                                     .clusters = solid ? clusters : 0,
                                     .width = (uint32_t)a->width,
                                     .heads = (uint32_t)a->attention,
                                     .window = (uint32_t)a->window,
                                     .clip = (float)a->clip,
                                     .weight = (float)a->weight},
                          .options = {.epochs = (uint32_t)a->epochs,
                                      .batch = (uint32_t)a->batch,
                                      .rate = (float)a->rate,
                                      .seed = runs->seeds[job->seed]},
                          .data = data,
                          .source = (sol_paper_source)a->source};
}

static solid_status write_model(const paper_runs *runs, const paper_job *job, const sol_paper_model *model) {
  const paper_arguments *a = runs->args;
  const sol_paper_origin origin = {solid_dataset_hash(runs->dataset), runs->seeds[job->seed], (uint64_t)a->negatives,
                                   (uint32_t)a->epochs};
  return a->out != NULL ? sol_paper_file_write(a->out, model, &origin) : SOLID_OK;
}

/* One head's training; its figures count when the head was asked for. */
static solid_status train_head(paper_runs *runs, const paper_job *job, sol_paper_task *task, sol_paper_model *model) {
  listener l = {runs, job};
  int wanted = (job->heads & 1u << task->config.head) != 0;
  task->on_epoch = wanted ? take_epoch : NULL;
  task->user = &l;
  if (!wanted && runs->args->first_epochs > 0) task->options.epochs = (uint32_t)runs->args->first_epochs;
  solid_status status = sol_paper_fit(task, model);
  if (status == SOLID_OK && wanted) {
    runs->result[job->backbone][job->form][task->config.head][job->seed].done = 1;
    status = write_model(runs, job, model);
  }
  return status;
}

static solid_status run_solid(paper_runs *runs, const paper_job *job, const solid_context *ctx, sol_paper_data *data,
                              const sol_paper_model *duet) {
  sol_paper_task task = task_of(runs, job, ctx, data, SOL_PAPER_SOLID);
  sol_paper_model model = {0};
  int32_t *category = NULL;
  float *codebook = NULL;
  if (runs->args->first_epochs > 0) task.options.epochs = (uint32_t)runs->args->first_epochs;
  solid_status status = sol_paper_semantics(&task, duet, &category, &codebook);
  task.options.epochs = (uint32_t)runs->args->epochs;
  task.category = category;
  task.codebook = codebook;
  if (status == SOLID_OK) status = train_head(runs, job, &task, &model);
  sol_paper_model_clear(&model);
  free(category);
  free(codebook);
  return status;
}

static solid_status run_job(paper_runs *runs, const paper_job *job, const solid_context *ctx) {
  const paper_arguments *a = runs->args;
  sol_paper_data data = {0};
  sol_paper_model model = {0};
  solid_status status = sol_paper_data_open(&data, runs->dataset, (uint32_t)a->window, (uint64_t)a->negatives);
  if (status == SOLID_OK && (job->heads & 1u << SOL_PAPER_BASE)) {
    sol_paper_task task = task_of(runs, job, ctx, &data, SOL_PAPER_BASE);
    status = train_head(runs, job, &task, &model);
    sol_paper_model_clear(&model);
  }
  if (status == SOLID_OK && (job->duet_first || (job->heads & 1u << SOL_PAPER_DUET))) {
    sol_paper_task task = task_of(runs, job, ctx, &data, SOL_PAPER_DUET);
    status = train_head(runs, job, &task, &model);
  }
  if (status == SOLID_OK && job->duet_first) status = run_solid(runs, job, ctx, &data, &model);
  sol_paper_model_clear(&model);
  sol_paper_data_close(&data);
  return status;
}

typedef struct worker_args {
  paper_runs *runs;
  const solid_context *ctx;
} worker_args;

static void *work(void *user) {
  const worker_args *w = user;
  paper_runs *runs = w->runs;
  for (;;) {
    pthread_mutex_lock(&runs->lock);
    size_t job = runs->status == SOLID_OK ? runs->next++ : runs->n_jobs;
    pthread_mutex_unlock(&runs->lock);
    if (job >= runs->n_jobs) return NULL;
    solid_status status = run_job(runs, &runs->jobs[job], w->ctx);
    if (status == SOLID_OK) continue;
    pthread_mutex_lock(&runs->lock);
    if (runs->status == SOLID_OK) snprintf(runs->error, sizeof runs->error, "%s", solid_last_error());
    if (runs->status == SOLID_OK) runs->status = status;
    pthread_mutex_unlock(&runs->lock);
  }
}

solid_status paper_runs_train(paper_runs *runs, const solid_dataset *dataset) {
  solid_context *ctx = NULL;
  solid_context_options options = SOLID_CONTEXT_OPTIONS_INIT;
  options.threads = (int32_t)runs->args->threads;
  options.device = runs->args->device;
  solid_status status = solid_context_new(&ctx, &options);
  if (status != SOLID_OK) return status;
  worker_args args = {runs, ctx};
  pthread_t thread[256];
  size_t threads = (size_t)runs->args->jobs < runs->n_jobs ? (size_t)runs->args->jobs : runs->n_jobs, started = 0;
  runs->dataset = dataset;
  while (started + 1 < threads && pthread_create(&thread[started], NULL, work, &args) == 0) started++;
  work(&args);
  for (size_t i = 0; i < started; i++) pthread_join(thread[i], NULL);
  solid_context_free(ctx);
  return runs->status == SOLID_OK ? SOLID_OK : solid_fail(runs->status, "%s", runs->error);
}
