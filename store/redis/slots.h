/* Slots of a Redis Cluster: 16,384, of which each key has one (Redis Cluster Specification, "Key distribution model").
 * What of a key is hashed is its tag: what stands between the first '{' and the first '}' behind it, unless that is
 * nothing; so all keys of a user, <prefix>{user}..., are in one slot. */
#ifndef STORE_REDIS_SLOTS_H
#define STORE_REDIS_SLOTS_H

#include <stddef.h>
#include <stdint.h>

enum { SOL_SLOTS = 16384 };

/* CRC-16/XMODEM of the tag, modulo 16384. */
uint32_t sol_slot_of(const void *key, size_t size);

/* For each slot a number that, written in decimals as a tag, is in it. */
void sol_slot_tags(uint32_t tags[SOL_SLOTS]);

#endif
