/* POST /events: events applied to the store, or produced to the topic where there are brokers. */
#include "examples/common/ground.h"
#include "examples/common/logging.h"
#include "examples/serve/answering.h"
#include "examples/serve/keys.h"
#include "examples/serve/producer.h"
#include "solid/extend.h"
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { EVENTS_MOST = 10000 };

/* The events of one request. */
typedef struct incoming {
  solid_event *events; /* those that are steps, or are looked at by the pipeline */
  size_t *numbers;     /* (n) which of the request's each is */
  solid_status *verdicts;
  char **payloads; /* (n) as they are decoded and produced */
  size_t n, total;
  uint64_t outcome[SERVE_VERDICTS];
  growing rejects; /* JSON, comma between */
} incoming;

static void reject(incoming *in, size_t number, const char *code, const char *why) {
  if (in->outcome[SERVE_REJECTED]++) growing_text(&in->rejects, ",");
  growing_add(&in->rejects, "{\"number\":%zu,\"code\":\"%s\",\"message\":", number, code);
  growing_json(&in->rejects, why, strlen(why));
  growing_text(&in->rejects, "}");
}

/* An event that followed from an answer: "answer" is its id. */
static void count_click(serve *s, const json_t *event) {
  const char *answer = json_string_value(json_object_get(event, "answer"));
  const char *kind = json_string_value(json_object_get(event, "event"));
  uint64_t generation = 0;
  int source = -1, mode = -1;
  if (!answer || !kind || sscanf(answer, "%16" SCNx64 ".%1d.%1d.", &generation, &source, &mode) != 3) return;
  if (source < 0 || source >= SERVE_SOURCES || mode < 0 || mode >= SERVE_MODES) return;
  solid_live live = solid_slot_get_live(s->slot);
  serve_which which = generation == live.current    ? SERVE_CURRENT
                      : generation == live.previous ? SERVE_PREVIOUS
                                                    : SERVE_OTHER;
  if (strcmp(kind, "impression") == 0) serve_count(&s->counts.shown[which][source][mode]);
  if (strcmp(kind, "click") == 0) serve_count(&s->counts.clicked[which][source][mode]);
}

static int is_impression(const json_t *event) {
  const char *kind = json_string_value(json_object_get(event, "event"));
  return kind && strcmp(kind, "impression") == 0;
}

/* "stream" and "offset": whole numbers from 1 and from 0, both or neither. */
static int read_position(const json_t *event, solid_position *position) {
  const json_t *stream = json_object_get(event, "stream"), *offset = json_object_get(event, "offset");
  *position = (solid_position){0, 0};
  if (!stream && !offset) return 1;
  if (!json_is_integer(stream) || !json_is_integer(offset) || json_integer_value(stream) < 1 ||
      json_integer_value(offset) < 0)
    return 0;
  *position = (solid_position){(uint64_t)json_integer_value(stream), (uint64_t)json_integer_value(offset)};
  return 1;
}

static solid_status take_event(serve *s, serve_desk *desk, incoming *in, size_t number, json_t *from) {
  int64_t now_ms = sol_wall_ms();
  solid_position position;
  if (json_is_object(from)) {
    count_click(s, from);
    if (is_impression(from)) {
      in->outcome[SERVE_SEEN]++;
      return SOLID_OK;
    }
    if (!json_object_get(from, "ts") && json_object_set_new(from, "ts", json_integer(now_ms)))
      return solid_fail(SOLID_ENOMEM, "out of memory: event");
    if (!read_position(from, &position)) {
      reject(in, number, "bad_position", "stream (from 1) and offset (from 0) are whole numbers and stand together");
      return SOLID_OK;
    }
  }
  char *payload = json_dumps(from, JSON_COMPACT | JSON_ENCODE_ANY);
  if (!payload) return solid_fail(SOLID_ENOMEM, "out of memory: event");
  solid_event *event = &in->events[in->n];
  solid_reject why = SOLID_REJECT_NONE;
  solid_status status = solid_decoder_decode(desk->decoder, payload, strlen(payload), now_ms, event, &why);
  if (status == SOLID_EFORMAT) {
    reject(in, number, solid_reject_code(why), solid_reject_meaning(why));
    free(payload);
    return SOLID_OK;
  }
  if (status) {
    free(payload);
    return status;
  }
  event->position = position;
  in->numbers[in->n] = number;
  in->payloads[in->n++] = payload;
  return SOLID_OK;
}

