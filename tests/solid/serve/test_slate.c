/* Slates through the door: the ranker's list under the whole guide, valid under any, and every refusal. */
#include "solid/slate.h"
#include "tests/support/alloc_watch.h"
#include "tests/support/compare.h"
#include "tests/support/seed.h"
#include "tests/support/serving.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 12, USERS = 9, ITEMS = 40 };

/* Users of every source: warm, newer than their parameters, without parameters, unknown, anonymous. */
static const char *const names[USERS] = {"warm-1", "warm-2", "warm-3", "fresh-1", "fresh-2",
                                         "cold-1", "cold-2", "nobody", ""};

static void push(const serving *s, const char *user, const uint32_t *items, size_t n) {
  solid_pipeline *pipeline = NULL;
  cr_assert_eq(solid_pipeline_new(&pipeline, s->model, s->store, NULL), SOLID_OK, "%s", solid_last_error());
  for (size_t i = 0; i < n; i++) {
    solid_event event = serving_event_at(s, user, items[i], (solid_position){0});
    cr_assert_eq(solid_pipeline_push(pipeline, &event, 1, NULL), SOLID_OK, "%s", solid_last_error());
  }
  solid_pipeline_free(pipeline);
}

static void fill_store(const serving *s, seed_rng *rng) {
  for (int u = 0; u < 7; u++) {
    uint32_t items[8];
    size_t n = 2 + (size_t)seed_below(rng, 6);
    for (size_t i = 0; i < n; i++) items[i] = (uint32_t)seed_below(rng, ITEMS);
    if (u < 5) push(s, names[u], items, n);
    if (u >= 3) serving_append(s, s->store, names[u], items, n);
  }
}

typedef struct house {
  serving s;
  solid_recommender *rec;
  solid_bytes users[USERS];
  solid_bytes blocked[6], session[3];
  solid_query query;
} house;

static int house_open(house *h, const char *device, int near, seed_rng *rng) {
  memset(h, 0, sizeof *h);
  h->s = serving_open_slates(device, near, 50);
  if (!h->s.ctx) return 0;
  fill_store(&h->s, rng);
  solid_recommender_options options = SOLID_RECOMMENDER_OPTIONS_INIT;
  options.max_batch = USERS;
  options.element = SOLID_F32; /* what is put back is what was generated, so that two calls are of one vector */
  cr_assert_eq(solid_recommender_new(&h->rec, h->s.model, h->s.store, &options), SOLID_OK, "%s", solid_last_error());
  for (int u = 0; u < USERS; u++) h->users[u] = serving_text(names[u]);
  return 1;
}

static void house_close(house *h) {
  if (!h->s.ctx) return;
  solid_recommender_free(h->rec);
  serving_close(&h->s);
}

/* A query with filters and session or without, which may leave fewer than k. */
static void draw_query(house *h, seed_rng *rng) {
  static const char *const categories[] = {"even", "third", "none"};
  h->query = (solid_query)SOLID_QUERY_INIT;
  h->query.k = 1 + (uint32_t)seed_below(rng, ROWS);
  h->query.exclude_seen = seed_below(rng, 4) > 0;
  h->query.n_blocked = (size_t)seed_below(rng, 7);
  h->query.blocked = h->blocked;
  for (size_t i = 0; i < h->query.n_blocked; i++)
    h->blocked[i] = solid_model_item_id(h->s.model, (uint32_t)seed_below(rng, ITEMS));
  h->query.n_session = seed_below(rng, 3) ? 0 : (size_t)seed_below(rng, 4);
  h->query.session = h->session;
  for (size_t i = 0; i < h->query.n_session; i++)
    h->session[i] = solid_model_item_id(h->s.model, (uint32_t)seed_below(rng, ITEMS));
  if (seed_below(rng, 3) == 0) h->query.category = serving_text(categories[seed_below(rng, 8) / 3]);
}

