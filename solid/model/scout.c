/* The catalogue in 4 bits beside its vectors, for ranking on a CPU (kernels/scout.h), or in planes, for ranking on a
 * GPU (kernels/planes.h). */
#include "kernels/scout.h"
#include "kernels/topk.h"
#include "solid/extend.h"
#include "solid/model/model_parts.h"
#include <stdlib.h>
#include <string.h>

#define SAMPLE 65536 /* rows that the axes are made from */

/* Rows of the catalogue, or where they are made. */
typedef struct source {
  const float *table;
  const sk_rows *rows;
} source;

/* n rows from `first` on, in `room` where they are made. */
static solid_status take(const source *from, int64_t first, int64_t n, int64_t d, float *room, const float **out) {
  char why[160];
  *out = from->rows ? room : from->table + first * d;
  int error = from->rows ? sk_rows_run(from->rows, SK_ROWS_WHOLE, first, n, room) : SK_ROWS_OK;
  return error ? solid_fail(SOLID_ESTALE, "%s", sk_rows_text(error, why, sizeof why)) : SOLID_OK;
}

/* Every so many rows one, side by side. */
static solid_status turn(const sk_scout *scout, const source *from) {
  size_t d = (size_t)scout->d, step = ((size_t)scout->items + SAMPLE - 1) / SAMPLE, n = (size_t)scout->items / step;
  float *rows = malloc(n * d * sizeof *rows);
  double *work = malloc(2 * d * d * sizeof *work);
  const float *row = NULL;
  solid_status status = SOLID_OK;
  if (!rows || !work) status = solid_fail(SOLID_ENOMEM, "out of memory: axes of %d items", scout->items);
  for (size_t i = 0; i < n && !status; i++) {
    status = take(from, (int64_t)(i * step), 1, (int64_t)d, rows + i * d, &row);
    if (row != rows + i * d) memcpy(rows + i * d, row, d * sizeof *rows);
  }
  if (!status) sk_scout_turn(scout, rows, (int64_t)n, work);
  free(rows);
  free(work);
  return status;
}

/* The rows of n items, side by side. */
static solid_status collect(const source *from, const int32_t *item, int64_t n, int64_t d, float *room) {
  char why[160];
  if (!from->rows)
    for (int64_t i = 0; i < n; i++) memcpy(room + i * d, from->table + item[i] * d, (size_t)d * sizeof *room);
  int error = from->rows ? sk_rows_read(from->rows, SK_ROWS_WHOLE, n, item, room) : SK_ROWS_OK;
  return error ? solid_fail(SOLID_ESTALE, "%s", sk_rows_text(error, why, sizeof why)) : SOLID_OK;
}

/* Finds the order of the items; room and work: SK_SCOUT_AT_ONCE * d floats. */
static solid_status order(const sk_scout *scout, const source *from, float *room, float *work) {
  int64_t items = scout->items;
  sk_scout_spot *spots = malloc((size_t)items * sizeof *spots);
  if (!spots) return solid_fail(SOLID_ENOMEM, "out of memory: the order of %d items", scout->items);
  solid_status status = SOLID_OK;
  for (int64_t v = 0, n; v < items && !status; v += n) {
    const float *rows;
    n = items - v < SK_SCOUT_AT_ONCE ? items - v : SK_SCOUT_AT_ONCE;
    status = take(from, v, n, scout->d, room, &rows);
    if (!status) sk_scout_spots(scout, rows, v, n, spots + v, work);
  }
  if (!status) sk_scout_order(scout, spots);
  free(spots);
  return status;
}

static solid_status fill(const sk_scout *scout, const source *from) {
  int64_t d = scout->d, items = scout->items;
  float *work = malloc(sizeof *work * SK_SCOUT_AT_ONCE * 2 * (size_t)d);
  if (!work) return solid_fail(SOLID_ENOMEM, "out of memory: rows of %d items", scout->items);
  float *rows = work + SK_SCOUT_AT_ONCE * d;
  solid_status status = order(scout, from, rows, work);
  for (int64_t v = 0, n; v < items && !status; v += n) {
    n = items - v < SK_SCOUT_AT_ONCE ? items - v : SK_SCOUT_AT_ONCE;
    status = collect(from, scout->item + v, n, d, rows);
    if (!status) sk_scout_fill(scout, rows, v, n, work);
  }
  free(work);
  return status;
}

/* ---- Planes ---- */

size_t sol_model_planes_bytes(const solid_model *model) {
  const sol_config *config = &model->file.config;
  sk_planes planes;
  if (model->be->ops->unified || config->items < SK_TOPK_LARGE || config->width > SK_PLANES_MAX_D) return 0;
  return sk_planes_bind(&planes, (int32_t)config->width, (int32_t)config->items, NULL);
}

static solid_status fill_planes(const solid_model *model, int32_t first, int32_t n) {
  sk_backend *be = model->be;
  const sk_planes_args a = {first, n, model->catalogue.vectors, model->planes};
  solid_status status = be->ops->planes(be, &a), waited = be->ops->sync(be);
  if (!status) status = waited;
  return status ? sol_backend_fail(be, status) : SOLID_OK;
}

static solid_status make_planes(solid_model *model) {
  sk_backend *be = model->be;
  const sol_config *config = &model->file.config;
  size_t bytes = sol_model_planes_bytes(model);
  if (!bytes) return SOLID_OK;
  solid_status status = be->ops->alloc(be, &model->scout_memory, bytes);
  if (status) return sol_backend_fail(be, status);
  sk_planes_bind(&model->planes, (int32_t)config->width, (int32_t)config->items, model->scout_memory);
  return fill_planes(model, 0, (int32_t)config->items);
}

solid_status sol_model_refill(const solid_model *model, uint32_t item) {
  if (!model->planes.items) return SOLID_OK;
  int32_t size = sk_planes_block(model->planes.d), first = (int32_t)item / size * size,
          left = model->planes.items - first;
  return fill_planes(model, first, left < size ? left : size);
}

/* ---- Scout ---- */

solid_status sol_model_make_scout(solid_model *model) {
  sk_backend *be = model->be;
  int32_t items = (int32_t)model->file.items.count, d = (int32_t)model->file.config.width;
  if (!be->ops->unified) return make_planes(model);
  if (items < SK_TOPK_LARGE || d > SK_SCOUT_MAX_D || !sk_scout_is_fast()) return SOLID_OK;
  sk_scout scout;
  solid_status status = be->ops->alloc(be, &model->scout_memory, sk_scout_bytes(d, items));
  if (status) return sol_backend_fail(be, status);
  sk_scout_bind(&scout, d, items, model->scout_memory);
  const source from = {model->catalogue.vectors, model->catalogue.rows};
  status = turn(&scout, &from);
  if (!status) status = fill(&scout, &from);
  if (!status) model->scout = scout;
  return status;
}
