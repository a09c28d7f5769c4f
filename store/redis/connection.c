#include "store/redis/connection.h"
#include "solid/base/clock.h"
#include "solid/base/text.h"
#include "solid/extend.h"
#include "store/redis/errors.h"
#include <hiredis/sds.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void sol_redis_log(const sol_redis_conn *conn, solid_log_level level, const char *format, ...) {
  char line[1024]; /* a key may be shown in full */
  va_list args;
  if (!conn->options->log) return;
  va_start(args, format);
  vsnprintf(line, sizeof line, format, args);
  va_end(args);
  conn->options->log(conn->options->log_user, level, line);
}

static void set_name(sol_redis_conn *conn, const sol_place *place) {
  memcpy(conn->name, "redis ", sizeof "redis ");
  sol_place_write(place, conn->name + strlen(conn->name), sizeof conn->name - strlen(conn->name));
}

void sol_redis_init(sol_redis_conn *conn, const sol_redis_options *options, const sol_place *places, size_t n_places) {
  memset(conn, 0, sizeof *conn);
  conn->options = options;
  conn->places = places;
  conn->n_places = n_places;
  conn->replicas = -1;
  conn->too_long = SOL_NO_REPLY;
  set_name(conn, &places[0]);
  conn->random.state = (uint64_t)sol_steady_ns() ^ (uint64_t)sol_wall_ms() << 20 ^ (uint64_t)getpid() << 44;
}

void sol_redis_discard(sol_redis_conn *conn) {
  conn->out_size = conn->out_sent = conn->n_queued = conn->n_taken = conn->due = conn->out_due = 0;
}

void sol_redis_close(sol_redis_conn *conn) {
  sol_transport_close(&conn->transport);
  if (conn->reader) redisReaderFree(conn->reader);
  conn->reader = NULL;
  conn->is_elsewhere = 0;
  sol_redis_discard(conn);
}

void sol_redis_end(sol_redis_conn *conn) {
  sol_redis_close(conn);
  free(conn->out);
  free(conn->queued);
}

/* Delay before the next attempt: none after one failure, then doubling, shortened at random by up to a half. */
static int64_t backoff_ms(sol_redis_conn *conn) {
  if (conn->failures <= 1) {
    conn->backoff = (sol_backoff){conn->options->backoff_min_ms, conn->options->backoff_max_ms, 0};
    return 0;
  }
  return (int64_t)((double)sol_backoff_next(&conn->backoff) * (1.0 - 0.5 * sol_random_uniform(&conn->random)));
}

static void set_why(sol_redis_conn *conn, solid_status status, const char *why) {
  char text[sizeof conn->why];
  snprintf(text, sizeof text, "%s", why);
  memcpy(conn->why, text, sizeof text);
  conn->why_status = status;
}

/* `why` may be a text of what is closed here. */
solid_status sol_redis_lose(sol_redis_conn *conn, solid_status status, const char *why) {
  if (!conn->is_elsewhere) set_why(conn, status, why);
  sol_redis_close(conn);
  if (conn->failures < UINT32_MAX) conn->failures++;
  conn->retry_at_ms = sol_steady_ms() + backoff_ms(conn);
  /* One warning an outage: what follows until the server answers again is the same one. */
  sol_redis_log(conn, conn->failures == 1 ? SOLID_LOG_WARN : SOLID_LOG_DEBUG, "%s: %s", conn->name, conn->why);
  return solid_fail(conn->why_status, "%s: %s", conn->name, conn->why);
}

solid_status sol_redis_drop(sol_redis_conn *conn, const char *why) {
  return sol_redis_lose(conn, SOLID_EIO, why);
}

/* What READONLY means now: a replica may become master within the time that is given for it. */
static solid_status judge_readonly(sol_redis_conn *conn) {
  int64_t now_ms = sol_steady_ms();
  if (!conn->readonly_ms) conn->readonly_ms = now_ms;
  return now_ms - conn->readonly_ms < conn->options->readonly_ms ? SOLID_EIO : SOLID_EREFUSED;
}

void sol_redis_wrote(sol_redis_conn *conn) {
  conn->readonly_ms = 0;
}

/* What a server said of something that is known: without the script that it was in, and the full stop where it goes on.
 */
static size_t length_of(const redisReply *reply, int goes_on) {
  const char *script = strstr(reply->str, " script: ");
  size_t said = script ? (size_t)(script - reply->str) : (size_t)reply->len;
  return goes_on && said > 0 && reply->str[said - 1] == '.' ? said - 1 : said;
}

