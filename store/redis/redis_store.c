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

/* What became of a record that advance.lua met. */
enum { USED = 0, DAMAGED = 1, OTHER_EPOCH = 2 };

static int64_t draw_ttl(redis_store *store) {
  double longer = sol_random_uniform(&store->random) * store->options.jitter_percent / 100;
  return store->options.ttl_ms + (int64_t)((double)store->options.ttl_ms * longer);
}

/* The first few, then ever fewer: one user's key may be met with every batch. */
static int is_told(uint64_t count) {
  return count <= 16 || (count & (count - 1)) == 0;
}

/* A failure of one user alone: a key of another type, and for who only reads a record of a newer version. The rest is
 * everybody's. */
static solid_status judge_user(batch *b, sol_redis_conn *conn, size_t i, solid_bytes user, const redisReply *reply) {
  redis_store *store = b->store;
  solid_status status = sol_redis_reply_status(conn, reply);
  if (status != SOLID_EFORMAT && !(status == SOLID_EUNSUPPORTED && b->found)) return status;
  (void)solid_fail(status, "key %s: %s", sol_redis_show_key(store, user).text, solid_last_error());
  if (is_told(++store->set_aside))
    sol_redis_log(conn, SOLID_LOG_WARN, "redis store: %s: left alone, its user is set aside", solid_last_error());
  b->statuses[i] = status;
  return SOLID_OK;
}

static void tell_damaged(redis_store *store, sol_redis_conn *conn, solid_bytes user, const char *what,
                         const char *then) {
  if (is_told(++store->damaged))
    sol_redis_log(conn, SOLID_LOG_WARN, "redis store: key %s: damaged %s%s", sol_redis_show_key(store, user).text, what,
                  then);
}

static void empty(solid_window *window) {
  *window = (solid_window){.steps = window->steps, .dislikes = window->dislikes};
}

/* From the head of the params: seq, time, generation; all zero = there are none. */
static void read_stamp(const void *head, solid_window *window) {
  memcpy(&window->params_seq, head, 8);
  memcpy(&window->params_ms, (const char *)head + 8, 8);
  memcpy(&window->params_generation, (const char *)head + 16, 8);
}

/* A window as stored is a multiple of 16 bytes; the script gives the newest L of them. 0: out of step. */
static int read_lists(const redis_store *store, const redisReply *steps, const redisReply *dislikes,
                      solid_window *window) {
  if (steps->type != REDIS_REPLY_STRING || dislikes->type != REDIS_REPLY_STRING) return 0;
  size_t n = (size_t)steps->len / SOL_STEP_SIZE, m = (size_t)dislikes->len / SOL_DISLIKE_SIZE;
  if (n > store->base.window || m > SOLID_DISLIKES_MAX) return 0;
  sol_steps_decode((const uint8_t *)steps->str, n, window->steps);
  window->count = n;
  window->n_dislikes = window->dislikes ? m : 0;
  if (window->n_dislikes) memcpy(window->dislikes, dislikes->str, m * SOL_DISLIKE_SIZE);
  return 1;
}

static void make_append(batch *b, size_t i) {
  const solid_append *append = &b->appends[i];
  redis_store *store = b->store;
  size_t n = append->count;
  sol_command *cmd = &b->cmd;
  sol_redis_begin_script(cmd, SOL_SCRIPT_ADVANCE);
  sol_command_key(cmd, store->options.prefix, append->user);
  sol_command_number(cmd, 0, store->base.window);
  sol_command_number(cmd, 1, draw_ttl(store));
  sol_command_bytes(cmd, store->epoch.bytes, sizeof store->epoch.bytes);
  /* steps and positions lie in memory as the script reads them (codec.c) */
  sol_command_bytes(cmd, n ? (const void *)append->steps : "", SOL_STEP_SIZE * n);
  sol_command_bytes(cmd, n ? (const void *)append->positions : "", sizeof *append->positions * n);
  sol_command_bytes(cmd, n && append->dislikes ? (const void *)append->dislikes : "", append->dislikes ? n : 0);
}

