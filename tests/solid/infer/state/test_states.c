/* A state makes of a history what the encoder makes of it as a window, however it is cut into appends. */
#include "solid/infer/plan_backend.h"
#include "tests/solid/infer/state/rig.h"
#include "tests/support/compare.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const devices[] = {"cpu", "recording", "cuda"};
enum { DEVICES = 3, WIDE = 512 };

static state_rig_list lists[64];

static double largest(const float *x, size_t n) {
  double most = 0;
  for (size_t i = 0; i < n; i++) most = fmax(most, fabs((double)x[i]));
  return most;
}

static void close_to(const char *what, size_t events, const float *got, const float *want, size_t d, double tolerance) {
  double scale = largest(want, d);
  cr_assert_gt(scale, 0);
  for (size_t j = 0; j < d; j++)
    cr_assert(compare_is_close(got[j], want[j], tolerance * scale, 0), "%s, %zu events: h[%zu] is %.9g, want %.9g",
              what, events, j, (double)got[j], (double)want[j]);
}

/* The lists of a slot are `want`. */
static void same_lists(const state_rig *r, size_t slot, size_t n, const state_rig_list *want) {
  const uint32_t *got;
  for (uint32_t b = 0; b < r->config->blocks; b++)
    for (uint32_t h = 0; h < r->config->heads; h++, want++) {
      size_t count = sol_states_kept(r->states, slot, b, h, &got);
      cr_assert_eq(count, want->count, "%zu events, block %u, head %u: keeps %zu, want %zu", n, b, h, count,
                   want->count);
      for (size_t j = 0; j < count; j++)
        cr_assert_eq(got[j], want->events[j], "%zu events, block %u, head %u: entry %zu is %u, want %u", n, b, h, j,
                     got[j], want->events[j]);
    }
}

/* Many m and n round the ends of chunks, against the encoder and against one append. */
static void judge_cuts(const char *device, uint32_t heads, uint32_t dh, uint32_t blocks, uint32_t dense_below) {
  static const size_t lengths[] = {1, 15, 16, 17, 33, 70, 100}, cuts[] = {1, 7, 15, 16, 17, 32, 69};
  sol_config config = state_rig_config(heads, dh, blocks);
  config.select_dense_below = dense_below;
  state_rig r = state_rig_open(device, &config, 2, 40);
  if (!r.ctx) return;
  seed_rng rng = seed_start(heads * 1000 + dh + blocks);
  uint32_t *items = state_rig_items(&r, &rng, 100);
  float want[WIDE], got[WIDE];
  for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
    size_t n = lengths[i], d = r.config->width;
    state_rig_encode(&r, items, n, want);
    state_rig_lists(&r, items, n, lists);
    for (size_t k = 0; k < sizeof cuts / sizeof cuts[0] && cuts[k] < n; k++) {
      sol_states_clear(r.states, 1);
      state_rig_append(&r, 1, items, cuts[k], 0, got);
      state_rig_append(&r, 1, items + cuts[k], n - cuts[k], k == i ? 1 : 3 * (k % 2), got);
      cr_assert_eq(sol_states_events(r.states, 1), n);
      close_to("cut", n, got, want, d, 2e-5);
      if (n % 16) same_lists(&r, 1, n, lists);
    }
    sol_states_clear(r.states, 0);
    state_rig_append(&r, 0, items, n, 0, got);
    close_to("at once", n, got, want, d, 2e-5);
    if (n % 16) same_lists(&r, 0, n, lists);
  }
  free(items);
  state_rig_close(&r);
}

Test(states, are_what_the_encoder_makes_of_the_window) {
  static const uint32_t shapes[][4] = {{2, 16, 2, 0}, {1, 32, 1, 0},  {8, 16, 2, 0}, {4, 32, 3, 0},
                                       {2, 64, 2, 0}, {1, 128, 2, 0}, {2, 32, 2, 40}};
  for (int i = 0; i < DEVICES; i++)
    for (size_t k = 0; k < sizeof shapes / sizeof shapes[0]; k++)
      judge_cuts(devices[i], shapes[k][0], shapes[k][1], shapes[k][2], shapes[k][3]);
}

