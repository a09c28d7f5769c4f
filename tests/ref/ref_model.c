#include "tests/ref/ref_model.h"
#include "kernels/philox.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A batch on its way through the model; windows are rows first .. first + length - 1 of it. */
typedef struct walk {
  const ref_model *m;
  const sol_config *config;
  sol_weights at; /* bound to `places`: only differences of pointers are used */
  float *places;
  const sol_dropout *drop;
  size_t max_window, rows;    /* of the batch */
  double *semantic, *vectors; /* (V, d) */
} walk;

static double *zeros(size_t n) {
  return calloc(n > 0 ? n : 1, sizeof(double));
}

/* Where a member of the weights is among the values. */
static const double *value(const walk *k, const float *member) {
  return k->m->values + (member - k->places);
}

static double kept(double x, float p, uint64_t seed, uint64_t index) {
  if (p == 0.0f) return x;
  return sk_uniform(seed, index) >= p ? x / (1 - (double)p) : 0;
}

/* In place, as a piece of the stream that starts at element `from`. */
static void drop(const walk *k, float p, uint64_t site, size_t from, size_t n, double *x) {
  for (size_t i = 0; i < n; i++) x[i] = kept(x[i], p, sol_site_seed(k->drop->seed, site), from + i);
}

/* y = w x + b for one row. */
static void linear(const walk *k, size_t in, size_t out, const double *x, const float *w, const float *b, double *y) {
  for (size_t o = 0; o < out; o++) {
    y[o] = value(k, b)[o];
    for (size_t i = 0; i < in; i++) y[o] += value(k, w)[o * in + i] * x[i];
  }
}

static void norm(const walk *k, const double *x, const float *gamma, const float *beta, double *y) {
  size_t d = k->config->width;
  double mean = 0, variance = 0;
  for (size_t i = 0; i < d; i++) mean += x[i] / (double)d;
  for (size_t i = 0; i < d; i++) variance += (x[i] - mean) * (x[i] - mean) / (double)d;
  for (size_t i = 0; i < d; i++) y[i] = (x[i] - mean) / sqrt(variance + 1e-5) * value(k, gamma)[i] + value(k, beta)[i];
}

static double gelu(double x) {
  return 0.5 * x * (1 + tanh(sqrt(2 / 3.14159265358979323846) * (x + 0.044715 * x * x * x)));
}

static double sigmoid(double x) {
  return 1 / (1 + exp(-x));
}

/* The cases' lists keep everything, and count keys as rows of the batch. */
static int in_lists(const walk *k) {
  return k->config->attention && k->max_window > k->config->select_chunk;
}

/* One head's attention of row i over rows 0 .. i; qkv (length, 3d). */
static void attend_row(const walk *k, uint32_t b, size_t first, size_t i, size_t head, const double *qkv, double *out) {
  size_t d = k->config->width, dh = d / k->config->heads;
  double *s = zeros(i + 1), sum = 0, top = -INFINITY;
  for (size_t j = 0; j <= i; j++) {
    for (size_t c = head * dh; c < (head + 1) * dh; c++) s[j] += qkv[i * 3 * d + c] * qkv[j * 3 * d + d + c];
    s[j] /= sqrt((double)dh);
    if (k->config->positions == SOL_POSITIONS_DISTANCE) /* the cases' windows end below 16, where buckets widen */
      s[j] += value(k, k->at.block[b].distance)[head * SK_ATTEND_BUCKETS + i - j];
    top = fmax(top, s[j]);
  }
  for (size_t j = 0; j <= i; j++) sum += s[j] = exp(s[j] - top);
  for (size_t j = 0; j <= i; j++) {
    uint64_t index = ((first + i) * k->config->heads + head) * k->max_window + j;
    if (in_lists(k)) index = ((first + i) * k->config->heads + head) * k->rows + first + j;
    double p = kept(s[j] / sum, k->drop->p, sol_site_seed(k->drop->seed, SOL_SITE_BLOCK + 4 * (uint64_t)b), index);
    for (size_t c = head * dh; c < (head + 1) * dh; c++) out[c] += p * qkv[j * 3 * d + 2 * d + c];
  }
  free(s);
}

/* Queries and keys of the event that is `place` events younger than the window's oldest: pair c of a head by
 * place * 10000^(-2c / dh). */
