/* The body: epochs and records of streams. */
#include "tests/store/store_parts.h"
#include <criterion/criterion.h>
#include <string.h>

static void load(solid_store *store, const char *name, const char *expected) {
  char room[64];
  size_t size = sizeof room;
  cr_assert_eq(store->ops->stream_load(store, part_text(name), room, &size), SOLID_OK, "%s", solid_last_error());
  cr_assert(size == strlen(expected) && !memcmp(room, expected, size), "%s: %.*s", name, (int)size, room);
}

static int save(solid_store *store, const char *name, const char *seen, const char *record) {
  int saved = 77;
  solid_status status = store->ops->stream_save(store, part_text(name), part_text(seen), part_text(record), &saved);
  cr_assert_eq(status, SOLID_OK, "%s", solid_last_error());
  return saved;
}

void body_saves_streams_that_nobody_changed(const store_maker *maker) {
  solid_store *store = maker->open(0), *other = maker->open(0);
  load(store, "events/0", "");
  cr_assert_eq(save(store, "events/0", "none was seen", "a"), 0, "there is none that could have been seen");
  cr_assert_eq(save(store, "events/0", "", "first"), 1);
  cr_assert_eq(save(other, "events/0", "", "mine"), 0, "the other one was first");
  load(other, "events/0", "first");
  cr_assert_eq(save(other, "events/0", "first", "second, which is longer"), 1);
  cr_assert_eq(save(store, "events/0", "first", "third"), 0);
  cr_assert_eq(save(store, "events/0", "first", "second, which is longer"), 1, "its answer may have been lost");
  load(store, "events/0", "second, which is longer");
  load(store, "events/1", "");
  window_room window;
  part_append_one(store, "stream:events/1", 1, part_no_stream, &window);
  load(store, "events/1", "");
  solid_store_close(other);
  solid_store_close(store);
}

void body_refuses_bad_streams(const store_maker *maker) {
  static char many[SOLID_STREAM_RECORD_MAX + 1], back[SOLID_STREAM_RECORD_MAX];
  solid_store *store = maker->open(0);
  const solid_bytes none = {NULL, 0}, name = {"a\0\r\n{}", 6}, longest = {many, SOLID_STREAM_RECORD_MAX};
  const solid_bytes bad_names[] = {{NULL, 0}, {"", 0}, {many, SOLID_ID_MAX + 1}};
  size_t size = sizeof back;
  int saved = 0;
  for (int i = 0; i < 3; i++) {
    cr_assert_eq(store->ops->stream_load(store, bad_names[i], back, &size), SOLID_ERANGE);
    cr_assert_eq(store->ops->stream_save(store, bad_names[i], none, longest, &saved), SOLID_ERANGE);
  }
  cr_assert_eq(store->ops->stream_save(store, name, none, none, &saved), SOLID_ERANGE);
  cr_assert_eq(store->ops->stream_save(store, name, none, (solid_bytes){many, sizeof many}, &saved), SOLID_ERANGE);
  cr_assert_eq(store->ops->stream_save(store, name, none, longest, NULL), SOLID_EINVAL);
  memset(many, 0xa5, sizeof many);
  cr_assert_eq(store->ops->stream_save(store, name, none, longest, &saved), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(saved, 1);
  size = sizeof back;
  cr_assert_eq(store->ops->stream_load(store, name, back, &size), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(size, longest.size);
  cr_assert_arr_eq(back, many, size);
  size = 10;
  cr_assert_eq(store->ops->stream_load(store, name, back, &size), SOLID_ERANGE);
  solid_store_close(store);
}

void body_begins_an_epoch_once(const store_maker *maker) {
  solid_store *store = maker->open(0), *other = maker->open(0);
  solid_store_epoch first, same, anew, read;
  cr_assert_eq(store->ops->epoch_begin(store, 0, &first), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(other->ops->epoch_begin(other, 0, &same), SOLID_OK);
  cr_assert_arr_eq(first.bytes, same.bytes, sizeof same.bytes, "the first one stays");
  cr_assert_eq(other->ops->epoch(other, &read), SOLID_OK);
  cr_assert_arr_eq(first.bytes, read.bytes, sizeof read.bytes);
  cr_assert_eq(store->ops->epoch_begin(store, 1, &anew), SOLID_OK);
  cr_assert(memcmp(first.bytes, anew.bytes, sizeof anew.bytes));
  cr_assert_eq(other->ops->epoch(other, &read), SOLID_OK);
  cr_assert_arr_eq(anew.bytes, read.bytes, sizeof read.bytes);
  solid_store_close(other);
  solid_store_close(store);
}

/* Everything of before is taken as empty by who writes under the new one; a writer under the old one stops; who only
 * reads goes on with what is there. */
void body_a_new_epoch_takes_records_as_empty(const store_maker *maker) {
  solid_store *old = maker->open(0), *anew = maker->open(0), *reader = maker->open(0);
  solid_store_epoch epoch;
  window_room window;
  params_room params;
  part_append_one(old, "ann", 1, part_at(1, 7), &window);
  part_append_one(old, "ann", 2, part_at(1, 8), &window);
  part_put(old, "ann", 2, 1, 5.0f);
  cr_assert_eq(anew->ops->epoch_begin(anew, 1, &epoch), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(part_get(reader, "ann", 1, &window, &params), 1, "readers go on");
  part_expect_window(&window, 2, 2, (uint64_t[]){1, 2});
  solid_step step = {3, 3};
  solid_position position = part_at(1, 9);
  cr_assert_eq(part_try_append(old, part_text("bob"), &step, &position, 1, &window, NULL), SOLID_ELOST);
  part_fill_params(&params, 1, 1, 9.0f);
  cr_assert_eq(part_try_put(old, part_text("bob"), &params.params), SOLID_ELOST);
  cr_assert(!solid_status_is_retriable(SOLID_ELOST) && strstr(solid_last_error(), "epoch"), "%s", solid_last_error());
  cr_assert_eq(part_append(anew, part_text("ann"), NULL, NULL, 0, &window), 0);
  part_expect_window(&window, 0, 0, NULL);
  cr_assert_eq(part_append_one(anew, "ann", 1, part_at(1, 7), &window), 1, "no mark hides it");
  part_expect_window(&window, 1, 1, (uint64_t[]){1});
  cr_assert_eq(part_get(reader, "ann", 1, &window, &params), 0, "params of another life");
  part_put(anew, "ann", 1, 1, 6.0f);
  part_expect_params(reader, "ann", 1, 1, 6.0f);
  cr_assert_eq(old->ops->epoch_begin(old, 0, &epoch), SOLID_OK);
  cr_assert_eq(part_append_one(old, "ann", 2, part_at(1, 8), &window), 1, "a writer that knows of it goes on");
  part_expect_window(&window, 2, 2, (uint64_t[]){1, 2});
  solid_store_close(reader);
  solid_store_close(anew);
  solid_store_close(old);
}
