/* A real redis-server for tests: on a free port of 127.0.0.1, in a folder of its own, keeping nothing on disk. It dies
 * with the test's process. */
#ifndef TESTS_SUPPORT_REDIS_SERVER_H
#define TESTS_SUPPORT_REDIS_SERVER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct redis_server {
  pid_t pid; /* 0 = not running */
  uint16_t port;
  char folder[64];
  char socket_path[96]; /* its unix socket */
} redis_server;

/* 1 if redis-server is on the PATH. */
int redis_server_installed(void);

/* Starts one and waits until it answers; `extra` is a NULL-terminated list of further arguments, or NULL. port 0 picks
 * a free one; another one restarts there. Returns 0 on success, or -1 with a line on stderr. */
int redis_server_start(redis_server *server, uint16_t port, const char *const *extra);

/* SIGKILL, and waits for its end. */
void redis_server_kill(redis_server *server);

/* Kills, and removes the folder. */
void redis_server_stop(redis_server *server);

/* A port nobody listens on. */
uint16_t free_port(void);

/* One command over a connection of its own, words separated by spaces. The reply's first line (a bulk string: its
 * text; an error: "-" and its text) goes into `out`. Returns 0 on success. */
int redis_server_ask(const redis_server *server, const char *command, char *out, size_t size);

/* Sends an inline command without waiting for its answer. Returns the connection, to be closed; -1 = none. */
int redis_server_send(const redis_server *server, const char *command);

#endif