/* The orders that a decoder goes in: raster and ZipAR of every window, fixed or adaptive, or near-to-far. */
static uint32_t draw_order(seed_rng *rng, int near, solid_slate_options *options) {
  uint32_t which = near ? 0 : (uint32_t)seed_below(rng, 7);
  int adaptive = which && seed_below(rng, 3) == 0;
  options->order = adaptive ? SOLID_SLATE_ADAPTIVE : which ? SOLID_SLATE_ZIPAR : SOLID_SLATE_RASTER;
  if (near) options->order = SOLID_SLATE_NEAR_TO_FAR;
  if (seed_below(rng, 4) == 0 && !which) options->order = SOLID_SLATE_TRAINED;
  options->window = which;
  return which;
}

static void recommend(const house *h, solid_scored *out, solid_answer *answers) {
  for (int u = 0; u < USERS; u++) answers[u] = (solid_answer){.struct_size = sizeof *answers};
  cr_assert_eq(solid_recommend_batch(h->rec, h->users, USERS, &h->query, out, answers), SOLID_OK, "%s",
               solid_last_error());
}

static void slate(const house *h, const solid_slate_options *options, solid_scored *out, solid_slate_answer *answers) {
  memset(out, 0x55, (size_t)h->query.k * USERS * sizeof *out);
  for (int u = 0; u < USERS; u++) answers[u] = (solid_slate_answer){.struct_size = sizeof *answers};
  cr_assert_eq(solid_slate_batch(h->rec, h->users, USERS, &h->query, options, out, answers), SOLID_OK, "%s",
               solid_last_error());
}

/* The decoder's weight is 0: item for item what is recommended, whoever asks and whatever is left out. */
static void check_whole_guide(const char *device, int near) {
  house h;
  seed_rng rng = seed_start(81);
  solid_scored want[USERS * ROWS], got[USERS * ROWS];
  solid_answer listed[USERS];
  solid_slate_answer made[USERS];
  if (!house_open(&h, device, near, &rng)) return;
  for (int round = 0; round < 120; round++) {
    solid_slate_options options = SOLID_SLATE_OPTIONS_INIT;
    options.guide = 1;
    draw_query(&h, &rng);
    draw_order(&rng, near, &options);
    recommend(&h, want, listed);
    slate(&h, &options, got, made);
    for (int u = 0; u < USERS; u++) {
      cr_assert_eq(made[u].count, listed[u].count, "%s: %zu items, %zu are recommended", names[u], made[u].count,
                   listed[u].count);
      cr_assert_eq(made[u].forwards, 0);
      for (uint32_t k = 0; k < h.query.k; k++) {
        solid_scored a = got[(uint32_t)u * h.query.k + k], b = want[(uint32_t)u * h.query.k + k];
        cr_assert_eq(a.item, b.item, "%s, place %u: item %u, %u is recommended", names[u], k, a.item, b.item);
        cr_assert(compare_is_close(a.score, b.score, 1e-5, 1e-5));
      }
    }
  }
  house_close(&h);
}

Test(slate, under_the_whole_guide_is_what_is_recommended) {
  for (int near = 0; near < 2; near++) {
    check_whole_guide("cpu", near);
    check_whole_guide("cuda", near);
  }
}

