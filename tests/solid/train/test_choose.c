/* The choice of options is a function of the facts: judged on those of public sets, whose recipes are known, and on
 * extreme ones. */
#include "solid/extend.h"
#include "solid/model.h"
#include "solid/train/choose.h"
#include "solid/train/split.h"
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#define ROWS SOLID_TRAIN_OPTIONS_COUNT

/* users, items, events, median, longest, repeats, attributes, described, taken: leave-one-out */
static const solid_data_facts beauty = {22363, 12101, 153776, 4, 202, 0, 637, 12101, 12101};
static const solid_data_facts toys = {19412, 11924, 128773, 4, 546, 0, 1027, 11924, 11924};
static const solid_data_facts ml_1m = {6040, 3416, 987531, 94, 2275, 0, 0, 0, 3416};
static const solid_data_facts ml_100k = {943, 1682, 98114, 63, 735, 0, 92, 1682, 1682};
static const solid_data_facts scientific = {2928, 1585, 13856, 4, 45, 400, 0, 1585, 1585};
static const solid_data_facts instruments = {17112, 6250, 102002, 4, 100, 0, 962, 6250, 6250};

static solid_train_options chosen(const solid_data_facts *facts) {
  solid_train_options o = solid_train_options_default();
  char why[SOLID_CHOICE_LINES][SOLID_CHOICE_TEXT];
  solid_train_choose(&o, NULL, facts, 0, why);
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
    cr_expect(o.blocks == 1 && o.heads == 1 && o.window == 50 && o.dropout == 0.3 && o.smoothing == 0.1);
    cr_expect(o.batch == 128 && o.codes == 512 && o.swap == 0 && o.epochs == 42 && o.check == 3 && o.patience == 0);
    cr_expect(o.rate_end == 0.05 && o.average == 0.999 && o.cuts == 0);
  }
}

Test(choose, long_dense_histories_get_the_recipe_of_movielens) {
  solid_train_options o = chosen(&ml_1m);
  cr_expect(o.blocks == 2 && o.heads == 2 && o.window == 200 && o.dropout == 0.2 && o.smoothing == 0);
  cr_expect(o.dropout_z == 0.3 && o.dropout_y == 0.3 && o.cuts == 0.5 && o.batch == 128 && o.swap == 0);
  cr_expect(o.epochs == 240 && o.check == 5 && o.average == 0.999 && o.codes == 256, "%u epochs", o.epochs);
}

Test(choose, long_histories_of_fewer_events_get_fewer_epochs) {
  solid_train_options o = chosen(&ml_100k), many = chosen(&ml_1m);
  cr_expect(o.blocks == 2 && o.heads == 2 && o.window == 200 && o.cuts == 0.5 && o.dropout == 0.2);
  cr_expect(o.smoothing == 0.1 && o.dropout_z == 0.3 && o.dropout_y == 0.3);
  cr_expect(o.batch == 64 && o.epochs == 40 && many.epochs == 240, "%u, %u, %u", o.batch, o.epochs, many.epochs);
}

Test(choose, fewer_users_make_smaller_steps_and_fewer_items_fewer_codes) {
  solid_train_options small = chosen(&ml_100k), tiny = chosen(&scientific), middle = chosen(&instruments);
  cr_expect(small.batch <= tiny.batch && tiny.batch < middle.batch, "%u %u %u", small.batch, tiny.batch, middle.batch);
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
    solid_train_choose(&o, given, &beauty, 0, NULL);
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
  solid_train_choose(&o, NULL, &facts, 0, why);
  cr_expect(o.negatives > 0 && o.negatives < facts.items / 10, "%u", o.negatives);
  cr_expect_not_null(strstr(why[2], "drawn"), "%s", why[2]);
}

static unsigned char *give(unsigned char given[ROWS], const char *name) {
  const solid_option_row *rows = solid_train_option_rows();
  memset(given, 0, ROWS);
  for (size_t i = 0; i < ROWS; i++) given[i] = strcmp(rows[i].name, name) == 0;
  return given;
}

