/* What is asked about items and histories: similar, popular, latest, search, history. */
#include "examples/common/ground.h"
#include "examples/common/item_json.h"
#include "examples/serve/answering.h"
#include "examples/serve/reasons.h"
#include "solid/extend.h"
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static solid_status read_k(const serve *s, const http_request *request, size_t *k) {
  solid_bytes text;
  int64_t value = query_usual(s->options->max_k);
  if (http_argument(request, "k", &text) && (!query_whole(text, &value) || value < 1 || value > s->options->max_k))
    return solid_fail(SOLID_EINVAL, "\"k\" is not a whole number from 1 to %lld", (long long)s->options->max_k);
  *k = (size_t)value;
  return SOLID_OK;
}

/* The seat of the current generation: what is asked about items is the same for everybody. */
static solid_status take_current(serve *s, const serve_desk *desk, const solid_seat **seat) {
  return solid_slot_take(s->slot, desk->number, (solid_bytes){"", 0}, seat);
}

static void write_list(growing *out, const solid_model *model, const solid_scored *best, size_t n, const char *value) {
  for (size_t i = 0; i < n; i++) {
    if (i) growing_text(out, ",");
    item_json(out, model, best[i].item);
    growing_add(out, ",\"%s\":", value);
    growing_number(out, (double)best[i].score);
    growing_text(out, "}");
  }
}

void serve_similar(void *user, const http_request *request, http_reply *reply) {
  serve *s = user;
  const solid_seat *seat = NULL;
  size_t k = 0, n = 0;
  serve_desk *desk = serve_take_desk(s);
  solid_status status = read_k(s, request, &k);
  if (!status) status = take_current(s, desk, &seat);
  if (!status) {
    uint32_t item = solid_model_item_index(seat->model, request->part);
    if (item == SOLID_NO_ITEM)
      status = solid_fail(SOLID_ENOTFOUND,
                          "the model has no item \"%s\": GET /items?search= finds ids by a part of id or title",
                          sol_show(request->part.data, request->part.size).text);
    else if (!serve_desk_room(desk, k))
      status = solid_fail(SOLID_ENOMEM, "out of memory: %zu items", k);
    else
      status = solid_neighbours_of(seat->neighbours, item, k, desk->best, &n);
  }
  if (!status) {
    growing_text(&reply->body, "{\"items\":[");
    write_list(&reply->body, seat->model, desk->best, n, "similarity");
    growing_text(&reply->body, "]}");
  } else {
    serve_fail(reply, status);
  }
  solid_slot_give(s->slot, seat);
  serve_give_desk(s, desk);
}

/* From the stream, as far as this process has seen it; the training's popularity before the first event. */
static solid_status list_popular(serve *s, serve_desk *desk, const solid_seat *seat, size_t k, const char **from,
                                 size_t *n) {
  recent_item *found = malloc(k * sizeof *found);
  solid_model_info info = {.struct_size = sizeof info};
  solid_status status = solid_model_get_info(seat->model, &info);
  *n = 0;
  if (k > info.items) k = info.items;
  size_t count = found ? recent_popular(&s->recent, found, k) : SIZE_MAX;
  if (count == SIZE_MAX || !serve_desk_room(desk, k)) {
    status = solid_fail(SOLID_ENOMEM, "out of memory: %zu items", k);
  } else if (count) {
    *from = "stream";
    for (size_t i = 0; i < count; i++) {
      uint32_t item = solid_model_item_by_hash(seat->model, found[i].item);
      if (item != SOLID_NO_ITEM && solid_model_item_is_open(seat->model, item))
        desk->best[(*n)++] = (solid_scored){item, (float)found[i].events};
    }
  } else if (!status) {
    solid_query query = SOLID_QUERY_INIT;
    solid_answer answer = {.struct_size = sizeof answer};
    *from = "training";
    query.k = (uint32_t)k;
    status = solid_recommend(seat->recommender, (solid_bytes){NULL, 0}, &query, desk->best, &answer);
    *n = answer.count;
  }
  free(found);
  return status;
}