solid_status sol_redis_reply_status(sol_redis_conn *conn, const redisReply *reply) {
  if (reply->type != REDIS_REPLY_ERROR) return SOLID_OK;
  const sol_error *error = sol_error_find(reply->str);
  solid_status status = error->status;
  if (error->kind == SOL_ERROR_READONLY) status = judge_readonly(conn);
  if (error->kind == SOL_ERROR_UNKNOWN && !conn->is_proven) status = SOLID_EREFUSED;
  char text[sizeof conn->why];
  const char *what = error->kind == SOL_ERROR_READONLY && solid_status_is_retriable(status) ? NULL : error->what;
  size_t said = error->kind == SOL_ERROR_UNKNOWN ? (size_t)reply->len : length_of(reply, what != NULL);
  snprintf(text, sizeof text, "%.*s%s%s", 160, sol_show(reply->str, said).text, what ? ": " : "", what ? what : "");
  if (error->is_elsewhere && !conn->is_elsewhere) {
    set_why(conn, status, text);
    conn->is_elsewhere = 1;
  }
  return solid_fail(status, "%s: %s", conn->name, text);
}

/* Room for `size` more bytes of an array that grows. NULL: no memory, and it is as it was. */
static void *grow(void *array, size_t used, size_t more, size_t each, size_t *room) {
  if (used + more <= *room) return array;
  size_t wanted = *room ? 2 * *room : 64;
  while (wanted < used + more) wanted *= 2;
  void *grown = wanted <= SIZE_MAX / each ? realloc(array, wanted * each) : NULL;
  if (grown) *room = wanted;
  return grown;
}

/* The command with the numbers behind its words. */
static int format_fields(sds *text, const sol_command *cmd) {
  enum { DIGITS = 11 };
  size_t words = (size_t)cmd->argc, n = words + cmd->n_fields;
  char *memory = malloc(n * (sizeof(char *) + sizeof(size_t) + DIGITS));
  if (!memory) return -1;
  const char **argv = (const char **)(void *)memory;
  size_t *sizes = (size_t *)(void *)(argv + n);
  char *digits = (char *)(sizes + n);
  memcpy(argv, cmd->argv, words * sizeof *argv);
  memcpy(sizes, cmd->sizes, words * sizeof *sizes);
  for (size_t i = words; i < n; i++, digits += DIGITS) {
    argv[i] = digits;
    sizes[i] = (size_t)snprintf(digits, DIGITS, "%u", cmd->first_field + (uint32_t)(i - words));
  }
  int size = (int)redisFormatSdsCommandArgv(text, (int)n, argv, sizes);
  free(memory);
  return size;
}

solid_status sol_redis_queue(sol_redis_conn *conn, size_t number, const sol_command *cmd) {
  sds text = NULL;
  const char *argv[SOL_COMMAND_WORDS];
  size_t sizes[SOL_COMMAND_WORDS];
  memcpy(argv, cmd->argv, sizeof argv);
  memcpy(sizes, cmd->sizes, sizeof sizes);
  if (cmd->script) argv[1] = conn->sha[cmd->script - 1], sizes[1] = SOL_REDIS_SHA_SIZE;
  /* the other form prints each size by sprintf */
  int size = cmd->n_fields ? format_fields(&text, cmd) : (int)redisFormatSdsCommandArgv(&text, cmd->argc, argv, sizes);
  char *out = size > 0 ? grow(conn->out, conn->out_size, (size_t)size, 1, &conn->out_room) : NULL;
  if (out) conn->out = out;
  sol_redis_due *queued = grow(conn->queued, conn->n_queued, 1, sizeof *queued, &conn->queued_room);
  if (queued) conn->queued = queued;
  if (out && queued) {
    memcpy(out + conn->out_size, text, (size_t)size);
    conn->out_size += (size_t)size;
    queued[conn->n_queued++] = (sol_redis_due){number, cmd->most};
  }
  if (size > 0) redisFreeSdsCommand(text);
  return out && queued ? SOLID_OK : sol_redis_lose(conn, SOLID_ENOMEM, "out of memory for a command");
}

static solid_status expect_done(void *user, sol_redis_conn *conn, size_t number, const redisReply *reply) {
  (void)user, (void)number;
  return sol_redis_reply_status(conn, reply);
}

