#include "solid/base/arena.h"
#include "tests/support/alloc_watch.h"
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static const size_t counts[] = {1, 0, 7, 64, 3, 1000};

static void take_all(sol_arena *arena, unsigned char *at[]) {
  for (size_t i = 0; i < 6; i++) at[i] = sol_arena_take(arena, counts[i], i + 1);
}

Test(arena, arrays_are_aligned_zeroed_and_apart) {
  unsigned char *at[6];
  sol_arena arena = {NULL, 0};
  take_all(&arena, at);
  for (size_t i = 0; i < 6; i++) cr_assert_null(at[i]);
  size_t measured = arena.used;
  char *memory = sol_arena_memory(&arena);
  cr_assert(memory);
  arena = (sol_arena){memory, 0};
  take_all(&arena, at);
  cr_assert_eq(arena.used, measured);
  for (size_t i = 0; i < 6; i++) {
    cr_assert_eq((uintptr_t)at[i] % SOL_ARENA_ALIGN, 0);
    for (size_t k = 0; k < counts[i] * (i + 1); k++) cr_assert_eq(at[i][k], 0, "array %zu is not yet written", i);
    memset(at[i], (int)i + 1, counts[i] * (i + 1));
  }
  for (size_t i = 0; i < 6; i++)
    for (size_t k = 0; k < counts[i] * (i + 1); k++) cr_assert_eq(at[i][k], i + 1);
  free(memory);
}

Test(arena, an_overflow_is_no_memory) {
  const size_t counted[][2] = {{SIZE_MAX, 1}, {SIZE_MAX / 2, 3}, {3, SIZE_MAX / 2}, {SIZE_MAX - 32, 1}};
  for (size_t i = 0; i < 4; i++) {
    sol_arena arena = {NULL, 0};
    cr_assert_null(sol_arena_take(&arena, counted[i][0], counted[i][1]));
    cr_assert_null(sol_arena_take(&arena, 1, 1));
    cr_assert_eq(arena.used, SIZE_MAX);
    cr_assert_null(sol_arena_memory(&arena));
  }
  sol_arena arena = {NULL, 0}; /* each fits, the sum does not */
  (void)sol_arena_take(&arena, SIZE_MAX / 2, 1);
  (void)sol_arena_take(&arena, SIZE_MAX / 2, 1);
  (void)sol_arena_take(&arena, 1024, 1);
  cr_assert_null(sol_arena_memory(&arena));
}

Test(arena, nothing_has_memory_too) {
  sol_arena arena = {NULL, 0};
  char *memory = sol_arena_memory(&arena);
  cr_assert(memory);
  free(memory);
}

Test(arena, no_memory) {
  sol_arena arena = {NULL, 64};
  alloc_watch_fail(1);
  cr_assert_null(sol_arena_memory(&arena));
  alloc_watch_fail(0);
}
