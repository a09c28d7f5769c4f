#include "store/plan.h"
#include "solid/extend.h"
#include "store/memory/user_table.h"
#include "store/record/head.h"
#include "store/record/port.h"

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
  FIELD_NAME = 8        /* one letter */
};

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

/* The key, its time and the hash: fields h, s and p. */
static size_t redis_user(size_t key_bytes, size_t marks, size_t steps, size_t body) {
  size_t kept = marks < SOL_MARKS_MAX ? marks : SOL_MARKS_MAX;
  size_t head = SOL_HEAD_SIZE + SOL_POSITION_SIZE * kept;
  return TABLE_ENTRY + EXPIRY + string_of(key_bytes) + OBJECT + HASH_HEAD + HASH_BUCKETS +
         3 * (HASH_ENTRY - 8 + FIELD_NAME) + string_of(head) + string_of(steps) + string_of(body);
}

static solid_status check(const solid_plan_sizes *sizes, const void *out) {
  if (!sizes || !out) return solid_fail(SOLID_EINVAL, "plan: sizes or plan is NULL");
  solid_status status = sol_port_check_window(sizes->window);
  if (!status) status = sol_port_check_record(sizes->width, sizes->params, sizes->element);
  if (status) return status;
  if (sizes->id_bytes < 1 || sizes->id_bytes > SOLID_ID_MAX)
    return solid_fail(SOLID_EINVAL, "plan: user ids of %u bytes, 1 to %d are allowed", sizes->id_bytes, SOLID_ID_MAX);
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
  size_t advance = script(11, key) + length + bulk(TTL_DIGITS) + bulk(EPOCH) + bulk(SOL_STEP_SIZE) +
                   bulk(SOL_POSITION_SIZE) + bulk(0) + bulk(TAG_DIGITS);
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
  size_t steps = SOL_STEP_SIZE * (size_t)sizes->window;
  size_t body = sol_body_size((solid_element)sizes->element, sizes->width, sizes->params);
  *plan = (solid_plan){
      .window = steps,
      .record = SOL_PARAMS_HEAD + body,
      .redis = redis_user(sizes->prefix_bytes + sizes->id_bytes + 2, sizes->partitions, steps, body),
      .memory = sizeof(sol_user) + steps + sizes->id_bytes + sizeof(solid_position) * sizes->partitions + body + PLACE,
  };
  return SOLID_OK;
}
