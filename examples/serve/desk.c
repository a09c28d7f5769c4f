#include "examples/serve/serve.h"
#include "solid/extend.h"
#include <stdlib.h>
#include <string.h>

serve_desk *serve_take_desk(serve *s) {
  pthread_mutex_lock(&s->desk_lock);
  while (!s->free_desks) pthread_cond_wait(&s->desk_free, &s->desk_lock);
  serve_desk *desk = s->free_desks;
  s->free_desks = desk->next;
  pthread_mutex_unlock(&s->desk_lock);
  return desk;
}

void serve_give_desk(serve *s, serve_desk *desk) {
  pthread_mutex_lock(&s->desk_lock);
  desk->next = s->free_desks;
  s->free_desks = desk;
  pthread_cond_signal(&s->desk_free);
  pthread_mutex_unlock(&s->desk_lock);
}

int serve_desk_room(serve_desk *desk, size_t items) {
  if (items <= desk->room) return 1;
  solid_scored *best = realloc(desk->best, items * sizeof *best);
  if (!best) return 0;
  desk->best = best;
  desk->room = items;
  return 1;
}

void serve_fail(http_reply *reply, solid_status status) {
  serve_fail_of(reply, status, "store_away");
}

int serve_lacks_store(solid_status status) {
  return solid_status_is_retriable(status) || status == SOLID_EREFUSED;
}

void serve_note_store(serve *s, solid_status status) {
  int has_failed = serve_lacks_store(status);
  atomic_store(&s->store_away, has_failed && status != SOLID_EFULL);
  if (has_failed) serve_count(&s->counts.store_failures);
}

void serve_note_model(serve *s, solid_status status, unsigned models_live) {
  if (status == SOLID_ESTALE) atomic_store(&s->model_spoilt, models_live + 1);
}

serve_failure serve_failure_of(solid_status status, const char *away) {
  int is_store = strcmp(away, "store_away") == 0;
  if (solid_status_is_retriable(status))
    return (serve_failure){503, status == SOLID_EFULL && is_store ? "store_full" : away, 1};
  switch (status) {
  case SOLID_ELOST: /* emptied once more, while what the first time left was written */
    return (serve_failure){503, away, 1};
  case SOLID_EREFUSED:
    return (serve_failure){503, "store_refused", 5}; /* until a person gives access */
  case SOLID_ESTALE:
    return (serve_failure){500, "model_changed", 0}; /* under a running service */
  case SOLID_EINVAL:
  case SOLID_ERANGE:
    return (serve_failure){400, "bad_query", 0};
  case SOLID_ENOTFOUND:
    return (serve_failure){404, "not_found", 0};
  case SOLID_EUNSUPPORTED:
    return (serve_failure){501, "unsupported", 0}; /* a slate of a model without a decoder */
  case SOLID_EFORMAT:
    return (serve_failure){422, "bad_record", 0};
  default:
    return (serve_failure){500, "internal", 0};
  }
}

void serve_fail_of(http_reply *reply, solid_status status, const char *away) {
  serve_failure failure = serve_failure_of(status, away);
  if (failure.retry_after_s) reply->retry_after_s = failure.retry_after_s;
  http_fail(reply, failure.code, failure.name, "%s", solid_last_error());
}
