/* What signals do: SIGTERM and SIGINT end a start at once, since nothing was read that would have to be stored, and
 * tell a source that runs to stop. The second one of a kind ends the program. */
#ifndef EXAMPLES_INGESTD_INGESTD_SIGNALS_H
#define EXAMPLES_INGESTD_INGESTD_SIGNALS_H

/* The start begins. */
void ingestd_signals_catch(void);

/* The start is over: from now on a signal calls stop(source), which is safe in a handler. NULL: nothing runs that could
 * be stopped, the program is ending. */
void ingestd_signals_stop(void (*stop)(void *source), void *source);

#endif
