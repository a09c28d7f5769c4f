/* The choice of options is a function of the facts: judged on those of public sets, whose recipes are known, and on
 * extreme ones. */
#include "solid/extend.h"
#include "solid/train/choose.h"
#include "solid/train/split.h"
#include <criterion/criterion.h>
#include <string.h>

#define ROWS SOLID_TRAIN_OPTIONS_COUNT

/* users, items, events, median, longest, repeats, attributes, described: leave-one-out */
static const solid_data_facts beauty = {22363, 12101, 153776, 4, 202, 0, 637, 12101};
static const solid_data_facts toys = {19412, 11924, 128773, 4, 546, 0, 1027, 11924};
static const solid_data_facts ml_1m = {6040, 3416, 987531, 94, 2275, 0, 0, 0};
static const solid_data_facts ml_100k = {943, 1682, 98114, 63, 735, 0, 92, 1682};
static const solid_data_facts scientific = {2928, 1585, 13856, 4, 45, 400, 0, 1585};
static const solid_data_facts instruments = {17112, 6250, 102002, 4, 100, 0, 962, 6250};

static solid_train_options chosen(const solid_data_facts *facts) {
  solid_train_options o = solid_train_options_default();
  char why[SOLID_CHOICE_LINES][SOLID_CHOICE_TEXT];
  solid_train_choose(&o, NULL, facts, why);
  cr_expect_eq(solid_train_options_check(&o), SOLID_OK, "%s", solid_last_error());
  for (int i = 0; i < SOLID_CHOICE_LINES; i++)
    cr_expect(strlen(why[i]) > 20 && strlen(why[i]) < SOLID_CHOICE_TEXT - 1, "line %d: \"%s\"", i, why[i]);
  return o;
}

/* What validation chose for these sets, one by one. */
Test(choose, short_histories_with_content_get_the_recipe_of_the_amazon_sets) {
  const solid_data_facts *const sets[] = {&beauty, &toys};
  for (int i = 0; i < 2; i++) {
    solid_train_options o = chosen(sets[i]);
    cr_expect(o.blocks == 1 && o.heads == 1 && o.window == 50 && o.dropout == 0.5 && o.smoothing == 0.1);
    cr_expect(o.batch == 128 && o.codes == 512 && o.swap == 0.05 && o.epochs == 42 && o.check == 3 && o.patience == 0);
    cr_expect(o.rate_end == 0.05 && o.average == 0.999 && o.cuts == 0);
  }
}

Test(choose, long_dense_histories_get_the_recipe_of_movielens) {
  solid_train_options o = chosen(&ml_1m);
  cr_expect(o.blocks == 2 && o.heads == 2 && o.window == 200 && o.dropout == 0.2 && o.smoothing == 0);
  cr_expect(o.dropout_z == 0.3 && o.dropout_y == 0.3 && o.cuts == 0.5 && o.batch == 128 && o.swap == 0);
  cr_expect(o.epochs == 240 && o.check == 5 && o.average == 0.999 && o.codes == 256, "%u epochs", o.epochs);
}

Test(choose, long_histories_of_fewer_events_get_a_smaller_model) {
  solid_train_options o = chosen(&ml_100k);
  cr_expect(o.blocks == 1 && o.window == 50 && o.cuts == 0.5 && o.dropout == 0.3 && o.smoothing == 0.1 &&
            o.batch == 16);
  cr_expect(o.epochs == 20 && o.dropout_z == 0.3 && o.dropout_y == 0.3);
}

Test(choose, fewer_users_make_smaller_steps_and_fewer_items_fewer_codes) {
  solid_train_options small = chosen(&ml_100k), tiny = chosen(&scientific), middle = chosen(&instruments);
  cr_expect(small.batch < tiny.batch && tiny.batch < middle.batch, "%u %u %u", small.batch, tiny.batch, middle.batch);
  cr_expect(small.codes == 64 && tiny.codes == 64 && middle.codes == 256);
}

/* A given value stays, and the others follow it. */
Test(choose, what_is_given_stays) {
  const solid_option_row *rows = solid_train_option_rows();
  for (size_t i = 0; i < ROWS; i++) {
    unsigned char given[ROWS] = {0};
    solid_train_options o = solid_train_options_default();
    double odd = rows[i].kind == SOLID_OPTION_REAL ? (rows[i].low + rows[i].high) / 3 : rows[i].low;
    cr_assert_eq(solid_train_option_set(&o, &rows[i], odd), SOLID_OK, "%s", solid_last_error());
    given[i] = 1;
    solid_train_choose(&o, given, &beauty, NULL);
    cr_expect_eq(solid_train_option_get(&o, &rows[i]), odd, "%s was chosen over", rows[i].name);
    cr_expect_eq(solid_train_options_check(&o), SOLID_OK, "%s", solid_last_error());
    if (strcmp(rows[i].name, "levels") == 0) cr_expect_eq(o.swap, 0, "a model without codes swaps nothing");
  }
}

