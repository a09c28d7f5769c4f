#include "tests/store/redis/cut_proxy.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BYTES = 1 << 20 };

static const char mark[] = "$7\r\nEVALSHA\r\n";

/* Where the command begins whose name begins at `at`: "*<words>\r\n" is before it. */
static size_t begin_of(const char *bytes, size_t at) {
  while (at > 0 && bytes[at - 1] != '*') at--;
  return at ? at - 1 : 0;
}

/* How many of the bytes may pass before the cut; all of them where it does not come yet. */
static size_t allowed(cut_proxy *proxy, const char *bytes, size_t size, int *cuts) {
  *cuts = 0;
  for (size_t i = 0; proxy->cut_behind && i + sizeof mark - 1 <= size; i++) {
    if (memcmp(bytes + i, mark, sizeof mark - 1) != 0) continue;
    if (proxy->cut_behind-- > 1) continue;
    size_t next = i + 1; /* the end of this command is where the next one, of any name, begins */
    while (next + 1 < size && !(bytes[next] == '*' && bytes[next - 1] == '\n' && bytes[next + 1] >= '0')) next++;
    *cuts = 1;
    return next + 1 < size && begin_of(bytes, next + 1) == next ? next : size;
  }
  return size;
}

static int send_all(int fd, const char *bytes, size_t size) {
  for (size_t done = 0; done < size;) {
    ssize_t n = send(fd, bytes + done, size - done, MSG_NOSIGNAL);
    if (n <= 0) return 0;
    done += (size_t)n;
  }
  return 1;
}

/* Waits until the server has answered what it was sent, so that it is done; -1 as client: the answer is lost. */
static void let_it_be_done(int server, int client, char *bytes) {
  struct pollfd readable = {server, POLLIN, 0};
  while (poll(&readable, 1, 30) > 0) {
    ssize_t n = recv(server, bytes, BYTES, 0);
    if (n <= 0 || (client >= 0 && !send_all(client, bytes, (size_t)n))) return;
  }
}

static void forward(cut_proxy *proxy, int client, int server) {
  char *bytes = malloc(BYTES);
  struct pollfd polls[2] = {{client, POLLIN, 0}, {server, POLLIN, 0}};
  while (bytes && poll(polls, 2, -1) > 0) {
    int cuts = 0, from = polls[0].revents ? 0 : 1;
    ssize_t n = recv(polls[from].fd, bytes, BYTES, 0);
    if (n <= 0) break;
    size_t size = from == 0 ? allowed(proxy, bytes, (size_t)n, &cuts) : (size_t)n;
    if (!send_all(polls[1 - from].fd, bytes, size)) break;
    if (!cuts) continue;
    char *rest = proxy->between ? malloc((size_t)n - size + 1) : NULL;
    if (rest) memcpy(rest, bytes + size, (size_t)n - size);
    let_it_be_done(server, rest ? client : -1, bytes);
    if (!rest) break;
    proxy->between(proxy->between_user);
    int is_sent = send_all(server, rest, (size_t)n - size);
    free(rest);
    if (!is_sent) break;
  }
  free(bytes);
}

static int reach(uint32_t port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0) return fd;
  if (fd >= 0) close(fd);
  return -1;
}

static void *run(void *arg) {
  cut_proxy *proxy = arg;
  int client;
  while ((client = accept(proxy->listener, NULL, NULL)) >= 0) {
    int server = reach(proxy->server_port);
    if (server >= 0) {
      forward(proxy, client, server);
      close(server);
    }
    close(client);
  }
  return NULL;
}

int cut_proxy_start(cut_proxy *proxy) {
  struct sockaddr_in address = {.sin_family = AF_INET};
  socklen_t size = sizeof address;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  proxy->listener = socket(AF_INET, SOCK_STREAM, 0);
  if (proxy->listener < 0 || bind(proxy->listener, (struct sockaddr *)&address, sizeof address) ||
      listen(proxy->listener, 8) || getsockname(proxy->listener, (struct sockaddr *)&address, &size))
    return -1;
  proxy->port = ntohs(address.sin_port);
  return pthread_create(&proxy->thread, NULL, run, proxy) ? -1 : 0;
}

void cut_proxy_stop(cut_proxy *proxy) {
  shutdown(proxy->listener, SHUT_RDWR);
  pthread_join(proxy->thread, NULL);
  close(proxy->listener);
}
