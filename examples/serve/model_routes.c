/* GET and POST /model. */
#include "examples/serve/models.h"
#include "examples/serve/query.h"
#include "solid/extend.h"
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

static void write_model(const solid_seat *seat, growing *out) {
  solid_model_info info = {.struct_size = sizeof info};
  if (solid_model_get_info(seat->model, &info)) return;
  growing_add(out,
              ",\"model\":{\"head\":\"%s\",\"items\":%u,\"width\":%u,\"window\":%u,\"rank\":%u,\"params\":%u,"
              "\"categories\":%u}",
              solid_head_name(info.head), info.items, info.width, info.window, info.rank, info.params, info.categories);
}

void serve_model_get(void *user, const http_request *request, http_reply *reply) {
  serve *s = user;
  (void)request;
  char error[sizeof s->models.error];
  const solid_seat *seat = NULL;
  solid_live live = solid_slot_get_live(s->slot);
  pthread_mutex_lock(&s->models.lock);
  int busy = s->models.busy || s->models.wants_load || s->models.wants_back;
  memcpy(error, s->models.error, sizeof error);
  pthread_mutex_unlock(&s->models.lock);
  growing_add(&reply->body,
              "{\"version\":%" PRIu64 ",\"current\":\"%016" PRIx64 "\",\"previous\":\"%016" PRIx64
              "\",\"share\":%.4f,\"loading\":%s,\"in_memory\":%zu,\"error\":",
              live.version, live.current, live.previous, live.share * 1.0 / SOLID_SHARES, busy ? "true" : "false",
              solid_slot_count(s->slot));
  growing_json(&reply->body, error, strlen(error));
  if (s->warm_up.per_s)
    growing_add(&reply->body,
                ",\"warm_up\":{\"running\":%s,\"users\":%" PRIu64 ",\"made\":%" PRIu64 ",\"failed\":%" PRIu64 "}",
                atomic_load(&s->warm_up.is_running) ? "true" : "false", (uint64_t)atomic_load(&s->warm_up.users),
                (uint64_t)atomic_load(&s->warm_up.made), (uint64_t)atomic_load(&s->warm_up.failed));
  serve_desk *desk = serve_take_desk(s);
  if (!solid_slot_take(s->slot, desk->number, (solid_bytes){"", 0}, &seat)) write_model(seat, &reply->body);
  solid_slot_give(s->slot, seat);
  serve_give_desk(s, desk);
  growing_text(&reply->body, "}");
}

/* {"action": "load", "share": 0.1} or {"action": "back"}, which is for everybody. */
static solid_status read_change(const http_request *request, int *back, uint32_t *share) {
  *back = 0;
  *share = SOLID_SHARES;
  if (!request->body_size) return SOLID_OK;
  json_t *root = query_json(request->body, request->body_size, "one change at a time");
  if (!root) return solid_fail(SOLID_EINVAL, "%s", solid_last_error());
  const char *action = json_string_value(json_object_get(root, "action"));
  const json_t *part = json_object_get(root, "share");
  size_t known = (action != NULL) + (part != NULL);
  double value = part ? json_number_value(part) : 1;
  solid_status status = SOLID_OK;
  if (!json_is_object(root) || json_object_size(root) != known || (part && !json_is_number(part)) ||
      !(value >= 0 && value <= 1) || (action && strcmp(action, "load") != 0 && strcmp(action, "back") != 0))
    status = solid_fail(SOLID_EINVAL, "wants {\"action\": \"load\" or \"back\", \"share\": 0 to 1}");
  *back = action && *action == 'b';
  if (!status && *back && part)
    status = solid_fail(SOLID_EINVAL, "\"share\" is for \"load\": \"back\" is for all users");
  *share = (uint32_t)(value * SOLID_SHARES + 0.5);
  json_decref(root);
  return status;
}

void serve_model_post(void *user, const http_request *request, http_reply *reply) {
  serve *s = user;
  int back;
  uint32_t share;
  solid_status status = read_change(request, &back, &share);
  if (status) {
    serve_fail(reply, status);
  } else if ((status = models_change(s, back, share)) != SOLID_OK) {
    int is_busy = status == SOLID_EDUPLICATE;
    http_fail(reply, 409, is_busy ? "busy" : "no_previous", "%s", solid_last_error());
    reply->retry_after_s = is_busy;
  } else {
    reply->status = 202;
    growing_text(&reply->body, "{\"accepted\":true}");
  }
}
