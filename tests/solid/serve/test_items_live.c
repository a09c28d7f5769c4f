/* The item log in a running service: nobody waits for it, and a model goes live whatever it hides. */
#include "solid/extend.h"
#include "solid/model/model_parts.h"
#include "solid/slot.h"
#include "store/memory_store.h"
#include "tests/solid/serve/items_rig.h"
#include "tests/support/seed.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>

TestSuite(items_live, .init = items_begin, .fini = items_end, .timeout = 600);

/* ---- While the store takes its time ---- */

/* A store's item log in whose calls somebody asks. */
typedef struct asked_store {
  solid_store base;
  process *p;
  int appends, reads;
} asked_store;

static solid_status asked_append(solid_store *store, const solid_items_version *seen, const solid_item_entry *entries,
                                 size_t n, solid_items_version *now, int *appended) {
  asked_store *asked = (asked_store *)store;
  solid_store *inner = asked->p->store;
  cr_assert_eq(solid_item_log_has(asked->p->log, items_text("new")), 0);
  cr_assert_eq(items_place(asked->p, "anna", NULL, "new"), -1, "a question is answered meanwhile");
  asked->appends++;
  solid_status status = inner->ops->items_append(inner, seen, entries, n, now, appended);
  if (asked->appends == 2) cr_assert_geq(items_place(asked->p, "anna", NULL, "new"), 0, "it is in the store by now");
  return status;
}

static solid_status asked_read(solid_store *store, uint64_t from, size_t most, solid_item_fn take, void *take_user,
                               solid_items_version *now) {
  asked_store *asked = (asked_store *)store;
  solid_store *inner = asked->p->store;
  solid_item_log_info info = {.struct_size = sizeof info};
  cr_assert_eq(solid_item_log_get_info(asked->p->log, &info), SOLID_OK);
  cr_assert_eq(solid_item_log_apply(asked->p->log, asked->p->model, SIZE_MAX, NULL), SOLID_OK);
  asked->reads++;
  return inner->ops->items_read(inner, from, most, take, take_user, now);
}

/* In the thread that says something new, so that a lock that is held would never be had. */
Test(items_live, questions_go_on_while_the_log_is_read_and_written) {
  static const solid_store_ops ops = {.name = "asked", .items_read = asked_read, .items_append = asked_append};
  process p = items_start();
  asked_store asked = {.base = {.ops = &ops}, .p = &p};
  const solid_bytes third = items_text("third");
  const solid_item_entry entries[] = {{.id = items_text("other"), .attributes = &third, .n_attributes = 1},
                                      {.id = items_text("new"), .attributes = &third, .n_attributes = 1}};
  solid_status verdict;
  cr_assert_eq(items_push(&p, "anna", "item-3"), SOLID_OK);
  for (int i = 0; i < 2; i++)
    cr_assert_eq(solid_item_log_add(p.log, &asked.base, &entries[i], 1, 1, &verdict), SOLID_OK, "%s",
                 solid_last_error());
  cr_assert(asked.appends == 2 && asked.reads >= 2);
  items_stop(&p);
}

/* ---- A log that is trimmed ---- */

typedef struct counted {
  size_t entries;
  uint64_t newest;
} counted;

static void count(void *user, uint64_t number, const solid_item_entry *entry) {
  counted *c = user;
  cr_assert(entry && number > c->newest);
  c->entries++;
  c->newest = number;
}

/* A word of any kind about one of some items, of the training and of others. */
static void say_something(process *writer, int step, seed_rng *rng) {
  static const char *const attributes[] = {"even", "third", "none"};
  char id[16];
  snprintf(id, sizeof id, "%s-%d", seed_below(rng, 2) ? "new" : "item", seed_below(rng, 12));
  int kind = seed_below(rng, 5);
  if (step % 100 == 99) kind = 0;
  (void)items_say(writer, kind < 2 ? SOLID_ITEM_ADDED : (solid_item_change)(kind - 1), id, NULL,
                  kind < 2 ? attributes[seed_below(rng, 3)] : NULL, NULL);
}

static process start_with(uint32_t spare) {
  solid_store *store = NULL;
  cr_assert_eq(solid_memory_store_share(&store, items_root), SOLID_OK);
  return items_start_over(store, spare);
}

/* Every process comes to the same answers, however far it had read when entries were dropped: from the beginning, from
 * anywhere, or not at all before. The log stays short, and its numbers rise. */
