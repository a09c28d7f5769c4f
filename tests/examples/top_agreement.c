/* Do two devices answer alike?   top_agreement MODEL DATA DEVICE DEVICE [SHARE]
 *
 * Asks the model on both devices for the ten best items after the newest events of every user of the data file. Fails
 * when fewer than SHARE (default 0.999) of the users get the same ten items, or when a score differs by more than
 * rounding. Exit codes: 0 they do, 1 they do not, 77 a device is not here. */
#include "examples/common/load.h"
#include "solid/solid.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 256, K = 10 };

typedef struct side {
  solid_context *ctx;
  solid_model *model;
  solid_worker *worker;
  solid_scored *best; /* (users, K) */
} side;

typedef struct asked {
  solid_dataset dataset;
  uint32_t window;
  uint32_t *items; /* (history items) of the model; SOLID_NO_ITEM */
} asked;

static void must(solid_status status, const char *what) {
  if (!status) return;
  fprintf(stderr, "top_agreement: %s: %s\n", what, solid_last_error());
  exit(1);
}

static void *must_have(void *memory) {
  if (memory) return memory;
  fprintf(stderr, "top_agreement: out of memory\n");
  exit(1);
}

static void open_side(side *s, const char *path, const char *device) {
  solid_context_options options = SOLID_CONTEXT_OPTIONS_INIT;
  options.device = device;
  options.threads = 0;
  if (solid_context_new(&s->ctx, &options)) {
    fprintf(stderr, "top_agreement: %s\n", solid_last_error());
    exit(77);
  }
  must(solid_model_load(&s->model, s->ctx, path), "model");
  must(solid_worker_new(&s->worker, s->model, BATCH), "worker");
}

static void close_side(side *s) {
  solid_worker_free(s->worker);
  solid_model_free(s->model);
  solid_context_free(s->ctx);
  free(s->best);
}

static void resolve_items(asked *a, const solid_model *model) {
  solid_model_info info = {.struct_size = sizeof info};
  must(solid_model_get_info(model, &info), "model");
  a->window = info.window;
  a->items = must_have(malloc(a->dataset.items * sizeof *a->items));
  for (uint32_t v = 0; v < a->dataset.items; v++)
    a->items[v] = solid_model_item_index(model, solid_vocab_id(&a->dataset.item_ids, v));
}

/* The newest items of users first .. first + n, those the model knows. */
static void make_windows(const asked *a, size_t first, size_t n, uint32_t *offsets, uint32_t *items) {
  uint32_t at = 0;
  offsets[0] = 0;
  for (size_t u = first; u < first + n; u++) {
    size_t begin = a->dataset.offsets[u], end = a->dataset.offsets[u + 1];
    if (end - begin > a->window) begin = end - a->window;
    for (; begin < end; begin++) {
      uint32_t item = a->items[a->dataset.sequence[begin]];
      if (item != SOLID_NO_ITEM) items[at++] = item;
    }
    offsets[u - first + 1] = at;
  }
}

static void ask(side *s, const asked *a) {
  solid_model_info info = {.struct_size = sizeof info};
  must(solid_model_get_info(s->model, &info), "model");
  uint32_t *offsets = must_have(calloc(BATCH + 1, sizeof *offsets));
  uint32_t *items = must_have(calloc((size_t)BATCH * a->window, sizeof *items));
  float *h = must_have(calloc((size_t)BATCH * info.width, sizeof *h));
  float *params = must_have(calloc((size_t)BATCH * info.params + 1, sizeof *params));
  size_t counts[BATCH];
  s->best = must_have(calloc((size_t)a->dataset.users * K, sizeof *s->best));
  for (size_t first = 0; first < a->dataset.users; first += BATCH) {
    size_t n = a->dataset.users - first < BATCH ? a->dataset.users - first : BATCH;
    make_windows(a, first, n, offsets, items);
    solid_windows windows = {n, offsets, items};
    must(solid_worker_generate(s->worker, &windows, h, params), "generate");
    must(solid_worker_apply(s->worker, n, h, params, h), "apply");
    must(solid_worker_rank(s->worker, n, h, NULL, K, s->best + first * K, counts), "rank");
  }
  free(offsets), free(items), free(h), free(params);
}

static int is_among(const solid_scored *best, uint32_t item) {
  for (int i = 0; i < K; i++)
    if (best[i].item == item) return 1;
  return 0;
}

static int judge(const side *a, const side *b, size_t users, double share) {
  size_t same_items = 0, same_order = 0;
  double furthest = 0;
  for (size_t u = 0; u < users; u++) {
    const solid_scored *x = a->best + u * K, *y = b->best + u * K;
    int shared = 0, placed = 0;
    for (int i = 0; i < K; i++) {
      shared += is_among(y, x[i].item);
      placed += x[i].item == y[i].item;
      double scale = fabs((double)x[0].score) + 1e-3;
      furthest = fmax(furthest, fabs((double)x[i].score - (double)y[i].score) / scale);
    }
    same_items += shared == K;
    same_order += placed == K;
  }
  printf("%zu users: same ten items for %.4f %%, in the same order for %.4f %%; scores differ by %.1e of the best\n",
         users, 100.0 * (double)same_items / (double)users, 100.0 * (double)same_order / (double)users, furthest);
  return (double)same_items >= share * (double)users && furthest < 1e-3;
}

int main(int argc, char **argv) {
  if (argc < 5) {
    fprintf(stderr, "usage: top_agreement MODEL DATA DEVICE DEVICE [SHARE]\n");
    return 2;
  }
  side one = {0}, two = {0};
  asked all = {0};
  open_side(&one, argv[1], argv[3]);
  open_side(&two, argv[1], argv[4]);
  must(load_history(&all.dataset, &(load_files){.data = argv[2]}), "data");
  resolve_items(&all, one.model);
  ask(&one, &all);
  ask(&two, &all);
  int same = judge(&one, &two, all.dataset.users, argc > 5 ? atof(argv[5]) : 0.999);
  close_side(&one);
  close_side(&two);
  solid_dataset_clear(&all.dataset);
  free(all.items);
  return !same;
}
