#include "solid/train/slate/slate_fit.h"
#include "solid/extend.h"
#include "solid/model/model_file.h"
#include "solid/model/model_parts.h"
#include "solid/model/trie.h"
#include "solid/train/slate/slate_checkpoint.h"
#include "solid/train/slate/slate_step.h"
#include "solid/worker.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_NORM 5.0f
#define WARM_UP  200 /* steps at most, a tenth of all at most */

enum { DRAW_ORDER = 0x0de4, DRAW_CUT = 0xc07, DRAW_STEP = 0x57e9 }; /* purposes of one seed */

/* What one training holds. B users a batch, L items a window, K rows, C columns. */
typedef struct fitter {
  const solid_model *model;
  const sol_slate_data *data;
  const sol_slate_options *options;
  sol_config config;
  size_t params;
  sol_trie trie;
  solid_worker *worker;
  sk_backend *be;
  sol_slate_step *step;
  sol_slate_seen seen;
  uint32_t *order; /* (users) those that have a cut, in the epoch's order */
  uint32_t n_order;
  uint32_t *offsets; /* (B + 1) */
  uint32_t *items;   /* (B, L) */
  uint32_t *targets; /* (K) */
  uint32_t *codes;   /* (B, K, C) */
  float *h, *u;      /* (B, d) */
  float *values;     /* (B, P) */
  uint64_t number;   /* steps so far */
} fitter;

static solid_status check_options(const sol_slate_options *o) {
  if (o->rows == 0 || o->batch == 0 || o->epochs == 0)
    return solid_fail(SOLID_ERANGE, "slates: %u rows, batches of %u users, %u epochs: all must be 1 or more", o->rows,
                      o->batch, o->epochs);
  if (!(o->rate > 0) || !(o->decay >= 0) || !(o->dropout >= 0 && o->dropout < 1) ||
      !(o->smoothing >= 0 && o->smoothing < 1))
    return solid_fail(SOLID_ERANGE, "slates: rate %g, decay %g, dropout %g, smoothing %g", (double)o->rate,
                      (double)o->decay, (double)o->dropout, (double)o->smoothing);
  return SOLID_OK;
}

/* ---- Opening ---- */

static solid_status make_config(fitter *f) {
  const sol_slate_options *o = f->options;
  const sol_config *ranker = sol_model_config(f->model);
  f->config = *ranker;
  if (!ranker->levels) return solid_fail(SOLID_EINVAL, "slates: the model has no codes; train it with levels");
  if (o->rows > ranker->items)
    return solid_fail(SOLID_ERANGE, "slates: %u rows, the model has %u items", o->rows, ranker->items);
  solid_status status = sol_trie_make(&f->trie, f->model->file.codes, ranker->items, ranker->levels);
  if (status) return status;
  f->config.slate_rows = o->rows;
  f->config.slate_blocks = o->blocks;
  f->config.slate_collisions = f->trie.codes[ranker->levels];
  f->config.slate_near = o->near != 0;
  f->params = sol_config_params(ranker);
  return sol_config_check(&f->config);
}

static solid_status take_host(fitter *f) {
  size_t B = f->options->batch, d = f->config.width, K = f->options->rows, C = f->config.levels + 1;
  f->seen.stamp = calloc(f->config.items, sizeof *f->seen.stamp);
  f->order = calloc(f->data->users + 1, sizeof *f->order);
  f->offsets = calloc(B + 1, sizeof *f->offsets);
  f->items = calloc(B * f->config.window, sizeof *f->items);
  f->targets = calloc(K, sizeof *f->targets);
  f->codes = calloc(B * K * C, sizeof *f->codes);
  f->h = calloc(B * d, sizeof *f->h);
  f->u = calloc(B * d, sizeof *f->u);
  f->values = calloc(B * f->params + 1, sizeof *f->values);
  int all = f->seen.stamp && f->order && f->offsets && f->items && f->targets && f->codes && f->h && f->u && f->values;
  return all ? SOLID_OK : solid_fail(SOLID_ENOMEM, "out of memory: training slates of %zu users at once", B);
}

/* The decoder starts where a model with one would. */
static solid_status open_step(fitter *f) {
  float *weights = malloc(sol_tensors_total(&f->config) * sizeof *weights);
  if (!weights) return solid_fail(SOLID_ENOMEM, "out of memory: a decoder of slates");
  sol_weights_init(&f->config, f->options->seed, weights);
  solid_status status =
      sol_slate_step_open(&f->step, f->be, &f->config, f->options->batch, weights + sol_tensors_ranker(&f->config));
  free(weights);
  return status;
}

