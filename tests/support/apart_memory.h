/* Device memory that only operations reach: what callers get are addresses that no page lies behind, so that a host
 * that reads or writes device memory is killed at that line, as it would be beside a GPU. The bytes lie elsewhere. */
#ifndef TESTS_SUPPORT_APART_MEMORY_H
#define TESTS_SUPPORT_APART_MEMORY_H

#include <stddef.h>

/* An address that stands for `bytes` at `real`; NULL for NULL. */
void *apart_memory_show(void *real, size_t bytes);

/* Where the bytes are; the address stands for nothing any more. NULL for NULL. */
void *apart_memory_take_back(void *shown);

/* An address that was shown, or one within or right behind its bytes -> the same place of the real ones; another one
 * stays. An address of memory that was taken back ends the process. */
void *apart_memory_real(const void *shown);

/* The same for all pointers in a struct of that many bytes: whatever lies where a pointer may lie. */
void apart_memory_find_all(void *args, size_t bytes);

#endif
