/* The safetensors reader against files that lie, and the writer against a disk that is full. */
#define _GNU_SOURCE /* unshare */
#include "solid/model/safetensors.h"
#include "tests/support/scratch.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static const float floats[6] = {1, -2, 3.5f, 0, 1e-30f, -1e30f};
static const uint8_t letters[5] = {'h', 'e', 'l', 'l', 'o'};
static const uint16_t shorts[3] = {0, 1, 65535};
static const uint64_t longs[2] = {UINT64_MAX, 7};

static const sol_tensor_source sources[] = {
    {"letters", SOL_U8, 1, {5}, letters}, {"matrix", SOL_F32, 2, {2, 3}, floats},  {"shorts", SOL_U16, 1, {3}, shorts},
    {"longs", SOL_U64, 1, {2}, longs},    {"nothing", SOL_F32, 2, {0, 3}, floats}, {"one", SOL_F32, 0, {0}, floats},
};
#define N_SOURCES (sizeof sources / sizeof *sources)

static const sol_metadata metadata[] = {{"format", "1"}, {"note", "quotes \" and \\ and \xc3\xa9"}};

static void write_sample(const char *path) {
  cr_assert_eq(sol_safetensors_write(path, sources, N_SOURCES, metadata, 2), SOLID_OK, "%s", solid_last_error());
}

