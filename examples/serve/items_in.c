/* POST /items: entries of the item log, in the store's log before they are answered. */
#include "examples/common/ground.h"
#include "examples/common/item_entry.h"
#include "examples/serve/query.h"
#include "examples/serve/serve.h"
#include "solid/extend.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { ITEMS_MOST = 10000 };

typedef struct incoming {
  item_entries all;
  size_t *numbers; /* (n) which of the request's each is */
  solid_status *verdicts;
  size_t total;
  uint64_t appended, unchanged, rejected;
  growing rejects, unplaced; /* JSON, comma between */
} incoming;

static void reject(incoming *in, size_t number) {
  if (in->rejected++) growing_text(&in->rejects, ",");
  growing_add(&in->rejects, "{\"number\":%zu,\"code\":\"bad_item\",\"message\":", number);
  growing_json(&in->rejects, solid_last_error(), strlen(solid_last_error()));
  growing_text(&in->rejects, "}");
}

/* One entry, a list of them, or {"items": [...]}. */
static solid_status take_body(incoming *in, const json_t *root) {
  const json_t *list = json_is_array(root) ? root : json_object_get(root, "items");
  int is_list = json_is_array(list);
  if (list && list != root && (!is_list || json_object_size(root) != 1))
    return solid_fail(SOLID_EINVAL, "\"items\" is not a list, or does not stand alone");
  in->total = is_list ? json_array_size(list) : 1;
  if (in->total < 1 || in->total > ITEMS_MOST)
    return solid_fail(SOLID_ERANGE, "%zu items, from 1 to %d are taken at once", in->total, ITEMS_MOST);
  in->numbers = calloc(in->total, sizeof *in->numbers);
  in->verdicts = calloc(in->total, sizeof *in->verdicts);
  if (!in->numbers || !in->verdicts) return solid_fail(SOLID_ENOMEM, "out of memory: %zu items", in->total);
  for (size_t i = 0; i < in->total; i++) {
    solid_status status = item_entries_add(&in->all, is_list ? json_array_get(list, i) : root);
    if (status == SOLID_ENOMEM) return status;
    if (status)
      reject(in, i);
    else
      in->numbers[in->all.n - 1] = i;
  }
  return SOLID_OK;
}

/* Which of them are in no answer, because the model knows none of their attributes: who sends them should hear it now.
 * The next question would give them to the model, too. Nothing is said where a larger model has to be made first. */
static void find_unplaced(serve *s, const serve_desk *desk, incoming *in) {
  const solid_seat *seat = NULL;
  if (solid_slot_take(s->slot, desk->number, (solid_bytes){"", 0}, &seat)) return;
  int is_told = solid_item_log_apply(s->items, seat->model, SIZE_MAX, NULL) == SOLID_OK;
  for (size_t i = 0; i < in->all.n && is_told; i++) {
    const solid_item_entry *entry = &in->all.entries[i];
    if (entry->kind != SOLID_ITEM_ADDED || !solid_item_log_has(s->items, entry->id) ||
        solid_model_item_index(seat->model, entry->id) != SOLID_NO_ITEM)
      continue;
    growing_add(&in->unplaced, "%s%zu", in->unplaced.size ? "," : "", in->numbers[i]);
  }
  solid_slot_give(s->slot, seat);
}

static void write_outcome(serve *s, const incoming *in, http_reply *reply) {
  solid_item_log_info info = {.struct_size = sizeof info};
  (void)(solid_item_log_get_info(s->items, &info) == SOLID_OK);
  growing_add(&reply->body,
              "{\"appended\":%" PRIu64 ",\"unchanged\":%" PRIu64 ",\"rejected\":%" PRIu64 ",\"version\":%" PRIu64
              ",\"rejects\":[",
              in->appended, in->unchanged, in->rejected, info.version.count);
  if (in->rejects.size) growing_bytes(&reply->body, in->rejects.bytes, in->rejects.size);
  growing_text(&reply->body, "],\"unplaced\":[");
  if (in->unplaced.size) growing_bytes(&reply->body, in->unplaced.bytes, in->unplaced.size);
  growing_text(&reply->body, "]}");
  if (in->total == 1 && in->rejected) reply->status = 400;
}

static solid_status work(serve *s, const json_t *root, http_reply *reply) {
  incoming in = {.total = 0};
  solid_status status = take_body(&in, root);
  if (!status && in.all.n) {
    serve_desk *desk = serve_take_desk(s);
    status = solid_item_log_add(s->items, desk->store, in.all.entries, in.all.n, sol_wall_ms(), in.verdicts);
    if (!status) find_unplaced(s, desk, &in);
    serve_give_desk(s, desk);
    serve_note_store(s, status);
  }
  for (size_t i = 0; i < in.all.n && !status; i++) {
    in.appended += in.verdicts[i] == SOLID_OK;
    in.unchanged += in.verdicts[i] == SOLID_EDUPLICATE;
  }
  if (!status) {
    atomic_fetch_add_explicit(&s->counts.items_in, in.appended, memory_order_relaxed);
    write_outcome(s, &in, reply);
  }
  item_entries_clear(&in.all);
  free(in.numbers);
  free(in.verdicts);
  growing_clear(&in.rejects);
  growing_clear(&in.unplaced);
  return status;
}

void serve_items_post(void *user, const http_request *request, http_reply *reply) {
  serve *s = user;
  json_t *root = query_json(request->body, request->body_size, "several items are a list, [{...}, {...}]");
  if (!root) {
    http_fail(reply, 400, "not_json", "%s", solid_last_error());
    return;
  }
  solid_status status = work(s, root, reply);
  if (status) serve_fail(reply, status);
  json_decref(root);
}