static void turn(const walk *k, size_t place, double *qkv) {
  size_t d = k->config->width, dh = d / k->config->heads, width = k->config->turned > 0 ? k->config->turned : dh;
  for (size_t first = 0; first < 2 * d; first += dh)
    for (size_t c = 0; c + 1 < width; c += 2) {
      double angle = (double)place * pow(10000, -(double)c / (double)width), x = qkv[first + c], y = qkv[first + c + 1];
      qkv[first + c] = x * cos(angle) - y * sin(angle);
      qkv[first + c + 1] = x * sin(angle) + y * cos(angle);
    }
}

static void block(const walk *k, uint32_t b, size_t first, size_t length, double *x) {
  const sol_block_weights *w = &k->at.block[b];
  size_t d = k->config->width;
  uint64_t site = SOL_SITE_BLOCK + 4 * (uint64_t)b;
  double *qkv = zeros(length * 3 * d), *t = zeros(d), *a = zeros(d), *wide = zeros(4 * d);
  for (size_t i = 0; i < length; i++) {
    norm(k, x + i * d, w->norm1.gamma, w->norm1.beta, t);
    linear(k, d, 3 * d, t, w->qkv.w, w->qkv.b, qkv + i * 3 * d);
  }
  for (size_t i = 0; k->config->positions == SOL_POSITIONS_ROTARY && i < length; i++) turn(k, i, qkv + i * 3 * d);
  for (size_t i = 0; i < length; i++) {
    memset(a, 0, d * sizeof *a);
    for (size_t head = 0; head < k->config->heads; head++) attend_row(k, b, first, i, head, qkv, a);
    linear(k, d, d, a, w->out.w, w->out.b, t);
    drop(k, k->drop->p, site + 1, (first + i) * d, d, t);
    for (size_t c = 0; c < d; c++) x[i * d + c] += t[c];
    norm(k, x + i * d, w->norm2.gamma, w->norm2.beta, t);
    linear(k, d, 4 * d, t, w->up.w, w->up.b, wide);
    for (size_t c = 0; c < 4 * d; c++) wide[c] = gelu(wide[c]);
    drop(k, k->drop->p, site + 2, (first + i) * 4 * d, 4 * d, wide);
    linear(k, 4 * d, d, wide, w->down.w, w->down.b, t);
    drop(k, k->drop->p, site + 3, (first + i) * d, d, t);
    for (size_t c = 0; c < d; c++) x[i * d + c] += t[c];
  }
  free(qkv), free(t), free(a), free(wide);
}

/* h (length, d) of one window. */
static void encode(const walk *k, const uint32_t *items, size_t first, size_t length, double *h) {
  size_t d = k->config->width;
  for (size_t i = 0; i < length; i++) {
    for (size_t c = 0; c < d; c++) h[i * d + c] = k->vectors[items[i] * d + c];
    for (size_t c = 0; k->config->positions == SOL_POSITIONS_LEARNED && c < d; c++)
      h[i * d + c] += value(k, k->at.positions)[(length - 1 - i) * d + c];
    drop(k, k->drop->p, SOL_SITE_INPUT, (first + i) * d, d, h + i * d);
  }
  for (uint32_t b = 0; b < k->config->blocks; b++) block(k, b, first, length, h);
  for (size_t i = 0; i < length; i++) norm(k, h + i * d, k->at.norm.gamma, k->at.norm.beta, h + i * d);
}

/* z (d) from a GRU state. */
static void mlp(const walk *k, const sol_branch_weights *w, uint64_t site, size_t row, const double *state, double *z) {
  size_t d = k->config->width;
  double *t = zeros(d);
  linear(k, d, d, state, w->mlp1.w, w->mlp1.b, t);
  for (size_t c = 0; c < d; c++) t[c] = tanh(t[c]);
  drop(k, k->drop->p_z, site + 1, row * d, d, t);
  linear(k, d, d, t, w->mlp2.w, w->mlp2.b, z);
  drop(k, k->drop->p_z, site + 2, row * d, d, z);
  free(t);
}

/* z (length, d) of one window, begun anew with each piece that the generator reads; an empty one gives the z of a zero
 * state. */
