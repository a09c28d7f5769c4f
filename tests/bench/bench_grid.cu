/* Times the grids of the papers: one backbone of N blocks in every order, so that orders differ in their steps alone.
 *
 *   bench_grid [--blocks N] [--width D] [--codes V] [--precision fp32|tf32] [--only 16x16|4x16x16|90x90] [--batch B]
 *
 * 16 x 16 and 4 x 16 x 16 near-to-far (NAR: images and videos of its section 4), 90 x 90 ZipAR with a window of 7, each
 * beside raster. Heads of near-to-far stand behind the last blocks, in series. Weights are drawn, codes are the largest
 * logit, so that a step waits for the one before. All steps are recorded, STEPS a graph, and launched in turn; of a
 * long raster every SAMPLE-th graph is, and counts for all. Milliseconds a batch. */
#include "kernels/cuda/cuda.cuh"
extern "C" {
#include "kernels/philox.h"
#include "solid/infer/slate/grid.h"
}
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

enum { STEPS = 32, SAMPLE = 16, LONG = 4096 /* cells of a long raster */, MOST_BLOCKS = 64, THREADS = 256 };

typedef struct arguments {
  int blocks, width, codes, tf32, batch;
  const char *only;
} arguments;

typedef struct backbone {
  const arguments *args;
  const sk_backend_ops *ops;
  sk_backend *be;
  std::vector<void *> all; /* to be freed */
  float *gamma, *beta;     /* (d) of every norm */
  float *qkv[MOST_BLOCKS], *out[MOST_BLOCKS], *up[MOST_BLOCKS], *down[MOST_BLOCKS];
  float *table;     /* (codes + 2, d): of a row's token and of what is given, too */
  float *positions; /* (SOL_GRID_CELLS, d) */
  float *logits_w;  /* (codes, heads d) */
} backbone;

static void must(bool good, const char *what, const char *why) {
  if (good) return;
  fprintf(stderr, "bench_grid: %s: %s\n", what, why);
  exit(1);
}

static void must(cudaError_t error, const char *what) {
  must(error == cudaSuccess, what, cudaGetErrorString(error));
}

/* ---- Memory ---- */

__global__ static void draw(float *x, int64_t n, float scale, uint64_t seed) {
  int64_t i = (int64_t)blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) x[i] = scale * 3.4641016f * (sk_uniform(seed, (uint64_t)i) - 0.5f);
}

template <typename T>
static T *room(backbone *m, size_t n) {
  void *p = NULL;
  must(m->ops->alloc(m->be, &p, n * sizeof(T)) == SOLID_OK, "alloc", m->be->err);
  m->all.push_back(p);
  return (T *)p;
}

static float *drawn(backbone *m, size_t n, float scale) {
  float *x = room<float>(m, n);
  draw<<<sk_cuda_blocks((int64_t)n, THREADS), THREADS, 0, sk_cuda_stream(m->be)>>>(x, (int64_t)n, scale, m->all.size());
  return x;
}

static int32_t *sent(backbone *m, const std::vector<int32_t> &x) {
  int32_t *p = room<int32_t>(m, x.size() + 1);
  must(m->ops->upload(m->be, p, x.data(), x.size() * sizeof x[0]) == SOLID_OK, "upload", m->be->err);
  must(m->ops->sync(m->be) == SOLID_OK, "upload", m->be->err);
  return p;
}

static void free_from(backbone *m, size_t first) {
  must(m->ops->sync(m->be) == SOLID_OK, "sync", m->be->err);
  for (size_t i = first; i < m->all.size(); i++) m->ops->free(m->be, m->all[i]);
  m->all.resize(first);
}

