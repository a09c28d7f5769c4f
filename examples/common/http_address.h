/* Where a program listens. */
#ifndef EXAMPLES_COMMON_HTTP_ADDRESS_H
#define EXAMPLES_COMMON_HTTP_ADDRESS_H

#include "solid/status.h"
#include <netinet/in.h>
#include <stdint.h>

enum { HTTP_ADDRESS_TEXT = 80 };

typedef struct http_address_parts {
  union {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
  } socket;
  int is_v6;
  uint16_t port;
} http_address_parts;

/* "HOST:PORT", "[v6]:PORT", ":PORT" (all addresses of this machine), "PORT" (127.0.0.1). HOST is a numeric address, or
 * localhost. EINVAL says what is wrong. */
solid_status http_address_read(http_address_parts *out, const char *text);

/* "127.0.0.1:8080", with the port that was given; all addresses show as 0.0.0.0. */
void http_address_write(const http_address_parts *where, uint16_t port, char text[HTTP_ADDRESS_TEXT]);

/* Before a model is loaded: is it an address (EINVAL), and can one listen there now (EIO)? NULL = does not listen. */
solid_status http_address_check(const char *text);

void http_address_close(int socket);

#endif
