#include "solid/train/trainer.h"
#include "solid/extend.h"
#include "solid/model/context.h"
#include "solid/train/data/attributes.h"
#include "solid/train/fit/budget.h"
#include "solid/train/fit/checkpoint.h"
#include "solid/train/fit/material.h"
#include "solid/train/fit/provenance.h"
#include "solid/train/fit/recode.h"
#include "solid/train/fit/warm_start.h"
#include "solid/train/split.h"
#include "solid/version.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct solid_trainer {
  const solid_context *ctx; /* borrowed */
  solid_train_options options;
  sol_material material;
  sol_config config; /* of the items that are trained on */
  sol_fit *fit;
  uint32_t refit_epochs; /* 0 before solid_trainer_refit */
  solid_epoch first;     /* result of the training before it */
  sol_model_file from;   /* what training goes on from; zeroed = nothing */
  uint32_t known;        /* items that it has */
};

/* Rows whose reading decides what a list keeps: the newest of a chunk, and so many spread over it. */
#define PROBES 32

static void set_selector(sol_config *config, const solid_train_options *o) {
  config->attention = SOL_ATTENTION_SPARSE;
  config->select_chunk = o->chunk;
  config->select_sink = o->first;
  config->select_window = o->always;
  config->select_recent = o->chunk < PROBES ? o->chunk : PROBES;
  config->select_stride = (o->chunk + PROBES - 1) / PROBES;
  config->select_budget = o->budget;
  config->select_dense_below = o->dense_below;
  config->select_mass = (uint32_t)(o->mass * 1000 + 0.5);
}

/* Where all of a head is turned, no number matches over such a window: the slowest of 32 makes a third of a turn in
 * 10,000 events. So half of a head is not turned at all. */
#define LONG_WINDOW 1024

/* Attributes belong to an item's semantics, which needs codes. */
static sol_config config_of(const solid_train_options *o, const sol_material *m) {
  uint32_t slots = o->levels > 0 ? sol_attributes_slots(m->whole, o->slots) : 0;
  int cut = o->head != SOLID_HEAD_STATIC && o->generator_window < o->window;
  sol_config config = {.items = m->trained->items,
                       .width = o->width,
                       .window = o->window,
                       .blocks = o->blocks,
                       .heads = o->heads,
                       .positions = (uint32_t)o->positions,
                       .generator_window = cut ? o->generator_window : 0,
                       .levels = o->levels,
                       .codes = o->levels > 0 ? o->codes : 0,
                       .attributes = slots > 0 ? m->whole->attributes.count : 0,
                       .slots = slots,
                       .rank = o->rank,
                       .head = (solid_head)o->head,
                       .clip = (float)o->clip};
  if (o->attention) set_selector(&config, o);
  if (o->positions == SOL_POSITIONS_ROTARY && o->window > LONG_WINDOW && o->heads > 0)
    config.turned = o->width / o->heads / 2;
  return config;
}

static solid_status start_fit(solid_trainer *t) {
  const sol_material *m = &t->material;
  const sol_fit_task task = {&t->config, &t->options, m->trained, m->book.table, t->refit_epochs};
  const float *content = sol_material_content(m);
  solid_status status = sol_fit_new(&t->fit, t->ctx, &task);
  if (status == SOLID_OK && content != NULL && t->options.swap > 0)
    sol_log(t->ctx, SOLID_LOG_INFO, "looks for similar items of %u", m->trained->items);
  if (status == SOLID_OK && content != NULL) status = sol_fit_find_mates(t->fit, content, m->features.width);
  if (status == SOLID_OK && t->options.learn_codes > 0) status = sol_fit_learn_codes(t->fit, &m->book, content);
  if (status != SOLID_OK || t->from.weights == NULL) return status;
  float *weights = sol_warm_weights(&t->from, &t->config, m->trained, t->options.seed);
  status =
      weights != NULL ? sol_fit_begin_with(t->fit, weights) : solid_fail(SOLID_ENOMEM, "no memory for the weights");
  free(weights);
  return status;
}

/* The codes of the model take the place of those that were fitted. */
static solid_status go_on(solid_trainer *t, const char *path) {
  if (t->options.hide > 0)
    return solid_fail(SOLID_EINVAL, "hide = %g: a model to go on from may know the hidden items", t->options.hide);
  solid_status status = sol_model_file_read(&t->from, path);
  if (status == SOLID_OK) status = sol_warm_check(&t->from, &t->config);
  if (status == SOLID_OK)
    status =
        sol_warm_codes(&t->from, t->material.trained, sol_material_content(&t->material), &t->material.book, &t->known);
  return status;
}

