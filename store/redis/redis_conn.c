#include "store/redis/redis_conn.h"
#include "solid/base/clock.h"
#include "solid/base/text.h"
#include "solid/extend.h"
#include "store/redis/errors.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <hiredis/sds.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void sol_redis_log(const sol_redis_conn *conn, solid_log_level level, const char *format, ...) {
  char line[1024]; /* a key may be shown in full */
  va_list args;
  if (!conn->options.log) return;
  va_start(args, format);
  vsnprintf(line, sizeof line, format, args);
  va_end(args);
  conn->options.log(conn->options.log_user, level, line);
}

void sol_redis_init(sol_redis_conn *conn, const sol_redis_options *options) {
  memset(conn, 0, sizeof *conn);
  conn->options = *options;
  if (options->unix_path)
    snprintf(conn->name, sizeof conn->name, "redis %s", options->unix_path);
  else
    snprintf(conn->name, sizeof conn->name, "redis %s:%u", options->host, (unsigned)options->port);
  conn->random.state = (uint64_t)sol_steady_ns() ^ (uint64_t)sol_wall_ms() << 20 ^ (uint64_t)getpid() << 44;
}

void sol_redis_close(sol_redis_conn *conn) {
  if (conn->redis) redisFree(conn->redis);
  conn->redis = NULL;
}

/* Delay before the next attempt: none after one failure, then doubling, shortened at random by up to a half. */
static int64_t backoff_ms(sol_redis_conn *conn) {
  if (conn->failures <= 1) {
    conn->backoff = (sol_backoff){conn->options.backoff_min_ms, conn->options.backoff_max_ms, 0};
    return 0;
  }
  return (int64_t)((double)sol_backoff_next(&conn->backoff) * (1.0 - 0.5 * sol_random_uniform(&conn->random)));
}

/* Closes and plans the next attempt. `why` may be a text of the context that is closed here. */
static solid_status lose(sol_redis_conn *conn, solid_status status, const char *why) {
  char text[sizeof conn->why];
  snprintf(text, sizeof text, "%s", why);
  memcpy(conn->why, text, sizeof text);
  conn->why_status = status;
  sol_redis_close(conn);
  if (conn->failures < UINT32_MAX) conn->failures++;
  conn->retry_at_ms = sol_steady_ms() + backoff_ms(conn);
  /* One warning an outage: what follows until the server answers again is the same one. */
  sol_redis_log(conn, conn->failures == 1 ? SOLID_LOG_WARN : SOLID_LOG_DEBUG, "%s: %s", conn->name, conn->why);
  return solid_fail(status, "%s: %s", conn->name, conn->why);
}

solid_status sol_redis_drop(sol_redis_conn *conn, const char *why) {
  return lose(conn, SOLID_EIO, why);
}

/* What READONLY means now: a replica may become master within the time that is given for it. */
static solid_status judge_readonly(sol_redis_conn *conn) {
  int64_t now_ms = sol_steady_ms();
  if (!conn->readonly_ms) conn->readonly_ms = now_ms;
  return now_ms - conn->readonly_ms < conn->options.readonly_ms ? SOLID_EIO : SOLID_EREFUSED;
}

void sol_redis_wrote(sol_redis_conn *conn) {
  conn->readonly_ms = 0;
}

solid_status sol_redis_reply_status(sol_redis_conn *conn, const redisReply *reply) {
  if (reply->type != REDIS_REPLY_ERROR) return SOLID_OK;
  const sol_error *error = sol_error_find(reply->str);
  solid_status status = error->status;
  if (error->kind == SOL_ERROR_READONLY) status = judge_readonly(conn);
  if (error->kind == SOL_ERROR_UNKNOWN && !conn->is_proven) status = SOLID_EREFUSED;
  char text[sizeof conn->why];
  const char *what = solid_status_is_retriable(status) || !error->what ? NULL : error->what;
  snprintf(text, sizeof text, "%.*s%s%s", 160, sol_show(reply->str, (size_t)reply->len).text, what ? ": " : "",
           what ? what : "");
  if (error->is_elsewhere) return lose(conn, status, text);
  return solid_fail(status, "%s: %s", conn->name, text);
}