/* Average and check follow the number of epochs that a training turns out to have, as if it had been given. */
Test(choose, the_pace_follows_the_number_of_epochs) {
  static const uint32_t epochs[] = {1, 2, 14, 41, 70, 240, 5000};
  const solid_data_facts *const sets[] = {&beauty, &ml_1m, &ml_100k};
  unsigned char given[ROWS];
  give(given, "epochs");
  for (size_t k = 0; k < sizeof epochs / sizeof *epochs * 3; k++) {
    const solid_data_facts *facts = sets[k % 3];
    solid_train_options told = chosen(facts), begun = solid_train_options_default();
    told.epochs = begun.epochs = epochs[k / 3];
    solid_train_choose_pace(&told, NULL, facts);
    solid_train_choose(&begun, given, facts, 0, NULL);
    cr_expect_eq(memcmp(&told, &begun, sizeof told), 0, "%u epochs: average %g, check %u; %g, %u", told.epochs,
                 told.average, told.check, begun.average, begun.check);
    cr_expect_leq(told.check, told.epochs);
  }
  solid_train_options o = chosen(&beauty);
  o.epochs = 1, o.average = 0.5;
  solid_train_choose_pace(&o, give(given, "average"), &beauty);
  cr_expect(o.average == 0.5 && o.check == 1, "a given average stays: %g, %u", o.average, o.check);
}

/* The others follow a given value: steps are of the given batch, epochs of these steps, the average of all of them. */
Test(choose, the_others_follow_what_is_given) {
  unsigned char given[ROWS];
  solid_train_options usual = chosen(&beauty), o = solid_train_options_default();
  o.batch = 1024;
  solid_train_choose(&o, give(given, "batch"), &beauty, 0, NULL);
  double steps = ceil(22363 / 1024.0);
  cr_expect_eq(o.epochs, 120, "of %g steps an epoch more are needed: %u", steps, o.epochs);
  cr_expect_float_eq(o.average, 1 - 6 / (steps * 120), 1e-12, "%g", o.average);
  cr_expect(o.check == 5 && o.window == usual.window && o.codes == usual.codes);
  o = solid_train_options_default();
  o.epochs = 2;
  solid_train_choose(&o, give(given, "epochs"), &beauty, 0, NULL);
  cr_expect(o.check == 1 && o.batch == usual.batch && o.average < usual.average, "%u, %g", o.check, o.average);
  o = solid_train_options_default();
  o.codes = 12101;
  solid_train_choose(&o, give(given, "codes"), &beauty, 0, NULL);
  cr_expect_eq(o.swap, 0, "no item shares a code with another");
  o = solid_train_options_default();
  o.width = 30;
  solid_train_choose(&o, give(given, "width"), &ml_1m, 0, NULL);
  cr_expect(o.width == 30 && o.heads == 1, "two heads do not divide it: %u", o.heads);
}

/* The options that depend on nothing in the data stay as they are, whatever they are, and no option is both. */
Test(choose, the_rest_stays_as_it_is) {
  static const char *const chosen_ones[] = {
      "window", "cuts",      "blocks", "heads",    "dropout",  "dropout_z", "codes", "levels", "head",     "dropout_y",
      "swap",   "smoothing", "batch",  "rate_end", "patience", "average",   "check", "epochs", "negatives"};
  const solid_data_facts *const sets[] = {&beauty, &toys, &ml_1m, &ml_100k, &scientific, &instruments};
  const solid_option_row *rows = solid_train_option_rows();
  int depends[ROWS] = {0};
  for (size_t i = 0; i < ROWS; i++) {
    int may = 0;
    for (size_t k = 0; k < sizeof chosen_ones / sizeof *chosen_ones; k++)
      may |= strcmp(rows[i].name, chosen_ones[k]) == 0;
    for (size_t k = 0; k < sizeof sets / sizeof *sets; k++) {
      solid_train_options o = solid_train_options_default(), plain = chosen(sets[k]);
      double other = rows[i].kind == SOLID_OPTION_REAL ? (rows[i].low + rows[i].high) / 3 : rows[i].high;
      cr_assert_eq(solid_train_option_set(&o, &rows[i], other), SOLID_OK);
      if (may) continue;
      solid_train_choose(&o, NULL, sets[k], 0, NULL);
      cr_expect_eq(solid_train_option_get(&o, &rows[i]), other, "%s was chosen", rows[i].name);
      depends[i] |= solid_train_option_get(&plain, &rows[i]) != solid_train_option_get(&o, &rows[i]);
    }
    if (!may) cr_expect(depends[i], "%s has no other value to keep", rows[i].name);
  }
}

