/* The table of weights and the numbers that shape it. */
#include "solid/model/tensors.h"
#include "solid/status.h"
#include "tests/support/seed.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static sol_config base_config(solid_head head) {
  sol_config config = {.items = 37, .width = 12, .window = 9, .blocks = 2, .heads = 3, .levels = 3, .codes = 5};
  config.head = head;
  config.clip = 0.1f;
  return config;
}

static const solid_head heads[] = {SOLID_HEAD_STATIC, SOLID_HEAD_DUET, SOLID_HEAD_SEMANTIC, SOLID_HEAD_SOLID};

static void check_layout(const sol_config *config) {
  sol_tensor tensors[SOL_MAX_TENSORS];
  size_t n = sol_tensors_list(config, tensors), end = 0;
  cr_assert(n > 0 && n <= SOL_MAX_TENSORS);
  unsigned char bound[sizeof(sol_weights)] = {0};
  for (size_t i = 0; i < n; i++) {
    const sol_tensor *t = &tensors[i];
    size_t product = 1;
    for (uint32_t k = 0; k < t->n_dims; k++) product *= t->dims[k];
    cr_assert(t->n_dims >= 1 && t->n_dims <= 3);
    cr_assert_eq(product, t->count, "%s", t->name);
    cr_assert_eq(t->offset % 16, 0, "%s", t->name);
    cr_assert(t->offset >= end, "%s overlaps its neighbour", t->name);
    cr_assert(t->offset - end < 16, "gap before %s", t->name);
    end = t->offset + t->count;
    cr_assert_eq(t->generator, strncmp(t->name, "generator.", 10) == 0);
    cr_assert_not(bound[t->member], "%s shares a member", t->name);
    bound[t->member] = 1;
    for (size_t j = 0; j < i; j++) cr_assert_str_neq(t->name, tensors[j].name);
  }
  cr_assert(sol_tensors_total(config) >= end && sol_tensors_total(config) - end < 16);
  cr_assert_eq(sol_tensors_total(config) % 16, 0);

  float *base = malloc(sol_tensors_total(config) * sizeof *base);
  sol_weights weights;
  sol_weights_bind(&weights, config, base);
  for (size_t member = 0; member < sizeof weights; member += sizeof(float *)) {
    float *pointer;
    memcpy(&pointer, (char *)&weights + member, sizeof pointer);
    cr_assert_eq(pointer != NULL, bound[member], "member at %zu", member);
  }
  for (size_t i = 0; i < n; i++) {
    float *pointer;
    memcpy(&pointer, (char *)&weights + tensors[i].member, sizeof pointer);
    cr_assert_eq(pointer, base + tensors[i].offset);
  }
  free(base);
}

Test(tensors, no_overlap_no_gap_every_member_bound_once) {
  for (size_t h = 0; h < 4; h++) {
    for (uint32_t rank = 0; rank <= 4; rank += 4) {
      sol_config config = base_config(heads[h]);
      config.rank = rank;
      check_layout(&config);
      config.blocks = SOL_MAX_BLOCKS;
      config.levels = SOL_MAX_LEVELS;
      check_layout(&config);
      if (sol_config_has_semantic_branch(&config)) continue;
      config.levels = config.codes = 0;
      check_layout(&config);
    }
  }
}

static sol_config with_slates(sol_config config, uint32_t near) {
  config.slate_rows = 10;
  config.slate_blocks = SOL_MAX_BLOCKS;
  config.slate_collisions = 3;
  config.slate_near = near;
  return config;
}

/* A decoder of slates stands behind everything else, which stays where it is and begins with the same numbers. */
Test(tensors, a_decoder_of_slates_moves_nothing) {
  for (size_t h = 0; h < 4; h++)
    for (uint32_t near = 0; near < 2; near++) {
      sol_config ranker = base_config(heads[h]), config = with_slates(ranker, near);
      config.blocks = ranker.blocks = SOL_MAX_BLOCKS;
      check_layout(&config);
      size_t first = sol_tensors_total(&ranker), total = sol_tensors_total(&config);
      cr_assert_eq(sol_tensors_ranker(&config), first);
      cr_assert_eq(sol_tensors_ranker(&ranker), first);
      float *a = malloc(first * sizeof *a), *b = malloc(total * sizeof *b);
      sol_weights_init(&ranker, 5, a);
      sol_weights_init(&config, 5, b);
      cr_assert_eq(memcmp(a, b, first * sizeof *a), 0);
      free(a);
      free(b);
    }
}

