/* States that are damaged, or newer than the window that was read. */
#include "solid/serve/states/keeper.h"
#include "tests/solid/serve/states/scene.h"
#include <criterion/criterion.h>

static void take(scene *x, solid_window *window, solid_step *steps, solid_state *state) {
  solid_bytes user = serving_text("anna");
  solid_params params = {0};
  uint8_t found;
  solid_status of_user;
  *window = (solid_window){.steps = steps, .most = 1, .state = state};
  cr_assert_eq(x->s.store->ops->get(x->s.store, &user, 1, x->s.info.generation, window, &params, &found, &of_user),
               SOLID_OK);
}

/* A part of the stored state is replaced by another one under the same stamp. */
static void spoil(scene *x, uint32_t part, size_t cut, int flip) {
  static uint8_t room[1 << 20];
  solid_state_part parts[600];
  solid_step steps[1];
  solid_window window;
  sol_keeper_options none = {.users = 1, .behind = 1};
  sol_keeper *keeper = NULL;
  cr_assert_eq(sol_keeper_new(&keeper, x->s.model, x->s.store, &none), SOLID_OK);
  solid_state state = {.generation = x->s.info.generation, .count = 600, .parts = parts, .room = room};
  state.room_size = sizeof room, state.selector = sol_keeper_selector(keeper);
  sol_keeper_free(keeper);
  take(x, &window, steps, &state);
  cr_assert_eq(state.found, SOLID_STATE_FOUND);
  cr_assert_lt(part, state.n_read);
  uint8_t *bytes = room + (parts[part].data - room);
  parts[part].size -= (uint32_t)cut;
  if (flip) bytes[parts[part].size / 2] ^= 1;
  solid_state_put put = {.user = serving_text("anna"), .stamp = state.stamp, .parts = parts, .n = state.n_read};
  uint8_t stored;
  solid_status of_user;
  put.stamp.seq++, put.stamp.events++; /* a newer one, which is put */
  serving_append(&x->s, x->s.store, "anna", x->items + LONG, 1);
  cr_assert_eq(x->s.store->ops->put_states(x->s.store, &put, 1, &stored, &of_user), SOLID_OK, "%s", solid_last_error());
  cr_assert(stored);
}

Test(wrong_states, that_are_damaged_are_made_again) {
  static const uint32_t parts[] = {0, 1, 2, 4};
  for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
    for (int flip = 0; flip < 2; flip++) {
      scene *x = scene_open(&spots[0], 1, 1024);
      solid_scored out[V];
      scene_push(x, "anna", x->items, LONG);
      spoil(x, parts[i], flip ? 0 : 5, flip);
      cr_assert_eq(scene_ask(x, "anna", NULL, 0, out), SOLID_FROM_CACHE_FRESH);
      scene_judge(x, "made again", out, x->items, LONG + 1, x->items, LONG, EXACT);
      scene_close(x);
    }
}

static scene *writer;
static solid_store_ops racing;
static const solid_store_ops *real;

/* A writer stores a newer state between the reader's two trips. */
static solid_status get_states_late(solid_store *store, const solid_bytes *users, const uint64_t *births, size_t n,
                                    solid_state *states, solid_status *statuses) {
  scene *x = writer;
  writer = NULL;
  if (x) scene_push(x, "anna", x->items + LONG + 1, 2);
  return real->get_states(store, users, births, n, states, statuses);
}

Test(wrong_states, that_a_writer_stored_between_are_taken_as_they_are) {
  scene *x = scene_open(&spots[0], 1, 1024);
  solid_scored out[V];
  scene_push(x, "anna", x->items, LONG);
  serving_append(&x->s, x->s.store, "anna", x->items + LONG, 1);
  real = x->s.store->ops, racing = *real, racing.get_states = get_states_late;
  x->s.store->ops = &racing, writer = x;
  cr_assert_eq(scene_ask(x, "anna", NULL, 0, out), SOLID_FROM_CACHE_FRESH);
  cr_assert_null(writer, "no second trip");
  scene_judge(x, "the newer state", out, x->items, LONG + 3, x->items, LONG, ROUNDED);
  scene_ask(x, "anna", NULL, 0, out);
  scene_judge(x, "and after it", out, x->items, LONG + 3, x->items, LONG + 3, ROUNDED);
  x->s.store->ops = real;
  scene_close(x);
}
