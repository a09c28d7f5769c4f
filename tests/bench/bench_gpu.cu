/* Times the CUDA back end at the sizes of generation, serving, retrieval and training, beside two floors: the bytes
 * that must move over the copy bandwidth, and the operations that must be done over the rate of a large product, both
 * measured first in the same run.
 *
 *   bench_gpu [--only NAME] [--json] [--profile]
 *
 * --profile: every case runs twice, without a graph or a time, for a profiler to look at. Each case is captured once as
 * a graph and replayed; the median of the replays between two events counts. A training step, which waits for its
 * batch, is timed by the clock. */
#include "kernels/cuda/cuda.cuh"
extern "C" {
#include "kernels/philox.h"
#include "solid/infer/forward.h"
#include "solid/train/fit/step.h"
#include "tests/support/seed.h"
}
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <functional>
#include <vector>

static const int D = 32, LENGTH = 30, ITEMS = 12101, REPLAYS = 15;

typedef struct ceilings {
  double bytes, fp32, tf32, bf16; /* a second */
} ceilings;

typedef struct bench {
  const sk_backend_ops *ops;
  sk_backend *be;
  cudaStream_t stream;
  seed_rng rng;
  const char *only;
  int json, printed, profile;
  ceilings top;
} bench;

static void must(bool good, const char *what, const char *why) {
  if (good) return;
  fprintf(stderr, "bench_gpu: %s: %s\n", what, why);
  exit(1);
}

static void must(cudaError_t error, const char *what) {
  must(error == cudaSuccess, what, cudaGetErrorString(error));
}

/* ---- Memory ---- */

/* Near enough to normal: the sum of four uniform numbers, with deviation `scale`. */
__global__ static void fill(float *x, int64_t n, float scale, uint64_t seed) {
  int64_t i = (int64_t)blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n) return;
  float sum = -2.0f;
  for (int k = 0; k < 4; k++) sum += sk_uniform(seed, 4 * (uint64_t)i + k);
  x[i] = scale * 1.7320508f * sum;
}

struct arena { /* what a case allocates, freed at its end */
  bench *b;
  std::vector<void *> all, pinned;
  explicit arena(bench *bench) : b(bench) {}
  ~arena() {
    b->ops->sync(b->be);
    for (void *p : all) b->ops->free(b->be, p);
    for (void *p : pinned) b->ops->free_host(b->be, p);
  }
  void *host(size_t n) {
    void *p = NULL;
    must(b->ops->alloc_host(b->be, &p, n) == SOLID_OK, "alloc_host", b->be->err);
    pinned.push_back(p);
    return p;
  }
  void *bytes(size_t n) {
    void *p = NULL;
    must(b->ops->alloc(b->be, &p, n) == SOLID_OK, "alloc", b->be->err);
    all.push_back(p);
    return p;
  }
  float *normal(size_t n, float scale = 1.0f, bool on_host = false) {
    float *x = (float *)(on_host ? host(n * sizeof(float)) : bytes(n * sizeof(float)));
    fill<<<sk_cuda_blocks((int64_t)n, 256), 256, 0, b->stream>>>(x, (int64_t)n, scale, seed_next(&b->rng));
    return x;
  }
  float *floats(size_t n) { return (float *)bytes(n * sizeof(float)); }
  void *upload(const void *host, size_t n) {
    void *p = bytes(n);
    must(b->ops->upload(b->be, p, host, n) == SOLID_OK && b->ops->sync(b->be) == SOLID_OK, "upload", b->be->err);
    return p;
  }
};

/* ---- Time ---- */

static double median(std::vector<double> &x) {
  std::sort(x.begin(), x.end());
  return x[x.size() / 2];
}

