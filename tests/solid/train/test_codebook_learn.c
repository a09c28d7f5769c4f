/* Codes that follow the training: an update against the same in double and naively, item vectors that stay where they
 * are, a resume that is exact, and data whose content says nothing where learned codes find what there is. */
#include "solid/model/tensors.h"
#include "solid/train/codebook/codebook_learn.h"
#include "solid/train/fit/checkpoint.h"
#include "solid/train/fit/fit.h"
#include "solid/train/fit/recode.h"
#include "tests/support/compare.h"
#include "tests/support/rig.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { V = 150, C = 2, K = 7, CONTENT = 5, D = 4, WIDTH = CONTENT + D };

typedef struct book_fixture {
  float x[V * CONTENT], vectors[V * D];
  sol_codebook book;
  sol_code_learner learner;
} book_fixture;

static void open_book(book_fixture *f, rig *r, float keep) {
  seed_rng rng = seed_start(41);
  *f = (book_fixture){.x = {0}};
  seed_fill_normal(&rng, f->x, V * CONTENT, 1);
  seed_fill_normal(&rng, f->vectors, V * D, 3);
  sol_codebook_options options = {C, K, 10, 2, NULL};
  cr_assert_eq(sol_codebook_fit(&f->book, f->x, V, CONTENT, &options), SOLID_OK, "%s", solid_last_error());
  uint64_t before = rig_backend(r)->bytes;
  cr_assert_eq(sol_code_learner_open(&f->learner, rig_backend(r), &f->book, f->x, D, 1.5f, keep), SOLID_OK, "%s",
               solid_last_error());
  cr_expect_eq(rig_backend(r)->bytes - before, sol_code_learner_bytes(V, C, K, WIDTH), "bytes on the device");
}

static void close_book(book_fixture *f) {
  sol_code_learner_close(&f->learner);
  sol_codebook_clear(&f->book);
}

/* The whole state again in double: rows, averages, residuals. */
typedef struct naive {
  double row[V][WIDTH], centroid[C][K][WIDTH], count[C][K];
} naive;

static void naive_rows(naive *n, const book_fixture *f) {
  for (int v = 0; v < V; v++) {
    double length = 0;
    for (int j = 0; j < D; j++) length += pow(f->vectors[v * D + j], 2);
    for (int j = 0; j < CONTENT; j++) n->row[v][j] = f->x[v * CONTENT + j];
    for (int j = 0; j < D; j++) n->row[v][CONTENT + j] = 1.5 * f->vectors[v * D + j] / sqrt(length);
  }
}

/* That `codes` are the nearest under the centroids there are. */
static void expect_nearest(const naive *n, const uint16_t *codes) {
  for (int v = 0; v < V; v++) {
    double r[WIDTH];
    memcpy(r, n->row[v], sizeof r);
    for (int l = 0; l < C; l++) {
      double own = 0, least = INFINITY;
      for (int k = 0; k < K; k++) {
        double sum = 0;
        for (int j = 0; j < WIDTH; j++) sum += pow(r[j] - n->centroid[l][k][j], 2);
        if (k == codes[v * C + l]) own = sum;
        if (sum < least) least = sum;
      }
      cr_assert_leq(own, least + 1e-4, "item %d level %d: %g, nearest %g", v, l, own, least);
      for (int j = 0; j < WIDTH; j++) r[j] -= n->centroid[l][codes[v * C + l]][j];
    }
  }
}

static void naive_update(naive *n, const uint16_t *codes, double keep) {
  for (int l = 0; l < C; l++) {
    for (int k = 0; k < K; k++) {
      double sum[WIDTH], count = keep * n->count[l][k];
      for (int j = 0; j < WIDTH; j++) sum[j] = count * n->centroid[l][k][j];
      for (int v = 0; v < V; v++) {
        if (codes[v * C + l] != k) continue;
        count += 1 - keep;
        for (int j = 0; j < WIDTH; j++) sum[j] += (1 - keep) * n->row[v][j];
      }
      n->count[l][k] = count;
      for (int j = 0; j < WIDTH; j++) n->centroid[l][k][j] = sum[j] / count;
    }
    for (int v = 0; v < V; v++)
      for (int j = 0; j < WIDTH; j++) n->row[v][j] -= n->centroid[l][codes[v * C + l]][j];
  }
}

