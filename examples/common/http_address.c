#include "examples/common/http_address.h"
#include "solid/extend.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static solid_status not_an_address(const char *text) {
  return solid_fail(SOLID_EINVAL,
                    "--listen: '%s' is none of HOST:PORT, [ADDRESS]:PORT, :PORT and PORT, with a port up to 65535",
                    text);
}

solid_status http_address_read(http_address_parts *out, const char *text) {
  char host[64] = "127.0.0.1";
  const char *colon = strrchr(text, ':'), *digits = colon ? colon + 1 : text;
  char *end = NULL;
  unsigned long port = strtoul(digits, &end, 10);
  size_t size = colon ? (size_t)(colon - text) : 0;
  if (digits[0] < '0' || digits[0] > '9' || *end || port > 65535 || size >= sizeof host) return not_an_address(text);
  if (colon) {
    int bracketed = size > 2 && text[0] == '[' && text[size - 1] == ']';
    snprintf(host, sizeof host, "%.*s", (int)size - 2 * bracketed, text + bracketed);
    if (!size) snprintf(host, sizeof host, "0.0.0.0");
    if (strcmp(host, "localhost") == 0) snprintf(host, sizeof host, "127.0.0.1");
  }
  memset(out, 0, sizeof *out);
  out->port = (uint16_t)port;
  if (inet_pton(AF_INET, host, &out->socket.v4.sin_addr) == 1) {
    out->socket.v4.sin_family = AF_INET;
    out->socket.v4.sin_port = htons(out->port);
  } else if (inet_pton(AF_INET6, host, &out->socket.v6.sin6_addr) == 1) {
    out->is_v6 = 1;
    out->socket.v6.sin6_family = AF_INET6;
    out->socket.v6.sin6_port = htons(out->port);
  } else {
    return not_an_address(text);
  }
  return SOLID_OK;
}

void http_address_write(const http_address_parts *where, uint16_t port, char text[HTTP_ADDRESS_TEXT]) {
  char host[INET6_ADDRSTRLEN] = "";
  if (where->is_v6)
    inet_ntop(AF_INET6, &where->socket.v6.sin6_addr, host, sizeof host);
  else
    inet_ntop(AF_INET, &where->socket.v4.sin_addr, host, sizeof host);
  snprintf(text, HTTP_ADDRESS_TEXT, where->is_v6 ? "[%s]:%u" : "%s:%u", host, port ? port : where->port);
}

void http_address_close(int socket) {
  close(socket);
}
