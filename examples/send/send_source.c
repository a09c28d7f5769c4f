#include "examples/send/send.h"
#include "ingest/decode.h"
#include "solid/extend.h"
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where the file has no times its events are numbered from 0: each is a millisecond of 2000 later than the one before,
 * the same in every run. The stream takes no times before 1980. */
#define UNTIMED_MS 946684800000LL

typedef struct reading {
  const send_source *source;
  send_take_fn take;
  void *user;
  uint64_t count;
  int64_t from_ms; /* added to every time */
  int is_full;     /* the limit was reached */
} reading;

static solid_status pass(reading *r, solid_bytes key, solid_bytes payload) {
  if (r->source->limit && r->count >= r->source->limit) {
    r->is_full = 1;
    return solid_fail(SOLID_ECANCELLED, "the limit of %llu events", (unsigned long long)r->source->limit);
  }
  r->count++;
  return r->take(r->user, key, payload);
}

/* One event of a data file as the JSON of ingest/decode.h. */
static solid_status pass_event(reading *r, const solid_event *ev, double rating) {
  json_t *object = json_object();
  int bad = json_object_set_new(object, "user", json_stringn(ev->user.data, ev->user.size)) |
            json_object_set_new(object, "item", json_stringn(ev->item.data, ev->item.size));
  if (ev->kind.size) bad |= json_object_set_new(object, "event", json_stringn(ev->kind.data, ev->kind.size));
  if (!isnan(rating)) bad |= json_object_set_new(object, "rating", json_real(rating));
  bad |= json_object_set_new(object, "ts", json_integer(r->from_ms + ev->time_ms));
  char *text = bad ? NULL : json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(15));
  json_decref(object);
  if (!text) return solid_fail(SOLID_EFORMAT, "event %llu: an id is not UTF-8", (unsigned long long)r->count + 1);
  solid_status status = pass(r, ev->user, (solid_bytes){text, strlen(text)});
  free(text);
  return status;
}

static solid_status pass_events(void *context, const solid_event *events, const double *ratings, size_t count) {
  for (size_t i = 0; i < count; i++) {
    solid_status status = pass_event(context, &events[i], ratings ? ratings[i] : (double)NAN);
    if (status) return status;
  }
  return SOLID_OK;
}

static void count_from(reading *r, const solid_data_file *file) {
  solid_data_info info = SOLID_DATA_INFO_INIT;
  if (solid_data_file_get_info(file, &info) || info.has_times) return;
  r->from_ms = UNTIMED_MS;
  fprintf(stderr, "%s: no times: the events are given times in their order, a millisecond each from 2000-01-01\n",
          r->source->path);
}

static solid_status read_lines(reading *r, FILE *file) {
  solid_decoder *decoder = NULL;
  char *line = NULL;
  size_t room = 0;
  ssize_t size;
  solid_status status = solid_decoder_new(&decoder, SOLID_ANY_TIME);
  while (!status && (size = getline(&line, &room, file)) >= 0) {
    while (size > 0 && strchr("\r\n", line[size - 1])) size--;
    if (!size) continue;
    solid_event ev;
    solid_reject reject;
    solid_decoder_reset(decoder);
    solid_status decoded = solid_decoder_decode(decoder, line, (size_t)size, 0, &ev, &reject);
    status = pass(r, decoded ? (solid_bytes){"", 0} : ev.user, (solid_bytes){line, (size_t)size});
  }
  if (!status && ferror(file)) status = solid_fail(SOLID_EIO, "%s: %s", r->source->path, strerror(errno));
  free(line);
  solid_decoder_free(decoder);
  return status;
}

solid_status send_read(const send_source *source, send_take_fn take, void *user) {
  reading r = {.source = source, .take = take, .user = user};
  solid_status status;
  int from_stdin = strcmp(source->path, "-") == 0;
  if (from_stdin || strcmp(source->format, "lines") == 0) {
    FILE *file = from_stdin ? stdin : fopen(source->path, "r");
    if (!file) return solid_fail(SOLID_EIO, "%s: %s", source->path, strerror(errno));
    status = read_lines(&r, file);
    if (!from_stdin) fclose(file);
  } else {
    solid_data_file *file = NULL;
    solid_worth_rule rule = SOLID_WORTH_RULE_INIT;
    status = reading_open(&file, source->path, source->format, source->reading, &rule, NULL);
    if (!status) count_from(&r, file);
    if (!status) status = solid_data_file_read(file, pass_events, &r);
    if (file) reading_say("solid_send", file);
    solid_data_file_close(file);
  }
  return r.is_full ? SOLID_OK : status;
}
