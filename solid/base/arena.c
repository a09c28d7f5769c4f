#include "solid/base/arena.h"
#include <stdlib.h>
#include <string.h>

void *sol_arena_take(sol_arena *arena, size_t count, size_t size) {
  size_t most = SIZE_MAX - SOL_ARENA_ALIGN;
  if (arena->used > most || (size && count > (most - arena->used) / size)) {
    arena->used = SIZE_MAX;
    return NULL;
  }
  char *at = arena->base ? arena->base + arena->used : NULL;
  size_t end = arena->used + count * size;
  arena->used = (end + SOL_ARENA_ALIGN - 1) / SOL_ARENA_ALIGN * SOL_ARENA_ALIGN;
  return at;
}

char *sol_arena_memory(const sol_arena *measured) {
  if (measured->used == SIZE_MAX) return NULL;
  size_t bytes = measured->used ? measured->used : SOL_ARENA_ALIGN;
  char *base = aligned_alloc(SOL_ARENA_ALIGN, bytes);
  if (base) memset(base, 0, bytes);
  return base;
}
