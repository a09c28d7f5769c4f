/* What others do to the item log's file, or to where it lies, while it is opened and written anew: nothing that is
 * acknowledged may end up in a file that has no name, or in one of which not all was read. */
#include "store/memory_store.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/solid-shared-XXXXXX", path[64], other[64], inner[64];

static void make_folder(void) {
  cr_assert(mkdtemp(folder));
  snprintf(path, sizeof path, "%s/items", folder);
  snprintf(other, sizeof other, "%s/other", folder);
  snprintf(inner, sizeof inner, "%s/inner", folder);
}

static void remove_folder(void) {
  char left[96];
  snprintf(left, sizeof left, "%s/items", inner);
  unlink(left);
  unlink(path);
  unlink(other);
  rmdir(inner);
  rmdir(folder);
}

TestSuite(item_log_shared, .init = make_folder, .fini = remove_folder, .timeout = 60);

/* ---- Faults ---- */

static void (*before_lock)(void); /* called once, between opening the file and locking it */
static int folders_fail;          /* 1: folders cannot be synced */

int __real_flock(int fd, int operation);
int __wrap_flock(int fd, int operation);
int __real_fsync(int fd);
int __wrap_fsync(int fd);

int __wrap_flock(int fd, int operation) {
  void (*now)(void) = before_lock;
  before_lock = NULL;
  if (now) now();
  return __real_flock(fd, operation);
}

int __wrap_fsync(int fd) {
  struct stat found;
  if (!folders_fail || fstat(fd, &found) || !S_ISDIR(found.st_mode)) return __real_fsync(fd);
  errno = EIO;
  return -1;
}

/* ---- Logs ---- */

static solid_status open_log(solid_store **store, const char *file) {
  solid_memory_store_options options = SOLID_MEMORY_STORE_OPTIONS_INIT;
  options.window = 1;
  options.items_path = file;
  return solid_store_open_memory(store, NULL, &options);
}

static solid_status add(solid_store *store, size_t n) {
  solid_status status = SOLID_OK;
  for (size_t i = 0; i < n && !status; i++) {
    solid_items_version now = store->items;
    const solid_item_entry entry = {.id = {"an item", 7}};
    int appended = 0;
    status = store->ops->items_append(store, &now, &entry, 1, &now, &appended);
    cr_assert(status || appended);
  }
  return status;
}

static solid_status drop_first(solid_store *store) {
  const uint64_t number = 1;
  int dropped = 0;
  return store->ops->items_drop(store, &store->items, &number, 1, &dropped);
}

static void write_log(const char *file, size_t n) {
  solid_store *store = NULL;
  cr_assert_eq(open_log(&store, file), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(add(store, n), SOLID_OK, "%s", solid_last_error());
  solid_store_close(store);
}

static uint64_t entries_of(const char *file) {
  solid_store *store = NULL;
  cr_assert_eq(open_log(&store, file), SOLID_OK, "%s", solid_last_error());
  uint64_t n = store->items.count;
  solid_store_close(store);
  return n;
}

/* ---- While it is opened ---- */

static void replace_file(void) {
  cr_assert_eq(rename(other, path), 0);
}

static void append_more(void) {
  write_log(path, 4);
}

Test(item_log_shared, is_refused_where_another_process_has_just_put_a_new_file_in_its_place) {
  solid_store *store = NULL;
  write_log(path, 3);
  write_log(other, 2);
  before_lock = replace_file;
  cr_assert_eq(open_log(&store, path), SOLID_EREFUSED, "its file has no name any more");
  cr_assert(strstr(solid_last_error(), path), "%s", solid_last_error());
  cr_assert_eq(entries_of(path), 2);
}

Test(item_log_shared, is_read_to_the_end_that_it_has_once_it_is_locked) {
  solid_store *store = NULL;
  write_log(path, 3);
  before_lock = append_more;
  cr_assert_eq(open_log(&store, path), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(store->items.count, 7, "%d entries", (int)store->items.count);
  cr_assert_eq(add(store, 1), SOLID_OK, "%s", solid_last_error());
  solid_store_close(store);
  cr_assert_eq(entries_of(path), 8);
}

/* ---- When it is written anew ---- */

Test(item_log_shared, keeps_its_mode_and_stays_behind_a_link) {
  char real[96];
  struct stat found;
  solid_store *store = NULL;
  cr_assert_eq(mkdir(inner, 0700), 0);
  snprintf(real, sizeof real, "%s/items", inner);
  write_log(real, 3);
  cr_assert_eq(chmod(real, 0600), 0);
  cr_assert_eq(symlink(real, path), 0);
  cr_assert_eq(open_log(&store, path), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(drop_first(store), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(add(store, 2), SOLID_OK, "%s", solid_last_error());
  solid_store_close(store);
  cr_assert_eq(lstat(path, &found), 0);
  cr_assert(S_ISLNK(found.st_mode), "the link is there");
  cr_assert_eq(stat(real, &found), 0);
  cr_assert_eq(found.st_mode & 07777, 0600, "%o", found.st_mode);
  cr_assert_eq(entries_of(real), 5);
}

/* After a crash the old file would have the name: so what is appended behind it would be lost. */
Test(item_log_shared, takes_nothing_more_where_its_new_name_may_be_lost) {
  solid_store *store = NULL;
  write_log(path, 3);
  cr_assert_eq(open_log(&store, path), SOLID_OK, "%s", solid_last_error());
  folders_fail = 1;
  cr_assert_eq(drop_first(store), SOLID_EIO);
  folders_fail = 0;
  cr_assert_eq(add(store, 1), SOLID_EIO);
  cr_assert(strstr(solid_last_error(), "start again"), "%s", solid_last_error());
  solid_store_close(store);
  cr_assert_eq(entries_of(path), 3);
}
