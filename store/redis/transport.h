/* Bytes to and from one server: TCP, a Unix socket, or TLS over TCP. The socket does not block; who has to wait does so
 * in poll(), with a deadline. A dead peer is an error and never a signal (MSG_NOSIGNAL), and a signal that interrupts a
 * call is not noticed. Looking up a host name is the one thing that may take longer than the deadline. */
#ifndef STORE_REDIS_TRANSPORT_H
#define STORE_REDIS_TRANSPORT_H

#include "store/redis/address.h"
#include "store/redis/tls.h"

typedef struct sol_transport {
  int is_open;
  int fd;
  sol_tls *tls;        /* NULL = none */
  short wants;         /* what poll() is to wait for, after 0 bytes: POLLIN or POLLOUT */
  solid_status status; /* of the last failure, with its reason */
  char why[200];
} sol_transport;

/* Connects; `tls` NULL = plain. Returns the status, as `status` and `why` say it: EIO, ETIMEDOUT, EREFUSED (what of TLS
 * only a person can change: no certificate that is accepted), EUNSUPPORTED (built without TLS). */
solid_status sol_transport_open(sol_transport *t, const sol_place *place, const sol_tls_options *tls,
                                int64_t deadline_ms);

/* How many bytes went or came, 0 = none now (`wants` says what to wait for), -1 = failed. */
long sol_transport_send(sol_transport *t, const void *bytes, size_t size);
long sol_transport_receive(sol_transport *t, void *room, size_t size);

/* 1 if neither bytes nor the end of the stream have come. */
int sol_transport_is_quiet(sol_transport *t);

void sol_transport_close(sol_transport *t);

#endif