/* Seconds of one run of `work`, which enqueues on the stream. */
static double measure(bench *b, const std::function<solid_status()> &work) {
  cudaGraph_t graph;
  cudaGraphExec_t replay;
  cudaEvent_t start, end;
  for (int i = 0; i < 2; i++) must(work() == SOLID_OK, "run", b->be->err);
  must(cudaStreamSynchronize(b->stream), "warm up");
  if (b->profile) return 1.0;
  must(cudaStreamBeginCapture(b->stream, cudaStreamCaptureModeThreadLocal), "capture");
  must(work() == SOLID_OK, "capture", b->be->err);
  must(cudaStreamEndCapture(b->stream, &graph), "capture");
  must(cudaGraphInstantiate(&replay, graph, 0), "graph");
  must(cudaEventCreate(&start), "event");
  must(cudaEventCreate(&end), "event");
  std::vector<double> times;
  int inner = 1;
  for (int i = -2; i < REPLAYS; i++) {
    float ms = 0.0f;
    cudaEventRecord(start, b->stream);
    for (int k = 0; k < inner; k++) cudaGraphLaunch(replay, b->stream);
    cudaEventRecord(end, b->stream);
    must(cudaEventSynchronize(end), "replay");
    cudaEventElapsedTime(&ms, start, end);
    if (i >= 0) times.push_back(1e-3 * ms / inner);
    if (i == -1) inner = ms > 2.0f ? 1 : (int)(2.0f / ms) + 1;
  }
  cudaEventDestroy(start), cudaEventDestroy(end), cudaGraphExecDestroy(replay), cudaGraphDestroy(graph);
  return median(times);
}

typedef struct floors {
  double bytes, flops, rate, units; /* units: what one run gives, e.g. users */
  double resident; /* bytes of the catalogue on the device over those of its rows in FP32; 0: not said */
} floors;

static void report(bench *b, const char *name, double seconds, floors f) {
  double memory = f.bytes / b->top.bytes, arithmetic = f.rate > 0 ? f.flops / f.rate : 0;
  double share = std::max(memory, arithmetic) / seconds;
  char resident[64] = "";
  if (f.resident > 0)
    snprintf(resident, sizeof resident, b->json ? ", \"resident\": %.4f" : "  %.3f of FP32 resident", f.resident);
  if (b->json)
    printf("%s\n  {\"name\": \"%s\", \"ms\": %.5f, \"memory_floor_ms\": %.5f, \"arithmetic_floor_ms\": %.5f, "
           "\"share\": %.4f, \"per_second\": %.6g%s}",
           b->printed++ ? "," : "", name, 1e3 * seconds, 1e3 * memory, 1e3 * arithmetic, share, f.units / seconds,
           resident);
  else
    printf("%-44s %10.4f ms  floors %9.4f %9.4f  %5.1f %%  %10.4g /s%s\n", name, 1e3 * seconds, 1e3 * memory,
           1e3 * arithmetic, 100 * share, f.units / seconds, resident);
  fflush(stdout);
}

static bool wanted(const bench *b, const char *name) {
  return !b->only || strstr(name, b->only);
}

static void run(bench *b, const char *name, const std::function<solid_status()> &work, floors f) {
  if (wanted(b, name)) report(b, name, measure(b, work), f);
}

/* ---- Ceilings ---- */

static double product_rate(bench *b, cudaDataType type, cublasComputeType_t compute) {
  static const int N = 8192;
  arena mem(b);
  float *x = mem.normal((size_t)N * N), *y = mem.normal((size_t)N * N), *z = mem.floats((size_t)N * N);
  const float one = 1.0f, zero = 0.0f; /* BF16 reads the same random bits: half of them are ordinary numbers */
  double seconds = measure(b, [&] {
    cublasGemmEx(((sk_cuda *)b->be)->queues[0].blas, CUBLAS_OP_T, CUBLAS_OP_N, N, N, N, &one, x, type, N, y, type, N,
                 &zero, z, CUDA_R_32F, N, compute, CUBLAS_GEMM_DEFAULT);
    return SOLID_OK;
  });
  return 2.0 * N * N * N / seconds;
}

__global__ static void copy_words(int64_t n, const uint4 *x, uint4 *y) {
  for (int64_t i = (int64_t)blockIdx.x * blockDim.x + threadIdx.x; i < n; i += (int64_t)gridDim.x * blockDim.x)
    y[i] = x[i];
}

