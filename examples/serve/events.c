/* POST /events: events applied to the store, or produced to the topic where there are brokers. */
#include "examples/serve/events.h"
#include "examples/common/ground.h"
#include "examples/serve/keys.h"
#include "examples/serve/producer.h"
#include "examples/serve/query.h"
#include "solid/extend.h"
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { EVENTS_MOST = 10000 };

static void reject(serve_batch *batch, size_t number, solid_bytes user, const char *code, const char *why) {
  outcome_add(&batch->outcome, &(outcome_entry){number, user, SERVE_REJECTED, {400, code, 0}, why});
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

/* As the event names its user; nothing where that is no id. */
static solid_bytes user_of(const json_t *event) {
  const json_t *user = json_object_get(event, "user");
  return (solid_bytes){json_string_value(user), json_string_length(user)};
}

/* 1 where an earlier try under the same key leaves nothing to do. In the store a position makes it harmless to try
 * again; in the topic there would be two messages. */
static int is_settled(const serve *s, serve_batch *batch, size_t number, const json_t *from) {
  static const char why[] = "no answer has said whether it was done; it is not tried twice under one Idempotency-Key";
  int has_position = !s->producer && json_object_get(from, "stream") && json_object_get(from, "offset");
  if (batch->done[number] == EVENT_DONE) batch->outcome.counts[SERVE_DUPLICATE]++;
  if (batch->done[number] != EVENT_UNSURE || has_position) return batch->done[number] == EVENT_DONE;
  outcome_add(&batch->outcome, &(outcome_entry){number, user_of(from), SERVE_UNKNOWN, {0, NULL, 0}, why});
  return 1;
}

static solid_status decode(serve_desk *desk, serve_batch *batch, size_t number, json_t *from, int64_t now_ms) {
  char *payload = json_dumps(from, JSON_COMPACT | JSON_ENCODE_ANY);
  if (!payload) return solid_fail(SOLID_ENOMEM, "out of memory: event");
  solid_event *event = &batch->events[batch->n];
  solid_reject why = SOLID_REJECT_NONE;
  solid_status status = solid_decoder_decode(desk->decoder, payload, strlen(payload), now_ms, event, &why);
  if (status == SOLID_EFORMAT) reject(batch, number, user_of(from), solid_reject_code(why), solid_reject_meaning(why));
  if (status) {
    free(payload);
    return status == SOLID_EFORMAT ? SOLID_OK : status;
  }
  batch->numbers[batch->n] = number;
  batch->payloads[batch->n++] = payload;
  return SOLID_OK;
}

/* A time under a name that tables have for it, where there is no ts: the event must not pass for one of now. */
static const char *misnamed_time(const json_t *event) {
  static const char *const names[] = {"timestamp", "time", "datetime", "event_time"};
  for (size_t i = 0; i < sizeof names / sizeof *names && !json_object_get(event, "ts"); i++)
    if (json_object_get(event, names[i])) return names[i];
  return NULL;
}

static solid_status take_event(serve *s, serve_desk *desk, serve_batch *batch, size_t number, json_t *from) {
  int64_t now_ms = sol_wall_ms();
  solid_position position = {0, 0};
  if (is_settled(s, batch, number, from)) return SOLID_OK;
  if (json_is_object(from)) {
    count_click(s, from);
    if (is_impression(from)) {
      batch->outcome.counts[SERVE_SEEN]++;
      batch->done[number] = EVENT_DONE;
      return SOLID_OK;
    }
    const char *time = misnamed_time(from);
    if (time) {
      char why[128];
      snprintf(why, sizeof why,
               "\"%s\" is not read: a time is ts, whole milliseconds since 1970; without one it is now", time);
      reject(batch, number, user_of(from), "no_ts", why);
      return SOLID_OK;
    }
    if (!json_object_get(from, "ts") && json_object_set_new(from, "ts", json_integer(now_ms)))
      return solid_fail(SOLID_ENOMEM, "out of memory: event");
    if (!read_position(from, &position)) {
      reject(batch, number, user_of(from), "bad_position",
             "stream (from 1) and offset (from 0) are whole numbers and stand together");
      return SOLID_OK;
    }
  }
  size_t before = batch->n;
  solid_status status = decode(desk, batch, number, from, now_ms);
  if (batch->n > before) batch->events[before].position = position;
  return status;
}

/* One event, a list of them, or {"events": [...]}. */
static solid_status take_body(serve *s, serve_desk *desk, serve_batch *batch, json_t *root) {
  json_t *list = json_is_array(root) ? root : json_object_get(root, "events");
  int is_list = json_is_array(list);
  if (list && list != root && (!is_list || json_object_size(root) != 1))
    return solid_fail(SOLID_EINVAL, "\"events\" is not a list, or does not stand alone");
  batch->total = batch->outcome.total = is_list ? json_array_size(list) : 1;
  if (batch->total < 1 || batch->total > EVENTS_MOST)
    return solid_fail(SOLID_ERANGE, "%zu events, from 1 to %d are taken at once", batch->total, EVENTS_MOST);
  batch->events = calloc(batch->total, sizeof *batch->events);
  batch->numbers = calloc(batch->total, sizeof *batch->numbers);
  batch->verdicts = calloc(batch->total, sizeof *batch->verdicts);
  batch->payloads = calloc(batch->total, sizeof *batch->payloads);
  if (!batch->done) batch->done = calloc(EVENTS_MOST, 1); /* for any request: two bodies may have one hash */
  if (!batch->events || !batch->numbers || !batch->verdicts || !batch->payloads || !batch->done)
    return solid_fail(SOLID_ENOMEM, "out of memory: %zu events", batch->total);
  solid_status status = SOLID_OK;
  for (size_t i = 0; i < batch->total && !status; i++)
    status = take_event(s, desk, batch, i, is_list ? json_array_get(list, i) : root);
  return status;
}

void events_judge(serve_batch *batch, const uint8_t *mine, solid_status call, const char *away) {
  for (size_t i = 0; i < batch->n; i++) {
    solid_status verdict = batch->verdicts[i];
    size_t number = batch->numbers[i];
    if (mine && !mine[i]) continue;
    int is_done = !verdict || verdict == SOLID_EDUPLICATE;
    batch->done[number] = is_done ? EVENT_DONE : verdict == SOLID_EUNKNOWN ? EVENT_UNSURE : EVENT_OPEN;
    if (!is_done) outcome_add_status(&batch->outcome, number, batch->events[i].user, verdict, call, away);
  }
}

/* The newest items that were taken. */
static void note_recent(serve *s, const serve_batch *batch) {
  uint64_t *hashes = malloc((batch->n + 1) * sizeof *hashes);
  size_t n = 0;
  for (size_t i = 0; i < batch->n && hashes; i++)
    if (batch->verdicts[i] == SOLID_OK && batch->events[i].worth == SOLID_WORTH_STEP)
      hashes[n++] = solid_item_hash(batch->events[i].item);
  if (hashes) recent_take(&s->recent, hashes, n);
  free(hashes);
}

static void produce(serve *s, const http_request *request, serve_batch *batch) {
  solid_status status =
      producer_send(s->producer, batch->events, batch->payloads, batch->n, request->deadline_ns, batch->verdicts);
  for (size_t i = 0; i < batch->n; i++) batch->outcome.counts[SERVE_PRODUCED] += batch->verdicts[i] == SOLID_OK;
  events_judge(batch, NULL, status, "broker_away");
}

static void clear(serve_batch *batch) {
  for (size_t i = 0; i < batch->n; i++) free(batch->payloads[i]);
  free(batch->events);
  free(batch->numbers);
  free(batch->verdicts);
  free(batch->payloads);
  outcome_clear(&batch->outcome);
}

/* *done: what an earlier try has done, or NULL; afterwards what there is of each event, where the request failed with
 * a part of it done, else NULL. Owned by the caller. A failure here is of the request as a whole: nothing was done. */
static solid_status work(serve *s, const http_request *request, json_t *root, http_reply *reply, uint8_t **done) {
  serve_batch batch = {.done = *done};
  int was_open = *done != NULL;
  serve_desk *desk = serve_take_desk(s);
  solid_status status = take_body(s, desk, &batch, root);
  if (!status && s->producer)
    produce(s, request, &batch);
  else if (!status && batch.n)
    events_apply(s, desk, &batch);
  if (!status) {
    note_recent(s, &batch);
    outcome_write(&batch.outcome, s, reply);
  }
  int is_open = status ? was_open : batch.outcome.failure.code != 0;
  solid_decoder_reset(desk->decoder);
  serve_give_desk(s, desk);
  clear(&batch);
  if (!is_open) free(batch.done);
  *done = is_open ? batch.done : NULL;
  return status;
}

/* 1 where the key's first request has been answered, or is at work: *reply is filled. */
static int is_again(serve *s, const char *key, const http_request *request, http_reply *reply, uint8_t **done) {
  uint64_t hash = solid_item_hash((solid_bytes){request->body, request->body_size});
  switch (keys_begin(s->keys, key, hash, &reply->status, &reply->body, done)) {
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
  const char *key = http_header(request, "Idempotency-Key");
  if (key && (!*key || strlen(key) > KEY_MOST)) {
    http_fail(reply, 400, "bad_key", "an Idempotency-Key has 1 to %d bytes", KEY_MOST);
    return;
  }
  uint8_t *done = NULL;
  if (key && is_again(s, key, request, reply, &done)) return;
  json_t *root = query_json(request->body, request->body_size, "several events are a list, [{...}, {...}]");
  solid_status status = SOLID_OK;
  if (!root)
    http_fail(reply, 400, "not_json", "%s", solid_last_error());
  else if ((status = work(s, request, root, reply, &done)) != SOLID_OK)
    serve_fail_of(reply, status, s->producer ? "broker_away" : "store_away");
  json_decref(root);
  if (key && done)
    keys_pause(s->keys, key, done);
  else if (key)
    keys_end(s->keys, key, root && !status ? reply->status : 0, &reply->body);
  else
    free(done);
}