/* Under any guide, drawn or greedy: as many items as are left, none of them left out, none twice. */
static void check_valid(const char *device, int near) {
  house h;
  seed_rng rng = seed_start(82);
  solid_scored all[USERS * ITEMS], got[USERS * ROWS];
  solid_answer left[USERS];
  solid_slate_answer made[USERS];
  if (!house_open(&h, device, near, &rng)) return;
  for (int round = 0; round < 150; round++) {
    solid_slate_options options = SOLID_SLATE_OPTIONS_INIT;
    options.guide = round % 5 ? (float)seed_uniform(&rng) : 0;
    options.temperature = round % 3 ? 0 : 0.2f + (float)seed_uniform(&rng);
    options.top_p = 0.3f + 0.7f * (float)seed_uniform(&rng);
    options.seed = (uint64_t)round;
    draw_query(&h, &rng);
    uint32_t window = draw_order(&rng, near, &options), K = h.query.k, C = h.s.info.levels + 1;
    slate(&h, &options, got, made);
    h.query.k = ITEMS;
    recommend(&h, all, left);
    h.query.k = K;
    for (int u = 0; u < USERS; u++) {
      size_t count = left[u].count < K ? left[u].count : K;
      uint32_t s = !window || window > C ? C : window, taken[ITEMS] = {0};
      cr_assert_eq(made[u].count, count, "%s: %zu items, %zu are left", names[u], made[u].count, count);
      cr_assert_eq(made[u].source == SOLID_FROM_POPULARITY, left[u].source == SOLID_FROM_POPULARITY);
      uint32_t n = (uint32_t)count, none = !n || made[u].source == SOLID_FROM_POPULARITY;
      uint32_t least = none ? 0 : near ? n + C - 1 : C + (n - 1) * s;
      uint32_t most = options.order == SOLID_SLATE_ADAPTIVE && !none ? C * n : least;
      cr_assert(made[u].forwards >= least && made[u].forwards <= most, "%u forwards, not %u .. %u", made[u].forwards,
                least, most);
      cr_assert_eq(made[u].order, options.order ? options.order : near ? SOLID_SLATE_NEAR_TO_FAR : SOLID_SLATE_RASTER);
      cr_assert((made[u].log_likelihood < 0) <= (made[u].source != SOLID_FROM_POPULARITY));
      for (uint32_t k = 0; k < K; k++) {
        solid_scored item = got[(uint32_t)u * K + k];
        int allowed = 0;
        if (k >= count) cr_assert(item.item == SOLID_NO_ITEM && item.score == -INFINITY);
        if (k >= count) continue;
        for (size_t i = 0; i < left[u].count; i++) allowed |= all[(size_t)u * ITEMS + i].item == item.item;
        cr_assert(allowed, "%s: item %u is left out", names[u], item.item);
        cr_assert_eq(taken[item.item]++, 0, "%s: item %u twice", names[u], item.item);
      }
    }
  }
  house_close(&h);
}

Test(slate, is_always_valid) {
  for (int near = 0; near < 2; near++) {
    check_valid("cpu", near);
    check_valid("cuda", near);
  }
}

/* A window of a row is raster; a user alone is who he is among others; a seed is a slate. */
Test(slate, is_the_same_whichever_way_it_is_asked_for) {
  house h;
  seed_rng rng = seed_start(83);
  solid_scored a[USERS * ROWS], b[USERS * ROWS], one[ROWS];
  solid_slate_answer made[USERS], again[USERS], alone = {.struct_size = sizeof alone};
  cr_assert(house_open(&h, "cpu", 0, &rng));
  h.query = (solid_query)SOLID_QUERY_INIT;
  size_t bytes = USERS * h.query.k * sizeof *a;
  solid_slate_options raster = SOLID_SLATE_OPTIONS_INIT, zipar = raster;
  raster.guide = zipar.guide = 0.3f;
  zipar.order = SOLID_SLATE_ZIPAR, zipar.window = 4;
  slate(&h, &raster, a, made);
  slate(&h, &zipar, b, again);
  cr_assert_eq(memcmp(a, b, bytes), 0, "ZipAR of a row's width is not raster");
  for (int u = 0; u < USERS; u++) {
    cr_assert_eq(made[u].log_likelihood, again[u].log_likelihood);
    cr_assert_eq(solid_slate(h.rec, h.users[u], &h.query, &raster, one, &alone), SOLID_OK);
    for (uint32_t k = 0; k < h.query.k; k++) cr_assert_eq(one[k].item, a[(uint32_t)u * h.query.k + k].item);
  }
  raster.temperature = 1, raster.seed = 5;
  slate(&h, &raster, a, made);
  slate(&h, &raster, b, made);
  cr_assert_eq(memcmp(a, b, bytes), 0, "one seed, two slates");
  raster.seed = 500;
  slate(&h, &raster, b, made);
  cr_assert_neq(memcmp(a, b, bytes), 0, "two seeds, one slate");
  house_close(&h);
}

