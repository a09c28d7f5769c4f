/* Generated parameters into records. */
#include "solid/base/clock.h"
#include "solid/extend.h"
#include "store/record/head.h"
#include "store/record/port.h"
#include "store/redis/redis_parts.h"
#include <stdlib.h>

typedef struct sol_redis_store redis_store;
typedef sol_redis_batch batch;

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
  sol_command_number(cmd, 1, sol_redis_draw_ttl(store));
  sol_command_bytes(cmd, store->epoch.bytes, sizeof store->epoch.bytes);
  sol_redis_add_tag(store, cmd);
  if (made.life || b->apart) sol_command_bytes(cmd, &b->made[i].life, sizeof made.life);
  sol_redis_add_told(b);
}

static solid_status take_stored(batch *b, sol_redis_conn *conn, size_t who, const redisReply *reply) {
  redis_store *store = b->store;
  solid_status status = sol_redis_judge_user(b, conn, who, b->users[who], reply);
  if (status || b->statuses[who]) return status;
  if (reply->type != REDIS_REPLY_INTEGER) return sol_redis_out_of_step(conn);
  sol_redis_wrote(conn);
  if (reply->integer >= 0) return SOLID_OK;
  sol_redis_tell_damaged(store, conn, b->users[who], "record", ": no params are put into it");
  b->statuses[who] = solid_fail(SOLID_EFORMAT, "%s: key %s: damaged record", conn->name,
                                sol_redis_show_key(store, b->users[who]).text);
  return SOLID_OK;
}

solid_status sol_redis_put_params(solid_store *base, const solid_bytes *users, const solid_params *params, size_t n,
                                  solid_status *statuses) {
  batch b = {
      .store = (redis_store *)base, .users = users, .made = params, .statuses = statuses, .now_ms = sol_wall_ms()};
  solid_status status = sol_port_check_params(users, params, n, statuses);
  if (!status) status = reserve_record(b.store, params, n);
  return status ? status : sol_redis_run(&b, n, make_params, take_stored);
}
