#include "solid/train/fit/material.h"
#include "solid/extend.h"
#include "solid/train/data/hidden.h"
#include "solid/train/fit/export.h"
#include "solid/train/fit/hidden_weights.h"
#include <stdlib.h>

static int hides(const sol_material *m) {
  return m->trained != m->whole;
}

/* Hidden items return with codes from their content; whether there is content is checked before any training. */
static solid_status check_hidden(const solid_dataset *whole, const solid_train_options *o) {
  int content = whole->attributes.count > 0 || whole->vector_width > 0;
  if (o->levels > 0 && (content || o->hidden_codes == SOL_HIDDEN_RANDOM)) return SOLID_OK;
  return solid_fail(SOLID_EINVAL,
                    "hide = %g: hidden items would be known by nothing: they need codes (levels) and content to make "
                    "them from (attributes, vectors)",
                    o->hide);
}

solid_status sol_material_open(sol_material *m, const solid_dataset *whole, const solid_train_options *options) {
  *m = (sol_material){.whole = whole, .trained = whole};
  if (options->hide == 0) return SOLID_OK;
  solid_status status = check_hidden(whole, options);
  if (status == SOLID_OK) status = solid_hidden_choose(&m->hidden, whole, options->hide, options->hide_seed);
  if (status == SOLID_OK) status = solid_hidden_events(&m->hidden, whole, &m->events);
  if (status == SOLID_OK) status = sol_hidden_catalogue(&m->hidden, &m->events, &m->visible);
  if (status == SOLID_OK) m->trained = &m->visible;
  return status;
}

void sol_material_clear(sol_material *m) {
  solid_hidden_clear(&m->hidden);
  solid_hidden_events_clear(&m->events);
  solid_dataset_clear(&m->visible);
  sol_features_clear(&m->features);
  free(m->visible_content);
  sol_codebook_clear(&m->book);
  *m = (sol_material){0};
}

const float *sol_material_content(const sol_material *m) {
  return m->visible_content != NULL ? m->visible_content : m->features.values;
}

solid_status sol_material_fit(sol_material *m, const solid_train_options *options, const solid_context *ctx) {
  sol_features_options features = SOL_FEATURES_OPTIONS_INIT;
  sol_codebook_options codebook = SOL_CODEBOOK_OPTIONS_INIT;
  if (options->levels == 0) return SOLID_OK;
  features.dims = options->content, features.window = options->cooccurrence, features.seed = options->seed;
  features.hidden = m->hidden.mask;
  features.ctx = codebook.ctx = ctx;
  codebook.levels = options->levels, codebook.codes = options->codes, codebook.seed = options->seed;
  solid_status status = sol_features_build(&m->features, hides(m) ? &m->events : m->whole, &features);
  if (status != SOLID_OK) return status;
  const sol_features *x = &m->features;
  if (hides(m) && (m->visible_content = sol_hidden_visible_rows(&m->hidden, x->values, x->width)) == NULL)
    return solid_fail(SOLID_ENOMEM, "no memory for %u content vectors", x->items);
  return sol_codebook_fit(&m->book, sol_material_content(m), m->trained->items, x->width, &codebook);
}

static solid_status write_whole(const sol_material *m, const sol_config *config, const sol_codebook *trained,
                                const float *weights, const solid_train_options *options, const char *provenance,
                                const char *path) {
  sol_config whole = *config;
  sol_codebook book = *trained;
  sol_hidden_code how = (sol_hidden_code)options->hidden_codes;
  whole.items = book.items = m->hidden.items;
  float *all = sol_hidden_weights(&m->hidden, config, weights);
  uint32_t *attributes = sol_hidden_attributes(&m->hidden, &m->events, config->slots, how, options->hide_seed);
  book.table = malloc(((size_t)book.items * book.levels + 1) * sizeof *book.table);
  solid_status status = SOLID_OK;
  if (all == NULL || attributes == NULL || book.table == NULL)
    status = solid_fail(SOLID_ENOMEM, "no memory for a model of %u items", whole.items);
  if (status == SOLID_OK && config->levels > 0)
    status = sol_hidden_codes(&m->hidden, &m->events, &m->features, trained, how, options->hide_seed, book.table);
  const sol_export what = {.config = &whole,
                           .dataset = &m->events,
                           .codebook = &book,
                           .features = &m->features,
                           .attributes = attributes,
                           .weights = all,
                           .training = provenance};
  if (status == SOLID_OK) status = sol_export_model(&what, path);
  free(all);
  free(attributes);
  free(book.table);
  return status;
}

solid_status sol_material_write(const sol_material *m, const sol_config *config, const sol_codebook *book,
                                const float *weights, const solid_train_options *options, const char *provenance,
                                const char *path) {
  if (hides(m)) return write_whole(m, config, book, weights, options, provenance, path);
  const sol_export what = {.config = config,
                           .dataset = m->whole,
                           .codebook = book,
                           .features = &m->features,
                           .weights = weights,
                           .training = provenance};
  return sol_export_model(&what, path);
}
