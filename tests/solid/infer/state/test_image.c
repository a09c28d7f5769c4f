/* States as bytes: what comes back, and what is written for an event. */
#include "solid/infer/state/layout.h"
#include "tests/solid/infer/state/rig.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const devices[] = {"cpu", "recording", "cuda"};
enum { DEVICES = 3, PARTS = 256, D = 64, WIDE = 512 };

/* What a store holds of one user: whole parts, replaced one by one. */
typedef struct shelf {
  sol_part parts[PARTS];
  size_t n, written;
  uint8_t *bytes[PARTS];
} shelf;

static void shelve(shelf *to, const sol_image *image) {
  to->written = 0;
  if (image->whole) to->n = 0;
  for (size_t i = 0; i < image->n; i++) {
    const sol_part *part = &image->parts[i];
    size_t k = part->number;
    cr_assert(k <= to->n && k < PARTS, "part %zu would leave a hole behind %zu", k, to->n);
    to->bytes[k] = realloc(to->bytes[k], part->size + 8);
    memcpy(to->bytes[k], part->data, part->size);
    to->parts[k] = (sol_part){part->number, part->size, to->bytes[k]};
    to->written += part->size;
    if (k == to->n) to->n++;
  }
}

static void shelf_clear(shelf *of) {
  for (size_t i = 0; i < PARTS; i++) free(of->bytes[i]);
}

static double difference(const float *x, const float *y, size_t n) {
  double most = 0, scale = 0;
  for (size_t i = 0; i < n; i++) {
    most = fmax(most, fabs((double)x[i] - (double)y[i]));
    scale = fmax(scale, fabs((double)y[i]));
  }
  return most / scale;
}

static void own_h(const state_rig *r, size_t slot, float *h) {
  const float *device;
  cr_assert_eq(sol_states_append(r->states, &(sol_newer){.slot = slot}, 1, &device), SOLID_OK);
  cr_assert_eq(r->be->ops->download(r->be, h, device, r->config->width * sizeof *h), SOLID_OK);
  cr_assert_eq(r->be->ops->sync(r->be), SOLID_OK);
}