static void check_update(rig *r) {
  static book_fixture f;
  static naive n;
  const float keep = 0.75f;
  seed_rng rng = seed_start(42);
  open_book(&f, r, keep);
  memset(&n, 0, sizeof n);
  for (int update = 0; update < 4; update++) {
    cr_assert_eq(sol_code_learner_update(&f.learner, f.vectors, 5), SOLID_OK, "%s", solid_last_error());
    naive_rows(&n, &f);
    if (update == 0)
      cr_assert_eq(memcmp(f.learner.table, f.book.table, sizeof(uint16_t) * V * C), 0, "the first keeps the codes");
    else
      expect_nearest(&n, f.learner.table);
    naive_update(&n, f.learner.table, update == 0 ? 0 : keep);
    for (int i = 0; i < C * K; i++) cr_assert_eq(f.learner.twins[i], -1, "nothing starts again here");
    compare_floats("centroids", f.learner.centroids, &n.centroid[0][0][0], C * K * WIDTH, 1e-5, 1e-5);
    compare_floats("counts", f.learner.counts, &n.count[0][0], C * K, 1e-4, 1e-5);
    for (int i = 0; i < V * D; i++) f.vectors[i] += seed_normal(&rng);
  }
  cr_assert_neq(memcmp(f.learner.table, f.book.table, sizeof(uint16_t) * V * C), 0, "codes have changed");
  close_book(&f);
}

Test(codebook_learn, agrees_with_a_naive_update) {
  rig_each(check_update);
}

/* A code far from everything loses its items and starts again where one is. */
static void check_restart(rig *r) {
  static book_fixture f;
  open_book(&f, r, 0);
  cr_assert_eq(sol_code_learner_update(&f.learner, f.vectors, 5), SOLID_OK);
  for (int j = 0; j < WIDTH; j++) f.learner.centroids[2 * WIDTH + j] = 100;
  cr_assert_eq(sol_code_learner_update(&f.learner, f.vectors, 5), SOLID_OK);
  int twin = f.learner.twins[2];
  cr_assert_geq(twin, 0);
  cr_assert_neq(twin, 2);
  cr_assert_eq(f.learner.counts[2], 1);
  static naive n;
  naive_rows(&n, &f);
  int at = -1;
  for (int v = 0; v < V; v++) {
    double distance = 0;
    for (int j = 0; j < WIDTH; j++) distance += pow(n.row[v][j] - f.learner.centroids[2 * WIDTH + j], 2);
    if (distance < 1e-8) at = v;
  }
  cr_assert_geq(at, 0, "it stands at an item");
  cr_assert_eq(f.learner.table[at * C], twin, "whose code is its twin");
  cr_assert_eq(sol_code_learner_update(&f.learner, f.vectors, 5), SOLID_OK);
  cr_assert_eq(f.learner.table[at * C], 2, "and which it has afterwards");
  close_book(&f);
}

Test(codebook_learn, starts_codes_without_items_again) {
  rig_each(check_restart);
}

static void sum_vectors(const float *items, const float *metacodes, const uint16_t *codes, double *out) {
  for (int i = 0; i < V * D; i++) {
    out[i] = items[i];
    for (int l = 0; l < C; l++) out[i] += metacodes[(l * K + codes[i / D * C + l]) * D + i % D];
  }
}

static void check_realign(rig *r) {
  static book_fixture f;
  static float items[V * D], metacodes[C * K * D];
  static double before[V * D];
  seed_rng rng = seed_start(43);
  open_book(&f, r, 0.5f);
  seed_fill_normal(&rng, items, V * D, 1);
  seed_fill_normal(&rng, metacodes, C * K * D, 1);
  sum_vectors(items, metacodes, f.book.table, before);
  for (int update = 0; update < 2; update++) cr_assert_eq(sol_code_learner_update(&f.learner, f.vectors, 5), SOLID_OK);
  cr_assert_neq(memcmp(f.learner.table, f.learner.before, sizeof(uint16_t) * V * C), 0, "codes have changed");
  f.learner.twins[K + 3] = 1;
  float twin[D];
  memcpy(twin, metacodes + (K + 1) * D, sizeof twin);
  static float untouched[C * K * D];
  memcpy(untouched, metacodes, sizeof untouched);
  sol_code_learner_realign(&f.learner, items, metacodes);
  compare_bits("the metacode of a twin", metacodes + (K + 3) * D, twin, D);
  static float after[V * D];
  static double sums[V * D];
  sum_vectors(items, untouched, f.learner.table, sums);
  for (int i = 0; i < V * D; i++) after[i] = (float)sums[i];
  compare_floats("item vectors", after, before, V * D, 1e-5, 1e-5);
  close_book(&f);
}

Test(codebook_learn, keeps_item_vectors_where_they_are) {
  rig_each(check_realign);
}

/* ---- In a training ---- */

enum { USERS = 200, EVENTS = 10, ITEMS = 96, GROUPS = 8, NOISE = 6 };

static const sol_config config = {.items = ITEMS,
                                  .width = 16,
                                  .window = 8,
                                  .blocks = 1,
                                  .heads = 1,
                                  .levels = 1,
                                  .codes = GROUPS,
                                  .head = SOLID_HEAD_SOLID,
                                  .clip = 0.1f};

