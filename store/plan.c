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
  PAGES_META = 32
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

/* Fields m, s and one a page. */
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
  size_t taken = sizes->taken && sizes->taken < n ? sizes->taken : n;
  return (layout){.in_record = in_record, .pages = pages, .taken = taken < in_record ? 0 : taken - in_record};
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

solid_status solid_plan_user(const solid_plan_sizes *sizes, solid_plan *plan) {
  if (!sizes || !plan) return solid_fail(SOLID_EINVAL, "plan: sizes or plan is NULL");
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