/* Written at `cut` and read into another slot, the history goes on as if nothing had happened, but for rounding. */
static void judge_return(const state_rig *r, int element, const uint32_t *items, size_t cut, double tolerance) {
  sol_image image = state_rig_image(r);
  float want[WIDE], got[WIDE];
  uint64_t seq = 0;
  sol_states_clear(r->states, 0);
  state_rig_append(r, 0, items, cut, 0, want);
  state_rig_pack(r, 0, element, 0, &image);
  cr_assert(image.whole && image.overflows == 0);
  cr_assert_eq(sol_image_unpack(r->states, 1, image.parts, image.n, &seq), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(seq, cut + 3);
  cr_assert_eq(sol_states_events(r->states, 1), cut);
  for (uint32_t b = 0; b < r->config->blocks; b++)
    for (uint32_t h = 0; h < r->config->heads; h++) {
      const uint32_t *was, *is;
      size_t n = sol_states_kept(r->states, 0, b, h, &was);
      cr_assert_eq(sol_states_kept(r->states, 1, b, h, &is), n);
      cr_assert_arr_eq(is, was, n * sizeof *was);
    }
  own_h(r, 1, got);
  cr_assert_arr_eq(got, want, r->config->width * sizeof *got, "the newest h is another one");
  state_rig_append(r, 0, items + cut, 9, 1, want);
  state_rig_append(r, 1, items + cut, 9, 0, got);
  double lost = difference(got, want, r->config->width);
  cr_assert_leq(lost, tolerance, "%zu events in element %d: h differs by %.2e", cut, element, lost);
  state_rig_image_free(&image);
}

static void judge_returns(const char *device) {
  static const size_t cuts[] = {1, 15, 16, 21, 100, 137};
  for (uint32_t blocks = 1; blocks <= 3; blocks++) {
    sol_config config = state_rig_config(2, 32, blocks);
    state_rig r = state_rig_open(device, &config, 2, 24);
    if (!r.ctx) return;
    seed_rng rng = seed_start(4);
    uint32_t *items = state_rig_items(&r, &rng, 200);
    float *table = r.model->first_kv;
    cr_assert_not_null(table);
    for (size_t i = 0; i < 2 * sizeof cuts / sizeof cuts[0]; i++) {
      r.model->first_kv = i % 2 ? NULL : table; /* block 0's keys and values come from the table, or from the items */
      judge_return(&r, SOL_VALUES_F16, items, cuts[i / 2], blocks == 1 ? 1e-5 : 2e-3);
      judge_return(&r, SOL_VALUES_I8, items, cuts[i / 2], blocks == 1 ? 1e-5 : 4e-2);
    }
    r.model->first_kv = table;
    free(items);
    state_rig_close(&r);
  }
}

Test(image, takes_keys_of_many_items_from_the_items) {
  sol_config config = state_rig_config(2, 64, 2);
  config.items = (uint32_t)(SOL_FIRST_KV_MOST / (2 * config.width * sizeof(float)));
  state_rig r = state_rig_open("cpu", &config, 2, 24);
  seed_rng rng = seed_start(4);
  uint32_t *items = state_rig_items(&r, &rng, 200);
  cr_assert_null(r.model->first_kv);
  judge_return(&r, SOL_VALUES_F16, items, 137, 2e-3);
  free(items);
  state_rig_close(&r);
}

Test(image, brings_states_back) {
  for (int i = 0; i < DEVICES; i++) judge_returns(devices[i]);
}

/* More heads than a GPU's select has room for, and as many bytes and parts as were expected. */
Test(image, has_the_expected_size) {
  static const uint32_t heads[] = {1, 2, 8, 72};
  static const size_t events[] = {0, 1, 15, 24, 40, 152};
  for (size_t k = 0; k < sizeof heads / sizeof heads[0]; k++) {
    sol_config config = state_rig_config(heads[k], 4, 3);
    config.select_mass = 1000;
    state_rig r = state_rig_open("cpu", &config, 2, 24);
    seed_rng rng = seed_start(5);
    uint32_t *items = state_rig_items(&r, &rng, 200);
    sol_image image = state_rig_image(&r);
    float h[WIDE];
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
      size_t bytes = 0;
      sol_states_clear(r.states, 0);
      state_rig_append(&r, 0, items, events[i], 0, h);
      state_rig_pack(&r, 0, SOL_VALUES_I8, 0, &image);
      for (size_t j = 0; j < image.n; j++) bytes += image.parts[j].size;
      sol_image_size want = sol_image_expected(r.model, SOL_VALUES_I8, events[i]);
      cr_expect_eq(image.n, want.parts, "%u heads, %zu events: %zu parts, expected %zu", heads[k], events[i], image.n,
                   want.parts);
      cr_expect(bytes <= want.bytes && (double)bytes >= 0.9 * (double)want.bytes,
                "%u heads, %zu events: %zu bytes, expected %zu", heads[k], events[i], bytes, want.bytes);
      if (events[i] > 100) judge_return(&r, SOL_VALUES_F16, items, events[i], 2e-3);
    }
    sol_image_size largest = sol_image_largest(r.model);
    cr_expect(largest.parts == sol_image_most(r.states) && largest.bytes == sol_image_room(r.states));
    state_rig_image_free(&image);
    free(items);
    state_rig_close(&r);
  }
}

/* Event by event, only what changed is written; what lies on the shelf is the state, whoever reads it. */
static void judge_shelf(const char *device) {
  enum { EVENTS = 90 };
  sol_config config = state_rig_config(2, 32, 2);
  state_rig r = state_rig_open(device, &config, 2, 24);
  if (!r.ctx) return;
  seed_rng rng = seed_start(14);
  uint32_t *items = state_rig_items(&r, &rng, EVENTS);
  sol_image image = state_rig_image(&r);
  shelf store = {0};
  float want[D], got[D];
  uint64_t seq;
  for (size_t i = 0; i < EVENTS; i++) {
    state_rig_append(&r, 0, items + i, 1, 0, want);
    state_rig_pack(&r, 0, SOL_VALUES_F16, i, &image);
    shelve(&store, &image);
    if ((i + 1) % 16)
      cr_assert_leq(store.written, 128 + 4 * D + SOL_RING_BYTES, "event %zu writes %zu", i, store.written);
    if (i % 7) continue;
    cr_assert_eq(sol_image_unpack(r.states, 1, store.parts, store.n, &seq), SOLID_OK, "%s", solid_last_error());
    cr_assert_eq(sol_states_events(r.states, 1), i + 1);
    state_rig_append(&r, 1, items, 1, 0, got); /* one more event than slot 0 has, of another copy */
  }
  cr_assert_eq(sol_image_unpack(r.states, 1, store.parts, store.n, &seq), SOLID_OK, "%s", solid_last_error());
  state_rig_append(&r, 0, items, 3, 0, want);
  state_rig_append(&r, 1, items, 3, 0, got);
  cr_assert_leq(difference(got, want, r.config->width), 2e-3);
  shelf_clear(&store);
  state_rig_image_free(&image);
  free(items);
  state_rig_close(&r);
}

Test(image, writes_what_an_event_changes) {
  for (int i = 0; i < DEVICES; i++) judge_shelf(devices[i]);
}