/* Users of every length in one call, with fewer rows in flight than they have events, too few for two chunks or enough
 * for those of several users: each as if it were alone. */
static void judge_company(const char *device, size_t rows) {
  enum { SLOTS = 9 };
  static const size_t first[SLOTS] = {0, 3, 100, 16, 47, 1, 200, 31, 0}, then[SLOTS] = {5, 1, 1, 1, 1, 80, 1, 90, 0};
  sol_config config = state_rig_config(2, 16, 2);
  state_rig r = state_rig_open(device, &config, SLOTS, rows);
  if (!r.ctx) return;
  seed_rng rng = seed_start(77);
  sol_newer newer[SLOTS];
  uint32_t *items[SLOTS];
  const float *device_h = NULL;
  size_t d = r.config->width;
  float h[SLOTS * 32], alone[32];
  for (size_t i = 0; i < SLOTS; i++) {
    items[i] = state_rig_items(&r, &rng, 300);
    newer[i] = (sol_newer){SLOTS - 1 - i, items[i], first[i]};
  }
  cr_assert_eq(sol_states_append(r.states, newer, SLOTS, &device_h), SOLID_OK, "%s", solid_last_error());
  for (size_t i = 0; i < SLOTS; i++) newer[i].items += first[i], newer[i].n = then[i];
  cr_assert_eq(sol_states_append(r.states, newer, SLOTS, &device_h), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(r.be->ops->download(r.be, h, device_h, sizeof h), SOLID_OK);
  cr_assert_eq(r.be->ops->sync(r.be), SOLID_OK);
  for (size_t i = 0; i < SLOTS; i++) {
    size_t n = first[i] + then[i];
    cr_assert_eq(sol_states_events(r.states, SLOTS - 1 - i), n);
    if (n) state_rig_encode(&r, items[i], n, alone);
    if (n) close_to("in company", n, h + i * d, alone, d, 2e-5);
    if (n % 16) state_rig_lists(&r, items[i], n, lists);
    if (n % 16) same_lists(&r, SLOTS - 1 - i, n, lists);
    for (size_t j = 0; j < d && !n; j++) cr_assert_eq(h[i * d + j], 0);
    free(items[i]);
  }
  state_rig_close(&r);
}

Test(states, do_not_depend_on_company) {
  for (int i = 0; i < DEVICES; i++) judge_company(devices[i], 24), judge_company(devices[i], 200);
}

/* 10,000 single updates against one prefill, and against numbers that are counted anew again and again. */
static void judge_drift(const char *device) {
  enum { EVENTS = 10000 };
  sol_config config = state_rig_config(2, 16, 2);
  state_rig r = state_rig_open(device, &config, 3, 512);
  if (!r.ctx) return;
  seed_rng rng = seed_start(5);
  uint32_t *items = state_rig_items(&r, &rng, EVENTS);
  float single[32], whole[32], rebased[32];
  state_rig_append(&r, 0, items, EVENTS, 1, single);
  state_rig_append(&r, 1, items, EVENTS, 0, whole);
  close_to("one by one", EVENTS, single, whole, 32, 1e-4);
  sol_states_rebase_at(r.states, 777);
  state_rig_append(&r, 2, items, EVENTS, 100, rebased);
  close_to("counted anew", EVENTS, rebased, whole, 32, 1e-4);
  for (uint32_t b = 0; b < 2; b++)
    for (uint32_t h = 0; h < 2; h++) {
      const uint32_t *kept[3];
      size_t n = sol_states_kept(r.states, 0, b, h, &kept[0]);
      for (size_t slot = 1; slot < 3; slot++) {
        cr_assert_eq(sol_states_kept(r.states, slot, b, h, &kept[slot]), n);
        cr_assert_arr_eq(kept[slot], kept[0], n * sizeof *kept[0]);
      }
    }
  free(items);
  state_rig_close(&r);
}

Test(states, drift_little_in_ten_thousand_updates) {
  for (int i = 0; i < DEVICES; i++) judge_drift(devices[i]);
}

static size_t card;
static sk_backend_ops small;

static solid_status memory_of_card(sk_backend *be, size_t *left, size_t *total) {
  (void)be;
  *left = *total = card;
  return SOLID_OK;
}

/* On a card that has not the bytes: refused before anything is taken, with both numbers. */
Test(states, that_do_not_fit_are_refused_with_the_bytes) {
  sol_config config = state_rig_config(2, 16, 2);
  state_rig r = state_rig_open("recording", &config, 1, 4);
  uint64_t before = r.be->bytes;
  sol_states *none = NULL;
  small = *r.be->ops, small.memory = memory_of_card;
  r.be->ops = &small, card = sol_states_bytes(r.model, 8, 16) - 1;
  cr_assert_eq(sol_states_new(&none, r.model, r.be, 8, 16), SOLID_ENOMEM);
  cr_assert(!none && r.be->bytes == before, "something was taken");
  cr_assert_not_null(strstr(solid_last_error(), "attention states of 8 users needs"), "%s", solid_last_error());
  cr_assert_not_null(strstr(solid_last_error(), "keep fewer at once"), "%s", solid_last_error());
  card++;
  cr_assert_eq(sol_states_new(&none, r.model, r.be, 8, 16), SOLID_OK, "%s", solid_last_error());
  sol_states_free(none);
  sk_backend *plan = NULL; /* counts what is taken on the device alone */
  cr_assert_eq(sol_plan_table.open(&plan, NULL), SOLID_OK);
  before = plan->bytes;
  cr_assert_eq(sol_states_new(&none, r.model, plan, 8, 16), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(plan->bytes - before, card);
  sol_states_free(none);
  plan->ops->close(plan);
  state_rig_close(&r);
}

static const sk_backend_ops *real;
static int32_t entry;

/* The list that was made begins with another entry. */
static solid_status select_badly(sk_backend *be, const sk_select_args *a) {
  solid_status status = real->select(be, a);
  a->rows[a->begin[1]] = entry;
  return status;
}

/* A device that makes lists of what is not there: an error, and never an index. */
Test(states, take_no_list_that_is_none) {
  static const int32_t entries[] = {-1, INT32_MIN, 1000, INT32_MAX};
  sol_config config = state_rig_config(2, 16, 2);
  state_rig r = state_rig_open("cpu", &config, 1, 16);
  real = r.be->ops, small = *real, small.select = select_badly;
  r.be->ops = &small;
  uint32_t items[16] = {0};
  const float *h;
  for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++) {
    entry = entries[i];
    cr_assert_eq(sol_states_append(r.states, &(sol_newer){0, items, 16}, 1, &h), SOLID_EDEVICE);
    cr_assert_not_null(strstr(solid_last_error(), "keeps events that its list does not have"), "%s",
                       solid_last_error());
    cr_assert_eq(sol_states_events(r.states, 0), 0);
  }
  state_rig_close(&r);
}

Test(states, refuse_what_they_cannot_do) {
  sol_config config = state_rig_config(2, 16, 2);
  state_rig r = state_rig_open("cpu", &config, 2, 4);
  const float *h = NULL;
  uint32_t items[2] = {1, 40};
  sol_newer twice[2] = {{1, items, 1}, {1, items, 1}}, beyond = {2, items, 1}, unknown = {0, items, 2};
  cr_assert_eq(sol_states_append(r.states, twice, 2, &h), SOLID_EINVAL);
  cr_assert_eq(sol_states_append(r.states, &beyond, 1, &h), SOLID_EINVAL);
  cr_assert_eq(sol_states_append(r.states, &unknown, 1, &h), SOLID_ERANGE);
  cr_assert_eq(sol_states_events(r.states, 0), 0, "a refused append left something");
  sol_states *none = NULL;
  cr_assert_eq(sol_states_new(&none, r.model, r.be, 0, 1), SOLID_EINVAL);
  cr_assert_eq(sol_states_new(&none, r.model, r.be, 5, 4), SOLID_EINVAL);
  cr_assert_eq(sol_states_new(&none, r.model, r.be, (size_t)1 << 40, (size_t)1 << 40), SOLID_EINVAL);
  cr_assert_null(none);
  cr_assert_gt(sol_states_bytes(r.model, 8, 8), sol_states_bytes(r.model, 4, 8));
  sol_states_free(NULL);
  state_rig_close(&r);
}
