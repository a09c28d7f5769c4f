/* Histories in pages. A full page leaves a record in two steps, each a command of one key: it is written, and once that
 * is acknowledged its steps are taken out of the record. Whoever is killed between leaves them in both, and the next
 * append writes the page again. */
#include "solid/extend.h"
#include "store/record/head.h"
#include "store/record/page.h"
#include "store/record/port.h"
#include "store/redis/redis_parts.h"
#include <stdlib.h>
#include <string.h>

enum { PAGE = SOLID_PAGE_STEPS };

typedef sol_redis_batch batch;
typedef sol_history_note note;

solid_status sol_redis_begin_notes(sol_redis_store *store, size_t n) {
  store->n_full = 0;
  if (n > store->notes_room) {
    size_t room = n + n / 2;
    note *notes = realloc(store->notes, room * sizeof *notes);
    if (notes) store->notes = notes;
    size_t *list = notes ? realloc(store->list, room * sizeof *list) : NULL;
    if (!list) return solid_fail(SOLID_ENOMEM, "redis store: batch of %zu users", n);
    store->list = list;
    store->notes_room = room;
  }
  memset(store->notes, 0, n * sizeof *store->notes);
  return SOLID_OK;
}

/* A record is used at least once in its time to live, jitter included; what lies beside it is renewed with the first
 * use after half of that time, and must outlive a renewal that was lost on the way. */
int64_t sol_redis_long_ttl(const sol_redis_store *store) {
  return store->options.ttl_ms / 100 * (100 + store->options.jitter_percent) * 3 + (store->options.ttl_ms ? 1 : 0);
}

/* ---- What a record says ---- */

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

void sol_redis_empty(solid_window *window) {
  solid_window asked = *window;
  *window = (solid_window){.steps = asked.steps,
                           .dislikes = asked.dislikes,
                           .most = asked.most,
                           .take_seen = asked.take_seen,
                           .seen_user = asked.seen_user,
                           .state = asked.state};
}

/* The record's steps that are older than those that are asked for. */
static void give_older(const solid_window *window, const uint8_t *steps, size_t n) {
  uint64_t items[64];
  for (size_t i = 0; i < n;) {
    size_t m = 0;
    for (; m < 64 && i < n; m++, i++) memcpy(&items[m], steps + SOL_STEP_SIZE * i, sizeof *items);
    window->take_seen(window->seen_user, items, m);
  }
}

int sol_redis_take_record(batch *b, size_t i, const void *history, const redisReply *steps, uint64_t seq) {
  solid_window *window = &b->windows[i];
  note *of = &b->store->notes[i];
  if (steps->type != REDIS_REPLY_STRING) return 0;
  size_t n = (size_t)steps->len / SOL_STEP_SIZE, most = sol_port_most(&b->store->base, window);
  if (n > seq) return 0;
  size_t older = n > most ? n - most : 0;
  sol_steps_decode((const uint8_t *)steps->str + SOL_STEP_SIZE * older, n - older, window->steps);
  window->count = n - older;
  window->seq = seq;
  window->seen_since = of->begun = of->first = seq - n;
  if (window->take_seen && older) give_older(window, (const uint8_t *)steps->str, older);
  of->is_read = 1;
  if (!history) return 1;
  memcpy(&window->birth, history, 8);
  memcpy(&of->begun, (const char *)history + 16, 8);
  of->needs_pages = window->count < most && of->begun < of->first;
  of->needs_seen = window->take_seen && of->begun < of->first;
  return 1;
}

int sol_redis_take_full(batch *b, size_t i, const redisReply *full, uint64_t first, int renew, solid_status *status) {
  note *of = &b->store->notes[i];
  if (full->len % SOL_STEP_SIZE || first > b->windows[i].seq) return 0;
  of->first = first;
  of->renew = renew;
  if (full->len) *status = keep_full(b->store, of, full);
  return 1;
}

/* ---- Pages out ---- */

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

static void make_full(batch *b, size_t i) {
  sol_redis_store *store = b->store;
  const note *of = &store->notes[i];
  const solid_window *window = &b->windows[i];
  uint64_t first = of->first, seq = window->seq;
  uint32_t kept = sol_port_has_pages(store->base.history) ? store->base.history : SOLID_HISTORY_MAX;
  size_t n, size = pack_full(b, i, first, &n);
  sol_command *cmd = &b->cmd;
  sol_redis_begin_script(cmd, SOL_SCRIPT_PUT_PAGES);
  sol_command_part(cmd, store->options.prefix, sol_redis_user_of(b, i), SOL_KEY_PAGES);
  sol_command_bytes(cmd, &window->birth, sizeof window->birth);
  sol_command_number(cmd, 0, sol_redis_long_ttl(store));
  sol_command_number(cmd, 1, (int64_t)first);
  sol_command_number(cmd, 2, (int64_t)(first + of->n_full));
  sol_command_number(cmd, 3, seq > kept ? (int64_t)(seq - kept) : 0);
  sol_command_bytes(cmd, store->blob, size);
  sol_command_bytes(cmd, store->blob + (size + 7) / 8 * 8, 8 * n);
  sol_command_number(cmd, 4, SOLID_SEEN_MAX);
}

