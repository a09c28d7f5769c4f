/* TLS of one connection, by OpenSSL. The server's certificate must be signed by who is trusted and be made out to the
 * host that was asked for. Builds without SOLID_TLS have tls_absent.c in its place. */
#ifndef STORE_REDIS_TLS_H
#define STORE_REDIS_TLS_H

#include "solid/status.h"
#include <stddef.h>

/* Files in PEM form, the key without a passphrase, read anew for every connection, so that renewed ones count; NULL =
 * none. */
typedef struct sol_tls_options {
  const char *ca_file;              /* who is trusted; NULL = whom the system trusts */
  const char *cert_file, *key_file; /* who we are, for servers that ask */
  const char *name;                 /* to whom the server's certificate is made out; NULL = the host as it is named */
} sol_tls_options;

typedef struct sol_tls sol_tls;

/* Over a connected socket, which stays the caller's. EREFUSED: a file cannot be used. */
solid_status sol_tls_begin(sol_tls **out, int fd, const char *host, const sol_tls_options *options, char *why,
                           size_t room);

/* The handshake: 1 = done, 0 = again after *wants (POLLIN, POLLOUT), -1 = failed: EIO, EREFUSED. */
int sol_tls_shake(sol_tls *tls, short *wants, solid_status *status, char *why, size_t room);

/* As sol_transport_send and sol_transport_receive. */
long sol_tls_send(sol_tls *tls, const void *bytes, size_t size, short *wants, solid_status *status, char *why,
                  size_t room);
long sol_tls_receive(sol_tls *tls, void *room, size_t size, short *wants, solid_status *status, char *why,
                     size_t why_room);

/* 1 if what has come is of TLS alone (a new key, a ticket) and no byte for us. */
int sol_tls_is_quiet(sol_tls *tls);

/* NULL is a no-op. */
void sol_tls_end(sol_tls *tls);

/* 1 if this build has TLS. */
int sol_tls_is_there(void);

#endif
