#include "solid/store.h"

void solid_store_close(solid_store *store) {
  if (store) store->ops->close(store);
}
