#include "examples/common/notify.h"
#include "examples/common/ground.h"
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Nobody waits for an answer: what cannot be sent is not sent. */
static void send_word(const char *word) {
  const char *path = getenv("NOTIFY_SOCKET");
  struct sockaddr_un to = {.sun_family = AF_UNIX};
  size_t size = path ? strlen(path) : 0;
  if ((size && *path != '/' && *path != '@') || size < 2 || size >= sizeof to.sun_path) return;
  memcpy(to.sun_path, path, size);
  if (*path == '@') to.sun_path[0] = 0; /* an abstract name */
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
  (void)sendto(fd, word, strlen(word), MSG_NOSIGNAL, (const struct sockaddr *)&to, length);
  close(fd);
}

void notify_ready(void) {
  send_word("READY=1");
}

void notify_stopping(void) {
  send_word("STOPPING=1");
}

int64_t notify_watchdog_ms(void) {
  const char *us = getenv("WATCHDOG_USEC");
  long long value = us ? strtoll(us, NULL, 10) : 0;
  return value > 0 ? (value / 2000 > 0 ? value / 2000 : 1) : 0;
}

void notify_alive(void) {
  static int64_t next_ms;
  int64_t every_ms = notify_watchdog_ms(), now_ms = every_ms ? sol_steady_ms() : 0;
  if (!every_ms || now_ms < next_ms) return;
  next_ms = now_ms + every_ms / 2;
  send_word("WATCHDOG=1");
}
