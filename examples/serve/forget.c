/* DELETE /users/{id}: what the store has of the user is removed. Where events go through a topic, the wish goes into it
 * as well, before the store is asked: it then stands behind the user's events, also for who reads the topic anew. */
#include "examples/common/ground.h"
#include "examples/serve/producer.h"
#include "examples/serve/serve.h"
#include "solid/extend.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static solid_status put_into_topic(serve *s, const serve_desk *desk, const http_request *request) {
  solid_event event = {.time_ms = 0};
  solid_reject why;
  solid_status of_event;
  int64_t now_ms = sol_wall_ms();
  json_t *wish = json_pack("{s:o?, s:b, s:I}", "user", json_stringn(request->part.data, request->part.size), "forget",
                           1, "ts", (json_int_t)now_ms);
  char *payload = wish ? json_dumps(wish, JSON_COMPACT) : NULL;
  json_decref(wish);
  if (!payload) return solid_fail(SOLID_EINVAL, "no event of a topic can have this id: it is not UTF-8");
  solid_status status = solid_decoder_decode(desk->decoder, payload, strlen(payload), now_ms, &event, &why);
  if (status == SOLID_EFORMAT) status = solid_fail(SOLID_EINVAL, "%s", solid_reject_meaning(why));
  if (!status) status = producer_send(s->producer, &event, &payload, 1, request->deadline_ns, &of_event);
  free(payload);
  return status;
}

void serve_forget(void *user, const http_request *request, http_reply *reply) {
  serve *s = user;
  uint8_t had = 0;
  serve_desk *desk = serve_take_desk(s);
  solid_status status = s->producer ? put_into_topic(s, desk, request) : SOLID_OK;
  int in_topic = s->producer && !status;
  if (!status) {
    status = solid_forget(desk->store, &request->part, 1, &had);
    serve_note_store(s, status);
  }
  if (status)
    serve_fail_of(reply, status, s->producer && !in_topic ? "broker_away" : "store_away");
  else
    growing_add(&reply->body, "{\"had_record\":%s,\"in_topic\":%s}", had ? "true" : "false",
                s->producer ? "true" : "false");
  solid_decoder_reset(desk->decoder);
  serve_give_desk(s, desk);
}