/* One event, a list of them, or {"events": [...]}. */
static solid_status take_body(serve *s, serve_desk *desk, incoming *in, json_t *root) {
  json_t *list = json_is_array(root) ? root : json_object_get(root, "events");
  int is_list = json_is_array(list);
  if (list && list != root && (!is_list || json_object_size(root) != 1))
    return solid_fail(SOLID_EINVAL, "\"events\" is not a list, or does not stand alone");
  in->total = is_list ? json_array_size(list) : 1;
  if (in->total < 1 || in->total > EVENTS_MOST)
    return solid_fail(SOLID_ERANGE, "%zu events, from 1 to %d are taken at once", in->total, EVENTS_MOST);
  in->events = calloc(in->total, sizeof *in->events);
  in->numbers = calloc(in->total, sizeof *in->numbers);
  in->verdicts = calloc(in->total, sizeof *in->verdicts);
  in->payloads = calloc(in->total, sizeof *in->payloads);
  if (!in->events || !in->numbers || !in->verdicts || !in->payloads)
    return solid_fail(SOLID_ENOMEM, "out of memory: %zu events", in->total);
  solid_status status = SOLID_OK;
  for (size_t i = 0; i < in->total && !status; i++)
    status = take_event(s, desk, in, i, is_list ? json_array_get(list, i) : root);
  return status;
}

/* The store lost what it held, or a new epoch was begun over it: nobody can read these events again, so they go on
 * under the epoch that there is by now. What the failed call wrote is of the one before, and counts as empty. */
static solid_status begin_again(const serve_desk *desk) {
  solid_store_epoch epoch;
  logging_say(SOLID_LOG_WARN, "events go on in an empty store: %s", solid_last_error());
  return desk->store->ops->epoch_begin(desk->store, 0, &epoch);
}

/* Those of users whose generation is this seat's, so that the pipeline makes parameters of the right one. */
static solid_status push_some(serve *s, const serve_desk *desk, const solid_seat *seat, incoming *in,
                              const uint8_t *mine, solid_event *some, solid_status *verdicts) {
  size_t n = 0;
  for (size_t i = 0; i < in->n; i++)
    if (mine[i]) some[n++] = in->events[i];
  solid_pipeline_stats before = {.struct_size = sizeof before}, after = before;
  solid_status status = solid_pipeline_get_stats(seat->pipeline, &before);
  if (!status) status = solid_pipeline_push(seat->pipeline, some, n, verdicts);
  if (status == SOLID_ELOST) {
    status = begin_again(desk);
    if (!status) status = solid_pipeline_push(seat->pipeline, some, n, verdicts);
  }
  if (!status) status = solid_pipeline_get_stats(seat->pipeline, &after);
  if (status) return status;
  if (after.puts > before.puts)
    metrics_observe(&s->counts.generate_seconds, (double)(after.generate_ns - before.generate_ns) / 1e9);
  serve_count_states(&s->counts, &before.states, &after.states);
  in->outcome[SERVE_APPLIED] += after.applied - before.applied;
  in->outcome[SERVE_DUPLICATE] += after.duplicates - before.duplicates;
  for (size_t i = 0, at = 0; i < in->n; i++)
    if (mine[i]) in->verdicts[i] = verdicts[at++];
  return SOLID_OK;
}

static solid_status apply(serve *s, serve_desk *desk, incoming *in) {
  uint8_t *mine = calloc(in->n + 1, 1), *done = calloc(in->n + 1, 1);
  solid_event *some = calloc(in->n + 1, sizeof *some);
  solid_status *verdicts = calloc(in->n + 1, sizeof *verdicts), status = SOLID_OK;
  if (!mine || !done || !some || !verdicts) status = solid_fail(SOLID_ENOMEM, "out of memory: events");
  for (size_t first = 0; first < in->n && !status; first++) { /* at most one round a live generation */
    const solid_seat *seat = NULL;
    if (done[first]) continue;
    solid_live live = solid_slot_get_live(s->slot);
    status = solid_slot_take(s->slot, desk->number, in->events[first].user, &seat);
    for (size_t i = 0; i < in->n && !status; i++) {
      mine[i] = !done[i] && (i == first || solid_live_generation(&live, in->events[i].user) == seat->generation);
      done[i] |= mine[i];
    }
    if (!status) status = push_some(s, desk, seat, in, mine, some, verdicts);
    solid_slot_give(s->slot, seat);
  }
  free(mine);
  free(done);
  free(some);
  free(verdicts);
  return status;
}

