/* Is the stream in a partition the one that was read before? */
#include "ingest/kafka/consumer_parts.h"
#include "solid/extend.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What was found of a partition. */
typedef struct sight {
  int32_t number;
  int64_t low, high;
  sol_found found[SOL_ANCHORS];
  size_t newest, equal; /* of the record's anchors: the first that can be read, the first that is equal */
} sight;

/* A name that is longer than an id stands for itself by its hash. */
solid_bytes sol_stream_name(const solid_consumer *consumer, int32_t number, char *out) {
  char text[1024];
  int size = snprintf(text, sizeof text, "kafka/%s/%s/%" PRId32, consumer->cluster, consumer->topic, number);
  if (size <= SOLID_ID_MAX) return (solid_bytes){memcpy(out, text, (size_t)size + 1), (size_t)size};
  sol_hash128 hash = sol_anchor_hash(0, NULL, 0, text, (size_t)size < sizeof text ? (size_t)size : sizeof text - 1);
  size = snprintf(out, SOL_NAME_ROOM, "kafka/%016" PRIx64 "%016" PRIx64, hash.high, hash.low);
  return (solid_bytes){out, (size_t)size};
}

solid_status sol_stream_load(solid_consumer *consumer, int32_t number, sol_record *record) {
  sol_partition *p = &consumer->partitions[number];
  char name[SOL_NAME_ROOM];
  size_t size = sizeof p->seen;
  memset(record, 0, sizeof *record);
  p->is_registered = 0;
  solid_status status =
      consumer->streams.load(consumer->streams.user, sol_stream_name(consumer, number, name), p->seen, &size);
  if (status != SOLID_OK) return status;
  p->seen_size = size;
  if (!size) return SOLID_OK;
  status = sol_record_read(record, p->seen, size);
  p->is_registered = status == SOLID_OK;
  return status == SOLID_OK ? SOLID_OK : solid_fail(status, "%s: %s", name, solid_last_error());
}

/* The store's record, with the newer knowledge of this consumer and its group. */
static solid_status gather(solid_consumer *consumer, int32_t number, const sol_stamp *committed, sol_record *record) {
  sol_partition *p = &consumer->partitions[number];
  solid_status status = sol_stream_load(consumer, number, record);
  if (status != SOLID_OK) return status;
  if (!record->count && p->is_known) *record = p->record; /* the store lost it */
  if (p->is_known && p->record.stream == record->stream && p->record.count)
    sol_record_add(record, p->record.anchors[0]);
  if (!committed || !committed->stream) return SOLID_OK;
  if (!record->count) record->stream = committed->stream;
  if (committed->stream == record->stream) sol_record_add(record, committed->anchor);
  return SOLID_OK;
}

/* Reads anchors until one is equal. */
static solid_status look(solid_consumer *consumer, const sol_record *record, int64_t deadline_ms, sight *s) {
  solid_status status = sol_probe_ends(consumer->probe, s->number, deadline_ms, &s->low, &s->high);
  for (size_t i = 0; i < SOL_ANCHORS; i++) s->found[i] = SOL_FOUND_GONE;
  for (size_t i = 0; status == SOLID_OK && i < record->count; i++) {
    const sol_anchor *anchor = &record->anchors[i];
    if (anchor->offset >= s->high)
      s->found[i] = SOL_FOUND_BEYOND;
    else if (anchor->offset >= s->low)
      status = sol_probe_read(consumer->probe, s->number, anchor, deadline_ms, &s->found[i]);
    if (s->found[i] == SOL_FOUND_EQUAL) break;
  }
  return status;
}

static solid_status begin(solid_consumer *consumer, const sight *s, const sol_stamp *committed, int is_first) {
  sol_partition *p = &consumer->partitions[s->number];
  uint64_t stream = 0;
  solid_status status = SOLID_OK;
  if (consumer->options.adopt_marks && is_first)
    stream = solid_consumer_adopted_stream(consumer->topic, (uint32_t)s->number);
  else
    status = sol_stream_draw(&stream);
  if (status != SOLID_OK) return status;
  memset(&p->record, 0, sizeof p->record);
  p->record.stream = stream;
  p->is_registered = 0;
  p->is_dirty = p->is_fresh = 0;
  p->is_known = p->wants_start = 1;
  p->start = s->low;
  p->high = s->high;
  if (is_first && committed && committed->offset > s->low && committed->offset <= s->high) p->start = committed->offset;
  consumer->stats.new_streams++;
  return SOLID_OK;
}

static solid_status anew(solid_consumer *consumer, const sight *s, const sol_record *record) {
  const sol_anchor *anchor = &record->anchors[s->newest < record->count ? s->newest : 0];
  sol_consumer_log(consumer, SOLID_LOG_WARN,
                   "kafka topic %s [%d]: is not what was read before (at offset %lld stands something else; it holds "
                   "%lld .. %lld): a new stream, read from its beginning",
                   consumer->topic, (int)s->number, (long long)anchor->offset, (long long)s->low,
                   (long long)s->high - 1);
  return begin(consumer, s, NULL, 0);
}

