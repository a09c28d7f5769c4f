/* The item log: one hash, <prefix>items, without a time to live. */
#include "solid/base/clock.h"
#include "solid/extend.h"
#include "store/record/entry.h"
#include "store/record/port.h"
#include "store/redis/redis_parts.h"
#include <stdlib.h>
#include <string.h>

/* In a cluster the log is with one node, which questions to the others need not wait for. */
enum { LOOK_MS = 500, READ_BYTES = 1 << 20, DROPS_AT_ONCE = 1024, MOST_HEAD = 4096 };

static const char log_name[] = "items";

/* One question about the log and its answer. */
typedef struct log_call {
  sol_redis_store *store;
  uint64_t from;
  solid_item_fn take;
  void *take_user;
  solid_items_version now;
  int is_dropped;
} log_call;

static solid_status fail_at(const sol_redis_store *store, sol_redis_conn *conn, solid_status status) {
  return solid_fail(status, "%s: key %s%s: %s", conn->name, store->options.prefix, log_name, solid_last_error());
}

static solid_status take_head(log_call *call, sol_redis_conn *conn, const redisReply *head) {
  if (head->type != REDIS_REPLY_STRING) return sol_redis_out_of_step(conn);
  solid_status status = sol_log_head_decode((const uint8_t *)head->str, (size_t)head->len, &call->now);
  if (status) return fail_at(call->store, conn, status);
  call->store->base.items = call->now;
  return SOLID_OK;
}

static solid_status take_entries(void *user, sol_redis_conn *conn, size_t command, const redisReply *reply) {
  log_call *call = user;
  (void)command;
  solid_status status = sol_redis_reply_status(conn, reply);
  if (status) return status == SOLID_EFORMAT ? fail_at(call->store, conn, status) : status;
  if (reply->type != REDIS_REPLY_ARRAY || !reply->elements) return sol_redis_out_of_step(conn);
  status = take_head(call, conn, reply->element[0]);
  if (status) return status;
  if (reply->elements == 1 && call->from < call->now.count)
    return solid_fail(SOLID_EFORMAT, "%s: key %s%s: entry %llu of %llu of the item log is missing", conn->name,
                      call->store->options.prefix, log_name, (unsigned long long)call->from + 1,
                      (unsigned long long)call->now.count);
  sol_entry_room *room = malloc(sizeof *room);
  if (!room) return solid_fail(SOLID_ENOMEM, "redis store: entry of the item log");
  for (size_t i = 1; i + 1 < reply->elements; i += 2) {
    const redisReply *number = reply->element[i], *bytes = reply->element[i + 1];
    solid_item_entry entry;
    if (number->type != REDIS_REPLY_INTEGER || (uint64_t)number->integer <= call->from) {
      free(room);
      return sol_redis_out_of_step(conn);
    }
    int is_bad = bytes->type != REDIS_REPLY_STRING ||
                 sol_entry_decode((const uint8_t *)bytes->str, (size_t)bytes->len, room, &entry) != SOLID_OK;
    call->take(call->take_user, (uint64_t)number->integer, is_bad ? NULL : &entry);
  }
  free(room);
  return SOLID_OK;
}

/* `most` entries from number `from` on, behind the head. */
static void make_read(const sol_redis_store *store, sol_command *cmd, int64_t from, int64_t most) {
  sol_redis_begin_script(cmd, SOL_SCRIPT_ITEMS_READ);
  sol_command_name(cmd, store->options.prefix, log_name, (solid_bytes){NULL, 0});
  sol_command_number(cmd, 0, from);
  sol_command_number(cmd, 1, most);
  sol_command_number(cmd, 2, READ_BYTES);
  sol_command_number(cmd, 3, SOL_ENTRY_MAX);
}

solid_status sol_redis_items_read(solid_store *base, uint64_t from, size_t most, solid_item_fn take, void *take_user,
                                  solid_items_version *now) {
  sol_redis_store *store = (sol_redis_store *)base;
  log_call call = {.store = store, .from = from, .take = take, .take_user = take_user};
  sol_command cmd;
  solid_status status = sol_port_check_items_read(most, take, now);
  if (status) return status;
  make_read(store, &cmd, (int64_t)from + 1, most < SOLID_ITEMS_AT_ONCE ? (int64_t)most : SOLID_ITEMS_AT_ONCE);
  status = sol_redis_ask(store, &cmd, take_entries, &call);
  if (!status) *now = call.now;
  return status;
}

static solid_status take_appended(void *user, sol_redis_conn *conn, size_t command, const redisReply *reply) {
  log_call *call = user;
  (void)command;
  solid_status status = sol_redis_reply_status(conn, reply);
  if (status) return status == SOLID_EFORMAT ? fail_at(call->store, conn, status) : status;
  sol_redis_wrote(conn);
  return take_head(call, conn, reply);
}

/* The entries, each behind its size; NULL: no memory. */
static uint8_t *pack(const solid_item_entry *entries, size_t n, size_t *size) {
  *size = 0;
  for (size_t i = 0; i < n; i++) *size += sizeof(uint32_t) + sol_entry_size(&entries[i]);
  uint8_t *bytes = malloc(*size), *at = bytes;
  for (size_t i = 0; i < n && bytes; i++) {
    uint32_t length = (uint32_t)sol_entry_encode(&entries[i], at + sizeof length);
    memcpy(at, &length, sizeof length);
    at += sizeof length + length;
  }
  return bytes;
}