static void branch(const walk *k, const sol_branch_weights *w, const double *table, uint64_t site,
                   const uint32_t *items, size_t first, size_t length, double *z) {
  size_t d = k->config->width, G = k->config->generator_window;
  double *state = zeros(d), *x = zeros(d), *gx = zeros(3 * d), *gh = zeros(3 * d);
  for (size_t i = 0; i < length; i++) {
    if (G && i % G == 0) memset(state, 0, d * sizeof *state);
    memcpy(x, table + items[i] * d, d * sizeof *x);
    drop(k, k->drop->p, site, (first + i) * d, d, x);
    linear(k, d, 3 * d, x, w->gru.in.w, w->gru.in.b, gx);
    linear(k, d, 3 * d, state, w->gru.recurrent.w, w->gru.recurrent.b, gh);
    for (size_t c = 0; c < d; c++) {
      double r = sigmoid(gx[c] + gh[c]), u = sigmoid(gx[d + c] + gh[d + c]);
      double n = tanh(gx[2 * d + c] + r * gh[2 * d + c]);
      state[c] = (1 - u) * n + u * state[c];
    }
    mlp(k, w, site, first + i, state, z + i * d);
  }
  if (length == 0) mlp(k, w, site, first, state, z);
  free(state), free(x), free(gx), free(gh);
}

/* params (P) from z_item and z_semantic; the one that the head does not have is not read. */
static void generate(const walk *k, const double *z_item, const double *z_semantic, double *params) {
  const sol_config *config = k->config;
  size_t d = config->width, m = sol_config_layer_params(config);
  int item = sol_config_has_item_branch(config), semantic = sol_config_has_semantic_branch(config);
  double *t = zeros(m);
  for (size_t l = 0; l < SOL_GENERATED_LAYERS; l++) {
    double *out = params + l * m;
    memset(out, 0, m * sizeof *out);
    if (item) linear(k, d, m, z_item, k->at.item.layer[l].w, k->at.item.layer[l].b, out);
    if (item && semantic)
      for (size_t i = 0; i < m; i++) out[i] = fmin(fmax(out[i], -(double)config->clip), (double)config->clip);
    if (semantic) {
      linear(k, d, m, z_semantic, k->at.semantic.layer[l].w, k->at.semantic.layer[l].b, t);
      for (size_t i = 0; i < m; i++) out[i] += t[i];
    }
  }
  free(t);
}

/* y (d) = the generated network at h. */
static void apply(const walk *k, const double *h, const double *params, double *y) {
  size_t d = k->config->width, side = sol_config_layer_width(k->config), m = sol_config_layer_params(k->config);
  double *x = zeros(side), *t = zeros(side);
  if (k->config->rank > 0)
    linear(k, d, side, h, k->at.down.w, k->at.down.b, x);
  else
    memcpy(x, h, d * sizeof *x);
  for (size_t l = 0; l < SOL_GENERATED_LAYERS; l++) {
    const double *w = params + l * m;
    for (size_t o = 0; o < side; o++) {
      t[o] = w[side * side + o];
      for (size_t i = 0; i < side; i++) t[o] += x[i] * w[i * side + o];
      if (l + 1 < SOL_GENERATED_LAYERS) t[o] = tanh(t[o]);
    }
    memcpy(x, t, side * sizeof *x);
  }
  if (k->config->rank > 0)
    linear(k, side, d, x, k->at.up.w, k->at.up.b, y);
  else
    memcpy(y, x, d * sizeof *y);
  free(x), free(t);
}

/* Cross-entropy of u against a table e (V, d). */
static double row_loss(const walk *k, const double *u, int32_t target, double smoothing) {
  const double *e = k->vectors;
  size_t V = k->config->items, d = k->config->width;
  double *s = zeros(V), top = -INFINITY, sum = 0, mean = 0;
  for (size_t v = 0; v < V; v++) {
    for (size_t c = 0; c < d; c++) s[v] += u[c] * e[v * d + c];
    top = fmax(top, s[v]);
    mean += s[v] / (double)V;
  }
  for (size_t v = 0; v < V; v++) sum += exp(s[v] - top);
  double loss = top + log(sum) - (1 - smoothing) * s[target] - smoothing * mean;
  free(s);
  return loss;
}

static void walk_open(walk *k, const ref_model *model, const sol_dropout *dropout, size_t max_window) {
  const sol_config *config = model->config;
  size_t d = config->width;
  *k = (walk){.m = model, .config = config, .drop = dropout, .max_window = max_window};
  k->places = calloc(sol_tensors_total(config), sizeof *k->places);
  sol_weights_bind(&k->at, config, k->places);
  k->semantic = zeros(config->items * d);
  k->vectors = zeros(config->items * d);
  for (size_t v = 0; v < config->items; v++)
    for (size_t c = 0; c < d; c++) {
      for (size_t l = 0; l < config->levels; l++)
        k->semantic[v * d + c] +=
            value(k, k->at.metacodes)[(l * config->codes + model->codes[v * config->levels + l]) * d + c];
      for (size_t s = 0; s < config->slots; s++) {
        uint32_t a = model->attributes[v * config->slots + s];
        if (a != SOL_NO_ATTRIBUTE) k->semantic[v * d + c] += value(k, k->at.attributes)[a * d + c];
      }
      k->vectors[v * d + c] = value(k, k->at.items)[v * d + c] + k->semantic[v * d + c];
    }
}

