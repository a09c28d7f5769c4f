#include "store/plan.h"
#include "solid/extend.h"
#include "store/memory/user_table.h"
#include "store/record/head.h"
#include "store/record/page.h"
#include "store/record/port.h"
#include <string.h>

enum { PLACE = 2 * 8 + 12 }; /* of a user in the memory store's table and list, both grown by doubling */

/* What Redis 7 (64 bits, jemalloc) needs around the bytes it keeps; measured with MEMORY USAGE and used_memory. */
enum {
  TABLE_ENTRY = 24 + 8, /* of a key in the main table: entry, share of a bucket (one to two, grown by doubling) */
  OBJECT = 16,          /* robj */
  EXPIRY = 24 + 8,      /* entry and bucket in the table of TTLs */
  STRING_HEAD = 9,      /* sds head of 8 bytes or fewer, terminating zero */
  SHORT_HEAD = 4,       /* of a string below 256 bytes */
  HASH_HEAD = 56,       /* dict of a hash; a record is never a listpack, whose values have 64 bytes at most */
  HASH_ENTRY = 24 + 8,  /* of a field */
  HASH_BUCKETS = 4 * 8, /* of a hash of up to four fields */
  FIELD_NAME = 8,       /* one letter, or up to five digits */
  TIME_BYTES = 4,       /* of a step of a page but the first: up to 37 hours from the one before */
  PAGES_META = 40
};

/* A user's steps as a store lays them out. */
typedef struct layout {
  size_t in_record, pages, taken;
} layout;

/* jemalloc's size classes: four to each doubling, 16 bytes at least. */
static size_t rounded(size_t size) {
  size_t step = 16, top = 128;
  if (size <= 8) return 8;
  while (size > top) {
    step = top / 4;
    top *= 2;
  }
  return (size + step - 1) / step * step;
}

static size_t string_of(size_t bytes) {
  return rounded(bytes + (bytes < 256 ? SHORT_HEAD : STRING_HEAD));
}

/* A hash that never is a listpack: key, its time, and `fields` fields, whose values are counted apart. */
static size_t redis_hash(size_t key_bytes, size_t fields) {
  size_t buckets = 4;
  while (buckets < fields) buckets *= 2;
  return TABLE_ENTRY + EXPIRY + string_of(key_bytes) + OBJECT + HASH_HEAD + 8 * buckets +
         fields * (HASH_ENTRY - 8 + FIELD_NAME);
}

/* Fields h, s and p; the head has words about its history. */
static size_t redis_user(const solid_plan_sizes *sizes, size_t key_bytes, const layout *lies, size_t body) {
  size_t kept = sizes->partitions < SOL_MARKS_MAX ? sizes->partitions : SOL_MARKS_MAX;
  size_t head = SOL_HEAD_SIZE + SOL_POSITION_SIZE * kept;
  if (sol_port_has_pages(sizes->history)) head += SOL_HEAD_HISTORY;
  return redis_hash(key_bytes, 3) + string_of(head) + string_of(SOL_STEP_SIZE * lies->in_record) + string_of(body);
}

static size_t page_size(void) {
  return SOL_PAGE_HEAD + 8 * SOLID_PAGE_STEPS + 8 + TIME_BYTES * (SOLID_PAGE_STEPS - 1) + SOL_SUM_SIZE;
}

/* Fields m, s and one a page; items that are in r are not in s, or few. */
static size_t redis_pages(size_t key_bytes, const layout *lies) {
  if (!lies->pages) return 0;
  return redis_hash(key_bytes + strlen(":pages"), lies->pages + 2) + string_of(PAGES_META) +
         string_of(8 * lies->taken) + lies->pages * string_of(page_size());
}

/* Fields h and one a part. */
static size_t redis_state(const solid_plan_sizes *sizes, size_t key_bytes) {
  size_t parts = sizes->state_parts ? sizes->state_parts : 1;
  if (!sizes->state_bytes || !sol_port_has_pages(sizes->history)) return 0;
  return redis_hash(key_bytes + strlen(":state"), parts + 1) + string_of(SOL_STATE_HEAD) +
         parts * string_of(sizes->state_bytes / parts + SOL_SUM_SIZE);
}

/* Steps that a full page leaves in a record. */
static size_t least_of(const solid_plan_sizes *sizes) {
  return sizes->window < SOL_TAIL_MAX ? sizes->window : SOL_TAIL_MAX;
}

/* After `history` steps that came one by one: a record with a page more than it keeps gives one away. */
static layout lay_out(const solid_plan_sizes *sizes) {
  size_t n = sizes->history, least = least_of(sizes);
  if (!sol_port_has_pages((uint32_t)n)) return (layout){.in_record = n};
  size_t pages = n < least ? 0 : (n - least) / SOLID_PAGE_STEPS, in_record = n - pages * SOLID_PAGE_STEPS;
  size_t paged = n - in_record, taken = sizes->taken && sizes->taken < paged ? sizes->taken : paged;
  return (layout){.in_record = in_record, .pages = pages, .taken = taken};
}

