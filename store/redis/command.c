#include "store/redis/command.h"
#include <assert.h>
#include <stdio.h>
#include <string.h>

void sol_command_begin(sol_command *cmd) {
  cmd->argc = cmd->key_at = cmd->script = 0;
  cmd->first_field = cmd->n_fields = 0;
  cmd->most = 0;
}

void sol_command_bytes(sol_command *cmd, const void *data, size_t size) {
  assert(cmd->argc < SOL_COMMAND_WORDS);
  cmd->argv[cmd->argc] = data;
  cmd->sizes[cmd->argc++] = size;
}

void sol_command_text(sol_command *cmd, const char *text) {
  sol_command_bytes(cmd, text, strlen(text));
}

void sol_command_key(sol_command *cmd, const char *prefix, solid_bytes user) {
  cmd->key_at = cmd->argc;
  sol_command_bytes(cmd, cmd->key, sol_key_write(prefix, user, cmd->key));
}

void sol_command_part(sol_command *cmd, const char *prefix, solid_bytes user, const char *part) {
  cmd->key_at = cmd->argc;
  sol_command_bytes(cmd, cmd->key, sol_key_write_part(prefix, user, part, cmd->key));
}

void sol_command_name(sol_command *cmd, const char *prefix, const char *name, solid_bytes rest) {
  cmd->key_at = cmd->argc;
  sol_command_bytes(cmd, cmd->key, sol_key_write_name(prefix, name, rest, cmd->key));
}

void sol_command_number(sol_command *cmd, int slot, int64_t value) {
  snprintf(cmd->digits[slot], sizeof cmd->digits[slot], "%lld", (long long)value);
  sol_command_text(cmd, cmd->digits[slot]);
}
