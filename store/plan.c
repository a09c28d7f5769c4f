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

solid_status solid_plan_user(const solid_plan_sizes *sizes, solid_plan *plan) {
  if (!sizes || !plan) return solid_fail(SOLID_EINVAL, "plan: sizes or plan is NULL");
  solid_status status = sol_port_check_window(sizes->window);
  if (!status) status = sol_port_check_record(sizes->width, sizes->params, sizes->element);
  if (status) return status;
  if (sizes->id_bytes < 1 || sizes->id_bytes > SOLID_ID_MAX)
    return solid_fail(SOLID_EINVAL, "plan: user ids of %u bytes, 1 to %d are allowed", sizes->id_bytes, SOLID_ID_MAX);
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
