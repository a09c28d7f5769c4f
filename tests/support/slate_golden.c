#include "tests/support/slate_golden.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void *read_tensor(const slate_golden *g, const char *name, sol_dtype dtype, size_t *count) {
  const sol_tensor_entry *entry = sol_safetensors_find(&g->file, name);
  cr_assert_not_null(entry, "%s has no %s", g->file.path, name);
  cr_assert_eq(entry->dtype, dtype);
  void *data = malloc(entry->bytes + 1);
  cr_assert_not_null(data);
  cr_assert_eq(sol_safetensors_read(&g->file, entry, data), SOLID_OK, "%s", solid_last_error());
  *count = entry->bytes / sol_dtype_size(dtype);
  return data;
}

float *slate_golden_floats(const slate_golden *g, const char *name, size_t *count) {
  return read_tensor(g, name, SOL_F32, count);
}

/* The weights' rule: splitmix64 from the FNV-1a hash of the name. */
static float weight_of(const sol_tensor *t, size_t i) {
  uint64_t h = 0xcbf29ce484222325ULL;
  for (const char *c = t->name; *c; c++) h = (h ^ (unsigned char)*c) * 0x100000001b3ULL;
  uint64_t z = h + (i + 1) * 0x9e3779b97f4a7c15ULL;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
  z ^= z >> 31;
  double u = (double)(z >> 40) / 8388608.0 - 1.0;
  if (strstr(t->name, "norm") && strstr(t->name, "weight")) return (float)(1.0 + 0.1 * u);
  if (strstr(t->name, "embedding")) return (float)u;
  return (float)(t->n_dims == 2 ? 2.0 * u / sqrt((double)t->dims[1]) : 0.1 * u);
}

static void make_weights(slate_golden *g) {
  sol_tensor tensors[SOL_MAX_TENSORS];
  size_t n = sol_tensors_list(&g->config, tensors);
  g->weights = calloc(sol_tensors_total(&g->config), sizeof *g->weights);
  cr_assert_not_null(g->weights);
  for (size_t i = 0; i < n; i++)
    for (size_t k = 0; k < tensors[i].count && strncmp(tensors[i].name, "slate.", 6) == 0; k++)
      g->weights[tensors[i].offset + k] = weight_of(&tensors[i], k);
}

void slate_golden_open(slate_golden *g, int near) {
  size_t n, floats;
  memset(g, 0, sizeof *g);
  cr_assert_eq(sol_safetensors_open(&g->file, SLATE_GOLDEN_FILE), SOLID_OK, "%s", solid_last_error());
  int32_t *c = read_tensor(g, "config", SOL_I32, &n);
  cr_assert_eq(n, 8);
  g->config = (sol_config){.items = 20, .window = 4, .blocks = 1, .head = SOLID_HEAD_STATIC};
  g->config.slate_rows = (uint32_t)c[0], g->config.levels = (uint32_t)c[1], g->config.codes = (uint32_t)c[2];
  g->config.slate_collisions = (uint32_t)c[3], g->config.width = (uint32_t)c[4], g->config.heads = (uint32_t)c[5];
  g->config.slate_blocks = (uint32_t)c[6], g->windows = (uint32_t)c[7], g->config.slate_near = near != 0;
  free(c);
  cr_assert_eq(sol_config_check(&g->config), SOLID_OK, "%s", solid_last_error());
  uint32_t codes = g->config.codes, collisions = g->config.slate_collisions;
  g->widest = codes > collisions ? codes : collisions;
  g->h = slate_golden_floats(g, "h", &floats);
  g->u = slate_golden_floats(g, "u", &floats);
  cr_assert_eq(floats, g->windows * g->config.width);
  g->codes = read_tensor(g, "codes", SOL_I32, &n);
  g->targets = read_tensor(g, "targets", SOL_I32, &n);
  cr_assert_eq(n, g->windows * g->config.slate_rows * (g->config.levels + 1));
  make_weights(g);
}

void slate_golden_close(slate_golden *g) {
  free(g->weights);
  free(g->h);
  free(g->u);
  free(g->codes);
  free(g->targets);
  sol_safetensors_close(&g->file);
}
