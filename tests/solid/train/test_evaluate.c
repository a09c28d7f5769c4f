/* Ranks of a tiny model against a full sort in double over every item, and against themselves at other batch sizes. */
#include "solid/model/model_file.h"
#include "solid/model/model_parts.h"
#include "solid/model/tensors.h"
#include "solid/train/evaluate.h"
#include "solid/worker.h"
#include "tests/support/seed.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { V = 70, D = 8, L = 6, C = 2, K = 5, USERS = 90, KNOWN = 64 /* items that events may have */ };

/* The model numbers its items backwards: item v of the model is called "i<V-1-v>". */
static sol_strings item_names(void) {
  sol_strings names = {V, malloc((V + 1) * sizeof(uint32_t)), malloc(V * 8)};
  names.offsets[0] = 0;
  for (uint32_t v = 0; v < V; v++) {
    char name[8];
    int size = snprintf(name, sizeof name, "i%u", V - 1 - v);
    memcpy(names.bytes + names.offsets[v], name, (size_t)size);
    names.offsets[v + 1] = names.offsets[v] + (uint32_t)size;
  }
  return names;
}

typedef struct tiny {
  sol_model_file file;
  float vectors[V * D]; /* e_v */
  solid_context *ctx;
  solid_model *model;
} tiny;

