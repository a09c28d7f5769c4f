/* The paper's models against PyTorch: tests/golden/make_paper_golden.py says what the files hold. Every layer and every
 * gradient must agree within 1e-5 of its largest value. */
#include "examples/paper/net.h"
#include "solid/model/safetensors.h"
#include "tests/support/rig.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOLERANCE      1e-5
#define LAYER_LIMIT    256
#define GRADIENT_LIMIT 32

typedef struct golden {
  rig *r;
  sol_safetensors file;
  const char *name; /* of the case */
  sol_paper_net net;
  int32_t windows, candidates;
  int32_t *history;
  float *layer; /* a layer of the net on the host, as large as any */
} golden;

static void *read_tensor(golden *g, const char *what, sol_dtype dtype, size_t *count) {
  char name[128];
  snprintf(name, sizeof name, "%s/%s", g->name, what);
  const sol_tensor_entry *entry = sol_safetensors_find(&g->file, name);
  cr_assert_not_null(entry, "%s has no %s", g->file.path, name);
  cr_assert_eq(entry->dtype, dtype);
  void *data = malloc(entry->bytes + 1);
  cr_assert_eq(sol_safetensors_read(&g->file, entry, data), SOLID_OK, "%s", solid_last_error());
  *count = entry->bytes / sol_dtype_size(dtype);
  return data;
}

/* The weights' rule: splitmix64 from the FNV-1a hash of the name. */
static float weight_of(const sol_paper_tensor *t, size_t i) {
  uint64_t h = 0xcbf29ce484222325ULL;
  for (const char *c = t->name; *c; c++) h = (h ^ (unsigned char)*c) * 0x100000001b3ULL;
  uint64_t z = h + (i + 1) * 0x9e3779b97f4a7c15ULL;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
  z ^= z >> 31;
  double u = (double)(z >> 40) / 8388608.0 - 1.0;
  if (strstr(t->name, ".gamma")) return (float)(1.0 + 0.1 * u);
  return (float)(t->n_dims == 2 ? u / sqrt((double)t->dims[1]) : 0.1 * u);
}

static sol_paper_config read_config(golden *g) {
  size_t n, reals_n;
  int32_t *c = read_tensor(g, "config", SOL_I32, &n);
  float *reals = read_tensor(g, "reals", SOL_F32, &reals_n);
  cr_assert(n == 11 && reals_n == 2);
  int solid = c[1] == SOL_PAPER_SOLID;
  sol_paper_config config = {.backbone = (sol_paper_backbone)c[0],
                             .head = (sol_paper_head)c[1],
                             .form = (sol_paper_form)c[2],
                             .items = (uint32_t)c[3],
                             .semantics = solid ? (uint32_t)c[4] : 0,
                             .clusters = solid ? (uint32_t)c[5] : 0,
                             .width = (uint32_t)c[6],
                             .heads = (uint32_t)c[7],
                             .window = (uint32_t)c[8],
                             .clip = reals[0],
                             .weight = reals[1]};
  g->windows = c[9], g->candidates = c[10];
  free(c);
  free(reals);
  return config;
}

/* got (count) sampled as the golden was; a NaN stands for what the form does not compute. */
static void compare(const golden *g, const char *what, const float *got, size_t count, size_t limit, const float *want,
                    size_t n) {
  size_t step = (count + limit - 1) / limit;
  if (step > 1) step |= 1;
  cr_assert_eq(n, (count + step - 1) / step, "%s %s: %zu values, golden %zu", g->name, what, count, n);
  double largest = 0, worst = 0;
  size_t place = 0;
  for (size_t i = 0; i < n; i++) {
    largest = fmax(largest, fabs((double)want[i]));
    double error = isnan(got[i * step]) ? 0 : fabs((double)got[i * step] - (double)want[i]);
    if (error > worst) worst = error, place = i;
  }
  cr_expect_gt(largest, 0, "%s %s is zero everywhere", g->name, what);
  cr_expect(worst <= TOLERANCE * largest, "%s %s[%zu]: got %.9g, PyTorch %.9g, largest %.3g: relative %.2g", g->name,
            what, place * step, (double)got[place * step], (double)want[place], largest, worst / largest);
}

static void compare_golden(golden *g, const char *what, const float *got, size_t count, size_t limit) {
  size_t n;
  float *want = read_tensor(g, what, SOL_F32, &n);
  compare(g, what, got, count, limit, want, n);
  free(want);
}

static const float *download(golden *g, const float *device, size_t count) {
  sk_backend *be = rig_backend(g->r);
  cr_assert_eq(be->ops->download(be, g->layer, device, count * sizeof(float)), SOLID_OK);
  cr_assert_eq(be->ops->sync(be), SOLID_OK);
  return g->layer;
}

