#include "examples/common/http_address.h"
#include "solid/extend.h"
#include <arpa/inet.h>
#include <errno.h>
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

solid_status http_address_check(const char *text) {
  http_address_parts where;
  if (!text) return SOLID_OK;
  solid_status status = http_address_read(&where, text);
  if (status) return status;
  int yes = 1, fd = socket(where.is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  socklen_t size = where.is_v6 ? sizeof where.socket.v6 : sizeof where.socket.v4;
  /* as the server binds: connections of an earlier process that are not over do not keep it from listening */
  if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) ||
      (where.is_v6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof yes)) || bind(fd, &where.socket.any, size))
    status = solid_fail(SOLID_EIO, "--listen %s: cannot listen there: %s", text, strerror(errno));
  if (fd >= 0) close(fd);
  return status;
}

void http_address_close(int socket) {
  close(socket);
}