/* Where to continue in a stream that is the one that was read. */
static solid_status go_on(solid_consumer *consumer, const sight *s, const sol_record *record,
                          const sol_stamp *committed) {
  sol_partition *p = &consumer->partitions[s->number];
  int is_ours = committed && committed->offset >= 0 && (!committed->stream || committed->stream == record->stream);
  int64_t from = !p->wants_start ? p->next : is_ours ? committed->offset : s->low;
  p->record = *record;
  p->is_known = 1;
  p->high = s->high;
  /* Nothing came since the last check although there are messages: reading is started again, whatever has stopped it.
   */
  if (p->is_stopped || (from < s->high && from == p->looked_at && !consumer->is_paused)) p->wants_start = 1;
  p->looked_at = from;
  p->is_stopped = 0;
  if (from < s->low) {
    sol_consumer_log(consumer, SOLID_LOG_WARN,
                     "kafka topic %s [%d]: offsets %lld .. %lld expired before they were read", consumer->topic,
                     (int)s->number, (long long)from, (long long)s->low - 1);
    p->wants_start = 1;
    from = s->low;
  }
  if (from > s->high) from = s->high, p->wants_start = 1; /* as the user chose */
  if (p->wants_start) p->start = from;
  return SOLID_OK;
}

static solid_status ask_about_cut(solid_consumer *consumer, const sight *s, int64_t last, int64_t kept) {
  return solid_fail(
      SOLID_EMISMATCH,
      "kafka topic %s [%d]: was read up to offset %lld, and is the same only up to %lld (it ends at %lld): "
      "its end was cut off. --stream new reads all of it once more, --stream same goes on and leaves out "
      "what has offsets that were read",
      consumer->topic, (int)s->number, (long long)last, (long long)kept, (long long)s->high);
}

static solid_status ask_about_gone(solid_consumer *consumer, const sight *s, const sol_record *record) {
  return solid_fail(SOLID_EMISMATCH,
                    "kafka topic %s [%d]: nothing that was read is left (offset %lld was the last, it holds %lld .. "
                    "%lld): is it the same topic? --stream same goes on, --stream new reads it from its beginning",
                    consumer->topic, (int)s->number, (long long)record->anchors[0].offset, (long long)s->low,
                    (long long)s->high - 1);
}

/* The group's offset still carries the number of our stream: Kafka forgets it with the topic. */
static solid_status is_vouched(solid_consumer *consumer, int32_t number, const sol_record *record,
                               const sol_stamp *committed, int64_t deadline_ms, int *out) {
  sol_stamp read;
  solid_status status = SOLID_OK;
  if (!committed) status = sol_committed(consumer, number, deadline_ms, &read), committed = &read;
  *out = status == SOLID_OK && committed->offset >= 0 && committed->stream == record->stream;
  return status;
}

static solid_status decide(solid_consumer *consumer, const sight *s, const sol_record *record,
                           const sol_stamp *committed, sol_identity identity) {
  solid_stream_choice choice = consumer->options.stream_choice;
  const sol_partition *p = &consumer->partitions[s->number];
  int64_t last = record->anchors[0].offset, next = p->wants_start ? committed ? committed->offset : -1 : p->next;
  int64_t kept = s->equal < record->count ? record->anchors[s->equal].offset : -1;
  if (identity == SOL_IDENTITY_SAME && next > s->high) identity = SOL_IDENTITY_CUT, last = next - 1;
  if (identity == SOL_IDENTITY_SAME) return go_on(consumer, s, record, committed);
  if (identity == SOL_IDENTITY_NEW || choice == SOLID_STREAM_NEW) return anew(consumer, s, record);
  if (choice == SOLID_STREAM_SAME) return go_on(consumer, s, record, committed);
  return identity == SOL_IDENTITY_CUT ? ask_about_cut(consumer, s, last, kept) : ask_about_gone(consumer, s, record);
}

solid_status sol_identify(solid_consumer *consumer, int32_t number, const sol_stamp *committed, int64_t deadline_ms) {
  sol_record record;
  sight s = {.number = number};
  int is_ours = 0;
  solid_status status = gather(consumer, number, committed, &record);
  if (status == SOLID_OK) status = look(consumer, &record, deadline_ms, &s);
  if (status != SOLID_OK) return status;
  const sol_partition *p = &consumer->partitions[number];
  if (!record.count) /* no event of it was ever applied */
    return p->is_known && p->next <= s.high ? SOLID_OK : begin(consumer, &s, committed, 1);
  sol_identity identity = sol_identity_of(s.found, record.count, &s.newest, &s.equal);
  if (identity == SOL_IDENTITY_UNCLEAR) {
    status = is_vouched(consumer, number, &record, committed, deadline_ms, &is_ours);
    if (status != SOLID_OK) return status;
    if (is_ours) identity = SOL_IDENTITY_SAME;
  }
  return decide(consumer, &s, &record, committed, identity);
}