static size_t memory_user(const solid_plan_sizes *sizes, const layout *lies, size_t body) {
  size_t bytes = sizeof(sol_user) + sizes->id_bytes + sizeof(solid_position) * sizes->partitions + body + PLACE;
  size_t parts = sizes->state_parts ? sizes->state_parts : 1, room = 8;
  if (!sol_port_has_pages(sizes->history)) return bytes + SOL_STEP_SIZE * (size_t)sizes->window;
  while (room < lies->in_record) room *= 2; /* grows by doubling */
  bytes += SOL_STEP_SIZE * (lies->pages ? (least_of(sizes) + SOLID_PAGE_STEPS) : room);
  if (lies->pages || sizes->state_bytes) bytes += sizeof(sol_history);
  if (sizes->state_bytes) bytes += sizes->state_bytes + parts * sizeof(sol_kept_part);
  /* list and set grow by a quarter: half of that is spare on average */
  return bytes + lies->pages * (SOLID_PAGE_STEPS * SOL_STEP_SIZE + sizeof(void *) * 9 / 8) + 8 * lies->taken * 9 / 8;
}

static solid_status check(const solid_plan_sizes *sizes, const void *out) {
  if (!sizes || !out) return solid_fail(SOLID_EINVAL, "plan: sizes or plan is NULL");
  solid_status status = sol_port_check_window(sizes->window);
  if (!status) status = sol_port_check_record(sizes->width, sizes->params, sizes->element);
  if (status) return status;
  if (sizes->id_bytes < 1 || sizes->id_bytes > SOLID_ID_MAX)
    return solid_fail(SOLID_EINVAL, "plan: user ids of %u bytes, 1 to %d are allowed", sizes->id_bytes, SOLID_ID_MAX);
  if (sizes->history && (sizes->history < sizes->window || sizes->history > SOLID_HISTORY_MAX))
    return solid_fail(SOLID_EINVAL, "plan: history of %u steps, from %u to %d are allowed", sizes->history,
                      sizes->window, SOLID_HISTORY_MAX);
  if (sizes->state_bytes > SOLID_STATE_MAX || sizes->state_parts > SOLID_STATE_PARTS)
    return solid_fail(SOLID_EINVAL, "plan: state of %u bytes in %u parts", sizes->state_bytes, sizes->state_parts);
  return SOLID_OK;
}

static size_t digits_of(size_t number) {
  size_t n = 1;
  for (; number >= 10; number /= 10) n++;
  return n;
}

/* A string of the protocol: "$<size>\r\n<bytes>\r\n". */
static size_t bulk(size_t bytes) {
  return 1 + digits_of(bytes) + 2 + bytes + 2;
}

/* The numbers among the words: 30 days in ms, a tag of a slot, a seq of some thousands. */
enum {
  SHA = 40,
  TTL_DIGITS = 10,
  TAG_DIGITS = 5,
  NEEDS = 24, /* of a history that is not kept */
  LINE = 4,
  SEQ_LINE = 7,
  EPOCH = sizeof(solid_store_epoch),
  STAMP = 24
};

/* "*8", EVALSHA, the hash, "1", the key. */
static size_t script(size_t words, size_t key) {
  return 3 + digits_of(words) + bulk(7) + bulk(SHA) + bulk(1) + bulk(key);
}

solid_status solid_plan_wire(const solid_plan_sizes *sizes, solid_plan_traffic *traffic) {
  solid_status status = check(sizes, traffic);
  if (status) return status;
  size_t key = sizes->prefix_bytes + sizes->id_bytes + 2, steps = SOL_STEP_SIZE * (size_t)sizes->window;
  size_t body = sol_body_size((solid_element)sizes->element, sizes->width, sizes->params);
  size_t most = sol_body_size(SOLID_F32, sizes->width, sizes->params), length = bulk(digits_of(sizes->window));
  size_t marks = sizes->partitions < SOL_MARKS_MAX ? sizes->partitions : SOL_MARKS_MAX;
  size_t head = SOL_HEAD_SIZE + SOL_POSITION_SIZE * marks;
  size_t advance = script(12, key) + length + bulk(TTL_DIGITS) + bulk(EPOCH) + bulk(SOL_STEP_SIZE) +
                   bulk(SOL_POSITION_SIZE) + bulk(0) + bulk(NEEDS) + bulk(TAG_DIGITS);
  size_t put = script(9, key) + bulk(SOL_PARAMS_HEAD) + bulk(body) + bulk(TTL_DIGITS) + bulk(EPOCH) + bulk(TAG_DIGITS);
  *traffic = (solid_plan_traffic){
      .event_in = advance + put,
      .event_out = LINE + LINE + SEQ_LINE + LINE + bulk(steps) + bulk(0) + bulk(STAMP) + LINE,
      .answer_in = script(8, key) + length + bulk(TTL_DIGITS) + bulk(digits_of(most)) + bulk(1),
      .answer_out = LINE + bulk(head) + bulk(steps) + bulk(body) + bulk(0),
      .event_trips = 2,
      .answer_trips = 1,
  };
  return SOLID_OK;
}

solid_status solid_plan_user(const solid_plan_sizes *sizes, solid_plan *plan) {
  solid_status status = check(sizes, plan);
  if (status) return status;
  solid_plan_sizes with = *sizes;
  if (!with.history) with.history = with.window;
  size_t body = sol_body_size((solid_element)sizes->element, sizes->width, sizes->params);
  size_t key = sizes->prefix_bytes + sizes->id_bytes + 2;
  layout lies = lay_out(&with);
  *plan = (solid_plan){
      .window = SOL_STEP_SIZE * lies.in_record,
      .record = SOL_PARAMS_HEAD + body,
      .redis = redis_user(&with, key, &lies, body) + redis_pages(key, &lies) + redis_state(&with, key),
      .memory = memory_user(&with, &lies, body),
      .pages = lies.pages * page_size(),
      .seen = 8 * lies.taken,
      .state = redis_state(&with, key) ? with.state_bytes : 0,
  };
  return SOLID_OK;
}
