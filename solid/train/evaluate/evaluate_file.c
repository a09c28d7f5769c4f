/* What an evaluation reads of the model itself: what its file says about the training, and its item vectors. */
#include "solid/extend.h"
#include "solid/model/model_parts.h"
#include "solid/train/evaluate.h"
#include "solid/train/provenance.h"
#include <stdlib.h>
#include <string.h>

solid_status solid_evaluate_hidden(solid_hidden *hidden, const solid_model *model, const solid_dataset *dataset) {
  solid_provenance of;
  solid_status status = solid_provenance_read(model, &of);
  if (status == SOLID_OK && of.options.hide > 0)
    return solid_hidden_choose(hidden, dataset, of.options.hide, of.options.hide_seed);
  if (status != SOLID_OK && status != SOLID_ENOTFOUND) return status;
  return solid_fail(SOLID_ENOTFOUND, "the model was trained on all items");
}

int solid_evaluate_same_data(const solid_model *model, const solid_dataset *dataset) {
  solid_provenance of;
  if (solid_provenance_read(model, &of) != SOLID_OK || !of.has_data) return -1;
  return of.data == solid_dataset_hash(dataset);
}

int solid_evaluate_refitted(const solid_model *model) {
  solid_provenance of;
  return solid_provenance_read(model, &of) == SOLID_OK && of.options.refit;
}

solid_status solid_evaluate_check_split(const solid_model *model, const solid_dataset *dataset) {
  if (!model || !dataset) return solid_fail(SOLID_EINVAL, "evaluate: NULL argument");
  solid_provenance of = {0};
  solid_status status = solid_provenance_read(model, &of);
  if (status != SOLID_OK && status != SOLID_ENOTFOUND) return status;
  char now[SOLID_SPLIT_TEXT];
  solid_split_describe(dataset, now);
  const char *then = of.split[0] ? of.split : "leave-one-out";
  if (strcmp(then, now) == 0) return SOLID_OK;
  return solid_fail(SOLID_EMISMATCH, "the model was trained with split \"%s\", it is asked by \"%s\"", then, now);
}

solid_status solid_evaluate_vectors(const solid_model *model, const solid_dataset *dataset, float *vectors) {
  if (!model || !dataset || !vectors) return solid_fail(SOLID_EINVAL, "evaluate: NULL argument");
  size_t items = model->file.config.items, width = model->file.config.width;
  float *table = malloc(items * width * sizeof *table);
  if (!table) return solid_fail(SOLID_ENOMEM, "no memory for %zu vectors of %zu", items, width);
  solid_status status = solid_model_item_vectors(model, table);
  for (uint32_t v = 0; v < dataset->items && !status; v++) {
    solid_bytes id = solid_vocab_id(&dataset->item_ids, v);
    uint32_t item = solid_model_item_index(model, id);
    if (item == SOLID_NO_ITEM)
      status = solid_fail(SOLID_EMISMATCH, "item \"%.*s\" is not among the model's %zu",
                          (int)(id.size < 64 ? id.size : 64), id.data, items);
    else
      memcpy(vectors + v * width, table + item * width, width * sizeof *vectors);
  }
  free(table);
  return status;
}
