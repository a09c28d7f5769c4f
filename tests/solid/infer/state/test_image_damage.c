/* States as bytes: nothing damaged is read as right. */
#include "solid/infer/state/layout.h"
#include "tests/solid/infer/state/rig.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { D = 64 };

static void seal(const sol_part *part) {
  uint64_t sum = sol_part_sum(part->data, part->size);
  memcpy((uint8_t *)(uintptr_t)part->data, &sum, sizeof sum);
}

static void refused(const state_rig *r, const sol_image *image, solid_status status, const char *why) {
  uint64_t seq = 7;
  solid_status got = sol_image_unpack(r->states, 1, image->parts, image->n, &seq);
  cr_assert_eq(got, status, "%s: got %s, %s", why, solid_status_name(got), solid_last_error());
  cr_assert_not_null(strstr(solid_last_error(), why), "want '%s', got '%s'", why, solid_last_error());
  cr_assert_eq(sol_states_events(r->states, 1), 0, "%s left a state", why);
}

/* Changes bytes of a part, seals it, expects a refusal, and takes it back. */
static void alter(const state_rig *r, const sol_image *image, size_t number, size_t at, const void *bytes, size_t size,
                  solid_status status, const char *why) {
  uint8_t *to = (uint8_t *)(uintptr_t)image->parts[number].data + at, before[64];
  memcpy(before, to, size);
  memcpy(to, bytes, size);
  seal(&image->parts[number]);
  refused(r, image, status, why);
  memcpy(to, before, size);
  seal(&image->parts[number]);
}

Test(image, refuses_what_is_not_right_by_name) {
  sol_config config = state_rig_config(2, 32, 2);
  state_rig r = state_rig_open("cpu", &config, 2, 24);
  seed_rng rng = seed_start(24);
  uint32_t *items = state_rig_items(&r, &rng, 70), beyond = 64, backwards[2] = {5, 5};
  uint16_t no_number = 0x7e00;
  uint64_t other = 1, seq, much = 1u << 31;
  float h[D];
  sol_image image = state_rig_image(&r);
  state_rig_append(&r, 0, items, 70, 0, h);
  state_rig_pack(&r, 0, SOL_VALUES_F16, 0, &image);
  size_t far = 2, ring = sol_far_parts(r.states), value = SOL_PART_HEAD + 18 * 4 + 6;
  alter(&r, &image, 0, SOL_PART_HEAD + 8, &other, 8, SOLID_EMISMATCH, "selector");
  alter(&r, &image, 0, SOL_PART_HEAD + 16, &other, 8, SOLID_EMISMATCH, "generation");
  alter(&r, &image, 0, SOL_PART_HEAD + 32, &much, 8, SOLID_EFORMAT, "counts that no state has");
  alter(&r, &image, 0, SOL_PART_HEAD + 4, &(uint32_t){7}, 4, SOLID_EFORMAT, "counts that no state has");
  alter(&r, &image, 0, SOL_PART_HEAD + SOL_IMAGE_FIXED, &(uint32_t){99}, 4, SOLID_EFORMAT, "keeps more");
  alter(&r, &image, 0, SOL_PART_HEAD + SOL_IMAGE_FIXED, &(uint32_t){3}, 4, SOLID_EFORMAT, "list of another length");
  alter(&r, &image, far, SOL_PART_HEAD + 17 * 4, &beyond, 4, SOLID_EFORMAT, "beyond its history");
  alter(&r, &image, far, SOL_PART_HEAD + 4, backwards, 8, SOLID_EFORMAT, "out of order");
  alter(&r, &image, 1, SOL_PART_HEAD + 4, backwards, 8, SOLID_EFORMAT, "out of order");
  alter(&r, &image, 1, 12, &(uint32_t){5000}, 4, SOLID_EFORMAT, "more events than lists");
  alter(&r, &image, far, value, &no_number, 2, SOLID_EFORMAT, "no number");
  alter(&r, &image, ring, SOL_PART_HEAD + 8, &no_number, 2, SOLID_EFORMAT, "no number");
  alter(&r, &image, ring, SOL_PART_HEAD, &other, 8, SOLID_EFORMAT, "does not know");
  alter(&r, &image, ring, 16, &other, 8, SOLID_EFORMAT, "another chunk");
  alter(&r, &image, ring, 20, &(uint32_t){9}, 4, SOLID_EFORMAT, "another chunk"); /* of another origin */
  alter(&r, &image, 0, 20, &(uint32_t){9}, 4, SOLID_EFORMAT, "another chunk");
  alter(&r, &image, far, 8, &(uint32_t){3}, 4, SOLID_EFORMAT, "another one");
  for (size_t i = 0; i < image.n; i++) {
    sol_part whole = image.parts[i];
    for (size_t size = 0; size < whole.size; size += size < 40 ? 1 : 97) {
      image.parts[i].size = (uint32_t)size;
      refused(&r, &image, SOLID_EFORMAT, "cut off");
    }
    image.parts[i] = whole;
    ((uint8_t *)(uintptr_t)whole.data)[whole.size / 2] ^= 4;
    refused(&r, &image, SOLID_EFORMAT, "flipped");
    ((uint8_t *)(uintptr_t)whole.data)[whole.size / 2] ^= 4;
  }
  image.n--;
  refused(&r, &image, SOLID_EFORMAT, "missing");
  image.n++;
  cr_assert_eq(sol_image_unpack(r.states, 1, image.parts, image.n, &seq), SOLID_OK, "%s", solid_last_error());
  state_rig_image_free(&image);
  free(items);
  state_rig_close(&r);
}

/* A history of nothing, and a key that is no number. */
Test(image, writes_no_rubbish) {
  sol_config config = state_rig_config(2, 32, 2);
  state_rig r = state_rig_open("cpu", &config, 2, 24);
  sol_image image = state_rig_image(&r);
  uint64_t seq = 1;
  uint32_t items[3] = {1, 2, 3};
  float h[D];
  state_rig_pack(&r, 0, SOL_VALUES_I8, 0, &image);
  cr_assert_eq(sol_image_unpack(r.states, 1, image.parts, image.n, &seq), SOLID_OK, "%s", solid_last_error());
  cr_assert(seq == 3 && sol_states_events(r.states, 1) == 0);
  state_rig_append(&r, 0, items, 3, 0, h);
  sol_host_kv(r.states, 0, 1)[2 * D + 5] = 1e6f;
  state_rig_pack(&r, 0, SOL_VALUES_F16, 0, &image);
  cr_assert_eq(image.overflows, 1);
  sol_host_kv(r.states, 0, 1)[2 * D + 5] = NAN;
  cr_assert_eq(sol_image_pack(r.states, 0, 3, SOL_VALUES_I8, 0, &image), SOLID_EFORMAT);
  state_rig_image_free(&image);
  state_rig_close(&r);
}
