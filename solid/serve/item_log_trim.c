/* The store's log loses what says nothing any more. The numbers of the other entries stay, and whoever has read the log
 * as far as some of those that go, or not yet as far, comes to the same state by those that stay (take_word in
 * item_log.c).
 */
#include "solid/extend.h"
#include "solid/model/context.h"
#include "solid/serve/item_log_parts.h"
#include <stdlib.h>

enum { TRIM_LEAST = 1024 };

/* Under the lock. Returns how many there are. */
static size_t list_superseded(const solid_item_log *log, uint64_t *numbers) {
  size_t n = 0;
  for (uint64_t number = 1; number <= log->version.count; number++) {
    uint32_t at = log->order[number - 1];
    if (at == SOL_NO_NUMBER) continue;
    const sol_log_item *item = &log->items[at];
    if (number != item->number && number != item->shown && number != item->removed) numbers[n++] = number;
  }
  return n;
}

/* They are passed over by models that have not come to them yet. */
static void note_dropped(solid_item_log *log, const solid_items_version *seen, const uint64_t *numbers, size_t n) {
  pthread_mutex_lock(&log->lock);
  if (!memcmp(log->version.log, seen->log, sizeof seen->log) && log->version.count >= seen->count) {
    for (size_t i = 0; i < n; i++) log->order[numbers[i] - 1] = SOL_NO_NUMBER;
    log->superseded -= n < log->superseded ? n : log->superseded;
    log->trim_from = 0;
  }
  pthread_mutex_unlock(&log->lock);
}

static int is_due(const solid_item_log *log) {
  return log->superseded >= TRIM_LEAST && log->superseded > log->counting && log->superseded >= log->trim_from;
}

void sol_item_log_trim(solid_item_log *log, solid_store *store) {
  uint64_t *numbers = NULL;
  solid_items_version seen = {.count = 0};
  size_t n = 0;
  int dropped = 0;
  if (!store->ops->items_drop) return;
  pthread_mutex_lock(&log->lock);
  if (is_due(log)) {
    seen = log->version;
    log->trim_from = log->superseded + TRIM_LEAST;
    numbers = malloc((size_t)log->version.count * sizeof *numbers);
    if (numbers) n = list_superseded(log, numbers);
  }
  pthread_mutex_unlock(&log->lock);
  if (n && store->ops->items_drop(store, &seen, numbers, n, &dropped)) {
    dropped = 0;
    sol_log(log->ctx, SOLID_LOG_WARN, "item log: %zu entries that say nothing any more are not dropped yet: %s", n,
            solid_last_error());
  }
  if (dropped) {
    note_dropped(log, &seen, numbers, n);
    sol_log(log->ctx, SOLID_LOG_INFO, "item log: %zu of %llu entries are dropped, which say nothing any more", n,
            (unsigned long long)seen.count);
  }
  free(numbers);
}