/* Waits until the socket can be read (or written) or the deadline has passed. */
static solid_status wait_for(sol_redis_conn *conn, short events, int64_t deadline_ms) {
  for (;;) {
    struct pollfd fd = {conn->redis->fd, events, 0};
    int64_t left = deadline_ms - sol_steady_ms();
    int n = left > 0 ? poll(&fd, 1, (int)left) : 0;
    if (n > 0) return SOLID_OK;
    if (n < 0 && errno != EINTR) return lose(conn, SOLID_EIO, strerror(errno));
    if (n == 0 && left <= 0) {
      char why[64];
      snprintf(why, sizeof why, "no answer within %u ms", conn->options.timeout_ms);
      return lose(conn, SOLID_ETIMEDOUT, why);
    }
  }
}

/* Sends the queue. Not redisBufferWrite, which raises SIGPIPE when the peer is gone. */
static solid_status send_queue(sol_redis_conn *conn, int64_t deadline_ms) {
  size_t size = sdslen(conn->redis->obuf), sent = 0;
  while (sent < size) {
    ssize_t n = send(conn->redis->fd, conn->redis->obuf + sent, size - sent, MSG_NOSIGNAL);
    if (n >= 0) {
      sent += (size_t)n;
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      solid_status status = wait_for(conn, POLLOUT, deadline_ms);
      if (status) return status;
    } else if (errno != EINTR) {
      return lose(conn, SOLID_EIO, strerror(errno));
    }
  }
  sdsclear(conn->redis->obuf);
  return SOLID_OK;
}

static solid_status read_reply(sol_redis_conn *conn, int64_t deadline_ms, redisReply **out) {
  void *reply = NULL;
  for (;;) {
    if (redisGetReplyFromReader(conn->redis, &reply)) return lose(conn, SOLID_EIO, conn->redis->errstr);
    if (reply) break;
    solid_status status = wait_for(conn, POLLIN, deadline_ms);
    if (status) return status;
    if (redisBufferRead(conn->redis)) return lose(conn, SOLID_EIO, conn->redis->errstr);
  }
  *out = reply;
  return SOLID_OK;
}

static solid_status exchange(sol_redis_conn *conn, size_t n, sol_redis_reply_fn fn, void *user) {
  int64_t deadline_ms = sol_steady_ms() + conn->options.timeout_ms;
  solid_status first = SOLID_OK, status = send_queue(conn, deadline_ms);
  conn->exchanges++;
  for (size_t i = 0; i < n && !status; i++) {
    redisReply *reply = NULL;
    status = read_reply(conn, deadline_ms, &reply);
    if (status) break;
    /* the text of the first failure must survive those after it */
    int is_error = reply->type == REDIS_REPLY_ERROR;
    if (!first) first = fn(user, i, reply);
    freeReplyObject(reply);
    if (!is_error && conn->connections) conn->is_proven = 1;
    if (!conn->redis) break; /* fn gave the connection up */
  }
  return status ? status : first;
}

solid_status sol_redis_exchange(sol_redis_conn *conn, size_t n, sol_redis_reply_fn fn, void *user) {
  assert(conn->redis);
  solid_status status = exchange(conn, n, fn, user);
  if (conn->redis) conn->failures = 0;
  return status;
}

solid_status sol_redis_queue(sol_redis_conn *conn, int argc, const char **argv, const size_t *sizes) {
  if (redisAppendCommandArgv(conn->redis, argc, argv, sizes) == REDIS_OK) return SOLID_OK;
  return lose(conn, SOLID_ENOMEM, "out of memory for a command");
}

static solid_status expect_done(void *user, size_t i, const redisReply *reply) {
  (void)i;
  return sol_redis_reply_status(user, reply);
}

static solid_status queue_words(sol_redis_conn *conn, int argc, const char **argv) {
  size_t sizes[4];
  for (int i = 0; i < argc; i++) sizes[i] = strlen(argv[i]);
  return sol_redis_queue(conn, argc, argv, sizes);
}

