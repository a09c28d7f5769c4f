#include "tests/support/alloc_watch.h"
#include <stdatomic.h>
#include <string.h>

/* The linker's --wrap sends calls of malloc to __wrap_malloc and calls of __real_malloc to malloc. */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
char *__wrap_strdup(const char *text);

static atomic_size_t allocations, fuse;

size_t alloc_watch_count(void) {
  return atomic_load(&allocations);
}

void alloc_watch_fail(size_t countdown) {
  atomic_store(&fuse, countdown);
}

static int granted(void) {
  atomic_fetch_add(&allocations, 1);
  size_t left = atomic_load(&fuse);
  if (left) atomic_store(&fuse, left - 1);
  return left != 1;
}

void *__wrap_malloc(size_t size) {
  return granted() ? __real_malloc(size) : NULL;
}

void *__wrap_calloc(size_t count, size_t size) {
  return granted() ? __real_calloc(count, size) : NULL;
}

void *__wrap_realloc(void *memory, size_t size) {
  return granted() ? __real_realloc(memory, size) : NULL;
}

void *__wrap_aligned_alloc(size_t alignment, size_t size) {
  return granted() ? __real_aligned_alloc(alignment, size) : NULL;
}

char *__wrap_strdup(const char *text) {
  size_t size = strlen(text) + 1;
  char *copy = __wrap_malloc(size);
  return copy ? memcpy(copy, text, size) : NULL;
}
