#include "store/redis/address.h"
#include "solid/extend.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
  const char *begin;
  int is_tls, is_sentinel;
} schemes[] = {{"redis://", 0, 0}, {"rediss://", 1, 0}, {"sentinel://", 0, 1}, {"sentinels://", 1, 1}};

enum { SCHEMES = sizeof schemes / sizeof *schemes };

solid_status sol_place_set(sol_place *place, const char *host, size_t size, uint32_t port) {
  if (!size || size >= sizeof place->host || !port || port > 65535)
    return solid_fail(SOLID_EINVAL, "redis: '%.*s' and port %u are no host and port", (int)(size < 300 ? size : 300),
                      host, port);
  memset(place, 0, sizeof *place);
  memcpy(place->host, host, size);
  place->port = (uint16_t)port;
  return SOLID_OK;
}

void sol_place_write(const sol_place *place, char *out, size_t room) {
  if (*place->path)
    snprintf(out, room, "%s", place->path);
  else
    snprintf(out, room, strchr(place->host, ':') ? "[%s]:%u" : "%s:%u", place->host, (unsigned)place->port);
}

int sol_place_equal(const sol_place *a, const sol_place *b) {
  return a->port == b->port && !strcmp(a->host, b->host) && !strcmp(a->path, b->path);
}

static solid_status not_an_address(const char *text) {
  return solid_fail(SOLID_EINVAL,
                    "--redis: '%s' is neither HOST:PORT nor the path of a socket, nor one of redis://HOST:PORT/N, "
                    "rediss://, unix:/PATH, sentinel://HOST:PORT/MASTER",
                    text);
}

/* "host", "host:port" or "[address]:port" of `size` bytes; port 0 = one must be given. */
static int read_place(sol_place *place, const char *text, size_t size, uint32_t port) {
  const char *end = text + size, *host = text, *colon = NULL;
  size_t length;
  if (size && *text == '[') {
    const char *close = memchr(text, ']', size);
    if (!close) return 0;
    host = text + 1;
    length = (size_t)(close - host);
    if (close + 1 < end) colon = close + 1;
    if (colon && *colon != ':') return 0;
  } else {
    colon = memchr(text, ':', size);
    length = colon ? (size_t)(colon - text) : size;
  }
  if (colon) {
    char digits[8] = "", *rest;
    size_t n = (size_t)(end - colon - 1);
    if (!n || n >= sizeof digits || colon[1] < '0' || colon[1] > '9') return 0;
    memcpy(digits, colon + 1, n);
    port = (uint32_t)strtoul(digits, &rest, 10);
    if (*rest) return 0;
  }
  return sol_place_set(place, host, length, port) == SOLID_OK;
}

static int read_places(sol_address *out, const char *text, size_t size, uint32_t port) {
  for (const char *at = text, *end = text + size;; at++) {
    const char *comma = memchr(at, ',', (size_t)(end - at));
    const char *stop = comma ? comma : end;
    if (out->n_places == SOL_HOSTS_MAX || !read_place(&out->places[out->n_places++], at, (size_t)(stop - at), port))
      return 0;
    if (!comma) return 1;
    at = comma;
  }
}

static int read_database(sol_address *out, const char *text) {
  char *end;
  if (*text < '0' || *text > '9') return 0;
  unsigned long number = strtoul(text, &end, 10);
  out->has_database = 1;
  out->database = (uint32_t)number;
  return !*end && number <= 1 << 20;
}

/* Behind the hosts: "", "/", "/N", with Sentinels "/NAME" and "/NAME/N". */
static int read_rest(sol_address *out, const char *rest, int is_sentinel) {
  if (*rest == '/') rest++;
  if (is_sentinel) {
    size_t size = strcspn(rest, "/");
    if (!size || size >= sizeof out->master) return 0;
    memcpy(out->master, rest, size);
    rest += size;
    if (*rest == '/') rest++;
  }
  return !*rest || read_database(out, rest);
}

static int read_path(sol_address *out, const char *path) {
  if (strlen(path) >= sizeof out->places[0].path) return 0;
  strcpy(out->places[0].path, path);
  out->n_places = 1;
  return 1;
}

solid_status sol_address_read(sol_address *out, const char *text) {
  int scheme = 0, is_url = 0;
  memset(out, 0, sizeof *out);
  for (int i = 0; i < SCHEMES; i++) {
    if (strncmp(text, schemes[i].begin, strlen(schemes[i].begin)) != 0) continue;
    scheme = i;
    is_url = 1;
  }
  const char *rest = text + (is_url ? strlen(schemes[scheme].begin) : 0);
  size_t size = strcspn(rest, "/");
  if (memchr(rest, '@', size))
    return solid_fail(SOLID_EINVAL, "--redis: user and password have options of their own: --redis-user, "
                                    "--redis-password-file");
  if (!strncmp(text, "unix:/", 6) || *text == '/') {
    rest = *text == '/' ? text : text + 5;
    if (!strncmp(rest, "//", 2)) rest += 2; /* unix:///path */
    return *rest == '/' && read_path(out, rest) ? SOLID_OK : not_an_address(text);
  }
  uint32_t port = !is_url ? 0 : schemes[scheme].is_sentinel ? SOL_SENTINEL_PORT : SOL_REDIS_PORT;
  out->is_tls = is_url && schemes[scheme].is_tls;
  if ((!is_url && rest[size]) || !read_places(out, rest, size, port)) return not_an_address(text);
  return read_rest(out, rest + size, is_url && schemes[scheme].is_sentinel) ? SOLID_OK : not_an_address(text);
}
