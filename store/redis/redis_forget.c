/* Forgets users: one script each, in one exchange (forget.lua). No epoch is needed to remove something that
 * no event asks for. */
#include "solid/base/clock.h"
#include "store/record/head.h"
#include "store/record/port.h"
#include "store/redis/redis_parts.h"

static void make_forget(sol_redis_batch *b, size_t i) {
  sol_redis_store *store = b->store;
  sol_command *cmd = &b->cmd;
  const solid_forgetting *one = &b->forgettings[i];
  b->asked_ms = one->time_ms ? one->time_ms : b->now_ms;
  sol_redis_begin_script(cmd, SOL_SCRIPT_FORGET);
  sol_command_key(cmd, store->options.prefix, one->user);
  sol_redis_add_tag(store, cmd);
  sol_command_bytes(cmd, b->secret.bytes, sizeof b->secret.bytes);
  sol_command_bytes(cmd, &b->asked_ms, sizeof b->asked_ms);
  sol_command_bytes(cmd, &one->position, sizeof one->position);
  sol_command_bytes(cmd, store->epoch.bytes, store->is_writer ? sizeof store->epoch.bytes : 0);
}

static solid_status take_forgotten(sol_redis_batch *b, sol_redis_conn *conn, size_t who, const redisReply *reply) {
  solid_status status = sol_redis_judge_write(b, conn, who, b->forgettings[who].user, reply);
  if (b->had) b->had[who] = 0;
  if (status || b->statuses[who]) return status;
  if (reply->type != REDIS_REPLY_INTEGER) {
    b->statuses[who] = SOLID_EUNKNOWN;
    return sol_redis_out_of_step(conn);
  }
  sol_redis_wrote(conn);
  if (b->had) b->had[who] = reply->integer == 1;
  return SOLID_OK;
}

solid_status sol_redis_forget(solid_store *base, const solid_forgetting *forgettings, size_t n, uint8_t *had,
                              solid_status *statuses) {
  sol_redis_batch b = {.store = (sol_redis_store *)base,
                       .forgettings = forgettings,
                       .had = had,
                       .statuses = statuses,
                       .now_ms = sol_wall_ms()};
  solid_status status = sol_port_check_forget(forgettings, n, statuses);
  if (status || n == 0) return status;
  sol_redis_begin_writing(&b, n);
  status = sol_port_draw_epoch(&b.secret);
  if (!status) status = sol_redis_run(&b, n, make_forget, take_forgotten);
  return sol_redis_end_writing(&b, n, status);
}
