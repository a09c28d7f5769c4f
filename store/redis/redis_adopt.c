/* Records of the layout before this one: two keys a user, <prefix>{user}:w and <prefix>{user}:p, and no epoch. They are
 * found by a SCAN, page by page; old_record.c says what is in them. That layout knew no clusters: there is one server.
 */
#include "solid/extend.h"
#include "store/record/port.h"
#include "store/redis/old_record.h"
#include "store/redis/redis_parts.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OLD_KEY_MAX = SOL_KEY_MAX + 2, PAGE = 256 };

typedef struct old_key {
  char text[OLD_KEY_MAX]; /* of the window; the params' ends with another letter */
  size_t size;
} old_key;

/* A page of keys and what is done about them. */
typedef struct scan {
  sol_redis_store *store;
  char cursor[24];
  old_key *keys;
  size_t n, room;
  solid_store_epoch epoch;
  solid_redis_stream_fn stream_of;
  void *stream_user;
  sol_old_record old; /* of the key at hand */
  size_t n_queued;
  size_t n_asked; /* number of the next command */
  uint64_t users;
} scan;

static sol_redis_conn *first(const sol_redis_store *store) {
  return &store->cluster.nodes[0]->conn;
}

static solid_status send(scan *s, const sol_command *cmd) {
  return sol_redis_queue(first(s->store), s->n_asked++, cmd);
}

static int is_old(const sol_redis_store *store, const redisReply *key) {
  size_t prefix = strlen(store->options.prefix);
  return key->type == REDIS_REPLY_STRING && (size_t)key->len < OLD_KEY_MAX && (size_t)key->len > prefix + 4 &&
         !memcmp(key->str, store->options.prefix, prefix) && key->str[prefix] == '{' &&
         !memcmp(key->str + key->len - 3, "}:w", 3);
}

static solid_status take_page(void *user, sol_redis_conn *conn, size_t unused, const redisReply *reply) {
  scan *s = user;
  (void)unused;
  solid_status status = sol_redis_reply_status(conn, reply);
  if (status) return status;
  if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 || reply->element[0]->type != REDIS_REPLY_STRING ||
      (size_t)reply->element[0]->len >= sizeof s->cursor || reply->element[1]->type != REDIS_REPLY_ARRAY)
    return sol_redis_out_of_step(conn);
  const redisReply *keys = reply->element[1];
  memcpy(s->cursor, reply->element[0]->str, (size_t)reply->element[0]->len + 1);
  if (keys->elements > s->room) {
    old_key *more = realloc(s->keys, sizeof *more * keys->elements);
    if (!more) return solid_fail(SOLID_ENOMEM, "redis store: page of %zu keys", keys->elements);
    s->keys = more;
    s->room = keys->elements;
  }
  s->n = 0;
  for (size_t i = 0; i < keys->elements; i++) {
    const redisReply *key = keys->element[i];
    if (!is_old(s->store, key)) continue;
    old_key *to = &s->keys[s->n++];
    to->size = (size_t)key->len;
    memcpy(to->text, key->str, to->size);
  }
  return SOLID_OK;
}

/* The next page; the cursor is "0" behind the last one. */
static solid_status next_page(scan *s) {
  char pattern[2 * SOL_KEY_PREFIX_MAX + 8], *to = pattern;
  sol_command cmd = {.argc = 0};
  for (const char *from = s->store->options.prefix; *from; *to++ = *from++)
    if (strchr("*?[]\\", *from)) *to++ = '\\';
  strcpy(to, "{*}:w");
  sol_command_text(&cmd, "SCAN");
  sol_command_text(&cmd, *s->cursor ? s->cursor : "0");
  sol_command_text(&cmd, "MATCH");
  sol_command_text(&cmd, pattern);
  sol_command_text(&cmd, "COUNT");
  sol_command_number(&cmd, 0, PAGE);
  return sol_redis_ask(s->store, &cmd, take_page, s);
}

static int is_last(const scan *s) {
  return !strcmp(s->cursor, "0");
}

static solid_status take_any(void *user, sol_redis_conn *conn, size_t i, const redisReply *reply) {
  (void)user, (void)i;
  return sol_redis_reply_status(conn, reply);
}

