/* What hidden items are given by their content: attributes, a place in the features, codes. */
#include "solid/train/codebook/hidden_codes.h"
#include "solid/train/data/attributes.h"
#include "solid/train/data/hidden.h"
#include "tests/solid/train/hiding.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { V = 24, ATTRIBUTES = 6, WIDTH = 7 };

/* Items "0".."23" of which "22" and "23" have the content of "0" and "1", and users that go through them. */
static solid_dataset twins(void) {
  solid_collector *collector = NULL;
  solid_dataset dataset;
  cr_assert_eq(solid_collector_new(&collector, NULL), SOLID_OK);
  for (int u = 0; u < 30; u++)
    for (int i = 0; i < 9; i++) {
      char user[16], item[16];
      snprintf(user, sizeof user, "%d", u), snprintf(item, sizeof item, "%d", (u * 5 + i * (1 + u % 3)) % V);
      solid_event event = {{user, strlen(user)}, {item, strlen(item)}, {NULL, 0}, 0, {0, 0}, SOLID_WORTH_STEP, 0};
      cr_assert_eq(solid_collector_push(collector, &event, 1, NULL), SOLID_OK);
    }
  for (int v = 0; v < V; v++) {
    int content = v < V - 2 ? v : v - (V - 2);
    char item[16];
    float vector[WIDTH];
    snprintf(item, sizeof item, "%d", v);
    solid_bytes id = {item, strlen(item)};
    for (int a = 0; a < ATTRIBUTES; a++) {
      char attribute[2] = {(char)('a' + a), 0};
      if ((content + 1) >> a & 1)
        cr_assert_eq(solid_collector_attribute(collector, id, (solid_bytes){attribute, 1}), SOLID_OK);
    }
    for (int j = 0; j < WIDTH; j++) vector[j] = (float)sin(1 + content * (j + 1.3));
    cr_assert_eq(solid_collector_vector(collector, id, vector, WIDTH), SOLID_OK);
  }
  cr_assert_eq(solid_collector_finish(collector, &dataset), SOLID_OK);
  solid_collector_free(collector);
  return dataset;
}

static double product(const sol_features *x, size_t a, size_t b) {
  double sum = 0;
  for (size_t j = 0; j < x->width; j++) sum += (double)x->values[a * x->width + j] * x->values[b * x->width + j];
  return sum;
}

/* Twins have the same attributes in their slots; a hidden item keeps its own, but for those that no visible item has,
 * or has all of a visible one's: the same whose codes it gets. What does not fit is left out. */
Test(hidden, keeps_its_attributes_or_has_anothers) {
  const char *ids[] = {"22", "23", "7"};
  solid_dataset dataset = twins(), events, visible;
  solid_hidden hidden = hiding(&dataset, ids, 3);
  cr_assert_eq(solid_hidden_events(&hidden, &dataset, &events), SOLID_OK);
  cr_assert_eq(sol_hidden_catalogue(&hidden, &events, &visible), SOLID_OK);
  uint32_t slots = sol_attributes_slots(&dataset, 64), known = dataset.attributes.count;
  cr_assert_gt(slots, 2);
  cr_assert_eq(sol_attributes_slots(&dataset, 2), 2);
  for (uint32_t S = 2; S <= slots; S += slots - 2) {
    uint32_t *own = sol_hidden_attributes(&hidden, &dataset, S, SOL_HIDDEN_CONTENT, 1);
    uint32_t *others = sol_hidden_attributes(&hidden, &dataset, S, SOL_HIDDEN_RANDOM, 1);
    uint32_t *trained = sol_attributes_table(&visible, S);
    uint8_t learned[ATTRIBUTES + 1] = {0};
    for (uint32_t i = 0; i < hidden.visible; i++)
      for (uint32_t s = 0; s < S; s++)
        if (trained[i * S + s] != UINT32_MAX) learned[trained[i * S + s]] = 1;
    for (uint32_t v = 0; v < V; v++) {
      size_t first = dataset.attribute_offsets[v], n = dataset.attribute_offsets[v + 1] - first;
      for (uint32_t s = 0; s < S; s++)
        cr_assert_eq(own[v * S + s],
                     s < n && learned[dataset.attribute_ids[first + s]] ? dataset.attribute_ids[first + s] : UINT32_MAX,
                     "item %u, slot %u", v, s);
    }
    cr_assert_arr_eq(own + (V - 2) * S, own, 2 * S * sizeof *own, "twins");
    for (uint32_t i = 0; i < hidden.visible; i++) {
      cr_assert_arr_eq(trained + i * S, own + hidden.kept[i] * S, S * sizeof *own);
      cr_assert_arr_eq(others + hidden.kept[i] * S, own + hidden.kept[i] * S, S * sizeof *own);
    }
    for (size_t i = 0; i < (size_t)V * S; i++) cr_assert(others[i] < known || others[i] == UINT32_MAX);
    cr_assert_neq(memcmp(others, own, (size_t)V * S * sizeof *own), 0, "drawn");
    float values[V] = {0};
    uint16_t numbers[V], drawn[V];
    for (uint32_t i = 0; i < V; i++) numbers[i] = (uint16_t)i;
    sol_features one = {.items = V, .width = 1, .attributes = 1, .values = values};
    sol_codebook book = {.items = hidden.visible, .levels = 1, .codes = V, .width = 1, .centroids = values};
    book.table = numbers; /* a code tells whose it is */
    cr_assert_eq(sol_hidden_codes(&hidden, &events, &one, &book, SOL_HIDDEN_RANDOM, 1, drawn), SOLID_OK);
    for (uint32_t v = 0; v < V; v++)
      cr_assert_arr_eq(others + v * S, own + hidden.kept[drawn[v]] * S, S * sizeof *own, "the codes are another's");
    free(own), free(others), free(trained);
  }
  solid_dataset none = {.items = 3};
  uint32_t *empty = sol_attributes_table(&none, 2);
  cr_assert_eq(sol_attributes_slots(&none, 9), 0);
  for (int i = 0; i < 6; i++) cr_assert_eq(empty[i], UINT32_MAX);
  free(empty);
  solid_hidden_events_clear(&events);
  solid_dataset_clear(&visible);
  solid_hidden_clear(&hidden);
  solid_dataset_clear(&dataset);
}

