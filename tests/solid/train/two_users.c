#include "tests/solid/train/two_users.h"
#include "solid/train/split.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

void two_users(solid_dataset *dataset) {
  solid_collector *collector = NULL;
  cr_assert_eq(solid_collector_new(&collector, NULL), SOLID_OK);
  for (int u = 0; u < 2; u++)
    for (int i = 0; i < (u ? SHORT : LONG); i++) {
      char item[16];
      snprintf(item, sizeof item, "%d", i);
      solid_event event = {.user = {u ? "1" : "0", 1}, .item = {item, strlen(item)}, .position = {0, 0}};
      cr_assert_eq(solid_collector_push(collector, &event, 1, NULL), SOLID_OK);
    }
  cr_assert_eq(solid_collector_finish(collector, dataset), SOLID_OK, "%s", solid_last_error());
  solid_collector_free(collector);
}
