/* Scratch as it is stated beside the operations: arrays of one buffer lie within it and apart, what is cut into pieces
 * is covered by them, and nothing is counted in 32 bits. That CUDA keeps to it is for memcheck and for test_plan, on a
 * GPU. */
#include "kernels/backend.h"
#include "tests/support/seed.h"
#include <criterion/criterion.h>

enum { ROUNDS = 3000 };

static int32_t size_of(seed_rng *rng, int32_t most) { /* small ones as often as large ones */
  int32_t top = 1 + seed_below(rng, most);
  return 1 + seed_below(rng, top);
}

typedef struct array {
  uint64_t at, bytes;
} array;

static void apart(const array *arrays, size_t n, uint64_t bytes, uint64_t alignment) {
  uint64_t end = 0;
  for (size_t i = 0; i < n; i++) {
    cr_assert_geq(arrays[i].at, end, "array %zu, seed %llu", i, (unsigned long long)seed_value());
    cr_assert_eq(arrays[i].at % alignment, 0, "array %zu", i);
    end = arrays[i].at + arrays[i].bytes;
  }
  cr_assert_geq(bytes, end, "seed %llu", (unsigned long long)seed_value());
  cr_assert_leq(bytes, end + alignment);
}

Test(scratch, of_xent_holds_its_tile) {
  seed_rng rng = seed_start(1);
  for (int round = 0; round < ROUNDS; round++) {
    sk_xent_args a = {.n = size_of(&rng, 1 << 20), .d = size_of(&rng, 512), .items = size_of(&rng, 1 << 28)};
    const sk_xent_tile t = sk_xent_tile_of(&a);
    uint64_t rows = (uint64_t)t.rows;
    cr_assert(t.rows > 0 && t.rows <= a.n && t.items > 0 && t.items <= a.items && t.stride >= t.items);
    cr_assert(t.stride % 4 == 0 && (t.items == a.items || t.items % 4 == 0), "rows are read four floats at a time");
    apart((const array[]){{0, rows * (uint64_t)t.stride * 4}, {t.users, rows * (uint64_t)a.d * 4}}, 2, t.state, 16);
    apart((const array[]){{0, t.users}, {t.state, 16 * rows}}, 2, sk_xent_scratch(&a), 16);
  }
}

/* Steps over fewer items need no more, so that the largest one can be taken first. */
Test(scratch, of_xent_over_a_part_is_enough_for_smaller_parts) {
  seed_rng rng = seed_start(7);
  const float offset = 0.0f;
  for (int round = 0; round < ROUNDS; round++) {
    sk_xent_args large = {.n = size_of(&rng, 1 << 17), .d = size_of(&rng, 512), .items = size_of(&rng, 1 << 24)};
    large.offset = &offset;
    sk_xent_args small = large;
    small.items = 1 + seed_below(&rng, large.items), small.n = 1 + seed_below(&rng, large.n);
    cr_assert_leq(sk_xent_scratch(&small), sk_xent_scratch(&large), "seed %llu", (unsigned long long)seed_value());
    cr_assert_leq(sk_xent_tile_of(&small).bytes, sk_xent_scratch(&small), "seed %llu",
                  (unsigned long long)seed_value());
  }
}

Test(scratch, of_topk_holds_its_arrays) {
  seed_rng rng = seed_start(2);
  for (int round = 0; round < ROUNDS; round++) {
    sk_topk_args a = {.n = size_of(&rng, 1 << 20), .d = size_of(&rng, 256), .items = size_of(&rng, 1 << 28), .k = 1};
    const sk_topk_cut c = sk_topk_cut_of(&a);
    uint64_t rows = (uint64_t)c.rows, stride = (uint64_t)c.stride;
    cr_assert(c.rows > 0 && c.rows % 16 == 0 && c.rows < a.n + 16 && c.steps * 16 >= a.d && c.stride >= c.groups);
    cr_assert((int64_t)c.groups * c.size >= a.items && (int64_t)(c.groups - 1) * c.size < a.items);
    const array arrays[] = {{c.users, rows * (uint64_t)c.steps * 32},
                            {c.keys, rows * SK_TOPK_KEYS * 8},
                            {c.parts, rows * SK_TOPK_PARTS * 4},
                            {c.widths, rows * 8},
                            {c.factors, rows * 8},
                            {c.bounds, rows * 4},
                            {c.kept, rows * 4},
                            {c.norm, stride * 4},
                            {c.best, rows * stride * 4}};
    apart(arrays, sizeof arrays / sizeof *arrays, sk_topk_scratch(&a), 16);
  }
}

Test(scratch, of_the_generator_holds_all_shares) {
  seed_rng rng = seed_start(3);
  int narrow = 0;
  for (int round = 0; round < ROUNDS; round++) {
    sk_generate_backward_args a = {.n = size_of(&rng, 20000), .d = size_of(&rng, 160), .m = size_of(&rng, 9000)};
    uint64_t n = (uint64_t)a.n, d = (uint64_t)a.d, m = (uint64_t)a.m, bytes = sk_generate_backward_scratch(&a);
    cr_assert_geq(bytes, (n + SK_GATE_ROWS - 1) / SK_GATE_ROWS * 2 * m * 4);
    if (!sk_generate_is_narrow(a.n, a.d, a.m)) continue;
    narrow++;
    const sk_generate_cut c = sk_generate_cut_of(a.n, a.d, a.m);
    cr_assert(c.chunk * c.chunks >= m && c.chunk * (c.chunks - 1) < m && c.rows * c.blocks >= n);
    cr_assert(c.chunk % 4 == 0 && c.chunk <= SK_NARROW_WIDEST && c.rows % SK_NARROW_ROWS == 0);
    cr_assert_leq(sk_whole(d, 4) * c.chunk, SK_NARROW_PRODUCT, "g fits shared memory: %d x %llu", a.d,
                  (unsigned long long)c.chunk);
    cr_assert_geq(bytes, 4 * (c.chunks * n * d + c.blocks * m * (d + 1)));
  }
  cr_assert(narrow > ROUNDS / 20 && narrow < ROUNDS);
}