static void open_backbone(backbone *m, const arguments *args) {
  static char why[256];
  const sk_options options = {.threads = 1, .device = 0, .tf32 = args->tf32, .why = why, .why_size = sizeof why};
  m->args = args;
  m->ops = sk_backend_find("cuda");
  must(m->ops != NULL, "cuda", "it is not compiled in");
  must(m->ops->open(&m->be, &options) == SOLID_OK, "open", why);
  size_t d = (size_t)args->width;
  float scale = 1.0f / sqrtf((float)d);
  m->gamma = drawn(m, d, 1.0f), m->beta = drawn(m, d, 0.1f);
  for (int b = 0; b < args->blocks; b++) {
    m->qkv[b] = drawn(m, 3 * d * d, scale), m->out[b] = drawn(m, d * d, scale);
    m->up[b] = drawn(m, 4 * d * d, scale), m->down[b] = drawn(m, 4 * d * d, 0.5f * scale);
  }
  m->table = drawn(m, ((size_t)args->codes + 2) * d, 1.0f);
  m->positions = drawn(m, (size_t)SOL_GRID_CELLS * d, 0.1f);
  m->logits_w = drawn(m, (size_t)args->codes * d * SOL_GRID_DIMS, scale);
}

/* ---- A grid in an order ---- */

typedef struct run {
  backbone *m;
  const sol_grid *g;
  int B;
  int32_t *codes, *positions; /* (inputs + 1, B) by slot; the last one is of cells that never go in */
  int32_t *offsets, *ranges;  /* of keys */
  int32_t *slots;             /* (cells) by place: where a cell goes in */
  int32_t *sources, *from;    /* (cells, heads) outputs of its step, -1 = none; (cells) how many */
  float *x, *normed, *q, *attended, *wide, *y, *logits;
  float *heads; /* (heads, inputs of a step, B, d) */
  float *kv[MOST_BLOCKS];
} run;

/* y (cells, B, heads d): the mean's share of each head. */
__global__ static void mean_of_sources(int cells, int B, int heads, int d, int inputs, const int32_t *sources,
                                       const int32_t *from, const float *out, float *y) {
  int64_t i = (int64_t)blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= (int64_t)cells * B * heads * d) return;
  int j = (int)(i % d), h = (int)(i / d % heads), w = (int)(i / d / heads % B), cell = (int)(i / d / heads / B);
  int slot = sources[cell * heads + h];
  y[i] = slot < 0 ? 0.0f : out[(((int64_t)h * inputs + slot) * B + w) * d + j] / (float)from[cell];
}

/* The code of the largest logit of a row, by a block; the lowest of equal ones. */
__global__ static void choose(int B, int codes, const float *logits, const int32_t *slots, int32_t *to) {
  __shared__ unsigned long long best[THREADS / SK_WARP];
  const float *row = logits + (int64_t)blockIdx.x * codes;
  unsigned long long mine = 0;
  for (int c = threadIdx.x; c < codes; c += THREADS) {
    unsigned bits = __float_as_uint(row[c]), rising = bits ^ ((unsigned)((int)bits >> 31) | 0x80000000u);
    mine = max(mine, (unsigned long long)rising << 32 | ~(unsigned)c);
  }
  for (int step = SK_WARP / 2; step > 0; step /= 2) mine = max(mine, __shfl_xor_sync(0xffffffffu, mine, step));
  if (threadIdx.x % SK_WARP == 0) best[threadIdx.x / SK_WARP] = mine;
  __syncthreads();
  if (threadIdx.x != 0) return;
  for (int i = 1; i < THREADS / SK_WARP; i++) mine = max(mine, best[i]);
  to[(int64_t)slots[blockIdx.x / B] * B + blockIdx.x % B] = (int32_t) ~(unsigned)mine;
}

