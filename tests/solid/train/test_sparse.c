/* Sparse attention in the model: no event changes what was said before it, the last row of a prefix is what serving
 * makes of it, lists leave keys out, and below the crossover there is no difference at all. */
#include "solid/infer/forward.h"
#include "tests/support/compare.h"
#include "tests/support/rig.h"
#include "tests/support/tiny_batch.h"
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { ITEMS = 40, LENGTH = 230, CHUNK = 16, WIDTH = 32, HEADS = 2 };

static sol_config config_of(uint32_t positions, uint32_t dense_below, int sparse) {
  sol_config config = {.items = ITEMS,
                       .width = WIDTH,
                       .window = 300,
                       .blocks = 2,
                       .heads = HEADS,
                       .positions = positions,
                       .head = SOLID_HEAD_STATIC,
                       .clip = 0.25f};
  if (!sparse) return config;
  config.attention = SOL_ATTENTION_SPARSE;
  config.select_chunk = CHUNK, config.select_sink = 2, config.select_window = 4;
  config.select_recent = 4, config.select_stride = 4, config.select_budget = 12;
  config.select_dense_below = dense_below, config.select_mass = 900;
  return config;
}

/* A model on the device, and everything that all rows of a few windows leave. */
typedef struct scene {
  rig *r;
  sol_config config;
  sol_weights weights;
  sol_catalogue catalogue;
  sol_batch batch;
  sol_encoder_state state;
  sol_pass pass;
  float *h;
} scene;

static void open_scene(scene *s, rig *r, const sol_config *config) {
  *s = (scene){.r = r, .config = *config};
  cr_assert_eq(sol_config_check(config), SOLID_OK, "%s", solid_last_error());
  size_t total = sol_tensors_total(config);
  float *values = calloc(total, sizeof *values);
  seed_rng rng = seed_start(91);
  sol_tensor tensors[SOL_MAX_TENSORS];
  size_t n = sol_tensors_list(config, tensors);
  for (size_t t = 0; t < n; t++)
    for (size_t i = 0; i < tensors[t].count; i++)
      values[tensors[t].offset + i] = (tensors[t].init == SOL_INIT_ONE ? 1.0f : 0.0f) + 0.25f * seed_normal(&rng);
  sol_weights_bind(&s->weights, config, rig_inout(r, values, total));
  free(values);
  s->pass = (sol_pass){.be = rig_backend(r),
                       .config = &s->config,
                       .weights = &s->weights,
                       .catalogue = &s->catalogue,
                       .batch = &s->batch};
  rig_check(r, "catalogue", sol_catalogue_compute(s->pass.be, config, &s->weights, &s->catalogue));
}

static void pack(scene *s, sol_wanted wanted, const solid_windows *windows) {
  size_t rows = sol_batch_rows(s->config.window, windows), ints = sol_batch_ints(&s->config, wanted, windows->n, rows);
  int32_t *host = calloc(ints, sizeof *host);
  sol_batch_pack(&s->batch, &s->config, wanted, windows, host, host);
  int32_t *device = (int32_t *)(uintptr_t)rig_in_int(s->r, host, ints);
  sol_batch_pack(&s->batch, &s->config, wanted, windows, host, device);
  free(host);
}

/* h of every row, and with `lists` those of both blocks: (2, heads, entries) and counts (2, heads, chunks). */
static const float *every_row(scene *s, const solid_windows *windows) {
  static const sol_dropout none = {0};
  size_t rows = windows->offsets[windows->n];
  pack(s, SOL_EVERY_ROW, windows);
  size_t floats = sol_encoder_state_bind(&s->state, &s->config, windows->n, rows, NULL);
  sol_encoder_state_bind(&s->state, &s->config, windows->n, rows, rig_out(s->r, floats));
  s->h = rig_out(s->r, rows * WIDTH);
  rig_check(s->r, "encode rows", sol_encode_rows(&s->pass, &none, &s->state, s->h));
  return rig_read(s->r, s->h, rows * WIDTH);
}

static const float *newest_rows(scene *s, const solid_windows *windows) {
  size_t rows = windows->offsets[windows->n];
  pack(s, SOL_NEWEST_ROWS, windows);
  s->pass.scratch = rig_out(s->r, sol_forward_floats(&s->config, windows->n, rows));
  float *h = rig_out(s->r, windows->n * WIDTH);
  rig_check(s->r, "encode", sol_encode(&s->pass, h));
  return rig_read(s->r, h, windows->n * WIDTH);
}

static void draw(uint32_t *items, size_t n, uint64_t salt) {
  seed_rng rng = seed_start(salt);
  for (size_t i = 0; i < n; i++) items[i] = (uint32_t)seed_below(&rng, ITEMS);
}

static const int32_t *lists_of(scene *s, int block) {
  size_t ints = (size_t)s->batch.chunks.entries * HEADS;
  return rig_read_int(s->r, s->state.block[block].kept, ints);
}

static const int32_t *counts_of(scene *s, int block) {
  size_t ints = (size_t)s->batch.chunks.count * HEADS;
  return rig_read_int(s->r, s->state.block[block].counts, ints);
}

