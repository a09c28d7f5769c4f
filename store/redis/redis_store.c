#include "solid/extend.h"
#include "store/record/codec.h"
#include "store/record/port.h"
#include "store/redis/command.h"
#include "store/redis/redis_parts.h"
#include <stdlib.h>
#include <string.h>

typedef struct sol_redis_store redis_store;

/* One call, as the callbacks of an exchange see it; only the fields of that call are set. */
typedef struct batch {
  redis_store *store;
  const solid_append *appends;
  const solid_bytes *users;
  const solid_params *made;
  solid_window *windows;
  solid_params *params;
  size_t *applied;
  uint8_t *found;
  solid_status *statuses;
  uint64_t generation;
  size_t *pending, n_pending; /* of a scripted call */
  size_t n_missing;           /* pending[0 .. n_missing) are to be sent again */
} batch;

static solid_status queue(redis_store *store, sol_command *cmd) {
  return sol_redis_queue(&store->conn, cmd->argc, cmd->argv, cmd->sizes);
}

/* The keys of one user get the same time: neither outlives the other. */
static int64_t draw_ttl(redis_store *store) {
  double longer = sol_random_uniform(&store->conn.random) * store->options.jitter_percent / 100;
  return store->options.ttl_ms + (int64_t)((double)store->options.ttl_ms * longer);
}

static void begin_script(sol_command *cmd, redis_store *store, int script, solid_bytes user) {
  cmd->argc = 0;
  sol_command_text(cmd, "EVALSHA");
  sol_command_bytes(cmd, store->conn.sha[script], SOL_REDIS_SHA_SIZE);
  sol_command_text(cmd, "2");
  sol_command_key(cmd, store->options.prefix, user, SOL_KEY_WINDOW);
  sol_command_key(cmd, store->options.prefix, user, SOL_KEY_PARAMS);
}

static int begins_with(const redisReply *reply, const char *word) {
  return strncmp(reply->str, word, strlen(word)) == 0;
}

/* OK, or the failure an error reply stands for. */
solid_status sol_redis_check(redis_store *store, const redisReply *reply) {
  static const char *const elsewhere[] = {"READONLY", "LOADING", "MASTERDOWN", "CLUSTERDOWN"};
  if (reply->type != REDIS_REPLY_ERROR) return SOLID_OK;
  for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++)
    if (begins_with(reply, elsewhere[i])) return sol_redis_drop(&store->conn, reply->str);
  return sol_redis_reply_status(&store->conn, reply);
}

/* What a failure means for user i of the batch: a key of another type is theirs alone, the rest is everybody's. */
static solid_status judge_user(batch *b, size_t i, const redisReply *reply) {
  solid_status status = sol_redis_check(b->store, reply);
  if (status != SOLID_EFORMAT) return status;
  b->statuses[i] = status;
  return SOLID_OK;
}

solid_status sol_redis_out_of_step(redis_store *store) {
  return sol_redis_drop(&store->conn, "a reply of another shape than the command's");
}

/* A window as stored is a multiple of 16 bytes; it may be longer than L when L was larger once. */
static void read_steps(redis_store *store, const redisReply *steps, solid_window *window) {
  size_t n = steps->type == REDIS_REPLY_STRING ? (size_t)steps->len / SOL_STEP_SIZE : 0, room = store->base.window;
  size_t kept = n < room ? n : room;
  if (steps->type == REDIS_REPLY_STRING && steps->len % SOL_STEP_SIZE) {
    store->damaged++;
    kept = 0;
  }
  if (kept) sol_steps_decode((const uint8_t *)steps->str + (n - kept) * SOL_STEP_SIZE, kept, window->steps);
  window->count = kept;
}

static void empty(solid_window *window) {
  *window = (solid_window){.steps = window->steps};
}

/* Runs one script for each user of a batch in one exchange; those it was missing for (after a SCRIPT FLUSH) again. */
static solid_status run_scripts(batch *b, size_t n, solid_status (*send)(batch *b, size_t i), sol_redis_reply_fn take) {
  redis_store *store = b->store;
  if (n == 0) return SOLID_OK;
  if (n > store->n_pending) {
    size_t *pending = n <= SIZE_MAX / sizeof *pending ? realloc(store->pending, sizeof *pending * n) : NULL;
    if (!pending) return solid_fail(SOLID_ENOMEM, "redis store: batch of %zu users", n);
    store->pending = pending;
    store->n_pending = n;
  }
  b->pending = store->pending;
  for (size_t i = 0; i < n; i++) b->pending[i] = i;
  solid_status status = sol_redis_ready(&store->conn);
  for (int round = 0; n && !status; round++) {
    if (round == SOL_SCRIPT_ROUNDS) return solid_fail(SOLID_EIO, "%s: scripts vanish when loaded", store->conn.name);
    if (round) status = sol_redis_load_scripts(&store->conn);
    for (size_t i = 0; i < n && !status; i++) status = send(b, b->pending[i]);
    b->n_missing = 0;
    if (!status) status = sol_redis_exchange(&store->conn, n, take, b);
    n = b->n_missing;
  }
  return status;
}