solid_status sol_redis_items_append(solid_store *base, const solid_items_version *seen, const solid_item_entry *entries,
                                    size_t n, solid_items_version *now, int *appended) {
  sol_redis_store *store = (sol_redis_store *)base;
  uint8_t before[SOL_LOG_HEAD], after[SOL_LOG_HEAD];
  solid_items_version next;
  log_call call = {.store = store};
  sol_command cmd;
  size_t size;
  solid_status status = sol_port_check_items_append(seen, entries, n, now, appended);
  if (!status) status = sol_port_next_version(seen, n, &next);
  if (status) return status;
  uint8_t *bytes = pack(entries, n, &size);
  if (!bytes) return solid_fail(SOLID_ENOMEM, "redis store: %zu entries of the item log", n);
  sol_log_head_encode(seen, before);
  sol_log_head_encode(&next, after);
  sol_redis_begin_script(&cmd, SOL_SCRIPT_ITEMS_APPEND);
  sol_command_name(&cmd, store->options.prefix, log_name, (solid_bytes){NULL, 0});
  sol_command_bytes(&cmd, before, seen->count ? SOL_LOG_HEAD : 0);
  sol_command_bytes(&cmd, after, SOL_LOG_HEAD);
  sol_command_number(&cmd, 0, (int64_t)seen->count);
  sol_command_bytes(&cmd, bytes, size);
  status = sol_redis_ask(store, &cmd, take_appended, &call);
  free(bytes);
  if (status) return status;
  *now = call.now;
  *appended = sol_items_version_same(&call.now, &next);
  return SOLID_OK;
}

static solid_status take_dropped(void *user, sol_redis_conn *conn, size_t command, const redisReply *reply) {
  log_call *call = user;
  (void)command;
  solid_status status = sol_redis_reply_status(conn, reply);
  if (status) return status == SOLID_EFORMAT ? fail_at(call->store, conn, status) : status;
  if (reply->type != REDIS_REPLY_INTEGER) return sol_redis_out_of_step(conn);
  sol_redis_wrote(conn);
  call->is_dropped = reply->integer == 1;
  return SOLID_OK;
}

/* Some at a time, so that no script holds up the server. Each leaves a log that is whole. */
solid_status sol_redis_items_drop(solid_store *base, const solid_items_version *seen, const uint64_t *numbers, size_t n,
                                  int *dropped) {
  sol_redis_store *store = (sol_redis_store *)base;
  log_call call = {.store = store, .is_dropped = 1};
  solid_status status = sol_port_check_items_drop(seen, numbers, n, dropped);
  for (size_t at = 0; at < n && !status && call.is_dropped; at += DROPS_AT_ONCE) {
    sol_command cmd;
    size_t some = n - at < DROPS_AT_ONCE ? n - at : DROPS_AT_ONCE;
    sol_redis_begin_script(&cmd, SOL_SCRIPT_ITEMS_DROP);
    sol_command_name(&cmd, store->options.prefix, log_name, (solid_bytes){NULL, 0});
    sol_command_bytes(&cmd, seen->log, sizeof seen->log);
    sol_command_bytes(&cmd, numbers + at, some * sizeof *numbers);
    status = sol_redis_ask(store, &cmd, take_dropped, &call);
  }
  if (!status) *dropped = call.is_dropped;
  return status;
}

/* ---- With a question's own round trip ---- */

int sol_redis_asks_items(sol_redis_store *store) {
  int64_t now_ms = sol_steady_ms();
  if (!store->base.follows_items) return 0;
  if (store->cluster.owners && now_ms - store->items_ms < LOOK_MS) return 0;
  store->items_ms = now_ms;
  return 1;
}

/* What is longer than a head is not read by who only reads: the script is asked for a while. A call that writes is not
 * done again for its sake, and reads it once. */
void sol_redis_ask_items(sol_redis_batch *b) {
  sol_command *cmd = &b->cmd;
  sol_command_begin(cmd);
  if (sol_redis_is_careful(b->store)) {
    make_read(b->store, cmd, INT64_MAX, 0);
    return;
  }
  if (b->found) cmd->most = MOST_HEAD;
  sol_command_text(cmd, "HGET");
  sol_command_name(cmd, b->store->options.prefix, log_name, (solid_bytes){NULL, 0});
  sol_command_text(cmd, "h");
}

/* What is no head is none of the question's business: it is told, and what was read of the log before stays. */
void sol_redis_note_items(sol_redis_store *store, sol_redis_conn *conn, const redisReply *reply) {
  solid_items_version there = {.count = 0};
  int is_of_script = reply->type == REDIS_REPLY_ARRAY && reply->elements;
  if (is_of_script) reply = reply->element[0];
  int is_text = reply->type == REDIS_REPLY_STRING, is_head = reply->type == REDIS_REPLY_NIL;
  if (is_text && reply->len > MOST_HEAD) sol_redis_be_careful(store);
  /* An empty text is no head where the script gives it; from elsewhere it is a field that is empty. */
  if (is_text && (reply->len || is_of_script))
    is_head = sol_log_head_decode((const uint8_t *)reply->str, (size_t)reply->len, &there) == SOLID_OK;
  if (is_head)
    store->base.items = there;
  else if (reply->type != REDIS_REPLY_ERROR || strncmp(reply->str, "WRONGTYPE", 9) == 0)
    sol_redis_tell_items_damaged(store, conn);
}