/* A user takes any items of one group; what items are says nothing about their groups. */
typedef struct planted {
  sol_config config;
  solid_dataset dataset;
  float content[ITEMS * NOISE];
  sol_codebook book;
  solid_train_options options;
} planted;

static int group_of(const planted *p, uint32_t item) {
  solid_bytes id = solid_vocab_id(&p->dataset.item_ids, item);
  return atoi((const char *)id.data) % GROUPS; /* ended by what follows it */
}

static void open_planted(planted *p) {
  solid_collector *collector = NULL;
  seed_rng rng = seed_start(44);
  *p = (planted){.config = config, .options = SOLID_TRAIN_OPTIONS_INIT};
  cr_assert_eq(solid_collector_new(&collector, NULL), SOLID_OK);
  for (int u = 0; u < USERS; u++)
    for (int i = 0; i < EVENTS; i++) {
      char user[16], item[16];
      int v = i == 0 ? u % ITEMS : u % GROUPS + GROUPS * seed_below(&rng, ITEMS / GROUPS);
      snprintf(user, sizeof user, "%d", u);
      snprintf(item, sizeof item, "%d;", v);
      solid_event event = {.user = {user, strlen(user)}, .item = {item, strlen(item)}, .position = {0, 0}};
      cr_assert_eq(solid_collector_push(collector, &event, 1, NULL), SOLID_OK);
    }
  for (int v = 0; v < ITEMS; v += 2) { /* attributes say nothing of groups either, and half of the items have none */
    char item[16], attribute[2] = {(char)('a' + seed_below(&rng, 3)), 0};
    snprintf(item, sizeof item, "%d;", v);
    cr_assert_eq(solid_collector_attribute(collector, (solid_bytes){item, strlen(item)}, (solid_bytes){attribute, 1}),
                 SOLID_OK);
  }
  cr_assert_eq(solid_collector_finish(collector, &p->dataset), SOLID_OK, "%s", solid_last_error());
  solid_collector_free(collector);
  cr_assert_eq(p->dataset.items, ITEMS);
  seed_fill_normal(&rng, p->content, ITEMS * NOISE, 0.4f);
  sol_codebook_options options = {1, GROUPS, 20, 1, NULL};
  cr_assert_eq(sol_codebook_fit(&p->book, p->content, ITEMS, NOISE, &options), SOLID_OK);
  solid_train_options *o = &p->options;
  o->batch = 20, o->epochs = 40, o->rate = 0.01f, o->patience = 0, o->check = 4, o->average = 0.9f;
  o->dropout = o->dropout_z = o->dropout_y = 0.2f, o->smoothing = 0;
  o->learn_codes = 2, o->learn_share = 4, o->learn_keep = 0.5f;
}

static void close_planted(planted *p) {
  sol_codebook_clear(&p->book);
  solid_dataset_clear(&p->dataset);
}

