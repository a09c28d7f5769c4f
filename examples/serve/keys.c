#include "examples/serve/keys.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

typedef struct kept {
  char key[KEY_MOST + 1];
  uint64_t hash; /* of the request's body */
  int is_at_work;
  int status; /* 0 = it has no answer yet that stays */
  growing body;
  uint8_t *done; /* what a try that failed has done; NULL = nothing */
} kept;

/* A ring that is searched from the newest back: retries come soon, and requests with keys are few. */
struct serve_keys {
  pthread_mutex_t lock;
  size_t next; /* place of the ring that is given away next */
  kept *ring[KEYS_MOST];
};

serve_keys *keys_open(void) {
  serve_keys *keys = calloc(1, sizeof *keys);
  if (keys && pthread_mutex_init(&keys->lock, NULL)) {
    free(keys);
    return NULL;
  }
  return keys;
}

static void end(kept *one) {
  if (!one) return;
  growing_clear(&one->body);
  free(one->done);
  free(one);
}

void keys_close(serve_keys *keys) {
  if (!keys) return;
  for (size_t i = 0; i < KEYS_MOST; i++) end(keys->ring[i]);
  pthread_mutex_destroy(&keys->lock);
  free(keys);
}

/* From the newest back. */
static kept **find(serve_keys *keys, const char *key) {
  for (size_t i = 1; i <= KEYS_MOST; i++) {
    kept **at = &keys->ring[(keys->next + KEYS_MOST - i) % KEYS_MOST];
    if (*at && strcmp((*at)->key, key) == 0) return at;
  }
  return NULL;
}

keys_verdict keys_begin(serve_keys *keys, const char *key, uint64_t hash, int *status, growing *body, uint8_t **done) {
  keys_verdict verdict = KEYS_NEW;
  pthread_mutex_lock(&keys->lock);
  kept **found = find(keys, key);
  if (found && (*found)->hash != hash) {
    verdict = KEYS_OTHER;
  } else if (found && (*found)->status) {
    verdict = KEYS_AGAIN;
    *status = (*found)->status;
    growing_bytes(body, (*found)->body.bytes, (*found)->body.size);
  } else if (found && (*found)->is_at_work) {
    verdict = KEYS_BUSY;
  } else if (found) {
    (*found)->is_at_work = 1;
    *done = (*found)->done;
    (*found)->done = NULL;
  } else {
    kept *made = calloc(1, sizeof *made);
    if (made) {
      strncpy(made->key, key, KEY_MOST);
      made->hash = hash;
      made->is_at_work = 1;
      while (keys->ring[keys->next] && keys->ring[keys->next]->is_at_work) keys->next = (keys->next + 1) % KEYS_MOST;
      end(keys->ring[keys->next]);
      keys->ring[keys->next] = made;
      keys->next = (keys->next + 1) % KEYS_MOST;
    }
  }
  pthread_mutex_unlock(&keys->lock);
  return verdict;
}

void keys_end(serve_keys *keys, const char *key, int status, const growing *body) {
  pthread_mutex_lock(&keys->lock);
  kept **found = find(keys, key);
  if (found && status) {
    (*found)->is_at_work = 0;
    (*found)->status = status;
    growing_bytes(&(*found)->body, body->bytes, body->size);
  } else if (found) {
    end(*found);
    *found = NULL;
  }
  pthread_mutex_unlock(&keys->lock);
}

void keys_pause(serve_keys *keys, const char *key, uint8_t *done) {
  pthread_mutex_lock(&keys->lock);
  kept **found = find(keys, key); /* else there was no memory for it */
  if (found) {
    (*found)->is_at_work = 0;
    (*found)->done = done;
  } else {
    free(done);
  }
  pthread_mutex_unlock(&keys->lock);
}
