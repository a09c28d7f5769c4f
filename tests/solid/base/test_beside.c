#include "solid/base/beside.h"
#include "solid/status.h"
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/solid-beside-XXXXXX", path[64], temporary[64], other[64];

static void start(void) {
  cr_assert(mkdtemp(folder));
  snprintf(path, sizeof path, "%s/out", folder);
  snprintf(temporary, sizeof temporary, "%s/out.tmp", folder);
  snprintf(other, sizeof other, "%s/other", folder);
}

static void stop(void) {
  unlink(path);
  unlink(temporary);
  unlink(other);
  rmdir(folder);
}

TestSuite(beside, .init = start, .fini = stop, .timeout = 600);

static void put(const char *where, const char *text) {
  FILE *file = fopen(where, "w");
  cr_assert(file);
  fputs(text, file);
  cr_assert_eq(fclose(file), 0);
}

static void holds(const char *where, const char *text) {
  char room[64] = "";
  FILE *file = fopen(where, "r");
  cr_assert(file, "%s", where);
  size_t size = fread(room, 1, sizeof room - 1, file);
  fclose(file);
  cr_assert(size == strlen(text) && memcmp(room, text, size) == 0, "%s: %s", where, room);
}

static void write_new(void) {
  sol_beside file;
  cr_assert_eq(sol_beside_open(&file, path, 0), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(write(file.fd, "new", 3), 3);
  cr_assert_eq(sol_beside_commit(&file), SOLID_OK, "%s", solid_last_error());
  holds(path, "new");
  cr_assert_neq(access(temporary, F_OK), 0);
}

Test(beside, takes_its_name_once_it_is_whole) {
  sol_beside file;
  put(path, "old");
  cr_assert_eq(sol_beside_open(&file, path, 0), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(write(file.fd, "half", 4), 4);
  holds(path, "old");
  sol_beside_abandon(&file);
  holds(path, "old");
  cr_assert_neq(access(temporary, F_OK), 0);
  sol_beside_abandon(&file);
  write_new();
}

Test(beside, removes_what_a_killed_program_left) {
  put(temporary, "half of something that was longer");
  write_new();
}

Test(beside, follows_no_link) {
  put(other, "secret");
  cr_assert_eq(symlink(other, temporary), 0);
  sol_beside file;
  cr_assert_eq(sol_beside_open(&file, path, 0), SOLID_EIO);
  cr_assert(strstr(solid_last_error(), temporary), "%s", solid_last_error());
  holds(other, "secret");
}

Test(beside, writes_no_pipe_that_lies_in_its_place) {
  cr_assert_eq(mkfifo(temporary, 0600), 0);
  sol_beside file;
  cr_assert_eq(sol_beside_open(&file, path, 0), SOLID_EIO);
  cr_assert_eq(access(temporary, F_OK), 0, "it is not ours");
}

Test(beside, leaves_another_program_alone) {
  sol_beside mine, theirs;
  cr_assert_eq(sol_beside_open(&mine, path, 0), SOLID_OK);
  cr_assert_eq(sol_beside_open(&theirs, path, 0), SOLID_EIO);
  cr_assert(strstr(solid_last_error(), "another program is writing it"), "%s", solid_last_error());
  cr_assert_eq(write(mine.fd, "mine", 4), 4);
  cr_assert_eq(sol_beside_commit(&mine), SOLID_OK, "%s", solid_last_error());
  holds(path, "mine");
}

Test(beside, writes_through_a_device_when_that_is_wanted) {
  sol_beside file;
  cr_assert_eq(sol_beside_open(&file, "/dev/null", 0), SOLID_EIO);
  cr_assert_eq(sol_beside_open(&file, "/dev/null", 1), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(write(file.fd, "gone", 4), 4);
  cr_assert_eq(sol_beside_commit(&file), SOLID_OK, "%s", solid_last_error());
  struct stat about;
  cr_assert(stat("/dev/null", &about) == 0 && S_ISCHR(about.st_mode));
  cr_assert_eq(sol_beside_open(&file, folder, 1), SOLID_EIO);
  cr_assert(strstr(solid_last_error(), "is a folder"), "%s", solid_last_error());
}

Test(beside, names_a_folder_that_is_not_there) {
  sol_beside file;
  cr_assert_eq(sol_beside_open(&file, "/no/such/out", 0), SOLID_EIO);
  cr_assert(strstr(solid_last_error(), "/no/such/out.tmp: cannot be opened for writing: No such file"), "%s",
            solid_last_error());
}
