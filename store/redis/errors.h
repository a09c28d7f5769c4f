/* What an error reply of Redis means: one table. */
#ifndef STORE_REDIS_ERRORS_H
#define STORE_REDIS_ERRORS_H

#include "solid/status.h"

typedef enum sol_error_kind {
  SOL_ERROR_PASSING,  /* the same command may do later */
  SOL_ERROR_FINAL,    /* nobody but a person ends it */
  SOL_ERROR_READONLY, /* passing for a while, in which a replica may become master; then final */
  SOL_ERROR_USER,     /* of one key alone */
  SOL_ERROR_UNKNOWN   /* in no row: final as long as nothing has gone well yet, passing later */
} sol_error_kind;

typedef struct sol_error {
  const char *begin; /* of the server's text */
  sol_error_kind kind;
  solid_status status;
  int is_elsewhere; /* 1 = another server may know better: the connection is given up */
  const char *what; /* to do about it; NULL = nothing to say */
  int is_late;      /* 1 = a script may meet it behind its first write: it is not known what was done */
} sol_error;

/* The row of an error reply's text, never NULL. */
const sol_error *sol_error_find(const char *text);

#endif
