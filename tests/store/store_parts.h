/* Appends, puts and gets of one user, which the cases of store_body.h are made of. */
#ifndef TESTS_STORE_STORE_PARTS_H
#define TESTS_STORE_STORE_PARTS_H

#include "tests/store/store_body.h"

/* One user's window with room, and one user's params with room. */
typedef struct window_room {
  solid_step steps[BODY_WINDOW];
  uint64_t dislikes[SOLID_DISLIKES_MAX];
  solid_window window;
} window_room;

typedef struct params_room {
  float h[BODY_WIDTH], values[BODY_PARAMS];
  solid_params params;
} params_room;

extern const solid_position part_no_stream;

solid_position part_at(uint64_t stream, uint64_t offset);
solid_bytes part_text(const char *s);
solid_status part_try_append(solid_store *store, solid_bytes user, const solid_step *steps,
                             const solid_position *positions, size_t count, window_room *room, size_t *applied);
size_t part_append(solid_store *store, solid_bytes user, const solid_step *steps, const solid_position *positions,
                   size_t count, window_room *room);
/* Appends one step with item = time = value. */
size_t part_append_one(solid_store *store, const char *user, uint64_t value, solid_position position,
                       window_room *room);
void part_expect_window(const window_room *room, uint64_t seq, size_t count, const uint64_t *items);
/* Of no seq and no generation, to be read into or filled. */
solid_params part_params_in(params_room *room);
solid_status part_try_put(solid_store *store, solid_bytes user, const solid_params *params);
solid_status part_try_get(solid_store *store, solid_bytes user, uint64_t generation, solid_window *window,
                          solid_params *params, uint8_t *found);
void part_fill_params(params_room *room, uint64_t seq, uint64_t generation, float base);
void part_put(solid_store *store, const char *user, uint64_t seq, uint64_t generation, float base);
int part_get(solid_store *store, const char *user, uint64_t generation, window_room *window, params_room *params);
/* The params that are found have this seq and were filled from this base. */
void part_expect_params(solid_store *store, const char *user, uint64_t generation, uint64_t seq, float base);

#endif
