#define _DEFAULT_SOURCE /* syscall: this C library has no gettid under POSIX */
#include "examples/common/logging.h"
#include "examples/common/ground.h"
#include "examples/common/growing.h"
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { SAY_EVERY_MS = 10000 };

static struct {
  const char *program;
  int format, verbose;
} logging = {"solid", LOGGING_TEXT, 0};

void logging_begin(const char *program, int format, int verbose) {
  logging.program = program;
  logging.format = format;
  logging.verbose = verbose;
}

static void print_time(char text[32]) {
  int64_t now_ms = sol_wall_ms();
  time_t seconds = (time_t)(now_ms / 1000);
  struct tm parts;
  gmtime_r(&seconds, &parts);
  size_t used = strftime(text, 32, "%Y-%m-%dT%H:%M:%S", &parts);
  snprintf(text + used, 32 - used, ".%03dZ", (int)(now_ms % 1000));
}

/* One write, so that lines of threads and processes do not mix. */
static void write_line(solid_log_level level, unsigned store, const char *line) {
  static const char *const names[] = {"debug", "info", "warning", "error"};
  char now[32];
  growing text = {0};
  long thread = syscall(SYS_gettid);
  print_time(now);
  if (logging.format == LOGGING_JSON) {
    growing_add(&text, "{\"time\":\"%s\",\"level\":\"%s\",\"program\":\"%s\",\"thread\":%ld,", now, names[level],
                logging.program, thread);
    if (store) growing_add(&text, "\"store\":%u,", store);
    growing_text(&text, "\"text\":");
    growing_json(&text, line, strlen(line));
    growing_text(&text, "}\n");
  } else {
    growing_add(&text, "%s %s %s[%ld]", now, names[level], logging.program, thread);
    if (store) growing_add(&text, " store %u", store);
    growing_add(&text, ": %s\n", line);
  }
  for (size_t done = 0; done < text.size;) {
    ssize_t wrote = write(STDERR_FILENO, text.bytes + done, text.size - done);
    if (wrote <= 0) break;
    done += (size_t)wrote;
  }
  growing_clear(&text);
}

void logging_line(void *store, solid_log_level level, const char *line) {
  if (level >= SOLID_LOG_WARN || logging.verbose) write_line(level, (unsigned)(uintptr_t)store, line);
}

/* Once in SAY_EVERY_MS; work that follows after a while without a line is other work. */
static int is_due(void) {
  static _Atomic int64_t heard_ms, said_ms;
  int64_t now_ms = sol_steady_ms(), before_ms = atomic_exchange(&heard_ms, now_ms);
  if (!before_ms || now_ms - before_ms >= SAY_EVERY_MS) said_ms = now_ms;
  if (now_ms - said_ms < SAY_EVERY_MS) return 0;
  said_ms = now_ms;
  return 1;
}

void logging_work(void *unused, solid_log_level level, const char *line) {
  if (level == SOLID_LOG_DEBUG && !logging.verbose) {
    if (is_due()) write_line(SOLID_LOG_INFO, 0, line);
  } else {
    logging_line(unused, level, line);
  }
}

void *logging_store(unsigned number) {
  return (void *)(uintptr_t)number;
}

void logging_say(solid_log_level level, const char *format, ...) {
  char line[1024];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  write_line(level, 0, line);
}
