/* The body: ids of all kinds, times to live, handles. */
#include "tests/store/store_parts.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Ids that look alike to a program that stops at a zero byte, splits at a brace or unescapes too much. */
void body_ids_of_all_kinds(const store_maker *maker) {
  static char longest[SOLID_ID_MAX], almost[SOLID_ID_MAX];
  memset(longest, 'x', sizeof longest);
  memcpy(almost, longest, sizeof almost);
  almost[SOLID_ID_MAX - 1] = 'y';
  const solid_bytes ids[] = {{"a", 1},
                             {"\0", 1},
                             {"\0\0", 2},
                             {"a\0b", 3},
                             {"a\0c", 3},
                             {"}", 1},
                             {"{", 1},
                             {"{}", 2},
                             {"}{", 2},
                             {"a}b", 3},
                             {"%7D", 3},
                             {"%257D", 5},
                             {"%", 1},
                             {"\r\n", 2},
                             {"$3", 2},
                             {"*1\r\n", 4},
                             {" ", 1},
                             {"a:w", 3},
                             {"a}:w", 4},
                             {"\xff\xfe", 2},
                             {"\xff", 1},
                             {"ä", 2},
                             {longest, SOLID_ID_MAX},
                             {almost, SOLID_ID_MAX}};
  enum { IDS = sizeof ids / sizeof *ids };
  solid_store *store = maker->open(0);
  window_room room;
  for (uint64_t i = 0; i < IDS; i++) {
    solid_step step = {i, (int64_t)i};
    solid_position position = part_no_stream;
    cr_assert_eq(part_append(store, ids[i], &step, &position, 1, &room), 1);
    params_room params;
    part_fill_params(&params, 1, 1, (float)i);
    cr_assert_eq(part_try_put(store, ids[i], &params.params), SOLID_OK);
  }
  for (uint64_t i = 0; i < IDS; i++) {
    params_room params;
    uint8_t found;
    params.params = part_params_in(&params);
    cr_assert_eq(part_try_get(store, ids[i], 1, &room.window, &params.params, &found), SOLID_OK);
    part_expect_window(&room, 1, 1, &i);
    cr_assert(found && params.h[0] == (float)i, "id %lu", i);
  }
  solid_store_close(store);
}

void body_refuses_bad_ids(const store_maker *maker) {
  static const char many[SOLID_ID_MAX + 1] = {1};
  const solid_bytes ids[] = {{"", 0}, {NULL, 0}, {many, sizeof many}};
  solid_store *store = maker->open(0);
  for (int i = 0; i < 3; i++) {
    window_room window;
    params_room params;
    solid_step step = {1, 1};
    solid_position position = part_no_stream;
    uint8_t found;
    part_fill_params(&params, 1, 1, 1.0f);
    cr_assert_eq(part_try_append(store, ids[i], &step, &position, 1, &window, NULL), SOLID_ERANGE);
    cr_assert_eq(part_try_put(store, ids[i], &params.params), SOLID_ERANGE);
    cr_assert_eq(part_try_get(store, ids[i], 1, &window.window, &params.params, &found), SOLID_ERANGE);
    cr_assert(strstr(solid_last_error(), "user id of"), "%s", solid_last_error());
  }
  solid_store_close(store);
}

void body_users_expire(const store_maker *maker) {
  solid_store *store = maker->open(400);
  window_room window;
  params_room params;
  part_append_one(store, "ann", 1, part_at(1, 9), &window);
  part_put(store, "ann", 1, 1, 1.0f);
  cr_assert_eq(part_get(store, "ann", 1, &window, &params), 1);
  maker->pass_time(700);
  cr_assert_eq(part_get(store, "ann", 1, &window, &params), 0);
  part_expect_window(&window, 0, 0, NULL);
  cr_assert_eq(part_append_one(store, "ann", 2, part_at(1, 9), &window), 1, "the mark is forgotten too");
  part_expect_window(&window, 1, 1, (uint64_t[]){2});
  solid_store_close(store);
}