/* All weights are multiplied by `scale`. */
static void tiny_open_scaled(tiny *t, solid_head head, float scale) {
  char path[] = "/tmp/solid-evaluate-XXXXXX";
  int descriptor = mkstemp(path);
  cr_assert_geq(descriptor, 0);
  close(descriptor);
  sol_config config = {.items = V,
                       .width = D,
                       .window = L,
                       .blocks = 1,
                       .heads = 2,
                       .levels = C,
                       .codes = K,
                       .head = head,
                       .clip = 0.1f};
  seed_rng rng = seed_start(11);
  *t = (tiny){.file = {.config = config}};
  t->file.weights = malloc(sol_tensors_total(&config) * sizeof(float));
  sol_weights_init(&config, 3, t->file.weights);
  sol_tensor tensors[SOL_MAX_TENSORS]; /* the generator begins at zero: moved, so that it has a say */
  for (size_t i = sol_tensors_list(&config, tensors); i-- > 0;)
    for (size_t j = 0; j < tensors[i].count; j++) t->file.weights[tensors[i].offset + j] += 0.2f * seed_normal(&rng);
  for (size_t i = 0; i < sol_tensors_total(&config); i++) t->file.weights[i] *= scale;
  t->file.codes = malloc(V * C * sizeof(uint16_t));
  for (int i = 0; i < V * C; i++) t->file.codes[i] = (uint16_t)seed_below(&rng, K);
  t->file.popularity = calloc(V, sizeof(float));
  t->file.items = item_names();
  cr_assert_eq(sol_model_file_write(&t->file, path), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(solid_context_new(&t->ctx, NULL), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(solid_model_load(&t->model, t->ctx, path), SOLID_OK, "%s", solid_last_error());
  remove(path);
  sol_weights weights;
  sol_weights_bind(&weights, &config, t->file.weights);
  for (int v = 0; v < V; v++)
    for (int j = 0; j < D; j++) {
      t->vectors[v * D + j] = weights.items[v * D + j];
      for (int c = 0; c < C; c++)
        t->vectors[v * D + j] += weights.metacodes[(c * K + t->file.codes[v * C + c]) * D + j];
    }
}

static void tiny_open(tiny *t, solid_head head) {
  tiny_open_scaled(t, head, 1);
}

static void tiny_close(tiny *t) {
  solid_model_free(t->model);
  solid_context_free(t->ctx);
  sol_model_file_clear(&t->file);
}

static solid_dataset make_history(const char *last_item) {
  solid_collector *collector = NULL;
  solid_dataset dataset;
  seed_rng rng = seed_start(12);
  cr_assert_eq(solid_collector_new(&collector, NULL), SOLID_OK);
  for (int u = 0; u < USERS; u++) {
    char user[16], item[16];
    snprintf(user, sizeof user, "u%d", u);
    int n = u % 10 == 0 ? 1 + u / 10 % 2 : 3 + seed_below(&rng, 12); /* some too short, some longer than the window */
    for (int i = 0; i < n; i++) {
      snprintf(item, sizeof item, "i%d", seed_below(&rng, KNOWN));
      if (u == USERS - 1 && i == n - 1 && last_item) snprintf(item, sizeof item, "%s", last_item);
      solid_event event = {{user, strlen(user)}, {item, strlen(item)}, {NULL, 0}, 0, {0, 0}, SOLID_WORTH_STEP, 0};
      cr_assert_eq(solid_collector_push(collector, &event, 1, NULL), SOLID_OK);
    }
  }
  cr_assert_eq(solid_collector_finish(collector, &dataset), SOLID_OK);
  solid_collector_free(collector);
  return dataset;
}

static uint32_t model_item(const solid_dataset *dataset, size_t e) {
  solid_bytes id = solid_vocab_id(&dataset->item_ids, dataset->sequence[e]);
  char name[16] = "";
  memcpy(name, id.data, id.size);
  return V - 1 - (uint32_t)strtoul(name + 1, NULL, 10);
}

/* One user alone through the worker, every item scored in double, rank = how many stand before the target. */
static uint32_t naive_rank(const tiny *t, const solid_dataset *dataset, uint32_t u, const solid_evaluate_options *o) {
  solid_part part = o->part;
  int keep_history = o->keep_history;
  solid_range known = {0, 0};
  uint32_t window[64], offsets[2] = {0, 0};
  static float h[D], params[2 * (D * D + D)];
  solid_worker *worker = NULL;
  cr_assert_eq(solid_split_question(dataset, u, part, &known), 1);
  uint32_t target = model_item(dataset, known.end), rank = 0;
  int left_out[V] = {0};
  for (size_t e = known.begin; e < known.end; e++) {
    window[offsets[1]++] = model_item(dataset, e);
    left_out[model_item(dataset, e)] = !keep_history;
  }
  uint32_t old_offsets[2] = {0, offsets[1] > o->stale ? offsets[1] - o->stale : 1};
  solid_windows windows = {1, offsets, window}, old = {1, old_offsets, window};
  cr_assert_eq(solid_worker_new(&worker, t->model, 1), SOLID_OK);
  cr_assert_eq(solid_worker_generate(worker, &old, h, t->file.config.head == SOLID_HEAD_STATIC ? NULL : params),
               SOLID_OK);
  if (!o->stale_state) cr_assert_eq(solid_worker_encode(worker, &windows, h), SOLID_OK);
  cr_assert_eq(solid_worker_apply(worker, 1, h, params, h), SOLID_OK);
  solid_worker_free(worker);
  double score[V];
  for (int v = 0; v < V; v++) {
    score[v] = 0;
    for (int j = 0; j < D; j++) score[v] += (double)h[j] * t->vectors[v * D + j];
  }
  for (uint32_t v = 0; v < V; v++) rank += v != target && !left_out[v] && score[v] > score[target];
  return rank < SOLID_RANK_DEPTH ? rank : SOLID_RANK_BEYOND;
}

Test(evaluate, agrees_with_a_full_sort_at_every_batch_size) {
  const solid_head heads[] = {SOLID_HEAD_STATIC, SOLID_HEAD_SOLID};
  const uint32_t batches[] = {1, 7, 32, 1000};
  solid_dataset dataset = make_history(NULL);
  for (int i = 0; i < 2; i++) {
    tiny t;
    tiny_open(&t, heads[i]);
    for (int setting = 0; setting < 4; setting++) {
      solid_evaluate_options options = {.part = setting % 2 ? SOLID_PART_TEST : SOLID_PART_VALID,
                                        .keep_history = setting / 2};
      double coverage = 0;
      uint32_t within = 0;
      for (int b = 0; b < 4; b++) {
        solid_evaluation made;
        options.batch = batches[b];
        cr_assert_eq(solid_evaluate_model(&made, t.model, &dataset, &options), SOLID_OK, "%s", solid_last_error());
        cr_assert_eq(made.users, solid_split_users(&dataset, options.part));
        cr_assert_eq(made.users + made.skipped, USERS);
        cr_assert_eq(made.items, V);
        if (b == 0) coverage = made.coverage;
        cr_assert_eq(made.coverage, coverage);
        for (uint32_t k = 0; k < made.users; k++) {
          uint32_t expected = naive_rank(&t, &dataset, made.who[k], &options);
          cr_assert_eq(made.ranks[k], expected, "head %d user %u batch %u: rank %u, not %u", heads[i], made.who[k],
                       batches[b], made.ranks[k], expected);
          within += expected != SOLID_RANK_BEYOND;
        }
        solid_evaluation_clear(&made);
      }
      cr_assert_gt(within, 0, "no target among the first 20 judges nothing");
      cr_assert(coverage > 0.1 && coverage <= 1);
    }
    tiny_close(&t);
  }
  solid_dataset_clear(&dataset);
}

/* Params that were made before the newest events; the state new or as old as they. */
Test(evaluate, stale_params_are_those_of_an_earlier_window) {
  solid_dataset dataset = make_history(NULL);
  tiny t;
  tiny_open(&t, SOLID_HEAD_SOLID);
  solid_evaluation fresh = {0};
  cr_assert_eq(solid_evaluate_model(&fresh, t.model, &dataset, NULL), SOLID_OK, "%s", solid_last_error());
  for (uint32_t stale = 0; stale <= 20; stale += 1 + 2 * stale)
    for (int state = 0; state < 2; state++) {
      solid_evaluate_options options = SOLID_EVALUATE_OPTIONS_INIT;
      options.stale = stale, options.stale_state = state, options.batch = 7;
      solid_evaluation made;
      cr_assert_eq(solid_evaluate_model(&made, t.model, &dataset, &options), SOLID_OK, "%s", solid_last_error());
      uint32_t other = 0;
      for (uint32_t k = 0; k < made.users; k++) {
        uint32_t expected = naive_rank(&t, &dataset, made.who[k], &options);
        cr_assert_eq(made.ranks[k], expected, "stale %u user %u: rank %u, not %u", stale, made.who[k], made.ranks[k],
                     expected);
        other += made.ranks[k] != fresh.ranks[k];
      }
      cr_expect_eq(other > 0, stale > 0, "stale %u: %u ranks differ", stale, other);
      solid_evaluation_clear(&made);
    }
  solid_evaluation_clear(&fresh);
  tiny_close(&t);
  solid_dataset_clear(&dataset);
}

/* What is shown: the first ten of a full sort, in the history's numbers; and the vectors are those that rank. */
Test(evaluate, shows_the_first_ten_of_a_full_sort) {
  solid_dataset dataset = make_history(NULL);
  tiny t;
  tiny_open(&t, SOLID_HEAD_STATIC);
  solid_evaluation made;
  cr_assert_eq(solid_evaluate_model(&made, t.model, &dataset, NULL), SOLID_OK, "%s", solid_last_error());
  float *vectors = malloc((size_t)dataset.items * D * sizeof *vectors);
  cr_assert_eq(solid_evaluate_vectors(t.model, &dataset, vectors), SOLID_OK, "%s", solid_last_error());
  for (uint32_t v = 0; v < dataset.items; v++) {
    solid_bytes id = solid_vocab_id(&dataset.item_ids, v);
    uint32_t item = solid_model_item_index(t.model, id);
    for (int j = 0; j < D; j++)
      cr_assert_float_eq(vectors[v * D + (uint32_t)j], t.vectors[item * D + (uint32_t)j], 1e-6);
  }
  uint32_t unknown = 0;
  for (uint32_t i = 0; i < made.users; i++) {
    const uint32_t *shown = made.shown + (size_t)i * SOLID_COVERED_DEPTH;
    solid_range known = {0, 0};
    solid_split_question(&dataset, made.who[i], SOLID_PART_TEST, &known);
    for (uint32_t k = 0; k < SOLID_COVERED_DEPTH; k++) {
      unknown += shown[k] == SOLID_NO_ID;
      cr_assert_eq(made.ranks[i] == k, shown[k] == dataset.sequence[known.end], "user %u place %u", i, k);
      for (uint32_t j = 0; j < k; j++) cr_assert(shown[k] == SOLID_NO_ID || shown[j] != shown[k]);
    }
  }
  cr_assert_gt(unknown, 0, "the model knows items that the data does not have");
  cr_assert_lt(unknown, made.users * SOLID_COVERED_DEPTH / 2);
  free(vectors);
  solid_evaluation_clear(&made);
  tiny_close(&t);
  solid_dataset_clear(&dataset);
}

/* A model that knows nothing gives every item the same score. Its first items would all be found by their number. */
Test(evaluate, the_order_of_the_items_favours_nobody) {
  tiny t;
  char text[20][32];
  solid_dataset d;
  solid_collector *collector = NULL;
  tiny_open_scaled(&t, SOLID_HEAD_STATIC, 0);
  cr_assert_eq(solid_collector_new(&collector, NULL), SOLID_OK);
  for (int u = 0; u < 10; u++)
    for (int e = 0; e < 3; e++) { /* the target is one of the model's first ten */
      int size = snprintf(text[u], 32, "i%d", e < 2 ? 2 * u + e : V - 1 - u);
      char user[8];
      int user_size = snprintf(user, sizeof user, "u%d", u);
      solid_event event = {.user = {user, (size_t)user_size}, .item = {text[u], (size_t)size}};
      cr_assert_eq(solid_collector_push(collector, &event, 1, NULL), SOLID_OK);
    }
  cr_assert_eq(solid_collector_finish(collector, &d), SOLID_OK);
  solid_evaluation made;
  uint32_t found = 0;
  cr_assert_eq(solid_evaluate_model(&made, t.model, &d, NULL), SOLID_OK, "%s", solid_last_error());
  for (uint32_t i = 0; i < made.users; i++) found += made.ranks[i] < 10;
  cr_assert(made.users == 10 && found < 7, "%u of 10 are found", found);
  solid_evaluation_clear(&made);
  solid_collector_free(collector);
  solid_dataset_clear(&d);
  tiny_close(&t);
}

Test(evaluate, refuses_another_split_than_the_models) {
  static const struct {
    const char *training;
    int loo, ratio; /* whether the split is the model's */
  } cases[] = {{NULL, 1, 0},
               {"{\"seed\": 1}", 1, 0},
               {"{\"split\": \"leave-one-out\"}", 1, 0},
               {"{\"split\": \"per-user-ratio 0.8 0.1\"}", 0, 1},
               {"{\"split\": \"per-user-ratio 0.7 0.1\"}", 0, 0}};
  solid_dataset dataset = make_history(NULL), ratio = make_history(NULL);
  solid_split_options options = SOLID_SPLIT_OPTIONS_INIT;
  options.kind = SOLID_PER_USER_RATIO;
  cr_assert_eq(solid_split_apply(&ratio, &options), SOLID_OK);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    tiny t;
    tiny_open(&t, SOLID_HEAD_STATIC);
    free(t.model->file.training);
    t.model->file.training = cases[i].training ? strdup(cases[i].training) : NULL;
    cr_assert_eq(solid_evaluate_check_split(t.model, &dataset), cases[i].loo ? SOLID_OK : SOLID_EMISMATCH, "case %zu",
                 i);
    cr_assert_eq(solid_evaluate_check_split(t.model, &ratio), cases[i].ratio ? SOLID_OK : SOLID_EMISMATCH, "case %zu",
                 i);
    tiny_close(&t);
  }
  solid_dataset_clear(&dataset);
  solid_dataset_clear(&ratio);
}

Test(evaluate, knows_the_data_a_model_was_trained_on) {
  solid_dataset dataset = make_history(NULL), other = make_history("stranger");
  char said[64];
  snprintf(said, sizeof said, "{\"seed\": 1, \"data\": \"%016llx\"}", (unsigned long long)solid_dataset_hash(&dataset));
  const char *const texts[] = {NULL, "{\"seed\": 1}", "no JSON", "{\"data\": 5}", said};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    tiny t;
    tiny_open(&t, SOLID_HEAD_STATIC);
    free(t.model->file.training);
    t.model->file.training = texts[i] ? strdup(texts[i]) : NULL;
    cr_assert_eq(solid_evaluate_same_data(t.model, &dataset), texts[i] == said ? 1 : -1, "text %zu", i);
    cr_assert_eq(solid_evaluate_same_data(t.model, &other), texts[i] == said ? 0 : -1, "text %zu", i);
    tiny_close(&t);
  }
  solid_dataset_clear(&dataset);
  solid_dataset_clear(&other);
}