static void fitter_close(fitter *f) {
  sol_slate_step_close(f->step);
  if (f->be) f->be->ops->close(f->be);
  solid_worker_free(f->worker);
  sol_trie_clear(&f->trie);
  free(f->seen.stamp);
  free(f->order);
  free(f->offsets);
  free(f->items);
  free(f->targets);
  free(f->codes);
  free(f->h);
  free(f->u);
  free(f->values);
}

static solid_status fitter_open(fitter *f) {
  solid_status status = check_options(f->options);
  if (!status) status = make_config(f);
  if (!status) status = take_host(f);
  for (uint32_t u = 0; u < f->data->users && !status; u++)
    if (f->data->ends[u] - f->data->offsets[u] >= 2) f->order[f->n_order++] = u;
  if (!status && !f->n_order) status = solid_fail(SOLID_ENOTFOUND, "slates: no user has two training events");
  if (!status) status = solid_worker_new(&f->worker, f->model, f->options->batch);
  if (!status) status = sol_backend_open(sol_model_context(f->model), &f->be);
  return status ? status : open_step(f);
}

/* ---- Batches ---- */

static void add_window(fitter *f, size_t i, uint32_t u, size_t cut) {
  size_t L = f->config.window, at = f->offsets[i], n = 0, begin = f->data->offsets[u];
  for (size_t k = cut; k-- > begin && n < L;) n += f->data->sequence[k] != SOLID_NO_ITEM;
  size_t left = n;
  for (size_t k = cut; k-- > begin && left > 0;)
    if (f->data->sequence[k] != SOLID_NO_ITEM) f->items[at + --left] = f->data->sequence[k];
  f->offsets[i + 1] = (uint32_t)(at + n);
}

static void add_slate(fitter *f, size_t i, uint32_t n) {
  size_t K = f->options->rows, C = f->config.levels + 1;
  uint32_t *codes = f->codes + i * K * C;
  for (size_t k = 0; k < K; k++)
    for (size_t c = 0; c < C; c++) {
      uint32_t item = k < n ? f->targets[k] : 0;
      uint32_t code = c + 1 < C ? f->model->file.codes[item * (C - 1) + c] : f->trie.collision[item];
      codes[k * C + c] = k < n ? code : SOL_SLATE_NO_CODE;
    }
}

/* Cuts and slates of the batch that begins at `first` of the order; a user's draws depend on epoch and user alone. */
static size_t draw_batch(fitter *f, uint32_t epoch, uint32_t first) {
  size_t n = 0;
  for (uint32_t i = first; i < f->n_order && n < f->options->batch; i++, n++) {
    uint32_t u = f->order[i];
    sol_random random = sol_random_start(f->options->seed ^ (uint64_t)epoch << 32 ^ u, DRAW_CUT);
    size_t cut = sol_slate_cut(f->data, u, &random);
    add_window(f, n, u, cut);
    add_slate(f, n,
              sol_slate_targets(f->data, u, cut, f->data->ends[u], f->options->rows, &f->seen, &random, f->targets));
  }
  return n;
}

/* h and u of the batch's windows, by the ranker as it is. */
static solid_status read_states(fitter *f, size_t n) {
  const solid_windows windows = {n, f->offsets, f->items};
  solid_status status = solid_worker_generate(f->worker, &windows, f->h, f->values);
  return status ? status : solid_worker_apply(f->worker, n, f->h, f->values, f->u);
}

/* Rises for some steps, then falls along half a cosine to a twentieth. */
static float rate_at(const fitter *f, uint64_t step) {
  uint64_t steps = (uint64_t)f->options->epochs * ((f->n_order + f->options->batch - 1) / f->options->batch);
  double warm = fmin(WARM_UP, fmax(1, (double)steps / 10)), share = (double)step / (double)steps;
  double fall = 0.05 + 0.95 * 0.5 * (1 + cos(3.141592653589793 * share));
  return (float)(f->options->rate * fmin(1, (double)step / warm) * fall);
}

static solid_status train_batch(fitter *f, size_t n, sol_slate_epoch *report, double *sum) {
  const sol_slate_batch batch = {n, f->h, f->u, f->codes};
  double loss;
  size_t cells;
  uint64_t number = ++f->number;
  const sol_slate_rates rates = {rate_at(f, number), f->options->decay, MAX_NORM, f->options->dropout,
                                 f->options->smoothing};
  sol_random seed = sol_random_start(f->options->seed ^ number, DRAW_STEP);
  solid_status status = read_states(f, n);
  if (!status) status = sol_slate_step_gradients(f->step, &batch, &rates, sol_random_next(&seed), &loss, &cells);
  if (status) return status;
  if (!isfinite(loss))
    return solid_fail(SOLID_EINTERNAL, "slates: the loss of step %llu is %g; use a lower rate",
                      (unsigned long long)number, loss);
  *sum += loss;
  report->cells += cells;
  return sol_slate_step_update(f->step, &rates, number);
}