void body_use_renews_the_time(const store_maker *maker) {
  solid_store *store = maker->open(1500);
  window_room window;
  params_room params;
  part_append_one(store, "reader", 1, part_at(1, 1), &window);
  part_put(store, "reader", 1, 1, 1.0f);
  part_append_one(store, "writer", 1, part_at(1, 1), &window);
  for (int i = 0; i < 4; i++) {
    maker->pass_time(500);
    cr_assert_eq(part_get(store, "reader", 1, &window, &params), 1, "round %d", i);
    part_expect_window(&window, 1, 1, (uint64_t[]){1});
    part_append(store, part_text("writer"), NULL, NULL, 0, &window);
    part_expect_window(&window, 1, 1, (uint64_t[]){1});
  }
  solid_store_close(store);
}

void body_other_handle_sees_the_same(const store_maker *maker) {
  solid_store *writer = maker->open(0), *reader = maker->open(0);
  window_room window;
  params_room params;
  part_append_one(writer, "ann", 1, part_at(1, 9), &window);
  part_put(writer, "ann", 1, 1, 1.0f);
  cr_assert_eq(part_get(reader, "ann", 1, &window, &params), 1);
  part_expect_window(&window, 1, 1, (uint64_t[]){1});
  cr_assert_eq(part_append_one(reader, "ann", 1, part_at(1, 9), &window), 0);
  solid_store_close(writer);
  cr_assert_eq(part_get(reader, "ann", 1, &window, &params), 1);
  solid_store_close(reader);
}

enum { LISTED = 300 };

static void note_listed(void *seen, solid_bytes user) {
  char text[16];
  snprintf(text, sizeof text, "%.*s", (int)user.size, user.data);
  if (text[0] != 'u') return; /* the odd ones below */
  cr_assert(atoi(text + 1) >= 0 && atoi(text + 1) < LISTED, "%s was never a user", text);
  ((int *)seen)[atoi(text + 1)]++;
}

static void note_odd(void *seen, solid_bytes user) {
  static const solid_bytes odd[] = {{"}", 1}, {"%7D", 3}, {"a\0b", 3}, {"*{%}", 4}};
  for (int i = 0; i < 4; i++)
    ((int *)seen)[i] += user.size == odd[i].size && !memcmp(user.data, odd[i].data, user.size);
}

/* Page by page, while others come, and each by the id that he came with. */
void body_lists_who_is_held(const store_maker *maker) {
  static const char *const odd[] = {"}", "%7D", "*{%}"};
  int seen[LISTED] = {0}, seen_odd[4] = {0}, pages = 0;
  solid_store *store = maker->open(0);
  window_room window;
  uint64_t cursor = 0;
  cr_assert_eq(store->ops->list(store, 10, &cursor, note_listed, seen), SOLID_OK);
  cr_assert_eq(cursor, 0, "nobody is held");
  for (int u = 0; u < LISTED; u++) {
    char name[16];
    snprintf(name, sizeof name, "u%d", u);
    part_append_one(store, name, 1, part_no_stream, &window);
  }
  for (int i = 0; i < 3; i++) part_append_one(store, odd[i], 1, part_no_stream, &window);
  solid_step step = {1, 1};
  part_append(store, (solid_bytes){"a\0b", 3}, &step, &part_no_stream, 1, &window);
  do {
    char name[16];
    snprintf(name, sizeof name, "late%d", pages);
    cr_assert_eq(store->ops->list(store, 20, &cursor, note_listed, seen), SOLID_OK, "%s", solid_last_error());
    part_append_one(store, name, 1, part_no_stream, &window);
    cr_assert_lt(++pages, 1000);
  } while (cursor);
  cr_assert_gt(pages, 3);
  for (int u = 0; u < LISTED; u++) cr_assert_geq(seen[u], 1, "u%d was not named", u);
  do cr_assert_eq(store->ops->list(store, 1000, &cursor, note_odd, seen_odd), SOLID_OK);
  while (cursor);
  for (int i = 0; i < 4; i++) cr_assert_geq(seen_odd[i], 1, "odd id %d", i);
  cr_assert_eq(store->ops->list(store, 0, &cursor, note_listed, seen), SOLID_EINVAL);
  solid_store_close(store);
}
