#include "examples/serve/models.h"
#include "examples/common/ground.h"
#include "examples/common/logging.h"
#include "solid/extend.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { LOOK_MS = 250, FOLLOW_MS = 1000 };

#define AS_IT_IS UINT32_MAX /* a share: that of the generation if it is live already, else all users */

static atomic_int hangups; /* lock-free, so that a signal handler may count */

void models_ask_to_load(void) {
  atomic_fetch_add(&hangups, 1);
}

/* 1 = there is such a file. */
static int read_mark(const char *path, file_mark *mark) {
  struct stat found;
  if (stat(path, &found)) return 0;
  memset(mark, 0, sizeof *mark);
  mark->device = found.st_dev;
  mark->inode = found.st_ino;
  mark->size = found.st_size;
  mark->seconds = found.st_mtim.tv_sec;
  mark->nanoseconds = found.st_mtim.tv_nsec;
  return 1;
}

static solid_status load_file(const serve *s, solid_model **model) {
  solid_model_options options = SOLID_MODEL_OPTIONS_INIT;
  options.spare_items = (int32_t)s->options->spare_items;
  return solid_model_load_with(model, s->ctx, s->options->model, &options);
}

/* The model is the slot's, or is freed. */
static solid_status add(serve *s, solid_model *model, uint64_t *generation) {
  solid_model_info info = {.struct_size = sizeof info};
  solid_status status = solid_model_get_info(model, &info);
  if (!status) status = solid_slot_add(s->slot, model);
  if (status == SOLID_EMISMATCH)
    status = solid_fail(status, "%s; to rebuild: solid_ingestd into another --prefix, then start with that one",
                        solid_last_error());
  if (status) solid_model_free(model);
  *generation = info.generation;
  return status;
}

static solid_status load(serve *s, uint64_t *generation) {
  solid_model *model = NULL;
  solid_status status = load_file(s, &model);
  return status ? status : add(s, model, generation);
}

static solid_status load_and_switch(serve *s, uint32_t share) {
  uint64_t generation = 0;
  int64_t began_ms = sol_steady_ms();
  solid_status status = load(s, &generation);
  solid_live live = solid_slot_get_live(s->slot);
  if (!status && live.current == generation && (share == AS_IT_IS || share == live.share)) return SOLID_OK;
  if (share == AS_IT_IS) share = SOLID_SHARES;
  if (!status) status = solid_slot_switch(s->slot, s->models.store, generation, share);
  if (!status)
    logging_say(SOLID_LOG_INFO, "%s: generation %016" PRIx64 " is live for %.2f %% of the users after %lld ms",
                s->options->model, generation, share * 100.0 / SOLID_SHARES, (long long)(sol_steady_ms() - began_ms));
  return status;
}

static solid_status find_previous(serve *s, uint64_t *previous) {
  *previous = solid_slot_get_live(s->slot).previous;
  if (!*previous)
    return solid_fail(SOLID_ENOTFOUND,
                      "no previous model: none was live before this one, so that there is no way back");
  if (solid_slot_holds(s->slot, *previous)) return SOLID_OK;
  return solid_fail(SOLID_ENOTFOUND,
                    "the previous model, generation %016" PRIx64
                    ", is not in the memory of this process: put its file back at --model, %s",
                    *previous, s->options->model);
}

static solid_status go_back(serve *s) {
  uint64_t previous;
  solid_status status = find_previous(s, &previous);
  if (!status) status = solid_slot_switch(s->slot, s->models.store, previous, SOLID_SHARES);
  if (!status) logging_say(SOLID_LOG_INFO, "back to generation %016" PRIx64, previous);
  return status;
}

/* Whoever takes a seat from now on has one of what is live now. */
static solid_status note_live(serve *s, solid_status status) {
  if (!status) atomic_fetch_add(&s->models_live, 1);
  return status;
}

/* Another process may have changed the record; a store that lost it is told again. */
static solid_status follow(serve *s) {
  solid_live live = {0}, here = solid_slot_get_live(s->slot);
  solid_status status = solid_live_read(s->models.store, &live);
  if (status || live.version == here.version) return status;
  if (!live.version) return solid_slot_switch(s->slot, s->models.store, here.current, here.share);
  status = solid_slot_follow(s->slot, &live);
  uint64_t generation;
  if (status == SOLID_ENOTFOUND && !load(s, &generation)) status = solid_slot_follow(s->slot, &live);
  if (!note_live(s, status))
    logging_say(SOLID_LOG_INFO, "follows version %" PRIu64 ": generation %016" PRIx64, live.version, live.current);
  return status;
}

solid_status models_load(serve *s) {
  read_mark(s->options->model, &s->models.first_mark);
  return load_file(s, &s->models.first);
}

solid_status models_begin(serve *s, solid_store *store, int without) {
  uint64_t generation = 0;
  solid_model *model = s->models.first;
  solid_live live = {0};
  s->models.store = store;
  solid_status status = solid_item_log_follow(s->items, store);
  if (status && !(solid_status_is_retriable(status) && without))
    logging_say(SOLID_LOG_ERROR, "serves without the item log: %s", solid_last_error());
  s->models.first = NULL;
  status = add(s, model, &generation);
  if (status) return status;
  status = solid_live_read(store, &live);
  if (!status && live.version && live.current == generation && !solid_slot_follow(s->slot, &live)) return SOLID_OK;
  if (!status) status = solid_slot_switch(s->slot, store, generation, SOLID_SHARES);
  if (!solid_status_is_retriable(status) || !without) return status;
  live = (solid_live){UINT64_MAX, generation, 0, SOLID_SHARES}; /* of no store: any record is another one */
  return solid_slot_follow(s->slot, &live);
}

