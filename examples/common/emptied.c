#include "examples/common/emptied.h"
#include "examples/common/ground.h"
#include "examples/common/logging.h"
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { MINUTE_MS = 60000 };

int emptied_is_news(emptied_said *said, const solid_store_epoch *epoch, int64_t now_ms, uint64_t *left_out) {
  if (said->has_epoch && !memcmp(&said->epoch, epoch, sizeof *epoch)) return 0;
  if (!said->has_epoch || now_ms - said->begun_ms >= MINUTE_MS) said->begun_ms = now_ms, said->lines = 0;
  said->has_epoch = 1;
  said->epoch = *epoch;
  if (said->lines == EMPTIED_LINES) return said->left_out++, 0;
  said->lines++;
  *left_out = said->left_out;
  said->left_out = 0;
  return 1;
}

static void say(const solid_store_epoch *epoch, const char *why) {
  static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
  static emptied_said said;
  char more[80] = "";
  uint64_t left_out = 0;
  pthread_mutex_lock(&lock);
  int is_news = emptied_is_news(&said, epoch, sol_steady_ms(), &left_out);
  pthread_mutex_unlock(&lock);
  if (left_out) snprintf(more, sizeof more, " (and %" PRIu64 " changes before it that were not said)", left_out);
  if (is_news) logging_say(SOLID_LOG_WARN, "events go on in an empty store: %s%s", why, more);
}

solid_status emptied_go_on(solid_store *store) {
  char why[512];
  solid_store_epoch epoch;
  snprintf(why, sizeof why, "%s", solid_last_error());
  solid_status status = store->ops->epoch_begin(store, 0, &epoch);
  if (!status) say(&epoch, why);
  return status;
}
