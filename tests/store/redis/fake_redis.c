#include "tests/store/redis/fake_redis.h"
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Reads until nothing more comes for a while, and counts scripts; 0 when the peer is gone. */
static int read_request(int fd, int *scripts) {
  char bytes[1 << 18]; /* all scripts together */
  size_t size = 0;
  struct pollfd readable = {fd, POLLIN, 0};
  do {
    ssize_t n = recv(fd, bytes + size, sizeof bytes - 1 - size, 0);
    if (n <= 0) return 0;
    size = scripts ? size + (size_t)n : 0;
  } while (poll(&readable, 1, 50) > 0);
  bytes[size] = 0;
  for (const char *at = bytes; scripts && (at = strstr(at, "EVALSHA")); at++) ++*scripts;
  return 1;
}

static int read_until_quiet(int fd) {
  return read_request(fd, NULL);
}

static void follow_script(fake_redis *fake, int fd) {
  for (int i = 0; fake->script[i]; i++)
    if (!read_request(fd, &fake->scripts_asked[i]) ||
        send(fd, fake->script[i], strlen(fake->script[i]), MSG_NOSIGNAL) < 0)
      return;
}

static void serve(fake_redis *fake, int fd) {
  char bytes[4096];
  if (!read_until_quiet(fd) || send(fd, FAKE_HASHES, strlen(FAKE_HASHES), MSG_NOSIGNAL) < 0) return;
  fake->connections++;
  if (fake->script) {
    follow_script(fake, fd);
    read_until_quiet(fd);
    return;
  }
  if (fake->read_first) {
    if (recv(fd, bytes, fake->read_first, MSG_WAITALL) <= 0) return;
  } else if (!read_until_quiet(fd)) {
    return;
  }
  if (fake->answer_size && send(fd, fake->answer, fake->answer_size, MSG_NOSIGNAL) < 0) return;
  if (fake->hang_up) return;
  while (recv(fd, bytes, sizeof bytes, 0) > 0) continue;
}

static void *run(void *arg) {
  fake_redis *fake = arg;
  int fd;
  while ((fd = accept(fake->listener, NULL, NULL)) >= 0) {
    serve(fake, fd);
    close(fd);
  }
  return NULL;
}

void fake_redis_start(fake_redis *fake) {
  struct sockaddr_un address;
  memset(&address, 0, sizeof address);
  address.sun_family = AF_UNIX;
  snprintf(fake->path, sizeof fake->path, "/tmp/solid-fake-redis-%ld.sock", (long)getpid());
  strcpy(address.sun_path, fake->path);
  unlink(fake->path);
  fake->connections = 0;
  fake->listener = socket(AF_UNIX, SOCK_STREAM, 0);
  if (fake->listener < 0 || bind(fake->listener, (struct sockaddr *)&address, sizeof address) ||
      listen(fake->listener, 8) || pthread_create(&fake->thread, NULL, run, fake))
    abort();
}

void fake_redis_stop(fake_redis *fake) {
  shutdown(fake->listener, SHUT_RDWR);
  pthread_join(fake->thread, NULL);
  close(fake->listener);
  unlink(fake->path);
}