static void walk_close(walk *k) {
  free(k->places), free(k->semantic), free(k->vectors);
}

/* z of both branches over a window; `z` has room for two of (max(length, 1), d), item first. */
static void branches(const walk *k, const uint32_t *items, size_t first, size_t length, double *z_item,
                     double *z_semantic) {
  if (sol_config_has_item_branch(k->config))
    branch(k, &k->at.item, value(k, k->at.items), SOL_SITE_ITEM_INPUT, items, first, length, z_item);
  if (sol_config_has_semantic_branch(k->config))
    branch(k, &k->at.semantic, k->semantic, SOL_SITE_SEMANTIC_INPUT, items, first, length, z_semantic);
}

static double window_loss(const walk *k, const uint32_t *items, const int32_t *targets, size_t first, size_t length,
                          double smoothing) {
  size_t d = k->config->width;
  double *h = zeros(length * d), *zi = zeros(length * d), *zs = zeros(length * d), *y = zeros(d), loss = 0;
  double *params = zeros(sol_config_params(k->config));
  encode(k, items, first, length, h);
  branches(k, items, first, length, zi, zs);
  for (size_t i = 0; i < length; i++) {
    size_t row = first + i;
    if (k->config->head != SOLID_HEAD_STATIC) {
      generate(k, zi + i * d, zs + i * d, params);
      apply(k, h + i * d, params, y);
      drop(k, k->drop->p_y, SOL_SITE_OUTPUT, row * d, d, y);
      for (size_t c = 0; c < d; c++) h[i * d + c] += y[c];
    }
    loss += row_loss(k, h + i * d, targets[i], smoothing);
  }
  free(h), free(zi), free(zs), free(y), free(params);
  return loss;
}

double ref_model_loss(const ref_model *model, const solid_windows *inputs, const int32_t *targets,
                      const sol_dropout *dropout, double smoothing) {
  size_t longest = 0;
  for (size_t w = 0; w < inputs->n; w++) {
    size_t length = inputs->offsets[w + 1] - inputs->offsets[w];
    if (length > longest) longest = length;
  }
  walk k;
  walk_open(&k, model, dropout, longest);
  k.rows = inputs->offsets[inputs->n];
  double loss = 0;
  for (size_t w = 0; w < inputs->n; w++) {
    size_t first = inputs->offsets[w], length = inputs->offsets[w + 1] - first;
    loss += window_loss(&k, inputs->items + first, targets + first, first, length, smoothing);
  }
  walk_close(&k);
  return loss / inputs->offsets[inputs->n];
}

void ref_model_user(const ref_model *model, const uint32_t *items, size_t length, double *h, double *params,
                    double *u) {
  static const sol_dropout none = {0};
  size_t d = model->config->width, L = model->config->window, P = sol_config_params(model->config);
  if (length > L) items += length - L, length = L;
  walk k;
  walk_open(&k, model, &none, length);
  size_t last = length > 0 ? length - 1 : 0;
  size_t G = model->config->generator_window, read = G && length > G ? G : length, z = read > 0 ? read - 1 : 0;
  double *states = zeros((last + 1) * d), *zi = zeros((last + 1) * d), *zs = zeros((last + 1) * d), *own = zeros(P);
  encode(&k, items, 0, length, states);
  memcpy(h, states + last * d, d * sizeof *h);
  memset(u, 0, d * sizeof *u);
  if (P > 0) {
    branches(&k, items + (length - read), 0, read, zi, zs);
    generate(&k, zi + z * d, zs + z * d, own);
    apply(&k, h, own, u);
  }
  for (size_t c = 0; c < d; c++) u[c] += h[c];
  if (params != NULL) memcpy(params, own, P * sizeof *params);
  free(states), free(zi), free(zs), free(own);
  walk_close(&k);
}

void ref_model_apply(const ref_model *model, const double *h, const double *params, double *u) {
  static const sol_dropout none = {0};
  walk k;
  walk_open(&k, model, &none, 0);
  memset(u, 0, model->config->width * sizeof *u);
  if (sol_config_params(model->config) > 0) apply(&k, h, params, u);
  for (size_t c = 0; c < model->config->width; c++) u[c] += h[c];
  walk_close(&k);
}
