#include "examples/paper/batch.h"
#include <assert.h>
#include <string.h>

size_t sol_paper_batch_room(const sol_paper_config *config, size_t windows, size_t candidates) {
  size_t pairs = windows * candidates, rows = windows * config->window;
  size_t din = config->backbone == SOL_PAPER_DIN ? pairs * config->window + 7 * pairs + 1 : 0;
  return 4 * rows + windows + (windows + 1) + (2 * windows + 1) + 3 * pairs + 1 + din;
}

typedef struct packer {
  int32_t *host;
  const int32_t *device;
  size_t used;
} packer;

static int32_t *take(packer *p, size_t n, const int32_t **device) {
  int32_t *host = p->host + p->used;
  *device = p->device + p->used;
  p->used += n;
  return host;
}

static uint32_t length_of(const int32_t *history, uint32_t window) {
  uint32_t n = 0;
  while (n < window && history[n] != 0) n++;
  assert(n > 0);
  return n;
}

static size_t count_rows(const sol_paper_config *config, const int32_t *history, size_t windows) {
  size_t rows = 0;
  if (config->form == SOL_PAPER_FAITHFUL) return windows * config->window;
  for (size_t w = 0; w < windows; w++) rows += length_of(history + w * config->window, config->window);
  return rows;
}

static void pack_rows(sol_paper_batch *b, const sol_paper_config *config, const int32_t *history,
                      const int32_t *category, packer *p) {
  size_t windows = (size_t)b->windows, rows = (size_t)b->rows, at = 0, runs = 0;
  int32_t *item = take(p, rows, &b->item), *semantic = take(p, rows, &b->semantic);
  int32_t *position = take(p, rows, &b->position), *place = take(p, rows, &b->place);
  int32_t *newest = take(p, windows, &b->newest), *offsets = take(p, windows + 1, &b->offsets);
  int32_t *run = take(p, 2 * windows + 1, &b->run_offsets);
  run[0] = offsets[0] = 0;
  for (size_t w = 0; w < windows; w++) {
    const int32_t *v = history + w * config->window;
    uint32_t length = length_of(v, config->window);
    uint32_t padding = config->form == SOL_PAPER_FAITHFUL ? config->window - length : 0;
    for (uint32_t i = 0; i < padding + length; i++, at++) {
      uint32_t l = i < padding ? length + i : i - padding;
      item[at] = v[l];
      semantic[at] = category != NULL ? category[v[l]] : 0;
      position[at] = (int32_t)l;
      place[at] = -1;
    }
    if (config->form == SOL_PAPER_FAITHFUL) run[++runs] = (int32_t)(at - length);
    run[++runs] = offsets[w + 1] = (int32_t)at;
    newest[w] = (int32_t)at - 1;
    place[at - 1] = (int32_t)w;
  }
  b->runs = (int32_t)runs;
}

static void pack_pairs(sol_paper_batch *b, const sol_paper_config *config, const int32_t *chosen, packer *p) {
  size_t windows = (size_t)b->windows, candidates = (size_t)b->candidates, pairs = (size_t)b->pairs;
  const int32_t *label_device;
  int32_t *target = take(p, pairs, &b->target), *label = take(p, pairs, &label_device);
  int32_t *each = take(p, pairs + 1, &b->each);
  b->label = (const float *)label_device;
  for (size_t i = 0; i <= pairs; i++) each[i] = (int32_t)i;
  for (size_t w = 0; w < windows; w++)
    for (size_t t = 0; t < candidates; t++) {
      size_t pair = config->backbone == SOL_PAPER_DIN ? t * windows + w : w * candidates + t;
      float y = t == 0 ? 1.0f : 0.0f;
      target[pair] = chosen[w * candidates + t];
      memcpy(&label[pair], &y, sizeof y);
    }
}

static void pack_spread(sol_paper_batch *b, const sol_paper_config *config, const int32_t *history, packer *p) {
  size_t windows = (size_t)b->windows, pairs = (size_t)b->pairs, at = 0;
  int32_t *offsets = take(p, pairs + 1, &b->spread_offsets), *left = take(p, 2 * pairs, &b->left);
  int32_t *right = take(p, 2 * pairs, &b->right), *even = take(p, pairs, &b->even), *odd = take(p, pairs, &b->odd);
  int32_t *spread = take(p, 0, &b->spread);
  const int32_t *newest = b->newest - p->device + p->host;
  offsets[0] = 0;
  for (size_t pair = 0; pair < pairs; pair++) {
    size_t w = pair % windows;
    int32_t length = (int32_t)length_of(history + w * config->window, config->window);
    for (int32_t i = 0; i < length; i++) spread[at++] = newest[w] - length + 1 + i;
    offsets[pair + 1] = (int32_t)at;
    left[2 * pair] = right[2 * pair + 1] = (int32_t)pair;
    left[2 * pair + 1] = right[2 * pair] = -1;
    even[pair] = (int32_t)(2 * pair), odd[pair] = (int32_t)(2 * pair + 1);
  }
  p->used += at;
  b->spread_rows = (int32_t)at;
}

size_t sol_paper_batch_pack(sol_paper_batch *batch, const sol_paper_config *config, const int32_t *history,
                            const int32_t *target, size_t windows, size_t candidates, const int32_t *category,
                            int32_t *host, const int32_t *device) {
  *batch = (sol_paper_batch){.windows = (int32_t)windows,
                             .candidates = (int32_t)candidates,
                             .pairs = (int32_t)(windows * candidates),
                             .rows = (int32_t)count_rows(config, history, windows)};
  packer p = {host, device, 0};
  pack_rows(batch, config, history, category, &p);
  pack_pairs(batch, config, target, &p);
  if (config->backbone == SOL_PAPER_DIN) pack_spread(batch, config, history, &p);
  return p.used;
}