int sol_redis_is_missing(const redisReply *reply) {
  return reply->type == REDIS_REPLY_ERROR && begins_with(reply, "NOSCRIPT");
}

/* 1 if the script is not loaded: the user is put among those to be sent again. */
static int is_missing(batch *b, size_t i, const redisReply *reply) {
  if (!sol_redis_is_missing(reply)) return 0;
  b->pending[b->n_missing++] = b->pending[i];
  return 1;
}

static solid_status send_append(batch *b, size_t i) {
  const solid_append *append = &b->appends[i];
  sol_command cmd;
  begin_script(&cmd, b->store, SOL_SCRIPT_ADVANCE, append->user);
  sol_command_number(&cmd, 0, b->store->base.window);
  sol_command_number(&cmd, 1, draw_ttl(b->store));
  /* steps and positions lie in memory as the script reads them (codec.c) */
  sol_command_bytes(&cmd, append->count ? (const void *)append->steps : "", SOL_STEP_SIZE * append->count);
  sol_command_bytes(&cmd, append->count ? (const void *)append->positions : "",
                    sizeof *append->positions * append->count);
  return queue(b->store, &cmd);
}

static solid_status take_append(void *user, size_t i, const redisReply *reply) {
  batch *b = user;
  size_t who = b->pending[i];
  solid_window *window = &b->windows[who];
  if (is_missing(b, i, reply)) return SOLID_OK;
  solid_status status = judge_user(b, who, reply);
  if (status) return status;
  if (b->statuses[who]) {
    empty(window);
    if (b->applied) b->applied[who] = 0;
    return SOLID_OK;
  }
  if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 4 || reply->element[0]->type != REDIS_REPLY_INTEGER ||
      reply->element[1]->type != REDIS_REPLY_INTEGER || reply->element[2]->type != REDIS_REPLY_STRING)
    return sol_redis_out_of_step(b->store);
  window->seq = (uint64_t)reply->element[0]->integer;
  read_steps(b->store, reply->element[2], window);
  sol_record_peek((const uint8_t *)reply->element[3]->str, reply->element[3]->len, window);
  if (b->applied) b->applied[who] = (size_t)reply->element[1]->integer;
  return SOLID_OK;
}

static solid_status redis_advance(solid_store *base, const solid_append *appends, size_t n, solid_window *windows,
                                  size_t *applied, solid_status *statuses) {
  batch b = {
      .store = (redis_store *)base, .appends = appends, .windows = windows, .applied = applied, .statuses = statuses};
  solid_status status = sol_port_check_appends(appends, n, windows, statuses);
  return status ? status : run_scripts(&b, n, send_append, take_append);
}

static size_t record_size(const solid_params *params) {
  return sol_record_size((solid_element)params->element, params->width, params->count);
}

static solid_status reserve_record(redis_store *store, const solid_params *params, size_t n) {
  size_t size = 0;
  for (size_t i = 0; i < n; i++) size = record_size(&params[i]) > size ? record_size(&params[i]) : size;
  if (size <= store->record_room) return SOLID_OK;
  uint8_t *record = realloc(store->record, size);
  if (!record) return solid_fail(SOLID_ENOMEM, "redis store: record of %zu bytes", size);
  store->record = record;
  store->record_room = size;
  return SOLID_OK;
}

static solid_status send_params(batch *b, size_t i) {
  redis_store *store = b->store;
  sol_command cmd;
  sol_record_encode(&b->made[i], store->record);
  begin_script(&cmd, store, SOL_SCRIPT_PUT, b->users[i]);
  sol_command_bytes(&cmd, store->record, record_size(&b->made[i]));
  sol_command_number(&cmd, 1, draw_ttl(store));
  return queue(store, &cmd);
}

static solid_status take_stored(void *user, size_t i, const redisReply *reply) {
  batch *b = user;
  if (is_missing(b, i, reply)) return SOLID_OK;
  solid_status status = judge_user(b, b->pending[i], reply);
  if (status || b->statuses[b->pending[i]]) return status;
  return reply->type == REDIS_REPLY_INTEGER ? SOLID_OK : sol_redis_out_of_step(b->store);
}

