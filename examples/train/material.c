#include "examples/train/material.h"
#include "solid/extend.h"
#include "solid/train/evaluate/evaluate.h"
#include "solid/train/fit/export.h"
#include <stdio.h>
#include <stdlib.h>

solid_status material_open(material *m, const sol_history *whole, double share, uint64_t seed) {
  *m = (material){.whole = whole, .trained = whole};
  if (share == 0) return SOLID_OK;
  solid_status status = sol_hidden_choose(&m->hidden, whole, share, seed);
  if (status == SOLID_OK) status = sol_hidden_events(&m->hidden, whole, &m->events);
  if (status == SOLID_OK) status = sol_hidden_catalogue(&m->hidden, &m->events, &m->visible);
  if (status != SOLID_OK) return status;
  m->trained = &m->visible;
  printf("%u of %u items are hidden from training\n", m->hidden.items - m->hidden.visible, m->hidden.items);
  return SOLID_OK;
}

void material_clear(material *m) {
  sol_hidden_clear(&m->hidden);
  sol_hidden_events_clear(&m->events);
  sol_history_clear(&m->visible);
  sol_features_clear(&m->features);
  free(m->visible_content);
  sol_codebook_clear(&m->book);
}

static int hides(const material *m) {
  return m->trained != m->whole;
}

static void print_codebook(const sol_codebook *book) {
  for (uint32_t l = 0; l < book->levels; l++)
    printf("codebook level %u: %u of %u codes used, perplexity %.1f, error %.4f\n", l, book->level[l].used, book->codes,
           book->level[l].perplexity, book->level[l].error);
  printf("codebook: %u of %u items share all their codes with another\n", book->collisions, book->items);
  if (book->levels > 1 && book->level[1].used < 2)
    printf(
        "codebook: the first of %u codes tell all items apart and the other levels say nothing: take fewer (--codes)\n",
        book->codes);
}

const float *material_content(const material *m) {
  return m->visible_content ? m->visible_content : m->features.values;
}

solid_status material_learn(material *m, const sol_trainer *trainer) {
  solid_status status = sol_trainer_give_codes(trainer, &m->book);
  for (uint32_t l = 0; l < m->book.levels && status == SOLID_OK; l++)
    printf("learned codes, level %u: %u of %u used, perplexity %.1f\n", l, m->book.level[l].used, m->book.codes,
           m->book.level[l].perplexity);
  return status;
}

solid_status material_fit(material *m, const sol_features_options *features, const sol_codebook_options *options) {
  sol_features_options of_all = *features;
  of_all.hidden = m->hidden.mask;
  solid_status status = sol_features_build(&m->features, hides(m) ? &m->events : m->whole, &of_all);
  if (status != SOLID_OK) return status;
  const sol_features *x = &m->features;
  if (hides(m) && !(m->visible_content = sol_hidden_visible_rows(&m->hidden, x->values, x->width)))
    return solid_fail(SOLID_ENOMEM, "no memory for %u content vectors", x->items);
  status = sol_codebook_fit(&m->book, material_content(m), m->trained->items, x->width, options);
  if (status == SOLID_OK) print_codebook(&m->book);
  return status;
}

static solid_status write_whole(const material *m, const sol_config *config, const float *weights, sol_hidden_code how,
                                uint64_t seed, const char *training, const char *path) {
  sol_config whole = *config;
  sol_codebook book = m->book;
  whole.items = book.items = m->hidden.items;
  float *all = sol_hidden_weights(&m->hidden, config, weights);
  uint32_t *attributes = sol_hidden_attributes(&m->hidden, &m->events, config->slots, how, seed);
  book.table = malloc(((size_t)book.items * book.levels + 1) * sizeof *book.table);
  solid_status status = SOLID_OK;
  if (!all || !attributes || !book.table)
    status = solid_fail(SOLID_ENOMEM, "no memory for a model of %u items", whole.items);
  if (status == SOLID_OK && config->levels > 0)
    status = sol_hidden_codes(&m->hidden, &m->features, &m->book, how, seed, book.table);
  const sol_export what = {.config = &whole,
                           .history = &m->events,
                           .codebook = &book,
                           .attributes = attributes,
                           .weights = all,
                           .training = training};
  if (status == SOLID_OK) status = sol_export_model(&what, path);
  free(all);
  free(attributes);
  free(book.table);
  return status;
}

solid_status material_write(const material *m, const sol_config *config, const float *weights, sol_hidden_code how,
                            uint64_t seed, const char *training, const char *path) {
  if (hides(m)) return write_whole(m, config, weights, how, seed, training, path);
  const sol_export what = {
      .config = config, .history = m->whole, .codebook = &m->book, .weights = weights, .training = training};
  return sol_export_model(&what, path);
}
