/* A slot whose large model reads its embeddings from a file that somebody touches: the same file, loaded again, takes
 * its place, though it is of the same generation. */
#include "kernels/topk.h"
#include "solid/model/model_parts.h"
#include "solid/slot.h"
#include "store/memory_store.h"
#include "tests/support/tiny_model.h"
#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct rig {
  solid_context *ctx;
  char path[256];
  solid_store *store;
  solid_slot *slot;
  uint64_t generation;
} rig;

static solid_model *load(const rig *r) {
  solid_model *model = NULL;
  cr_assert_eq(sol_model_open(&model, r->ctx, r->path, -1, 0), SOLID_OK, "%s", solid_last_error());
  return model;
}

static rig begin(void) {
  rig r = {0};
  sol_config config = tiny_joinable(SOLID_HEAD_SOLID, 0);
  config.items = SK_TOPK_LARGE + 7;
  cr_assert_eq(solid_context_new(&r.ctx, NULL), SOLID_OK);
  tiny_model_write(r.path, sizeof r.path, &config, 5);
  solid_model *model = load(&r);
  solid_model_info info = {.struct_size = sizeof info};
  cr_assert_eq(solid_model_get_info(model, &info), SOLID_OK);
  r.generation = info.generation;
  cr_assert_eq(solid_store_open_memory(&r.store, model, NULL), SOLID_OK);
  solid_slot_options options = SOLID_SLOT_OPTIONS_INIT;
  options.seats = 1, options.stores = &r.store;
  cr_assert_eq(solid_slot_new(&r.slot, &options), SOLID_OK);
  cr_assert_eq(solid_slot_add(r.slot, model), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(solid_slot_switch(r.slot, r.store, r.generation, SOLID_SHARES), SOLID_OK);
  return r;
}

static void end(rig *r) {
  solid_slot_free(r->slot);
  solid_store_close(r->store);
  unlink(r->path);
  solid_context_free(r->ctx);
}

static solid_status ask(const rig *r) {
  const solid_seat *seat = NULL;
  const solid_bytes nobody = {NULL, 0}, item = {"item-3", 6};
  solid_query query = SOLID_QUERY_INIT;
  solid_scored best;
  query.k = 1, query.session = &item, query.n_session = 1;
  cr_assert_eq(solid_slot_take(r->slot, 0, nobody, &seat), SOLID_OK);
  solid_status status = solid_recommend(seat->recommender, nobody, &query, &best, NULL);
  solid_slot_give(r->slot, seat);
  return status;
}

Test(slot_file, that_was_touched_is_read_again) {
  rig r = begin();
  const solid_seat *seat = NULL, *after = NULL;
  solid_model *again = load(&r);
  if (!again->file.rows) cr_skip_test("no scout on this machine, so that nothing stays in the file");
  cr_assert_eq(ask(&r), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(solid_slot_take(r.slot, 0, (solid_bytes){NULL, 0}, &seat), SOLID_OK);
  cr_assert_eq(solid_slot_add(r.slot, again), SOLID_OK);
  cr_assert_eq(utimensat(AT_FDCWD, r.path, (struct timespec[]){{1, 0}, {1, 0}}, 0), 0);
  cr_assert_eq(ask(&r), SOLID_ESTALE, "%s", solid_last_error());
  cr_assert_eq(solid_slot_add(r.slot, load(&r)), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(solid_slot_switch(r.slot, r.store, r.generation, SOLID_SHARES), SOLID_OK);
  cr_assert_eq(ask(&r), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(solid_slot_take(r.slot, 0, (solid_bytes){NULL, 0}, &after), SOLID_OK);
  cr_expect_neq(seat, after);
  solid_slot_give(r.slot, after);
  cr_expect_eq(solid_slot_count(r.slot), 2, "the first one waits for its seat");
  solid_slot_give(r.slot, seat);
  cr_expect_eq(solid_slot_count(r.slot), 1);
  end(&r);
}
