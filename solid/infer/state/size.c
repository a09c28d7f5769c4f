/* How large a state's image is. */
#include "solid/extend.h"
#include "solid/infer/state/layout.h"

/* With F16, of which fewer events are in a part. */
size_t sol_image_most(const sol_states *s) {
  size_t rows = sol_ring_rows(s, SOL_VALUES_F16);
  return sol_far_parts(s) + (s->C + rows - 1) / rows;
}

/* With F16, the larger element. */
size_t sol_image_room(const sol_states *s) {
  size_t far = (sol_far_parts(s) - 2) * (s->K * sol_far_entry(s, SOL_VALUES_F16) + SOL_PART_HEAD + 8);
  size_t ring = s->C * (sol_ring_row(s, SOL_VALUES_F16, 1) + SOL_PART_HEAD + 8);
  return SOL_PART_HEAD + SOL_IMAGE_FIXED + 4 * SOL_MAX_BLOCKS + 4 * s->d + 8 + SOL_PART_HEAD +
         sol_union_bytes(s, s->H * s->K) + 8 + far + ring;
}

sol_image_size sol_image_largest(const solid_model *model) {
  sol_states s = {0};
  sol_states_set_sizes(&s, model, 1, 1);
  return (sol_image_size){.parts = sol_image_most(&s), .bytes = sol_image_room(&s)};
}

/* Events that some list of block 0 keeps: forced ones are the same in all of them. */
static size_t union_of(const sol_states *s, size_t kept, size_t before) {
  size_t forced = sol_least_size((size_t)(s->rule.sink + s->rule.window), kept);
  return sol_least_size(forced + s->H * (kept - forced), before);
}

static size_t ring_bytes(const sol_states *s, int element, size_t open) {
  size_t bytes = 0;
  for (size_t i = 0; i < open; i++) bytes += sol_ring_row(s, element, sol_probe_of(&s->rule, (int32_t)i) >= 0);
  return bytes;
}

sol_image_size sol_image_expected(const solid_model *model, int element, uint64_t events) {
  sol_states s = {0};
  sol_states_set_sizes(&s, model, 1, 1);
  size_t open = events < s.C ? (size_t)events : s.C / 2, before = events < s.C ? 0 : (size_t)(events - open);
  size_t kept = sol_least_size(s.K, before), rows = sol_ring_rows(&s, element);
  sol_image_size size = {.parts = sol_far_parts(&s) + (open + rows - 1) / rows};
  size.bytes = size.parts * SOL_PART_HEAD + SOL_IMAGE_FIXED + s.config->blocks * sizeof(uint32_t) +
               s.d * sizeof(float) + sol_union_bytes(&s, union_of(&s, kept, before)) +
               (sol_far_parts(&s) - 2) * kept * sol_far_entry(&s, element) + ring_bytes(&s, element, open);
  return size;
}