/* The same facts give the same options: again, on top of themselves, and with a list of nothing given. */
Test(choose, is_a_function_of_the_facts) {
  const solid_data_facts *const sets[] = {&beauty, &ml_1m, &ml_100k, &scientific};
  const unsigned char nothing[ROWS] = {0};
  for (int i = 0; i < 4; i++) {
    solid_train_options first = chosen(sets[i]), again = first, listed = solid_train_options_default();
    solid_train_choose(&again, NULL, sets[i], 0, NULL);
    solid_train_choose(&listed, nothing, sets[i], 0, NULL);
    cr_expect_eq(memcmp(&first, &again, sizeof first), 0, "set %d: chosen on top of itself", i);
    cr_expect_eq(memcmp(&first, &listed, sizeof first), 0, "set %d: nothing given", i);
  }
}

/* A line says what was chosen and the facts that it was chosen by. */
Test(choose, says_what_and_why) {
  char why[SOLID_CHOICE_LINES][SOLID_CHOICE_TEXT];
  const char *const words[SOLID_CHOICE_LINES][5] = {
      {"22363 users of 6.9 training events", "half of them up to 4", "short histories", "window 50", "dropout 0.3"},
      {"175 steps an epoch", "batches of 128 users", "42 epochs", "rate falling to 5e-05", "some 1000 steps"},
      {"12101 items", "12101 with content", "3 levels of 512 codes", "softmax over all of them", ""}};
  solid_train_options o = solid_train_options_default();
  solid_train_choose(&o, NULL, &beauty, 0, why);
  for (int i = 0; i < SOLID_CHOICE_LINES; i++)
    for (int k = 0; k < 5; k++) cr_expect(strstr(why[i], words[i][k]), "no \"%s\" in: %s", words[i][k], why[i]);
}

Test(choose, extreme_data_gets_options_that_pass) {
  const solid_data_facts extreme[] = {
      {0},
      {3, 1, 9, 3, 3, 6, 0, 0, 1},                                   /* three users, one item */
      {3, 5, 9, 3, 3, 0, 2, 5, 5},                                   /* three users */
      {3, 200000, 1000006, 3, 1000000, 0, 0, 0, 200000},             /* one giant user */
      {1000000, 50000, 10000000, 8, 4000, 0, 0, 0, 50000},           /* 10^7 events */
      {100000, 10000000, 100000000, 600, 100000, 0, 0, 0, 10000000}, /* 10^8, long */
      {4294967295u, 4294967295u, UINT64_MAX, 4294967295u, 4294967295u, 0, 4294967295u, 4294967295u, 4294967295u}};
  for (size_t i = 0; i < sizeof extreme / sizeof *extreme; i++) {
    const solid_data_facts *f = &extreme[i];
    solid_train_options o = chosen(f);
    cr_expect(o.epochs >= 8 && o.epochs <= 240 && o.check <= o.epochs, "%zu: %u epochs", i, o.epochs);
    if (o.levels > 0)
      cr_expect(o.codes >= 2 && o.codes <= f->items / 2, "%zu: %u codes of %u items", i, o.codes, f->items);
    cr_expect(o.average >= 0.9 && o.average <= 0.999, "%zu: %g", i, o.average);
  }
  cr_expect_eq(chosen(&extreme[1]).levels, 0, "one item, without content, has nothing that codes could say");
  cr_expect_eq(chosen(&extreme[2]).epochs, 240, "an epoch of three users is one step");
  cr_expect_eq(chosen(&extreme[3]).window, 50, "one giant user does not make histories long");
  cr_expect_lt(chosen(&extreme[4]).epochs, 20u, "10^7 events teach enough in few epochs");
}

static solid_train_options hurried(const solid_data_facts *facts, double room) {
  solid_train_options o = solid_train_options_default();
  solid_train_choose(&o, NULL, facts, room, NULL);
  cr_expect_eq(solid_train_options_check(&o), SOLID_OK, "%g: %s", room, solid_last_error());
  return o;
}