static solid_status take_append(batch *b, sol_redis_conn *conn, size_t who, const redisReply *reply) {
  redis_store *store = b->store;
  solid_window *window = &b->windows[who];
  solid_bytes user = b->appends[who].user;
  solid_status status = judge_user(b, conn, who, user, reply);
  if (status) return status;
  if (b->statuses[who]) {
    empty(window);
    if (b->applied) b->applied[who] = 0;
    return SOLID_OK;
  }
  if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 6 || reply->element[0]->type != REDIS_REPLY_INTEGER ||
      reply->element[1]->type != REDIS_REPLY_INTEGER || reply->element[2]->type != REDIS_REPLY_INTEGER ||
      reply->element[5]->type != REDIS_REPLY_STRING || reply->element[5]->len != 24 ||
      !read_lists(store, reply->element[3], reply->element[4], window))
    return sol_redis_out_of_step(conn);
  read_stamp(reply->element[5]->str, window);
  sol_redis_wrote(conn);
  window->seq = (uint64_t)reply->element[1]->integer;
  if (b->applied) b->applied[who] = (size_t)reply->element[2]->integer;
  if (reply->element[0]->integer == DAMAGED && b->appends[who].count)
    tell_damaged(store, conn, user, "record", ": renamed to the same with \":damaged\" behind it, begun anew");
  if (reply->element[0]->integer == OTHER_EPOCH && b->appends[who].count) store->renewed++;
  return SOLID_OK;
}

static solid_status redis_advance(solid_store *base, const solid_append *appends, size_t n, solid_window *windows,
                                  size_t *applied, solid_status *statuses) {
  redis_store *store = (redis_store *)base;
  batch b = {.store = store, .appends = appends, .windows = windows, .applied = applied, .statuses = statuses};
  solid_status status = sol_port_check_appends(appends, n, windows, statuses);
  if (!status && n && !store->is_writer) {
    solid_store_epoch epoch;
    status = sol_redis_epoch_begin(base, 0, &epoch);
  }
  return status ? status : sol_redis_run(&b, n, make_append, take_append);
}

static size_t body_size(const solid_params *params) {
  return sol_body_size((solid_element)params->element, params->width, params->count);
}

static solid_status reserve_record(redis_store *store, const solid_params *params, size_t n) {
  size_t size = 0;
  for (size_t i = 0; i < n; i++) size = body_size(&params[i]) > size ? body_size(&params[i]) : size;
  size += SOL_PARAMS_HEAD;
  if (size <= store->record_room) return SOLID_OK;
  uint8_t *record = realloc(store->record, size);
  if (!record) return solid_fail(SOLID_ENOMEM, "redis store: params of %zu bytes", size);
  store->record = record;
  store->record_room = size;
  return SOLID_OK;
}

static void make_params(batch *b, size_t i) {
  redis_store *store = b->store;
  solid_params made = b->made[i];
  sol_command *cmd = &b->cmd;
  if (!made.made_ms) made.made_ms = b->now_ms;
  sol_params_encode(&made, store->record, store->record + SOL_PARAMS_HEAD);
  sol_redis_begin_script(cmd, SOL_SCRIPT_PUT);
  sol_command_key(cmd, store->options.prefix, b->users[i]);
  sol_command_bytes(cmd, store->record, SOL_PARAMS_HEAD);
  sol_command_bytes(cmd, store->record + SOL_PARAMS_HEAD, body_size(&made));
  sol_command_number(cmd, 1, draw_ttl(store));
  sol_command_bytes(cmd, store->epoch.bytes, sizeof store->epoch.bytes);
}

static solid_status take_stored(batch *b, sol_redis_conn *conn, size_t who, const redisReply *reply) {
  redis_store *store = b->store;
  solid_status status = judge_user(b, conn, who, b->users[who], reply);
  if (status || b->statuses[who]) return status;
  if (reply->type != REDIS_REPLY_INTEGER) return sol_redis_out_of_step(conn);
  sol_redis_wrote(conn);
  if (reply->integer >= 0) return SOLID_OK;
  tell_damaged(store, conn, b->users[who], "record", ": no params are put into it");
  b->statuses[who] = solid_fail(SOLID_EFORMAT, "%s: key %s: damaged record", conn->name,
                                sol_redis_show_key(store, b->users[who]).text);
  return SOLID_OK;
}

