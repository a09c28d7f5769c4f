/* The rules were read off the recipes that validation chose for public sets (tests/bench/ACCURACY.md, "Defaults"). They
 * speak of kinds, by the facts below, and never of a set. */
#include "solid/train/choose.h"
#include "solid/train/split.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

#define LONG_MEDIAN 30     /* training events of half of the users, from which histories are long */
#define LEAST_STEPS 1000   /* of a training, as far as 240 epochs reach */
#define MANY_EVENTS 500000 /* from which a larger model and many passes do not learn them by heart */

typedef struct choosing {
  solid_train_options *o;
  const unsigned char *given;
  const solid_data_facts *facts;
  double mean, seen; /* training events of a user, of an item */
  int is_long, is_shared;
} choosing;

/* Sets an option that is not given. */
static void choose(const choosing *c, const char *name, double value) {
  const solid_option_row *rows = solid_train_option_rows();
  size_t i = 0;
  while (strcmp(rows[i].name, name) != 0) i++;
  if (c->given && c->given[i]) return;
  solid_status status = solid_train_option_set(c->o, &rows[i], value);
  (void)status; /* every value below is in its range */
}

/* The power of two next to x, in the sense of a ratio, from low to high. */
static uint32_t near_power(double x, uint32_t low, uint32_t high) {
  uint32_t power = low;
  while (power < high && power * 1.41421356 < x) power *= 2;
  return power < high ? power : high;
}

/* What the encoder reads, and how much it is held back. Short histories tell little of a user each, so that a model of
 * more than one block learns them by heart. Long ones repay a second block, a longer window and hard labels where there
 * are many events; of fewer the newest fifty say more than two hundred. */
static void choose_shape(choosing *c) {
  int deep = c->is_long && c->facts->events >= MANY_EVENTS && c->seen >= 40;
  choose(c, "window", deep ? 200 : 50);
  choose(c, "cuts", c->is_long ? 0.5 : 0);
  choose(c, "blocks", deep ? 2 : 1);
  if (c->o->width % 4 == 0) choose(c, "heads", deep ? 2 : 1);
  choose(c, "dropout", deep ? 0.2 : c->is_long && c->seen >= 40 ? 0.3 : 0.5);
  choose(c, "dropout_z", c->is_long ? 0.3 : 0.5);
  choose(c, "dropout_y", c->is_long ? 0.3 : 0.5);
  choose(c, "smoothing", deep ? 0 : 0.1);
}

/* Some two dozen items to a code, so that codes say what items have in common; half as many where events tell items
 * apart well. */
static void choose_codes(choosing *c) {
  uint32_t items = c->facts->items, most = items / 4 > 512 ? 512 : items / 4;
  if (items < 2 && c->facts->described == 0) { /* nothing to make codes from */
    choose(c, "levels", 0);
    if (c->o->levels == 0) choose(c, "head", 1);
  }
  choose(c, "codes", near_power(items / (c->seen < 100 ? 24.0 : 12.0), most < 4 ? 1 : 4, most < 1 ? 1 : most));
  c->is_shared = c->o->levels > 0 && c->o->codes < items;
  choose(c, "swap", c->is_shared && !c->is_long && c->facts->described * 2 > items ? 0.05 : 0);
}

static double within(double x, double low, double high) {
  x = x < low ? low : x;
  return x > high ? high : x;
}

static double steps_of(const choosing *c) {
  return c->facts->users > 0 ? ceil((double)c->facts->users / c->o->batch) : 1;
}

/* The average reaches back a sixth of the training, so that what it began with is forgotten. */
static void choose_pace(const choosing *c) {
  double total = steps_of(c) * c->o->epochs, keep = 1 - 6 / total;
  choose(c, "average", within(keep, 0.9, 0.999));
  choose(c, "check", within(floor(c->o->epochs / 14.0), 1, 5));
}

/* A training is a number of steps: many users make an epoch of enough of them, few need smaller ones. Long histories
 * are learned by heart after some twenty epochs, unless there are very many. */
static void choose_schedule(choosing *c) {
  choose(c, "batch", near_power(c->facts->users / 45.0, 16, 128));
  double steps = steps_of(c), rows = (double)c->facts->events;
  double epochs = !c->is_long ? within(6400 / steps, 42, 120) : rows < MANY_EVENTS ? 20 : within(11520 / steps, 8, 240);
  epochs = within(epochs, LEAST_STEPS / steps, 240);
  if (rows > 1e6) epochs *= sqrt(1e6 / rows); /* of very many events few epochs suffice */
  choose(c, "epochs", within(floor(epochs), 8, 240));
  choose(c, "rate_end", 0.05);
  choose(c, "patience", 0);
  choose_pace(c);
}

static void explain(const choosing *c, char why[SOLID_CHOICE_LINES][SOLID_CHOICE_TEXT]) {
  const solid_data_facts *f = c->facts;
  const solid_train_options *o = c->o;
  double steps = ceil((double)f->users / o->batch);
  snprintf(why[0], SOLID_CHOICE_TEXT,
           "%u users of %.1f training events (half of them up to %u): %s histories; window %u, blocks %u, dropout %g, "
           "smoothing %g",
           f->users, c->mean, f->median, c->is_long ? "long" : "short", o->window, o->blocks, o->dropout, o->smoothing);
  snprintf(why[1], SOLID_CHOICE_TEXT,
           "%.0f steps an epoch in batches of %u users; %u epochs, rate falling to %g, average of some %.0f steps",
           steps, o->batch, o->epochs, o->rate * o->rate_end, o->average > 0 ? 1 / (1 - o->average) : 1);
  if (o->levels == 0)
    snprintf(why[2], SOLID_CHOICE_TEXT, "%u items without codes", f->items);
  else
    snprintf(why[2], SOLID_CHOICE_TEXT, "%u items, %u with content: %u levels of %u codes%s", f->items, f->described,
             o->levels, o->codes, o->swap > 0 ? ", similar items stand for one another" : "");
}

void solid_train_choose(solid_train_options *options, const unsigned char *given, const solid_data_facts *facts,
                        char why[SOLID_CHOICE_LINES][SOLID_CHOICE_TEXT]) {
  choosing c = {.o = options, .given = given, .facts = facts};
  c.mean = facts->users ? (double)facts->events / facts->users : 0;
  c.seen = (double)facts->events / (facts->items ? facts->items : 1);
  c.is_long = facts->median >= LONG_MEDIAN;
  choose_shape(&c);
  choose_codes(&c);
  choose_schedule(&c);
  if (why) explain(&c, why);
}

void solid_train_choose_pace(solid_train_options *options, const unsigned char *given, const solid_data_facts *facts) {
  choose_pace(&(choosing){.o = options, .given = given, .facts = facts});
}
