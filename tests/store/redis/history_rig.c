#include "tests/store/redis/history_rig.h"
#include <stdio.h>
#include <string.h>

char rig_lines[16384];

void rig_log(void *user, solid_log_level level, const char *line) {
  size_t used = strlen(rig_lines);
  (void)user, (void)level;
  snprintf(rig_lines + used, sizeof rig_lines - used, "%s\n", line);
}

solid_store *rig_open(uint32_t window, uint32_t history) {
  solid_redis_store_options options = live_options();
  options.window = window;
  options.history = history;
  options.ttl_ms = 60000;
  options.log = rig_log;
  return live_open_with(&options);
}

void rig_meddle(const char *part, const char *lua) {
  char command[700];
  snprintf(command, sizeof command, "EVAL \"%s return 'OK'\" 1 solid:{ann}:%s", lua, part);
  live_ask(command, "OK");
}

void rig_expect_version(const char *version) {
  live_ask("EVAL \"return redis.call('HGET',KEYS[1],'h'):byte(3)\" 1 solid:{ann}", version);
}
