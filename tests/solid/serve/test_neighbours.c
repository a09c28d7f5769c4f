/* Similar items of a model whose embeddings stay in its file are those of one that has them in memory: the same items
 * and bits, with ties, closed items and rows of any length. */
#include "kernels/scout.h"
#include "solid/model/model_file.h"
#include "solid/neighbours.h"
#include "tests/solid/model/rows_pair.h"
#include "tests/support/seed.h"
#include "tests/support/tiny_model.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_SIMILAR = 300, LATE = 40 };

static void close_some(const pair *p) {
  for (uint32_t v = 0; v < ITEMS; v += 3) {
    sol_growth_close(p->tables->growth, v, 1);
    sol_growth_close(p->rows->growth, v, 1);
  }
}

static void same_cosine(const solid_neighbours *const *n, uint32_t item, uint32_t other) {
  float want = solid_neighbours_cosine(n[0], item, other), got = solid_neighbours_cosine(n[1], item, other);
  cr_assert(memcmp(&want, &got, sizeof want) == 0 || (isnan(want) && isnan(got)), "items %u and %u: %a, not %a", item,
            other, (double)got, (double)want);
}

static void same_lists(const solid_neighbours *const *n, uint32_t item) {
  static const size_t lengths[] = {1, 10, MOST_SIMILAR};
  for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
    solid_scored want[MOST_SIMILAR], got[MOST_SIMILAR];
    size_t counts[2], k = lengths[i];
    cr_assert_eq(solid_neighbours_of(n[0], item, k, want, &counts[0]), SOLID_OK);
    cr_assert_eq(solid_neighbours_of(n[1], item, k, got, &counts[1]), SOLID_OK, "%s", solid_last_error());
    cr_assert_eq(counts[0], counts[1], "item %u, k %zu", item, k);
    for (size_t j = 0; j < counts[0]; j++)
      cr_assert(want[j].item == got[j].item && memcmp(&want[j].score, &got[j].score, sizeof want[j].score) == 0,
                "item %u, k %zu, place %zu: item %u, %a, not %u, %a", item, k, j, got[j].item, (double)got[j].score,
                want[j].item, (double)want[j].score);
  }
}

static void same_neighbours(const pair *p) {
  solid_neighbours *both[2];
  uint32_t items = solid_model_item_count(p->tables);
  cr_assert_eq(solid_neighbours_new(&both[0], p->tables), SOLID_OK);
  cr_assert_eq(solid_neighbours_new(&both[1], p->rows), SOLID_OK, "%s", solid_last_error());
  const solid_neighbours *const n[] = {both[0], both[1]};
  for (uint32_t v = 0; v < 20; v++) same_lists(n, v);
  for (uint32_t v = 1; v < 4; v++) same_lists(n, ITEMS - v), same_lists(n, items - v);
  for (uint32_t v = 0; v < 200; v++) same_cosine(n, v, items - 1 - v), same_cosine(n, v, v * 7);
  solid_neighbours_free(both[0]);
  solid_neighbours_free(both[1]);
}

Test(neighbours, of_rows_in_a_file_are_those_of_rows_in_memory) {
  sol_config config = rows_large(SOLID_HEAD_SOLID);
  pair p = rows_open(&config);
  cr_assert_eq(p.rows->file.rows != NULL, sk_scout_is_fast());
  rows_join(p.tables, 0, LATE);
  rows_join(p.rows, 0, LATE);
  same_neighbours(&p);
  close_some(&p);
  same_neighbours(&p);
  rows_close(&p);
}

/* Every fifth row is the same one, others are zeroes, and far longer or shorter than the rest. */
static void make_odd(float *e) {
  for (size_t v = 0; v < ITEMS; v++) {
    float *row = e + v * D, factor = v % 11 == 2   ? 0x1p14f
                                     : v % 13 == 3 ? 0x1p-30f
                                     : v % 17 == 4 ? 0x1p-70f
                                     : v % 19 == 7 ? 0.0f
                                                   : 1.0f;
    if (v > 3 && v % 5 == 3) memcpy(row, e + 3 * D, D * sizeof *row);
    for (size_t j = 0; j < D; j++) row[j] *= v == 3 ? 1.0f : factor;
  }
}

static pair open_odd(void) {
  sol_model_file file;
  sol_weights weights;
  sol_config config = tiny_config(SOLID_HEAD_DUET, 0);
  config.items = ITEMS, config.levels = config.codes = config.content = 0;
  pair p = rows_open(&config);
  solid_model_free(p.rows);
  solid_model_free(p.tables);
  tiny_model_file(&file, &config, 5);
  sol_weights_bind(&weights, &config, file.weights);
  make_odd(file.weights + (weights.items - file.weights));
  cr_assert_eq(sol_model_file_write(&file, p.path), SOLID_OK, "%s", solid_last_error());
  sol_model_file_clear(&file);
  cr_assert_eq(sol_model_open(&p.tables, p.ctx, p.path, 1, UINT32_MAX), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(sol_model_open(&p.rows, p.ctx, p.path, 1, 0), SOLID_OK, "%s", solid_last_error());
  return p;
}

Test(neighbours, tie_to_the_lowest_index_and_have_any_length) {
  pair p = open_odd();
  size_t late = 0; /* of the equal ones; they are left out of short lists, and of none where many items are closed */
  for (size_t w = 0; w < ITEMS / 64 && p.rows->late_items; w++)
    late += (size_t)__builtin_popcountll(p.rows->late_items[w]);
  cr_assert(!sk_scout_is_fast() || (late > ITEMS / 10 && late < ITEMS / 5), "%zu late items", late);
  rows_same(&p);
  same_neighbours(&p);
  close_some(&p);
  same_neighbours(&p);
  rows_close(&p);
}

Test(neighbours, say_that_the_file_was_changed) {
  sol_config config = rows_large(SOLID_HEAD_SOLID);
  pair p = rows_open(&config);
  solid_neighbours *n = NULL;
  solid_scored out[3];
  size_t count = 7;
  cr_assert_eq(solid_neighbours_new(&n, p.rows), SOLID_OK);
  if (p.rows->file.rows) {
    cr_assert_eq(truncate(p.path, 100), 0);
    cr_assert_eq(solid_neighbours_of(n, 5, 3, out, &count), SOLID_ESTALE);
    cr_assert_eq(count, 0);
    cr_assert_eq(solid_neighbours_cosine(n, 5, 6), 0);
    solid_neighbours_free(n);
    n = NULL;
    cr_assert_eq(solid_neighbours_new(&n, p.rows), SOLID_ESTALE);
  }
  solid_neighbours_free(n);
  rows_close(&p);
}
