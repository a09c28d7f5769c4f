#include "tests/solid/infer/state/rig.h"
#include "solid/infer/forward.h"
#include "solid/model/model_file.h"
#include "tests/support/recording_backend.h"
#include "tests/support/tiny_model.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

sol_config state_rig_config(uint32_t heads, uint32_t dh, uint32_t blocks) {
  sol_config config = tiny_config(SOLID_HEAD_STATIC, 0);
  config.width = heads * dh, config.heads = heads, config.blocks = blocks, config.window = 16384;
  config.positions = SOL_POSITIONS_ROTARY, config.turned = dh / 2, config.generator_window = 32;
  config.attention = SOL_ATTENTION_SPARSE;
  config.select_chunk = 16, config.select_sink = 2, config.select_window = 4, config.select_recent = 4;
  config.select_stride = 4, config.select_budget = 12, config.select_mass = 900;
  return config;
}

/* As tiny_model, with queries and keys that are larger. */
static solid_model *sharp_model(const solid_context *ctx, const sol_config *config) {
  sol_model_file file;
  sol_tensor tensors[SOL_MAX_TENSORS];
  solid_model *model = NULL;
  tiny_model_file(&file, config, 31);
  size_t n = sol_tensors_list(config, tensors);
  for (size_t i = 0; i < n; i++)
    for (size_t k = 0; strstr(tensors[i].name, "qkv.weight") && k < tensors[i].count * 2 / 3; k++)
      file.weights[tensors[i].offset + k] *= 2.5f;
  cr_assert_eq(sol_model_file_seal(&file), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(sol_model_new(&model, ctx, &file), SOLID_OK, "%s", solid_last_error());
  return model;
}

state_rig state_rig_open(const char *device, const sol_config *config, size_t slots, size_t rows) {
  state_rig r = {0};
  solid_context_options options = SOLID_CONTEXT_OPTIONS_INIT;
  int records = strcmp(device, "recording") == 0;
  options.device = records ? "cpu" : device;
  const char *required = getenv("SOLID_REQUIRE");
  solid_status status = solid_context_new(&r.ctx, &options);
  cr_assert(status == SOLID_OK || (status == SOLID_EUNSUPPORTED && !(required && strstr(required, device))), "%s",
            solid_last_error());
  if (status) fprintf(stderr, "[SKIP] %s\n", solid_last_error());
  if (status) return r;
  if (records) r.ctx->ops = recording_backend();
  r.model = sharp_model(r.ctx, config);
  r.config = sol_model_config(r.model);
  cr_assert_eq(sol_backend_open(r.ctx, &r.be), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(sol_states_new(&r.states, r.model, r.be, slots, rows), SOLID_OK, "%s", solid_last_error());
  return r;
}

void state_rig_close(state_rig *r) {
  if (!r->ctx) return;
  sol_states_free(r->states);
  r->be->ops->close(r->be);
  solid_model_free(r->model);
  solid_context_free(r->ctx);
}

uint32_t *state_rig_items(const state_rig *r, seed_rng *rng, size_t n) {
  uint32_t *items = malloc((n + 1) * sizeof *items);
  for (size_t i = 0; i < n; i++) items[i] = (uint32_t)seed_below(rng, (int32_t)r->config->items);
  return items;
}

void state_rig_append(const state_rig *r, size_t slot, const uint32_t *items, size_t n, size_t step, float *h) {
  const float *device = NULL;
  for (size_t at = 0; at < n;) {
    size_t m = step && step < n - at ? step : n - at;
    cr_assert_eq(sol_states_append(r->states, &(sol_newer){slot, items + at, m}, 1, &device), SOLID_OK, "%s",
                 solid_last_error());
    at += m;
  }
  if (!n) return;
  cr_assert_eq(r->be->ops->download(r->be, h, device, r->config->width * sizeof *h), SOLID_OK);
  cr_assert_eq(r->be->ops->sync(r->be), SOLID_OK, "%s", r->be->err);
}

/* A window on the device, with scratch of `floats`. */
typedef struct packed {
  sol_batch batch;
  void *ints, *host;
  float *floats;
} packed;

static packed pack(const state_rig *r, sol_wanted wanted, const uint32_t *items, size_t n, size_t floats) {
  packed p = {0};
  uint32_t offsets[2] = {0, (uint32_t)n};
  const solid_windows windows = {1, offsets, items};
  size_t bytes = sol_batch_ints(r->config, wanted, 1, n) * sizeof(int32_t);
  void *memory = NULL;
  p.host = calloc(1, bytes);
  cr_assert_eq(r->be->ops->alloc(r->be, &p.ints, bytes), SOLID_OK);
  cr_assert_eq(r->be->ops->alloc(r->be, &memory, floats * sizeof(float)), SOLID_OK);
  p.floats = memory;
  sol_batch_pack(&p.batch, r->config, wanted, &windows, p.host, p.ints);
  cr_assert_eq(r->be->ops->upload(r->be, p.ints, p.host, bytes), SOLID_OK);
  return p;
}

static sol_pass pass_over(const state_rig *r, const packed *p) {
  return (sol_pass){.be = r->be,
                    .config = r->config,
                    .weights = sol_model_weights(r->model),
                    .catalogue = sol_model_catalogue(r->model),
                    .batch = &p->batch,
                    .scratch = p->floats};
}

static void unpack(const state_rig *r, packed *p) {
  r->be->ops->free(r->be, p->ints);
  r->be->ops->free(r->be, p->floats);
  free(p->host);
}

void state_rig_encode(const state_rig *r, const uint32_t *items, size_t n, float *h) {
  size_t scratch = sol_encoder_floats(r->config, 1, n), d = r->config->width;
  packed p = pack(r, SOL_NEWEST_ROWS, items, n, scratch + d);
  sol_pass pass = pass_over(r, &p);
  cr_assert_eq(sol_encode(&pass, p.floats + scratch), SOLID_OK, "%s", r->be->err);
  cr_assert_eq(r->be->ops->download(r->be, h, p.floats + scratch, d * sizeof *h), SOLID_OK);
  cr_assert_eq(r->be->ops->sync(r->be), SOLID_OK, "%s", r->be->err);
  unpack(r, &p);
}

/* List of the last chunk, whose `open` newest entries are its own. */
static void read_list(const state_rig *r, const packed *p, const sol_block_state *of, size_t head, size_t open,
                      state_rig_list *to) {
  const sol_chunks *chunks = &p->batch.chunks;
  size_t last = (size_t)chunks->count - 1, stride = (size_t)chunks->entries;
  const int32_t *host = p->host, *begin = host + (chunks->begin - (const int32_t *)p->ints);
  int32_t count, *list = malloc((stride + 1) * sizeof *list);
  cr_assert_eq(r->be->ops->download(r->be, &count, of->counts + head * (last + 1) + last, sizeof count), SOLID_OK);
  cr_assert_eq(r->be->ops->download(r->be, list, of->kept + head * stride, stride * sizeof *list), SOLID_OK);
  cr_assert_eq(r->be->ops->sync(r->be), SOLID_OK, "%s", r->be->err);
  to->count = (size_t)count - open;
  for (size_t j = 0; j < to->count; j++) to->events[j] = (uint32_t)list[begin[last] + (int32_t)j];
  free(list);
}

void state_rig_lists(const state_rig *r, const uint32_t *items, size_t n, state_rig_list *kept) {
  static const sol_dropout none = {0};
  size_t C = r->config->select_chunk, open = (n - 1) % C + 1, d = r->config->width, H = r->config->heads;
  sol_encoder_state state;
  size_t floats = sol_encoder_state_bind(&state, r->config, 1, n, NULL);
  packed p = pack(r, SOL_EVERY_ROW, items, n, floats + n * d);
  sol_encoder_state_bind(&state, r->config, 1, n, p.floats);
  sol_pass pass = pass_over(r, &p);
  cr_assert_eq(sol_encode_rows(&pass, &none, &state, p.floats + floats), SOLID_OK, "%s", r->be->err);
  for (size_t i = 0; i < r->config->blocks * H; i++) {
    kept[i].count = n - open;
    for (size_t j = 0; j < n - open; j++) kept[i].events[j] = (uint32_t)j;
    if (p.batch.chunks.count) read_list(r, &p, &state.block[i / H], i % H, open, &kept[i]);
  }
  unpack(r, &p);
}

sol_image state_rig_image(const state_rig *r) {
  sol_image image = {.room = malloc(sol_image_room(r->states) + 8)};
  image.parts = calloc(sol_image_most(r->states), sizeof *image.parts);
  return image;
}

void state_rig_image_free(sol_image *image) {
  free(image->room);
  free(image->parts);
}

void state_rig_pack(const state_rig *r, size_t slot, int element, uint64_t since, sol_image *image) {
  cr_assert_eq(sol_image_pack(r->states, slot, sol_states_events(r->states, slot) + 3, element, since, image), SOLID_OK,
               "%s", solid_last_error());
  cr_assert_leq(image->bytes, sol_image_room(r->states));
  cr_assert_leq(image->n, sol_image_most(r->states));
}
