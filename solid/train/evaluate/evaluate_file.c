/* What an evaluation reads of the model itself: what its file says about the training, and its item vectors. */
#include "solid/extend.h"
#include "solid/model/model_parts.h"
#include "solid/train/evaluate/evaluate.h"
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

solid_status sol_evaluate_hidden(sol_hidden *hidden, const solid_model *model, const sol_history *history) {
  const char *training = model->file.training;
  json_t *root = training ? json_loads(training, 0, NULL) : NULL;
  double share = json_number_value(json_object_get(root, "hide"));
  uint64_t seed = (uint64_t)json_integer_value(json_object_get(root, "hide_seed"));
  json_decref(root);
  if (!(share > 0)) return solid_fail(SOLID_ENOTFOUND, "the model was trained on all items");
  return sol_hidden_choose(hidden, history, share, seed);
}

int sol_evaluate_same_data(const solid_model *model, const sol_history *history) {
  const char *training = model->file.training;
  json_t *root = training ? json_loads(training, 0, NULL) : NULL;
  const char *data = json_string_value(json_object_get(root, "data"));
  char hash[17];
  snprintf(hash, sizeof hash, "%016" PRIx64, sol_history_hash(history));
  int same = data ? strcmp(data, hash) == 0 : -1;
  json_decref(root);
  return same;
}

int sol_evaluate_refitted(const solid_model *model) {
  json_t *root = model->file.training ? json_loads(model->file.training, 0, NULL) : NULL;
  int refitted = json_is_true(json_object_get(json_object_get(root, "options"), "refit"));
  json_decref(root);
  return refitted;
}

const char *sol_evaluate_training(const solid_model *model) {
  return model->file.training;
}

solid_status sol_evaluate_check_split(const solid_model *model, const sol_history *history) {
  if (!model || !history) return solid_fail(SOLID_EINVAL, "evaluate: NULL argument");
  json_t *root = model->file.training ? json_loads(model->file.training, 0, NULL) : NULL;
  const char *then = json_string_value(json_object_get(root, "split"));
  char now[SOL_SPLIT_TEXT];
  sol_split_describe(history, now);
  if (!then) then = "leave-one-out";
  solid_status status = SOLID_OK;
  if (strcmp(then, now) != 0)
    status = solid_fail(SOLID_EMISMATCH, "the model was trained with split \"%s\", it is asked by \"%s\"", then, now);
  json_decref(root);
  return status;
}

static solid_status download(const solid_model *model, float *table) {
  sk_backend *be = NULL;
  size_t size = (size_t)model->file.config.items * model->file.config.width * sizeof *table;
  solid_status status = sol_backend_open(model->ctx, &be);
  if (status) return status;
  status = be->ops->download(be, table, model->catalogue.vectors, size);
  if (!status) status = be->ops->sync(be);
  if (status) sol_backend_fail(be, status);
  be->ops->close(be);
  return status;
}

solid_status sol_evaluate_vectors(const solid_model *model, const sol_history *history, float *vectors) {
  if (!model || !history || !vectors) return solid_fail(SOLID_EINVAL, "evaluate: NULL argument");
  size_t items = model->file.config.items, width = model->file.config.width;
  float *table = malloc(items * width * sizeof *table);
  if (!table) return solid_fail(SOLID_ENOMEM, "no memory for %zu vectors of %zu", items, width);
  solid_status status = download(model, table);
  for (uint32_t v = 0; v < history->items && !status; v++) {
    solid_bytes id = sol_vocab_id(&history->item_ids, v);
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
