/* The calls about attention states: one key and one script each. */
#include "solid/extend.h"
#include "store/record/page.h"
#include "store/record/port.h"
#include "store/redis/redis_parts.h"
#include <string.h>

typedef sol_redis_batch batch;

/* Up to so many bytes the script is asked, which says how many there are instead of sending more. */
enum { SMALL_ROOM = 16384 };

/* ---- Reading ---- */

void sol_redis_make_state(batch *b, solid_bytes user, const solid_state *state, uint32_t count) {
  sol_redis_store *store = b->store;
  sol_command *cmd = &b->cmd;
  sol_redis_begin_script(cmd, SOL_SCRIPT_GET_STATE);
  sol_command_part(cmd, store->options.prefix, user, SOL_KEY_STATE);
  /* generation and selector lie side by side, as in the head */
  sol_command_bytes(cmd, &state->generation, sizeof state->generation + sizeof state->selector);
  sol_command_number(cmd, 0, state->first);
  sol_command_number(cmd, 1, count);
  sol_command_number(cmd, 2, state->room_size > INT64_MAX / 2 ? INT64_MAX / 2 : (int64_t)state->room_size);
  sol_command_number(cmd, 3, sol_redis_long_ttl(store));
}

/* The head and all parts that are asked for. A script would have to make strings of them, of which Redis reads every
 * byte to hash it: that takes several times as long as to send them. Where there turns out to be no room for them they
 * are not read to their end, and the script is asked. */
static void make_parts(batch *b, solid_bytes user, const solid_state *state) {
  sol_command *cmd = &b->cmd;
  sol_command_text(cmd, "HMGET");
  sol_command_part(cmd, b->store->options.prefix, user, SOL_KEY_STATE);
  sol_command_text(cmd, "h");
  cmd->most = state->room_size > SIZE_MAX / 2
                  ? 0
                  : state->room_size + SOL_STATE_HEAD + (size_t)state->count * (SOL_SUM_SIZE + 24) + 64;
  cmd->first_field = state->first;
  cmd->n_fields = state->count;
}

/* 0: a part is missing, cut off or changed. */
static int read_parts(const redisReply *reply, uint32_t n_parts, solid_state *state) {
  uint32_t due = n_parts > state->first ? n_parts - state->first : 0;
  uint32_t n = due < state->count ? due : state->count;
  if (reply->elements - 1 < n) return 0;
  for (size_t i = 1; i <= n; i++) {
    const redisReply *part = reply->element[i];
    uint32_t number = state->first + (uint32_t)i - 1;
    uint64_t sum;
    if (part->type != REDIS_REPLY_STRING || part->len < SOL_SUM_SIZE || part->len > SOLID_STATE_MAX) return 0;
    size_t size = (size_t)part->len - SOL_SUM_SIZE;
    memcpy(&sum, part->str + size, SOL_SUM_SIZE);
    if (sum != sol_state_sum(&state->stamp, number, part->str, size)) return 0;
    sol_port_add_part(state, number, (const uint8_t *)part->str, (uint32_t)size);
  }
  return 1;
}

/* Of a sound head: the parts, or how many bytes they have, or nothing. */
static void read_state(const redisReply *reply, uint32_t n_parts, const solid_state_stamp *stamp, solid_state *state) {
  solid_state_found found = sol_port_judge_state(stamp, UINT64_MAX, state); /* the seq is judged with the window */
  sol_port_begin_state(state, found, stamp, n_parts);
  if (found != SOLID_STATE_FOUND) return;
  if (reply->elements == 2 && reply->element[1]->type == REDIS_REPLY_INTEGER) {
    state->found = SOLID_STATE_LARGE;
    state->size = (size_t)reply->element[1]->integer;
  } else if (read_parts(reply, n_parts, state)) {
    sol_port_end_state(state);
  } else {
    state->found = SOLID_STATE_DAMAGED;
    state->n_read = 0;
  }
}

solid_status sol_redis_take_state(batch *b, sol_redis_conn *conn, size_t i, solid_bytes user, const redisReply *reply,
                                  solid_state *state) {
  solid_state_stamp stamp;
  uint32_t n_parts;
  sol_port_begin_state(state, SOLID_STATE_NONE, NULL, 0);
  solid_status status = b->statuses[i] ? SOLID_OK : sol_redis_judge_user(b, conn, i, user, reply);
  if (status || b->statuses[i]) return status;
  if (reply->type != REDIS_REPLY_ARRAY) return sol_redis_out_of_step(conn);
  if (!reply->elements) return SOLID_OK;
  const redisReply *head = reply->element[0];
  if (head->type == REDIS_REPLY_NIL) return SOLID_OK;
  if (head->type != REDIS_REPLY_STRING) return sol_redis_out_of_step(conn);
  if (sol_state_head_decode((const uint8_t *)head->str, (size_t)head->len, &stamp, &n_parts))
    read_state(reply, n_parts, &stamp, state);
  else
    state->found = SOLID_STATE_DAMAGED;
  if (state->found == SOLID_STATE_DAMAGED) sol_redis_tell_damaged(b->store, conn, user, "state", ": to be made anew");
  return SOLID_OK;
}

