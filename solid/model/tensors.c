#include "solid/model/tensors.h"
#include "kernels/attend.h"
#include "solid/base/random.h"
#include "solid/extend.h"
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

#define ALIGN_FLOATS 16

/* The table while it is being made: tensors in order, and the next free float. */
typedef struct tensor_table {
  sol_tensor *tensors;
  size_t count, end;
} tensor_table;

typedef struct init_rule {
  sol_init init;
  float scale;
} init_rule;

static const init_rule zeros = {SOL_INIT_ZERO, 0.0f}, ones = {SOL_INIT_ONE, 0.0f};
static const init_rule embedding = {SOL_INIT_NORMAL, SOL_ITEM_SCALE};

static init_rule uniform_for(uint32_t fan_in) {
  init_rule rule = {SOL_INIT_UNIFORM, 1.0f / sqrtf((float)fan_in)};
  return rule;
}

static init_rule normal_of(float deviation) {
  init_rule rule = {SOL_INIT_NORMAL, deviation};
  return rule;
}

/* Adds one tensor; a dimension of 0 ends the list of dimensions. */
static void add(tensor_table *t, const char *prefix, const char *name, size_t member, init_rule rule, uint32_t d0,
                uint32_t d1, uint32_t d2) {
  assert(t->count < SOL_MAX_TENSORS);
  sol_tensor *tensor = &t->tensors[t->count++];
  memset(tensor, 0, sizeof *tensor);
  snprintf(tensor->name, sizeof tensor->name, "%s%s", prefix, name);
  const uint32_t dims[3] = {d0, d1, d2};
  tensor->count = 1;
  for (uint32_t i = 0; i < 3 && dims[i]; i++) {
    tensor->dims[tensor->n_dims++] = dims[i];
    tensor->count *= dims[i];
  }
  tensor->offset = t->end;
  tensor->member = member;
  tensor->init = rule.init;
  tensor->scale = rule.scale;
  tensor->generator = strncmp(prefix, "generator.", 10) == 0;
  t->end += (tensor->count + ALIGN_FLOATS - 1) / ALIGN_FLOATS * ALIGN_FLOATS;
}

/* weight (out, in) and bias (out), bound by 1 / sqrt(in) as in PyTorch's Linear. */
static void add_linear(tensor_table *t, const char *prefix, const char *name, size_t w, size_t b, uint32_t out,
                       uint32_t in) {
  char full[64];
  snprintf(full, sizeof full, "%s.weight", name);
  add(t, prefix, full, w, uniform_for(in), out, in, 0);
  snprintf(full, sizeof full, "%s.bias", name);
  add(t, prefix, full, b, uniform_for(in), out, 0, 0);
}

/* Block `index` of the blocks at `first` in sol_weights, named `name`. */
static void add_block(tensor_table *t, const char *name, size_t first, uint32_t d, uint32_t index) {
  char prefix[32];
  snprintf(prefix, sizeof prefix, "%s.%u.", name, index);
  size_t base = first + index * sizeof(sol_block_weights);
#define AT(name) (base + offsetof(sol_block_weights, name))
  add(t, prefix, "norm1.weight", AT(norm1.gamma), ones, d, 0, 0);
  add(t, prefix, "norm1.bias", AT(norm1.beta), zeros, d, 0, 0);
  add_linear(t, prefix, "qkv", AT(qkv.w), AT(qkv.b), 3 * d, d);
  add_linear(t, prefix, "out", AT(out.w), AT(out.b), d, d);
  add(t, prefix, "norm2.weight", AT(norm2.gamma), ones, d, 0, 0);
  add(t, prefix, "norm2.bias", AT(norm2.beta), zeros, d, 0, 0);
  add_linear(t, prefix, "up", AT(up.w), AT(up.b), 4 * d, d);
  add_linear(t, prefix, "down", AT(down.w), AT(down.b), d, 4 * d);
#undef AT
}

