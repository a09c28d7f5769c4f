/* The slot: which generation a user has, what is kept and what goes. */
#include "store/memory_store.h"
#include "tests/solid/serve/slot_rig.h"
#include "tests/support/serving.h"
#include "tests/support/tiny_model.h"
#include <criterion/criterion.h>
#include <string.h>

enum { K = 5 };

TestSuite(slot, .init = slot_begin, .fini = slot_end);

Test(slot, a_users_generation_is_a_function_of_the_record_and_the_id) {
  const solid_live live = {3, 11, 22, 2500};
  int current = 0;
  char text[16];
  for (int user = 0; user < 4000; user++) {
    solid_bytes id = slot_user(user, text);
    uint64_t generation = solid_live_generation(&live, id);
    cr_assert(generation == 11 || generation == 22);
    cr_assert_eq(generation, solid_live_generation(&live, id));
    current += generation == 11;
    /* Who has the current one keeps it when its share grows. */
    const solid_live wider = {4, 11, 22, 6000};
    if (generation == 11) cr_assert_eq(solid_live_generation(&wider, id), 11);
  }
  cr_assert(current > 850 && current < 1150, "%d of 4000 users have the current generation, a quarter expected",
            current);
  const solid_live none = {1, 11, 0, 0}, all = {1, 11, 22, SOLID_SHARES};
  for (int user = 0; user < 100; user++) {
    cr_assert_eq(solid_live_generation(&none, slot_user(user, text)), 11);
    cr_assert_eq(solid_live_generation(&all, slot_user(user, text)), 11);
  }
}

Test(slot, keeps_current_and_previous_and_lets_the_others_go) {
  rig_slot rig = slot_open();
  const solid_seat *seat = NULL, *old = NULL;
  solid_bytes ann = serving_text("ann");
  cr_assert_eq(solid_slot_take(rig.slot, 0, ann, &seat), SOLID_ENOTFOUND);
  uint64_t generation[SLOT_MODELS];
  generation[0] = slot_add(&rig, 0);
  slot_switch(&rig, generation[0], SOLID_SHARES);
  cr_assert_eq(solid_slot_take(rig.slot, 0, ann, &old), SOLID_OK);
  cr_assert_eq(old->generation, generation[0]);
  for (int i = 1; i < SLOT_MODELS; i++) {
    generation[i] = slot_add(&rig, i);
    slot_switch(&rig, generation[i], SOLID_SHARES);
  }
  cr_assert_eq(solid_slot_count(rig.slot), 3, "the first one waits for its seat");
  cr_assert_not(solid_slot_holds(rig.slot, generation[0]));
  solid_scored best[K];
  cr_assert_eq(solid_recommend(old->recommender, ann, NULL, (solid_scored[10]){{0, 0}}, NULL), SOLID_OK);
  solid_slot_give(rig.slot, old);
  cr_assert_eq(solid_slot_count(rig.slot), 2);
  slot_switch(&rig, generation[1], SOLID_SHARES); /* the way back */
  solid_live live = solid_slot_get_live(rig.slot);
  cr_assert_eq(live.current, generation[1]);
  cr_assert_eq(live.previous, generation[2]);
  cr_assert_eq(solid_slot_take(rig.slot, 1, ann, &seat), SOLID_OK);
  solid_query query = SOLID_QUERY_INIT;
  query.k = K;
  cr_assert_eq(solid_recommend(seat->recommender, ann, &query, best, NULL), SOLID_OK);
  solid_slot_give(rig.slot, seat);
  cr_assert_eq(solid_slot_take(rig.slot, SLOT_THREADS, ann, &seat), SOLID_EINVAL);
  slot_close(&rig);
}

Test(slot, refuses_what_is_not_loaded_and_changes_nothing) {
  rig_slot rig = slot_open();
  uint64_t first = slot_add(&rig, 0);
  slot_switch(&rig, first, SOLID_SHARES);
  const solid_live other = {7, 4711, first, 5000}, none = {0};
  cr_assert_eq(solid_slot_follow(rig.slot, &other), SOLID_ENOTFOUND);
  cr_assert(strstr(solid_last_error(), "0000000000001267"), "%s", solid_last_error());
  cr_assert_eq(solid_slot_follow(rig.slot, &none), SOLID_EINVAL);
  cr_assert_eq(solid_slot_switch(rig.slot, rig.stores[SLOT_THREADS], 4711, 1), SOLID_ENOTFOUND);
  cr_assert_eq(solid_slot_get_live(rig.slot).current, first);
  slot_close(&rig);
}

Test(slot, refuses_a_model_that_reads_longer_windows_than_the_store_keeps) {
  rig_slot rig = slot_open();
  sol_config config = tiny_config(SOLID_HEAD_SOLID, 0);
  config.window *= 2;
  solid_model *model = tiny_model(slot_ctx, &config, 9);
  cr_assert_eq(solid_slot_add(rig.slot, model), SOLID_EMISMATCH);
  cr_assert(strstr(solid_last_error(), "10") && strstr(solid_last_error(), "20"), "%s", solid_last_error());
  solid_model_free(model); /* still the caller's */
  slot_close(&rig);
}

