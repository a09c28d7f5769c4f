/* How the service's models change, on a thread of their own: the file at --model is loaded when SIGHUP or POST /model
 * says so or when it has become another one, and the store's record of live generations is followed. */
#ifndef EXAMPLES_SERVE_MODELS_H
#define EXAMPLES_SERVE_MODELS_H

#include "examples/serve/serve.h"

/* Loads --model into s->models.first: the stores want to know its window. */
solid_status models_load(serve *s);

/* Makes it live, before the first request. `store` is for this thread's reads and writes of the
 * record; with `without` 1 a store that is away only keeps the record from being followed. */
solid_status models_begin(serve *s, solid_store *store, int without);

/* Starts the thread; ends it. */
solid_status models_start(serve *s);
void models_stop(serve *s);

/* Safe in a signal handler. */
void models_ask_to_load(void);

/* Asks for the file with this share, or for the way back. EDUPLICATE: a change is at work. ENOTFOUND: there is no way
 * back. */
solid_status models_change(serve *s, int back, uint32_t share);

#endif
