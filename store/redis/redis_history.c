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

enum { PAGE = SOLID_PAGE_STEPS, META = 32 };

typedef sol_redis_batch batch;
typedef sol_history_note note;

/* What stands in the field m of pages. */
typedef struct meta {
  uint64_t birth, first, behind, since;
} meta;

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

static solid_bytes user_of(const batch *b, size_t i) {
  return b->appends ? b->appends[i].user : b->users[i];
}

static uint64_t smaller(uint64_t a, uint64_t b) {
  return a < b ? a : b;
}

/* ---- What a record says ---- */

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

/* ---- Pages in ---- */

int sol_redis_asks_more(const batch *b, size_t n) {
  if (!sol_port_has_pages(b->store->base.history)) return 0;
  for (size_t i = 0; i < n; i++) {
    const solid_window *window = &b->windows[i];
    if (sol_port_most(&b->store->base, window) > sol_port_tail(&b->store->base)) return 1;
  }
  return 0;
}

/* Asks for pages `from` .. `to`; both below 0: counted from behind the newest. */
static void ask_pages(batch *b, size_t i, int64_t from, int64_t to) {
  sol_redis_store *store = b->store;
  sol_command *cmd = &b->cmd;
  sol_redis_begin_script(cmd, SOL_SCRIPT_GET_PAGES);
  sol_command_part(cmd, store->options.prefix, user_of(b, i), SOL_KEY_PAGES);
  sol_command_number(cmd, 0, from);
  sol_command_number(cmd, 1, to);
  sol_command_number(cmd, 2, sol_redis_long_ttl(store));
  sol_command_text(cmd, b->windows[i].take_seen ? "1" : "0");
  sol_command_number(cmd, 3, SOL_PAGE_SIZE_MAX);
  sol_command_number(cmd, 4, 8 * SOLID_SEEN_MAX);
}

/* Before the record is known: as many pages as a window may need. */
void sol_redis_make_pages(batch *b, size_t i) {
  const solid_window *window = &b->windows[i];
  uint32_t most = sol_port_most(&b->store->base, window), tail = sol_port_tail(&b->store->base);
  if (most > tail) ask_pages(b, i, -(int64_t)((most - tail + PAGE - 1) / PAGE), -1);
}

static void ask_needed(batch *b, size_t i) {
  const note *of = &b->store->notes[i];
  const solid_window *window = &b->windows[i];
  uint64_t first = window->seq - window->count; /* of the steps that are read */
  uint64_t older = smaller(sol_port_most(&b->store->base, window) - window->count, first - of->begun);
  if (of->needs_pages)
    ask_pages(b, i, (int64_t)((first - older) / PAGE), (int64_t)((first - 1) / PAGE));
  else
    ask_pages(b, i, 1, 0);
}

/* Puts `older` steps, as far as the pages of the reply have them, before those that are read. Returns how many are
 * missing. */
static uint64_t join(solid_window *window, uint64_t older, const redisReply *reply) {
  solid_step page[PAGE];
  uint64_t first = window->seq - window->count, left = older, begin;
  int64_t from = reply->element[2]->integer;
  memmove(window->steps + older, window->steps, window->count * sizeof *window->steps);
  while (left) {
    int64_t number = (int64_t)((first - 1) / PAGE), at = number - from + 3;
    if (at < 3 || at >= (int64_t)reply->elements || reply->element[at]->type != REDIS_REPLY_STRING) break;
    const redisReply *bytes = reply->element[at];
    if (!sol_page_decode((const uint8_t *)bytes->str, (size_t)bytes->len, window->birth, (uint64_t)number, page,
                         &begin))
      break;
    if (begin >= first) break;
    size_t n = (size_t)smaller(first - begin, left);
    memcpy(window->steps + left - n, page + (first - begin - n), n * sizeof *page);
    left -= n;
    first -= n;
  }
  memmove(window->steps, window->steps + left, (size_t)(older - left + window->count) * sizeof *window->steps);
  window->count += (size_t)(older - left);
  return left;
}

/* 0: none, or of another history. */
static int read_meta(const redisReply *reply, uint64_t birth, meta *out) {
  if (!reply->elements || reply->element[0]->len != META) return 0;
  memcpy(out, reply->element[0]->str, META);
  return out->birth == birth && out->first <= out->behind && out->since <= out->behind;
}

/* What was ever taken. Where pages behind those of the set are gone, it is known since the record's first step. */
static void give_seen(solid_window *window, const note *of, const meta *m, const redisReply *set) {
  size_t n = (size_t)set->len / 8;
  if (m->behind < of->first || (m->behind > m->since && !n)) return;
  window->seen_since = m->since;
  for (size_t i = 0; i < n;) {
    uint64_t items[PAGE];
    size_t k = n - i < PAGE ? n - i : PAGE;
    memcpy(items, set->str + 8 * i, 8 * k);
    window->take_seen(window->seen_user, items, k);
    i += k;
  }
}

