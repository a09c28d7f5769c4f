/* Connecting by a name that has several addresses. The look-up is the test's own (--wrap). */
#include "solid/base/clock.h"
#include "store/redis/transport.h"
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <fcntl.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ADDRESSES = 3, FILLED = 16 };

static struct sockaddr_in addresses[ADDRESSES];
static struct addrinfo entries[ADDRESSES];
static size_t n_addresses;

int __wrap_getaddrinfo(const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **out);
void __wrap_freeaddrinfo(struct addrinfo *found);

int __wrap_getaddrinfo(const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **out) {
  (void)port, (void)hints;
  cr_assert_str_eq(host, "several.example");
  for (size_t i = 0; i < n_addresses; i++)
    entries[i] = (struct addrinfo){.ai_family = AF_INET,
                                   .ai_socktype = SOCK_STREAM,
                                   .ai_addr = (struct sockaddr *)&addresses[i],
                                   .ai_addrlen = sizeof addresses[i],
                                   .ai_next = i + 1 < n_addresses ? &entries[i + 1] : NULL};
  *out = entries;
  return 0;
}

void __wrap_freeaddrinfo(struct addrinfo *found) {
  (void)found;
}

static int listen_at(struct sockaddr_in *address, int backlog) {
  socklen_t size = sizeof *address;
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  memset(address, 0, sizeof *address);
  address->sin_family = AF_INET;
  address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  cr_assert_eq(bind(fd, (struct sockaddr *)address, sizeof *address), 0);
  cr_assert_eq(listen(fd, backlog), 0);
  cr_assert_eq(getsockname(fd, (struct sockaddr *)address, &size), 0);
  return fd;
}

/* A server whose queue is full answers nothing to who comes. */
static void make_silent(struct sockaddr_in *address) {
  (void)listen_at(address, 0);
  for (int i = 0; i < FILLED; i++) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    (void)!connect(fd, (struct sockaddr *)address, sizeof *address);
  }
}

static solid_status open_within(sol_transport *t, int64_t ms) {
  sol_place place;
  memset(t, 0, sizeof *t);
  cr_assert_eq(sol_place_set(&place, "several.example", 15, 6379), SOLID_OK);
  return sol_transport_open(t, &place, NULL, sol_steady_ms() + ms);
}

Test(transport, a_silent_address_leaves_time_for_the_next, .timeout = 600) {
  sol_transport t;
  make_silent(&addresses[0]);
  make_silent(&addresses[1]);
  int fd = listen_at(&addresses[2], 8);
  n_addresses = 3;
  cr_assert_eq(open_within(&t, 900), SOLID_OK, "%s", t.why);
  cr_assert(t.is_open);
  sol_transport_close(&t);
  n_addresses = 2;
  cr_assert_eq(open_within(&t, 200), SOLID_ETIMEDOUT, "%s", t.why);
  cr_assert(!t.is_open);
  close(fd);
}

Test(transport, a_refused_address_costs_no_time, .timeout = 600) {
  sol_transport t;
  close(listen_at(&addresses[0], 8)); /* nobody is there any more */
  int fd = listen_at(&addresses[1], 8);
  n_addresses = 2;
  cr_assert_eq(open_within(&t, 5000), SOLID_OK, "%s", t.why);
  sol_transport_close(&t);
  n_addresses = 1;
  cr_assert_eq(open_within(&t, 5000), SOLID_EIO, "%s", t.why);
  close(fd);
}
