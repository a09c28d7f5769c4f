/* The words of one Redis command, with room for the key and the numbers among them. */
#ifndef STORE_REDIS_COMMAND_H
#define STORE_REDIS_COMMAND_H

#include "store/redis/keys.h"

enum { SOL_COMMAND_WORDS = 16, SOL_COMMAND_NUMBERS = 6 };

/* Zeroed, or after sol_command_begin, an empty one; what is added is borrowed, key and numbers excepted. */
typedef struct sol_command {
  const char *argv[SOL_COMMAND_WORDS];
  size_t sizes[SOL_COMMAND_WORDS];
  int argc;
  int key_at;                     /* place of the key among the words; 0 = none */
  int script;                     /* 1 + the script whose hash is put into word 1 for the server it goes to; 0 = none */
  uint32_t first_field, n_fields; /* numbers that follow the words, each a word */
  size_t most;                    /* bytes that its answer may have; 0 = any */
  char key[SOL_KEY_MAX];          /* scripts have one */
  char digits[SOL_COMMAND_NUMBERS][24]; /* one a slot */
} sol_command;

void sol_command_begin(sol_command *cmd);
void sol_command_bytes(sol_command *cmd, const void *data, size_t size);
void sol_command_text(sol_command *cmd, const char *text);
void sol_command_key(sol_command *cmd, const char *prefix, solid_bytes user);
/* Of what lies beside the user: SOL_KEY_PAGES, SOL_KEY_STATE. */
void sol_command_part(sol_command *cmd, const char *prefix, solid_bytes user, const char *part);
void sol_command_name(sol_command *cmd, const char *prefix, const char *name, solid_bytes rest); /* of no user */
void sol_command_number(sol_command *cmd, int slot, int64_t value);

#endif