Test(evaluate, knows_a_refitted_model) {
  static const char *const texts[] = {NULL, "no JSON", "{\"options\": {\"refit\": false}}",
                                      "{\"options\": {\"refit\": true}}"};
  tiny t;
  tiny_open(&t, SOLID_HEAD_STATIC);
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    free(t.model->file.training);
    t.model->file.training = texts[i] ? strdup(texts[i]) : NULL;
    cr_expect_eq(solid_evaluate_refitted(t.model), i == 3, "text %zu", i);
  }
  tiny_close(&t);
}

Test(evaluate, names_what_the_model_does_not_know) {
  tiny t;
  tiny_open(&t, SOLID_HEAD_STATIC);
  solid_dataset dataset = make_history("stranger");
  char expected[128];
  snprintf(expected, sizeof expected,
           "1 of the data's %u items are not among the model's %d, the first is \"stranger\"", dataset.items, V);
  solid_evaluation made;
  cr_assert_eq(solid_evaluate_model(&made, t.model, &dataset, NULL), SOLID_EMISMATCH);
  cr_assert_str_eq(solid_last_error(), expected);
  solid_evaluate_options options = {.part = SOLID_PART_TEST};
  cr_assert_eq(solid_evaluate_model(&made, t.model, &dataset, &options), SOLID_EINVAL);
  solid_dataset_clear(&dataset);
  tiny_close(&t);
}