/* ---- The thread ---- */

/* What failed is the same, whoever met it. */
static int is_said(const char *error, const char *before) {
  const char *what = strstr(error, ": "), *then = strstr(before, ": ");
  return what && then && strcmp(what, then) == 0;
}

/* One line an outage, not one a second; and one for each change that somebody asked for. */
static void note(serve *s, const char *what, solid_status status, int was_asked) {
  serve_models *m = &s->models;
  char error[sizeof m->error] = "";
  if (status) snprintf(error, sizeof error, "%s: %s", what, solid_last_error());
  char *pause = strstr(error, "; next attempt in "); /* of a connection that waits: a number that changes */
  if (pause) *pause = 0;
  pthread_mutex_lock(&m->lock);
  int is_new = !is_said(error, m->error);
  if (was_asked || status || strncmp(m->error, what, strlen(what)) == 0) memcpy(m->error, error, sizeof error);
  pthread_mutex_unlock(&m->lock);
  if (status && (is_new || was_asked)) logging_say(SOLID_LOG_ERROR, "%s", error);
  if (was_asked) serve_count(status ? &s->counts.switch_failures : &s->counts.switches);
}

/* Waits a while or until there is something to do: 0 to stop, 1 nothing, 2 load, 3 back. */
static int wait_for_work(serve_models *m, uint32_t *share) {
  struct timespec until;
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_nsec += LOOK_MS * 1000000L;
  until.tv_sec += until.tv_nsec / 1000000000L;
  until.tv_nsec %= 1000000000L;
  pthread_mutex_lock(&m->lock);
  while (!m->stop && !m->wants_load && !m->wants_back)
    if (pthread_cond_timedwait(&m->wake, &m->lock, &until) == ETIMEDOUT) break;
  int what = m->stop ? 0 : m->wants_load ? 2 : m->wants_back ? 3 : 1;
  m->busy = what > 1;
  m->wants_load = m->wants_back = 0;
  *share = m->share;
  pthread_mutex_unlock(&m->lock);
  return what;
}

static void *run(void *user) {
  serve *s = user;
  serve_models *m = &s->models;
  file_mark mark = m->first_mark, now;
  store_facts facts = {0};
  int seen = atomic_load(&hangups);
  int64_t followed_ms = sol_steady_ms();
  uint32_t share = SOLID_SHARES;
  for (int what = 1; (what = wait_for_work(m, &share)) != 0;) {
    int is_other = read_mark(s->options->model, &now) && memcmp(&now, &mark, sizeof now) != 0;
    int asked = atomic_load(&hangups);
    if (what == 1 && (is_other || asked != seen)) what = 2, share = AS_IT_IS;
    seen = asked;
    if (is_other) mark = now;
    if (what == 2) note(s, "load", note_live(s, load_and_switch(s, share)), 1);
    if (what == 3) note(s, "back", note_live(s, go_back(s)), 1);
    if (what == 1 && sol_steady_ms() - followed_ms >= FOLLOW_MS) {
      note(s, "follow", follow(s), 0);
      store_facts_read_epoch(&facts, m->store);
      followed_ms = sol_steady_ms();
    }
    note(s, "items", solid_slot_tend(s->slot, m->store), 0);
    pthread_mutex_lock(&m->lock);
    m->busy = 0;
    m->facts = facts;
    pthread_mutex_unlock(&m->lock);
  }
  return NULL;
}

solid_status models_start(serve *s) {
  serve_models *m = &s->models;
  pthread_mutex_init(&m->lock, NULL);
  pthread_cond_init(&m->wake, NULL);
  m->share = SOLID_SHARES;
  m->is_running = pthread_create(&m->thread, NULL, run, s) == 0;
  return m->is_running ? SOLID_OK : solid_fail(SOLID_ENOMEM, "no thread for models");
}

void models_stop(serve *s) {
  serve_models *m = &s->models;
  solid_model_free(m->first);
  if (!m->is_running) return;
  pthread_mutex_lock(&m->lock);
  m->stop = 1;
  pthread_cond_signal(&m->wake);
  pthread_mutex_unlock(&m->lock);
  pthread_join(m->thread, NULL);
  m->is_running = 0;
}

/* What is certain to fail is refused here: who is told "accepted" does not look again. */
solid_status models_change(serve *s, int back, uint32_t share) {
  serve_models *m = &s->models;
  uint64_t previous;
  solid_status status = SOLID_OK;
  pthread_mutex_lock(&m->lock);
  if (m->busy || m->wants_load || m->wants_back)
    status = solid_fail(SOLID_EDUPLICATE, "a change of the model is at work: GET /model says when it is done");
  else if (back)
    status = find_previous(s, &previous);
  if (!status) {
    m->wants_back = back;
    m->wants_load = !back;
    m->share = share;
    pthread_cond_signal(&m->wake);
  }
  pthread_mutex_unlock(&m->lock);
  return status;
}
