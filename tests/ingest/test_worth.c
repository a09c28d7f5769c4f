/* What events are worth. */
#include "ingest/worth.h"
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static void expect(const solid_worth_rule *rule, const char *kind, double rating, solid_worth want) {
  solid_worth got = SOLID_WORTH_STEP;
  cr_assert_eq(solid_worth_of(rule, (solid_bytes){kind, strlen(kind)}, rating, &got), SOLID_OK, "%s: %s", kind,
               solid_last_error());
  cr_expect_eq(got, want, "%s rated %g: %d, want %d", kind, rating, (int)got, (int)want);
}

static void refuse(const solid_worth_rule *rule, const char *kind, const char *said) {
  solid_worth got;
  cr_assert_eq(solid_worth_of(rule, (solid_bytes){kind, strlen(kind)}, 1, &got), SOLID_EFORMAT, "%s", kind);
  cr_expect(strstr(solid_last_error(), said), "%s", solid_last_error());
}

Test(worth, without_a_rule_all_are_steps) {
  solid_worth_rule rule = SOLID_WORTH_RULE_INIT;
  expect(NULL, "hate", -5, SOLID_WORTH_STEP);
  expect(&rule, "hate", -5, SOLID_WORTH_STEP);
  cr_assert_eq(solid_worth_rule_read(&rule, "", NULL), SOLID_OK);
  expect(&rule, "", (double)NAN, SOLID_WORTH_STEP);
  cr_expect(!solid_worth_rule_needs_kinds(&rule) && !solid_worth_rule_needs_ratings(&rule));
}

Test(worth, kinds_are_listed) {
  solid_worth_rule rule;
  cr_assert_eq(solid_worth_rule_read(&rule, "view=1,buy=1,dislike=0,log in=skip", NULL), SOLID_OK);
  expect(&rule, "view", 0, SOLID_WORTH_STEP);
  expect(&rule, "dislike", 5, SOLID_WORTH_DISLIKE);
  expect(&rule, "log in", 5, SOLID_WORTH_NOTHING);
  refuse(&rule, "vie", "\"vie\" is none of");
  refuse(&rule, "views", "*=1");
  refuse(&rule, "", "without a kind");
  cr_assert_eq(solid_worth_rule_read(&rule, "*=0,view=1", NULL), SOLID_OK);
  expect(&rule, "view", 0, SOLID_WORTH_STEP);
  expect(&rule, "other", 0, SOLID_WORTH_DISLIKE);
  expect(&rule, "", 0, SOLID_WORTH_DISLIKE);
}

Test(worth, ratings_below_are_dislikes) {
  solid_worth_rule rule;
  cr_assert_eq(solid_worth_rule_read(&rule, "rate=1,skip=skip", "-0.5"), SOLID_OK);
  expect(&rule, "rate", -0.5, SOLID_WORTH_STEP);
  expect(&rule, "rate", -0.51, SOLID_WORTH_DISLIKE);
  expect(&rule, "rate", (double)NAN, SOLID_WORTH_STEP);
  expect(&rule, "skip", -3, SOLID_WORTH_NOTHING);
}

Test(worth, rules_are_checked) {
  static const char *const kinds[] = {"view", "view=",         "view=2",  "=1",          "view=1,",
                                      ",",    "view=1,view=0", "view=10", "view=skipped"};
  solid_worth_rule rule;
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    cr_expect_eq(solid_worth_rule_read(&rule, kinds[i], NULL), SOLID_EINVAL, "%s", kinds[i]);
  cr_expect_eq(solid_worth_rule_read(&rule, NULL, "three"), SOLID_EINVAL);
  cr_expect_eq(solid_worth_rule_read(&rule, NULL, "nan"), SOLID_EINVAL);
  cr_expect_eq(solid_worth_rule_read(NULL, NULL, "3"), SOLID_EINVAL);
}
