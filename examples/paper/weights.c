#include "examples/paper/weights.h"
#include "solid/base/random.h"
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct builder {
  const sol_paper_config *config;
  sol_paper_tensors *out;
} builder;

static sol_paper_tensor *add(const builder *b, const char *group, const char *name, size_t member, uint32_t rows,
                             uint32_t columns) {
  assert(b->out->count < SOL_PAPER_MAX_TENSORS);
  sol_paper_tensor *t = &b->out->list[b->out->count++];
  *t = (sol_paper_tensor){.dims = {rows, columns}, .n_dims = columns > 0 ? 2 : 1, .member = member};
  snprintf(t->name, sizeof t->name, "%s%s", group, name);
  t->count = (size_t)rows * (columns > 0 ? columns : 1);
  return t;
}

/* Uniform within Xavier's bound (Glorot & Bengio 2010) for a matrix of these sides. */
static void xavier(sol_paper_tensor *t, double rows, double columns) {
  t->init = SOL_PAPER_UNIFORM;
  t->scale = (float)sqrt(6.0 / (rows + columns));
}

/* A table's bound comes from its rows; that of positions from the rows of the ids' table, which the authors share. */
static void add_table(const builder *b, const char *name, size_t member, uint32_t rows, uint32_t bound_rows) {
  xavier(add(b, name, "", member, rows, b->config->width), bound_rows, b->config->width);
}

static void add_linear(const builder *b, const char *name, size_t member, uint32_t out, uint32_t in, int bias) {
  xavier(add(b, name, ".weight", member + offsetof(sol_linear, w), out, in), out, in);
  if (bias) add(b, name, ".bias", member + offsetof(sol_linear, b), out, 0);
}

/* With the bound 1 / sqrt(in) for both. */
static void add_decoder(const builder *b, const char *name, size_t member, uint32_t out, uint32_t in) {
  size_t first = b->out->count;
  add_linear(b, name, member, out, in, 1);
  for (size_t i = first; i < b->out->count; i++) {
    b->out->list[i].init = SOL_PAPER_UNIFORM;
    b->out->list[i].scale = 1.0f / sqrtf((float)in);
  }
}

static void add_gru(const builder *b, const char *name, size_t member) {
  uint32_t d = b->config->width;
  char group[32];
  snprintf(group, sizeof group, "%s.gru", name);
  xavier(add(b, group, ".w_ih", member + offsetof(sol_gru, in.w), 3 * d, d), 3 * d, d);
  add(b, group, ".b_ih", member + offsetof(sol_gru, in.b), 3 * d, 0);
  xavier(add(b, group, ".w_hh", member + offsetof(sol_gru, recurrent.w), 3 * d, d), 3 * d, d);
  add(b, group, ".b_hh", member + offsetof(sol_gru, recurrent.b), 3 * d, 0);
}

static void add_norm(const builder *b, const char *name, size_t member) {
  add(b, name, ".gamma", member + offsetof(sol_norm, gamma), b->config->width, 0)->init = SOL_PAPER_ONE;
  add(b, name, ".beta", member + offsetof(sol_norm, beta), b->config->width, 0);
}

static void add_branch(const builder *b, const char *name, size_t member) {
  uint32_t d = b->config->width;
  int fixed = b->config->form == SOL_PAPER_FIXED;
  char part[40];
  add_gru(b, name, member + offsetof(sol_paper_branch, gru));
  snprintf(part, sizeof part, "%s.mlp1", name);
  add_linear(b, part, member + offsetof(sol_paper_branch, mlp1), d, d, 1);
  snprintf(part, sizeof part, "%s.mlp2", name);
  add_linear(b, part, member + offsetof(sol_paper_branch, mlp2), d, d, 1);
  for (uint32_t n = 0; n < sol_paper_layer_count(b->config); n++) {
    int32_t in, out;
    sol_paper_layer_sides(b->config, n, &in, &out);
    snprintf(part, sizeof part, "%s.generator%u", name, n);
    size_t first = b->out->count, at = offsetof(sol_paper_branch, generator) + n * sizeof(sol_linear);
    add_linear(b, part, member + at, (uint32_t)(in * out + out), d, 1);
    for (size_t i = first; i < b->out->count; i++) {
      b->out->list[i].init = SOL_PAPER_REMAINDER;
      b->out->list[i].scale = fixed ? 1.0f / sqrtf((float)d) : 1.0f;
      b->out->list[i].frozen = !fixed;
    }
  }
}

