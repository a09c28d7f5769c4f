#include "tests/support/scratch.h"
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[SCRATCH_PATH - 64];

void scratch_path(char path[SCRATCH_PATH], const char *name) {
  if (!folder[0]) {
    const char *base = getenv("TMPDIR");
    cr_assert_lt(snprintf(folder, sizeof folder, "%s/solid-test-XXXXXX", base ? base : "/tmp"), (int)sizeof folder);
    cr_assert_not_null(mkdtemp(folder), "%s cannot be made", folder);
  }
  cr_assert_lt(snprintf(path, SCRATCH_PATH, "%s/%s", folder, name), SCRATCH_PATH);
}

void scratch_remove(void) {
  DIR *dir = folder[0] ? opendir(folder) : NULL;
  if (!dir) return;
  for (struct dirent *entry; (entry = readdir(dir));) {
    char path[SCRATCH_PATH + 256];
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
    if (unlink(path)) (void)rmdir(path);
  }
  closedir(dir);
  (void)rmdir(folder);
  folder[0] = '\0';
}

void scratch_write(const char *path, const void *data, size_t size) {
  (void)unlink(path); /* some file systems wait for the disk when a file is truncated and written again */
  FILE *file = fopen(path, "wb");
  cr_assert_not_null(file, "%s", path);
  cr_assert_eq(fwrite(data, 1, size, file), size);
  cr_assert_eq(fclose(file), 0);
}

char *scratch_read(const char *path, size_t *size) {
  FILE *file = fopen(path, "rb");
  cr_assert_not_null(file, "%s", path);
  cr_assert_eq(fseek(file, 0, SEEK_END), 0);
  *size = (size_t)ftell(file);
  rewind(file);
  char *data = malloc(*size + 1);
  cr_assert_not_null(data);
  cr_assert_eq(fread(data, 1, *size, file), *size);
  fclose(file);
  return data;
}
