#include "examples/ingestd/ingestd_signals.h"
#include "examples/common/exit.h"
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static struct {
  volatile sig_atomic_t is_starting;
  void (*volatile stop)(void *source);
  void *volatile source;
} signals;

static void say(const char *line) {
  int kept = errno;
  ssize_t unused = write(STDERR_FILENO, line, strlen(line));
  (void)unused;
  errno = kept;
}

/* What a start waits for (names that are looked up, brokers, servers, a pipe's writer) is waited for in other
 * libraries, which no flag would reach. */
static void on_stop(int number) {
  (void)number;
  if (signals.is_starting) {
    say("solid_ingestd: stopped before anything was read\n");
    _exit(EXIT_DONE);
  }
  void (*stop)(void *source) = signals.stop;
  if (stop) stop(signals.source);
}

/* SIGHUP and SIGUSR1 would end the program by default; here they are only reported, since it cannot reload. */
static void on_ignored(int number) {
  say(number == SIGHUP ? "solid_ingestd: SIGHUP is ignored: nothing is loaded again while it runs\n"
                       : "solid_ingestd: SIGUSR1 is ignored: nothing is loaded again while it runs\n");
}

void ingestd_signals_catch(void) {
  struct sigaction action;
  signals.is_starting = 1;
  memset(&action, 0, sizeof action);
  sigemptyset(&action.sa_mask);
  action.sa_handler = on_stop;
  /* The second one ends the program. No SA_RESTART: a read of standard input must end, too. */
  action.sa_flags = (int)SA_RESETHAND;
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGINT, &action, NULL);
  action.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &action, NULL);
  action.sa_handler = on_ignored;
  action.sa_flags = SA_RESTART;
  sigaction(SIGHUP, &action, NULL);
  sigaction(SIGUSR1, &action, NULL);
}

void ingestd_signals_stop(void (*stop)(void *source), void *source) {
  signals.stop = NULL;
  signals.source = source;
  signals.stop = stop;
  signals.is_starting = 0;
}