/* The whole softmax while it is cheap. */
Test(choose, very_many_items_are_drawn_from) {
  solid_data_facts facts = toys;
  char why[SOLID_CHOICE_LINES][SOLID_CHOICE_TEXT];
  cr_expect(chosen(&beauty).negatives == 0 && chosen(&ml_1m).negatives == 0);
  facts.items = 1000000;
  solid_train_options o = chosen(&facts);
  solid_train_choose(&o, NULL, &facts, why);
  cr_expect(o.negatives > 0 && o.negatives < facts.items / 10, "%u", o.negatives);
  cr_expect_not_null(strstr(why[2], "drawn"), "%s", why[2]);
}

/* The options that depend on nothing in the data stay as they are. */
Test(choose, the_rest_keeps_its_default) {
  solid_train_options o = chosen(&ml_1m), d = solid_train_options_default();
  cr_expect(o.width == d.width && o.rate == d.rate && o.seed == d.seed && o.attention == d.attention &&
            o.positions == d.positions && o.head == d.head && o.rank == d.rank && o.hide == d.hide);
}

Test(choose, extreme_data_gets_options_that_pass) {
  const solid_data_facts extreme[] = {
      {0},
      {3, 1, 9, 3, 3, 6, 0, 0},                            /* three users, one item */
      {3, 5, 9, 3, 3, 0, 2, 5},                            /* three users */
      {3, 200000, 1000006, 3, 1000000, 0, 0, 0},           /* one giant user */
      {1000000, 50000, 10000000, 8, 4000, 0, 0, 0},        /* 10^7 events */
      {100000, 10000000, 100000000, 600, 100000, 0, 0, 0}, /* 10^8, long */
      {4294967295u, 4294967295u, UINT64_MAX, 4294967295u, 4294967295u, 0, 4294967295u, 4294967295u}};
  for (size_t i = 0; i < sizeof extreme / sizeof *extreme; i++) {
    const solid_data_facts *f = &extreme[i];
    solid_train_options o = chosen(f);
    cr_expect(o.epochs >= 8 && o.epochs <= 240 && o.check <= o.epochs, "%zu: %u epochs", i, o.epochs);
    cr_expect(o.codes <= (f->items > 4 ? f->items / 4 : 1), "%zu: %u codes of %u items", i, o.codes, f->items);
    cr_expect(o.average >= 0.9 && o.average <= 0.999, "%zu: %g", i, o.average);
  }
  cr_expect_eq(chosen(&extreme[1]).levels, 0, "one item, without content, has nothing that codes could say");
  cr_expect_eq(chosen(&extreme[2]).epochs, 240, "an epoch of three users is one step");
  cr_expect_eq(chosen(&extreme[3]).window, 50, "one giant user does not make histories long");
  cr_expect_lt(chosen(&extreme[4]).epochs, 20u, "10^7 events teach enough in few epochs");
}

/* The facts of users whose numbers are known. */
Test(choose, facts_are_counted_of_training_events) {
  size_t offsets[] = {0, 2, 7, 12, 20}, attributes[] = {0, 1, 1, 2};
  uint32_t sequence[20] = {0, 1, /**/ 0, 1, 2, 1, 0, /**/ 2, 2, 2, 1, 0, /**/ 0, 1, 0, 1, 2, 2, 1, 0};
  uint32_t ids[] = {0, 1};
  solid_dataset d = {.users = 4,
                     .items = 3,
                     .events = 20,
                     .offsets = offsets,
                     .sequence = sequence,
                     .attribute_offsets = attributes,
                     .attribute_ids = ids};
  d.attributes.count = 2;
  solid_data_facts f;
  cr_assert_eq(solid_data_facts_of(&f, &d), SOLID_OK, "%s", solid_last_error());
  /* of two events both train, of five the first three, of eight the first six */
  cr_expect(f.users == 4 && f.items == 3 && f.events == 14, "%u %u %zu", f.users, f.items, (size_t)f.events);
  cr_expect(f.longest == 6 && f.median == 3, "%u %u", f.longest, f.median);
  cr_expect_eq(f.repeats, 2 + 3, "%zu", (size_t)f.repeats);
  cr_expect(f.attributes == 2 && f.described == 2, "%u %u", f.attributes, f.described);
}