Test(items_live, a_trimmed_log_says_the_same) {
  enum { STEPS = 4000, READERS = 8, ROOM = 2000 };
  seed_rng rng = seed_start(41);
  process writer = start_with(ROOM), readers[READERS];
  solid_item_log_info info = {.struct_size = sizeof info}, theirs = info;
  counted c = {0, 0};
  solid_items_version now;
  uint64_t before = 0;
  cr_assert_eq(items_push(&writer, "anna", "item-39"), SOLID_OK);
  for (int r = 0; r < READERS; r++) readers[r] = start_with(ROOM);
  for (int step = 0; step < STEPS; step++) {
    say_something(&writer, step, &rng);
    cr_assert_eq(solid_item_log_get_info(writer.log, &info), SOLID_OK);
    cr_assert_geq(info.version.count, before);
    before = info.version.count;
    for (int r = 0; r < READERS; r++) /* reader r follows for a while, and rests until the end */
      if (step % 40 == 0 && step < r * STEPS / READERS) (void)items_place(&readers[r], "anna", NULL, "x");
  }
  cr_assert_eq(writer.store->ops->items_read(writer.store, 0, STEPS, count, &c, &now), SOLID_OK);
  cr_assert(now.count == before && c.newest == before, "%llu of %llu", (unsigned long long)c.newest,
            (unsigned long long)before);
  cr_assert_gt(before, 2500);
  for (int r = 0; r < READERS; r++) {
    cr_assert_eq(solid_item_log_follow(readers[r].log, readers[r].store), SOLID_OK, "%s", solid_last_error());
    cr_assert_eq(solid_item_log_apply(readers[r].log, readers[r].model, SIZE_MAX, NULL), SOLID_OK, "%s",
                 solid_last_error());
    cr_assert_eq(solid_item_log_get_info(readers[r].log, &theirs), SOLID_OK);
    cr_assert(theirs.items == info.items && theirs.hidden == info.hidden && theirs.removed == info.removed &&
                  theirs.unreadable == 0 && theirs.version.count == info.version.count,
              "reader %d", r);
    if (r) items_same_answers(&readers[0], &readers[r], "anna");
  }
  for (int r = 0; r < READERS; r++) items_stop(&readers[r]);
  cr_assert_lt(c.entries, 1500, "of %llu entries", (unsigned long long)before);
  items_stop(&writer);
}

/* A store that takes items and drops none, for a while. */
typedef struct full_store {
  solid_store base, *inner;
  int asked, refuses;
} full_store;

static solid_status full_read(solid_store *store, uint64_t from, size_t most, solid_item_fn take, void *take_user,
                              solid_items_version *now) {
  solid_store *inner = ((full_store *)store)->inner;
  return inner->ops->items_read(inner, from, most, take, take_user, now);
}

static solid_status full_append(solid_store *store, const solid_items_version *seen, const solid_item_entry *entries,
                                size_t n, solid_items_version *now, int *appended) {
  solid_store *inner = ((full_store *)store)->inner;
  return inner->ops->items_append(inner, seen, entries, n, now, appended);
}

static solid_status full_drop(solid_store *store, const solid_items_version *seen, const uint64_t *numbers, size_t n,
                              int *dropped) {
  full_store *full = (full_store *)store;
  full->asked++;
  if (full->refuses) return solid_fail(SOLID_EFULL, "no room for a new file");
  return full->inner->ops->items_drop(full->inner, seen, numbers, n, dropped);
}

/* Who cannot drop is not asked with every item again, and is asked again some time. */
Test(items_live, a_log_that_cannot_be_trimmed_is_let_be_for_a_while) {
  static const solid_store_ops ops = {
      .name = "full", .items_read = full_read, .items_append = full_append, .items_drop = full_drop};
  process p = items_start();
  full_store full = {.base = {.ops = &ops}, .inner = p.store, .refuses = 1};
  solid_items_version now;
  counted c = {0, 0};
  for (int i = 0; i < 2100; i++) {
    const solid_item_entry entry = {.kind = i % 2 ? SOLID_ITEM_SHOWN : SOLID_ITEM_HIDDEN, .id = items_text("item-1")};
    solid_status verdict;
    full.refuses = i < 1500;
    cr_assert_eq(solid_item_log_add(p.log, &full.base, &entry, 1, 1, &verdict), SOLID_OK, "%s", solid_last_error());
    cr_assert_eq(verdict, SOLID_OK);
    cr_assert_eq(full.asked, (i >= 1024) + (i >= 2048), "%d times, word %d", full.asked, i);
  }
  cr_assert_eq(p.store->ops->items_read(p.store, 0, 4000, count, &c, &now), SOLID_OK);
  cr_assert(c.newest == 2100 && c.entries == 2100 - 2048, "%zu entries", c.entries);
  items_stop(&p);
}

/* ---- A slot over the log ---- */

static solid_status add_to_slot(const process *p, solid_model *model) {
  solid_slot_options options = SOLID_SLOT_OPTIONS_INIT;
  solid_store *stores[1] = {p->store};
  solid_slot *slot = NULL;
  options.seats = 1, options.stores = stores, options.items = p->log;
  cr_assert_eq(solid_slot_new(&slot, &options), SOLID_OK, "%s", solid_last_error());
  solid_status status = solid_slot_add(slot, model);
  if (status) solid_model_free(model);
  solid_slot_free(slot);
  return status;
}

/* A model goes live whether or not there is anything to recommend; not one that makes no numbers. */
Test(items_live, a_model_of_hidden_items_goes_live) {
  process p = items_start();
  for (int removed = 0; removed < 2; removed++) {
    for (int v = 0; v < 40; v++) {
      char id[16];
      snprintf(id, sizeof id, "item-%d", v);
      solid_item_change kind = removed ? SOLID_ITEM_REMOVED : SOLID_ITEM_HIDDEN;
      cr_assert_eq(items_say(&p, kind, id, NULL, NULL, NULL), SOLID_OK);
    }
    cr_assert_eq(add_to_slot(&p, items_model(SPARE)), SOLID_OK, "%s", solid_last_error());
    solid_model *broken = items_model(SPARE);
    for (size_t i = 0; i < sol_tensors_total(&broken->file.config); i++) broken->device_weights[i] = NAN;
    cr_assert_eq(add_to_slot(&p, broken), removed ? SOLID_OK : SOLID_ERANGE, "there is no item to try it with");
  }
  items_stop(&p);
}