static solid_status queue_words(scan *s, const char *word, const void *key, size_t size, const char *more) {
  sol_command cmd = {.argc = 0};
  sol_command_text(&cmd, word);
  sol_command_bytes(&cmd, key, size);
  if (more) sol_command_text(&cmd, more);
  return send(s, &cmd);
}

static solid_status queue_unlink(scan *s, const old_key *key) {
  char params[OLD_KEY_MAX];
  sol_command cmd = {.argc = 0};
  memcpy(params, key->text, key->size);
  params[key->size - 1] = 'p';
  sol_command_text(&cmd, "UNLINK");
  sol_command_bytes(&cmd, key->text, key->size);
  sol_command_bytes(&cmd, params, key->size);
  s->n_queued++;
  return send(s, &cmd);
}

/* The record under its new name, the time that was left, and only then the end of the old one: whenever this stops, it
 * can be begun again. */
static solid_status queue_record(scan *s, const old_key *key) {
  uint8_t head[SOL_HEAD_MAX];
  char time[24];
  sol_command cmd = {.argc = 0};
  s->old.head.epoch = s->epoch;
  size_t head_size = sol_head_encode(&s->old.head, head), size = key->size - 2;
  sol_command_text(&cmd, "HSET");
  sol_command_bytes(&cmd, key->text, size);
  sol_command_text(&cmd, "h");
  sol_command_bytes(&cmd, head, head_size);
  sol_command_text(&cmd, "s");
  sol_command_bytes(&cmd, s->old.steps, s->old.steps_size);
  if (s->old.head.has_params) {
    sol_command_text(&cmd, "p");
    sol_command_bytes(&cmd, s->old.body, s->old.body_size);
  }
  solid_status status = send(s, &cmd);
  s->n_queued++;
  if (!status && s->old.ttl_ms > 0) {
    snprintf(time, sizeof time, "%lld", (long long)s->old.ttl_ms);
    status = queue_words(s, "PEXPIRE", key->text, size, time);
    s->n_queued++;
  }
  s->users++;
  return status ? status : queue_unlink(s, key);
}

/* Answers of HGETALL, GET and PTTL of each key; with the third one the new record is on its way. */
static solid_status take_old(void *user, sol_redis_conn *conn, size_t i, const redisReply *reply) {
  scan *s = user;
  const old_key *key = &s->keys[i / 3];
  (void)conn;
  if (i % 3 == 0) {
    sol_old_clear(&s->old);
    return sol_old_window(&s->old, reply, s->stream_of, s->stream_user);
  }
  if (i % 3 == 1) return sol_old_params(&s->old, reply);
  s->old.ttl_ms = reply->type == REDIS_REPLY_INTEGER ? reply->integer : 0;
  if (s->old.is_sound) return queue_record(s, key);
  sol_redis_log(first(s->store), SOLID_LOG_WARN, "redis store: key %s is no record: left alone",
                sol_show(key->text, key->size).text);
  return SOLID_OK;
}

static solid_status adopt_page(scan *s) {
  solid_status status = SOLID_OK;
  s->n_asked = 0;
  for (size_t i = 0; i < s->n && !status; i++) {
    old_key params = s->keys[i];
    params.text[params.size - 1] = 'p';
    status = queue_words(s, "HGETALL", s->keys[i].text, params.size, NULL);
    if (!status) status = queue_words(s, "GET", params.text, params.size, NULL);
    if (!status) status = queue_words(s, "PTTL", s->keys[i].text, params.size, NULL);
  }
  s->n_queued = 0;
  if (!status && s->n) status = sol_redis_exchange_one(first(s->store), take_old, s);
  return status || !s->n_queued ? status : sol_redis_exchange_one(first(s->store), take_any, s);
}

static solid_status forget_page(scan *s) {
  solid_status status = SOLID_OK;
  s->n_queued = 0;
  for (size_t i = 0; i < s->n && !status; i++) status = queue_unlink(s, &s->keys[i]);
  s->users += s->n;
  return status || !s->n ? status : sol_redis_exchange_one(first(s->store), take_any, s);
}

