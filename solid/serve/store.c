#include "solid/store.h"
#include "solid/base/table.h"

void solid_store_close(solid_store *store) {
  if (store) store->ops->close(store);
}

/* The upper half of the hash cut into SOLID_SHARES equal parts. */
uint64_t solid_live_generation(const solid_live *live, solid_bytes user) {
  if (!live->previous) return live->current;
  uint64_t part = (sol_table_hash(user.data, user.size) >> 32) * SOLID_SHARES >> 32;
  return part < live->share ? live->current : live->previous;
}