void serve_popular(void *user, const http_request *request, http_reply *reply) {
  serve *s = user;
  const solid_seat *seat = NULL;
  const char *from = "";
  size_t k = 0, n = 0;
  serve_desk *desk = serve_take_desk(s);
  solid_status status = read_k(s, request, &k);
  if (!status) status = take_current(s, desk, &seat);
  if (!status) status = list_popular(s, desk, seat, k, &from, &n);
  if (!status) {
    growing_add(&reply->body, "{\"from\":\"%s\",\"items\":[", from);
    write_list(&reply->body, seat->model, desk->best, n, "events");
    growing_text(&reply->body, "]}");
  } else {
    serve_fail(reply, status);
  }
  solid_slot_give(s->slot, seat);
  serve_give_desk(s, desk);
}

void serve_latest(void *user, const http_request *request, http_reply *reply) {
  serve *s = user;
  const solid_seat *seat = NULL;
  size_t k = 0, n = 0, written = 0;
  recent_item *found = NULL;
  serve_desk *desk = serve_take_desk(s);
  solid_status status = read_k(s, request, &k);
  if (!status) status = take_current(s, desk, &seat);
  if (!status) {
    found = malloc(k * sizeof *found);
    n = found ? recent_latest(&s->recent, found, k) : SIZE_MAX;
    if (n == SIZE_MAX) status = solid_fail(SOLID_ENOMEM, "out of memory: %zu items", k);
  }
  if (status) serve_fail(reply, status);
  growing *out = &reply->body;
  if (!status) growing_text(out, "{\"from\":\"stream\",\"items\":[");
  for (size_t i = 0; i < n && !status; i++) {
    uint32_t item = solid_model_item_by_hash(seat->model, found[i].item);
    if (item == SOLID_NO_ITEM || !solid_model_item_is_open(seat->model, item)) continue;
    if (written++) growing_text(out, ",");
    item_json(out, seat->model, item);
    growing_text(out, "}");
  }
  if (!status) growing_text(out, "]}");
  free(found);
  solid_slot_give(s->slot, seat);
  serve_give_desk(s, desk);
}

/* GET /users/{id}/history: what the recommendations are made from, newest first. */
void serve_history(void *user, const http_request *request, http_reply *reply) {
  serve *s = user;
  const solid_seat *seat = NULL;
  uint32_t *items = NULL;
  uint64_t seq = 0;
  size_t n = 0;
  serve_desk *desk = serve_take_desk(s);
  solid_status status = solid_slot_take(s->slot, desk->number, request->part, &seat);
  if (!status) status = reasons_history(desk, seat->model, request->part, &items, &n, &seq);
  if (status) {
    serve_fail(reply, status);
  } else {
    growing_add(&reply->body, "{\"seq\":%" PRIu64 ",\"items\":[", seq);
    for (size_t i = n; i-- > 0;) {
      item_json(&reply->body, seat->model, items[i]);
      growing_text(&reply->body, i ? "}," : "}");
    }
    growing_text(&reply->body, "]}");
  }
  free(items);
  solid_slot_give(s->slot, seat);
  serve_give_desk(s, desk);
}

static int contains(solid_bytes text, solid_bytes wanted) {
  for (size_t i = 0; i + wanted.size <= text.size; i++) {
    size_t j = 0;
    while (j < wanted.size && tolower((unsigned char)text.data[i + j]) == tolower((unsigned char)wanted.data[j])) j++;
    if (j == wanted.size) return 1;
  }
  return 0;
}

/* GET /items?search=: by a part of title or id. */
void serve_items(void *user, const http_request *request, http_reply *reply) {
  serve *s = user;
  const solid_seat *seat = NULL;
  solid_bytes wanted = {"", 0};
  size_t k = 0, n = 0;
  serve_desk *desk = serve_take_desk(s);
  http_argument(request, "search", &wanted);
  solid_status status = read_k(s, request, &k);
  if (!status) status = take_current(s, desk, &seat);
  uint32_t items = status ? 0 : solid_model_item_count(seat->model);
  if (status) serve_fail(reply, status);
  if (!status) growing_text(&reply->body, "{\"items\":[");
  for (uint32_t item = 0; item < items && n < k; item++) {
    if (!solid_model_item_is_open(seat->model, item)) continue;
    if (!contains(solid_model_item_title(seat->model, item), wanted) &&
        !contains(solid_model_item_id(seat->model, item), wanted))
      continue;
    if (n++) growing_text(&reply->body, ",");
    item_json(&reply->body, seat->model, item);
    growing_text(&reply->body, "}");
  }
  if (!status) growing_text(&reply->body, "]}");
  solid_slot_give(s->slot, seat);
  serve_give_desk(s, desk);
}
