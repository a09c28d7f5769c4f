/* solid_serve: what its files share. A desk is what one request works with: a store of its own, its seat in the slot,
 * scratch. There are as many as threads, so that one is always free. */
#ifndef EXAMPLES_SERVE_SERVE_H
#define EXAMPLES_SERVE_SERVE_H

#include "examples/common/http.h"
#include "examples/common/reading.h"
#include "examples/common/store_facts.h"
#include "examples/common/store_options.h"
#include "examples/serve/counts.h"
#include "examples/serve/recent.h"
#include "examples/serve/warm_up.h"
#include "ingest/decode.h"
#include "solid/slot.h"
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/stat.h>

typedef struct serve_options {
  const char *model, *device, *listen, *token_file, *brokers, *topic, *generate, *warm_up;
  solid_generate how;    /* read from it */
  int64_t warm_up_per_s; /* read from it */
  int64_t refresh_events, refresh_s, spare_items;
  const char *items_file;
  int approximate;
  int64_t threads, connections, max_body, max_k, max_batch, idle_s, deadline_ms, drain_ms, max_future_ms;
  store_options store;
  int verbose, log_format, routes;
  reading_options reading; /* kinds and min_rating alone */
  solid_worth_rule worth;  /* made of them */
  char *token;             /* read from the file; owned */
  char *items_path;        /* MODEL.items, where nothing else is said; owned */
} serve_options;

extern const solid_program serve_program;

typedef struct serve_desk {
  uint32_t number; /* of its seat */
  solid_store *store;
  solid_decoder *decoder;
  solid_scored *best; /* room for `room` items */
  size_t room;
  struct serve_desk *next; /* free ones */
} serve_desk;

/* By which the file behind a path, a link or not, is known from another one. */
typedef struct file_mark {
  dev_t device;
  ino_t inode;
  off_t size;
  time_t seconds;
  long nanoseconds;
} file_mark;

/* How the models change: models.c. */
typedef struct serve_models {
  pthread_mutex_t lock; /* guards what is wanted, share, busy, error and facts */
  pthread_cond_t wake;
  pthread_t thread;
  int is_running, stop, wants_load, wants_back, busy;
  uint32_t share;
  char error[512];      /* of the last change; "" = it went well */
  solid_model *first;   /* loaded, and not live yet; else NULL */
  file_mark first_mark; /* of its file, read before: another one that comes meanwhile is loaded once more */
  solid_store *store;
  store_facts facts; /* the epoch alone */
} serve_models;

typedef struct serve {
  const serve_options *options;
  solid_context *ctx;
  solid_item_log *items;
  solid_slot *slot;
  serve_desk *desks;
  serve_desk *free_desks; /* under desk_lock */
  pthread_mutex_t desk_lock;
  pthread_cond_t desk_free;
  serve_models models;
  serve_warm_up warm_up;
  serve_counts counts;
  serve_recent recent;
  struct serve_producer *producer; /* NULL without --brokers */
  struct serve_keys *keys;         /* of idempotent requests */
  int64_t started_ms;
  atomic_int draining, store_away; /* store_away: the last call to the store failed */
  atomic_uint models_live;         /* how often others became live, or the same were read again */
  atomic_uint model_spoilt;        /* 1 + models_live when it was found that a model's file had changed; 0 = never */
} serve;

/* A desk for the length of a request. */
serve_desk *serve_take_desk(serve *s);
void serve_give_desk(serve *s, serve_desk *desk);

/* Grows desk->best; 0 without memory. */
int serve_desk_room(serve_desk *desk, size_t items);

/* What a failed call of the library is to a client: 503 with Retry-After for what may be better in a moment, which is
 * the store, or what is said to be `away`; a store that is full is named so. */
typedef struct serve_failure {
  int code; /* of HTTP */
  const char *name;
  int retry_after_s; /* 0 = does not say */
} serve_failure;

serve_failure serve_failure_of(solid_status status, const char *away);
void serve_fail(http_reply *reply, solid_status status);
void serve_fail_of(http_reply *reply, solid_status status, const char *away);

/* 1: the store is away, full, or denies access. */
int serve_lacks_store(solid_status status);

/* What came of a call that writes: the store is away, or is not. One that is full answers, and questions go on. */
void serve_note_store(serve *s, solid_status status);

/* What came of work that began when models_live was so much: who took a seat before others became live says nothing of
 * them. */
void serve_note_model(serve *s, solid_status status, unsigned models_live);

/* Handlers, one a route. */
void serve_recommend_get(void *user, const http_request *request, http_reply *reply);
void serve_recommend_post(void *user, const http_request *request, http_reply *reply);
void serve_slate_post(void *user, const http_request *request, http_reply *reply);
void serve_similar(void *user, const http_request *request, http_reply *reply);
void serve_popular(void *user, const http_request *request, http_reply *reply);
void serve_latest(void *user, const http_request *request, http_reply *reply);
void serve_history(void *user, const http_request *request, http_reply *reply);
void serve_forget(void *user, const http_request *request, http_reply *reply);
void serve_items(void *user, const http_request *request, http_reply *reply);
void serve_items_post(void *user, const http_request *request, http_reply *reply);
void serve_events(void *user, const http_request *request, http_reply *reply);
void serve_model_get(void *user, const http_request *request, http_reply *reply);
void serve_model_post(void *user, const http_request *request, http_reply *reply);
void serve_live(void *user, const http_request *request, http_reply *reply);
void serve_ready(void *user, const http_request *request, http_reply *reply);
void serve_metrics(void *user, const http_request *request, http_reply *reply);
void serve_openapi(void *user, const http_request *request, http_reply *reply);
void serve_page(void *user, const http_request *request, http_reply *reply);
void serve_page_script(void *user, const http_request *request, http_reply *reply);

extern const http_route serve_routes[];
extern const size_t serve_n_routes;

#endif
