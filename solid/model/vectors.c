#include "solid/extend.h"
#include "solid/model/model_parts.h"

/* Through a queue of its own: the model's belongs to nobody. */
solid_status solid_model_item_vectors(const solid_model *model, float *vectors) {
  if (!model || !vectors) return solid_fail(SOLID_EINVAL, "item vectors: an argument is NULL");
  sk_backend *be = NULL;
  char why[160];
  if (model->file.rows) {
    int error = sk_rows_check(&model->rows);
    if (!error) error = sk_rows_run(&model->rows, SK_ROWS_WHOLE, 0, model->rows.filed, vectors);
    return error ? solid_fail(SOLID_ESTALE, "%s", sk_rows_text(error, why, sizeof why)) : SOLID_OK;
  }
  size_t n = (size_t)model->file.items.count * model->file.config.width;
  solid_status status = sol_backend_open(model->ctx, &be);
  if (status) return status;
  status = be->ops->download(be, vectors, model->catalogue.vectors, n * sizeof *vectors);
  if (!status) status = be->ops->sync(be);
  if (status) status = sol_backend_fail(be, status);
  be->ops->close(be);
  return status;
}
