/* Users with long histories in a store of a device: what the tests of serving by states stand on. */
#ifndef TESTS_SOLID_SERVE_STATES_SCENE_H
#define TESTS_SOLID_SERVE_STATES_SCENE_H

#include "solid/pipeline.h"
#include "solid/recommender.h"
#include "tests/support/redis_server.h"
#include "tests/support/serving.h"

/* Where it runs: a device and a store. */
typedef struct spot {
  const char *device;
  int redis;
} spot;

enum { SPOTS = 4, V = 40, LONG = 900 };
extern const spot spots[SPOTS]; /* the first one is the CPU with a store in memory */

/* What a state that was read may differ by, kept in bytes of 8 bits. */
#define EXACT   2e-4
#define ROUNDED 6e-2

typedef struct scene {
  serving s;
  uint32_t items[4 * LONG];
  solid_recommender *rec;
  solid_pipeline *pipeline;
  uint64_t offset;
  redis_server server;
} scene;

/* NULL: this build or machine does not have the spot. */
scene *scene_open(const spot *at, size_t batch, uint32_t window);
void scene_close(scene *x);

void scene_push(scene *x, const char *user, const uint32_t *items, size_t n);

/* Scores of all items into `out` (V). */
solid_source scene_ask(scene *x, const char *user, const uint32_t *session, size_t n, solid_scored *out);

/* Scores of all items under the window `seen`, with layers made from the first `made` of its items. */
void scene_judge(const scene *x, const char *what, const solid_scored *got, const uint32_t *seen, size_t n,
                 const uint32_t *made_of, size_t made, double tolerance);

#endif