static solid_status redis_put_params(solid_store *base, const solid_bytes *users, const solid_params *params, size_t n,
                                     solid_status *statuses) {
  batch b = {
      .store = (redis_store *)base, .users = users, .made = params, .statuses = statuses, .now_ms = sol_wall_ms()};
  solid_status status = sol_port_check_params(users, params, n, statuses);
  if (!status) status = reserve_record(b.store, params, n);
  return status ? status : sol_redis_run(&b, n, make_params, take_stored);
}

static void make_get(batch *b, size_t i) {
  redis_store *store = b->store;
  const solid_params *room = &b->params[i];
  sol_command *cmd = &b->cmd;
  sol_redis_begin_script(cmd, SOL_SCRIPT_GET);
  sol_command_key(cmd, store->options.prefix, b->users[i]);
  sol_command_number(cmd, 0, store->base.window);
  sol_command_number(cmd, 1, draw_ttl(store));
  sol_command_number(cmd, 2, (int64_t)sol_body_size(SOLID_F32, room->width, room->count)); /* the largest element */
  sol_command_text(cmd, b->windows[i].dislikes ? "1" : "0");
}

static void read_params(batch *b, sol_redis_conn *conn, size_t who, const sol_head *head, const redisReply *body) {
  redis_store *store = b->store;
  if (!head->has_params) return;
  sol_record_verdict verdict = SOL_RECORD_STALE; /* larger than what is asked for */
  if (body->type == REDIS_REPLY_STRING)
    verdict =
        sol_params_decode(head->params, (const uint8_t *)body->str, (size_t)body->len, b->generation, &b->params[who]);
  b->found[who] = verdict == SOL_RECORD_OK;
  store->stale += verdict == SOL_RECORD_STALE;
  if (verdict == SOL_RECORD_DAMAGED) tell_damaged(store, conn, b->users[who], "params", ": taken as not there");
}

static solid_status take_get(batch *b, sol_redis_conn *conn, size_t who, const redisReply *reply) {
  redis_store *store = b->store;
  sol_head head;
  solid_status status = judge_user(b, conn, who, b->users[who], reply);
  if (status) return status;
  empty(&b->windows[who]);
  if (b->statuses[who] || (reply->type == REDIS_REPLY_ARRAY && reply->elements == 0)) return SOLID_OK;
  int is_damaged = reply->type == REDIS_REPLY_INTEGER;
  if (!is_damaged) {
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 4 || reply->element[0]->type != REDIS_REPLY_STRING ||
        !read_lists(store, reply->element[1], reply->element[3], &b->windows[who]))
      return sol_redis_out_of_step(conn);
    const redisReply *bytes = reply->element[0];
    is_damaged = !sol_head_decode((const uint8_t *)bytes->str, (size_t)bytes->len, &head);
  }
  if (is_damaged) {
    empty(&b->windows[who]);
    tell_damaged(store, conn, b->users[who], "record", ": taken as not there");
    return SOLID_OK;
  }
  b->windows[who].seq = head.seq;
  read_stamp(head.params, &b->windows[who]);
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
  solid_status status = sol_port_check_get(users, n, windows, params, found, statuses);
  if (status || n == 0) return status;
  memset(found, 0, n);
  return sol_redis_run(&b, n, make_get, take_get);
}

static void redis_close(solid_store *base) {
  sol_redis_count_last((redis_store *)base);
  sol_redis_store_free((redis_store *)base);
}

const solid_store_ops sol_redis_ops = {
    .name = "redis",
    .advance = redis_advance,
    .put_params = redis_put_params,
    .get = redis_get,
    .epoch = sol_redis_epoch,
    .epoch_begin = sol_redis_epoch_begin,
    .stream_load = sol_redis_stream_load,
    .stream_save = sol_redis_stream_save,
    .list = sol_redis_list,
    .close = redis_close,
    .safe_age = sol_redis_safe_age,
    .items_read = sol_redis_items_read,
    .items_append = sol_redis_items_append,
};
