/* Users of a batch of slates do not touch one another: neither what is drawn for them, nor what is damaged; and a slate
 * for which there was no memory leaves nothing behind. */
#include "solid/slate.h"
#include "tests/support/alloc_watch.h"
#include "tests/support/serving.h"
#include "tests/support/tiny_model.h"
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

enum { K = 8, USERS = 6 };

static const uint32_t items[] = {3, 17, 4, 30, 9, 22, 11};

static void push(const serving *s, const char *user, size_t from, size_t to) {
  solid_pipeline *pipeline = NULL;
  cr_assert_eq(solid_pipeline_new(&pipeline, s->model, s->store, NULL), SOLID_OK, "%s", solid_last_error());
  for (size_t i = from; i < to; i++) {
    solid_event event = serving_event_at(s, user, items[i], (solid_position){0});
    cr_assert_eq(solid_pipeline_push(pipeline, &event, 1, NULL), SOLID_OK, "%s", solid_last_error());
  }
  solid_pipeline_free(pipeline);
}

/* What the store gives of `damaged` has one infinite element: scores are infinite, of either sign. */
static const solid_store_ops *sound_ops;
static const char *damaged;

static solid_status get_damaged(solid_store *store, const solid_bytes *users, size_t n, uint64_t generation,
                                solid_window *windows, solid_params *params, uint8_t *found, solid_status *statuses) {
  solid_status status = sound_ops->get(store, users, n, generation, windows, params, found, statuses);
  for (size_t i = 0; i < n && !status && damaged; i++)
    if (found[i] && users[i].size == strlen(damaged) && memcmp(users[i].data, damaged, users[i].size) == 0)
      params[i].h[2] = INFINITY;
  return status;
}

/* A stranger first and one in the middle, whom no decoder sees. */
static const char *const names[USERS] = {"nobody", "anna", "ben", "no-one", "cleo", "dora"};

typedef struct house {
  serving s;
  solid_recommender *rec;
  solid_bytes users[USERS];
  solid_query query;
  solid_store_ops ops;
} house;

/* Of head static, whose user vector is the state itself. */
static serving open_static(void) {
  sol_config config = tiny_config(SOLID_HEAD_STATIC, 0);
  serving s = {.info = {.struct_size = sizeof s.info}};
  config.slate_rows = 12, config.slate_blocks = 1, config.slate_collisions = 2;
  cr_assert_eq(solid_context_new(&s.ctx, NULL), SOLID_OK, "%s", solid_last_error());
  s.model = tiny_model(s.ctx, &config, 70);
  cr_assert_eq(solid_model_get_info(s.model, &s.info), SOLID_OK);
  s.store = serving_store(&s);
  return s;
}

static void house_open(house *h, serving s) {
  *h = (house){.s = s, .query = SOLID_QUERY_INIT};
  solid_recommender_options options = SOLID_RECOMMENDER_OPTIONS_INIT;
  options.max_batch = USERS;
  options.element = SOLID_F32;
  for (int u = 0; u < USERS; u++) {
    h->users[u] = serving_text(names[u]);
    if (names[u][0] != 'n') push(&h->s, names[u], (size_t)u % 3, 7);
  }
  h->query.k = K;
  h->ops = *h->s.store->ops;
  h->ops.get = get_damaged;
  sound_ops = h->s.store->ops;
  h->s.store->ops = &h->ops;
  cr_assert_eq(solid_recommender_new(&h->rec, h->s.model, h->s.store, &options), SOLID_OK, "%s", solid_last_error());
}

static void house_close(house *h) {
  solid_recommender_free(h->rec);
  h->s.store->ops = sound_ops;
  serving_close(&h->s);
}

static void ask(const house *h, const solid_slate_options *options, solid_scored *out, solid_slate_answer *answers) {
  for (int u = 0; u < USERS; u++) answers[u] = (solid_slate_answer){.struct_size = sizeof *answers};
  cr_assert_eq(solid_slate_batch(h->rec, h->users, USERS, &h->query, options, out, answers), SOLID_OK, "%s",
               solid_last_error());
}

/* The i-th user of a batch draws by seed + i: as alone under that seed, whoever stands before. */
static void check_draws(int near, uint32_t order) {
  house h;
  solid_scored all[USERS * K], one[K];
  solid_slate_answer answers[USERS];
  house_open(&h, serving_open_slates("cpu", near, 70));
  solid_slate_options options = SOLID_SLATE_OPTIONS_INIT;
  options.order = order, options.guide = 0.1f, options.temperature = 2;
  for (uint64_t seed = 0; seed < 200; seed += 50) {
    options.seed = seed;
    ask(&h, &options, all, answers);
    for (int u = 0; u < USERS; u++) {
      solid_slate_options alone = options;
      alone.seed = seed + (uint64_t)u;
      cr_assert_eq(solid_slate(h.rec, h.users[u], &h.query, &alone, one, NULL), SOLID_OK, "%s", solid_last_error());
      for (int k = 0; k < K; k++)
        cr_assert_eq(all[u * K + k].item, one[k].item, "seed %d, %s, row %d: %u among others, %u alone", (int)seed,
                     names[u], k, all[u * K + k].item, one[k].item);
    }
  }
  house_close(&h);
}

