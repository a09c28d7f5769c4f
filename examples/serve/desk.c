#include "examples/serve/serve.h"
#include "solid/extend.h"
#include <stdlib.h>

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

void serve_fail(serve *s, http_reply *reply, solid_status status) {
  serve_fail_of(reply, status, "store_away");
  (void)s;
}

void serve_note_model(serve *s, solid_status status, unsigned models_live) {
  if (status == SOLID_ESTALE) atomic_store(&s->model_spoilt, models_live + 1);
}

void serve_fail_of(http_reply *reply, solid_status status, const char *away) {
  int code = 500;
  const char *name = "internal";
  if (solid_status_is_retriable(status)) {
    code = 503, name = away;
    reply->retry_after_s = 1;
  } else if (status == SOLID_ESTALE) {
    name = "model_changed"; /* under a running service */
  } else if (status == SOLID_EINVAL || status == SOLID_ERANGE) {
    code = 400, name = "bad_query";
  } else if (status == SOLID_ENOTFOUND) {
    code = 404, name = "not_found";
  } else if (status == SOLID_EUNSUPPORTED) {
    code = 501, name = "unsupported"; /* a slate of a model without a decoder */
  } else if (status == SOLID_EFORMAT) {
    code = 422, name = "bad_record";
  }
  http_fail(reply, code, name, "%s", solid_last_error());
}
