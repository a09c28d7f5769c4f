#include "store/redis/transport.h"
#include "solid/base/clock.h"
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static solid_status fail(sol_transport *t, solid_status status, const char *why) {
  t->status = status;
  snprintf(t->why, sizeof t->why, "%s", why);
  return status;
}

static solid_status fail_errno(sol_transport *t, int number) {
  return fail(t, number == ETIMEDOUT ? SOLID_ETIMEDOUT : SOLID_EIO, strerror(number));
}

void sol_transport_close(sol_transport *t) {
  if (!t->is_open) return;
  sol_tls_end(t->tls);
  close(t->fd);
  t->tls = NULL;
  t->is_open = 0;
}

static solid_status wait_until(sol_transport *t, short events, int64_t deadline_ms) {
  for (;;) {
    struct pollfd fd = {t->fd, events, 0};
    int64_t left = deadline_ms - sol_steady_ms();
    int n = left > 0 ? poll(&fd, 1, (int)left) : 0;
    if (n > 0) return SOLID_OK;
    if (n < 0 && errno != EINTR) return fail_errno(t, errno);
    if (left <= 0) return fail_errno(t, ETIMEDOUT);
  }
}

/* A socket whose connect() was interrupted or is under way is waited for. A Unix socket whose server has too many
 * waiting says EAGAIN, and is asked again. */
static solid_status connect_to(sol_transport *t, const struct sockaddr *address, socklen_t size, int64_t deadline_ms) {
  enum { FULL_NS = 1000000 };
  int error = 0;
  socklen_t error_size = sizeof error;
  t->fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (t->fd < 0) return fail_errno(t, errno);
  t->is_open = 1;
  int result = connect(t->fd, address, size);
  while (result && errno == EAGAIN && sol_steady_ms() < deadline_ms) {
    sol_sleep_ns(FULL_NS);
    result = connect(t->fd, address, size);
  }
  if (result && errno != EINPROGRESS && errno != EINTR) return fail_errno(t, errno == EAGAIN ? ETIMEDOUT : errno);
  if (!result) return SOLID_OK;
  solid_status status = wait_until(t, POLLOUT, deadline_ms);
  if (status) return status;
  if (getsockopt(t->fd, SOL_SOCKET, SO_ERROR, &error, &error_size)) error = errno;
  return error ? fail_errno(t, error) : SOLID_OK;
}

static solid_status open_unix(sol_transport *t, const char *path, int64_t deadline_ms) {
  struct sockaddr_un address;
  memset(&address, 0, sizeof address);
  address.sun_family = AF_UNIX;
  if (strlen(path) >= sizeof address.sun_path) return fail(t, SOLID_EIO, "the path of the socket is too long");
  strcpy(address.sun_path, path);
  return connect_to(t, (const struct sockaddr *)&address, sizeof address, deadline_ms);
}

static size_t count(const struct addrinfo *found) {
  size_t n = 0;
  for (; found; found = found->ai_next) n++;
  return n;
}

/* Each address that the name has, until one answers: one that is silent leaves the others their share of the time. */
static solid_status open_tcp(sol_transport *t, const sol_place *place, int64_t deadline_ms) {
  struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *found = NULL;
  char port[8];
  snprintf(port, sizeof port, "%u", (unsigned)place->port);
  int error = getaddrinfo(place->host, port, &hints, &found);
  if (error) return fail(t, SOLID_EIO, gai_strerror(error));
  solid_status status = fail(t, SOLID_EIO, "the name has no address");
  for (const struct addrinfo *one = found; one && status; one = one->ai_next) {
    int64_t now_ms = sol_steady_ms(), left_ms = deadline_ms > now_ms ? deadline_ms - now_ms : 0;
    sol_transport_close(t);
    status = connect_to(t, one->ai_addr, one->ai_addrlen, now_ms + left_ms / (int64_t)count(one));
  }
  freeaddrinfo(found);
  int on = 1;
  if (!status && setsockopt(t->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on)) status = fail_errno(t, errno);
  return status;
}

static solid_status begin_tls(sol_transport *t, const sol_place *place, const sol_tls_options *options,
                              int64_t deadline_ms) {
  solid_status status = sol_tls_begin(&t->tls, t->fd, place->host, options, t->why, sizeof t->why);
  while (!status) {
    int done = sol_tls_shake(t->tls, &t->wants, &t->status, t->why, sizeof t->why);
    if (done > 0) return SOLID_OK;
    status = done < 0 ? t->status : wait_until(t, t->wants, deadline_ms);
    if (status == SOLID_ETIMEDOUT)
      fail(t, status, "no TLS within the time to connect: does the server speak it there?");
  }
  return t->status = status;
}

solid_status sol_transport_open(sol_transport *t, const sol_place *place, const sol_tls_options *tls,
                                int64_t deadline_ms) {
  sol_transport_close(t);
  solid_status status = *place->path ? open_unix(t, place->path, deadline_ms) : open_tcp(t, place, deadline_ms);
  if (!status && tls) status = begin_tls(t, place, tls, deadline_ms);
  if (status) sol_transport_close(t);
  return status;
}

long sol_transport_send(sol_transport *t, const void *bytes, size_t size) {
  ssize_t n;
  if (t->tls) return sol_tls_send(t->tls, bytes, size, &t->wants, &t->status, t->why, sizeof t->why);
  do n = send(t->fd, bytes, size, MSG_NOSIGNAL);
  while (n < 0 && errno == EINTR);
  if (n >= 0) return (long)n;
  t->wants = POLLOUT;
  if (errno == EAGAIN || errno == EWOULDBLOCK) return 0;
  fail_errno(t, errno);
  return -1;
}

long sol_transport_receive(sol_transport *t, void *room, size_t size) {
  ssize_t n;
  if (t->tls) return sol_tls_receive(t->tls, room, size, &t->wants, &t->status, t->why, sizeof t->why);
  do n = recv(t->fd, room, size, 0);
  while (n < 0 && errno == EINTR);
  if (n > 0) return (long)n;
  t->wants = POLLIN;
  if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return 0;
  if (n == 0)
    fail(t, SOLID_EIO, "the server closed the connection");
  else
    fail_errno(t, errno);
  return -1;
}

int sol_transport_is_quiet(sol_transport *t) {
  struct pollfd fd = {t->fd, POLLIN, 0};
  int n;
  do n = poll(&fd, 1, 0);
  while (n < 0 && errno == EINTR);
  if (n == 0) return 1;
  return t->tls ? sol_tls_is_quiet(t->tls) : 0;
}
