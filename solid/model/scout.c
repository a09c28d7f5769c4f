/* The catalogue in 4 bits beside its vectors, for ranking on a CPU (kernels/scout.h), or in planes, for ranking on a
 * GPU (kernels/planes.h). */
#include "kernels/scout.h"
#include "kernels/topk.h"
#include "solid/extend.h"
#include "solid/model/model_parts.h"
#include "solid/model/progress.h"
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define SAMPLE 65536 /* rows that the axes are made from */
#define COUNTS 4096  /* rows that are counted at a time, a power of two; they stay in the cache */

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

/* ---- Equal rows ---- */

/* How often a row came, at least: the newest of its slot, of which others take away as much as they came. So rows that
 * are many are found with little memory, and none is said to be more than it is. */
typedef struct row_count {
  uint64_t hash, count;
} row_count;

/* Marks of n rows from `first` on those that came so often before. */
static void mark_late(uint64_t *late, row_count *counts, const float *rows, int64_t first, int64_t n, int64_t d) {
  for (int64_t v = first; v < first + n; v++, rows += d) {
    uint64_t hash = XXH3_64bits(rows, (size_t)d * sizeof *rows);
    row_count *c = &counts[hash % COUNTS];
    if (c->count && c->hash != hash) {
      c->count--;
      continue;
    }
    c->hash = hash;
    if (c->count++ >= SK_TOPK_TWINS) late[v / 64] |= UINT64_C(1) << v % 64;
  }
}

/* What a scout is made with: the items are passed twice, in their own order. */
typedef struct making {
  const sk_scout *scout;
  const source *from;
  sk_scout_spot *spots;     /* (items), of the first pass */
  sk_scout_filling filling; /* of the second */
  float *room, *work;       /* SK_SCOUT_AT_ONCE * d floats each */
  uint64_t *late;
  row_count *counts;
  sol_progress progress;
} making;

static solid_status pass_items(making *m) {
  int64_t items = m->scout->items;
  solid_status status = SOLID_OK;
  for (int64_t v = 0, n; v < items && !status; v += n) {
    const float *rows = NULL;
    n = items - v < SK_SCOUT_AT_ONCE ? items - v : SK_SCOUT_AT_ONCE;
    status = take(m->from, v, n, m->scout->d, m->room, &rows);
    if (!status && m->spots) sk_scout_spots(m->scout, rows, v, n, m->spots + v, m->work);
    if (!status && !m->spots) sk_scout_put(m->scout, &m->filling, rows, v, n, m->work);
    if (!status && !m->spots) mark_late(m->late, m->counts, rows, v, n, m->scout->d);
    sol_progress_add(&m->progress, (double)n);
  }
  return status;
}

/* Finds the order of the items. */
static solid_status order(making *m) {
  m->spots = malloc((size_t)m->scout->items * sizeof *m->spots);
  if (!m->spots) return solid_fail(SOLID_ENOMEM, "out of memory: the order of %d items", m->scout->items);
  solid_status status = pass_items(m);
  if (!status) sk_scout_order(m->scout, m->spots);
  free(m->spots);
  m->spots = NULL;
  return status;
}

static solid_status put(making *m) {
  sk_scout_filling *f = &m->filling;
  solid_status status = SOLID_OK;
  f->place = malloc((size_t)m->scout->items * sizeof *f->place);
  f->sums = malloc((size_t)sk_scout_groups(m->scout) * SK_SCOUT_CELL * sizeof *f->sums);
  if (!f->place || !f->sums) status = solid_fail(SOLID_ENOMEM, "out of memory: places of %d items", m->scout->items);
  if (!status) sk_scout_begin(m->scout, f);
  if (!status) status = pass_items(m);
  if (!status) sk_scout_end(m->scout, f);
  free(f->place);
  free(f->sums);
  return status;
}

static solid_status fill(const sk_scout *scout, const source *from, const solid_context *ctx, uint64_t *late) {
  size_t floats = SK_SCOUT_AT_ONCE * (size_t)scout->d;
  making m = {.scout = scout, .from = from, .room = malloc(2 * floats * sizeof *m.room), .late = late};
  m.counts = calloc(COUNTS, sizeof *m.counts);
  if (!m.room || !m.counts) {
    free(m.room);
    free(m.counts);
    return solid_fail(SOLID_ENOMEM, "out of memory: rows of %d items", scout->items);
  }
  m.work = m.room + floats;
  m.progress = sol_progress_start(ctx, "model: order and bounds of its items", "items", 2.0 * scout->items);
  solid_status status = order(&m);
  if (!status) status = put(&m);
  free(m.room);
  free(m.counts);
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
  model->late_items = calloc(((size_t)model->file.config.items + 63) / 64, sizeof *model->late_items);
  if (!model->late_items) status = solid_fail(SOLID_ENOMEM, "out of memory: equal rows of %d items", items);
  if (!status) status = fill(&scout, &from, model->ctx, model->late_items);
  if (!status) model->scout = scout;
  return status;
}
