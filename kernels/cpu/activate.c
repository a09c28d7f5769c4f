#include "kernels/cpu/cpu.h"
#include "kernels/cpu/vmath.h"

#define BLOCK 8192

#define GELU_SCALE 0.7978845608028654f /* sqrt(2 / pi) */
#define GELU_CUBE  0.044715f

static inline float identity(float x) {
  return x;
}

static inline float relu(float x) {
  return x < 0.0f ? 0.0f : x; /* in this order a NaN passes */
}

/* 0.5 (1 + tanh u) = sigmoid(2u), which does not cancel for negative x. */
static inline float gelu(float x) {
  return x * sk_sigmoid(2.0f * GELU_SCALE * (x + GELU_CUBE * x * x * x));
}

static inline float identity_slope(float x) {
  (void)x;
  return 1.0f;
}

static inline float relu_slope(float x) {
  float slope = x > 0.0f ? 1.0f : 0.0f;
  return x == x ? slope : x;
}

static inline float tanh_slope(float x) {
  float y = sk_tanh(x);
  return 1.0f - y * y;
}

/* Beyond 20 the slope is 0 or 1 and x^2 may overflow: there x counts as 20. */
static inline float gelu_slope(float x) {
  float c = x < -20.0f ? -20.0f : x;
  c = c > 20.0f ? 20.0f : c;
  float s = sk_sigmoid(2.0f * GELU_SCALE * (c + GELU_CUBE * c * c * c));
  return s + c * s * (1.0f - s) * 2.0f * GELU_SCALE * (1.0f + 3.0f * GELU_CUBE * c * c);
}

/* y may be x: each element is read before it is written, and nothing else reads it. */
#define MAP(name, expression)                                                                                          \
  static void name(const float *x, const float *dy, float *y, int64_t n) {                                             \
    (void)dy;                                                                                                          \
    _Pragma("omp simd") for (int64_t i = 0; i < n; i++) y[i] = expression;                                             \
  }

MAP(map_identity, identity(x[i]))
MAP(map_relu, relu(x[i]))
MAP(map_tanh, sk_tanh(x[i]))
MAP(map_gelu, gelu(x[i]))
MAP(map_identity_backward, dy[i] * identity_slope(x[i]))
MAP(map_relu_backward, dy[i] * relu_slope(x[i]))
MAP(map_tanh_backward, dy[i] * tanh_slope(x[i]))
MAP(map_gelu_backward, dy[i] * gelu_slope(x[i]))

typedef void (*map_fn)(const float *x, const float *dy, float *y, int64_t n);

static const map_fn maps[] = {
    [SK_IDENTITY] = map_identity, [SK_RELU] = map_relu, [SK_TANH] = map_tanh, [SK_GELU] = map_gelu};
static const map_fn backward_maps[] = {[SK_IDENTITY] = map_identity_backward,
                                       [SK_RELU] = map_relu_backward,
                                       [SK_TANH] = map_tanh_backward,
                                       [SK_GELU] = map_gelu_backward};

typedef struct map_args {
  map_fn map;
  int64_t n;
  const float *x, *dy;
  float *y;
} map_args;

static void map_block(const void *arg, int64_t block, void *local) {
  (void)local;
  const map_args *a = arg;
  int64_t begin = block * BLOCK, end = sk_cpu_block_end(a->n, BLOCK, block);
  a->map(a->x + begin, a->dy ? a->dy + begin : NULL, a->y + begin, end - begin);
}

solid_status SK_CPU(activate)(sk_backend *be, const sk_activate_args *a) {
  const map_args map = {maps[a->f], a->n, a->x, NULL, a->y};
  sk_cpu_parallel(be, sk_cpu_blocks(a->n, BLOCK), map_block, &map);
  return SOLID_OK;
}

solid_status SK_CPU(activate_backward)(sk_backend *be, const sk_activate_backward_args *a) {
  const map_args map = {backward_maps[a->f], a->n, a->x, a->dy, a->dx};
  sk_cpu_parallel(be, sk_cpu_blocks(a->n, BLOCK), map_block, &map);
  return SOLID_OK;
}
