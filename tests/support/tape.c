#include "tests/support/tape.h"
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

typedef struct record {
  void *bytes;
  size_t size;
} record;

struct tape {
  record *records;
  size_t count, room, next; /* next: the record to play; count while recording */
};

static void *must(void *memory) {
  cr_assert_not_null(memory, "no room for what runs have in common");
  return memory;
}

tape *tape_open(void) {
  return must(calloc(1, sizeof(tape)));
}

void tape_close(tape *t) {
  for (size_t i = 0; i < t->count; i++) free(t->records[i].bytes);
  free(t->records);
  free(t);
}

void tape_rewind(tape *t) {
  cr_assert_eq(t->next, t->count, "a run takes %zu of the %zu inputs and references of the first", t->next, t->count);
  t->next = 0;
}

int tape_play(tape *t, void *x, size_t bytes) {
  if (t == NULL || t->next == t->count) return 0;
  const record *found = &t->records[t->next];
  cr_assert_eq(found->size, bytes, "input or reference %zu has %zu bytes in the first run, %zu in a later one", t->next,
               found->size, bytes);
  if (bytes > 0) memcpy(x, found->bytes, bytes);
  t->next++;
  return 1;
}

void tape_record(tape *t, const void *x, size_t bytes) {
  if (t == NULL) return;
  if (t->count == t->room) {
    t->room = t->room ? 2 * t->room : 64;
    t->records = must(realloc(t->records, t->room * sizeof *t->records));
  }
  record *made = &t->records[t->count++];
  *made = (record){must(malloc(bytes > 0 ? bytes : 1)), bytes};
  if (bytes > 0) memcpy(made->bytes, x, bytes);
  t->next = t->count;
}
