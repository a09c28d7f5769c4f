/* The catalogue in 4 bits beside its vectors, for ranking on a CPU (kernels/scout.h). */
#include "kernels/scout.h"
#include "kernels/topk.h"
#include "solid/extend.h"
#include "solid/model/model_parts.h"
#include <stdlib.h>
#include <string.h>

#define SAMPLE 65536 /* rows that the axes are made from */

/* Every so many rows one, side by side. */
static solid_status turn(const sk_scout *scout, const float *vectors) {
  size_t d = (size_t)scout->d, step = ((size_t)scout->items + SAMPLE - 1) / SAMPLE, n = (size_t)scout->items / step;
  float *rows = malloc(n * d * sizeof *rows);
  double *work = malloc(2 * d * d * sizeof *work);
  solid_status status = SOLID_OK;
  if (rows && work) {
    for (size_t i = 0; i < n; i++) memcpy(rows + i * d, vectors + i * step * d, d * sizeof *rows);
    sk_scout_turn(scout, rows, (int64_t)n, work);
  } else {
    status = solid_fail(SOLID_ENOMEM, "out of memory: axes of %d items", scout->items);
  }
  free(rows);
  free(work);
  return status;
}

static solid_status fill(const sk_scout *scout, const float *vectors) {
  int64_t d = scout->d, items = scout->items;
  float *work = malloc(sizeof *work * SK_SCOUT_AT_ONCE * (size_t)d);
  if (!work) return solid_fail(SOLID_ENOMEM, "out of memory: rows of %d items", scout->items);
  for (int64_t v = 0; v < items; v += SK_SCOUT_AT_ONCE)
    sk_scout_fill(scout, vectors + v * d, v, items - v < SK_SCOUT_AT_ONCE ? items - v : SK_SCOUT_AT_ONCE, work);
  free(work);
  return SOLID_OK;
}

solid_status sol_model_make_scout(solid_model *model) {
  sk_backend *be = model->be;
  int32_t items = (int32_t)model->file.items.count, d = (int32_t)model->file.config.width;
  if (!be->ops->unified || items < SK_TOPK_LARGE || d > SK_SCOUT_MAX_D || !sk_scout_is_fast()) return SOLID_OK;
  sk_scout scout;
  solid_status status = be->ops->alloc(be, &model->scout_memory, sk_scout_bytes(d, items));
  if (status) return sol_backend_fail(be, status);
  sk_scout_bind(&scout, d, items, model->scout_memory);
  status = turn(&scout, model->catalogue.vectors);
  if (!status) status = fill(&scout, model->catalogue.vectors);
  if (!status) model->scout = scout;
  return status;
}