void sol_redis_judge_state(solid_state *state, uint64_t birth, uint64_t seq) {
  if (state->found == SOLID_STATE_NONE) return;
  int is_other = state->stamp.birth && state->stamp.birth != birth;
  if (is_other || !birth)
    sol_port_begin_state(state, SOLID_STATE_NONE, NULL, 0);
  else if (state->stamp.seq > seq && state->found != SOLID_STATE_OTHER) {
    state->found = SOLID_STATE_DAMAGED;
    state->n_read = 0;
  }
}

/* Head and parts; and the head by the script, which renews the lifetime. */
static void make_get(batch *b, size_t i) {
  const solid_state *state = &b->states[i];
  int by_script = state->room_size <= SMALL_ROOM || b->store->notes[i].is_large;
  if (b->kind == 0 && by_script)
    sol_redis_make_state(b, b->users[i], state, state->count);
  else if (b->kind == 0)
    make_parts(b, b->users[i], state);
  else if (b->store->options.ttl_ms && !by_script)
    sol_redis_make_state(b, b->users[i], state, 0);
}

static solid_status take_get(batch *b, sol_redis_conn *conn, size_t i, const redisReply *reply) {
  if (b->kind != 0) return b->statuses[i] ? SOLID_OK : sol_redis_judge_user(b, conn, i, b->users[i], reply);
  solid_status status = sol_redis_take_state(b, conn, i, b->users[i], reply, &b->states[i]);
  if (!status) sol_redis_judge_state(&b->states[i], b->births[i], UINT64_MAX);
  return status;
}

solid_status sol_redis_get_states(solid_store *base, const solid_bytes *users, const uint64_t *births, size_t n,
                                  solid_state *states, solid_status *statuses) {
  uint8_t is_reading = 0;
  batch b = {.store = (sol_redis_store *)base,
             .users = users,
             .births = births,
             .states = states,
             .statuses = statuses,
             .kinds = 2,
             .found = &is_reading};
  solid_status status = sol_port_check_states(users, births, n, states, statuses);
  if (!status) status = sol_redis_begin_notes(b.store, n);
  return status ? status : sol_redis_run(&b, n, make_get, take_get);
}

/* ---- Writing ---- */

static size_t blob_size(const solid_state_put *put) {
  size_t size = 0;
  for (size_t i = 0; i < put->n; i++) size += 8 + put->parts[i].size + SOL_SUM_SIZE;
  return size;
}

static void pack(const solid_state_put *put, uint8_t *out) {
  for (size_t i = 0; i < put->n; i++) {
    const solid_state_part *part = &put->parts[i];
    uint32_t size = part->size + SOL_SUM_SIZE;
    uint64_t sum = sol_state_sum(&put->stamp, part->number, part->data, part->size);
    memcpy(out, &part->number, 4);
    memcpy(out + 4, &size, 4);
    if (part->size) memcpy(out + 8, part->data, part->size);
    memcpy(out + 8 + part->size, &sum, SOL_SUM_SIZE);
    out += 8 + size;
  }
}

static void make_put(batch *b, size_t i) {
  sol_redis_store *store = b->store;
  const solid_state_put *put = &b->puts[i];
  sol_command *cmd = &b->cmd;
  size_t size = blob_size(put);
  sol_state_head_encode(&put->stamp, 1, store->state_head); /* the script counts the parts */
  pack(put, store->blob);
  sol_redis_begin_script(cmd, SOL_SCRIPT_PUT_STATE);
  sol_command_part(cmd, store->options.prefix, put->user, SOL_KEY_STATE);
  sol_command_bytes(cmd, store->state_head, SOL_STATE_HEAD);
  sol_command_bytes(cmd, &put->after, put->after ? sizeof put->after : 0);
  sol_command_number(cmd, 0, sol_redis_long_ttl(store));
  sol_command_bytes(cmd, store->blob, size);
}

static solid_status take_put(batch *b, sol_redis_conn *conn, size_t i, const redisReply *reply) {
  solid_status status = sol_redis_judge_user(b, conn, i, b->puts[i].user, reply);
  b->stored[i] = 0;
  if (status || b->statuses[i]) return status;
  if (reply->type != REDIS_REPLY_INTEGER) return sol_redis_out_of_step(conn);
  sol_redis_wrote(conn);
  b->stored[i] = reply->integer == 1;
  return SOLID_OK;
}

solid_status sol_redis_put_states(solid_store *base, const solid_state_put *puts, size_t n, uint8_t *stored,
                                  solid_status *statuses) {
  batch b = {.store = (sol_redis_store *)base, .puts = puts, .stored = stored, .statuses = statuses};
  size_t most = 0;
  solid_status status = sol_port_check_puts(puts, n, stored, statuses);
  for (size_t i = 0; i < n && !status; i++) most = blob_size(&puts[i]) > most ? blob_size(&puts[i]) : most;
  if (!status) status = sol_redis_grow(&b.store->blob, &b.store->blob_room, most, "state");
  return status ? status : sol_redis_run(&b, n, make_put, take_put);
}