/* A minute of two cores: a training is a number of steps, and a large model needs many events. */
Test(choose, little_time_makes_smaller_steps_and_long_histories_a_smaller_model) {
  const double minute = 720e3;
  char why[SOLID_CHOICE_LINES][SOLID_CHOICE_TEXT];
  solid_train_options o = hurried(&ml_100k, minute), usual = chosen(&ml_100k);
  cr_expect(o.window == 50 && o.blocks == 1 && o.heads == 1 && o.dropout == 0.3, "window %u", o.window);
  cr_expect(o.batch == 16 && usual.batch == 64, "batch %u", o.batch);
  solid_train_choose(&o, NULL, &ml_100k, minute, why);
  cr_expect_not_null(strstr(why[0], "long histories, no time for more than 720000 events; window 50"), "%s", why[0]);
  o = hurried(&ml_100k, 3 * minute);
  cr_expect(o.window == 200 && o.blocks == 2 && o.batch == 32, "window %u, batch %u", o.window, o.batch);
  o = hurried(&beauty, 5 * minute);
  usual = chosen(&beauty);
  cr_expect_eq(memcmp(&o, &usual, sizeof o), 0, "short histories have steps enough");
}

/* Time enough is as good as no limit, and more of it never makes a smaller model or larger steps smaller. */
Test(choose, more_time_never_takes_less) {
  const solid_data_facts few = {60, 300, 6060, 100, 102, 0, 0, 0, 300};
  const solid_data_facts *const sets[] = {&beauty, &ml_1m, &ml_100k, &scientific, &instruments, &few};
  for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
    solid_train_options before = hurried(sets[i], 1), whole = chosen(sets[i]);
    for (double room = 1; room < 1e12; room *= 1.5) {
      solid_train_options o = hurried(sets[i], room);
      cr_expect(o.window >= before.window && o.blocks >= before.blocks, "set %zu, %g events", i, room);
      if (o.window == before.window) cr_expect_geq(o.batch, before.batch, "set %zu, %g events", i, room);
      before = o;
    }
    cr_expect_eq(memcmp(&before, &whole, sizeof whole), 0, "set %zu", i);
  }
  solid_train_options o = hurried(&few, 300e3), whole = chosen(&few);
  cr_expect_eq(memcmp(&o, &whole, sizeof o), 0, "forty epochs of sixty users fit into half a minute");
}

/* Codes say what items have in common: two values or more, each of two items or more, or there are none. */
Test(choose, few_items_have_codes_that_say_something_or_none) {
  for (uint32_t items = 1; items < 200; items++) {
    const solid_data_facts facts = {50, items, 400, 8, 20, 0, 2, items, items};
    solid_train_options o = chosen(&facts);
    cr_expect_eq(o.levels > 0, items >= 4, "%u items, %u levels", items, o.levels);
    if (o.levels > 0) cr_expect(o.codes >= 2 && 2 * o.codes <= items, "%u codes of %u items", o.codes, items);
    cr_expect_eq(o.head, o.levels > 0 ? SOLID_HEAD_SOLID : SOLID_HEAD_DUET);
  }
  unsigned char given[ROWS];
  const solid_data_facts three = {5, 3, 40, 8, 8, 0, 0, 0, 3};
  solid_train_options o = solid_train_options_default();
  o.codes = 3;
  solid_train_choose(&o, give(given, "codes"), &three, 0, NULL);
  cr_expect(o.levels > 0 && o.codes == 3, "codes that are given are made: %u levels", o.levels);
  o = solid_train_options_default();
  o.head = SOLID_HEAD_SEMANTIC;
  solid_train_choose(&o, give(given, "head"), &three, 0, NULL);
  cr_expect(o.levels > 0, "a head that reads codes has some");
}

/* One item that is taken occurs beside no other, and content is all that codes could be made of. */
Test(choose, one_item_that_is_taken_says_nothing_of_the_others) {
  solid_data_facts facts = {1, 40, 5, 5, 5, 4, 0, 0, 1};
  cr_expect_eq(chosen(&facts).levels, 0);
  facts.attributes = 3, facts.described = 40;
  cr_expect_gt(chosen(&facts).levels, 0u);
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
  cr_expect_eq(f.taken, 3, "%u", f.taken);
}
