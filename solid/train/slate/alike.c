#include "solid/train/slate/alike.h"
#include "solid/extend.h"
#include "solid/train/codebook/features.h"
#include <stdlib.h>
#include <string.h>

const char *const solid_slate_alike_names[SOLID_ALIKES] = {"takers", "company", "content"};

uint32_t *sol_alike_map_items(const solid_model *model, const solid_dataset *dataset) {
  uint32_t *item_of = malloc(((size_t)dataset->items + 1) * sizeof *item_of);
  for (uint32_t v = 0; v < dataset->items && item_of; v++)
    item_of[v] = solid_model_item_index(model, solid_vocab_id(&dataset->item_ids, v));
  return item_of;
}

/* ---- Takers ---- */

typedef enum which_events { TRAINED, NOT_TRAINED, ALL } which_events;

static void count_user(sol_likeness *likeness, const solid_dataset *dataset, uint32_t u, which_events which,
                       const uint32_t *item_of) {
  size_t cut = solid_split_train(dataset, u).end, end = dataset->offsets[u + 1];
  size_t from = which == NOT_TRAINED ? cut : dataset->offsets[u], to = which == TRAINED ? cut : end;
  for (size_t i = from; i < to; i++) {
    uint32_t item = item_of[dataset->sequence[i]];
    if (item != SOLID_NO_ITEM) sol_likeness_add(likeness, u, item);
  }
}

static solid_status by_takers(sol_likeness *likeness, const solid_model *model, const solid_dataset *dataset,
                              which_events which) {
  solid_model_info info = {.struct_size = sizeof info};
  uint32_t *item_of = sol_alike_map_items(model, dataset);
  solid_status status =
      item_of ? solid_model_get_info(model, &info) : solid_fail(SOLID_ENOMEM, "out of memory: takers");
  if (!status) status = sol_likeness_open(likeness, info.items, dataset->users);
  for (uint32_t u = 0; u < dataset->users && !status; u++) count_user(likeness, dataset, u, which, item_of);
  if (!status) sol_likeness_count(likeness);
  free(item_of);
  return status;
}

/* ---- Vectors ---- */

static solid_status by_vectors(sol_likeness *likeness, const solid_model *model, const solid_dataset *dataset,
                               const sol_features_options *options) {
  solid_model_info info = {.struct_size = sizeof info};
  sol_features features = {0};
  uint32_t *item_of = sol_alike_map_items(model, dataset);
  solid_status status =
      item_of ? solid_model_get_info(model, &info) : solid_fail(SOLID_ENOMEM, "out of memory: vectors of items");
  if (!status) status = sol_features_build(&features, dataset, options);
  if (!status) status = sol_likeness_open_vectors(likeness, info.items, features.width);
  uint32_t parts = (features.attributes > 0) + (features.vectors > 0) + (features.cooccurrence > 0);
  float share = parts > 1 ? 0.70710678f : 1; /* two parts of length 1 make one of length 1 */
  for (uint32_t v = 0; v < features.items && !status; v++)
    for (uint32_t i = 0; i < features.width && item_of[v] != SOLID_NO_ITEM; i++)
      likeness->vectors[(size_t)item_of[v] * features.width + i] =
          share * features.values[(size_t)v * features.width + i];
  sol_features_clear(&features);
  free(item_of);
  return status;
}

static solid_status by_company(sol_likeness *likeness, const solid_model *model, const solid_dataset *dataset) {
  sol_features_options options = SOL_FEATURES_OPTIONS_INIT;
  options.ignore_attributes = options.ignore_vectors = 1;
  return by_vectors(likeness, model, dataset, &options);
}

static solid_status by_content(sol_likeness *likeness, const solid_model *model, const solid_dataset *content) {
  sol_features_options options = SOL_FEATURES_OPTIONS_INIT;
  options.window = 0;
  return content ? by_vectors(likeness, model, content, &options) : SOLID_OK;
}

/* ---- Both sides ---- */

solid_status sol_alike_of_training(sol_likeness alike[SOLID_ALIKES], const solid_model *model,
                                   const solid_dataset *dataset, const solid_dataset *content) {
  memset(alike, 0, SOLID_ALIKES * sizeof *alike);
  solid_status status = by_takers(&alike[SOLID_ALIKE_BY_TAKERS], model, dataset, TRAINED);
  if (!status) status = by_company(&alike[SOLID_ALIKE_BY_COMPANY], model, dataset);
  return status ? status : by_content(&alike[SOLID_ALIKE_BY_CONTENT], model, content);
}

solid_status sol_alike_of_judges(sol_likeness alike[SOLID_ALIKES], const solid_model *model,
                                 const solid_dataset *dataset, const solid_dataset *judges,
                                 const solid_dataset *content) {
  memset(alike, 0, SOLID_ALIKES * sizeof *alike);
  solid_status status =
      by_takers(&alike[SOLID_ALIKE_BY_TAKERS], model, judges ? judges : dataset, judges ? ALL : NOT_TRAINED);
  if (!status && judges) status = by_company(&alike[SOLID_ALIKE_BY_COMPANY], model, judges);
  return status ? status : by_content(&alike[SOLID_ALIKE_BY_CONTENT], model, content);
}