/* Said before codes are made, for which such data may have too little, too. */
static solid_status check_users(const solid_dataset *dataset) {
  size_t longest = 0;
  for (uint32_t u = 0; u < dataset->users; u++) {
    solid_range train = solid_split_train(dataset, u);
    if (train.end - train.begin >= 2) return SOLID_OK;
    size_t n = dataset->offsets[u + 1] - dataset->offsets[u];
    longest = n > longest ? n : longest;
  }
  return solid_fail(
      SOLID_ENOTFOUND, "none of %u users has two training events%s: the longest history has %zu", dataset->users,
      dataset->split.kind == SOLID_LEAVE_ONE_OUT ? " (with leave-one-out these are users of four events)" : "",
      longest);
}

static solid_status make(solid_trainer **out, const solid_context *ctx, const solid_dataset *dataset,
                         const solid_train_options *options, const char *from) {
  if (out == NULL || ctx == NULL || dataset == NULL) return solid_fail(SOLID_EINVAL, "trainer: NULL argument");
  solid_train_options of = options != NULL ? *options : solid_train_options_default();
  solid_status status = solid_train_options_check(&of);
  if (status == SOLID_OK) status = solid_dataset_check(dataset);
  if (status == SOLID_OK) status = check_users(dataset);
  if (status != SOLID_OK) return status;
  solid_trainer *t = calloc(1, sizeof *t);
  if (t == NULL) return solid_fail(SOLID_ENOMEM, "no memory for a trainer");
  t->ctx = ctx;
  t->options = of;
  status = sol_material_open(&t->material, dataset, &of);
  if (status == SOLID_OK) {
    t->config = config_of(&of, &t->material);
    status = sol_config_check(&t->config);
  }
  if (status == SOLID_OK) status = sol_material_fit(&t->material, &of, ctx);
  if (status == SOLID_OK && from != NULL) status = go_on(t, from);
  if (status == SOLID_OK) status = start_fit(t);
  if (status != SOLID_OK) {
    solid_trainer_free(t);
    return status;
  }
  *out = t;
  return SOLID_OK;
}

solid_status solid_trainer_new(solid_trainer **out, const solid_context *ctx, const solid_dataset *dataset,
                               const solid_train_options *options) {
  return make(out, ctx, dataset, options, NULL);
}

solid_status solid_trainer_new_from(solid_trainer **out, const solid_context *ctx, const solid_dataset *dataset,
                                    const solid_train_options *options, const char *path) {
  if (path == NULL) return solid_fail(SOLID_EINVAL, "trainer: NULL argument");
  return make(out, ctx, dataset, options, path);
}

void solid_trainer_free(solid_trainer *trainer) {
  if (trainer == NULL) return;
  sol_fit_close(trainer->fit);
  sol_material_clear(&trainer->material);
  sol_model_file_clear(&trainer->from);
  free(trainer);
}

void solid_trainer_get_info(const solid_trainer *trainer, solid_trainer_info *info) {
  const solid_trainer *t = trainer;
  *info = (solid_trainer_info){.items = t->material.whole->items,
                               .hidden = t->material.whole->items - t->material.trained->items,
                               .epochs = t->refit_epochs > 0 ? t->refit_epochs : t->options.epochs,
                               .patience = t->refit_epochs > 0 ? 0 : t->options.patience,
                               .refits = t->refit_epochs > 0,
                               .known = t->known};
  sol_fit_size(t->fit, &info->users, &info->rows);
}

/* The codebook of the best epoch: the fitted one with its codes and centroids replaced. sol_codebook_clear. */
static solid_status best_book(const solid_trainer *t, sol_codebook *out) {
  const sol_codebook *book = &t->material.book;
  size_t codes = (size_t)book->items * book->levels, floats = (size_t)book->levels * book->codes * book->width;
  sol_codebook made = *book;
  made.table = malloc((codes + 1) * sizeof *made.table);
  made.centroids = malloc((floats + 1) * sizeof *made.centroids);
  solid_status status = SOLID_OK;
  if (made.table == NULL || made.centroids == NULL) {
    status = solid_fail(SOLID_ENOMEM, "no memory for the codes of %u items", book->items);
  } else if (codes > 0) {
    memcpy(made.table, book->table, codes * sizeof *made.table);
    memcpy(made.centroids, book->centroids, floats * sizeof *made.centroids);
    if (sol_fit_report(t->fit)->best_epoch > 0) status = sol_fit_give_codes(t->fit, &made);
  }
  if (status == SOLID_OK)
    *out = made;
  else
    sol_codebook_clear(&made);
  return status;
}