static void add_backbone(const builder *b) {
  const sol_paper_config *config = b->config;
  uint32_t d = config->width;
  add_table(b, "items", offsetof(sol_paper_weights, items), config->items, config->items);
  add_linear(b, "sequence", offsetof(sol_paper_weights, sequence), d, d, 1);
  add_linear(b, "target1", offsetof(sol_paper_weights, target1), d, d, 1);
  if (config->backbone == SOL_PAPER_DIN) {
    add_linear(b, "query", offsetof(sol_paper_weights, query), d, d, 0);
    add_linear(b, "key", offsetof(sol_paper_weights, key), d, d, 0);
    add_linear(b, "value", offsetof(sol_paper_weights, value), d, d, 0);
    return;
  }
  add_linear(b, "target2", offsetof(sol_paper_weights, target2), d, d, 1);
  if (config->backbone == SOL_PAPER_GRU4REC) {
    add_gru(b, "encoder", offsetof(sol_paper_weights, encoder));
    return;
  }
  add_table(b, "positions", offsetof(sol_paper_weights, positions), config->window, config->items);
  add_linear(b, "attention.in", offsetof(sol_paper_weights, attention_in), 3 * d, d, 1);
  add_linear(b, "attention.out", offsetof(sol_paper_weights, attention_out), d, d, 1);
  add_norm(b, "norm1", offsetof(sol_paper_weights, norm1));
  add_linear(b, "ffn1", offsetof(sol_paper_weights, ffn1), 4 * d, d, 1);
  add_linear(b, "ffn2", offsetof(sol_paper_weights, ffn2), d, 4 * d, 1);
  add_norm(b, "norm2", offsetof(sol_paper_weights, norm2));
}

static void add_head(const builder *b) {
  const sol_paper_config *config = b->config;
  uint32_t d = config->width;
  for (uint32_t n = 0; config->head == SOL_PAPER_BASE && n < sol_paper_layer_count(config); n++) {
    int32_t in, out;
    char name[16];
    sol_paper_layer_sides(config, n, &in, &out);
    snprintf(name, sizeof name, "layer%u", n);
    add_linear(b, name, offsetof(sol_paper_weights, layer) + n * sizeof(sol_linear), (uint32_t)out, (uint32_t)in, 1);
  }
  if (config->head != SOL_PAPER_BASE) add_branch(b, "item", offsetof(sol_paper_weights, item));
  if (config->head != SOL_PAPER_SOLID) return;
  add_table(b, "semantics", offsetof(sol_paper_weights, semantics), config->semantics, config->semantics);
  if (config->backbone == SOL_PAPER_SASREC)
    add_table(b, "semantic_positions", offsetof(sol_paper_weights, semantic_positions), config->window,
              config->semantics);
  add_linear(b, "semantic_sequence", offsetof(sol_paper_weights, semantic_sequence), d, d, 1);
  add_decoder(b, "decoder1", offsetof(sol_paper_weights, decoder1), 2 * d, d);
  add_decoder(b, "decoder2", offsetof(sol_paper_weights, decoder2), d, 2 * d);
  add_branch(b, "semantic", offsetof(sol_paper_weights, semantic));
  add(b, "codebook", "", offsetof(sol_paper_weights, codebook), config->semantics, d)->frozen = 1;
}

void sol_paper_tensors_make(const sol_paper_config *config, sol_paper_tensors *tensors) {
  *tensors = (sol_paper_tensors){0};
  builder b = {config, tensors};
  add_backbone(&b);
  add_head(&b);
  for (int frozen = 0; frozen < 2; frozen++) {
    for (size_t i = 0; i < tensors->count; i++) {
      sol_paper_tensor *t = &tensors->list[i];
      if (t->frozen != frozen) continue;
      t->offset = tensors->total;
      tensors->total += (t->count + 15) / 16 * 16;
    }
    if (!frozen) tensors->trained = tensors->total;
  }
}

void sol_paper_weights_bind(sol_paper_weights *weights, const sol_paper_tensors *tensors, float *base) {
  *weights = (sol_paper_weights){0};
  for (size_t i = 0; i < tensors->count; i++) {
    float *at = base + tensors->list[i].offset;
    memcpy((char *)weights + tensors->list[i].member, &at, sizeof at);
  }
}

static float draw(sol_random *random, const sol_paper_tensor *t) {
  switch (t->init) {
  case SOL_PAPER_ZERO:
    return 0.0f;
  case SOL_PAPER_ONE:
    return 1.0f;
  case SOL_PAPER_UNIFORM:
    return t->scale * (float)(2.0 * sol_random_uniform(random) - 1.0);
  case SOL_PAPER_REMAINDER:
    return t->scale * (float)fmod(sol_random_normal(random), 2.0);
  }
  return 0.0f;
}

void sol_paper_weights_init(const sol_paper_tensors *tensors, uint64_t seed, float *base) {
  memset(base, 0, tensors->total * sizeof *base);
  for (size_t i = 0; i < tensors->count; i++) {
    const sol_paper_tensor *t = &tensors->list[i];
    sol_random random = sol_random_start(seed, 1000 + i);
    for (size_t j = 0; j < t->count; j++) base[t->offset + j] = draw(&random, t);
  }
}