Test(slate_batch, a_user_draws_by_his_place_whoever_stands_before) {
  check_draws(0, SOLID_SLATE_RASTER);
  check_draws(0, SOLID_SLATE_ADAPTIVE);
  check_draws(1, SOLID_SLATE_NEAR_TO_FAR);
}

/* Whose parameters are damaged gets no slate and is told so; the others get theirs. */
static void check_damaged(const solid_slate_options *options) {
  house h;
  solid_scored all[USERS * K], want[USERS * K];
  solid_slate_answer answers[USERS], sound[USERS];
  house_open(&h, open_static());
  damaged = NULL;
  ask(&h, options, want, sound);
  damaged = "ben";
  ask(&h, options, all, answers);
  for (int u = 0; u < USERS; u++) {
    int is_ben = names[u][0] == 'b';
    cr_assert_eq(answers[u].status, is_ben ? SOLID_ERANGE : SOLID_OK, "%s", names[u]);
    cr_assert_eq(answers[u].count, is_ben ? 0 : K, "%s: %zu items", names[u], answers[u].count);
    cr_assert_eq(answers[u].forwards, is_ben ? 0 : sound[u].forwards, "%s: %u forwards", names[u], answers[u].forwards);
    for (int k = 0; k < K; k++) {
      uint32_t item = is_ben ? SOLID_NO_ITEM : want[u * K + k].item;
      cr_assert_eq(all[u * K + k].item, item, "%s, row %d: %u, not %u", names[u], k, all[u * K + k].item, item);
    }
  }
  solid_scored one[K];
  cr_assert_eq(solid_slate(h.rec, serving_text("ben"), &h.query, options, one, NULL), SOLID_ERANGE);
  for (int k = 0; k < K; k++) cr_assert(one[k].item == SOLID_NO_ITEM && one[k].score == -INFINITY);
  house_close(&h);
}

Test(slate_batch, whose_parameters_are_damaged_gets_no_slate) {
  solid_slate_options options = SOLID_SLATE_OPTIONS_INIT;
  for (int g = 0; g < 3; g++) {
    options.guide = (float)g / 2;
    check_damaged(&options);
  }
  options.guide = 0.5f, options.temperature = 1;
  check_damaged(&options);
}

/* A whole slate, or one of fewer items than rows, which has a grid of its own. */
static solid_status ask_either(house *h, int few, solid_scored *out) {
  solid_bytes two[] = {solid_model_item_id(h->s.model, 5), solid_model_item_id(h->s.model, 6)};
  h->query.allowed = two, h->query.n_allowed = 2, h->query.only_allowed = few;
  return solid_slate_batch(h->rec, h->users, USERS, &h->query, NULL, out, NULL);
}

/* Both of a new recommender, of which one allocation fails; asked again they are what they are. Returns how many
 * failed.
 */
static int check_failing(size_t failing, solid_scored *const want[2]) {
  solid_scored out[USERS * K];
  int failed = 0;
  house h;
  house_open(&h, serving_open_slates("cpu", 1, 70));
  alloc_watch_fail(failing);
  for (int i = 0; i < 4; i++) {
    solid_status status = ask_either(&h, i % 2, out);
    failed += status != SOLID_OK;
    cr_assert(status == SOLID_OK || (status == SOLID_ENOMEM && i < 2), "%s", solid_last_error());
    for (int k = 0; k < USERS * K && !status; k++) cr_assert_eq(out[k].item, want[i % 2][k].item);
    if (i == 1) alloc_watch_fail(0);
  }
  house_close(&h);
  return failed;
}

Test(slate_batch, survives_every_failing_allocation) {
  solid_scored whole[USERS * K], few[USERS * K], *want[2] = {whole, few};
  int failed = 1, failures = 0;
  house h;
  house_open(&h, serving_open_slates("cpu", 1, 70));
  for (int i = 0; i < 2; i++) cr_assert_eq(ask_either(&h, i, want[i]), SOLID_OK);
  house_close(&h);
  for (size_t failing = 1; failed; failing++) failures += failed = check_failing(failing, want);
  cr_assert_gt(failures, 10);
}
