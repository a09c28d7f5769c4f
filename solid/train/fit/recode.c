/* A fit whose codes follow what it learns. The work is done between epochs, on the host except for the search of
 * nearest centroids. */
#include "solid/train/fit/recode.h"
#include "kernels/ops.h"
#include "solid/extend.h"
#include "solid/train/fit/state.h"
#include <stdlib.h>
#include <string.h>

#define RECODE_SITE 0xc0de0000u /* keeps these seeds apart from those of steps and epochs */

solid_status sol_fit_set_mates(sol_fit *t, const uint16_t *codes) {
  const sol_config *c = &t->config;
  if (t->content == NULL) return SOLID_OK;
  sol_mates_close(&t->mates);
  t->feed.mates = NULL;
  const sol_mates_source source = {c->items, c->levels, c->codes, codes, t->content, t->content_width};
  solid_status status = sol_mates_open(&t->mates, &source);
  if (status == SOLID_OK && t->mates.mated == 0)
    return solid_fail(SOLID_EINVAL, "swap = %g: none of %u items shares its first code with another: take fewer codes",
                      t->options.swap, c->items);
  if (status == SOLID_OK) t->feed.mates = &t->mates;
  return status;
}

solid_status sol_fit_find_mates(sol_fit *t, const float *content, uint32_t width) {
  if (!(t->options.swap > 0)) return SOLID_OK;
  t->content = content, t->content_width = width;
  return sol_fit_set_mates(t, t->codes);
}

solid_status sol_fit_learn_codes(sol_fit *fit, const sol_codebook *book, const float *content) {
  const sol_config *c = &fit->config;
  if (c->levels == 0) return solid_fail(SOLID_EINVAL, "learn_codes: the model has no codes");
  if (book->items != c->items || book->levels != c->levels || book->codes != c->codes)
    return solid_fail(SOLID_EMISMATCH, "codebook of %u items in %u x %u codes, config of %u in %u x %u", book->items,
                      book->levels, book->codes, c->items, c->levels, c->codes);
  return sol_code_learner_open(&fit->learner, fit->be, book, content, c->width, fit->options.learn_share,
                               fit->options.learn_keep);
}

solid_status sol_fit_give_codes(const sol_fit *fit, sol_codebook *book) {
  return sol_fit_learns_codes(fit) ? sol_code_learner_give(&fit->learner, book) : SOLID_OK;
}

static solid_status download(sol_fit *t, float *host, sol_array array) {
  solid_status status = t->be->ops->download(t->be, host, t->step.values[array], t->step.total * sizeof *host);
  return status == SOLID_OK ? t->be->ops->sync(t->be) : status;
}

/* out (V, d) = E[v] + sum_c M_c[code_c(v)] + sum of T[a] over v's attributes */
static void item_vectors(const sol_fit *t, const sol_weights *w, float *out) {
  size_t V = t->config.items, C = t->config.levels, K = t->config.codes, d = t->config.width;
  memcpy(out, w->items, V * d * sizeof *out);
  for (size_t i = 0; i < V * C; i++) {
    const float *metacode = w->metacodes + (i % C * K + t->learner.table[i]) * d;
    for (size_t j = 0; j < d; j++) out[i / C * d + j] += metacode[j];
  }
  for (size_t i = 0, S = t->config.slots; i < V * S; i++)
    for (size_t j = 0; j < d && t->attributes[i] != SOL_NO_ATTRIBUTE; j++)
      out[i / S * d + j] += w->attributes[t->attributes[i] * d + j];
}

/* Weights and their average each by their own metacodes; codes that started again forget their moments. */
static solid_status realign(sol_fit *t, float *host) {
  static const sol_array arrays[] = {SOL_WEIGHTS, SOL_AVERAGE};
  size_t metacodes = (size_t)t->config.levels * t->config.codes, d = t->config.width;
  sol_run run = {t->be, SOLID_OK};
  for (int i = 0; i < 2; i++) {
    if (t->step.values[arrays[i]] == NULL) continue;
    run.status = run.status == SOLID_OK ? download(t, host, arrays[i]) : run.status;
    if (run.status != SOLID_OK) return run.status;
    sol_weights weights;
    sol_weights_bind(&weights, &t->config, host);
    sol_code_learner_realign(&t->learner, weights.items, weights.metacodes);
    run.status = t->be->ops->upload(t->be, t->step.values[arrays[i]], host, t->step.total * sizeof *host);
    if (run.status == SOLID_OK) run.status = t->be->ops->sync(t->be);
  }
  for (int i = SOL_MOMENT1; i <= SOL_MOMENT2; i++) {
    sol_weights moments;
    sol_weights_bind(&moments, &t->config, t->step.values[i]);
    for (size_t c = 0; c < metacodes; c++)
      if (t->learner.twins[c] >= 0) sol_op_zero(&run, moments.metacodes + c * d, d);
  }
  return run.status;
}

solid_status sol_fit_recode(sol_fit *t) {
  uint32_t epoch = t->report.epoch, every = t->options.learn_codes;
  if (!sol_fit_learns_codes(t) || every == 0 || epoch == 0 || epoch % every != 0) return SOLID_OK;
  float *host = malloc(t->step.total * sizeof *host);
  float *vectors = malloc((size_t)t->config.items * t->config.width * sizeof *vectors);
  solid_status status = SOLID_OK;
  if (host == NULL || vectors == NULL) {
    status = solid_fail(SOLID_ENOMEM, "no memory for %u item vectors", t->config.items);
    goto done;
  }
  sol_weights weights;
  sol_weights_bind(&weights, &t->config, host);
  status = download(t, host, sol_fit_kept(t));
  if (status == SOLID_OK) item_vectors(t, &weights, vectors);
  if (status != SOLID_OK) {
    status = solid_fail(status, "%s", t->be->err);
    goto done;
  }
  uint64_t seed = sol_site_seed(t->options.seed ^ RECODE_SITE, epoch);
  status = sol_code_learner_update(&t->learner, vectors, seed);
  if (status != SOLID_OK) goto done;
  status = realign(t, host);
  status = status == SOLID_OK ? sol_step_recode(&t->step, t->learner.table) : solid_fail(status, "%s", t->be->err);
  if (status == SOLID_OK) status = sol_fit_set_mates(t, t->learner.table);

done:
  free(host);
  free(vectors);
  return status;
}
