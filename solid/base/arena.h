/* One allocation cut into aligned arrays. The owner takes its arrays twice from the same function: once with a NULL
 * base to measure, once into memory of that size, so that sizes are stated in one place and products are checked in
 * one. */
#ifndef SOLID_BASE_ARENA_H
#define SOLID_BASE_ARENA_H

#include <stddef.h>
#include <stdint.h>

#define SOL_ARENA_ALIGN ((size_t)64)

typedef struct sol_arena {
  char *base;  /* NULL while measuring */
  size_t used; /* SIZE_MAX once a size has overflowed */
} sol_arena;

/* Room for count * size bytes, contents undefined; NULL while measuring. */
void *sol_arena_take(sol_arena *arena, size_t count, size_t size);

/* Memory for a measured arena, zeroed, to be freed by free(); NULL when out of memory or when a size overflowed. */
char *sol_arena_memory(const sol_arena *measured);

#endif