static void note(serve *s, incoming *in) {
  uint64_t *hashes = malloc((in->n + 1) * sizeof *hashes);
  size_t n = 0;
  for (size_t i = 0; i < in->n; i++) {
    if (in->verdicts[i] == SOLID_OK && hashes && in->events[i].worth == SOLID_WORTH_STEP)
      hashes[n++] = solid_item_hash(in->events[i].item);
    if (in->verdicts[i] == SOLID_ENOTFOUND)
      in->outcome[SERVE_UNKNOWN_ITEM]++;
    else if (in->verdicts[i] && in->verdicts[i] != SOLID_EDUPLICATE)
      reject(in, in->numbers[i], "bad_record", "what the store has of this user is no record of ours");
  }
  if (hashes) recent_take(&s->recent, hashes, n);
  free(hashes);
}

static void write_outcome(serve *s, incoming *in, http_reply *reply) {
  growing_text(&reply->body, "{");
  for (int i = 0; i < SERVE_VERDICTS; i++) {
    atomic_fetch_add_explicit(&s->counts.events[i], in->outcome[i], memory_order_relaxed);
    growing_add(&reply->body, "%s\"%s\":%" PRIu64, i ? "," : "", serve_verdict_names[i], in->outcome[i]);
  }
  growing_text(&reply->body, ",\"rejects\":[");
  if (in->rejects.size) growing_bytes(&reply->body, in->rejects.bytes, in->rejects.size);
  growing_text(&reply->body, "]}");
}

static void clear(incoming *in) {
  for (size_t i = 0; i < in->n; i++) free(in->payloads[i]);
  free(in->events);
  free(in->numbers);
  free(in->verdicts);
  free(in->payloads);
  growing_clear(&in->rejects);
}

static solid_status work(serve *s, const http_request *request, json_t *root, http_reply *reply) {
  incoming in = {0};
  serve_desk *desk = serve_take_desk(s);
  unsigned models_live = atomic_load(&s->models_live);
  solid_status status = take_body(s, desk, &in, root);
  if (!status && s->producer) {
    status = producer_send(s->producer, in.events, in.payloads, in.n, request->deadline_ns);
    in.outcome[SERVE_PRODUCED] = in.n;
    reply->status = 202;
  } else if (!status && in.n) {
    status = apply(s, desk, &in);
    serve_note_model(s, status, models_live);
    atomic_store(&s->store_away, solid_status_is_retriable(status));
    if (solid_status_is_retriable(status)) serve_count(&s->counts.store_failures);
  }
  if (!status) {
    note(s, &in);
    if (in.total == 1 && in.outcome[SERVE_REJECTED]) reply->status = 400;
    write_outcome(s, &in, reply);
  }
  solid_decoder_reset(desk->decoder);
  serve_give_desk(s, desk);
  clear(&in);
  return status;
}

/* 1 where the key's first request has been answered, or is at work: *reply is filled. */
static int is_again(serve *s, const char *key, const http_request *request, http_reply *reply) {
  uint64_t hash = solid_item_hash((solid_bytes){request->body, request->body_size});
  switch (keys_begin(s->keys, key, hash, &reply->status, &reply->body)) {
  case KEYS_NEW:
    return 0;
  case KEYS_AGAIN:
    serve_count(&s->counts.repeated_keys);
    return 1;
  case KEYS_BUSY:
    http_fail(reply, 409, "key_in_use", "a request with this Idempotency-Key is still at work");
    reply->retry_after_s = 1;
    return 1;
  case KEYS_OTHER:
    http_fail(reply, 422, "key_reused", "the first request with this Idempotency-Key had another body");
  }
  return 1;
}

void serve_events(void *user, const http_request *request, http_reply *reply) {
  serve *s = user;
  json_error_t error;
  const char *key = http_header(request, "Idempotency-Key");
  if (key && (!*key || strlen(key) > KEY_MOST)) {
    http_fail(reply, 400, "bad_key", "an Idempotency-Key has 1 to %d bytes", KEY_MOST);
    return;
  }
  if (key && is_again(s, key, request, reply)) return;
  json_t *root = json_loadb(request->body, request->body_size, JSON_REJECT_DUPLICATES, &error);
  solid_status status = SOLID_OK;
  if (!root)
    http_fail(reply, 400, "not_json", "line %d, column %d: %s%s", error.line, error.column, error.text,
              json_error_code(&error) == json_error_end_of_input_expected
                  ? "; several events are a list, [{...}, {...}]"
                  : "");
  else if ((status = work(s, request, root, reply)) != SOLID_OK)
    serve_fail_of(reply, status, s->producer ? "broker_away" : "store_away");
  json_decref(root);
  if (key) keys_end(s->keys, key, root && !status ? (reply->status ? reply->status : 200) : 0, &reply->body);
}
