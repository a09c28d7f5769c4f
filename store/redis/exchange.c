/* Commands out and replies in, over one connection or several at once: nobody waits for one server while another one's
 * replies are there. */
#include "solid/base/clock.h"
#include "solid/extend.h"
#include "store/redis/connection.h"
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_POLLS = 256, BYTES = 1 << 16 };

typedef struct exchange {
  sol_redis_conn *const *conns;
  size_t n;
  sol_redis_reply_fn fn;
  void *user;
  solid_status first;
  char text[512]; /* of the first failure, which must survive those after it */
} exchange;

static void note(exchange *x, solid_status status) {
  if (!status || x->first) return;
  x->first = status;
  snprintf(x->text, sizeof x->text, "%s", solid_last_error());
}

static int is_waiting(const sol_redis_conn *conn) {
  return conn->transport.is_open && conn->n_taken < conn->due;
}

static void push(exchange *x, sol_redis_conn *conn) {
  while (conn->transport.is_open && conn->out_sent < conn->out_due) {
    long n = sol_transport_send(&conn->transport, conn->out + conn->out_sent, conn->out_due - conn->out_sent);
    if (n < 0) note(x, sol_redis_lose(conn, conn->transport.status, conn->transport.why));
    if (n == 0) conn->send_wants = conn->transport.wants;
    if (n <= 0) return;
    conn->out_sent += (size_t)n;
  }
}

/* Bytes of the reply that is under way: those that have come, or what the string that is coming says of itself: a line
 * that the reader has left where it is, with or without the $ before the number. */
static uint64_t size_under_way(const sol_redis_conn *conn) {
  const redisReader *reader = conn->reader;
  size_t unread = reader->len - reader->pos;
  const char *at = reader->buf + reader->pos;
  uint64_t says = unread && memchr(at, '\n', unread) ? strtoull(at + (*at == '$'), NULL, 10) : 0;
  return conn->received - conn->begun - unread + (says > unread ? says : unread);
}

/* That is the server's answer, but nobody can use it, and the rest of it would take its time: it stays there. */
static void judge_size(exchange *x, sol_redis_conn *conn) {
  const sol_redis_due *due = &conn->queued[conn->n_taken];
  uint64_t size = due->most ? size_under_way(conn) : 0;
  char why[96];
  if (size <= due->most) return;
  snprintf(why, sizeof why, "an answer of %llu bytes, of which %zu are the most: not read", (unsigned long long)size,
           due->most);
  conn->too_long = due->number;
  note(x, sol_redis_lose(conn, SOLID_EIO, why));
  conn->failures = 0;
}

/* Gives the replies that are complete to whom they are for. */
static void take(exchange *x, sol_redis_conn *conn) {
  while (is_waiting(conn)) {
    void *reply = NULL;
    if (redisReaderGetReply(conn->reader, &reply)) {
      note(x, sol_redis_lose(conn, SOLID_EIO, conn->reader->errstr));
      return;
    }
    if (!reply) {
      judge_size(x, conn);
      return;
    }
    size_t number = conn->queued[conn->n_taken++].number;
    conn->begun = conn->received - (conn->reader->len - conn->reader->pos);
    int is_error = ((redisReply *)reply)->type == REDIS_REPLY_ERROR;
    if (number != SOL_NO_REPLY) note(x, x->fn(x->user, conn, number, reply));
    freeReplyObject(reply);
    if (!is_error && conn->connections) conn->is_proven = 1;
  }
}

static void pull(exchange *x, sol_redis_conn *conn) {
  char bytes[BYTES];
  while (is_waiting(conn)) {
    long n = sol_transport_receive(&conn->transport, bytes, sizeof bytes);
    if (n == 0) conn->receive_wants = conn->transport.wants;
    if (n < 0) note(x, sol_redis_lose(conn, conn->transport.status, conn->transport.why));
    if (n <= 0) return;
    if (redisReaderFeed(conn->reader, bytes, (size_t)n)) {
      note(x, sol_redis_lose(conn, SOLID_EIO, conn->reader->errstr));
      return;
    }
    conn->received += (size_t)n;
    take(x, conn);
    if ((size_t)n < sizeof bytes && !conn->transport.tls) return; /* that was all */
  }
}

static void give_up(exchange *x) {
  for (size_t i = 0; i < x->n; i++) {
    char why[64];
    if (!is_waiting(x->conns[i])) continue;
    snprintf(why, sizeof why, "no answer within %u ms", x->conns[i]->options->timeout_ms);
    note(x, sol_redis_lose(x->conns[i], SOLID_ETIMEDOUT, why));
  }
}

/* One wait for those that are not through. Returns how many they are. */
static size_t turn(exchange *x, int64_t deadline_ms) {
  struct pollfd polls[MOST_POLLS];
  sol_redis_conn *waiting[MOST_POLLS];
  size_t n = 0;
  for (size_t i = 0; i < x->n && n < MOST_POLLS; i++) {
    sol_redis_conn *conn = x->conns[i];
    if (!is_waiting(conn)) continue;
    short events = conn->receive_wants;
    if (conn->out_sent < conn->out_due) events = (short)(events | conn->send_wants);
    polls[n] = (struct pollfd){conn->transport.fd, events, 0};
    waiting[n++] = conn;
  }
  if (!n) return 0;
  int64_t left = deadline_ms - sol_steady_ms();
  int found = left > 0 ? poll(polls, n, (int)left) : 0;
  if (found <= 0 && left <= 0) give_up(x);
  for (size_t i = 0; i < n && found > 0; i++) {
    if (!polls[i].revents) continue;
    push(x, waiting[i]);
    pull(x, waiting[i]);
  }
  return n;
}

/* What `fn` queued stays for the next exchange, unless another server may know better. */
static void keep_rest(sol_redis_conn *conn) {
  if (conn->is_elsewhere) (void)sol_redis_lose(conn, conn->why_status, conn->why);
  if (!conn->transport.is_open) return;
  conn->n_queued -= conn->n_taken;
  conn->out_size -= conn->out_sent;
  if (conn->n_queued) memmove(conn->queued, conn->queued + conn->n_taken, conn->n_queued * sizeof *conn->queued);
  if (conn->out_size) memmove(conn->out, conn->out + conn->out_sent, conn->out_size);
  conn->n_taken = conn->out_sent = 0;
}

solid_status sol_redis_exchange(sol_redis_conn *const *conns, size_t n, sol_redis_reply_fn fn, void *user) {
  exchange x = {.conns = conns, .n = n, .fn = fn, .user = user};
  int64_t deadline_ms = sol_steady_ms();
  for (size_t i = 0; i < n; i++) {
    sol_redis_conn *conn = conns[i];
    assert(conn->transport.is_open);
    deadline_ms += i ? 0 : conn->options->timeout_ms;
    conn->due = conn->n_queued;
    conn->out_due = conn->out_size;
    conn->receive_wants = POLLIN;
    conn->exchanges++;
    conn->begun = conn->received;
    push(&x, conn);
  }
  while (turn(&x, deadline_ms)) continue;
  for (size_t i = 0; i < n; i++) keep_rest(conns[i]);
  return x.first ? solid_fail(x.first, "%s", x.text) : SOLID_OK;
}

solid_status sol_redis_exchange_one(sol_redis_conn *conn, sol_redis_reply_fn fn, void *user) {
  sol_redis_conn *const one[1] = {conn};
  return sol_redis_exchange(one, 1, fn, user);
}