/* The first slate takes memory, later ones do not. */
Test(slate, does_not_allocate_once_it_is_warm) {
  house h;
  seed_rng rng = seed_start(84);
  solid_scored out[USERS * ROWS];
  cr_assert(house_open(&h, "cpu", 1, &rng));
  h.query = (solid_query)SOLID_QUERY_INIT;
  for (int round = 0; round < 3; round++) {
    uint64_t before = alloc_watch_count();
    cr_assert_eq(solid_slate_batch(h.rec, h.users, USERS, &h.query, NULL, out, NULL), SOLID_OK);
    if (round) cr_assert_eq(alloc_watch_count(), before);
  }
  house_close(&h);
}

/* ---- Refusals ---- */

static void refused(solid_recommender *rec, uint32_t k, solid_slate_options options, solid_status status,
                    const char *text) {
  solid_scored out[ROWS + 1];
  solid_query query = SOLID_QUERY_INIT;
  query.k = k;
  cr_assert_eq(solid_slate(rec, serving_text("anna"), &query, &options, out, NULL), status, "%s: %s", text,
               solid_last_error());
  cr_assert(strstr(solid_last_error(), text), "\"%s\" not in \"%s\"", text, solid_last_error());
}

Test(slate, refuses_what_cannot_be_and_says_what_to_do) {
  house h;
  seed_rng rng = seed_start(85);
  const solid_slate_options good = SOLID_SLATE_OPTIONS_INIT;
  cr_assert(house_open(&h, "cpu", 0, &rng));
  solid_slate_options bad = good;
  refused(h.rec, 13, good, SOLID_ERANGE, "k is 13, the model's decoder has 12 rows");
  refused(h.rec, 0, good, SOLID_ERANGE, "k is 0");
  bad.order = SOLID_SLATE_NEAR_TO_FAR;
  refused(h.rec, 5, bad, SOLID_EUNSUPPORTED, "trained raster");
  bad.order = (solid_slate_order)7;
  refused(h.rec, 5, bad, SOLID_ERANGE, "order 7");
  bad = good, bad.order = SOLID_SLATE_ZIPAR, bad.window = 0;
  refused(h.rec, 5, bad, SOLID_ERANGE, "window of 0");
  bad.order = SOLID_SLATE_ADAPTIVE;
  refused(h.rec, 5, bad, SOLID_ERANGE, "window of 0");
  bad = good, bad.guide = 1.5f;
  refused(h.rec, 5, bad, SOLID_ERANGE, "guide 1.5");
  bad = good, bad.guide = NAN;
  refused(h.rec, 5, bad, SOLID_ERANGE, "guide nan");
  bad = good, bad.temperature = -1;
  refused(h.rec, 5, bad, SOLID_ERANGE, "temperature -1");
  bad = good, bad.temperature = 1, bad.top_p = 0;
  refused(h.rec, 5, bad, SOLID_ERANGE, "top_p 0");
  bad = good, bad.struct_size = 4096;
  refused(h.rec, 5, bad, SOLID_EINVAL, "slate options");
  solid_scored out[ROWS];
  solid_slate_answer answer = {.struct_size = 3};
  cr_assert_eq(solid_slate(h.rec, h.users[0], NULL, NULL, out, &answer), SOLID_EINVAL);
  cr_assert_eq(solid_slate(NULL, h.users[0], NULL, NULL, out, NULL), SOLID_EINVAL);
  house_close(&h);

  serving s = serving_open(SOLID_HEAD_SOLID, 3);
  solid_recommender *rec = NULL;
  cr_assert_eq(solid_recommender_new(&rec, s.model, s.store, NULL), SOLID_OK);
  refused(rec, 10, good, SOLID_EUNSUPPORTED, "solid_train --slate 10");
  solid_recommender_free(rec);
  serving_close(&s);
}

Test(slate, names_its_orders) {
  cr_assert_str_eq(solid_slate_order_name(SOLID_SLATE_TRAINED), "trained");
  cr_assert_str_eq(solid_slate_order_name(SOLID_SLATE_ZIPAR), "zipar");
  cr_assert_str_eq(solid_slate_order_name(SOLID_SLATE_ADAPTIVE), "zipar:adaptive");
  cr_assert_str_eq(solid_slate_order_name(SOLID_SLATE_NEAR_TO_FAR), "near-to-far");
  cr_assert_str_eq(solid_slate_order_name((solid_slate_order)9), "unknown");
}
