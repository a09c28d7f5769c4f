#include "tests/bench/step_authors.h"
#include "tests/support/seed.h"
#include <stdio.h>
#include <stdlib.h>

enum { SAMPLES = 1024, WINDOW = 30, ITEMS = 12101, CLUSTERS = 80, SEMANTICS = 90, WIDTH = 32, SLOTS = 4 };

static const double anchor = 49000; /* samples/s of the authors' PyTorch on an H200: 20.9 ms a step */

/* An H200: FP32 outside the tensor cores, and a copy's read and write. */
static const double flops_a_second = 67e12, bytes_a_second = 4.185e12;

static const sol_paper_config config = {.backbone = SOL_PAPER_SASREC,
                                        .head = SOL_PAPER_SOLID,
                                        .form = SOL_PAPER_FIXED,
                                        .items = ITEMS + 1,
                                        .semantics = SEMANTICS,
                                        .clusters = CLUSTERS,
                                        .width = WIDTH,
                                        .heads = 4,
                                        .window = WINDOW,
                                        .clip = 0.01f,
                                        .weight = 0.1f};

static solid_status fill(step_authors *s, seed_rng *rng, int32_t *window, float *values) {
  sol_paper_weights w;
  sol_paper_weights_init(&s->net.tensors, 1, values);
  sol_paper_weights_bind(&w, &s->net.tensors, values);
  for (size_t i = 0; i < SEMANTICS * WIDTH; i++) w.codebook[i] = (float)seed_below(rng, 2001) / 1000 - 1;
  for (size_t slot = 0; slot < SLOTS; slot++) {
    int32_t target[SAMPLES];
    for (size_t i = 0; i < SAMPLES * WINDOW; i++) window[i] = seed_below(rng, ITEMS) + 1;
    for (size_t i = 0; i < SAMPLES; i++) target[i] = seed_below(rng, ITEMS) + 1;
    sol_paper_net_load(&s->net, slot, window, target, SAMPLES);
  }
  solid_status status = sol_paper_net_put(&s->net, values);
  return status == SOLID_OK ? sol_paper_net_send(&s->net, SLOTS) : status;
}

solid_status step_authors_open(step_authors *s, sk_backend *be) {
  *s = (step_authors){0};
  seed_rng rng = seed_start(1);
  s->category = calloc(ITEMS + 1, sizeof *s->category);
  int32_t *window = malloc((size_t)SAMPLES * WINDOW * sizeof *window);
  float *values = NULL;
  solid_status status = s->category != NULL && window != NULL ? SOLID_OK : SOLID_ENOMEM;
  for (int v = 1; v <= ITEMS && status == SOLID_OK; v++) s->category[v] = seed_below(&rng, CLUSTERS) + 1;
  const sol_paper_net_options options = {SLOTS, SAMPLES, 1, s->category, 1};
  if (status == SOLID_OK) status = sol_paper_net_open(&s->net, be, &config, &options);
  if (status == SOLID_OK && (values = malloc(s->net.tensors.total * sizeof *values)) == NULL) status = SOLID_ENOMEM;
  if (status == SOLID_OK) status = fill(s, &rng, window, values);
  free(window);
  free(values);
  return status;
}

void step_authors_close(step_authors *s) {
  sol_paper_net_close(&s->net);
  free(s->category);
}

solid_status step_authors_run(step_authors *s, uint64_t first, uint64_t n) {
  solid_status status = SOLID_OK;
  for (uint64_t i = first; i < first + n && status == SOLID_OK; i++) {
    size_t slot = i % SLOTS;
    if (s->with_ops) {
      status = sol_paper_net_forward(&s->net, slot, 1);
      if (status == SOLID_OK) status = sol_paper_net_backward(&s->net);
    } else {
      status = sol_paper_net_gradients(&s->net, slot);
    }
    if (status == SOLID_OK) status = sol_paper_net_update(&s->net, 1e-3f, (int64_t)i);
  }
  return status;
}

/* Multiplications and additions: every product goes forward once and backward twice, the search for codes only forward.
 * d^2 multiplications a row: two sequences' layers 2, keys and values 2, decoder 4, two recurrent networks 12. A
 * window: the encoder 10, two branches' layers 4, the target 2, and 2 generated layers of two branches, (d^2 + d) d
 * each. */
static double operations(void) {
  double d = WIDTH, rows = SAMPLES * WINDOW;
  double row = 6 * 20 * d * d + 2 * CLUSTERS * d, window = 6 * (16 * d * d + 4 * (d * d + d) * d + 2 * d * d);
  return rows * row + SAMPLES * window;
}

/* What a pass that keeps its activations must move: of a row the inputs of products and gates (30 d: twice e and h,
 * keys and values, codes, decoder's 4 d, gates 3 d, saved 4 d and h of two networks), written and read again; of a
 * window the generated layers likewise; weights and gradients with both moments, 7 times. */
static double bytes(const sol_paper_net *net) {
  double d = WIDTH, rows = SAMPLES * WINDOW, layers = 2 * (d * d + d);
  return 4 * (2 * 30 * d * rows + 2 * 3 * layers * SAMPLES + 7 * (double)net->tensors.trained);
}

void step_authors_print(const step_authors *s, double seconds_a_step, int on_cuda) {
  double samples = SAMPLES / seconds_a_step;
  printf("authors  %6d samples %8.3f ms a step  %10.4g samples/s  %.1f times the anchor's %.0f (20.9 ms)\n", SAMPLES,
         1e3 * seconds_a_step, samples, samples / anchor, anchor);
  if (!on_cuda) return;
  double floor_ops = operations() / flops_a_second, floor_bytes = bytes(&s->net) / bytes_a_second;
  double floor = floor_ops > floor_bytes ? floor_ops : floor_bytes;
  printf(
      "         floors on an H200: arithmetic %.3f ms (%.2f GFLOP, FP32), memory %.3f ms (%.0f MB); reached %.1f %%\n",
      1e3 * floor_ops, 1e-9 * operations(), 1e3 * floor_bytes, 1e-6 * bytes(&s->net), 100 * floor / seconds_a_step);
}
