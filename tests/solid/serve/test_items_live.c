/* The item log in a running service: nobody waits for it, and a model goes live whatever it hides. */
#include "solid/model/model_parts.h"
#include "solid/slot.h"
#include "tests/solid/serve/items_rig.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>

TestSuite(items_live, .init = items_begin, .fini = items_end, .timeout = 60);

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
  cr_assert(asked.appends == 2 && asked.reads >= 4);
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
