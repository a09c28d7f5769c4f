#include "solid/train/codebook/hidden_codes.h"
#include "solid/base/random.h"
#include "solid/extend.h"
#include "solid/model/config.h"
#include "solid/train/data/attributes.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define OTHERS 7 /* stream of the draws of other items */

/* The visible item, a place in `kept`, whose semantics a hidden one gets to compare with; hidden items in order. */
static uint32_t draw_other(const solid_hidden *hidden, sol_random *random) {
  return (uint32_t)sol_random_below(random, hidden->visible);
}

solid_status sol_hidden_codes(const solid_hidden *hidden, const solid_dataset *events, const sol_features *x,
                              const sol_codebook *book, sol_hidden_code how, uint64_t seed, uint16_t *codes) {
  assert(x->items == hidden->items && book->items == hidden->visible && book->width == x->width);
  const sol_content content = sol_features_content(x);
  uint32_t known = content.attributes + content.vectors, levels = book->levels;
  sol_random random = sol_random_start(seed, OTHERS);
  if (how == SOL_HIDDEN_CONTENT && !known)
    return solid_fail(SOLID_ENOTFOUND, "hidden items have no attributes and no vectors to make codes from");
  double *residual = malloc(((size_t)known + 1) * sizeof *residual);
  if (!residual) return solid_fail(SOLID_ENOMEM, "no memory for a content vector of %u", known);
  for (size_t i = 0; i < hidden->visible; i++)
    memcpy(codes + (size_t)hidden->kept[i] * levels, book->table + i * levels, levels * sizeof *codes);
  for (size_t v = 0; v < hidden->items; v++) {
    if (!hidden->mask[v]) continue;
    if (how == SOL_HIDDEN_RANDOM) {
      size_t other = draw_other(hidden, &random);
      memcpy(codes + v * levels, book->table + other * levels, levels * sizeof *codes);
      continue;
    }
    const size_t *range = events->attribute_offsets + v;
    sol_content_of(&content, events->attribute_ids + range[0], content.attributes ? range[1] - range[0] : 0,
                   content.vectors ? events->vectors + v * events->vector_width : NULL, residual);
    sol_content_codes(book->centroids, levels, book->codes, book->width, known, residual, codes + v * levels);
  }
  free(residual);
  return SOLID_OK;
}

/* A hidden item forgets those of its attributes that no visible item has: their embeddings are as they began. */
static int forget_unlearned(const solid_hidden *hidden, uint32_t attributes, uint32_t slots, uint32_t *table) {
  uint8_t *learned = calloc((size_t)attributes + 1, 1);
  if (!learned) return 0;
  for (size_t i = 0; i < (size_t)hidden->visible * slots; i++) {
    uint32_t a = table[(size_t)hidden->kept[i / slots] * slots + i % slots];
    if (a != SOL_NO_ATTRIBUTE) learned[a] = 1;
  }
  for (size_t i = 0; i < (size_t)hidden->items * slots; i++)
    if (table[i] != SOL_NO_ATTRIBUTE && !learned[table[i]]) table[i] = SOL_NO_ATTRIBUTE;
  free(learned);
  return 1;
}

uint32_t *sol_hidden_attributes(const solid_hidden *hidden, const solid_dataset *events, uint32_t slots,
                                sol_hidden_code how, uint64_t seed) {
  assert(events->items == hidden->items);
  uint32_t *table = sol_attributes_table(events, slots);
  sol_random random = sol_random_start(seed, OTHERS);
  if (table && !forget_unlearned(hidden, events->attributes.count, slots, table)) {
    free(table);
    return NULL;
  }
  for (size_t v = 0; v < hidden->items && table && how == SOL_HIDDEN_RANDOM; v++)
    if (hidden->mask[v])
      memcpy(table + v * slots, table + (size_t)hidden->kept[draw_other(hidden, &random)] * slots,
             slots * sizeof *table);
  return table;
}