/* (windows, width) */
static void check_windows(golden *g, const char *what, const float *device, size_t width) {
  size_t count = (size_t)g->windows * width;
  compare_golden(g, what, download(g, device, count), count, LAYER_LIMIT);
}

/* (pairs, width), for din candidate by candidate */
static void check_pairs(golden *g, const char *what, const float *device, size_t width) {
  size_t windows = (size_t)g->windows, candidates = (size_t)g->candidates, count = windows * candidates * width;
  const float *got = download(g, device, count);
  float *turned = malloc(count * sizeof *turned);
  for (size_t p = 0; p < windows * candidates; p++) {
    size_t from = g->net.config.backbone == SOL_PAPER_DIN ? p % candidates * windows + p / candidates : p;
    memcpy(turned + p * width, got + from * width, width * sizeof *turned);
  }
  compare_golden(g, what, turned, count, LAYER_LIMIT);
  free(turned);
}

/* Row of place l of window w in the net, or -1. */
static int32_t row_of(const golden *g, int32_t w, int32_t l) {
  int32_t window = (int32_t)g->net.config.window, rows = 0;
  for (int32_t i = 0; i <= w; i++) {
    int32_t length = 0;
    while (length < window && g->history[i * window + length] != 0) length++;
    int32_t padding = g->net.config.form == SOL_PAPER_FAITHFUL ? window - length : 0;
    if (i == w && l < length) return rows + padding + l;
    if (i == w) return padding > 0 ? rows + l - length : -1;
    rows += padding + length;
  }
  return -1;
}

/* (rows, width), spread over all places of the windows */
static void check_rows(golden *g, const char *what, const float *device, size_t width) {
  int32_t window = (int32_t)g->net.config.window;
  size_t places = (size_t)(g->windows * window);
  const float *got = download(g, device, (size_t)g->net.batch->rows * width);
  float *all = malloc(places * width * sizeof *all);
  for (int32_t w = 0; w < g->windows; w++)
    for (int32_t l = 0; l < window; l++) {
      int32_t row = row_of(g, w, l);
      for (size_t c = 0; c < width; c++)
        all[(size_t)(w * window + l) * width + c] = row < 0 ? NAN : got[(size_t)row * width + c];
    }
  compare_golden(g, what, all, places * width, LAYER_LIMIT);
  free(all);
}

static void check_codes(golden *g) {
  size_t n;
  int32_t *want = read_tensor(g, "code", SOL_I32, &n), window = (int32_t)g->net.config.window;
  int32_t first = g->net.config.form == SOL_PAPER_FIXED; /* the row of the code that is called 0 */
  sk_backend *be = rig_backend(g->r);
  cr_assert_eq(n, (size_t)(g->windows * window));
  int32_t *got = malloc(n * sizeof *got);
  be->ops->download(be, got, g->net.code, (size_t)g->net.batch->rows * sizeof *got);
  cr_assert_eq(be->ops->sync(be), SOLID_OK);
  for (int32_t i = 0; i < g->windows * window; i++) {
    int32_t row = row_of(g, i / window, i % window);
    if (row >= 0) cr_expect_eq(got[row] + first, want[i], "%s: code %d is %d, not %d", g->name, i, got[row], want[i]);
  }
  free(got);
  free(want);
}

static void check_layers(golden *g) {
  const sol_paper_net *net = &g->net;
  size_t d = net->config.width;
  int din = net->config.backbone == SOL_PAPER_DIN;
  check_rows(g, "item_sequence", net->item.h, d);
  check_pairs(g, "target", net->u, d);
  (din ? check_pairs : check_windows)(g, "state", net->x, din ? 2 * d : d);
  if (net->config.head != SOL_PAPER_BASE) check_windows(g, "z_item", net->item_branch.z, d);
  if (net->config.head == SOL_PAPER_SOLID) {
    check_rows(g, "semantic_sequence", net->semantic.h, d);
    check_codes(g);
    check_rows(g, "quantized", net->quantized, d);
    check_rows(g, "decoded", net->decoded, d);
    check_windows(g, "z_semantic", net->semantic_branch.z, d);
  }
  for (uint32_t i = 0; i < sol_paper_layer_count(&net->config); i++) {
    int32_t in, out;
    char name[24];
    sol_paper_layer_sides(&net->config, i, &in, &out);
    snprintf(name, sizeof name, "generated%u", i);
    if (net->config.head != SOL_PAPER_BASE) check_windows(g, name, net->generated[i], (size_t)(in * out + out));
    snprintf(name, sizeof name, "layer%u", i);
    (din ? check_pairs : check_windows)(g, name, net->layer[i], (size_t)out);
  }
  check_pairs(g, "logit", net->score, 1);
}