static void find_ceilings(bench *b) {
  b->top = {1, 1, 1, 1};
  if (b->profile) return;
  const size_t bytes = (size_t)1 << 31;
  {
    arena mem(b);
    void *x = mem.normal(bytes / sizeof(float)), *y = mem.bytes(bytes);
    double driver = measure(b, [&] { return b->ops->copy(b->be, y, x, bytes); }),
           kernel = measure(b, [&] {
             copy_words<<<132 * 64, 512, 0, b->stream>>>((int64_t)bytes / 16, (uint4 *)x, (uint4 *)y);
             return SOLID_OK;
           });
    b->top.bytes = 2.0 * (double)bytes / std::min(driver, kernel);
  }
  b->top.fp32 = product_rate(b, CUDA_R_32F, CUBLAS_COMPUTE_32F);
  b->top.tf32 = product_rate(b, CUDA_R_32F, CUBLAS_COMPUTE_32F_FAST_TF32);
  b->top.bf16 = product_rate(b, CUDA_R_16BF, CUBLAS_COMPUTE_32F);
  if (b->json)
    printf("{\"copy_bytes_per_second\": %.5g, \"fp32_flops\": %.5g, \"tf32_flops\": %.5g, \"bf16_flops\": %.5g, "
           "\"cases\": [",
           b->top.bytes, b->top.fp32, b->top.tf32, b->top.bf16);
  else
    printf("copy %.0f GB/s, products: fp32 %.1f, tf32 %.0f, bf16 %.0f TFLOP/s\n", b->top.bytes / 1e9,
           b->top.fp32 / 1e12, b->top.tf32 / 1e12, b->top.bf16 / 1e12);
  fflush(stdout);
}

/* ---- Cases ---- */

static char label[96];

static void generator(bench *b, int users) {
  static const int M = D * D + D;
  arena mem(b);
  size_t n = (size_t)users;
  float *zi = mem.normal(n * D), *zs = mem.normal(n * D), *x = mem.normal(n * D), *g = mem.normal(4 * M * D, 0.1f);
  float *bias = mem.normal(4 * M, 0.1f), *w = mem.floats(2 * n * M), *h = mem.floats(n * D), *y = mem.floats(n * D);
  double flops = 2.0 * 2 * 2 * users * M * D, inputs = 4.0 * 4 * users * D;
  auto layer = [&](int l) {
    return sk_generate_args{.n = users,
                            .d = D,
                            .m = M,
                            .zi = zi,
                            .gi = g + 2 * l * M * D,
                            .bi = bias + 2 * l * M,
                            .zs = zs,
                            .gs = g + (2 * l + 1) * M * D,
                            .bs = bias + (2 * l + 1) * M,
                            .clip = 0.01f,
                            .stride = 2 * M,
                            .w = w + l * M};
  };
  auto written = [&] {
    for (int l = 0; l < 2; l++) {
      sk_generate_args a = layer(l);
      solid_status status = b->ops->generate(b->be, &a);
      if (status != SOLID_OK) return status;
    }
    return SOLID_OK;
  };
  auto applied = [&] {
    for (int l = 0; l < 2; l++) {
      sk_apply_args a = {.n = users,
                         .in = D,
                         .out = D,
                         .f = l ? SK_IDENTITY : SK_TANH,
                         .x = l ? h : x,
                         .w = w + l * M,
                         .stride = 2 * M,
                         .y = l ? y : h};
      solid_status status = b->ops->apply(b->be, &a);
      if (status != SOLID_OK) return status;
    }
    return SOLID_OK;
  };
  auto halves = [&] {
    for (int l = 0; l < 2; l++) {
      sk_generate_args a = layer(l);
      a.w = NULL, a.half = (uint16_t *)w + l * M;
      solid_status status = b->ops->generate(b->be, &a);
      if (status != SOLID_OK) return status;
    }
    return SOLID_OK;
  };
  bool *rounding = &((sk_cuda *)b->be)->tf32;
  double one_product = b->top.bf16 / 3; /* three FP16 products give what one in FP32 does */
  snprintf(label, sizeof label, "generate D=32 x 2 written, B=%d", users);
  run(b, label, written, {8.0 * users * M + inputs, flops, one_product, (double)users});
  snprintf(label, sizeof label, "apply D=32 x 2, B=%d", users);
  run(b, label, applied, {8.0 * users * M, 4.0 * users * M, b->top.fp32, (double)users});
  snprintf(label, sizeof label, "generate written + apply, B=%d", users);
  run(b, label, [&] { return written() == SOLID_OK ? applied() : SOLID_EDEVICE; },
      {16.0 * users * M, flops, one_product, (double)users});
  snprintf(label, sizeof label, "generate D=32 x 2 written as f16, B=%d", users);
  run(b, label, halves, {4.0 * users * M + inputs, flops, one_product, (double)users});
  *rounding = true; /* one product instead of three, where it is made so */
  snprintf(label, sizeof label, "generate D=32 x 2 written as f16, tf32, B=%d", users);
  run(b, label, halves, {4.0 * users * M + inputs, flops, b->top.bf16, (double)users});
  *rounding = false;
}