Test(slot, a_process_follows_the_record_that_another_one_wrote) {
  rig_slot writer = slot_open();
  rig_slot reader = {0};
  solid_slot_options options = SOLID_SLOT_OPTIONS_INIT;
  cr_assert_eq(solid_memory_store_share(&reader.stores[0], writer.stores[0]), SOLID_OK);
  options.seats = 1;
  options.stores = reader.stores;
  cr_assert_eq(solid_slot_new(&reader.slot, &options), SOLID_OK, "%s", solid_last_error());
  uint64_t a = slot_add(&writer, 0), b = slot_add(&writer, 1);
  slot_switch(&writer, a, SOLID_SHARES);
  slot_switch(&writer, b, 5000);
  slot_add(&reader, 0);
  slot_add(&reader, 1);
  solid_live live = {0};
  cr_assert_eq(solid_live_read(reader.stores[0], &live), SOLID_OK);
  cr_assert_eq(solid_slot_follow(reader.slot, &live), SOLID_OK, "%s", solid_last_error());
  int of_b = 0;
  for (int user = 0; user < SLOT_USERS; user++) {
    char text[16];
    const solid_seat *here = NULL, *there = NULL;
    cr_assert_eq(solid_slot_take(writer.slot, 0, slot_user(user, text), &here), SOLID_OK);
    cr_assert_eq(solid_slot_take(reader.slot, 0, slot_user(user, text), &there), SOLID_OK);
    cr_assert_eq(here->generation, there->generation);
    of_b += here->generation == b;
    solid_slot_give(writer.slot, here);
    solid_slot_give(reader.slot, there);
  }
  cr_assert(of_b > 5 && of_b < SLOT_USERS - 5, "%d of %d", of_b, SLOT_USERS);
  slot_close(&reader);
  slot_close(&writer);
}

Test(slot, what_another_process_has_switched_to_is_followed) {
  rig_slot rig = slot_open();
  uint64_t a = slot_add(&rig, 0), b = slot_add(&rig, 1);
  slot_switch(&rig, a, SOLID_SHARES);
  const solid_live theirs = {2, b, a, 5000};
  cr_assert_eq(solid_live_write(rig.stores[0], &theirs), SOLID_OK, "%s", solid_last_error());
  slot_switch(&rig, b, 5000);
  solid_live live = solid_slot_get_live(rig.slot);
  cr_assert(live.version == 2 && live.current == b && live.previous == a && live.share == 5000);
  slot_switch(&rig, b, SOLID_SHARES);
  live = solid_slot_get_live(rig.slot);
  cr_assert(live.version == 3 && live.current == b && live.previous == a && live.share == SOLID_SHARES);
  slot_close(&rig);
}

Test(slot, the_record_changes_one_version_at_a_time) {
  rig_slot rig = slot_open();
  solid_store *store = rig.stores[0], *other = rig.stores[1];
  solid_live live = {9, 9, 9, 9};
  cr_assert_eq(solid_live_read(store, &live), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(live.version | live.current | live.previous | live.share, 0);
  const solid_live first = {1, UINT64_MAX, 0, SOLID_SHARES}, second = {2, 7, UINT64_MAX, 2500};
  cr_assert_eq(solid_live_write(store, &first), SOLID_OK, "%s", solid_last_error());
  const solid_live late = {1, 8, 0, SOLID_SHARES};
  cr_assert_eq(solid_live_write(other, &late), SOLID_EMISMATCH, "somebody was first");
  cr_assert_eq(solid_live_write(other, &second), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(solid_live_write(store, &second), SOLID_EMISMATCH);
  cr_assert_eq(solid_live_read(store, &live), SOLID_OK, "%s", solid_last_error());
  cr_assert(live.version == 2 && live.current == 7 && live.previous == UINT64_MAX && live.share == 2500);
  const solid_live bad[] = {{0, 7, 0, 1}, {3, 0, 7, 1}, {3, 7, 7, 1}, {3, 7, 8, SOLID_SHARES + 1}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    cr_assert_eq(solid_live_write(store, &bad[i]), SOLID_EINVAL, "record %zu", i);
  slot_close(&rig);
}

Test(slot, what_is_only_like_a_record_is_none) {
  rig_slot rig = slot_open();
  solid_store *store = rig.stores[0];
  const char *const texts[] = {"x",
                               "solid-live 1 version 1 current 0000000000000007 previous 0000000000000000 share 1 ",
                               "solid-live 1 version 1 current 7 previous 0 share 10000",
                               "solid-live 2 version 1 current 0000000000000007 previous 0000000000000000 share 1"};
  solid_bytes name = serving_text("live generations"), seen = {"", 0};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    int saved = 0;
    solid_live live;
    cr_assert_eq(store->ops->stream_save(store, name, seen, serving_text(texts[i]), &saved), SOLID_OK);
    cr_assert_eq(saved, 1);
    cr_assert_eq(solid_live_read(store, &live), SOLID_EFORMAT, "%s", texts[i]);
    seen = serving_text(texts[i]);
  }
  slot_close(&rig);
}