Test(scratch, of_linear_holds_shares_or_sums) {
  seed_rng rng = seed_start(4);
  for (int round = 0; round < ROUNDS; round++) {
    sk_linear_backward_args a = {.n = size_of(&rng, 1 << 20), .in = size_of(&rng, 200), .out = size_of(&rng, 200)};
    uint64_t n = (uint64_t)a.n, rows = sk_narrow_rows(n, 1);
    int narrow = sk_linear_is_narrow(a.n, a.in, a.out);
    uint64_t blocks = narrow ? (n + rows - 1) / rows : (n + SK_SUM_ROWS - 1) / SK_SUM_ROWS;
    cr_assert_leq(narrow ? blocks : 0, SK_NARROW_BLOCKS);
    cr_assert_eq(sk_linear_backward_scratch(&a), 4 * blocks * (uint64_t)a.out * (narrow ? (uint64_t)a.in + 1 : 1));
    sk_gru_backward_args g = {.rows = a.n, .d = a.in};
    sk_linear_backward_args sums = {.n = a.n, .in = a.in, .out = 3 * a.in};
    cr_assert_eq(sk_gru_backward_scratch(&g), 4 * n * (uint64_t)a.in + sk_linear_backward_scratch(&sums));
  }
}

Test(scratch, of_layers_that_are_made_and_applied) {
  seed_rng rng = seed_start(5);
  for (int round = 0; round < ROUNDS; round++) {
    sk_generate_apply_args a = {
        .n = size_of(&rng, 1 << 20), .d = size_of(&rng, 128), .in = size_of(&rng, 256), .out = 16 * size_of(&rng, 16)};
    int32_t m = a.in * a.out + a.out, rows = sk_generate_apply_rows(&a);
    sk_generate_args run = {.n = rows, .d = a.d, .m = m};
    cr_assert(rows >= 1 && rows <= a.n && (rows == 1 || (int64_t)rows * m <= (int64_t)SK_TILE_FLOATS));
    uint64_t layers = 4 * (uint64_t)rows * (uint64_t)m;
    cr_assert_eq(sk_generate_apply_scratch(&a), sk_generate_scratch(&run) + layers);
    cr_assert_eq(sk_generate_scratch(&run) % 16, a.d <= SK_PACKED_MAX_D ? 0 : 8 * (uint64_t)rows * (uint64_t)m % 16);
  }
}

/* A million rows each. */
Test(scratch, is_counted_in_64_bits) {
  const int32_t n = 1 << 20;
  const uint64_t rows = (uint64_t)n;
  sk_attend_backward_args attend = {.pairs = {.q_rows = n, .kv_rows = n, .heads = 2048, .dh = 16}};
  cr_assert_eq(sk_attend_backward_scratch(&attend), 8192 * rows);
  attend.precision = SK_ATTEND_BF16; /* shared keys: 24 + 2 * 32, and 16 + 2 * 32 + 8 * 16 bytes a row and head */
  cr_assert_eq(sk_attend_backward_scratch(&attend), (88 + 208) * 2048 * rows + 256);
  sk_generate_args wide = {.n = n, .d = 128, .m = 4096};
  cr_assert_eq(sk_generate_scratch(&wide), 2 * 4096 * 4 * rows);
  sk_embed_backward_args embed = {.n = n, .d = 1024, .rows = n};
  cr_assert_eq(sk_embed_backward_scratch(&embed), 16 * rows + 16 * rows + (1 << 20) + rows / 16 * 2 * 1024 * 4);
  sk_gru_backward_args gru = {.rows = n, .d = 2048};
  cr_assert_gt(sk_gru_backward_scratch(&gru), 8192 * rows);
  sk_quantize_args quantize = {.n = n, .d = 64, .levels = 1 << 12, .k = 1 << 20};
  cr_assert_eq(sk_quantize_scratch(&quantize), (uint64_t)1 << 34);
  sk_reduce_args reduce = {.n = (int64_t)1 << 50};
  cr_assert_eq(sk_reduce_scratch(&reduce), 8 * (((uint64_t)1 << 36) + 1));
  sk_layer_norm_backward_args norm = {.n = n, .d = 1 << 22};
  cr_assert_eq(sk_layer_norm_backward_scratch(&norm), (uint64_t)528 * 2 * 4 << 22);
}

/* Nothing to do takes nothing, or a few bytes. */
Test(scratch, of_nothing) {
#define NOTHING(op) cr_assert_leq(sk_##op##_scratch(&(const sk_##op##_args){0}), (uint64_t)2 << 20, "%s", #op);
  SK_OPS(NOTHING)
#undef NOTHING
}
