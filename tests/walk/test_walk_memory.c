#include "store/memory_store.h"
#include "tests/walk/walk.h"
#include <criterion/criterion.h>

static solid_store *first;

/* The first handle stays open for the length of the test, the others share its memory. */
static solid_store *open_memory(const serving *s) {
  solid_store *store = NULL;
  if (!first) first = serving_store(s);
  cr_assert_eq(solid_memory_store_share(&store, first), SOLID_OK, "%s", solid_last_error());
  return store;
}

static void close_first(void) {
  solid_store_close(first);
  first = NULL;
}

static const walk_store memory = {open_memory};

TestSuite(walk_memory, .fini = close_first, .timeout = 600);

#define MEMORY_TEST(name)                                                                                              \
  Test(walk_memory, name) {                                                                                            \
    walk_##name(&memory);                                                                                              \
  }
WALK_CASES(MEMORY_TEST)
