/* A build without TLS. */
#include "store/redis/tls.h"
#include <stdio.h>

int sol_tls_is_there(void) {
  return 0;
}

solid_status sol_tls_begin(sol_tls **out, int fd, const char *host, const sol_tls_options *options, char *why,
                           size_t room) {
  (void)fd, (void)host, (void)options;
  *out = NULL;
  snprintf(why, room, "built without TLS (SOLID_TLS)");
  return SOLID_EUNSUPPORTED;
}

int sol_tls_shake(sol_tls *tls, short *wants, solid_status *status, char *why, size_t room) {
  (void)tls, (void)wants, (void)status, (void)why, (void)room;
  return -1;
}

long sol_tls_send(sol_tls *tls, const void *bytes, size_t size, short *wants, solid_status *status, char *why,
                  size_t room) {
  (void)tls, (void)bytes, (void)size, (void)wants, (void)status, (void)why, (void)room;
  return -1;
}

long sol_tls_receive(sol_tls *tls, void *room, size_t size, short *wants, solid_status *status, char *why,
                     size_t why_room) {
  (void)tls, (void)room, (void)size, (void)wants, (void)status, (void)why, (void)why_room;
  return -1;
}

int sol_tls_is_quiet(sol_tls *tls) {
  (void)tls;
  return 1;
}

void sol_tls_end(sol_tls *tls) {
  (void)tls;
}