static sol_fit *open_trainer(rig *r, const planted *p) {
  sol_fit *trainer = NULL;
  cr_assert_eq(
      sol_fit_open(&trainer, rig_backend(r), &(sol_fit_task){&p->config, &p->options, &p->dataset, p->book.table, 0}),
      SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(sol_fit_find_mates(trainer, p->content, NOISE), SOLID_OK, "%s", solid_last_error());
  if (p->options.learn_codes > 0)
    cr_assert_eq(sol_fit_learn_codes(trainer, &p->book, p->content), SOLID_OK, "%s", solid_last_error());
  return trainer;
}

static void run_epochs(sol_fit *trainer, uint32_t n) {
  for (uint32_t i = 0; i < n; i++)
    cr_assert_eq(sol_fit_epoch(trainer, NULL, NULL, NULL), SOLID_OK, "%s", solid_last_error());
}

/* Share of the items that are of the commonest group of their code. */
static double purity(const planted *p, const uint16_t *table) {
  int counts[GROUPS][GROUPS] = {{0}}, pure = 0;
  for (uint32_t v = 0; v < ITEMS; v++) counts[table[v]][group_of(p, v)]++;
  for (int k = 0; k < GROUPS; k++) {
    int most = 0;
    for (int g = 0; g < GROUPS; g++)
      if (counts[k][g] > most) most = counts[k][g];
    pure += most;
  }
  return pure / (double)ITEMS;
}

/* Trains on the codes of the book; returns the best validation NDCG@10. */
static double train_planted(rig *r, planted *p, uint32_t learn) {
  p->options.learn_codes = learn;
  sol_fit *trainer = open_trainer(r, p);
  run_epochs(trainer, p->options.epochs);
  double ndcg = sol_fit_report(trainer)->best_ndcg10;
  cr_assert_eq(sol_fit_give_codes(trainer, &p->book), SOLID_OK, "%s", solid_last_error());
  sol_fit_close(trainer);
  return ndcg;
}

/* Where items are mostly known by their codes, codes that were learned serve better than those of content, in a
 * training that takes them as they are. */
Test(codebook_learn, finds_what_content_does_not_say) {
  rig *r = rig_open(sk_backend_find("cpu"), NULL);
  planted p;
  open_planted(&p);
  p.options.item_dropout = 0.9f;
  double pure_content = purity(&p, p.book.table), with_content = train_planted(r, &p, 0);
  cr_expect_lt(pure_content, 0.4, "%g", pure_content);
  double learning = train_planted(r, &p, 2), pure_learned = purity(&p, p.book.table);
  cr_expect(isnan(p.book.level[0].error));
  cr_expect_gt(pure_learned, 2 * pure_content, "%g of %g", pure_learned, pure_content);
  double with_learned = train_planted(r, &p, 0);
  cr_expect_gt(learning, with_content, "NDCG@10 %g, with codes of content %g", learning, with_content);
  cr_expect_gt(with_learned, with_content + 0.02, "NDCG@10 %g, with codes of content %g", with_learned, with_content);
  printf("purity %.3f from %.3f, NDCG@10 %.4f from %.4f, while learning %.4f\n", pure_learned, pure_content,
         with_learned, with_content, learning);
  close_planted(&p);
  rig_close(r);
}

/* In three pieces that have only the file in common, the last of them cut off in an epoch that changes codes, and with
 * them mates. */
static void check_resume(rig *r) {
  planted p, parts;
  open_planted(&p);
  open_planted(&parts);
  p.options.swap = parts.options.swap = 0.2f;
  p.config.attributes = parts.config.attributes = 3, p.config.slots = parts.config.slots = 1;
  size_t total = sol_tensors_total(&p.config);
  float *best = malloc(total * sizeof *best);
  sol_fit *trainer = open_trainer(r, &p);
  run_epochs(trainer, 9);
  memcpy(best, sol_fit_best(trainer), total * sizeof *best);
  char path[] = "/tmp/solid-recode-XXXXXX";
  int fd = mkstemp(path);
  cr_assert_geq(fd, 0);
  close(fd);
  for (uint32_t part = 0; part < 3; part++) {
    sol_fit *piece = open_trainer(r, &parts);
    if (part > 0) cr_assert_eq(sol_fit_load(piece, path), SOLID_OK, "%s", solid_last_error());
    run_epochs(piece, 3);
    cr_assert_eq(sol_fit_save(piece, path), SOLID_OK, "%s", solid_last_error());
    if (part == 2) {
      compare_bits("best weights", sol_fit_best(piece), best, total);
      cr_expect_eq(sol_fit_report(piece)->loss, sol_fit_report(trainer)->loss);
      cr_assert_eq(sol_fit_give_codes(piece, &parts.book), SOLID_OK);
    }
    sol_fit_close(piece);
  }
  uint16_t content[ITEMS];
  memcpy(content, p.book.table, sizeof content);
  parts.content[7] += 1;
  memcpy(parts.book.table, content, sizeof content);
  sol_fit *other = open_trainer(r, &parts);
  cr_expect_eq(sol_fit_load(other, path), SOLID_EMISMATCH, "%s", solid_last_error());
  cr_expect_not_null(strstr(solid_last_error(), "content="), "%s", solid_last_error());
  sol_fit_close(other);
  cr_assert_eq(sol_fit_give_codes(trainer, &p.book), SOLID_OK);
  cr_expect_neq(memcmp(p.book.table, content, sizeof content), 0, "codes have changed");
  sol_fit_close(trainer);
  unlink(path);
  free(best);
  close_planted(&p);
  close_planted(&parts);
}

Test(codebook_learn, resumes_exactly) {
  rig_each(check_resume);
}

Test(codebook_learn, refuses_a_book_of_another_shape) {
  rig *r = rig_open(sk_backend_find("cpu"), NULL);
  planted p;
  open_planted(&p);
  sol_fit *trainer = NULL;
  cr_assert_eq(
      sol_fit_open(&trainer, rig_backend(r), &(sol_fit_task){&config, &p.options, &p.dataset, p.book.table, 0}),
      SOLID_OK);
  p.book.codes--;
  cr_expect_eq(sol_fit_learn_codes(trainer, &p.book, p.content), SOLID_EMISMATCH);
  cr_expect_not_null(strstr(solid_last_error(), "1 x 7"), "%s", solid_last_error());
  sol_fit_close(trainer);
  close_planted(&p);
  rig_close(r);
}
