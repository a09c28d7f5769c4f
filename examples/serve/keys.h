/* Answers to requests with an Idempotency-Key, kept so that a retry is given the first one's answer and does nothing.
 * The newest KEYS_MOST, of this process, and those at work: a retry that has to survive a restart carries stream and
 * offset instead. */
#ifndef EXAMPLES_SERVE_KEYS_H
#define EXAMPLES_SERVE_KEYS_H

#include "examples/common/growing.h"
#include <stdint.h>

enum { KEYS_MOST = 4096, KEY_MOST = 255 };

typedef struct serve_keys serve_keys;

serve_keys *keys_open(void); /* NULL without memory */
void keys_close(serve_keys *keys);

/* KEYS_NEW: this request is the first, or the one before has failed with a part of it done, and *done says what it was
 * (keys_pause), else is NULL; it must end with keys_end or keys_pause. KEYS_AGAIN: the answer is in *status and `body`.
 * KEYS_BUSY: the first one is still at work. KEYS_OTHER: the first one had another body, whose hash is not `hash`: this
 * is no retry. */
typedef enum keys_verdict { KEYS_NEW, KEYS_AGAIN, KEYS_BUSY, KEYS_OTHER } keys_verdict;
keys_verdict keys_begin(serve_keys *keys, const char *key, uint64_t hash, int *status, growing *body, uint8_t **done);

/* Keeps the answer of the first request, or, with status 0, forgets the key: nothing was done. */
void keys_end(serve_keys *keys, const char *key, int status, const growing *body);
/* The request failed, and is not over: `done`, which is freed with the key, is for the next try. */
void keys_pause(serve_keys *keys, const char *key, uint8_t *done);

#endif
