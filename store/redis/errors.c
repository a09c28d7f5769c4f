#include "store/redis/errors.h"
#include <stddef.h>
#include <string.h>

#define PASSING(text, status, elsewhere, what)                                                                         \
  { text, SOL_ERROR_PASSING, status, elsewhere, what, 0 }
#define FINAL(text, what)                                                                                              \
  { text, SOL_ERROR_FINAL, SOLID_EREFUSED, 0, what, 0 }
#define FINAL_LATE(text, what)                                                                                         \
  { text, SOL_ERROR_FINAL, SOLID_EREFUSED, 0, what, 1 }

static const sol_error rows[] = {
    PASSING("LOADING", SOLID_EIO, 1, "it has been started and reads its data: it answers when it has"),
    PASSING("MASTERDOWN", SOLID_EIO, 1, NULL),
    PASSING("CLUSTERDOWN", SOLID_EIO, 1, NULL),
    PASSING("BUSY", SOLID_EIO, 0, NULL),
    PASSING("OOM", SOLID_EFULL, 0, "raise it; solid_plan says what users take"),
    PASSING("MISCONF", SOLID_EFULL, 0, "its disk is full or cannot be written: its log says why"),
    PASSING("TRYAGAIN", SOLID_EIO, 0, NULL),
    PASSING("NOREPLICAS", SOLID_EIO, 0, "its replicas are away (min-replicas-to-write)"),
    PASSING("max number of clients", SOLID_EIO, 1, "raise maxclients"),
    {"READONLY", SOL_ERROR_READONLY, SOLID_EIO, 1, "it is a replica: name the master", 0},
    {"WRONGTYPE", SOL_ERROR_USER, SOLID_EFORMAT, 0, NULL, 0},
    {"NEWER", SOL_ERROR_FINAL, SOLID_EUNSUPPORTED, 0, "use a version that knows it", 0},
    /* newer servers' words for "The user executing the script can't" */
    FINAL_LATE("ACL failure in script", "give the user the commands that store/README.md lists"),
    FINAL_LATE("NOPERM ACL failure in script", "give the user the commands that store/README.md lists"),
    FINAL("NOPERM", "give the user the keys of the prefix and the commands that store/README.md lists"),
    FINAL_LATE("The user executing the script can't", "give the user the commands that store/README.md lists"),
    FINAL("WRONGPASS", "correct user and password (--redis-user, --redis-password-file)"),
    FINAL("Protocol error: unauthenticated", "give a password (--redis-password-file)"),
    FINAL("NOAUTH", "give a password (--redis-password-file)"),
    FINAL("invalid password", "correct the password"),
    FINAL("AUTH", "the server wants no password"),
    FINAL("Client sent AUTH", "the server wants no password"),
    FINAL("DENIED", "the server is in protected mode"),
    FINAL("unknown command 'SENTINEL'", "this is no Sentinel: they listen on port 26379 unless told otherwise"),
    FINAL("unknown command", "scripts are needed: EVALSHA and SCRIPT LOAD"),
    FINAL_LATE("Unknown Redis command", "a command that the scripts call is renamed or switched off"),
    FINAL("Unknown subcommand", "scripts are needed: EVALSHA and SCRIPT LOAD"),
    FINAL("unknown subcommand", "scripts are needed: EVALSHA and SCRIPT LOAD"),
    FINAL("invalid DB", "correct the number of the database"),
    FINAL("DB index", "correct the number of the database"),
    FINAL("SELECT is not allowed", "a cluster has database 0 alone"),
    FINAL("MOVED", "the map of slots did not help"),
    FINAL("ASK", "the node that it names is not known"),
    FINAL("CROSSSLOT", "a script has the keys of several slots"),
};

static const sol_error unknown = {"", SOL_ERROR_UNKNOWN, SOLID_EIO, 0, NULL, 1};

/* Servers before 7 put what a command of a script said behind words of their own:
 * "ERR Error running script (call to f_...): @user_script:36: -OOM command not allowed ..." */
static const char *innermost(const char *text) {
  const char *script = strstr(text, "@user_script:");
  if (strncmp(text, "ERR Error running script", 24) || !script) return text;
  const char *said = strstr(script, ": ");
  for (const char *more = said; more && (more = strstr(more + 2, "@user_script:")) && (more = strstr(more, ": "));)
    said = more;
  if (!said) return text;
  said += 2;
  while (*said == ' ' || *said == '-' || (*said >= '0' && *said <= '9') || *said == ':') said++;
  return said;
}

const sol_error *sol_error_find(const char *text) {
  const char *said = innermost(text);
  if (strncmp(said, "ERR ", 4) == 0) said += 4; /* which servers before 7 leave out inside of scripts */
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if (strncmp(said, rows[i].begin, strlen(rows[i].begin)) == 0) return &rows[i];
  return &unknown;
}
