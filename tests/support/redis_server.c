#define _GNU_SOURCE
#include "tests/support/redis_server.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_ARGUMENTS = 40, START_TRIES = 4000 };

int redis_server_installed(void) {
  return system("command -v redis-server >/dev/null 2>&1") == 0;
}

static struct sockaddr_in loopback(uint16_t port) {
  struct sockaddr_in address;
  memset(&address, 0, sizeof address);
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

/* Below those that the system gives to clients, which could take one before its server does; none twice. */
uint16_t free_port(void) {
  enum { FIRST = 20000, PORTS = 12000, STRIDE = 7 };
  static unsigned calls;
  for (unsigned tries = 0; tries < PORTS; tries++) {
    unsigned port = FIRST + ((unsigned)getpid() * 131 + calls++ * STRIDE) % PORTS;
    struct sockaddr_in address = loopback((uint16_t)port);
    int fd = socket(AF_INET, SOCK_STREAM, 0),
        is_free = fd >= 0 && !bind(fd, (struct sockaddr *)&address, sizeof address);
    if (fd >= 0) close(fd);
    if (is_free) return (uint16_t)port;
  }
  abort();
}

int redis_server_send(const redis_server *server, const char *command) {
  struct sockaddr_in address = loopback(server->port);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  struct timeval patience = {300, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (!connect(fd, (struct sockaddr *)&address, sizeof address) && dprintf(fd, "%s\r\n", command) > 0) return fd;
  close(fd);
  return -1;
}

int redis_server_ask(const redis_server *server, const char *command, char *out, size_t size) {
  char reply[4096];
  size_t n = 0;
  ssize_t got;
  int fd = redis_server_send(server, command), result = -1;
  if (fd < 0) return -1;
  /* a bulk string's text is the second line */
  while (n < sizeof reply - 1 && (got = recv(fd, reply + n, sizeof reply - 1 - n, 0)) > 0) {
    reply[n += (size_t)got] = 0;
    char *end = strstr(reply, "\r\n");
    if (!end) continue;
    char *line = reply[0] == '$' && reply[1] != '-' ? end + 2 : reply[0] == '-' ? reply : reply + 1;
    if (line == end + 2 && !(end = strstr(line, "\r\n"))) continue;
    snprintf(out, size, "%.*s", (int)(end - line), line);
    result = 0;
    break;
  }
  close(fd);
  return result;
}

static void run_server(const redis_server *server, const char *const *extra) {
  char port[8];
  const char *fixed[] = {"redis-server",
                         "--port",
                         port,
                         "--bind",
                         "127.0.0.1",
                         "--save",
                         "",
                         "--appendonly",
                         "no",
                         "--dir",
                         server->folder,
                         "--unixsocket",
                         server->socket_path,
                         "--loglevel",
                         "warning"};
  const char *argv[MAX_ARGUMENTS] = {0};
  size_t n = sizeof fixed / sizeof *fixed;
  snprintf(port, sizeof port, "%u", server->port);
  memcpy(argv, fixed, sizeof fixed);
  for (; extra && *extra && n < MAX_ARGUMENTS - 1; extra++) argv[n++] = *extra;
  int null = open("/dev/null", O_RDWR);
  dup2(null, 0);
  dup2(null, 1);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  execvp(argv[0], (char *const *)(uintptr_t)argv);
  _exit(127);
}

int redis_server_start(redis_server *server, uint16_t port, const char *const *extra) {
  char answer[128] = "";
  memset(server, 0, sizeof *server);
  strcpy(server->folder, "/tmp/solid-redis-XXXXXX");
  if (!mkdtemp(server->folder)) return -1;
  snprintf(server->socket_path, sizeof server->socket_path, "%s/redis.sock", server->folder);
  server->port = port ? port : free_port();
  server->pid = fork();
  if (server->pid < 0) return -1;
  if (server->pid == 0) run_server(server, extra);
  for (int i = 0; i < START_TRIES; i++) {
    /* PONG, or the demand for a password */
    if (!redis_server_ask(server, "PING", answer, sizeof answer) && !strstr(answer, "LOADING")) return 0;
    nanosleep(&(struct timespec){0, 25 * 1000 * 1000}, NULL);
  }
  fprintf(stderr, "redis-server on port %u does not answer: %s\n", server->port, answer);
  redis_server_stop(server);
  return -1;
}

void redis_server_kill(redis_server *server) {
  if (server->pid <= 0) return;
  kill(server->pid, SIGKILL);
  waitpid(server->pid, NULL, 0);
  server->pid = 0;
}

void redis_server_stop(redis_server *server) {
  char dump[sizeof server->folder + 16];
  redis_server_kill(server);
  unlink(server->socket_path);
  snprintf(dump, sizeof dump, "%s/dump.rdb", server->folder);
  unlink(dump);
  rmdir(server->folder);
}