Test(tensors, a_decoder_of_slates_is_all_or_nothing) {
  sol_config good = with_slates(base_config(SOLID_HEAD_SOLID), 1), bad;
  cr_assert_eq(sol_config_check(&good), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(sol_config_slate_heads(&good), 2);
  cr_assert_eq(sol_config_slate_codes(&good), 3 * 5 + 3);
  bad = good, bad.slate_rows = 0;
  cr_assert_eq(sol_config_check(&bad), SOLID_ERANGE);
  bad = good, bad.slate_rows = SOL_MAX_SLATE_ROWS + 1;
  cr_assert_eq(sol_config_check(&bad), SOLID_ERANGE);
  bad = good, bad.slate_blocks = 0;
  cr_assert_eq(sol_config_check(&bad), SOLID_ERANGE);
  bad = good, bad.slate_collisions = 38;
  cr_assert_eq(sol_config_check(&bad), SOLID_ERANGE);
  bad = good, bad.slate_near = 2;
  cr_assert_eq(sol_config_check(&bad), SOLID_ERANGE);
  bad = good, bad.head = SOLID_HEAD_STATIC, bad.levels = bad.codes = 0;
  cr_assert_eq(sol_config_check(&bad), SOLID_EINVAL);
}

static size_t find(const sol_tensor *tensors, size_t n, const char *name) {
  for (size_t i = 0; i < n; i++)
    if (strcmp(tensors[i].name, name) == 0) return i;
  return n;
}

Test(tensors, parts_are_there_when_the_head_has_them) {
  sol_tensor tensors[SOL_MAX_TENSORS];
  for (size_t h = 0; h < 4; h++) {
    for (uint32_t rank = 0; rank <= 4; rank += 4) {
      sol_config config = base_config(heads[h]);
      config.rank = rank;
      size_t n = sol_tensors_list(&config, tensors);
      int solid = heads[h] == SOLID_HEAD_SOLID;
      cr_assert(find(tensors, n, "item.embedding") < n && find(tensors, n, "block.1.qkv.weight") < n);
      cr_assert_eq(find(tensors, n, "block.2.qkv.weight"), n);
      cr_assert_eq(find(tensors, n, "generator.item.gru.weight_ih") < n, solid || heads[h] == SOLID_HEAD_DUET);
      cr_assert_eq(find(tensors, n, "generator.semantic.layer.1.bias") < n, solid || heads[h] == SOLID_HEAD_SEMANTIC);
      cr_assert_eq(find(tensors, n, "generator.down.weight") < n, rank && heads[h] != SOLID_HEAD_STATIC);
      uint32_t side = rank ? rank : 12;
      cr_assert_eq(sol_config_params(&config), heads[h] == SOLID_HEAD_STATIC ? 0 : 2 * (side * side + side));
    }
  }
}

static void check_values(const sol_tensor *t, const float *x) {
  double sum = 0, square = 0, most = 0;
  for (size_t k = 0; k < t->count; k++) {
    sum += x[k];
    square += (double)x[k] * x[k];
    most = fmax(most, fabs(x[k]));
  }
  double n = (double)t->count, mean = sum / n, deviation = sqrt(square / n);
  double expected = t->init == SOL_INIT_NORMAL ? t->scale : t->init == SOL_INIT_UNIFORM ? t->scale / sqrt(3.0) : 0;
  if (t->init == SOL_INIT_ZERO) cr_assert_eq(most, 0.0, "%s", t->name);
  if (t->init == SOL_INIT_ONE) cr_assert(mean == 1.0 && square == n, "%s", t->name);
  if (t->init == SOL_INIT_UNIFORM) cr_assert(most <= (double)t->scale, "%s", t->name);
  if (expected > 0) {
    cr_assert_lt(fabs(mean), 5 * expected / sqrt(n), "%s: mean %g", t->name, mean);
    cr_assert_lt(fabs(deviation / expected - 1), 5 / sqrt(n), "%s: deviation %g, not %g", t->name, deviation, expected);
  }
}

Test(tensors, initial_values_follow_the_recipe) {
  sol_config config = base_config(SOLID_HEAD_SOLID);
  config.rank = 4;
  size_t total = sol_tensors_total(&config);
  float *x = malloc(total * sizeof *x);
  sol_weights_init(&config, seed_value(), x);
  sol_tensor tensors[SOL_MAX_TENSORS];
  size_t n = sol_tensors_list(&config, tensors), end = 0;
  for (size_t i = 0; i < n; i++) {
    for (; end < tensors[i].offset; end++) cr_assert_eq(x[end], 0.0f, "gap before %s", tensors[i].name);
    check_values(&tensors[i], x + tensors[i].offset);
    end += tensors[i].count;
  }
  const sol_tensor *embedding = &tensors[find(tensors, n, "item.embedding")];
  cr_assert_eq(embedding->init, SOL_INIT_NORMAL);
  cr_assert_float_eq(embedding->scale, 0.02f, 1e-9);
  const sol_tensor *first = &tensors[find(tensors, n, "generator.semantic.layer.0.weight")];
  cr_assert_float_eq(first->scale, 0.1f / 12, 1e-9);
  cr_assert_eq(tensors[find(tensors, n, "generator.item.layer.1.weight")].init, SOL_INIT_ZERO);
  cr_assert_float_eq(tensors[find(tensors, n, "block.0.down.weight")].scale, 1 / sqrt(48.0), 1e-7);
  cr_assert_float_eq(tensors[find(tensors, n, "generator.up.weight")].scale, 0.5f, 1e-7);
  free(x);
}

Test(tensors, a_seed_fixes_the_values_and_heads_share_their_common_part) {
  sol_config solid = base_config(SOLID_HEAD_SOLID), fixed = base_config(SOLID_HEAD_STATIC);
  size_t total = sol_tensors_total(&solid);
  float *a = malloc(total * sizeof *a), *b = malloc(total * sizeof *b);
  sol_weights_init(&solid, 7, a);
  sol_weights_init(&solid, 7, b);
  cr_assert_eq(memcmp(a, b, total * sizeof *a), 0);
  sol_weights_init(&solid, 8, b);
  cr_assert_neq(memcmp(a, b, total * sizeof *a), 0);
  sol_weights_init(&fixed, 7, b);
  sol_weights wa, wb;
  sol_weights_bind(&wa, &solid, a);
  sol_weights_bind(&wb, &fixed, b);
  cr_assert_eq(memcmp(wa.block[1].qkv.w, wb.block[1].qkv.w, 3 * 12 * 12 * sizeof(float)), 0);
  cr_assert_eq(memcmp(wa.items, wb.items, 37 * 12 * sizeof(float)), 0);
  free(a);
  free(b);
}

static void expect_bad(sol_config config, solid_status status, const char *name) {
  cr_assert_eq(sol_config_check(&config), status, "%s", name);
  cr_assert(strstr(solid_last_error(), name), "%s not in: %s", name, solid_last_error());
}

Test(config, every_wrong_number_is_named) {
  const sol_config good = base_config(SOLID_HEAD_SOLID);
  cr_assert_eq(sol_config_check(&good), SOLID_OK);
  sol_config bad;
#define EXPECT(field, value, status)                                                                                   \
  bad = good;                                                                                                          \
  bad.field = (value);                                                                                                 \
  expect_bad(bad, status, #field)
  EXPECT(items, 0, SOLID_ERANGE);
  EXPECT(items, 0x80000000U, SOLID_ERANGE);
  EXPECT(width, 0, SOLID_ERANGE);
  EXPECT(width, 1025, SOLID_ERANGE);
  EXPECT(window, 0, SOLID_ERANGE);
  EXPECT(window, 131073, SOLID_ERANGE);
  EXPECT(window, 4097, SOLID_EINVAL);
  EXPECT(generator_window, base_config(SOLID_HEAD_SOLID).window, SOLID_ERANGE);
  EXPECT(blocks, 0, SOLID_ERANGE);
  EXPECT(blocks, SOL_MAX_BLOCKS + 1, SOLID_ERANGE);
  EXPECT(heads, 0, SOLID_ERANGE);
  EXPECT(heads, 5, SOLID_EINVAL);
  EXPECT(levels, SOL_MAX_LEVELS + 1, SOLID_ERANGE);
  EXPECT(levels, 0, SOLID_EINVAL);
  EXPECT(codes, 0, SOLID_ERANGE);
  EXPECT(codes, 65537, SOLID_ERANGE);
  EXPECT(rank, 13, SOLID_ERANGE);
  EXPECT(content, 65537, SOLID_ERANGE);
  EXPECT(head, (solid_head)4, SOLID_EINVAL);
  EXPECT(head, (solid_head)-1, SOLID_EINVAL);
  EXPECT(clip, 0.0f, SOLID_ERANGE);
  EXPECT(clip, NAN, SOLID_ERANGE);
  EXPECT(attention, 2, SOLID_ERANGE);
  EXPECT(select_budget, 1, SOLID_ERANGE); /* without sparse attention */
  EXPECT(turned, 1, SOLID_ERANGE);        /* without rotary positions */
#undef EXPECT
  bad = base_config(SOLID_HEAD_SOLID);
  bad.window = 131072, bad.positions = SOL_POSITIONS_ROTARY;
  cr_assert_eq(sol_config_check(&bad), SOLID_OK, "%s", solid_last_error());
  bad.attention = SOL_ATTENTION_SPARSE, bad.select_chunk = 512, bad.select_budget = 1024, bad.select_mass = 950;
  expect_bad(bad, SOLID_EINVAL, "select_recent");
  bad.select_recent = 32;
  cr_assert_eq(sol_config_check(&bad), SOLID_OK, "%s", solid_last_error());
  bad.select_dense_below = 8000;
  expect_bad(bad, SOLID_ERANGE, "select_dense_below");
  bad = base_config(SOLID_HEAD_DUET);
  bad.clip = INFINITY; /* no clip */
  cr_assert_eq(sol_config_check(&bad), SOLID_OK);
  cr_assert_str_eq(solid_head_name(SOLID_HEAD_SOLID), "solid");
  cr_assert_str_eq(solid_head_name((solid_head)9), "unknown");
}