static void check_losses(golden *g) {
  double bce, codebook, floats = (double)g->net.batch->rows * g->net.config.width;
  cr_assert_eq(sol_paper_net_take_losses(&g->net, &bce, &codebook), SOLID_OK, "%s", solid_last_error());
  float mean = (float)(codebook / floats);
  float loss = (float)(bce / (g->windows * g->candidates)) + g->net.config.weight * mean;
  if (g->net.config.head == SOL_PAPER_SOLID) compare_golden(g, "codebook_loss", &mean, 1, 1);
  compare_golden(g, "loss", &loss, 1, 1);
}

static void check_gradients(golden *g) {
  for (size_t i = 0; i < g->net.tensors.count; i++) {
    const sol_paper_tensor *t = &g->net.tensors.list[i];
    if (t->frozen) continue;
    char name[80];
    snprintf(name, sizeof name, "gradient/%s", t->name);
    compare_golden(g, name, download(g, g->net.grads + t->offset, t->count), t->count, GRADIENT_LIMIT);
  }
}

static void open_net(golden *g, int32_t **target, int32_t **category) {
  sol_paper_config config = read_config(g);
  size_t n, m;
  g->history = read_tensor(g, "history", SOL_I32, &n);
  int32_t *semantics = read_tensor(g, "history_semantics", SOL_I32, &m);
  cr_assert(n == m && n == (size_t)g->windows * config.window);
  *category = calloc(config.items, sizeof **category);
  for (size_t i = 0; i < n; i++) (*category)[g->history[i]] = semantics[i];
  *target = read_tensor(g, "candidates", SOL_I32, &m);
  free(semantics);
  const sol_paper_net_options options = {2, (size_t)g->windows + 1, (size_t)g->candidates, *category, 1};
  cr_assert_eq(sol_paper_net_open(&g->net, rig_backend(g->r), &config, &options), SOLID_OK, "%s", solid_last_error());
  float *values = calloc(g->net.tensors.total, sizeof *values);
  for (size_t i = 0; i < g->net.tensors.count; i++) {
    const sol_paper_tensor *t = &g->net.tensors.list[i];
    for (size_t j = 0; j < t->count; j++) values[t->offset + j] = weight_of(t, j);
  }
  cr_assert_eq(sol_paper_net_put(&g->net, values), SOLID_OK);
  free(values);
  g->layer = calloc(1u << 21, sizeof *g->layer);
}

static void check_case(golden *g) {
  int32_t *target, *category;
  open_net(g, &target, &category);
  for (int again = 0; again < 2; again++) { /* the second time from the other slot, over used memory */
    sol_paper_net_load(&g->net, (size_t)again, g->history, target, (size_t)g->windows);
    cr_assert_eq(sol_paper_net_send(&g->net, 2), SOLID_OK);
    cr_assert_eq(sol_paper_net_forward(&g->net, (size_t)again, 1), SOLID_OK, "%s", solid_last_error());
    check_layers(g);
    check_losses(g);
    cr_assert_eq(sol_paper_net_backward(&g->net), SOLID_OK, "%s", solid_last_error());
    check_gradients(g);
  }
  for (size_t again = 0; again < 3; again++) { /* both passes in one, recorded where the device records */
    cr_assert_eq(sol_paper_net_gradients(&g->net, again % 2), SOLID_OK, "%s", solid_last_error());
    check_losses(g);
    check_gradients(g);
  }
  sol_paper_net_close(&g->net);
  free(g->layer);
  free(target);
  free(category);
  free(g->history);
}

static void check_backbone(rig *r, const char *backbone) {
  static const char *const heads[] = {"base", "duet", "solid"}, *const forms[] = {"faithful", "fixed"};
  char path[512], name[64];
  golden g = {.r = r};
  snprintf(path, sizeof path, "%s/paper_%s.safetensors", GOLDEN, backbone);
  cr_assert_eq(sol_safetensors_open(&g.file, path), SOLID_OK, "%s", solid_last_error());
  for (int i = 0; i < 12; i++) {
    snprintf(name, sizeof name, "%s_%s_%d", heads[i / 4], forms[i / 2 % 2], i % 2 ? 32 : 8);
    g.name = name;
    check_case(&g);
  }
  sol_safetensors_close(&g.file);
}

static void check_sasrec(rig *r) {
  check_backbone(r, "sasrec");
}
Test(paper_golden, sasrec_equals_pytorch) {
  rig_each(check_sasrec);
}

static void check_gru4rec(rig *r) {
  check_backbone(r, "gru4rec");
}
Test(paper_golden, gru4rec_equals_pytorch) {
  rig_each(check_gru4rec);
}

static void check_din(rig *r) {
  check_backbone(r, "din");
}
Test(paper_golden, din_equals_pytorch) {
  rig_each(check_din);
}
