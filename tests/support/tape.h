/* What several runs of one test body have in common, because it does not depend on the back end: random inputs and the
 * answers of a naive reference. The first run records it, the others play it, in the same order. */
#ifndef TESTS_SUPPORT_TAPE_H
#define TESTS_SUPPORT_TAPE_H

#include <stddef.h>

typedef struct tape tape;

tape *tape_open(void);
void tape_close(tape *t);

/* Plays from the start what the runs so far recorded. Fails the test when the last run left some of it unplayed. */
void tape_rewind(tape *t);

/* The next record into x, and 1; 0 when there is none, or when t is NULL: the caller makes x and records it. Fails the
 * test when the record is of another size, for then the body does not do the same in every run. */
int tape_play(tape *t, void *x, size_t bytes);
void tape_record(tape *t, const void *x, size_t bytes);

#endif
