/* The rules were read off the recipes that validation chose for public sets (tests/bench/ACCURACY.md, "Defaults"). They
 * speak of kinds, by the facts below, and never of a set. */
#include "solid/train/choose.h"
#include "solid/model.h"
#include "solid/train/split.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

#define CODED_ITEMS 4  /* from which two codes are each of two items: fewer would say what an item's number says */
#define LONG_MEDIAN 30 /* training events of half of the users, from which histories are long */
#define LONG_WINDOW 200
#define LONG_EPOCHS 40     /* after which long histories are learned by heart, unless there are very many */
#define LEAST_STEPS 600    /* of a training, as far as 240 epochs reach */
#define SMALL_STEPS 1000   /* of one in a hurry, whose model is small */
#define MANY_ITEMS  100000 /* from which a step over all of them takes 2.4 times one over drawn ones, or more */
#define NEGATIVES   4096   /* drawn then */
#define MANY_EVENTS 500000 /* from which many passes do not learn them by heart */
#define LARGE_ROOM  1.1e6  /* events to learn from that a second block and a longer window need to pay */

typedef struct choosing {
  solid_train_options *o;
  const unsigned char *given;
  const solid_data_facts *facts;
  double mean, seen; /* training events of a user, of an item */
  double room;       /* events that there is time to learn from; HUGE_VAL = as many as it takes */
  int is_long, is_hurried;
  int is_limited; /* the time is: is_hurried, or steps are smaller for it */
} choosing;

static size_t row_of(const char *name) {
  const solid_option_row *rows = solid_train_option_rows();
  size_t i = 0;
  while (strcmp(rows[i].name, name) != 0) i++;
  return i;
}

static int is_given(const choosing *c, const char *name) {
  return c->given && c->given[row_of(name)];
}

/* Sets an option that is not given. */
static void choose(const choosing *c, const char *name, double value) {
  if (is_given(c, name)) return;
  solid_status status = solid_train_option_set(c->o, &solid_train_option_rows()[row_of(name)], value);
  (void)status; /* every value below is in its range */
}

/* The power of two next to x, in the sense of a ratio, from low to high. */
static uint32_t near_power(double x, uint32_t low, uint32_t high) {
  uint32_t power = low;
  while (power < high && power * 1.41421356 < x) power *= 2;
  return power < high ? power : high;
}

static double within(double x, double low, double high) {
  x = x < low ? low : x;
  return x > high ? high : x;
}

/* Passes over the newest `window` events of every user that there is time for. */
static double passes(const choosing *c, uint32_t window) {
  double rows = c->facts->users * within(c->mean - 1, 1, window);
  return rows > 0 ? c->room / rows : HUGE_VAL;
}

/* What the encoder reads, and how much it is held back. Short histories tell little of a user each, so that a model of
 * more than one block learns them by heart. Long ones repay a second block and a longer window, but not in a hurry, and
 * hard labels where there are many events. */
static void choose_shape(choosing *c) {
  int many = c->facts->events >= MANY_EVENTS && c->seen >= 40;
  c->is_hurried = c->is_long && c->room < LARGE_ROOM && passes(c, LONG_WINDOW) < LONG_EPOCHS;
  int large = c->is_long && !c->is_hurried;
  choose(c, "window", large ? LONG_WINDOW : 50);
  choose(c, "cuts", c->is_long ? 0.5 : 0);
  choose(c, "blocks", large ? 2 : 1);
  if (c->o->width % 4 == 0) choose(c, "heads", large ? 2 : 1);
  choose(c, "dropout", large ? 0.2 : 0.3);
  choose(c, "dropout_z", c->is_long ? 0.3 : 0.5);
  choose(c, "dropout_y", c->is_long ? 0.3 : 0.5);
  choose(c, "smoothing", c->is_long && many ? 0 : 0.1);
}

/* Of so few items, or of one that is taken and no content, no codes are made unless what is given asks for them. */
static int has_no_codes(const choosing *c) {
  const solid_data_facts *f = c->facts;
  if (is_given(c, "codes") || (is_given(c, "head") && c->o->head >= SOLID_HEAD_SEMANTIC)) return 0;
  return f->items < CODED_ITEMS || (f->taken < 2 && f->described == 0);
}