static void open_run(run *r, backbone *m, const sol_grid *g, int B) {
  size_t d = (size_t)m->args->width, inputs = (size_t)g->inputs, n = (size_t)B * (size_t)g->widest_inputs;
  std::vector<int32_t> codes((inputs + 1) * (size_t)B), positions(codes.size()), slots((size_t)g->cells, g->inputs);
  std::vector<int32_t> slot_of((size_t)g->cells, g->inputs), sources((size_t)(g->cells * g->heads), -1), from;
  for (int s = 0; s < g->inputs; s++)
    for (int w = 0; w < B; w++) {
      bool cell = g->input[s].kind == SOL_INPUT_CELL;
      codes[(size_t)(s * B + w)] = m->args->codes + (g->input[s].kind == SOL_INPUT_GIVEN);
      positions[(size_t)(s * B + w)] = cell ? g->input[s].index : SOL_GRID_CELLS - 1 - g->input[s].index;
      if (cell) slot_of[(size_t)g->input[s].index] = s;
    }
  for (int t = 0; t < g->steps; t++)
    for (int i = g->cell_offsets[t]; i < g->cell_offsets[t + 1]; i++) {
      slots[(size_t)i] = slot_of[(size_t)g->cell[i]];
      from.push_back(g->source_offsets[i + 1] - g->source_offsets[i]);
      for (int k = g->source_offsets[i]; k < g->source_offsets[i + 1]; k++)
        sources[(size_t)(i * g->heads + g->source[k].head)] = g->source[k].slot - g->input_offsets[t];
    }
  const int32_t *ranges = (const int32_t *)g->keys;
  *r = run{};
  r->m = m, r->g = g, r->B = B;
  r->codes = sent(m, codes), r->positions = sent(m, positions), r->slots = sent(m, slots);
  r->sources = sent(m, sources), r->from = sent(m, from);
  r->offsets = sent(m, std::vector<int32_t>(g->key_offsets, g->key_offsets + inputs + 1));
  r->ranges = sent(m, std::vector<int32_t>(ranges, ranges + 2 * g->key_offsets[inputs]));
  r->x = room<float>(m, n * d), r->normed = room<float>(m, n * d), r->q = room<float>(m, n * d);
  r->attended = room<float>(m, n * d), r->wide = room<float>(m, 4 * n * d);
  r->heads = room<float>(m, (size_t)g->heads * n * d);
  r->y = room<float>(m, (size_t)(g->widest * B * g->heads) * d);
  r->logits = room<float>(m, (size_t)(g->widest * B) * (size_t)m->args->codes);
  for (int b = 0; b < m->args->blocks; b++) r->kv[b] = drawn(m, inputs * (size_t)B * 2 * d, 1.0f);
}

static void product(const run *r, int n, int in, int out, const float *x, const float *w, int add, float *y) {
  const sk_linear_args a = {.n = n, .in = in, .out = out, .x = x, .w = w, .b = NULL, .accumulate = add, .y = y};
  must(r->m->ops->linear(r->m->be, &a) == SOLID_OK, "linear", r->m->be->err);
}

static void normalize(const run *r, int n, const float *x, float *y) {
  const sk_layer_norm_args a = {
      .n = n, .d = r->m->args->width, .x = x, .gamma = r->m->gamma, .beta = r->m->beta, .eps = 1e-5f, .y = y};
  must(r->m->ops->layer_norm(r->m->be, &a) == SOLID_OK, "layer_norm", r->m->be->err);
}

static void block(const run *r, int b, int first, int slots) {
  const backbone *m = r->m;
  int d = m->args->width, n = slots * r->B, dh = 64;
  size_t D = (size_t)d;
  normalize(r, n, r->x, r->normed);
  product(r, n, d, d, r->normed, m->qkv[b], 0, r->q);
  product(r, n, d, 2 * d, r->normed, m->qkv[b] + D * D, 0, r->kv[b] + (size_t)(first * r->B) * 2 * D);
  const sk_attend_ranges_args attend = {.windows = r->B,
                                        .queries = slots,
                                        .keys = first + slots,
                                        .heads = d / dh,
                                        .dh = dh,
                                        .offsets = r->offsets + first,
                                        .ranges = r->ranges,
                                        .q = r->q,
                                        .k = r->kv[b],
                                        .v = r->kv[b] + d,
                                        .q_stride = d,
                                        .kv_stride = 2 * d,
                                        .out = r->attended,
                                        .lse = NULL};
  must(m->ops->attend_ranges(m->be, &attend) == SOLID_OK, "attend", m->be->err);
  product(r, n, d, d, r->attended, m->out[b], 1, r->x);
  normalize(r, n, r->x, r->normed);
  product(r, n, d, 4 * d, r->normed, m->up[b], 0, r->wide);
  const sk_activate_args gelu = {.n = (int64_t)n * 4 * d, .f = SK_GELU, .x = r->wide, .y = r->wide};
  must(m->ops->activate(m->be, &gelu) == SOLID_OK, "activate", m->be->err);
  product(r, n, 4 * d, d, r->wide, m->down[b], 1, r->x);
}