/* The last generated layer starts at zero, so that a new model's user vector is the encoder's state. */
static void add_branch(tensor_table *t, const char *prefix, size_t base, uint32_t d, uint32_t m) {
#define AT(name) (base + offsetof(sol_branch_weights, name))
  add(t, prefix, "gru.weight_ih", AT(gru.in.w), uniform_for(d), 3 * d, d, 0);
  add(t, prefix, "gru.bias_ih", AT(gru.in.b), uniform_for(d), 3 * d, 0, 0);
  add(t, prefix, "gru.weight_hh", AT(gru.recurrent.w), uniform_for(d), 3 * d, d, 0);
  add(t, prefix, "gru.bias_hh", AT(gru.recurrent.b), uniform_for(d), 3 * d, 0, 0);
  add_linear(t, prefix, "mlp.0", AT(mlp1.w), AT(mlp1.b), d, d);
  add_linear(t, prefix, "mlp.1", AT(mlp2.w), AT(mlp2.b), d, d);
  for (size_t i = 0; i < SOL_GENERATED_LAYERS; i++) {
    int last = i + 1 == SOL_GENERATED_LAYERS;
    char name[32];
    snprintf(name, sizeof name, "layer.%zu.weight", i);
    add(t, prefix, name, AT(layer) + i * sizeof(sol_linear) + offsetof(sol_linear, w),
        last ? zeros : normal_of(0.1f / (float)d), m, d, 0);
    snprintf(name, sizeof name, "layer.%zu.bias", i);
    add(t, prefix, name, AT(layer) + i * sizeof(sol_linear) + offsetof(sol_linear, b),
        last ? zeros : normal_of(0.1f / sqrtf((float)d)), m, 0, 0);
  }
#undef AT
}

static void add_decoder(tensor_table *t, const sol_config *config) {
  uint32_t d = config->width, heads = sol_config_slate_heads(config), codes = sol_config_slate_codes(config);
#define AT(name) (offsetof(sol_weights, slate) + offsetof(sol_decoder_weights, name))
  add_linear(t, "slate.", "state", AT(state.w), AT(state.b), d, d);
  add_linear(t, "slate.", "user", AT(user.w), AT(user.b), d, d);
  add(t, "slate.", "code.embedding", AT(codes), embedding, codes, d, 0);
  add(t, "slate.", "row.embedding", AT(rows), embedding, config->slate_rows, d, 0);
  add(t, "slate.", "column.embedding", AT(columns), embedding, config->levels + 2, d, 0);
  for (uint32_t i = 0; i < config->slate_blocks + heads - 1; i++) add_block(t, "slate.block", AT(block), d, i);
  for (uint32_t h = 0; h < heads; h++) {
    size_t norm = AT(norm) + h * sizeof(sol_norm);
    const char *prefix = h ? "slate.down." : "slate.right.";
    add(t, prefix, "norm.weight", norm + offsetof(sol_norm, gamma), ones, d, 0, 0);
    add(t, prefix, "norm.bias", norm + offsetof(sol_norm, beta), zeros, d, 0, 0);
  }
  add(t, "slate.", "out.weight", AT(out), embedding, codes, heads * d, 0);
#undef AT
}

static void add_distance(tensor_table *t, const sol_config *config, uint32_t index) {
  char prefix[32];
  size_t member = offsetof(sol_weights, block) + index * sizeof(sol_block_weights);
  snprintf(prefix, sizeof prefix, "block.%u.", index);
  add(t, prefix, "distance", member + offsetof(sol_block_weights, distance), zeros, config->heads, SK_ATTEND_BUCKETS,
      0);
}

static tensor_table make_table(const sol_config *config, sol_tensor *tensors) {
  tensor_table t = {tensors, 0, 0};
  uint32_t d = config->width, m = sol_config_layer_params(config);
  add(&t, "", "item.embedding", offsetof(sol_weights, items), embedding, config->items, d, 0);
  if (config->levels)
    add(&t, "", "code.embedding", offsetof(sol_weights, metacodes), embedding, config->levels, config->codes, d);
  if (config->attributes)
    add(&t, "", "attribute.embedding", offsetof(sol_weights, attributes), embedding, config->attributes, d, 0);
  if (config->positions == SOL_POSITIONS_LEARNED)
    add(&t, "", "position.embedding", offsetof(sol_weights, positions), embedding, config->window, d, 0);
  for (uint32_t i = 0; i < config->blocks; i++) add_block(&t, "block", offsetof(sol_weights, block), d, i);
  for (uint32_t i = 0; config->positions == SOL_POSITIONS_DISTANCE && i < config->blocks; i++)
    add_distance(&t, config, i);
  add(&t, "", "norm.weight", offsetof(sol_weights, norm.gamma), ones, d, 0, 0);
  add(&t, "", "norm.bias", offsetof(sol_weights, norm.beta), zeros, d, 0, 0);
  if (sol_config_has_item_branch(config)) add_branch(&t, "generator.item.", offsetof(sol_weights, item), d, m);
  if (sol_config_has_semantic_branch(config))
    add_branch(&t, "generator.semantic.", offsetof(sol_weights, semantic), d, m);
  if (config->rank && sol_config_params(config)) {
    add_linear(&t, "generator.", "down", offsetof(sol_weights, down.w), offsetof(sol_weights, down.b), config->rank, d);
    add_linear(&t, "generator.", "up", offsetof(sol_weights, up.w), offsetof(sol_weights, up.b), d, config->rank);
  }
  if (config->slate_rows) add_decoder(&t, config);
  return t;
}