Test(safetensors, what_was_written_is_read) {
  char path[SCRATCH_PATH], again[SCRATCH_PATH];
  scratch_path(path, "round.safetensors");
  scratch_path(again, "again.safetensors");
  write_sample(path);
  sol_safetensors st;
  cr_assert_eq(sol_safetensors_open(&st, path), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(st.count, N_SOURCES);
  cr_assert_eq(st.data_start % 64, 0);
  for (size_t i = 0; i < N_SOURCES; i++) {
    const sol_tensor_entry *tensor = sol_safetensors_find(&st, sources[i].name);
    char bytes[64] = "";
    cr_assert_not_null(tensor);
    cr_assert_eq(sol_safetensors_expect(&st, tensor, sources[i].dtype, sources[i].n_dims, sources[i].dims), SOLID_OK);
    cr_assert_eq(sol_safetensors_read(&st, tensor, bytes), SOLID_OK);
    cr_assert_eq(memcmp(bytes, sources[i].data, tensor->bytes), 0, "%s", sources[i].name);
  }
  cr_assert_str_eq(sol_safetensors_metadata(&st, "note"), metadata[1].value);
  cr_assert_null(sol_safetensors_metadata(&st, "absent"));
  cr_assert_null(sol_safetensors_find(&st, "absent"));

  const sol_tensor_entry *matrix = sol_safetensors_find(&st, "matrix");
  cr_assert_eq(sol_safetensors_expect(&st, matrix, SOL_U32, 2, matrix->dims), SOLID_EFORMAT);
  cr_assert(strstr(solid_last_error(), "tensor matrix: type is F32, must be U32"), "%s", solid_last_error());
  cr_assert_eq(sol_safetensors_expect(&st, matrix, SOL_F32, 1, matrix->dims), SOLID_EFORMAT);
  cr_assert_eq(sol_safetensors_expect(&st, matrix, SOL_F32, 2, (uint64_t[]){2, 4}), SOLID_EFORMAT);
  cr_assert(strstr(solid_last_error(), "dimension 1 is 3, the config asks for 4"));
  sol_safetensors_close(&st);
  sol_safetensors_close(&st); /* harmless twice */

  write_sample(again);
  size_t size = 0, size_again = 0;
  char *a = scratch_read(path, &size), *b = scratch_read(again, &size_again);
  cr_assert(size == size_again && memcmp(a, b, size) == 0, "the same input gave other bytes");
  free(a);
  free(b);
  scratch_remove();
}

Test(safetensors, a_file_cut_anywhere_is_refused) {
  char path[SCRATCH_PATH], cut[SCRATCH_PATH];
  scratch_path(path, "whole");
  scratch_path(cut, "cut");
  write_sample(path);
  size_t size = 0;
  char *bytes = scratch_read(path, &size);
  for (size_t n = 0; n < size; n++) {
    sol_safetensors st;
    scratch_write(cut, bytes, n);
    cr_assert_eq(sol_safetensors_open(&st, cut), SOLID_EFORMAT, "cut to %zu of %zu", n, size);
    cr_assert(strstr(solid_last_error(), cut), "%s", solid_last_error());
  }
  free(bytes);
  scratch_remove();
}

/* A reader that opens a damaged header must still keep its promises: every tensor inside the file. */
Test(safetensors, a_flipped_bit_never_leads_outside) {
  char path[SCRATCH_PATH];
  scratch_path(path, "flipped");
  write_sample(path);
  size_t size = 0, refused = 0;
  char *bytes = scratch_read(path, &size);
  for (size_t bit = 0; bit < 8 * size; bit++) {
    sol_safetensors st;
    bytes[bit / 8] ^= (char)(1 << bit % 8);
    scratch_write(path, bytes, size);
    bytes[bit / 8] ^= (char)(1 << bit % 8);
    solid_status status = sol_safetensors_open(&st, path);
    if (status) {
      cr_assert_eq(status, SOLID_EFORMAT, "bit %zu: %s", bit, solid_last_error());
      refused++;
      continue;
    }
    for (size_t i = 0; i < st.count; i++) {
      char *room = malloc(st.tensors[i].bytes + 1);
      cr_assert(st.data_start + st.tensors[i].begin + st.tensors[i].bytes <= size);
      cr_assert_eq(sol_safetensors_read(&st, &st.tensors[i], room), SOLID_OK);
      free(room);
    }
    sol_safetensors_close(&st);
  }
  cr_assert_gt(refused, 1000); /* most of the header; names and data are for the file's own hash */
  free(bytes);
  scratch_remove();
}

static void expect_bad(const char *header, uint64_t data_size, const char *text) {
  sol_safetensors st;
  solid_status status = sol_safetensors_parse(&st, "file", header, strlen(header), data_size);
  cr_assert_eq(status, SOLID_EFORMAT, "%s was taken", header);
  cr_assert(strstr(solid_last_error(), text), "\"%s\" not in \"%s\"", text, solid_last_error());
  cr_assert(strncmp(solid_last_error(), "file: ", 6) == 0);
}

#define ENTRY(name, dtype, shape, begin, end)                                                                          \
  "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":[" shape "],\"data_offsets\":[" begin "," end "]}"

Test(safetensors, every_lie_of_a_header_is_named) {
  expect_bad("", 0, "header");
  expect_bad("[]", 0, "no object");
  expect_bad("{", 0, "header");
  expect_bad("{}", 4, "tensors end at 0, the data at 4");
  expect_bad("{\"a\":3}", 0, "tensor a: type (none)");
  expect_bad("{" ENTRY("a", "F16", "2", "0", "4") "}", 4, "tensor a: type F16");
  expect_bad("{" ENTRY("a", "F32", "2", "0", "4") "}", 4, "tensor a: has 4 bytes, its shape asks for 8");
  expect_bad("{" ENTRY("a", "F32", "2", "0", "8") "}", 4, "cut off: tensor a is at 0 to 8 of 4 bytes");
  expect_bad("{" ENTRY("a", "F32", "2", "8", "0") "}", 8, "tensor a: is at 8 to 0");
  expect_bad("{" ENTRY("a", "F32", "-2", "0", "8") "}", 8, "tensor a: size 0 is negative");
  expect_bad("{" ENTRY("a", "F32", "2.0", "0", "8") "}", 8, "tensor a: size 0");
  expect_bad("{" ENTRY("a", "F32", "4294967296,4294967296", "0", "0") "}", 0, "tensor a: size 1 is negative or too");
  expect_bad("{" ENTRY("a", "F32", "1", "-4", "0") "}", 4, "tensor a: data_offsets");
  expect_bad("{" ENTRY("a", "F32", "1", "0", "4") "," ENTRY("a", "F32", "1", "4", "8") "}", 8, "duplicate");
  expect_bad("{" ENTRY("a", "F32", "1", "0", "4") "," ENTRY("b", "F32", "1", "0", "4") "}", 4, "begins at 0, the one");
  expect_bad("{" ENTRY("a", "F32", "1", "0", "4") "," ENTRY("b", "F32", "1", "8", "12") "}", 12, "begins at 8, the");
  expect_bad("{" ENTRY("a", "U8", "1", "0", "1") "," ENTRY("b", "F32", "1", "1", "5") "}", 5, "not a multiple of 4");
  expect_bad("{" ENTRY("a", "F32", "1", "0", "4") "}", 5, "tensors end at 4, the data at 5");
  expect_bad("{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1],\"x\":1}}", 1, "has 4 fields");
  expect_bad("{\"__metadata__\":[]}", 0, "__metadata__");
  expect_bad("{\"__metadata__\":{\"k\":1}}", 0, "metadata k");
  expect_bad("{\"\xff\":1}", 0, "header");
}

Test(safetensors, a_header_longer_than_the_file_takes_no_memory) {
  char path[SCRATCH_PATH];
  scratch_path(path, "long");
  const uint64_t sizes[] = {UINT64_MAX, (uint64_t)1 << 40, (16U << 20) + 1, 9};
  for (size_t i = 0; i < 4; i++) {
    char bytes[16] = "";
    sol_safetensors st;
    memcpy(bytes, &sizes[i], 8);
    scratch_write(path, bytes, sizeof bytes);
    cr_assert_eq(sol_safetensors_open(&st, path), SOLID_EFORMAT);
    cr_assert(strstr(solid_last_error(), "header of"), "%s", solid_last_error());
  }
  scratch_remove();
}

Test(safetensors, a_file_that_shrinks_while_open_is_refused) {
  char path[SCRATCH_PATH];
  scratch_path(path, "shrinks");
  write_sample(path);
  sol_safetensors st;
  float room[6];
  cr_assert_eq(sol_safetensors_open(&st, path), SOLID_OK);
  cr_assert_eq(truncate(path, (off_t)st.data_start + 20), 0);
  cr_assert_eq(sol_safetensors_read(&st, sol_safetensors_find(&st, "matrix"), room), SOLID_EFORMAT);
  cr_assert(strstr(solid_last_error(), "ends at byte"), "%s", solid_last_error());
  sol_safetensors_close(&st);
  scratch_remove();
}

/* Opening a pipe without a writer would wait for one. */
Test(safetensors, a_pipe_is_refused_and_not_waited_for, .timeout = 600) {
  char path[] = "/tmp/solid-pipe-XXXXXX";
  sol_safetensors st;
  cr_assert(mkdtemp(path));
  char fifo[64];
  snprintf(fifo, sizeof fifo, "%s/model", path);
  cr_assert_eq(mkfifo(fifo, 0600), 0);
  cr_assert_eq(sol_safetensors_open(&st, fifo), SOLID_EIO);
  cr_assert(strstr(solid_last_error(), "is no regular file"), "%s", solid_last_error());
  unlink(fifo);
  rmdir(path);
}

Test(safetensors, paths_that_cannot_be_opened_are_named) {
  char folder[SCRATCH_PATH], path[SCRATCH_PATH + 16];
  sol_safetensors st;
  scratch_path(folder, "folder");
  cr_assert_eq(sol_safetensors_open(&st, folder), SOLID_EIO);
  cr_assert(strstr(solid_last_error(), folder) && strstr(solid_last_error(), "No such file"));
  cr_assert_eq(mkdir(folder, 0700), 0);
  cr_assert_eq(sol_safetensors_open(&st, folder), SOLID_EIO);
  snprintf(path, sizeof path, "%s/absent/file", folder);
  cr_assert_eq(sol_safetensors_write(path, sources, N_SOURCES, NULL, 0), SOLID_EIO);
  cr_assert(strstr(solid_last_error(), path), "%s", solid_last_error());
  cr_assert_eq(sol_safetensors_write(folder, sources, N_SOURCES, NULL, 0), SOLID_EIO); /* a folder stands there */
  snprintf(path, sizeof path, "%s.tmp", folder);
  cr_assert(access(path, F_OK) != 0 && errno == ENOENT, "a temporary file was left behind");
  scratch_remove();
}

/* A limit that is met in the middle, and a link that somebody has put where the new file is made: the old one stays. */
Test(safetensors, what_cannot_be_written_leaves_the_old_file) {
  char path[SCRATCH_PATH], temporary[SCRATCH_PATH + 8];
  scratch_path(path, "full");
  snprintf(temporary, sizeof temporary, "%s.tmp", path);
  write_sample(path);
  size_t before = 0, after = 0;
  char *old = scratch_read(path, &before);

  cr_assert_eq(symlink("/dev/full", temporary), 0);
  cr_assert_eq(sol_safetensors_write(path, sources, N_SOURCES, metadata, 2), SOLID_EIO, "%s", solid_last_error());
  cr_assert(strstr(solid_last_error(), temporary), "%s", solid_last_error());
  cr_assert_eq(unlink(temporary), 0, "the link is not ours");

  struct rlimit limit;
  getrlimit(RLIMIT_FSIZE, &limit);
  limit.rlim_cur = 100;
  signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &limit);
  cr_assert_eq(sol_safetensors_write(path, sources, N_SOURCES, metadata, 2), SOLID_EFULL, "%s", solid_last_error());
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_FSIZE, &limit);
  cr_assert(access(temporary, F_OK) != 0, "a temporary file was left behind");

  char *now = scratch_read(path, &after);
  cr_assert(before == after && memcmp(old, now, before) == 0);
  free(old);
  free(now);
  scratch_remove();
}