static sol_config config_of_paper(void) {
  sol_config config = {};
  config.items = ITEMS, config.width = D, config.window = LENGTH, config.blocks = 1, config.heads = 4;
  config.levels = 3, config.codes = 256, config.head = SOLID_HEAD_SOLID, config.clip = 0.01f;
  return config;
}

struct windows { /* n full windows of random items, and targets */
  std::vector<uint32_t> offsets, items;
  std::vector<int32_t> targets;
  solid_windows view;
  windows(bench *b, int n) {
    offsets.push_back(0);
    for (int w = 0; w < n; w++) {
      for (int i = 0; i < LENGTH; i++) {
        items.push_back((uint32_t)seed_below(&b->rng, ITEMS));
        targets.push_back(seed_below(&b->rng, ITEMS));
      }
      offsets.push_back((uint32_t)items.size());
    }
    view = {};
    view.n = (size_t)n, view.offsets = offsets.data(), view.items = items.data();
  }
};

static double encoder_flops(double users) { /* one block, the newest row's queries; both GRUs with their products */
  double rows = users * LENGTH, attend = 4.0 * users * LENGTH * D;
  return 2.0 * rows * 2 * D * D + attend + 2.0 * users * 10 * D * D + 2 * 2.0 * rows * 6 * D * D +
         2 * 4.0 * users * D * D;
}

static void window_to_user(bench *b, int users) {
  arena mem(b);
  sol_config config = config_of_paper();
  std::vector<float> host(sol_tensors_total(&config));
  std::vector<int32_t> codes((size_t)config.levels * ITEMS);
  sol_weights_init(&config, 1, host.data());
  for (int32_t &code : codes) code = seed_below(&b->rng, (int32_t)config.codes);
  sol_weights weights;
  sol_weights_bind(&weights, &config, (float *)mem.upload(host.data(), host.size() * sizeof(float)));
  sol_catalogue catalogue = {};
  catalogue.codes = (int32_t *)mem.upload(codes.data(), codes.size() * sizeof(int32_t));
  catalogue.semantic = mem.floats((size_t)ITEMS * D), catalogue.vectors = mem.floats((size_t)ITEMS * D);
  must(sol_catalogue_compute(b->be, &config, &weights, &catalogue) == SOLID_OK, "catalogue", b->be->err);
  windows drawn(b, users);
  size_t n = (size_t)users, rows = n * LENGTH, ints = sol_batch_ints(&config, SOL_NEWEST_ROWS, n, rows);
  std::vector<int32_t> packed(ints);
  int32_t *device = (int32_t *)mem.bytes(ints * sizeof(int32_t));
  sol_batch batch;
  sol_batch_pack(&batch, &config, SOL_NEWEST_ROWS, &drawn.view, packed.data(), device);
  must(b->ops->upload(b->be, device, packed.data(), ints * sizeof(int32_t)) == SOLID_OK, "upload", b->be->err);
  float *scratch = mem.floats(sol_forward_floats(&config, n, rows)), *h = mem.floats(n * D), *u = mem.floats(n * D);
  float *params = mem.floats(n * sol_config_params(&config));
  sol_pass pass = {b->be, &config, &weights, &catalogue, &batch, scratch};
  double written = 4.0 * users * sol_config_params(&config),
         generated = 2.0 * 2 * users * sol_config_params(&config) * D;
  auto encode = [&] { return sol_encode(&pass, h); };
  auto generate = [&] { return sol_generate(&pass, params); };
  auto apply = [&] { return sol_apply(&pass, users, h, params, NULL, u); };
  snprintf(label, sizeof label, "window to score D=32 L=30, B=%d", users);
  run(b, label,
      [&] {
        solid_status status = encode();
        if (status == SOLID_OK) status = generate();
        return status == SOLID_OK ? apply() : status;
      },
      {written + 3 * 4.0 * users * LENGTH * D, generated + encoder_flops(users), b->top.fp32, (double)users});
  snprintf(label, sizeof label, "  of which encoder, B=%d", users);
  run(b, label, encode, {4.0 * users * LENGTH * D, 0, 0, (double)users});
  snprintf(label, sizeof label, "  of which GRUs and generator, B=%d", users);
  run(b, label, generate, {written + 8.0 * users * LENGTH * D, generated, b->top.fp32, (double)users});
  snprintf(label, sizeof label, "  of which apply, B=%d", users);
  run(b, label, apply, {written, 0, 0, (double)users});
}

