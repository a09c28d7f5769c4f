/* Stores with histories on the server of the test, and the test's own hand on what lies beside ann. */
#ifndef TESTS_STORE_REDIS_HISTORY_RIG_H
#define TESTS_STORE_REDIS_HISTORY_RIG_H

#include "tests/store/redis/live_redis.h"

enum { RIG_LONG = 2000 };

extern char rig_lines[16384]; /* what was logged */
void rig_log(void *user, solid_log_level level, const char *line);

solid_store *rig_open(uint32_t window, uint32_t history);

/* Lua on what lies beside ann: the pages, or the state. */
void rig_meddle(const char *part, const char *lua);

/* Asserts which version ann's record is of. */
void rig_expect_version(const char *version);

#endif