static solid_status queue_words(sol_redis_conn *conn, size_t number, const char *first, const char *second,
                                const char *third) {
  sol_command cmd = {.argc = 0};
  sol_command_text(&cmd, first);
  if (second) sol_command_text(&cmd, second);
  if (third) sol_command_text(&cmd, third);
  return sol_redis_queue(conn, number, &cmd);
}

static solid_status take_sha(void *user, sol_redis_conn *conn, size_t number, const redisReply *reply) {
  solid_status status = sol_redis_reply_status(conn, reply);
  (void)user;
  if (status) return status;
  if (reply->type != REDIS_REPLY_STRING || reply->len != SOL_REDIS_SHA_SIZE)
    return solid_fail(SOLID_EIO, "%s: SCRIPT LOAD gave no hash", conn->name);
  memcpy(conn->sha[number], reply->str, SOL_REDIS_SHA_SIZE + 1);
  return SOLID_OK;
}

solid_status sol_redis_load_scripts(sol_redis_conn *conn) {
  for (size_t i = 0; i < SOL_REDIS_SCRIPTS && conn->options->scripts[i]; i++) {
    solid_status status = queue_words(conn, i, "SCRIPT", "LOAD", conn->options->scripts[i]);
    if (status) return status;
  }
  return conn->n_queued ? sol_redis_exchange_one(conn, take_sha, NULL) : SOLID_OK;
}

/* Who we are and what we need. */
static solid_status greet(sol_redis_conn *conn) {
  const sol_redis_options *o = conn->options;
  solid_status status = SOLID_OK;
  if (o->password) {
    status = queue_words(conn, 0, "AUTH", o->username ? o->username : o->password, o->username ? o->password : NULL);
    if (!status) status = sol_redis_exchange_one(conn, expect_done, NULL);
  }
  if (!status && o->database) {
    char number[16];
    snprintf(number, sizeof number, "%u", o->database);
    status = queue_words(conn, 0, "SELECT", number, NULL);
    if (!status) status = sol_redis_exchange_one(conn, expect_done, NULL);
  }
  if (!status && (o->is_asked || o->is_choosy)) status = sol_redis_identify(conn);
  return status ? status : sol_redis_load_scripts(conn);
}

/* One attempt. */
static solid_status connect_to(sol_redis_conn *conn, const sol_place *place) {
  int64_t deadline_ms = sol_steady_ms() + conn->options->connect_timeout_ms;
  set_name(conn, place);
  solid_status status = sol_transport_open(&conn->transport, place, conn->options->tls, deadline_ms);
  if (status) return sol_redis_lose(conn, status, conn->transport.why);
  conn->reader = redisReaderCreate();
  if (!conn->reader) return sol_redis_lose(conn, SOLID_ENOMEM, "out of memory for a connection");
  status = greet(conn);
  if (status && conn->transport.is_open)
    status = sol_redis_lose(conn, status, solid_last_error() + strlen(conn->name) + 2);
  return status;
}

static solid_status reconnect(sol_redis_conn *conn) {
  int64_t wait_ms = conn->retry_at_ms - sol_steady_ms();
  if (conn->failures && wait_ms > 0)
    return solid_fail(conn->why_status, "%s: %s; next attempt in %lld ms", conn->name, conn->why, (long long)wait_ms);
  solid_status status = SOLID_EIO;
  if (conn->find) {
    status = conn->find(conn->find_user, &conn->found);
    if (status) return sol_redis_lose(conn, status, solid_last_error());
    status = connect_to(conn, &conn->found);
  } else {
    for (size_t i = 0; i < conn->n_places && status; i++) {
      size_t at = (conn->at + i) % conn->n_places;
      status = connect_to(conn, &conn->places[at]);
      if (!status) conn->at = at;
    }
  }
  if (status) return status;
  if (conn->connections++) sol_redis_log(conn, SOLID_LOG_INFO, "%s: connected again", conn->name);
  return SOLID_OK;
}

solid_status sol_redis_ready(sol_redis_conn *conn) {
  if (!conn->transport.is_open) return reconnect(conn);
  /* Nothing was asked, so nothing may have come: bytes, or the end of the stream, mean that this connection is over.
   * To notice it now keeps the batch at hand from failing with it. */
  int is_clean = conn->reader->pos == conn->reader->len && conn->n_queued == 0;
  if (is_clean && sol_transport_is_quiet(&conn->transport)) return SOLID_OK;
  sol_redis_lose(conn, SOLID_EIO, is_clean ? "the server ended the connection" : "the connection is out of step");
  return reconnect(conn);
}
