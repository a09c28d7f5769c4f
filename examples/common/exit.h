/* The exit codes of all programs, in one table, from which --help prints. A script can tell wrong usage from a fault
 * that may pass, and sees where to look: the model, the store, or the source of the events. */
#ifndef EXAMPLES_COMMON_EXIT_H
#define EXAMPLES_COMMON_EXIT_H

/*        name     code  meaning */
#define PROGRAM_EXIT_MAP(X)                                                                                            \
  X(DONE, 0, "done")                                                                                                   \
  X(FAILED, 1, "ended by an error, which is the last line on stderr")                                                  \
  X(USAGE, 2, "wrong usage or configuration")                                                                          \
  X(MODEL, 3, "the model cannot be used")                                                                              \
  X(STORE, 4, "the store cannot be reached, refuses, or has lost what it held")                                        \
  X(SOURCE, 5, "broker, topic, data or address cannot be used, or nothing that came could be taken")                   \
  X(WAITED, 6, "what was waited for did not come")

typedef enum program_exit {
#define PROGRAM_EXIT_ENUM(name, code, meaning) EXIT_##name = (code),
  PROGRAM_EXIT_MAP(PROGRAM_EXIT_ENUM)
#undef PROGRAM_EXIT_ENUM
} program_exit;

/* Bits of solid_program.exits: the codes that a program has beside 0, 1 and 2. */
#define HAS_EXIT(name) (1u << EXIT_##name)

#endif
