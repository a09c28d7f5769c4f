#include "solid/extend.h"
#include "solid/status.h"
#include "solid/version.h"
#include <criterion/criterion.h>
#include <pthread.h>
#include <string.h>

Test(status, every_status_has_a_name_and_a_text_of_its_own) {
  const solid_status all[] = {
#define LIST(name, value, text) SOLID_##name,
      SOLID_STATUS_MAP(LIST)
#undef LIST
  };
  size_t n = sizeof all / sizeof *all;
  for (size_t i = 0; i < n; i++) {
    cr_assert(all[i] <= 0);
    cr_assert_str_neq(solid_status_text(all[i]), "unknown status");
    cr_assert(strncmp(solid_status_name(all[i]), "SOLID_", 6) == 0);
    for (size_t j = 0; j < i; j++) {
      cr_assert_neq(all[i], all[j]);
      cr_assert_str_neq(solid_status_text(all[i]), solid_status_text(all[j]));
      cr_assert_str_neq(solid_status_name(all[i]), solid_status_name(all[j]));
    }
  }
  cr_assert_str_eq(solid_status_text((solid_status)99), "unknown status");
  cr_assert_str_eq(solid_status_name((solid_status)99), "SOLID_UNKNOWN");
}

Test(status, only_the_outside_world_is_retriable) {
  for (int s = -20; s <= 2; s++) {
    int retriable = s == SOLID_EIO || s == SOLID_ETIMEDOUT || s == SOLID_EFULL;
    cr_assert_eq(solid_status_is_retriable((solid_status)s), retriable, "status %d", s);
  }
}

static void *other_thread(void *result) {
  const char **text = result;
  *text = solid_last_error()[0] ? "seen" : "empty";
  (void)solid_fail(SOLID_EIO, "other");
  return NULL;
}

Test(status, last_error_belongs_to_its_thread_and_is_cut) {
  cr_assert_str_eq(solid_last_error(), "");
  cr_assert_eq(solid_fail(SOLID_ERANGE, "k is %d, must be %d", 0, 1), SOLID_ERANGE);
  cr_assert_str_eq(solid_last_error(), "k is 0, must be 1");
  pthread_t thread;
  const char *seen = NULL;
  cr_assert_eq(pthread_create(&thread, NULL, other_thread, &seen), 0);
  pthread_join(thread, NULL);
  cr_assert_str_eq(seen, "empty");
  cr_assert_str_eq(solid_last_error(), "k is 0, must be 1");

  char longer[600];
  memset(longer, 'x', sizeof longer - 1);
  longer[sizeof longer - 1] = '\0';
  (void)solid_fail(SOLID_EIO, "%s", longer);
  cr_assert_eq(strlen(solid_last_error()), 511);

  (void)solid_fail(SOLID_EIO, "%.300s", longer);
  cr_assert_eq(solid_fail(SOLID_EIO, "%s; say more", solid_last_error()), SOLID_EIO, "its own text is an argument");
  cr_assert_str_eq(solid_last_error() + 300, "; say more");

  (void)solid_fail(SOLID_EIO, "%s: no such item", "\x1b[2Jcaf\xc3\xa9\n");
  cr_assert_str_eq(solid_last_error(), "?[2Jcaf\xc3\xa9?: no such item", "a name cannot speak to a terminal");
}

Test(version, build_info_names_version_device_and_level) {
  cr_assert_str_eq(solid_version(), SOLID_VERSION_STRING);
  cr_assert(strstr(solid_build_info(), SOLID_VERSION_STRING));
  cr_assert(strstr(solid_build_info(), " cpu"));
  cr_assert(strstr(solid_build_info(), "level "));
  cr_assert_null(strchr(solid_build_info(), '\n'));
}
