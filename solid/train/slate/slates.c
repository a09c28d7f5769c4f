#include "solid/train/slates.h"
#include "solid/extend.h"
#include "solid/train/evaluate.h"
#include "solid/train/provenance.h"
#include "solid/train/slate/slate_fit.h"
#include "solid/train/split.h"
#include <jansson.h>
#include <stdlib.h>

/* The dataset in the model's items. */
typedef struct material {
  size_t *ends;
  uint32_t *sequence;
  sol_slate_data data;
} material;

static solid_status material_make(material *m, const solid_model *model, const solid_dataset *dataset) {
  uint32_t *item_of = calloc((size_t)dataset->items + 1, sizeof *item_of);
  m->ends = calloc((size_t)dataset->users + 1, sizeof *m->ends);
  m->sequence = calloc(dataset->events + 1, sizeof *m->sequence);
  if (!item_of || !m->ends || !m->sequence) {
    free(item_of);
    return solid_fail(SOLID_ENOMEM, "out of memory: slates of %zu events", dataset->events);
  }
  for (uint32_t v = 0; v < dataset->items; v++)
    item_of[v] = solid_model_item_index(model, solid_vocab_id(&dataset->item_ids, v));
  for (size_t i = 0; i < dataset->events; i++) m->sequence[i] = item_of[dataset->sequence[i]];
  for (uint32_t u = 0; u < dataset->users; u++) m->ends[u] = solid_split_train(dataset, u).end;
  free(item_of);
  m->data = (sol_slate_data){.users = dataset->users,
                             .offsets = dataset->offsets,
                             .ends = m->ends,
                             .sequence = m->sequence,
                             .times = dataset->has_times ? dataset->times : NULL};
  return SOLID_OK;
}

static solid_status check_data(const solid_model *model, const solid_dataset *dataset) {
  if (solid_evaluate_same_data(model, dataset) == 0)
    return solid_fail(SOLID_EMISMATCH, "slates: the model was trained on other data than this");
  return solid_evaluate_check_split(model, dataset);
}

/* What the file will say of the decoder beside what it says of the ranker. NULL: no memory. */
static char *describe(const solid_model *model, const solid_slates_options *o) {
  const char *said = solid_provenance_text(model);
  json_t *root = said ? json_loads(said, 0, NULL) : NULL;
  if (!root) root = json_object();
  json_t *slates = json_pack("{s:i, s:i, s:s, s:i, s:i, s:f, s:f, s:f, s:f, s:I}", "rows", (int)o->rows, "blocks",
                             (int)o->blocks, "order", o->near_to_far ? "near-to-far" : "raster", "epochs",
                             (int)o->epochs, "batch", (int)o->batch, "rate", o->rate, "decay", o->decay, "dropout",
                             o->dropout, "smoothing", o->smoothing, "seed", (json_int_t)o->seed);
  char *text = NULL;
  if (root && slates && json_object_set_new(root, "slates", slates) == 0)
    text = json_dumps(root, JSON_REAL_PRECISION(15));
  json_decref(root);
  return text;
}

/* The public epoch is the private one. */
typedef struct listener {
  solid_slates_epoch_fn on_epoch;
  void *user;
} listener;

static int tell(void *user, const sol_slate_epoch *epoch) {
  const listener *l = user;
  const solid_slates_epoch told = {epoch->epoch, epoch->loss, epoch->cells};
  return l->on_epoch ? l->on_epoch(l->user, &told) : 0;
}

solid_slates_options solid_slates_options_default(void) {
  return (solid_slates_options)SOLID_SLATES_OPTIONS_INIT;
}

solid_status solid_slates_train(const solid_context *ctx, const char *model_path, const char *out,
                                const solid_dataset *dataset, const solid_slates_options *options,
                                solid_slates_epoch_fn on_epoch, void *user) {
  if (!ctx || !model_path || !out || !dataset)
    return solid_fail(SOLID_EINVAL, "slates: context, model, out or dataset is NULL");
  const solid_slates_options defaults = SOLID_SLATES_OPTIONS_INIT;
  const solid_slates_options *o = options ? options : &defaults;
  const sol_slate_options fit = {o->rows,        o->blocks,       o->near_to_far,    o->epochs,           o->batch,
                                 (float)o->rate, (float)o->decay, (float)o->dropout, (float)o->smoothing, o->seed};
  listener l = {on_epoch, user};
  solid_model *model = NULL;
  material m = {0};
  sol_config config;
  float *weights = NULL;
  char *said = NULL;
  solid_status status = solid_model_load(&model, ctx, model_path);
  if (!status) status = check_data(model, dataset);
  if (!status) status = material_make(&m, model, dataset);
  if (!status) status = sol_slate_fit(model, &m.data, &fit, o->checkpoint, tell, &l, &config, &weights);
  if (!status && !(said = describe(model, o))) status = solid_fail(SOLID_ENOMEM, "out of memory: slates");
  if (!status) status = sol_slate_attach(model_path, out, &config, weights, said);
  free(said);
  free(weights);
  free(m.ends);
  free(m.sequence);
  solid_model_free(model);
  return status;
}
