/* Times attention over long histories on a GPU: the dense causal kernel and lists of active queries and kept keys at
 * given densities, forward and backward, BF16 with FP32 sums, gathering included.
 *
 *   bench_attend [--json] [--only N] [--heads H]
 *
 * Density: pairs (query, key) computed over n (n + 1) / 2. `lists` draws the active queries and the kept keys of every
 * head at random, unequal, about as many of either. `chunks` is what the rule of lists makes: every 512 events read
 * themselves and kept keys of before, so many that the density is met where the chunk's own part allows it. Batches
 * hold 65,536 tokens a head or more. Each case is recorded once as a graph; the median of its replays counts. */
#include "kernels/cuda/cuda.cuh"
extern "C" {
#include "tests/support/seed.h"
}
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <vector>

static const int REPLAYS = 15, TOKENS = 65536, CHUNK = 512;

struct bench {
  const sk_backend_ops *ops;
  sk_backend *be;
  seed_rng rng;
  int json, heads;
};

static void must(bool good, const char *what, const char *why) {
  if (good) return;
  fprintf(stderr, "bench_attend: %s: %s\n", what, why);
  exit(1);
}

struct arena { /* what a case allocates, freed at its end */
  bench *b;
  std::vector<void *> all;
  explicit arena(bench *bench) : b(bench) {}
  ~arena() {
    b->ops->sync(b->be);
    for (void *p : all) b->ops->free(b->be, p);
  }
  template <typename T>
  T *take(size_t n) {
    void *p = NULL;
    must(b->ops->alloc(b->be, &p, n * sizeof(T)) == SOLID_OK, "alloc", b->be->err);
    all.push_back(p);
    return (T *)p;
  }
  template <typename T>
  const T *upload(const std::vector<T> &host) {
    T *p = take<T>(host.size());
    must(b->ops->upload(b->be, p, host.data(), host.size() * sizeof(T)) == SOLID_OK, "upload", b->be->err);
    must(b->ops->sync(b->be) == SOLID_OK, "upload", b->be->err);
    return p;
  }
  const float *normal(size_t n) {
    std::vector<float> x(n);
    for (float &v : x) v = (float)(1.7320508 * (seed_uniform(&b->rng) + seed_uniform(&b->rng) - 1.0) * 1.41421356);
    return upload(x);
  }
};

typedef std::function<solid_status()> body_fn;

static solid_status call(void *user) {
  return (*(body_fn *)user)();
}