/* Some two dozen items to a code, so that codes say what items have in common; half as many where events tell items
 * apart well. */
static void choose_codes(choosing *c) {
  uint32_t items = c->facts->items, least = items < 4 * CODED_ITEMS ? 2 : 4, most = items / 4 > 512 ? 512 : items / 4;
  if (has_no_codes(c)) {
    choose(c, "levels", 0);
    if (c->o->levels == 0) choose(c, "head", SOLID_HEAD_DUET);
  }
  choose(c, "codes", near_power(items / (c->seen < 100 ? 24.0 : 12.0), least, most < least ? least : most));
  choose(c, "swap", 0); /* level on two public sets; costs 2 % where what comes next is one item and none like it */
}

/* Over a few ten thousand items the whole softmax costs little and is the better judge. */
static void choose_softmax(choosing *c) {
  choose(c, "negatives", c->facts->items >= MANY_ITEMS ? NEGATIVES : 0);
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

/* A training is a number of steps: many users make an epoch of enough of them, few need smaller ones, and so does a
 * short time. Fewer users fill a batch of long histories than of short ones, since each is a window of many positions.
 */
static void choose_schedule(choosing *c) {
  double users = c->facts->users, usual = users / (c->is_long ? 20.0 : 45.0);
  double least = c->is_hurried ? SMALL_STEPS : LEAST_STEPS, hurried = users * passes(c, c->o->window) / least;
  c->is_limited = c->is_hurried || hurried < usual;
  choose(c, "batch", near_power(hurried < usual ? hurried : usual, 16, 128));
  double steps = steps_of(c), rows = (double)c->facts->events;
  double epochs = !c->is_long          ? within(6400 / steps, 42, 120)
                  : rows < MANY_EVENTS ? LONG_EPOCHS
                                       : within(11520 / steps, 8, 240);
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
  char softmax[48] = "all of them", time[64] = "";
  if (o->negatives > 0) snprintf(softmax, sizeof softmax, "%u drawn ones and the batch's own", o->negatives);
  if (c->is_limited) snprintf(time, sizeof time, ", no time for more than %.0f events", c->room);
  snprintf(
      why[0], SOLID_CHOICE_TEXT,
      "%u users of %.1f training events (half of them up to %u): %s histories%s; window %u, blocks %u, dropout %g, "
      "smoothing %g",
      f->users, c->mean, f->median, c->is_long ? "long" : "short", time, o->window, o->blocks, o->dropout,
      o->smoothing);
  snprintf(why[1], SOLID_CHOICE_TEXT,
           "%.0f steps an epoch in batches of %u users; %u epochs, rate falling to %g, average of some %.0f steps",
           steps, o->batch, o->epochs, o->rate * o->rate_end, o->average > 0 ? 1 / (1 - o->average) : 1);
  if (o->levels == 0)
    snprintf(why[2], SOLID_CHOICE_TEXT, "%u items without codes%s; softmax over %s", f->items,
             f->described > 0 ? ", so that their content is not used" : "", softmax);
  else
    snprintf(why[2], SOLID_CHOICE_TEXT, "%u items, %u with content: %u levels of %u codes; softmax over %s", f->items,
             f->described, o->levels, o->codes, softmax);
}

void solid_train_choose(solid_train_options *options, const unsigned char *given, const solid_data_facts *facts,
                        double room, char why[SOLID_CHOICE_LINES][SOLID_CHOICE_TEXT]) {
  choosing c = {.o = options, .given = given, .facts = facts, .room = room > 0 ? room : HUGE_VAL};
  c.mean = facts->users ? (double)facts->events / facts->users : 0;
  c.seen = (double)facts->events / (facts->items ? facts->items : 1);
  c.is_long = facts->median >= LONG_MEDIAN;
  choose_shape(&c);
  choose_codes(&c);
  choose_softmax(&c);
  choose_schedule(&c);
  if (why) explain(&c, why);
}

void solid_train_choose_pace(solid_train_options *options, const unsigned char *given, const solid_data_facts *facts) {
  choose_pace(&(choosing){.o = options, .given = given, .facts = facts});
}
