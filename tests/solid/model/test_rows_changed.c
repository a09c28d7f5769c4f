/* A model file that is replaced, spoilt or damaged while the embeddings are in it: an error, never a crash. */
#include "solid/worker.h"
#include "tests/solid/model/rows_pair.h"
#include "tests/support/tiny_model.h"
#include <criterion/criterion.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What a question and an encoder say of it; NULL: they must answer. */
static void expect(solid_worker *worker, const char *text) {
  solid_scored best[N];
  uint32_t items[] = {3, 4}, offsets[] = {0, 2};
  size_t count;
  float u[D] = {1}, h[D];
  solid_status status = solid_worker_rank(worker, 1, u, NULL, N, best, &count);
  cr_assert_eq(status, text ? SOLID_ESTALE : SOLID_OK, "%s", solid_last_error());
  if (text) cr_assert_not_null(strstr(solid_last_error(), text), "%s", solid_last_error());
  status = solid_worker_encode(worker, &(solid_windows){1, offsets, items}, h);
  cr_assert_eq(status, text ? SOLID_ESTALE : SOLID_OK);
  if (text) cr_assert_not_null(strstr(solid_last_error(), text), "%s", solid_last_error());
}

static void write_bytes(const char *path, const char *bytes, size_t size) {
  int fd = open(path, O_WRONLY | O_TRUNC);
  cr_assert(fd >= 0 && write(fd, bytes, size) == (ssize_t)size);
  close(fd);
}

static char *read_bytes(const char *path, size_t *size) {
  struct stat info;
  int fd = open(path, O_RDONLY);
  cr_assert(fd >= 0 && fstat(fd, &info) == 0);
  char *bytes = malloc((size_t)info.st_size);
  *size = (size_t)info.st_size;
  cr_assert_eq(read(fd, bytes, *size), (ssize_t)*size);
  close(fd);
  return bytes;
}

Test(rows_changed, answers_with_an_error_when_its_file_is_cut_short_or_written_anew) {
  sol_config config = rows_large(SOLID_HEAD_SOLID);
  pair p = rows_open(&config);
  size_t size;
  char *bytes = read_bytes(p.path, &size);
  solid_worker *rows = NULL, *tables = NULL;
  if (!p.rows->file.rows) cr_skip_test("no scout on this machine, so that nothing stays in the file");
  cr_assert_eq(solid_worker_new(&rows, p.rows, 1), SOLID_OK);
  cr_assert_eq(solid_worker_new(&tables, p.tables, 1), SOLID_OK);
  expect(rows, NULL);
  cr_assert_eq(truncate(p.path, 1000), 0);
  expect(rows, "cut short");
  cr_assert_eq(truncate(p.path, 0), 0);
  expect(rows, "cut short");
  solid_model *copy = NULL;
  cr_assert_eq(solid_model_grow(&copy, p.rows, 300), SOLID_ESTALE);
  cr_assert_null(copy);
  float *vectors = malloc((size_t)ITEMS * D * sizeof *vectors);
  cr_assert_eq(solid_model_item_vectors(p.rows, vectors), SOLID_ESTALE);
  free(vectors);
  write_bytes(p.path, bytes, size);
  cr_assert_eq(utimensat(AT_FDCWD, p.path, (struct timespec[]){{1, 0}, {1, 0}}, 0), 0);
  expect(rows, "changed");
  expect(tables, NULL);
  solid_worker_free(rows);
  solid_worker_free(tables);
  free(bytes);
  rows_close(&p);
}

Test(rows_changed, goes_on_when_another_file_takes_its_name) {
  sol_config config = rows_large(SOLID_HEAD_SOLID);
  pair p = rows_open(&config);
  char other[256];
  tiny_model_write(other, sizeof other, &config, 6);
  cr_assert_eq(rename(other, p.path), 0);
  rows_same(&p);
  cr_assert_eq(unlink(p.path), 0);
  rows_same(&p);
  rows_close(&p);
}

/* Embeddings that stay in the file are checked as others are. */
Test(rows_changed, refuses_embeddings_that_are_damaged_or_not_finite) {
  sol_config config = rows_large(SOLID_HEAD_SOLID);
  pair p = rows_open(&config);
  size_t size;
  char *bytes = read_bytes(p.path, &size);
  solid_model *model = NULL;
  uint64_t header;
  float bad = NAN;
  memcpy(&header, bytes, sizeof header);
  char *last = bytes + 8 + header + ((size_t)ITEMS * D - 1) * sizeof(float); /* E is the first tensor */
  last[0] = (char)(last[0] ^ 1);
  write_bytes(p.path, bytes, size);
  cr_assert_eq(sol_model_open(&model, p.ctx, p.path, NEVER, 0), SOLID_EFORMAT);
  cr_assert_not_null(strstr(solid_last_error(), "damaged"), "%s", solid_last_error());
  memcpy(last, &bad, sizeof bad);
  write_bytes(p.path, bytes, size);
  cr_assert_eq(sol_model_open(&model, p.ctx, p.path, NEVER, 0), SOLID_EFORMAT);
  cr_assert_not_null(strstr(solid_last_error(), "item.embedding"), "%s", solid_last_error());
  cr_assert_eq(strncmp(solid_last_error(), p.path, strlen(p.path)), 0, "%s", solid_last_error());
  cr_assert_null(model);
  free(bytes);
  rows_close(&p);
}