/* Seconds of one run of what `body` enqueues. */
static double measure(bench *b, body_fn body) {
  sk_graph *graph = NULL;
  cudaEvent_t start, end;
  std::vector<double> times;
  int inner = 1;
  cudaEventCreate(&start), cudaEventCreate(&end);
  must(body() == SOLID_OK, "run", b->be->err);
  for (int i = -3; i < REPLAYS; i++) {
    float ms = 0.0f;
    cudaEventRecord(start, sk_cuda_stream(b->be));
    for (int k = 0; k < inner; k++) must(b->ops->replay(b->be, &graph, call, &body) == SOLID_OK, "replay", b->be->err);
    cudaEventRecord(end, sk_cuda_stream(b->be));
    must(cudaEventSynchronize(end) == cudaSuccess, "replay", cudaGetErrorString(cudaGetLastError()));
    cudaEventElapsedTime(&ms, start, end);
    if (i >= 0) times.push_back(1e-3 * ms / inner);
    if (i == -1) inner = ms > 2.0f ? 1 : (int)(2.0f / ms) + 1;
  }
  b->ops->forget(b->be, graph);
  cudaEventDestroy(start), cudaEventDestroy(end);
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

/* Lists on the host, all heads. */
struct lists {
  std::vector<int32_t> rows, begin, count;
  int32_t stride = 0;
};

/* Rows of windows of n, each in the list with a probability that the heads share on average. */
static lists draw(bench *b, int windows, int n, double share) {
  lists l;
  l.stride = windows * n;
  l.rows.resize((size_t)l.stride * b->heads);
  for (int w = 0; w <= windows; w++) l.begin.push_back(w * n);
  for (int h = 0; h < b->heads; h++) {
    double mine = std::min(1.0, share * (1.0 + 0.2 * (b->heads > 1 ? 2.0 * h / (b->heads - 1) - 1.0 : 0.0)));
    for (int w = 0; w < windows; w++) {
      int32_t got = 0;
      for (int i = 0; i < n; i++)
        if (seed_uniform(&b->rng) < mine) l.rows[(size_t)h * l.stride + w * n + got++] = w * n + i;
      l.count.push_back(got);
    }
  }
  return l;
}

/* Every chunk keeps `budget` rows of before, at random, and itself. */
static lists draw_chunks(bench *b, int users, int n, int budget) {
  lists l;
  int chunks = n / CHUNK, windows = users * chunks;
  l.begin.push_back(0);
  for (int w = 0; w < windows; w++) l.begin.push_back(l.begin.back() + std::min(budget, w % chunks * CHUNK) + CHUNK);
  l.stride = l.begin.back();
  l.rows.resize((size_t)l.stride * b->heads);
  for (int h = 0; h < b->heads; h++)
    for (int w = 0; w < windows; w++) {
      int before = w % chunks * CHUNK, want = std::min(budget, before), first = w / chunks * n;
      int32_t *to = l.rows.data() + (size_t)h * l.stride + l.begin[w];
      for (int i = 0, left = want; i < before; i++) /* each set of that size is as likely */
        if (seed_uniform(&b->rng) * (before - i) < left) *to++ = first + i, left--;
      for (int i = 0; i < CHUNK; i++) *to++ = first + before + i;
      l.count.push_back(want + CHUNK);
    }
  return l;
}

static sk_attend_list bring(arena *mem, const lists &l) {
  return {mem->upload(l.rows), mem->upload(l.begin), mem->upload(l.count), l.stride};
}

/* Pairs that lists compute, all heads; keys stand at their rows. */
static double pairs_of(const lists &active, const lists &kept, int windows, int heads) {
  double pairs = 0;
  for (int h = 0; h < heads; h++)
    for (int w = 0; w < windows; w++) {
      const int32_t *q = active.rows.data() + (size_t)h * active.stride + active.begin[w];
      const int32_t *k = kept.rows.data() + (size_t)h * kept.stride + kept.begin[w];
      int32_t n = kept.count[h * windows + w], seen = 0;
      for (int32_t i = 0; i < active.count[h * windows + w]; i++) {
        while (seen < n && k[seen] <= q[i]) seen++;
        pairs += seen;
      }
    }
  return pairs;
}

static void report(bench *b, const char *kind, int n, int dh, int users, double pairs, double forward, double both) {
  double all = 0.5 * n * (n + 1.0) * users * b->heads, flops = 4.0 * dh * pairs;
  if (b->json)
    printf("{\"kind\": \"%s\", \"n\": %d, \"dh\": %d, \"heads\": %d, \"users\": %d, \"density\": %.4f, "
           "\"forward_ms\": %.4f, \"both_ms\": %.4f}\n",
           kind, n, dh, b->heads, users, pairs / all, 1e3 * forward, 1e3 * both);
  else
    printf("%-7s %7d events, dh %3d, %2d users: density %.4f  forward %9.4f ms %6.1f TFLOP/s   with backward %9.4f ms "
           "%6.1f TFLOP/s\n",
           kind, n, dh, users, pairs / all, 1e3 * forward, flops / forward / 1e12, 1e3 * both,
           3.5 * flops / both / 1e12);
  fflush(stdout);
}

static void time_case(bench *b, const char *kind, int n, int dh, int users, double pairs, const sk_attend_pairs &p) {
  arena mem(b);
  size_t d = (size_t)b->heads * dh, floats = (size_t)users * n * d;
  sk_attend_args f = {};
  f.pairs = p;
  f.pairs.heads = b->heads, f.pairs.dh = dh, f.pairs.q_rows = f.pairs.kv_rows = users * n;
  f.q = mem.normal(3 * floats), f.k = f.q + d, f.v = f.q + 2 * d;
  f.q_stride = f.kv_stride = (int32_t)(3 * d);
  f.precision = SK_ATTEND_BF16;
  f.out = mem.take<float>(floats), f.lse = mem.take<float>((size_t)users * n * b->heads);
  sk_attend_backward_args g = {};
  g.pairs = f.pairs, g.q = f.q, g.k = f.k, g.v = f.v, g.q_stride = f.q_stride, g.kv_stride = f.kv_stride;
  g.precision = f.precision, g.out = f.out, g.lse = f.lse, g.dout = mem.normal(floats);
  g.dq = mem.take<float>(3 * floats), g.dk = g.dq + d, g.dv = g.dq + 2 * d;
  g.dq_stride = g.dkv_stride = f.q_stride;
  double forward = measure(b, [&] { return b->ops->attend(b->be, &f); });
  double both = measure(b, [&] {
    solid_status status = b->ops->attend(b->be, &f);
    return status == SOLID_OK ? b->ops->attend_backward(b->be, &g) : status;
  });
  report(b, kind, n, dh, users, pairs, forward, both);
}

static void length(bench *b, int n, int dh) {
  int users = std::max(1, TOKENS / n), chunks = n / CHUNK;
  arena mem(b);
  std::vector<int32_t> offsets, parts;
  for (int w = 0; w <= users; w++) offsets.push_back(w * n);
  for (int w = 0; w <= users * chunks; w++) parts.push_back(w * CHUNK);
  sk_attend_pairs dense = {};
  dense.windows = users, dense.max_queries = dense.max_keys = n, dense.kv_offsets = mem.upload(offsets);
  double all = 0.5 * n * (n + 1.0) * users * b->heads;
  time_case(b, "dense", n, dh, users, all, dense);
  const double densities[] = {0.25, 0.15, 0.08, 0.04};
  for (double density : densities) {
    arena lists_memory(b);
    lists active = draw(b, users, n, sqrt(density)), kept = draw(b, users, n, sqrt(density));
    sk_attend_pairs p = dense;
    p.active = bring(&lists_memory, active), p.kept = bring(&lists_memory, kept);
    time_case(b, "lists", n, dh, users, pairs_of(active, kept, users, b->heads), p);
  }
  for (double density : densities) {
    int budget = (int)(density * 0.5 * n - 0.5 * CHUNK);
    if (budget < 64) continue;
    arena lists_memory(b);
    lists own = draw_chunks(b, users, n, budget);
    sk_attend_pairs p = dense;
    p.windows = users * chunks, p.max_queries = CHUNK, p.max_keys = budget + CHUNK;
    p.q_offsets = lists_memory.upload(parts), p.kv_offsets = NULL, p.kept = bring(&lists_memory, own);
    double pairs = 0; /* kept rows are seen by all of a chunk, its own by half */
    for (size_t i = 0; i < own.count.size(); i++)
      pairs += (double)CHUNK * (own.count[i] - CHUNK) + 0.5 * CHUNK * (CHUNK + 1.0);
    time_case(b, "chunks", n, dh, users, pairs, p);
  }
}

int main(int argc, char **argv) {
  bench b = {};
  int only = 0;
  b.heads = 2;
  for (int i = 1; i < argc; i++) {
    if (!strcmp(argv[i], "--json"))
      b.json = 1;
    else if (!strcmp(argv[i], "--only") && i + 1 < argc)
      only = atoi(argv[++i]);
    else if (!strcmp(argv[i], "--heads") && i + 1 < argc)
      b.heads = atoi(argv[++i]);
    else
      must(false, argv[i], "usage: bench_attend [--json] [--only N] [--heads H]");
  }
  char why[160] = "not compiled in";
  b.ops = sk_backend_find("cuda");
  sk_options options = {};
  options.why = why, options.why_size = sizeof why;
  must(b.ops && b.ops->open(&b.be, &options) == SOLID_OK, "cuda", why);
  b.rng = seed_start(91);
  const int lengths[] = {4096, 16384, 65536, 131072}, widths[] = {32, 64};
  for (int dh : widths)
    for (int n : lengths)
      if (!only || n == only) length(&b, n, dh);
  b.ops->close(b.be);
  return 0;
}
