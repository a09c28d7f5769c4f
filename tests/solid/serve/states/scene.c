#include "tests/solid/serve/states/scene.h"
#include "solid/serve/states/keeper.h"
#ifdef TEST_REDIS
#include "store/redis_store.h"
#endif
#include "tests/support/seed.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

const spot spots[SPOTS] = {{"cpu", 0}, {"recording", 0}, {"cuda", 0}, {"cpu", 1}};

/* NULL where this build or machine has no Redis. */
static solid_store *open_redis(scene *x) {
  solid_store *store = NULL;
#ifdef TEST_REDIS
  solid_redis_store_options options = SOLID_REDIS_STORE_OPTIONS_INIT;
  if (redis_server_installed()) cr_assert_eq(redis_server_start(&x->server, 0, NULL), 0);
  options.port = x->server.port;
  if (options.port)
    cr_assert_eq(solid_store_open_redis(&store, x->s.model, &options), SOLID_OK, "%s", solid_last_error());
#else
  (void)x;
#endif
  if (!store) fprintf(stderr, "[SKIP] redis-server is not installed, or the build has no Redis\n");
  return store;
}

scene *scene_open(const spot *at, size_t batch, uint32_t window) {
  scene *x = calloc(1, sizeof *x);
  x->s = serving_open_long(at->device, window, 12);
  if (!x->s.ctx) {
    free(x);
    return NULL;
  }
  if (at->redis) {
    solid_store_close(x->s.store);
    x->s.store = open_redis(x);
    if (!x->s.store) {
      serving_close(&x->s);
      free(x);
      return NULL;
    }
  }
  seed_rng rng = seed_start(8);
  for (size_t i = 0; i < 4 * LONG; i++) x->items[i] = (uint32_t)seed_below(&rng, V);
  solid_recommender_options reading = SOLID_RECOMMENDER_OPTIONS_INIT;
  solid_pipeline_options writing = SOLID_PIPELINE_OPTIONS_INIT;
  reading.max_batch = writing.max_batch = (uint32_t)batch, reading.element = writing.element = SOLID_F32;
  reading.refresh_events = 0;
  cr_assert(sol_keeper_serves(x->s.model, x->s.store));
  cr_assert_eq(solid_recommender_new(&x->rec, x->s.model, x->s.store, &reading), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(solid_pipeline_new(&x->pipeline, x->s.model, x->s.store, &writing), SOLID_OK, "%s", solid_last_error());
  return x;
}

void scene_close(scene *x) {
  solid_recommender_free(x->rec);
  solid_pipeline_free(x->pipeline);
  serving_close(&x->s);
#ifdef TEST_REDIS
  if (x->server.pid) redis_server_stop(&x->server);
#endif
  free(x);
}

void scene_push(scene *x, const char *user, const uint32_t *items, size_t n) {
  solid_event *events = calloc(n, sizeof *events);
  for (size_t i = 0; i < n; i++) events[i] = serving_event(&x->s, user, items[i], ++x->offset);
  cr_assert_eq(solid_pipeline_push(x->pipeline, events, n, NULL), SOLID_OK, "%s", solid_last_error());
  free(events);
}

solid_source scene_ask(scene *x, const char *user, const uint32_t *session, size_t n, solid_scored *out) {
  solid_query query = SOLID_QUERY_INIT;
  solid_answer answer = {.struct_size = sizeof answer};
  solid_bytes ids[8], id = serving_text(user);
  for (size_t i = 0; i < n; i++) ids[i] = solid_model_item_id(x->s.model, session[i]);
  query.k = V, query.exclude_seen = 0, query.session = ids, query.n_session = (uint32_t)n;
  cr_assert_eq(solid_recommend(x->rec, id, &query, out, &answer), SOLID_OK, "%s", solid_last_error());
  return (solid_source)answer.source;
}

void scene_judge(const scene *x, const char *what, const solid_scored *got, const uint32_t *seen, size_t n,
                 const uint32_t *made_of, size_t made, double tolerance) {
  float u[64];
  solid_scored want[V];
  double by_item[V], most = 0;
  serving_vector(&x->s, seen, n, made_of, made, u);
  cr_assert_eq(serving_rank(&x->s, u, NULL, V, want), V);
  for (int i = 0; i < V; i++) by_item[want[i].item] = (double)want[i].score;
  for (int i = 0; i < V; i++) most = fmax(most, fabs(by_item[i]));
  for (int i = 0; i < V; i++)
    cr_assert(fabs((double)got[i].score - by_item[got[i].item]) <= tolerance * most,
              "%s: item %u has %.6f, want %.6f, of up to %.3f", what, got[i].item, (double)got[i].score,
              by_item[got[i].item], most);
}
