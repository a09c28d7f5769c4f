#include "tests/solid/train/data.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static solid_bytes text(const char *s) {
  return (solid_bytes){s, strlen(s)};
}

static void push_row(solid_collector *collector, const char *user, char *items) {
  char *rest;
  for (char *item = strtok_r(items, " \r\n", &rest); item; item = strtok_r(NULL, " \r\n", &rest)) {
    solid_event event = {text(user), text(item), {NULL, 0}, 0, {0, 0}, SOLID_WORTH_STEP, 0};
    cr_assert_eq(solid_collector_push(collector, &event, 1, NULL), SOLID_OK);
  }
}

solid_dataset data_from_rows(const char *const *rows, size_t n) {
  solid_collector *collector = NULL;
  solid_dataset dataset;
  cr_assert_eq(solid_collector_new(&collector, NULL), SOLID_OK);
  for (size_t i = 0; i < n; i++) {
    char user[32], *items = strdup(rows[i]);
    snprintf(user, sizeof user, "u%zu", i);
    push_row(collector, user, items);
    free(items);
  }
  cr_assert_eq(solid_collector_finish(collector, &dataset), SOLID_OK);
  solid_collector_free(collector);
  return dataset;
}

int data_from_public(const char *name, solid_dataset *dataset) {
  char path[1024], *line = NULL;
  size_t size = 0;
  const char *folder = getenv("SOLID_DATA");
  snprintf(path, sizeof path, "%s/%s", folder ? folder : DATA_DEFAULT, name);
  FILE *file = fopen(path, "r");
  if (!file) return 0;
  solid_collector *collector = NULL;
  cr_assert_eq(solid_collector_new(&collector, NULL), SOLID_OK);
  while (getline(&line, &size, file) > 0) {
    char *items = strchr(line, ' ');
    cr_assert_not_null(items);
    *items = 0;
    push_row(collector, line, items + 1);
  }
  free(line);
  fclose(file);
  cr_assert_eq(solid_collector_finish(collector, dataset), SOLID_OK);
  solid_collector_free(collector);
  return 1;
}
