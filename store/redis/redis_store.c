/* The calls about users: each one script a user, all of a batch in one exchange. */
#include "solid/base/clock.h"
#include "solid/extend.h"
#include "store/record/head.h"
#include "store/record/port.h"
#include "store/redis/redis_parts.h"
#include <stdlib.h>
#include <string.h>

typedef struct sol_redis_store redis_store;
typedef sol_redis_batch batch;

enum { NEEDS_WITHOUT_BIRTH = offsetof(sol_history_needs, birth) };

/* What became of a record that advance.lua met. */
enum { USED = 0, DAMAGED = 1, OTHER_EPOCH = 2, REPLACED = 3 };

int64_t sol_redis_draw_ttl(redis_store *store) {
  double longer = sol_random_uniform(&store->random) * store->options.jitter_percent / 100;
  return store->options.ttl_ms + (int64_t)((double)store->options.ttl_ms * longer);
}

/* From the head of the params: seq, time, generation; all zero = there are none. */
static void read_stamp(const void *head, solid_window *window) {
  memcpy(&window->params_seq, head, 8);
  memcpy(&window->params_ms, (const char *)head + 8, 8);
  memcpy(&window->params_generation, (const char *)head + 16, 8);
}

/* 0: out of step. */
static int read_dislikes(const redisReply *dislikes, solid_window *window) {
  if (dislikes->type != REDIS_REPLY_STRING) return 0;
  size_t m = (size_t)dislikes->len / SOL_DISLIKE_SIZE;
  if (m > SOLID_DISLIKES_MAX) return 0;
  window->n_dislikes = window->dislikes ? m : 0;
  if (window->n_dislikes) memcpy(window->dislikes, dislikes->str, m * SOL_DISLIKE_SIZE);
  return 1;
}

/* Of a record: where all that was taken is asked for, all steps that are in no page. */
static int64_t steps_asked(const redis_store *store, const solid_window *window) {
  return window->take_seen ? INT32_MAX : sol_port_most(&store->base, window);
}

static void make_needs(batch *b, size_t i) {
  redis_store *store = b->store;
  b->needs = (sol_history_needs){.most = (uint32_t)steps_asked(store, &b->windows[i]),
                                 .leaves = sol_port_tail(&store->base),
                                 .now_ms = b->now_ms,
                                 .renew_ms = store->options.ttl_ms / 2,
                                 .birth = sol_random_next(&store->random) | 1}; /* 0 is none */
}

static void make_append(batch *b, size_t i) {
  const solid_append *append = &b->appends[i];
  redis_store *store = b->store;
  size_t n = append->count;
  sol_command *cmd = &b->cmd;
  if (b->kind == SOL_OF_STATE && b->windows[i].state)
    sol_redis_make_state(b, append->user, b->windows[i].state, b->windows[i].state->count);
  if (b->kind != SOL_OF_RECORD) return;
  sol_redis_begin_script(cmd, SOL_SCRIPT_ADVANCE);
  sol_command_key(cmd, store->options.prefix, append->user);
  sol_command_number(cmd, 0, store->base.window);
  sol_command_number(cmd, 1, sol_redis_draw_ttl(store));
  sol_command_bytes(cmd, store->epoch.bytes, sizeof store->epoch.bytes);
  /* steps and positions lie in memory as the script reads them (codec.c) */
  sol_command_bytes(cmd, n ? (const void *)append->steps : "", SOL_STEP_SIZE * n);
  sol_command_bytes(cmd, n ? (const void *)append->positions : "", sizeof *append->positions * n);
  sol_command_bytes(cmd, n && append->dislikes ? (const void *)append->dislikes : "", append->dislikes ? n : 0);
  make_needs(b, i);
  sol_command_bytes(cmd, &b->needs, sol_port_has_pages(store->base.history) ? sizeof b->needs : NEEDS_WITHOUT_BIRTH);
  sol_redis_add_tag(store, cmd);
  sol_redis_add_told(b);
}

/* What the script returns: 6 elements, or 10 of a record with a history, and one more of a user who was forgotten
 * before. 0: out of step. */