static void step(const run *r, int t) {
  const backbone *m = r->m;
  const sol_grid *g = r->g;
  cudaStream_t stream = sk_cuda_stream(m->be);
  int d = m->args->width, B = r->B, first = g->input_offsets[t], slots = g->input_offsets[t + 1] - first;
  int begin = g->cell_offsets[t], cells = g->cell_offsets[t + 1] - begin, n = slots * B, H = g->heads;
  sk_embed_args in = {.n = n,
                      .d = d,
                      .rows = m->args->codes + 2,
                      .table = m->table,
                      .index = r->codes + (size_t)(first * B),
                      .scale = 1,
                      .accumulate = 0,
                      .out = r->x};
  must(m->ops->embed(m->be, &in) == SOLID_OK, "embed", m->be->err);
  in.rows = SOL_GRID_CELLS, in.table = m->positions, in.index = r->positions + (size_t)(first * B), in.accumulate = 1;
  must(m->ops->embed(m->be, &in) == SOLID_OK, "embed", m->be->err);
  for (int b = 0; b < m->args->blocks; b++) {
    block(r, b, first, slots);
    int head = b - (m->args->blocks - H);
    if (head >= 0) normalize(r, n, r->x, r->heads + (size_t)head * (size_t)n * (size_t)d);
  }
  mean_of_sources<<<sk_cuda_blocks((int64_t)cells * B * H * d, THREADS), THREADS, 0, stream>>>(
      cells, B, H, d, slots, r->sources + begin * H, r->from + begin, r->heads, r->y);
  product(r, cells * B, H * d, m->args->codes, r->y, m->logits_w, 0, r->logits);
  choose<<<(unsigned)(cells * B), THREADS, 0, stream>>>(B, m->args->codes, r->logits, r->slots + begin, r->codes);
  must(cudaGetLastError(), "step");
}

/* ---- Time ---- */

static cudaGraphExec_t record(const run *r, int first, int last) {
  cudaStream_t stream = sk_cuda_stream(r->m->be);
  cudaGraph_t graph;
  cudaGraphExec_t exec;
  must(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "capture");
  for (int t = first; t < last; t++) step(r, t);
  must(cudaStreamEndCapture(stream, &graph), "capture");
  must(cudaGraphInstantiate(&exec, graph, 0), "graph");
  cudaGraphDestroy(graph);
  must(cudaGraphUpload(exec, stream), "graph");
  return exec;
}

/* Milliseconds of the whole grid; the second of two runs. */
static double measure(const run *r) {
  cudaStream_t stream = sk_cuda_stream(r->m->be);
  int sample = r->g->steps > LONG ? SAMPLE : 1, taken = 0;
  step(r, 0), step(r, r->g->steps - 1); /* what is loaded or grown at its first use */
  std::vector<cudaGraphExec_t> graphs;
  for (int t = sample / 2 * STEPS; t < r->g->steps; t += sample * STEPS) {
    int last = t + STEPS < r->g->steps ? t + STEPS : r->g->steps;
    graphs.push_back(record(r, t, last));
    taken += last - t;
  }
  cudaEvent_t start, end;
  cudaEventCreate(&start), cudaEventCreate(&end);
  float ms = 0.0f;
  for (int i = 0; i < 2; i++) {
    must(cudaEventRecord(start, stream), "event");
    for (cudaGraphExec_t graph : graphs) must(cudaGraphLaunch(graph, stream), "launch");
    must(cudaEventRecord(end, stream), "event");
    must(cudaEventSynchronize(end), "run");
    cudaEventElapsedTime(&ms, start, end);
  }
  for (cudaGraphExec_t graph : graphs) cudaGraphExecDestroy(graph);
  cudaEventDestroy(start), cudaEventDestroy(end);
  return ms * (double)r->g->steps / taken;
}