static solid_status take_sha(void *user, size_t i, const redisReply *reply) {
  sol_redis_conn *conn = user;
  solid_status status = sol_redis_reply_status(conn, reply);
  if (status) return status;
  if (reply->type != REDIS_REPLY_STRING || reply->len != SOL_REDIS_SHA_SIZE)
    return solid_fail(SOLID_EIO, "%s: SCRIPT LOAD gave no hash", conn->name);
  memcpy(conn->sha[i], reply->str, SOL_REDIS_SHA_SIZE + 1);
  return SOLID_OK;
}

solid_status sol_redis_load_scripts(sol_redis_conn *conn) {
  for (int i = 0; i < SOL_REDIS_SCRIPTS; i++) {
    solid_status status = queue_words(conn, 3, (const char *[]){"SCRIPT", "LOAD", conn->options.scripts[i]});
    if (status) return status;
  }
  return exchange(conn, SOL_REDIS_SCRIPTS, take_sha, conn);
}

/* Who we are and what we need. */
static solid_status greet(sol_redis_conn *conn) {
  const sol_redis_options *o = &conn->options;
  solid_status status = SOLID_OK;
  if (o->password) {
    const char *with_name[] = {"AUTH", o->username, o->password}, *without[] = {"AUTH", o->password};
    status = o->username ? queue_words(conn, 3, with_name) : queue_words(conn, 2, without);
    if (!status) status = exchange(conn, 1, expect_done, conn);
  }
  if (!status && o->database) {
    char number[16];
    snprintf(number, sizeof number, "%u", o->database);
    status = queue_words(conn, 2, (const char *[]){"SELECT", number});
    if (!status) status = exchange(conn, 1, expect_done, conn);
  }
  return status ? status : sol_redis_load_scripts(conn);
}

static solid_status open_socket(sol_redis_conn *conn) {
  uint32_t ms = conn->options.connect_timeout_ms;
  const struct timeval timeout = {ms / 1000, (suseconds_t)(ms % 1000) * 1000};
  errno = 0;
  conn->redis = conn->options.unix_path ? redisConnectUnixWithTimeout(conn->options.unix_path, timeout)
                                        : redisConnectWithTimeout(conn->options.host, conn->options.port, timeout);
  if (!conn->redis) return lose(conn, SOLID_ENOMEM, "out of memory for a connection");
  if (conn->redis->err) return lose(conn, errno == ETIMEDOUT ? SOLID_ETIMEDOUT : SOLID_EIO, conn->redis->errstr);
  int flags = fcntl(conn->redis->fd, F_GETFL);
  if (flags < 0 || fcntl(conn->redis->fd, F_SETFL, flags | O_NONBLOCK) < 0)
    return lose(conn, SOLID_EIO, strerror(errno));
  conn->redis->flags &= ~REDIS_BLOCK;
  return SOLID_OK;
}

static solid_status reconnect(sol_redis_conn *conn) {
  int64_t wait_ms = conn->retry_at_ms - sol_steady_ms();
  if (conn->failures && wait_ms > 0)
    return solid_fail(conn->why_status, "%s: %s; next attempt in %lld ms", conn->name, conn->why, (long long)wait_ms);
  solid_status status = open_socket(conn);
  if (status) return status;
  status = greet(conn);
  if (status && conn->redis) status = lose(conn, status, solid_last_error() + strlen(conn->name) + 2);
  if (status) return status;
  if (conn->connections++) sol_redis_log(conn, SOLID_LOG_INFO, "%s: connected again", conn->name);
  return SOLID_OK;
}

solid_status sol_redis_ready(sol_redis_conn *conn) {
  if (!conn->redis) return reconnect(conn);
  /* Nothing was asked, so nothing may have come: bytes, or the end of the stream, mean that this connection is over.
   * To notice it now keeps the batch at hand from failing with it. */
  struct pollfd fd = {conn->redis->fd, POLLIN, 0};
  int is_clean = conn->redis->reader->pos == conn->redis->reader->len && sdslen(conn->redis->obuf) == 0;
  if (is_clean && poll(&fd, 1, 0) == 0) return SOLID_OK;
  lose(conn, SOLID_EIO, is_clean ? "the server ended the connection" : "the connection is out of step");
  return reconnect(conn);
}