/* What lies beside the record: pages are written, or they get their lifetime, or go. */
static void make_beside(batch *b, size_t i) {
  const note *of = &b->store->notes[i];
  sol_command *cmd = &b->cmd;
  int is_pages = b->kind == 0;
  if (is_pages && of->n_full) {
    make_full(b, i);
    return;
  }
  if (!of->clear && !of->renew) return;
  sol_command_text(cmd, of->clear ? "UNLINK" : "PEXPIRE");
  sol_command_part(cmd, b->store->options.prefix, sol_redis_user_of(b, i), is_pages ? SOL_KEY_PAGES : SOL_KEY_STATE);
  if (!of->clear) sol_command_number(cmd, 0, sol_redis_long_ttl(b->store));
}

static solid_status take_beside(batch *b, sol_redis_conn *conn, size_t i, const redisReply *reply) {
  note *of = &b->store->notes[i];
  solid_status status = sol_redis_judge_user(b, conn, i, sol_redis_user_of(b, i), reply);
  if (status) return status;
  if (b->statuses[i]) of->n_full = 0; /* what lies under the name of the pages is not ours */
  if (b->kind == 0 && of->n_full) {
    int is_damaged = reply->type == REDIS_REPLY_ARRAY && reply->elements == 2;
    int is_lost = is_damaged && reply->element[1]->integer == 2;
    const redisReply *dropped = is_damaged ? reply->element[0] : reply;
    if (dropped->type != REDIS_REPLY_INTEGER) return sol_redis_out_of_step(conn);
    b->store->dropped += (uint64_t)dropped->integer;
    if (is_damaged)
      sol_redis_tell_damaged(b->store, conn, sol_redis_user_of(b, i), is_lost ? "history" : SOL_SEEN_DAMAGED,
                             ": begun anew with these pages");
  }
  sol_redis_wrote(conn);
  return SOLID_OK;
}

/* The record without what is in pages; and pages that are needed. */
static void make_rest(batch *b, size_t i) {
  const note *of = &b->store->notes[i];
  sol_command *cmd = &b->cmd;
  if (b->kind == 0 && of->n_full) {
    sol_redis_begin_script(cmd, SOL_SCRIPT_SETTLE);
    sol_command_key(cmd, b->store->options.prefix, sol_redis_user_of(b, i));
    sol_command_bytes(cmd, &b->windows[i].birth, 8);
    sol_command_number(cmd, 0, (int64_t)(of->first + of->n_full));
    return;
  }
  int is_first = b->kind == 0 || (b->kind == 1 && of->n_full);
  if (is_first && (of->needs_pages || of->needs_seen)) sol_redis_make_needed(b, i);
  if (b->kind == 2 && of->needs_seen) sol_redis_make_seen(b, i);
}

static solid_status take_rest(batch *b, sol_redis_conn *conn, size_t i, const redisReply *reply) {
  if (b->kind == 2) return sol_redis_take_seen(b, conn, i, reply);
  if (b->kind != 0 || !b->store->notes[i].n_full) return sol_redis_take_pages(b, conn, i, reply);
  solid_status status = sol_redis_judge_user(b, conn, i, sol_redis_user_of(b, i), reply);
  if (!status) sol_redis_wrote(conn);
  return status;
}

/* ---- What is left after the first exchange ---- */

static size_t list_users(batch *b, size_t n, int is_beside) {
  sol_redis_store *store = b->store;
  size_t m = 0;
  for (size_t i = 0; i < n; i++) {
    const note *of = &store->notes[i];
    int is_due = is_beside ? of->n_full || of->renew || of->clear : of->n_full || of->needs_pages || of->needs_seen;
    if (is_due && !b->statuses[i]) store->list[m++] = i;
  }
  b->list = store->list;
  b->kinds = is_beside ? 2 : 3;
  return m;
}

static solid_status reserve_blob(sol_redis_store *store, size_t n) {
  size_t most = 0;
  for (size_t i = 0; i < n; i++) most = store->notes[i].n_full > most ? store->notes[i].n_full : most;
  size_t pages = most / PAGE + 2;
  return sol_redis_grow(&store->blob, &store->blob_room, pages * (8 + SOL_PAGE_SIZE_MAX) + 8 * most + 8, "pages");
}

/* What is needed and is not there: the window begins behind a page, what was taken is known from the record on. Who
 * went meanwhile is nobody. */
static void cut_windows(batch *b, size_t n) {
  sol_redis_conn *conn = &b->store->cluster.nodes[0]->conn;
  for (size_t i = 0; i < n; i++) {
    const note *of = &b->store->notes[i];
    if (of->is_gone) {
      sol_redis_empty(&b->windows[i]);
      if (b->found) b->found[i] = 0;
    }
    if (b->statuses[i]) continue;
    if (of->needs_seen)
      sol_redis_tell_damaged(b->store, conn, sol_redis_user_of(b, i), SOL_SEEN_DAMAGED,
                             ": known since the first step of the record, until the next page is written");
    if (!of->needs_pages) continue;
    b->windows[i].is_cut = 1;
    sol_redis_tell_damaged(b->store, conn, sol_redis_user_of(b, i), "history",
                           ": pages are missing, the window begins behind them");
  }
}

solid_status sol_redis_follow(batch *b, size_t n) {
  solid_status status = SOLID_OK;
  for (int is_beside = 1; is_beside >= 0 && !status; is_beside--) {
    size_t m = list_users(b, n, is_beside);
    if (m && is_beside) status = reserve_blob(b->store, n);
    if (m && !status)
      status = sol_redis_run(b, m, is_beside ? make_beside : make_rest, is_beside ? take_beside : take_rest);
  }
  if (!status) cut_windows(b, n);
  return status;
}
