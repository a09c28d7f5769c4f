/* Steps that leave a record as pages, and their items, which go to what was ever taken. */
#include "solid/extend.h"
#include "store/record/head.h"
#include "store/record/page.h"
#include "store/record/port.h"
#include "store/redis/redis_parts.h"
#include <string.h>

enum { PAGE = SOLID_PAGE_STEPS };

typedef sol_redis_batch batch;
typedef sol_history_note note;

static solid_status keep_full(sol_redis_store *store, note *of, const redisReply *full) {
  size_t n = (size_t)full->len / SOL_STEP_SIZE, bytes = store->full_room * sizeof *store->full;
  solid_status status = sol_redis_grow(&store->full, &bytes, (store->n_full + n) * sizeof *store->full, "pages");
  if (status) return status;
  store->full_room = bytes / sizeof *store->full;
  of->full_at = store->n_full;
  of->n_full = n;
  sol_steps_decode((const uint8_t *)full->str, n, store->full + store->n_full);
  store->n_full += n;
  return SOLID_OK;
}

int sol_redis_take_full(batch *b, size_t i, const redisReply *full, uint64_t first, int renew, solid_status *status) {
  note *of = &b->store->notes[i];
  if (full->len % SOL_STEP_SIZE || first > b->windows[i].seq) return 0;
  of->first = first;
  of->renew = renew;
  if (full->len) *status = keep_full(b->store, of, full);
  return 1;
}

solid_status sol_redis_reserve_full(sol_redis_store *store, size_t n) {
  size_t most = 0;
  for (size_t i = 0; i < n; i++) most = store->notes[i].n_full > most ? store->notes[i].n_full : most;
  size_t pages = most / PAGE + 2;
  return sol_redis_grow(&store->blob, &store->blob_room, pages * (8 + SOL_PAGE_SIZE_MAX) + 8 * most + 8, "pages");
}

/* Pages of the steps, and behind them their items, into the blob. Returns the bytes of the pages; *n receives how many
 * items there are. */
static size_t pack_full(batch *b, size_t i, uint64_t first, size_t *n) {
  sol_redis_store *store = b->store;
  const note *of = &store->notes[i];
  const solid_step *steps = store->full + of->full_at;
  uint8_t *out = store->blob;
  for (size_t at = 0; at < of->n_full;) {
    uint32_t number = (uint32_t)((first + at) / PAGE), size;
    size_t count = (size_t)(((uint64_t)number + 1) * PAGE - first - at);
    size = (uint32_t)sol_page_encode(b->windows[i].birth, first + at, steps + at, count, out + 8);
    memcpy(out, &number, 4);
    memcpy(out + 4, &size, 4);
    out += 8 + size;
    at += count;
  }
  size_t size = (size_t)(out - store->blob);
  uint64_t *items = (uint64_t *)(void *)(store->blob + (size + 7) / 8 * 8);
  for (size_t k = 0; k < of->n_full; k++) items[k] = steps[k].item;
  *n = sol_seen_sort(items, of->n_full);
  return size;
}

void sol_redis_make_full(batch *b, size_t i) {
  sol_redis_store *store = b->store;
  const note *of = &store->notes[i];
  const solid_window *window = &b->windows[i];
  uint64_t first = of->first, seq = window->seq;
  uint32_t kept = sol_port_has_pages(store->base.history) ? store->base.history : SOLID_HISTORY_MAX;
  size_t n, size = pack_full(b, i, first, &n);
  sol_command *cmd = &b->cmd;
  sol_redis_begin_script(cmd, SOL_SCRIPT_PUT_PAGES);
  sol_command_part(cmd, store->options.prefix, b->appends[i].user, SOL_KEY_PAGES);
  sol_command_bytes(cmd, &window->birth, sizeof window->birth);
  sol_command_number(cmd, 0, sol_redis_long_ttl(store));
  sol_command_number(cmd, 1, (int64_t)first);
  sol_command_number(cmd, 2, (int64_t)(first + of->n_full));
  sol_command_number(cmd, 3, seq > kept ? (int64_t)(seq - kept) : 0);
  sol_command_bytes(cmd, store->blob, size);
  sol_command_bytes(cmd, store->blob + (size + 7) / 8 * 8, 8 * n);
  sol_command_number(cmd, 4, SOLID_SEEN_MAX);
}