/* The fit does not see hidden items: the visible rows are those of a data set without them. A hidden twin is laid where
 * its visible twin is, in attributes, vectors given and reduced, and its codes are the twin's own. */
Test(hidden, content_is_laid_into_the_fit) {
  const char *ids[] = {"22", "23", "7"};
  solid_dataset dataset = twins(), events, visible;
  solid_hidden hidden = hiding(&dataset, ids, 3);
  cr_assert_eq(solid_hidden_events(&hidden, &dataset, &events), SOLID_OK);
  cr_assert_eq(sol_hidden_catalogue(&hidden, &events, &visible), SOLID_OK);
  for (uint32_t dims = 4; dims <= WIDTH; dims += 3) { /* given vectors are reduced, and not */
    sol_features_options options = SOL_FEATURES_OPTIONS_INIT;
    options.dims = dims, options.window = 0, options.hidden = hidden.mask;
    sol_features all, alone;
    cr_assert_eq(sol_features_build(&all, &events, &options), SOLID_OK);
    options.hidden = NULL;
    cr_assert_eq(sol_features_build(&alone, &visible, &options), SOLID_OK);
    cr_assert_eq(all.width, alone.width);
    for (size_t i = 0; i < visible.items; i++) /* singular vectors have no sign: products of rows */
      for (size_t j = 0; j < visible.items; j++)
        cr_assert_float_eq(product(&all, hidden.kept[i], hidden.kept[j]), product(&alone, i, j), 1e-4);
    for (size_t j = 0; j < 2 * (size_t)all.width; j++)
      cr_assert_float_eq(all.values[(V - 2) * all.width + j], all.values[j], 1e-4, "twin: %zu", j);
    double length = 0;
    for (size_t j = 0; j < all.attributes; j++) length += pow(all.values[7 * all.width + j], 2);
    cr_assert_float_eq(length, 1, 1e-4);

    sol_codebook_options book_options = {2, 8, 20, 1, NULL};
    sol_codebook book;
    uint16_t codes[V * 2], random[V * 2];
    float *rows = sol_hidden_visible_rows(&hidden, all.values, all.width);
    cr_assert_eq(sol_codebook_fit(&book, rows, hidden.visible, all.width, &book_options), SOLID_OK);
    cr_assert_eq(sol_hidden_codes(&hidden, &events, &all, &book, SOL_HIDDEN_CONTENT, 1, codes), SOLID_OK);
    cr_assert_eq(sol_hidden_codes(&hidden, &events, &all, &book, SOL_HIDDEN_RANDOM, 1, random), SOLID_OK);
    for (uint32_t i = 0; i < hidden.visible; i++)
      for (int c = 0; c < 2; c++) {
        cr_assert_eq(codes[hidden.kept[i] * 2 + c], book.table[i * 2 + c]);
        cr_assert_eq(random[hidden.kept[i] * 2 + c], book.table[i * 2 + c]);
      }
    cr_assert_arr_eq(codes + 2 * (V - 2), codes, 4 * sizeof *codes);
    free(rows);
    sol_codebook_clear(&book);
    sol_features_clear(&all);
    sol_features_clear(&alone);
  }
  solid_hidden_events_clear(&events);
  solid_dataset_clear(&visible);
  solid_hidden_clear(&hidden);
  solid_dataset_clear(&dataset);
}

/* Co-occurrence is not measured: a centroid that only differs there is as good as its neighbour. */
Test(hidden, codes_come_from_the_known_parts) {
  float values[] = {1, 0, 0, 1, 0.9f, 0}, words[] = {0.9f}, centroids[] = {0.5f, 3, 0.95f, 40, -0.06f, 0, 0.4f, 0};
  uint16_t table[] = {0, 0, 1, 1}, codes[6];
  uint8_t mask[] = {0, 0, 1};
  uint32_t kept[] = {0, 1};
  solid_hidden hidden = {3, 2, mask, kept};
  sol_features x = {.items = 3, .width = 2, .attributes = 1, .cooccurrence = 1, .values = values};
  size_t offsets[] = {0, 0, 0, 1};
  uint32_t ids[] = {0};
  const solid_dataset events = {.items = 3, .attribute_offsets = offsets, .attribute_ids = ids};
  x.names = 1, x.words = words;
  sol_codebook book = {.items = 2, .levels = 2, .codes = 2, .width = 2, .centroids = centroids, .table = table};
  cr_assert_eq(sol_hidden_codes(&hidden, &events, &x, &book, SOL_HIDDEN_CONTENT, 0, codes), SOLID_OK);
  const uint16_t want[] = {0, 0, 1, 1, 1, 0}; /* 1 is nearest to 0.95, what is left, 0.05, to -0.06 */
  cr_assert_arr_eq(codes, want, sizeof want);
  x.attributes = 0, x.words = NULL, x.cooccurrence = 2;
  cr_assert_eq(sol_hidden_codes(&hidden, &events, &x, &book, SOL_HIDDEN_CONTENT, 0, codes), SOLID_ENOTFOUND);
}