static double time_grid(backbone *m, const sol_grid_shape *shape, int B) {
  sol_grid grid;
  run r;
  size_t first = m->all.size();
  must(sol_grid_make(&grid, shape) == SOLID_OK, "grid", solid_last_error());
  open_run(&r, m, &grid, B);
  double ms = measure(&r);
  free_from(m, first);
  sol_grid_clear(&grid);
  return ms;
}

static void compare(backbone *m, const char *name, sol_grid_shape shape, int B) {
  sol_grid_shape raster = shape;
  raster.order = SOL_ORDER_RASTER;
  double slow = time_grid(m, &raster, B), fast = time_grid(m, &shape, B);
  int steps[2] = {sol_grid_steps(&raster), sol_grid_steps(&shape)};
  double ratio = slow / fast, of_steps = (double)steps[0] / steps[1];
  printf("%-8s %-12s %5d %6d %6d %11.2f %11.2f %9.3f %9.3f %8.2f %8.2f %6.0f %%\n", name,
         shape.order == SOL_ORDER_NEAR ? "near-to-far" : "zipar", B, steps[0], steps[1], slow, fast, slow / steps[0],
         fast / steps[1], ratio, of_steps, 100 * ratio / of_steps);
  fflush(stdout);
}

static arguments read_arguments(int argc, char **argv) {
  arguments a = {.blocks = 12, .width = 768, .codes = 16384, .tf32 = 1, .batch = 0, .only = NULL};
  for (int i = 1; i + 1 < argc; i += 2) {
    const char *value = argv[i + 1];
    if (strcmp(argv[i], "--blocks") == 0)
      a.blocks = atoi(value);
    else if (strcmp(argv[i], "--width") == 0)
      a.width = atoi(value);
    else if (strcmp(argv[i], "--codes") == 0)
      a.codes = atoi(value);
    else if (strcmp(argv[i], "--batch") == 0)
      a.batch = atoi(value);
    else if (strcmp(argv[i], "--only") == 0)
      a.only = value;
    else if (strcmp(argv[i], "--precision") == 0)
      a.tf32 = strcmp(value, "tf32") == 0;
    else
      must(false, argv[i], "unknown option");
  }
  must(argc % 2 == 1, argv[argc - 1], "its value is missing");
  must(a.blocks >= SOL_GRID_DIMS && a.blocks <= MOST_BLOCKS && a.width > 0 && a.width % 64 == 0 && a.codes > 0,
       "--blocks, --width, --codes", "3 .. 64 blocks, a multiple of 64, 1 or more");
  return a;
}

int main(int argc, char **argv) {
  const arguments args = read_arguments(argc, argv);
  static const struct {
    const char *name;
    sol_grid_shape shape;
  } grids[] = {{"16x16", {2, {16, 16, 0}, SOL_ORDER_NEAR, 0, 1}},
               {"4x16x16", {3, {4, 16, 16}, SOL_ORDER_NEAR, 0, 1}},
               {"90x90", {2, {90, 90, 0}, SOL_ORDER_ZIPAR, 7, 1}}};
  backbone m;
  open_backbone(&m, &args);
  printf("%d blocks of %d, %d codes, %s; milliseconds, and of a step\n", args.blocks, args.width, args.codes,
         args.tf32 ? "tf32" : "fp32");
  printf("grid     order        batch raster  order   raster ms    order ms    a step    a step    ratio of steps\n");
  for (const auto &grid : grids) {
    if (args.only && strcmp(args.only, grid.name) != 0) continue;
    for (int B : {1, 8, 32, 128}) {
      if (args.batch ? B != 1 : B > 1 && strcmp(grid.name, "16x16") != 0) continue;
      compare(&m, grid.name, grid.shape, args.batch ? args.batch : B);
    }
  }
  free_from(&m, 0);
  m.ops->close(m.be);
  return 0;
}
