/* Pages of histories on their way in: what is asked for, and how it becomes a window. */
#include "solid/extend.h"
#include "store/record/page.h"
#include "store/record/port.h"
#include "store/redis/redis_parts.h"
#include <string.h>

enum { PAGE = SOLID_PAGE_STEPS, META = 40, OLD_META = 32 /* of records of version 2 */ };

typedef sol_redis_batch batch;
typedef sol_history_note note;

/* What stands in the field m of pages (put_pages.lua). */
typedef struct meta {
  uint64_t birth, first, behind, since, sorted;
} meta;

static uint64_t smaller(uint64_t a, uint64_t b) {
  return a < b ? a : b;
}

int sol_redis_asks_more(const batch *b, size_t n) {
  if (!sol_port_has_pages(b->store->base.history)) return 0;
  for (size_t i = 0; i < n; i++) {
    if (sol_redis_is_long(b, i)) return 1;
  }
  return 0;
}

/* Asks for pages `from` .. `to`; both below 0: counted from behind the newest. */
static void ask_pages(batch *b, size_t i, int64_t from, int64_t to) {
  sol_redis_store *store = b->store;
  sol_command *cmd = &b->cmd;
  sol_redis_begin_script(cmd, SOL_SCRIPT_GET_PAGES);
  sol_command_part(cmd, store->options.prefix, sol_redis_user_of(b, i), SOL_KEY_PAGES);
  sol_command_number(cmd, 0, from);
  sol_command_number(cmd, 1, to);
  sol_command_number(cmd, 2, sol_redis_long_ttl(store));
  sol_command_number(cmd, 3, SOL_PAGE_SIZE_MAX);
}

int sol_redis_is_long(const batch *b, size_t i) {
  return sol_port_most(&b->store->base, &b->windows[i]) > sol_port_tail(&b->store->base);
}

/* Before the record is known, so that whether it is still there is not asked: as many pages as a window may need. */
void sol_redis_make_pages(batch *b, size_t i) {
  const solid_window *window = &b->windows[i];
  uint32_t most = sol_port_most(&b->store->base, window), tail = sol_port_tail(&b->store->base);
  if (sol_redis_is_long(b, i)) ask_pages(b, i, -(int64_t)((most - tail + PAGE - 1) / PAGE), -1);
}

void sol_redis_make_needed(batch *b, size_t i) {
  const note *of = &b->store->notes[i];
  const solid_window *window = &b->windows[i];
  uint64_t first = window->seq - window->count; /* of the steps that are read */
  uint64_t older = smaller(sol_port_most(&b->store->base, window) - window->count, first - of->begun);
  if (of->needs_pages)
    ask_pages(b, i, (int64_t)((first - older) / PAGE), (int64_t)((first - 1) / PAGE));
  else
    ask_pages(b, i, 1, 0);
  sol_command_bytes(&b->cmd, &window->birth, sizeof window->birth);
}

/* Puts `older` steps, as far as the pages of the reply have them, before those that are read. Returns how many are
 * missing. */
