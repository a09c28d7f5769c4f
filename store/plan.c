#include "store/plan.h"
#include "solid/extend.h"
#include "store/memory/user_table.h"
#include "store/record/codec.h"
#include "store/record/port.h"

enum { PLACE = 2 * 8 + 12 }; /* of a user in the memory store's table and list, both grown by doubling */

/* What Redis 7 (64 bits, jemalloc) needs around the bytes it keeps; measured with MEMORY USAGE and used_memory. */
enum {
  TABLE_ENTRY = 24 + 8,   /* of a key in the main table: entry, share of a bucket (one to two, grown by doubling) */
  OBJECT = 16,            /* robj */
  EXPIRY = 24 + 8,        /* entry and bucket in the table of TTLs */
  STRING_HEAD = 9,        /* sds head of 8 bytes or fewer, terminating zero */
  HASH_HEAD = 56,         /* dict of a hash that is not a listpack */
  HASH_ENTRY = 24 + 8,    /* of a field */
  HASH_FIRST_BUCKETS = 4, /* of 8 bytes, taken at once */
  SHORT_STRING = 16,      /* a field's name, or a value that is a number */
  LISTPACK_VALUE_MAX = 64 /* a hash with a longer value is a table */
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

static size_t redis_key(size_t key_bytes) {
  return TABLE_ENTRY + EXPIRY + rounded(key_bytes + STRING_HEAD - 5) + OBJECT;
}

static size_t redis_window(const solid_plan_sizes *sizes, size_t steps_bytes) {
  size_t fields = 2 + (size_t)sizes->partitions;
  if (steps_bytes <= LISTPACK_VALUE_MAX) return rounded(steps_bytes + 8 + 16 * fields);
  return HASH_HEAD + fields * (HASH_ENTRY + 2 * SHORT_STRING) + rounded(steps_bytes + STRING_HEAD);
}

solid_status solid_plan_user(const solid_plan_sizes *sizes, solid_plan *plan) {
  if (!sizes || !plan) return solid_fail(SOLID_EINVAL, "plan: sizes or plan is NULL");
  solid_status status = sol_port_check_window(sizes->window);
  if (!status) status = sol_port_check_record(sizes->width, sizes->params, sizes->element);
  if (status) return status;
  if (sizes->id_bytes < 1 || sizes->id_bytes > SOLID_ID_MAX)
    return solid_fail(SOLID_EINVAL, "plan: user ids of %u bytes, 1 to %d are allowed", sizes->id_bytes, SOLID_ID_MAX);
  size_t steps = SOL_STEP_SIZE * (size_t)sizes->window;
  size_t record = sol_record_size((solid_element)sizes->element, sizes->width, sizes->params);
  size_t key = sizes->prefix_bytes + sizes->id_bytes + 4;
  *plan = (solid_plan){
      .window = steps,
      .record = record,
      .redis = 2 * redis_key(key) + redis_window(sizes, steps) + rounded(record + STRING_HEAD),
      .memory = sizeof(sol_user) + steps + sizes->id_bytes + sizeof(solid_position) * sizes->partitions +
                (record - SOL_RECORD_HEADER - SOL_RECORD_TAIL) + PLACE,
  };
  return SOLID_OK;
}