size_t sol_tensors_list(const sol_config *config, sol_tensor *tensors) {
  return make_table(config, tensors).count;
}

size_t sol_tensors_total(const sol_config *config) {
  sol_tensor tensors[SOL_MAX_TENSORS];
  return make_table(config, tensors).end;
}

size_t sol_tensors_ranker(const sol_config *config) {
  sol_config ranker = *config;
  ranker.slate_rows = ranker.slate_blocks = ranker.slate_collisions = ranker.slate_near = 0;
  return sol_tensors_total(&ranker);
}

size_t sol_tensors_behind_items(const sol_config *config) {
  sol_tensor tensors[SOL_MAX_TENSORS];
  sol_tensors_list(config, tensors);
  return tensors[1].offset; /* E is the first, and there is a norm */
}

void sol_weights_bind(sol_weights *weights, const sol_config *config, float *base) {
  sol_tensor tensors[SOL_MAX_TENSORS];
  size_t n = sol_tensors_list(config, tensors);
  memset(weights, 0, sizeof *weights);
  for (size_t i = 0; i < n; i++) {
    float *start = base + tensors[i].offset;
    memcpy((char *)weights + tensors[i].member, &start, sizeof start);
  }
}

void sol_decoder_weights_bind(sol_decoder_weights *weights, const sol_config *config, float *base) {
  sol_tensor tensors[SOL_MAX_TENSORS];
  size_t n = sol_tensors_list(config, tensors), first = offsetof(sol_weights, slate);
  size_t ranker = sol_tensors_ranker(config);
  memset(weights, 0, sizeof *weights);
  for (size_t i = 0; i < n; i++) {
    if (tensors[i].offset < ranker) continue;
    float *start = base + (tensors[i].offset - ranker);
    memcpy((char *)weights + (tensors[i].member - first), &start, sizeof start);
  }
}

void sol_weights_init(const sol_config *config, uint64_t seed, float *base) {
  sol_tensor tensors[SOL_MAX_TENSORS];
  size_t n = sol_tensors_list(config, tensors);
  memset(base, 0, sol_tensors_total(config) * sizeof *base);
  for (size_t i = 0; i < n; i++) {
    const sol_tensor *t = &tensors[i];
    float *x = base + t->offset;
    /* A stream for each name: models that share a part start from the same values there. */
    sol_random random = {XXH3_64bits_withSeed(t->name, strlen(t->name), seed)};
    for (size_t k = 0; k < t->count; k++) {
      if (t->init == SOL_INIT_ONE) x[k] = 1.0f;
      if (t->init == SOL_INIT_NORMAL) x[k] = (float)(t->scale * sol_random_normal(&random));
      if (t->init == SOL_INIT_UNIFORM) x[k] = (float)(t->scale * (2.0 * sol_random_uniform(&random) - 1.0));
    }
  }
}

/* Weights so small that nothing which is computed from them overflows (tensors.h). */
solid_status sol_check_weights(const char *name, const float *x, size_t first, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (!isfinite(x[i]))
      return solid_fail(SOLID_EFORMAT, "tensor %s: element %zu is %g, must be finite", name, first + i, (double)x[i]);
  for (size_t i = 0; i < n; i++)
    if (fabsf(x[i]) >= SOL_WEIGHT_LIMIT)
      return solid_fail(SOLID_EFORMAT, "tensor %s: element %zu is %g, must be below %g: it was trained badly", name,
                        first + i, (double)x[i], (double)SOL_WEIGHT_LIMIT);
  return SOLID_OK;
}
