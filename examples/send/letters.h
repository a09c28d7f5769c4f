/* Dead letters of ingest/kafka/dead_letter.h, read from a topic up to the end that it has now. */
#ifndef EXAMPLES_SEND_LETTERS_H
#define EXAMPLES_SEND_LETTERS_H

#include "examples/common/config.h"
#include "solid/types.h"
#include <librdkafka/rdkafka.h>
#include <signal.h>

typedef struct letter {
  solid_bytes reason; /* empty: the header is missing */
  char topic[256];    /* where the message came from; empty: the headers do not say, so it is no dead letter */
  int32_t partition;
  int64_t offset;
  int is_cut; /* the payload was too large for a dead letter, and has lost its end */
  solid_bytes key, payload;
} letter;

/* Borrowed for the call. Any status but SOLID_OK ends the reading before this letter. */
typedef solid_status (*letter_fn)(void *user, const letter *letter);

typedef struct letter_box letter_box;

/* `rk` is a consumer, taken also on failure. With is_continued the reading begins where the consumer's group committed,
 * otherwise at the topic's beginning. EIO, ETIMEDOUT: the broker does not answer. ENOTFOUND: no such topic. */
solid_status letters_open(letter_box **out, rd_kafka_t *rk, const char *topic, int is_continued, int64_t timeout_ms);
void letters_close(letter_box *box);

/* Returns SOLID_OK at the end, ECANCELLED once *stopped is 1, or what `take` returned. EIO: the topic cannot be read.
 */
solid_status letters_read(letter_box *box, const volatile sig_atomic_t *stopped, letter_fn take, void *user);

/* Commits, for the group, how far `take` has taken letters. EIO. */
solid_status letters_commit(letter_box *box);

#endif