/* What chunks before `row` have of entries, of one block and head. */
static void same_lists(const scene *s, const int32_t *list, const int32_t *count, const int32_t *other_list,
                       const int32_t *other_count, size_t row) {
  size_t chunk = row / CHUNK, entry = 0;
  for (size_t c = 0; c <= chunk; c++) {
    size_t kept = c * CHUNK < 18 ? c * CHUNK : 18, own = c < chunk ? CHUNK : row % CHUNK;
    for (size_t h = 0; h < HEADS; h++) {
      size_t at = h * (size_t)s->batch.chunks.entries + entry, of = h * (size_t)s->batch.chunks.count + c;
      size_t n = (size_t)count[of];
      cr_assert_eq(count[of], other_count[of], "chunk %zu of head %zu has %d keys, then %d", c, h, count[of],
                   other_count[of]);
      cr_assert(n <= kept + CHUNK && n >= own);
      cr_assert_arr_eq(list + at, other_list + at, n * sizeof *list);
    }
    entry += kept + (LENGTH - c * CHUNK < CHUNK ? LENGTH - c * CHUNK : CHUNK);
  }
}

/* One event of the future is another: every earlier output and list is the same to the bit. */
static void check_leak(rig *r) {
  for (uint32_t positions = SOL_POSITIONS_ROTARY; positions <= SOL_POSITIONS_DISTANCE; positions++)
    for (size_t row = LENGTH - 2 * CHUNK - 3; row < LENGTH; row += CHUNK + 1) {
      const sol_config config = config_of(positions, 0, 1);
      scene s;
      uint32_t items[LENGTH], offsets[2] = {0, LENGTH};
      const solid_windows windows = {1, offsets, items};
      draw(items, LENGTH, 3);
      open_scene(&s, r, &config);
      const float *before = every_row(&s, &windows);
      const int32_t *lists[2] = {lists_of(&s, 0), lists_of(&s, 1)}, *counts[2] = {counts_of(&s, 0), counts_of(&s, 1)};
      items[row] = (items[row] + 1) % ITEMS;
      const float *after = every_row(&s, &windows);
      compare_bits("rows before the change", after, before, row * WIDTH);
      cr_assert_neq(memcmp(after + row * WIDTH, before + row * WIDTH, WIDTH * sizeof *after), 0,
                    "it is not seen at all");
      for (int b = 0; b < 2; b++) same_lists(&s, lists[b], counts[b], lists_of(&s, b), counts_of(&s, b), row);
      rig_reset(r);
    }
}

Test(sparse, lets_nothing_of_the_future_through) {
  rig_each(check_leak);
}

/* What training makes of row n - 1 is what serving makes of the n events up to it, in any company. */
static void check_prefixes(rig *r) {
  for (uint32_t positions = SOL_POSITIONS_ROTARY; positions <= SOL_POSITIONS_DISTANCE; positions++) {
    const sol_config config = config_of(positions, 0, 1);
    scene s;
    enum { PREFIXES = 6 };
    const uint32_t lengths[PREFIXES] = {LENGTH, 3 * CHUNK, 0, 3 * CHUNK + 1, 1, 6 * CHUNK - 1};
    uint32_t items[LENGTH], whole[2] = {0, LENGTH}, offsets[PREFIXES + 1] = {0}, packed[PREFIXES * LENGTH];
    draw(items, LENGTH, 5);
    open_scene(&s, r, &config);
    const float *all = every_row(&s, &(solid_windows){1, whole, items});
    for (int i = 0; i < PREFIXES; i++) {
      memcpy(packed + offsets[i], items, lengths[i] * sizeof *items);
      offsets[i + 1] = offsets[i] + lengths[i];
    }
    const float *newest = newest_rows(&s, &(solid_windows){PREFIXES, offsets, packed});
    for (size_t i = 0; i < PREFIXES; i++)
      for (size_t j = 0; j < WIDTH; j++) {
        double want = lengths[i] ? (double)all[(lengths[i] - 1) * WIDTH + j] : 0;
        cr_assert(compare_is_close(newest[i * WIDTH + j], want, 2e-5, 2e-5), "prefix of %u: h[%zu] %.9g, want %.9g",
                  lengths[i], j, (double)newest[i * WIDTH + j], want);
      }
    rig_reset(r);
  }
}

Test(sparse, serves_what_it_trains) {
  rig_each(check_prefixes);
}

/* Something is left out beyond the crossover, and up to it the bits are those of dense attention. */
static void check_crossover(rig *r) {
  uint32_t items[LENGTH], offsets[2] = {0, LENGTH};
  draw(items, LENGTH, 7);
  const solid_windows windows = {1, offsets, items};
  const sol_config dense = config_of(SOL_POSITIONS_ROTARY, 0, 0), sparse = config_of(SOL_POSITIONS_ROTARY, 0, 1);
  const sol_config below = config_of(SOL_POSITIONS_ROTARY, LENGTH, 1);
  scene of[3];
  open_scene(&of[0], r, &dense), open_scene(&of[1], r, &sparse), open_scene(&of[2], r, &below);
  const float *h = every_row(&of[0], &windows), *lists = every_row(&of[1], &windows),
              *same = every_row(&of[2], &windows);
  compare_bits("below the crossover", same, h, LENGTH * WIDTH);
  double off = 0;
  for (size_t i = LENGTH / 2 * WIDTH; i < LENGTH * WIDTH; i++)
    off += (double)(h[i] - lists[i]) * (double)(h[i] - lists[i]);
  cr_expect_gt(off / (LENGTH / 2 * WIDTH), 1e-6, "nothing was left out");
  const float *one = newest_rows(&of[0], &windows), *one_below = newest_rows(&of[2], &windows);
  compare_bits("the newest below the crossover", one_below, one, WIDTH);
  rig_reset(r);
}

Test(sparse, is_dense_below_the_crossover) {
  rig_each(check_crossover);
}