static int read_append(batch *b, size_t who, const redisReply *reply, solid_status *status) {
  static const int types[] = {REDIS_REPLY_INTEGER, REDIS_REPLY_INTEGER, REDIS_REPLY_INTEGER, REDIS_REPLY_STRING,
                              REDIS_REPLY_STRING,  REDIS_REPLY_STRING,  REDIS_REPLY_STRING,  REDIS_REPLY_STRING,
                              REDIS_REPLY_INTEGER, REDIS_REPLY_INTEGER};
  solid_window *window = &b->windows[who];
  size_t n = reply->type == REDIS_REPLY_ARRAY ? reply->elements : 0;
  int has_history = n >= 10, has_life = n == 7 || n == 11;
  if (n - (size_t)has_life != 6 && n - (size_t)has_life != 10) return 0;
  redisReply *const *e = reply->element;
  for (size_t i = 0; i < n - (size_t)has_life; i++)
    if ((int)e[i]->type != types[i]) return 0;
  if (has_life && (e[n - 1]->type != REDIS_REPLY_STRING || e[n - 1]->len != 8)) return 0;
  if (e[5]->len != 24 || (has_history && e[6]->len != SOL_HEAD_HISTORY)) return 0;
  sol_redis_empty(window);
  read_stamp(e[5]->str, window);
  if (has_life) memcpy(&window->life, e[n - 1]->str, 8);
  if (!read_dislikes(e[4], window) ||
      !sol_redis_take_record(b, who, has_history ? e[6]->str : NULL, e[3], (uint64_t)e[1]->integer))
    return 0;
  return !has_history || sol_redis_take_full(b, who, e[7], (uint64_t)e[9]->integer, e[8]->integer == 1, status);
}

static solid_status take_append(batch *b, sol_redis_conn *conn, size_t who, const redisReply *reply) {
  redis_store *store = b->store;
  solid_bytes user = b->appends[who].user;
  if (b->kind == SOL_OF_STATE) return sol_redis_take_state(b, conn, who, user, reply, b->windows[who].state);
  solid_status status = sol_redis_judge_write(b, conn, who, user, reply);
  if (status) return status;
  if (b->statuses[who]) {
    sol_redis_empty(&b->windows[who]);
    if (b->applied) b->applied[who] = 0;
    return SOLID_OK;
  }
  if (!read_append(b, who, reply, &status)) {
    b->statuses[who] = SOLID_EUNKNOWN;
    return sol_redis_out_of_step(conn);
  }
  if (b->applied) b->applied[who] = (size_t)reply->element[2]->integer;
  if (status) return status;
  sol_redis_wrote(conn);
  int is_written = b->appends[who].count > 0, became = (int)reply->element[0]->integer;
  store->notes[who].clear = is_written && became != USED;
  if ((became == DAMAGED || became == REPLACED) && is_written)
    sol_redis_tell_damaged(store, conn, user, "record",
                           became == DAMAGED ? ": renamed to the same with \":damaged\" behind it, begun anew"
                                             : ": begun anew, without a copy, as its slot is being moved");
  if (became == OTHER_EPOCH && is_written) store->renewed++;
  return SOLID_OK;
}

/* States came with their windows, and belong to them or to nothing. */
static void judge_states(const solid_window *windows, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (windows[i].state) sol_redis_judge_state(windows[i].state, windows[i].birth, windows[i].seq);
}

/* Commands that are more than one a user, where a window asks for what is not in its record. */
static size_t kinds_of(const solid_window *windows, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (windows[i].state) return SOL_OF_STATE + 1;
  return SOL_OF_RECORD + 1;
}

static solid_status redis_advance(solid_store *base, const solid_append *appends, size_t n, solid_window *windows,
                                  size_t *applied, solid_status *statuses) {
  redis_store *store = (redis_store *)base;
  batch b = {.store = store,
             .appends = appends,
             .windows = windows,
             .applied = applied,
             .statuses = statuses,
             .now_ms = sol_wall_ms()};
  solid_status status = sol_port_check_appends(base, appends, n, windows, statuses);
  if (status || n == 0) return status;
  sol_redis_begin_writing(&b, n);
  status = sol_redis_begin_notes(store, n);
  if (!status && !store->is_writer) {
    solid_store_epoch epoch;
    status = sol_redis_epoch_begin(base, 0, &epoch);
  }
  b.kinds = kinds_of(windows, n);
  if (!status) status = sol_redis_run(&b, n, make_append, take_append);
  b.is_settling = 0;
  if (!status) status = sol_redis_follow(&b, n);
  if (!status) judge_states(windows, n);
  return sol_redis_end_writing(&b, n, status);
}

static void make_get(batch *b, size_t i) {
  redis_store *store = b->store;
  const solid_params *room = &b->params[i];
  const solid_window *window = &b->windows[i];
  sol_command *cmd = &b->cmd;
  if (b->kind == SOL_OF_STATE && window->state)
    sol_redis_make_state(b, b->users[i], window->state, window->state->count);
  if (b->kind == SOL_OF_PAGES) sol_redis_make_pages(b, i);
  if (b->kind == SOL_OF_SEEN && sol_redis_is_long(b, i) && window->take_seen) sol_redis_make_seen(b, i);
  if (b->kind != SOL_OF_RECORD) return;
  sol_redis_begin_script(cmd, SOL_SCRIPT_GET);
  sol_command_key(cmd, store->options.prefix, b->users[i]);
  sol_command_number(cmd, 0, steps_asked(store, window));
  sol_command_number(cmd, 1, sol_redis_draw_ttl(store));
  sol_command_number(cmd, 2, (int64_t)sol_body_size(SOLID_F32, room->width, room->count)); /* the largest element */
  sol_command_text(cmd, b->windows[i].dislikes ? "1" : "0");
}