/* What is missing stays needed. */
solid_status sol_redis_take_pages(batch *b, sol_redis_conn *conn, size_t i, const redisReply *reply) {
  note *of = &b->store->notes[i];
  solid_window *window = &b->windows[i];
  meta m;
  solid_status status = b->statuses[i] ? SOLID_OK : sol_redis_judge_user(b, conn, i, user_of(b, i), reply);
  if (status || b->statuses[i]) return status;
  if (reply->type != REDIS_REPLY_ARRAY ||
      (reply->elements &&
       (reply->elements < 3 || reply->element[0]->type != REDIS_REPLY_STRING ||
        reply->element[1]->type != REDIS_REPLY_STRING || reply->element[2]->type != REDIS_REPLY_INTEGER)))
    return sol_redis_out_of_step(conn);
  if (!of->is_read || !read_meta(reply, window->birth, &m)) return SOLID_OK;
  if (of->needs_seen) {
    give_seen(window, of, &m, reply->element[1]);
    of->needs_seen = 0;
  }
  if (!of->needs_pages) return SOLID_OK;
  uint64_t first = window->seq - window->count, begun = m.first > of->begun ? m.first : of->begun;
  uint64_t older = begun < first ? smaller(sol_port_most(&b->store->base, window) - window->count, first - begun) : 0;
  of->needs_pages = join(window, older, reply) > 0;
  return SOLID_OK;
}

/* ---- What lies beside the record ---- */

/* What lies beside the record: pages are written, or they get their lifetime, or go. */
static void make_beside(batch *b, size_t i) {
  const note *of = &b->store->notes[i];
  sol_command *cmd = &b->cmd;
  int is_pages = b->kind == 0;
  if (is_pages && of->n_full) {
    sol_redis_make_full(b, i);
    return;
  }
  if (!of->clear && !of->renew) return;
  sol_command_text(cmd, of->clear ? "UNLINK" : "PEXPIRE");
  sol_command_part(cmd, b->store->options.prefix, user_of(b, i), is_pages ? SOL_KEY_PAGES : SOL_KEY_STATE);
  if (!of->clear) sol_command_number(cmd, 0, sol_redis_long_ttl(b->store));
}

static solid_status take_beside(batch *b, sol_redis_conn *conn, size_t i, const redisReply *reply) {
  note *of = &b->store->notes[i];
  solid_status status = sol_redis_judge_user(b, conn, i, user_of(b, i), reply);
  if (status) return status;
  if (b->statuses[i]) of->n_full = 0; /* what lies under the name of the pages is not ours */
  if (b->kind == 0 && of->n_full && reply->type == REDIS_REPLY_INTEGER) b->store->dropped += (uint64_t)reply->integer;
  sol_redis_wrote(conn);
  return SOLID_OK;
}

/* The record without what is in pages; and pages that are needed. */
static void make_rest(batch *b, size_t i) {
  const note *of = &b->store->notes[i];
  sol_command *cmd = &b->cmd;
  if (b->kind == 0 && of->n_full) {
    sol_redis_begin_script(cmd, SOL_SCRIPT_SETTLE);
    sol_command_key(cmd, b->store->options.prefix, user_of(b, i));
    sol_command_bytes(cmd, &b->windows[i].birth, 8);
    sol_command_number(cmd, 0, (int64_t)(of->first + of->n_full));
    return;
  }
  int is_first = b->kind == 0 || of->n_full;
  if (is_first && (of->needs_pages || of->needs_seen)) ask_needed(b, i);
}

static solid_status take_rest(batch *b, sol_redis_conn *conn, size_t i, const redisReply *reply) {
  if (b->kind != 0 || !b->store->notes[i].n_full) return sol_redis_take_pages(b, conn, i, reply);
  solid_status status = sol_redis_judge_user(b, conn, i, user_of(b, i), reply);
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
  b->kinds = 2;
  return m;
}

/* A page that is needed and is not there: the window begins behind it. */
static void cut_windows(batch *b, size_t n) {
  for (size_t i = 0; i < n; i++) {
    if (!b->store->notes[i].needs_pages || b->statuses[i]) continue;
    b->windows[i].is_cut = 1;
    sol_redis_tell_damaged(b->store, &b->store->cluster.nodes[0]->conn, user_of(b, i), "history",
                           ": pages are missing, the window begins behind them");
  }
}

solid_status sol_redis_follow(batch *b, size_t n) {
  solid_status status = SOLID_OK;
  for (int is_beside = 1; is_beside >= 0 && !status; is_beside--) {
    size_t m = list_users(b, n, is_beside);
    if (m && is_beside) status = sol_redis_reserve_full(b->store, n);
    if (m && !status)
      status = sol_redis_run(b, m, is_beside ? make_beside : make_rest, is_beside ? take_beside : take_rest);
  }
  if (!status) cut_windows(b, n);
  return status;
}