/* A disk of 8 KiB of this process's own; 0 where it may not have one. */
static int make_small_disk(const char *folder) {
  if (unshare(CLONE_NEWNS) && unshare(CLONE_NEWUSER | CLONE_NEWNS)) return 0;
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL)) return 0;
  return mount("none", folder, "tmpfs", 0, "size=8k") == 0;
}

Test(safetensors, a_full_disk_is_told_from_other_faults) {
  static const float many[8192];
  const sol_tensor_source large = {"many", SOL_F32, 1, {8192}, many};
  char folder[SCRATCH_PATH], path[SCRATCH_PATH + 8], temporary[SCRATCH_PATH + 16];
  size_t before = 0, after = 0;
  scratch_path(folder, "disk");
  cr_assert_eq(mkdir(folder, 0700), 0);
  if (!make_small_disk(folder)) {
    rmdir(folder);
    scratch_remove();
    cr_skip_test("this process may mount no disk of its own");
  }
  snprintf(path, sizeof path, "%s/model", folder);
  snprintf(temporary, sizeof temporary, "%s.tmp", path);
  write_sample(path);
  char *old = scratch_read(path, &before);
  cr_expect_eq(sol_safetensors_write(path, &large, 1, NULL, 0), SOLID_EFULL, "%s", solid_last_error());
  cr_expect(strstr(solid_last_error(), path) && strstr(solid_last_error(), "No space left"), "%s", solid_last_error());
  cr_expect(solid_status_is_retriable(SOLID_EFULL));
  cr_expect(access(temporary, F_OK) != 0, "a temporary file was left behind");
  char *now = scratch_read(path, &after);
  cr_expect(before == after && memcmp(old, now, before) == 0);
  free(old);
  free(now);
  write_sample(path);
  umount(folder);
  rmdir(folder);
  scratch_remove();
}