static void shuffle(fitter *f, uint32_t epoch) {
  sol_random random = sol_random_start(f->options->seed + epoch, DRAW_ORDER);
  for (uint32_t i = f->n_order; i > 1; i--) {
    uint32_t j = (uint32_t)sol_random_below(&random, i), other = f->order[i - 1];
    f->order[i - 1] = f->order[j];
    f->order[j] = other;
  }
}

static solid_status train_epoch(fitter *f, uint32_t epoch, sol_slate_epoch *report) {
  solid_status status = SOLID_OK;
  double sum = 0;
  *report = (sol_slate_epoch){.epoch = epoch};
  shuffle(f, epoch);
  for (uint32_t first = 0; first < f->n_order && !status; first += f->options->batch)
    status = train_batch(f, draw_batch(f, epoch, first), report, &sum);
  report->loss = report->cells ? sum / (double)report->cells : 0;
  return status;
}

/* To where the checkpoint stands, if there is one: the order of users comes from all epochs before. */
static solid_status resume(fitter *f, const char *path, const char *identity, uint32_t *epoch) {
  sol_slate_progress at = {0};
  solid_status status = sol_slate_restore(path, identity, f->step, &at);
  if (status == SOLID_ENOTFOUND) return SOLID_OK;
  f->number = at.steps;
  for (*epoch = 0; *epoch < at.epochs && !status;) shuffle(f, ++*epoch);
  return status;
}

static solid_status run_epochs(fitter *f, const char *checkpoint, sol_slate_epoch_fn on_epoch, void *user) {
  char identity[SOL_SLATE_IDENTITY];
  sol_slate_epoch report;
  uint32_t epoch = 0;
  solid_status status = SOLID_OK;
  sol_slate_identify(f->model, f->data, f->options, f->be->ops->name, identity);
  if (checkpoint) status = resume(f, checkpoint, identity, &epoch);
  while (!status && epoch++ < f->options->epochs) {
    status = train_epoch(f, epoch, &report);
    if (!status && checkpoint)
      status = sol_slate_save(checkpoint, identity, f->step, &(sol_slate_progress){epoch, f->number});
    if (!status && on_epoch && on_epoch(user, &report))
      status = solid_fail(SOLID_ECANCELLED, "slates: stopped after epoch %u", epoch);
  }
  return status;
}

solid_status sol_slate_fit(const solid_model *model, const sol_slate_data *data, const sol_slate_options *options,
                           const char *checkpoint, sol_slate_epoch_fn on_epoch, void *user, sol_config *config,
                           float **weights) {
  fitter f = {.model = model, .data = data, .options = options};
  float *trained = NULL;
  solid_status status = fitter_open(&f);
  if (!status) status = run_epochs(&f, checkpoint, on_epoch, user);
  if (!status) {
    trained = malloc((sol_tensors_total(&f.config) - sol_tensors_ranker(&f.config)) * sizeof *trained);
    status = trained ? sol_slate_step_read(f.step, SOL_SLATE_WEIGHTS, trained)
                     : solid_fail(SOLID_ENOMEM, "out of memory: a decoder of slates");
  }
  *config = f.config;
  fitter_close(&f);
  if (status) {
    free(trained);
    return status;
  }
  *weights = trained;
  return SOLID_OK;
}

/* ---- Into a file ---- */

solid_status sol_slate_attach(const char *from, const char *to, const sol_config *config, const float *weights,
                              const char *training) {
  sol_model_file file;
  solid_status status = sol_model_file_read(&file, from);
  if (status) return status;
  size_t ranker = sol_tensors_ranker(config), total = sol_tensors_total(config);
  float *all = calloc(total, sizeof *all);
  char *said = strdup(training);
  if (!all || !said) status = solid_fail(SOLID_ENOMEM, "out of memory: weights of %s", from);
  if (!status && sol_tensors_ranker(&file.config) != ranker)
    status = solid_fail(SOLID_EMISMATCH, "%s: its ranker has %zu floats, the decoder's has %zu", from,
                        sol_tensors_ranker(&file.config), ranker);
  if (!status) {
    memcpy(all, file.weights, ranker * sizeof *all);
    memcpy(all + ranker, weights, (total - ranker) * sizeof *all);
    free(file.weights);
    file.weights = all;
    free(file.training);
    file.training = said;
    all = NULL;
    said = NULL;
    file.config = *config;
    status = sol_model_file_write(&file, to);
  }
  free(all);
  free(said);
  sol_model_file_clear(&file);
  return status;
}