static solid_status redis_put_params(solid_store *base, const solid_bytes *users, const solid_params *params, size_t n,
                                     solid_status *statuses) {
  batch b = {.store = (redis_store *)base, .users = users, .made = params, .statuses = statuses};
  solid_status status = sol_port_check_params(users, params, n, statuses);
  if (!status) status = reserve_record(b.store, params, n);
  return status ? status : run_scripts(&b, n, send_params, take_stored);
}

/* GET params, HMGET window, and with a TTL two PEXPIREs. In this order, so that a writer in between makes the params
 * older than the window and never newer. */
static solid_status send_get(redis_store *store, solid_bytes user) {
  sol_command cmd = {.argc = 0};
  sol_command_text(&cmd, "GET");
  sol_command_key(&cmd, store->options.prefix, user, SOL_KEY_PARAMS);
  solid_status status = queue(store, &cmd);
  cmd.argc = 0;
  sol_command_text(&cmd, "HMGET");
  sol_command_key(&cmd, store->options.prefix, user, SOL_KEY_WINDOW);
  sol_command_text(&cmd, "s");
  sol_command_text(&cmd, "n");
  if (!status) status = queue(store, &cmd);
  int64_t ttl_ms = draw_ttl(store);
  for (int i = 0; i < 2 && ttl_ms && !status; i++) {
    cmd.argc = 0;
    sol_command_text(&cmd, "PEXPIRE");
    sol_command_key(&cmd, store->options.prefix, user, i ? SOL_KEY_PARAMS : SOL_KEY_WINDOW);
    sol_command_number(&cmd, 1, ttl_ms);
    status = queue(store, &cmd);
  }
  return status;
}

static solid_status take_record(batch *b, size_t i, const redisReply *reply) {
  redis_store *store = b->store;
  if (reply->type == REDIS_REPLY_NIL) return SOLID_OK;
  if (reply->type != REDIS_REPLY_STRING) return sol_redis_out_of_step(store);
  sol_record_verdict verdict =
      sol_record_decode((const uint8_t *)reply->str, (size_t)reply->len, b->generation, &b->params[i]);
  b->found[i] = verdict == SOL_RECORD_OK;
  store->damaged += verdict == SOL_RECORD_DAMAGED;
  store->stale += verdict == SOL_RECORD_STALE;
  if (verdict == SOL_RECORD_DAMAGED && store->options.log)
    store->options.log(store->options.log_user, SOLID_LOG_WARN, "redis store: damaged params are taken as not there");
  return SOLID_OK;
}

static solid_status take_window(batch *b, size_t i, const redisReply *reply) {
  solid_window *window = &b->windows[i];
  if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2) return sol_redis_out_of_step(b->store);
  const redisReply *steps = reply->element[0], *seq = reply->element[1];
  read_steps(b->store, steps, window);
  window->seq = seq->type == REDIS_REPLY_STRING ? strtoull(seq->str, NULL, 10) : 0;
  return SOLID_OK;
}

static solid_status take_get(void *user, size_t i, const redisReply *reply) {
  batch *b = user;
  size_t per_user = b->store->options.ttl_ms ? 4 : 2, who = i / per_user;
  /* what a renewal answers changes nothing: a replica that may not renew still serves */
  if (i % per_user >= 2) return SOLID_OK;
  solid_status status = judge_user(b, who, reply);
  if (status) return status;
  if (b->statuses[who]) {
    b->found[who] = 0;
    empty(&b->windows[who]);
    return SOLID_OK;
  }
  return i % per_user == 0 ? take_record(b, who, reply) : take_window(b, who, reply);
}

static solid_status redis_get(solid_store *base, const solid_bytes *users, size_t n, uint64_t generation,
                              solid_window *windows, solid_params *params, uint8_t *found, solid_status *statuses) {
  redis_store *store = (redis_store *)base;
  batch b = {.store = store,
             .windows = windows,
             .params = params,
             .found = found,
             .statuses = statuses,
             .generation = generation};
  solid_status status = sol_port_check_get(users, n, windows, params, found, statuses);
  if (status || n == 0) return status;
  memset(found, 0, n);
  status = sol_redis_ready(&store->conn);
  for (size_t i = 0; i < n && !status; i++) status = send_get(store, users[i]);
  return status ? status : sol_redis_exchange(&store->conn, (store->options.ttl_ms ? 4 : 2) * n, take_get, &b);
}

static void redis_close(solid_store *base) {
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
    .close = redis_close,
};