solid_status solid_trainer_get_codes(const solid_trainer *trainer, solid_trainer_codes *codes) {
  sol_codebook book;
  solid_status status = best_book(trainer, &book);
  if (status != SOLID_OK) return status;
  *codes = (solid_trainer_codes){.levels = book.levels,
                                 .codes = book.codes,
                                 .items = book.items,
                                 .collisions = book.collisions,
                                 .learned =
                                     trainer->options.learn_codes > 0 && sol_fit_report(trainer->fit)->best_epoch > 0};
  for (uint32_t l = 0; l < book.levels; l++) {
    codes->level[l] = (solid_codebook_level){book.level[l].used, book.level[l].perplexity};
    codes->error[l] = book.level[l].error;
  }
  sol_codebook_clear(&book);
  return SOLID_OK;
}

solid_status solid_trainer_epoch(solid_trainer *trainer, solid_step_fn on_step, void *user, solid_epoch *report) {
  return sol_fit_epoch(trainer->fit, on_step, user, report);
}

solid_status solid_trainer_schedule(solid_trainer *trainer, const solid_schedule *schedule) {
  solid_train_options *o = &trainer->options;
  if (schedule == NULL) return solid_fail(SOLID_EINVAL, "schedule: NULL argument");
  solid_status status = sol_fit_schedule(trainer->fit, schedule);
  if (status != SOLID_OK) return status;
  o->epochs = schedule->epochs; /* provenance and a refit's training have them, too */
  if (schedule->check > 0) o->check = schedule->check;
  if (schedule->average > 0) o->average = schedule->average;
  return SOLID_OK;
}

const solid_epoch *solid_trainer_report(const solid_trainer *trainer) {
  return sol_fit_report(trainer->fit);
}

solid_status solid_trainer_save(const solid_trainer *trainer, const char *path) {
  return sol_fit_save(trainer->fit, path);
}

solid_status solid_trainer_load(solid_trainer *trainer, const char *path) {
  return sol_fit_load(trainer->fit, path);
}

solid_status solid_trainer_refit(solid_trainer *trainer) {
  solid_trainer *t = trainer;
  if (t->refit_epochs > 0) return solid_fail(SOLID_EINVAL, "refit: this trainer refits already");
  t->first = *sol_fit_report(t->fit);
  if (t->first.best_epoch == 0) return solid_fail(SOLID_EINVAL, "refit: no epoch was validated yet");
  sol_fit_close(t->fit);
  t->fit = NULL;
  t->refit_epochs = t->first.best_epoch;
  return start_fit(t);
}

/* It has neither file names nor the number of threads, so that the same training gives the same bytes elsewhere. */
static char *describe(const solid_trainer *t) {
  const solid_epoch *report = t->refit_epochs > 0 ? &t->first : sol_fit_report(t->fit);
  solid_provenance p = {.has_data = 1,
                        .data = solid_dataset_hash(t->material.whole),
                        .precision = t->ctx->precision,
                        .epochs = report->epoch,
                        .best_epoch = report->best_epoch,
                        .valid_ndcg10 = report->best_ndcg10,
                        .options = t->options};
  p.options.refit = t->refit_epochs > 0;
  snprintf(p.version, sizeof p.version, "%s", solid_version());
  solid_split_describe(t->material.whole, p.split);
  return sol_provenance_write(&p);
}

solid_status solid_trainer_export(const solid_trainer *trainer, const char *path) {
  const solid_trainer *t = trainer;
  if (sol_fit_report(t->fit)->best_epoch == 0) return solid_fail(SOLID_EINVAL, "export: no epoch was validated yet");
  sol_codebook book;
  solid_status status = best_book(t, &book);
  if (status != SOLID_OK) return status;
  char *provenance = describe(t);
  status = provenance == NULL ? solid_fail(SOLID_ENOMEM, "no memory to describe the training")
                              : sol_material_write(&t->material, &t->config, &book, sol_fit_best(t->fit), &t->options,
                                                   provenance, path);
  free(provenance);
  sol_codebook_clear(&book);
  return status;
}