static uint64_t join(solid_window *window, uint64_t older, const redisReply *reply) {
  solid_step page[PAGE];
  uint64_t first = window->seq - window->count, left = older, begin;
  int64_t from = reply->element[1]->integer;
  memmove(window->steps + older, window->steps, window->count * sizeof *window->steps);
  while (left) {
    int64_t number = (int64_t)((first - 1) / PAGE), at = number - from + 2;
    if (at < 2 || at >= (int64_t)reply->elements || reply->element[at]->type != REDIS_REPLY_STRING) break;
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

/* 0: none, damaged, or of another history. */
static int read_meta(const redisReply *bytes, uint64_t birth, meta *out) {
  size_t size = bytes->type == REDIS_REPLY_STRING ? (size_t)bytes->len : 0;
  if (size != META && size != OLD_META) return 0;
  memcpy(out, bytes->str, size);
  if (size == OLD_META) out->sorted = out->behind;
  return out->birth == birth && out->first <= out->behind && out->since <= out->sorted && out->sorted <= out->behind;
}

static void give_items(const solid_window *window, const redisReply *set) {
  size_t n = (size_t)set->len / 8;
  for (size_t i = 0; i < n;) {
    uint64_t items[PAGE];
    size_t k = n - i < PAGE ? n - i : PAGE;
    memcpy(items, set->str + 8 * i, 8 * k);
    window->take_seen(window->seen_user, items, k);
    i += k;
  }
}

static int is_set(const redisReply *set) {
  return (size_t)set->len <= 8 * (size_t)SOLID_SEEN_MAX && sol_seen_is_sound(set->str, (size_t)set->len);
}

/* What was ever taken, in two fields. 0: one is gone, none or cut off, or pages behind theirs are gone. */
static int give_seen(solid_window *window, const note *of, const meta *m, const redisReply *set,
                     const redisReply *newer) {
  if (m->behind < of->first) return 0;
  if ((m->sorted > m->since && !set->len) || (m->behind > m->sorted && !newer->len)) return 0;
  if (!is_set(set) || !is_set(newer)) return 0;
  window->seen_since = m->since;
  give_items(window, set);
  give_items(window, newer);
  return 1;
}

/* What is missing stays needed. */
solid_status sol_redis_take_pages(batch *b, sol_redis_conn *conn, size_t i, const redisReply *reply) {
  note *of = &b->store->notes[i];
  solid_window *window = &b->windows[i];
  meta m;
  solid_status status = b->statuses[i] ? SOLID_OK : sol_redis_judge_user(b, conn, i, sol_redis_user_of(b, i), reply);
  if (status || b->statuses[i]) return status;
  if (reply->type == REDIS_REPLY_INTEGER) {
    of->is_gone = 1;
    of->needs_pages = of->needs_seen = 0;
    return SOLID_OK;
  }
  if (reply->type != REDIS_REPLY_ARRAY ||
      (reply->elements && (reply->elements < 2 || reply->element[0]->type != REDIS_REPLY_STRING ||
                           reply->element[1]->type != REDIS_REPLY_INTEGER)))
    return sol_redis_out_of_step(conn);
  if (!of->is_read || !of->needs_pages || !reply->elements || !read_meta(reply->element[0], window->birth, &m))
    return SOLID_OK;
  uint64_t first = window->seq - window->count, begun = m.first > of->begun ? m.first : of->begun;
  uint64_t older = begun < first ? smaller(sol_port_most(&b->store->base, window) - window->count, first - begun) : 0;
  of->needs_pages = join(window, older, reply) > 0;
  return SOLID_OK;
}

/* Past the script, which would have Redis hash every byte of it: whether the record is of this history still is asked
 * by that of the pages, before. More than there may be is not read, and the script is asked for a while. */
void sol_redis_make_seen(batch *b, size_t i) {
  sol_command *cmd = &b->cmd;
  const char *prefix = b->store->options.prefix;
  size_t most = 2 * 8 * (size_t)SOLID_SEEN_MAX + 256;
  if (sol_redis_is_careful(b->store)) {
    sol_redis_begin_script(cmd, SOL_SCRIPT_GET_SEEN);
    sol_command_part(cmd, prefix, sol_redis_user_of(b, i), SOL_KEY_PAGES);
    sol_command_number(cmd, 0, (int64_t)most);
    return;
  }
  cmd->most = most;
  sol_command_text(cmd, "HMGET");
  sol_command_part(cmd, prefix, sol_redis_user_of(b, i), SOL_KEY_PAGES);
  sol_command_text(cmd, "m");
  sol_command_text(cmd, "s");
  sol_command_text(cmd, "r");
}

/* What is missing stays needed. */
solid_status sol_redis_take_seen(batch *b, sol_redis_conn *conn, size_t i, const redisReply *reply) {
  note *of = &b->store->notes[i];
  meta m;
  solid_status status = b->statuses[i] ? SOLID_OK : sol_redis_judge_user(b, conn, i, sol_redis_user_of(b, i), reply);
  if (status || b->statuses[i]) return status;
  if (reply->type != REDIS_REPLY_ARRAY || (reply->elements && reply->elements != 3)) return sol_redis_out_of_step(conn);
  if (!reply->elements) sol_redis_be_careful(b->store);
  if (!reply->elements) return SOLID_OK;
  if (!of->is_read || !of->needs_seen || !read_meta(reply->element[0], b->windows[i].birth, &m)) return SOLID_OK;
  of->needs_seen = !give_seen(&b->windows[i], of, &m, reply->element[1], reply->element[2]);
  return SOLID_OK;
}