static solid_status walk(scan *s, solid_status (*page)(scan *s)) {
  solid_status status;
  do {
    status = next_page(s);
    if (!status) status = page(s);
  } while (!status && !is_last(s));
  sol_old_clear(&s->old);
  free(s->keys);
  return status;
}

static solid_status find_page(scan *s) {
  if (!s->n) return SOLID_OK;
  return solid_fail(
      SOLID_EUNSUPPORTED,
      "%s: key %s is a record of an earlier layout: start with --adopt-marks (what was applied counts for "
      "the one topic that is read) or with --rebuild (everything is read again)",
      first(s->store)->name, sol_show(s->keys[0].text, s->keys[0].size).text);
}

static solid_status read_adopting(sol_redis_store *store, solid_store_epoch *epoch, size_t *size) {
  *size = sizeof epoch->bytes;
  return sol_redis_read_name(store, "epoch:adopting", sizeof epoch->bytes, epoch->bytes, size);
}

solid_status sol_redis_check_old(sol_redis_store *store) {
  solid_store_epoch unused;
  size_t size;
  scan s = {.store = store};
  solid_status status = read_adopting(store, &unused, &size);
  if (status) return status;
  if (size)
    return solid_fail(SOLID_EUNSUPPORTED,
                      "%s: records of an earlier layout were being taken over, and not all are: start with "
                      "--adopt-marks again, or with --rebuild",
                      first(store)->name);
  return walk(&s, find_page);
}

static solid_status check_store(solid_store *base) {
  if (base && base->ops == &sol_redis_ops) return SOLID_OK;
  return solid_fail(SOLID_EINVAL, "redis store: records of an earlier layout in something else than a redis store");
}

/* The epoch that the new records are of: drawn once, so that a second try goes on with it. */
static solid_status begin_adopting(scan *s) {
  solid_store_epoch drawn;
  size_t size;
  solid_status status = sol_port_draw_epoch(&drawn);
  if (!status) status = sol_redis_set_name(s->store, "epoch:adopting", &drawn, 1);
  if (!status) status = read_adopting(s->store, &s->epoch, &size);
  if (!status && size != sizeof s->epoch.bytes)
    status = solid_fail(SOLID_EIO, "%s: key %sepoch:adopting is gone", first(s->store)->name, s->store->options.prefix);
  return status;
}

solid_status solid_redis_store_adopt(solid_store *base, solid_redis_stream_fn stream_of, void *stream_user,
                                     uint64_t *users) {
  scan s = {.store = (sol_redis_store *)base, .stream_of = stream_of, .stream_user = stream_user};
  solid_store_epoch there;
  solid_status status = check_store(base);
  if (!status) status = sol_cluster_ready(&s.store->cluster);
  if (status) return status;
  if (s.store->cluster.owners)
    return solid_fail(SOLID_EUNSUPPORTED,
                      "%s: an earlier layout in a cluster, which it did not know: take it over "
                      "where it was written",
                      first(s.store)->name);
  if (!stream_of) return solid_fail(SOLID_EINVAL, "redis store: adopt without a stream for each partition");
  status = sol_redis_epoch(base, &there);
  if (!status)
    return solid_fail(SOLID_EINVAL, "%s: key %sepoch is there: nothing is left to be taken over", first(s.store)->name,
                      s.store->options.prefix);
  if (status == SOLID_ENOTFOUND) status = begin_adopting(&s);
  if (!status) status = walk(&s, adopt_page);
  if (users) *users = s.users;
  if (!status) status = sol_redis_set_name(s.store, "epoch", &s.epoch, 1);
  if (!status) status = sol_redis_epoch_begin(base, 0, &there);
  return status ? status : sol_redis_remove_name(s.store, "epoch:adopting");
}

solid_status solid_redis_store_forget_old(solid_store *base, uint64_t *users) {
  scan s = {.store = (sol_redis_store *)base};
  solid_status status = check_store(base);
  if (!status) status = sol_cluster_ready(&s.store->cluster);
  if (users) *users = 0;
  if (status || s.store->cluster.owners) return status;
  status = walk(&s, forget_page);
  if (!status) status = sol_redis_remove_name(s.store, "epoch:adopting");
  if (users) *users = s.users;
  return status;
}