static void read_params(batch *b, sol_redis_conn *conn, size_t who, const sol_head *head, const redisReply *body) {
  redis_store *store = b->store;
  if (!head->has_params) return;
  sol_record_verdict verdict = SOL_RECORD_STALE; /* larger than what is asked for */
  uint32_t sizes[2];
  memcpy(sizes, head->params + 24, sizeof sizes);
  if (body->type == REDIS_REPLY_STRING)
    verdict =
        sol_params_decode(head->params, (const uint8_t *)body->str, (size_t)body->len, b->generation, &b->params[who]);
  else if (sizes[0] == b->params[who].width && sizes[1] == b->params[who].count)
    verdict = SOL_RECORD_DAMAGED; /* gone, or larger than its head says */
  b->found[who] = verdict == SOL_RECORD_OK;
  store->stale += verdict == SOL_RECORD_STALE;
  if (verdict == SOL_RECORD_DAMAGED)
    sol_redis_tell_damaged(store, conn, b->users[who], "params", ": taken as not there");
}

static solid_status take_get(batch *b, sol_redis_conn *conn, size_t who, const redisReply *reply) {
  redis_store *store = b->store;
  sol_head head;
  if (b->kind == SOL_OF_STATE) return sol_redis_take_state(b, conn, who, b->users[who], reply, b->windows[who].state);
  if (b->kind == SOL_OF_PAGES) return sol_redis_take_pages(b, conn, who, reply);
  if (b->kind == SOL_OF_SEEN) return sol_redis_take_seen(b, conn, who, reply);
  solid_status status = sol_redis_judge_user(b, conn, who, b->users[who], reply);
  if (status) return status;
  sol_redis_empty(&b->windows[who]);
  if (b->statuses[who] || (reply->type == REDIS_REPLY_ARRAY && reply->elements == 0)) return SOLID_OK;
  int is_damaged = reply->type == REDIS_REPLY_INTEGER;
  if (!is_damaged) {
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 4 || reply->element[0]->type != REDIS_REPLY_STRING ||
        !read_dislikes(reply->element[3], &b->windows[who]))
      return sol_redis_out_of_step(conn);
    const redisReply *bytes = reply->element[0];
    is_damaged = !sol_head_decode((const uint8_t *)bytes->str, (size_t)bytes->len, &head);
    const char *history = is_damaged || !head.birth ? NULL : bytes->str + bytes->len - SOL_HEAD_HISTORY;
    if (!is_damaged && !sol_redis_take_record(b, who, history, reply->element[1], head.seq))
      return sol_redis_out_of_step(conn);
  }
  if (is_damaged) {
    sol_redis_empty(&b->windows[who]);
    sol_redis_tell_damaged(store, conn, b->users[who], "record", ": taken as not there");
    return SOLID_OK;
  }
  read_stamp(head.params, &b->windows[who]);
  b->windows[who].life = head.life;
  read_params(b, conn, who, &head, reply->element[2]);
  return SOLID_OK;
}

static solid_status redis_get(solid_store *base, const solid_bytes *users, size_t n, uint64_t generation,
                              solid_window *windows, solid_params *params, uint8_t *found, solid_status *statuses) {
  batch b = {.store = (redis_store *)base,
             .users = users,
             .windows = windows,
             .params = params,
             .found = found,
             .statuses = statuses,
             .generation = generation};
  solid_status status = sol_port_check_get(base, users, n, windows, params, found, statuses);
  if (!status) status = sol_redis_begin_notes(b.store, n);
  if (status || n == 0) return status;
  memset(found, 0, n);
  b.kinds = sol_redis_asks_more(&b, n) ? SOL_KINDS : kinds_of(windows, n);
  status = sol_redis_run(&b, n, make_get, take_get);
  if (!status) status = sol_redis_follow(&b, n);
  if (!status) judge_states(windows, n);
  return status;
}

static void redis_close(solid_store *base) {
  sol_redis_count_last((redis_store *)base);
  sol_redis_store_free((redis_store *)base);
}

const solid_store_ops sol_redis_ops = {
    .name = "redis",
    .advance = redis_advance,
    .put_params = sol_redis_put_params,
    .get = redis_get,
    .epoch = sol_redis_epoch,
    .epoch_begin = sol_redis_epoch_begin,
    .stream_load = sol_redis_stream_load,
    .stream_save = sol_redis_stream_save,
    .list = sol_redis_list,
    .close = redis_close,
    .safe_age = sol_redis_safe_age,
    .put_states = sol_redis_put_states,
    .get_states = sol_redis_get_states,
    .forget = sol_redis_forget,
    .items_read = sol_redis_items_read,
    .items_append = sol_redis_items_append,
    .items_drop = sol_redis_items_drop,
};