/* Where a ranking finds the catalogue: all of it in FP32; in planes, with FP32 beside them or on the host. */
typedef enum catalogue_place { ROWS, PLANES, PLANES_AND_HOST } catalogue_place;

static void best_items(bench *b, int items, int users, catalogue_place place) {
  static const int WIDTH = 64, K = 100;
  static const char *const names[] = {" in FP32", "", ""};
  snprintf(label, sizeof label, "score + top-100%s, %d items, B=%d", names[place], items, users);
  if (!wanted(b, label)) return;
  arena mem(b);
  sk_planes planes = {};
  sk_topk_args a = {};
  size_t rows = (size_t)items * WIDTH * sizeof(float), held = sk_planes_bind(&planes, WIDTH, items, NULL);
  a.n = users, a.d = WIDTH, a.items = items, a.k = K;
  a.u = mem.normal((size_t)users * WIDTH), a.e = mem.normal((size_t)items * WIDTH, 1.0f, place == PLANES_AND_HOST);
  a.index = (int32_t *)mem.bytes(sizeof(int32_t) * K * (size_t)users), a.score = mem.floats(K * (size_t)users);
  if (place != ROWS) {
    sk_planes_bind(&planes, WIDTH, items, mem.bytes(held));
    const sk_planes_args fill = {0, items, a.e, planes};
    must(b->ops->planes(b->be, &fill) == SOLID_OK && b->ops->sync(b->be) == SOLID_OK, "planes", b->be->err);
    a.planes = &planes;
  }
  const double resident[] = {1.0, 1.0 + (double)held / (double)rows, (double)held / (double)rows};
  double least = users <= SK_TOPK_FEW ? WIDTH / 2 + 2 : WIDTH + 2; /* bytes an item, with its scale */
  run(b, label, [&] { return b->ops->topk(b->be, &a); },
      {place == ROWS ? (double)rows : least * items, 2.0 * items * WIDTH * users,
       place == ROWS ? b->top.bf16 : 2 * b->top.bf16, (double)users, resident[place]});
}

static void codes(bench *b, int rows) {
  static const int WIDTH = 128, LEVELS = 3, K = 256;
  snprintf(label, sizeof label, "codebook 3 x 256, width 128, %d rows", rows);
  if (!wanted(b, label)) return;
  arena mem(b);
  sk_quantize_args a = {};
  a.n = rows, a.d = WIDTH, a.levels = LEVELS, a.k = K;
  a.x = mem.normal((size_t)rows * WIDTH), a.centroids = mem.normal(LEVELS * K * WIDTH, 0.7f);
  a.codes = (int32_t *)mem.bytes(sizeof(int32_t) * LEVELS * (size_t)rows);
  run(b, label, [&] { return b->ops->quantize(b->be, &a); },
      {4.0 * rows * (WIDTH + LEVELS), 2.0 * rows * WIDTH * LEVELS * K, b->top.fp32, (double)rows});
}

