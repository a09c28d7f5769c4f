/* While a slot is moved, a user may be on another node than the list of who was forgotten, and no script sees both. Its
 * command says APART then, having changed nothing. The list is asked by itself, and the command sent once more with
 * what it said: nobody waits for the slot. What it said holds meanwhile, since who forgets does wait (forget.lua). */
#include "solid/extend.h"
#include "store/redis/redis_parts.h"
#include <stdio.h>
#include <string.h>

int sol_redis_note_apart(sol_redis_batch *b, size_t i, const redisReply *reply, solid_status *status) {
  sol_redis_store *store = b->store;
  if (b->apart || reply->type != REDIS_REPLY_ERROR || strncmp(reply->str, "APART", 5)) return 0;
  size_t n = store->n_apart;
  *status = sol_redis_grow(&store->apart, &store->apart_room, (n + 1) * sizeof *store->apart, "users of a slot");
  if (!*status) store->apart[store->n_apart++] = (sol_redis_apart){.user = i};
  return 1;
}

static void make_question(sol_redis_batch *b, size_t i) {
  sol_redis_store *store = b->store;
  char tag[16], *key = (char *)store->blob;
  size_t size = sol_key_write(store->options.prefix, sol_redis_user_of(b, i), key);
  int n = snprintf(tag, sizeof tag, ":{%u}", store->tags[sol_slot_of(key, size)]);
  sol_redis_begin_script(&b->cmd, SOL_SCRIPT_GONE);
  sol_command_name(&b->cmd, store->options.prefix, "forgotten", (solid_bytes){tag, (size_t)n});
  sol_command_bytes(&b->cmd, key, size);
}

static solid_status take_answer(sol_redis_batch *b, sol_redis_conn *conn, size_t unused, const redisReply *reply) {
  sol_redis_store *store = b->store;
  sol_redis_apart *of = &store->apart[b->at];
  solid_status status = sol_redis_reply_status(conn, reply);
  (void)unused;
  if (status) return status == SOLID_EFORMAT ? SOLID_EIO : status; /* one by one, once the slot has moved */
  if (reply->type != REDIS_REPLY_STRING) return sol_redis_out_of_step(conn);
  of->at = store->n_told;
  of->size = (size_t)reply->len;
  status = sol_redis_grow(&store->told, &store->told_room, of->at + of->size + 1, "list of who was forgotten");
  if (status) return status;
  memcpy(store->told + of->at, reply->str, of->size);
  store->n_told += of->size;
  return SOLID_OK;
}

solid_status sol_redis_join_apart(sol_redis_batch *b) {
  sol_redis_store *store = b->store;
  sol_redis_batch again = *b;
  size_t n = store->n_apart;
  again.apart = store->apart;
  again.kinds = 1;
  store->n_told = 0;
  again.is_settling = 0; /* a question changes nothing */
  solid_status status = sol_redis_grow(&store->blob, &store->blob_room, SOL_KEY_MAX, "key");
  if (!status) status = sol_redis_run(&again, n, make_question, take_answer);
  again.is_settling = b->is_settling;
  return status ? status : sol_redis_run(&again, n, b->make, b->take);
}

void sol_redis_add_told(sol_redis_batch *b) {
  if (b->apart) sol_command_bytes(&b->cmd, b->store->told + b->apart[b->at].at, b->apart[b->at].size);
}
