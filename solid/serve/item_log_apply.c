/* What the log says, to a model. */
#include "solid/base/clock.h"
#include "solid/extend.h"
#include "solid/model/join.h"
#include "solid/serve/follow.h"
#include "solid/serve/item_log_parts.h"

enum { PAUSE_NS = 20000 }; /* between pieces: a question that waits for the locks gets them */

/* Brings one item of the model to the newest word about it, where that is what entry `number` says. */
static solid_status apply_entry(const solid_item_log *log, const solid_model *model, uint64_t number) {
  sol_growth *g = model->growth;
  uint32_t at = log->order[number - 1];
  if (at == SOL_NO_NUMBER) return SOLID_OK;
  const sol_log_item *item = &log->items[at];
  uint32_t trained = sol_id_index_by_hash(&model->items, item->hash);
  if (trained != SOLID_NO_ITEM) {
    sol_growth_remove(g, trained, item->is_removed);
    sol_growth_close(g, trained, item->is_hidden || item->is_removed);
    return SOLID_OK;
  }
  if (item->number == number) {
    solid_status status = sol_model_join(model, &item->entry, number);
    if (status) return status == SOLID_ENOTFOUND ? SOLID_OK : status;
  }
  uint32_t row = sol_growth_find(g, item->hash);
  if (row == SOLID_NO_ITEM) return SOLID_OK;
  if (item->is_removed) sol_growth_leave(g, row);
  sol_growth_close(g, row, item->is_hidden || item->is_removed);
  return SOLID_OK;
}

/* Up to `most` entries, under both locks; *left is how many are left. */
static solid_status apply_piece(solid_item_log *log, const solid_model *model, size_t most, uint64_t *left) {
  sol_growth *g = model->growth;
  pthread_mutex_lock(&log->lock);
  pthread_mutex_lock(&g->lock);
  uint64_t applied = atomic_load(&g->applied);
  if (applied && (applied > log->version.count || memcmp(g->log, log->version.log, sizeof g->log))) {
    sol_growth_reset(g);
    applied = 0;
  }
  memcpy(g->log, log->version.log, sizeof g->log);
  solid_status status = SOLID_OK;
  for (; applied < log->version.count && most && !status; most--) {
    status = apply_entry(log, model, applied + 1);
    if (!status) atomic_store_explicit(&g->applied, ++applied, memory_order_release);
  }
  *left = log->version.count - applied;
  pthread_mutex_unlock(&g->lock);
  pthread_mutex_unlock(&log->lock);
  return status;
}

solid_status solid_item_log_apply(solid_item_log *log, const solid_model *model, size_t most, uint64_t *left) {
  uint64_t lacks = 0;
  if (left) *left = 0;
  if (!log || !model) return solid_fail(SOLID_EINVAL, "item log: log or model is NULL");
  if (!model->growth) return solid_fail(SOLID_EUNSUPPORTED, "item log: the model was not loaded to grow");
  solid_status status = SOLID_OK;
  do {
    size_t piece = most < SOL_ITEMS_A_QUESTION ? most : SOL_ITEMS_A_QUESTION;
    status = apply_piece(log, model, piece, &lacks);
    most -= piece;
    if (!status && lacks && most) sol_sleep_ns(PAUSE_NS);
  } while (!status && lacks && most);
  if (left) *left = lacks;
  return status;
}

/* 1 unless both say the same; all logs without entries do. */
static int differ(const solid_items_version *a, const solid_items_version *b) {
  return a->count != b->count || (a->count && memcmp(a->log, b->log, sizeof a->log) != 0);
}

int sol_follow(sol_follower *follower, solid_item_log *log, solid_store *store, const solid_model *model) {
  uint64_t left = 0;
  int more = 0;
  if (!log || !model->growth) return 0;
  solid_items_version told = store->items, before = follower->seen;
  if (!differ(&told, &before) && !follower->is_behind) return 0;
  uint64_t applied = sol_model_applied(model);
  solid_status status = sol_item_log_knows(log, &told) ? SOLID_OK : sol_item_log_read_piece(log, store, &told, &more);
  if (!status) status = solid_item_log_apply(log, model, SOL_ITEMS_A_QUESTION, &left);
  int is_final = status && status != SOLID_EFULL && !solid_status_is_retriable(status);
  if (is_final && !follower->is_told)
    sol_log(log->ctx, SOLID_LOG_WARN, "item log: %s: items that come or go are not noticed", solid_last_error());
  follower->is_told = is_final;
  if (status && status != SOLID_EFULL) return 0;
  follower->seen = told;
  follower->is_behind = more || (left > 0 && !status);
  int is_another = before.count && memcmp(before.log, told.log, sizeof told.log) != 0;
  return is_another || sol_model_applied(model) != applied;
}

int sol_catch_up(solid_item_log *log, const solid_model *model) {
  if (!log || !model->growth) return 0;
  uint64_t before = sol_model_applied(model);
  if (atomic_load(&log->entries) == before) return 0; /* who needs no store does not wait for one */
  (void)(solid_item_log_apply(log, model, SOL_ITEMS_A_QUESTION, NULL) == SOLID_OK);
  return sol_model_applied(model) != before;
}
