/* Names the users, page by page: a SCAN over their keys. */
#include "solid/extend.h"
#include "store/record/port.h"
#include "store/redis/redis_parts.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct page {
  sol_redis_store *store;
  uint64_t *cursor;
  solid_user_fn take;
  void *take_user;
} page;

static solid_status take_page(void *user, size_t unused, const redisReply *reply) {
  page *p = user;
  (void)unused;
  solid_status status = sol_redis_reply_status(&p->store->conn, reply);
  if (status) return status;
  if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 || reply->element[0]->type != REDIS_REPLY_STRING ||
      reply->element[1]->type != REDIS_REPLY_ARRAY)
    return sol_redis_out_of_step(p->store);
  *p->cursor = strtoull(reply->element[0]->str, NULL, 10);
  for (size_t i = 0; i < reply->element[1]->elements; i++) {
    redisReply *key = reply->element[1]->element[i];
    if (key->type != REDIS_REPLY_STRING) return sol_redis_out_of_step(p->store);
    solid_bytes id = sol_key_read(p->store->options.prefix, key->str, (size_t)key->len);
    if (id.size) p->take(p->take_user, id);
  }
  return SOLID_OK;
}

solid_status sol_redis_list(solid_store *base, size_t most, uint64_t *cursor, solid_user_fn take, void *take_user) {
  sol_redis_store *store = (sol_redis_store *)base;
  page p = {store, cursor, take, take_user};
  char pattern[2 * SOL_KEY_PREFIX_MAX + 8], from_here[24], *to = pattern;
  sol_command cmd = {.argc = 0};
  solid_status status = sol_port_check_list(most, cursor, take);
  if (!status) status = sol_redis_ready(&store->conn);
  if (status) return status;
  for (const char *from = store->options.prefix; *from; *to++ = *from++)
    if (strchr("*?[]\\", *from)) *to++ = '\\';
  memcpy(to, "{*}", 4);
  snprintf(from_here, sizeof from_here, "%" PRIu64, *cursor);
  sol_command_text(&cmd, "SCAN");
  sol_command_text(&cmd, from_here);
  sol_command_text(&cmd, "MATCH");
  sol_command_text(&cmd, pattern);
  sol_command_text(&cmd, "COUNT");
  sol_command_number(&cmd, 0, (int64_t)most);
  return sol_redis_ask(store, &cmd, take_page, &p);
}