/* What a step does for a slot of attributes: as many gradients as items, a few attributes of many items. */
static void attributes(bench *b, int rows) {
  static const int WIDTH = 64;
  snprintf(label, sizeof label, "embed_backward of %d items, %d attributes", ITEMS, rows);
  if (!wanted(b, label)) return;
  arena mem(b);
  std::vector<int32_t> index(ITEMS);
  for (int32_t &i : index) {
    double x = seed_below(&b->rng, 1 << 24) / (double)(1 << 24);
    i = (int32_t)(x * x * x * rows);
  }
  sk_embed_backward_args a = {};
  a.n = ITEMS, a.d = WIDTH, a.rows = rows, a.scale = 1;
  a.dout = mem.normal((size_t)ITEMS * WIDTH), a.dtable = mem.normal((size_t)rows * WIDTH);
  a.index = (int32_t *)mem.upload(index.data(), index.size() * sizeof(int32_t));
  run(b, label, [&] { return b->ops->embed_backward(b->be, &a); },
      {4.0 * ITEMS * (WIDTH + 1) + 8.0 * std::min(rows, ITEMS) * WIDTH, 0, 0, (double)ITEMS});
}

static void training(bench *b, int users) {
  snprintf(label, sizeof label, "training step D=32 L=30, B=%d (positions/s)", users);
  if (!wanted(b, label)) return;
  sol_config config = config_of_paper();
  solid_train_options options = SOLID_TRAIN_OPTIONS_INIT;
  std::vector<uint16_t> codes((size_t)config.levels * ITEMS);
  for (uint16_t &code : codes) code = (uint16_t)seed_below(&b->rng, (int32_t)config.codes);
  windows drawn(b, users);
  sol_step step;
  size_t rows = (size_t)users * LENGTH;
  must(sol_step_open(&step, b->be, &config, codes.data(), (size_t)users, rows, &options) == SOLID_OK, "step",
       b->be->err);
  std::vector<float> host(step.total);
  sol_weights_init(&config, 1, host.data());
  b->ops->upload(b->be, step.values[SOL_WEIGHTS], host.data(), host.size() * sizeof(float));
  std::vector<double> times;
  for (uint64_t i = 1; i <= 25; i++) {
    timespec start, end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    must(sol_step_gradients(&step, &options, i, &drawn.view, drawn.targets.data()) == SOLID_OK, "step", b->be->err);
    must(sol_step_update(&step, &options, i) == SOLID_OK, "step", b->be->err);
    must(b->ops->sync(b->be) == SOLID_OK, "step", b->be->err);
    clock_gettime(CLOCK_MONOTONIC, &end);
    if (i > 5) times.push_back((double)(end.tv_sec - start.tv_sec) + 1e-9 * (double)(end.tv_nsec - start.tv_nsec));
  }
  double P = sol_config_params(&config);
  double flops = (double)rows * (3 * 2 * 2 * P * D + 3 * 2.0 * ITEMS * D + 3 * 2 * 24.0 * D * D);
  report(b, label, median(times), {4.0 * rows * P * 6, flops, b->top.fp32, (double)rows});
  sol_step_close(&step);
}

int main(int argc, char **argv) {
  bench b = {};
  for (int i = 1; i < argc; i++)
    if (!strcmp(argv[i], "--json"))
      b.json = 1;
    else if (!strcmp(argv[i], "--profile"))
      b.profile = 1;
    else if (!strcmp(argv[i], "--only") && i + 1 < argc)
      b.only = argv[++i];
    else
      must(false, argv[i], "usage: bench_gpu [--only NAME] [--json] [--profile]");
  sk_options options = {.threads = 1, .device = 0};
  char text[160] = "";
  b.ops = sk_backend_find("cuda");
  solid_status status = b.ops->probe(text, sizeof text);
  if (!b.json) puts(text);
  must(status == SOLID_OK && b.ops->open(&b.be, &options) == SOLID_OK, "cuda", text);
  b.stream = sk_cuda_stream(b.be), b.rng = seed_start(1);
  find_ceilings(&b);
  for (int users : {1, 1024, 262144}) generator(&b, users);
  for (int users : {1, 64, 1024, 8192}) window_to_user(&b, users);
  for (int users : {1, 64, 1024})
    for (catalogue_place place : {PLANES, ROWS}) best_items(&b, 1000000, users, place);
  for (int users : {1, 64})
    for (catalogue_place place : {PLANES_AND_HOST, ROWS}) best_items(&b, 10000000, users, place);
  codes(&b, 10000000);
  for (int rows : {92, 638, 2277, 5000, 20000}) attributes(&b, rows);
  training(&b, 1024);
  if (b.json) puts("\n]}");
  b.ops->close(b.be);
  return 0;
}
