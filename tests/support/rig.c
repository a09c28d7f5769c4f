#include "tests/support/rig.h"
#include "kernels/cpu/cpu.h"
#include "tests/support/read_log.h"
#include "tests/support/tape.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GUARD         64 /* bytes before and after */
#define SENTINEL_BYTE 0xA5
#define POISON_BYTE   0xFF /* four of them are a NaN, and -1 as an integer */

typedef struct rig_buffer {
  char *device; /* GUARD + bytes + GUARD */
  size_t bytes;
  void *before; /* what an input held; NULL for outputs */
  struct rig_buffer *next;
} rig_buffer;

typedef struct rig_copy {
  struct rig_copy *next;
  max_align_t data[];
} rig_copy;

struct rig {
  const sk_backend_ops *ops;
  const char *level; /* of the CPU's table, or "" */
  int threads;
  sk_backend *be;
  read_log log; /* of every rig_read */
  tape *common; /* of the runs of one body; NULL for a rig by itself */
  rig_buffer *buffers;
  rig_copy *copies;
};

static void *must_alloc(size_t bytes) {
  void *memory = malloc(bytes > 0 ? bytes : 1);
  cr_assert(memory, "no room for %zu bytes", bytes);
  return memory;
}

static void must(rig *r, solid_status status, const char *what) {
  cr_assert(status == SOLID_OK, "%s on %s %s, %d threads: %s: %s", what, r->ops->name, r->level, r->threads,
            solid_status_name(status), r->be->err);
}

rig *rig_open(const sk_backend_ops *ops, const sk_options *options) {
  const sk_options one = {.threads = 1};
  rig *r = must_alloc(sizeof *r);
  *r = (rig){.ops = ops, .level = "", .threads = options ? options->threads : 1};
  solid_status status = ops->open(&r->be, options ? options : &one);
  cr_assert(status == SOLID_OK, "open %s: %s", ops->name, solid_status_name(status));
  return r;
}

rig *rig_open_beside(rig *r, const sk_options *options) {
  rig *beside = rig_open(r->ops, options);
  beside->level = r->level;
  beside->common = r->common;
  return beside;
}

void rig_reset(rig *r) {
  while (r->buffers) {
    rig_buffer *buffer = r->buffers;
    r->buffers = buffer->next;
    r->ops->free(r->be, buffer->device);
    free(buffer->before);
    free(buffer);
  }
  while (r->copies) {
    rig_copy *copy = r->copies;
    r->copies = copy->next;
    free(copy);
  }
}

void rig_close(rig *r) {
  rig_reset(r);
  r->ops->close(r->be);
  read_log_clear(&r->log);
  free(r);
}

sk_backend *rig_backend(rig *r) {
  return r->be;
}

const sk_backend_ops *rig_ops(rig *r) {
  return r->ops;
}

int rig_is_gpu(const rig *r) {
  return strcmp(r->ops->name, "cpu") != 0;
}

static int is_required(const char *name) {
  const char *required = getenv("SOLID_REQUIRE");
  return required && strstr(required, name) != NULL;
}

/* One run of the body, on what the runs before it recorded. */
static rig *run_once(const sk_backend_ops *ops, const char *level, int threads, tape *common, void (*body)(rig *r)) {
  rig *r = rig_open(ops, &(sk_options){.threads = threads});
  r->level = level;
  r->common = common;
  body(r);
  tape_rewind(common);
  return r;
}

static void run_cpu(const sk_backend_ops *ops, tape *common, void (*body)(rig *r)) {
  rig *one = run_once(ops, sk_cpu_level(), 1, common, body);
  for (int threads = 2; threads <= 3; threads++) {
    rig *many = run_once(ops, sk_cpu_level(), threads, common, body);
    read_log_compare(&one->log, &many->log, threads == 2 ? "1 and 2 threads" : "1 and 3 threads");
    rig_close(many);
  }
  rig_close(one);
  const char *const levels[] = {"x86-64-v3", "baseline"};
  for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
    const sk_backend_ops *lower = sk_cpu_table(levels[i]);
    if (lower && lower != ops) rig_close(run_once(lower, levels[i], 1, common, body));
  }
}

static void run_device(const sk_backend_ops *ops, tape *common, void (*body)(rig *r), int times) {
  rig *first = run_once(ops, "", 1, common, body);
  if (times > 1) {
    rig *second = run_once(ops, "", 1, common, body);
    read_log_compare(&first->log, &second->log, "two runs");
    rig_close(second);
  }
  rig_close(first);
}

static void run_all(const sk_backend_ops *ops, void (*body)(rig *r), int times) {
  tape *common = tape_open();
  if (strcmp(ops->name, "cpu") == 0)
    run_cpu(ops, common, body);
  else
    run_device(ops, common, body, times);
  tape_close(common);
}

void rig_each(void (*body)(rig *r)) {
  const char *only = getenv("SOLID_ONLY");
  for (const char *const *name = sk_backend_names; *name; name++) {
    if (only && strcmp(only, *name) != 0) continue;
    char why[128] = "not compiled in";
    const sk_backend_ops *ops = sk_backend_find(*name);
    if (!ops || ops->probe(why, sizeof why) != SOLID_OK) {
      cr_assert(!is_required(*name), "%s is required: %s", *name, why);
      fprintf(stderr, "[SKIP] %s: %s\n", *name, why);
    } else {
      run_all(ops, body, only ? 1 : 2);
    }
  }
}

/* host NULL: poison. The buffer that the operation sees starts GUARD bytes in, so it keeps its alignment. */
static void *add_buffer(rig *r, const void *host, size_t bytes, int is_input) {
  rig_buffer *buffer = must_alloc(sizeof *buffer);
  *buffer = (rig_buffer){.bytes = bytes, .next = r->buffers};
  size_t total = GUARD + bytes + GUARD;
  char *image = must_alloc(total);
  memset(image, SENTINEL_BYTE, total);
  if (host && bytes > 0)
    memcpy(image + GUARD, host, bytes);
  else
    memset(image + GUARD, POISON_BYTE, bytes);
  void *device = NULL;
  must(r, r->ops->alloc(r->be, &device, total), "alloc");
  must(r, r->ops->upload(r->be, device, image, total), "upload");
  must(r, r->ops->sync(r->be), "sync");
  buffer->device = device;
  if (is_input)
    buffer->before = image;
  else
    free(image);
  r->buffers = buffer;
  return buffer->device + GUARD;
}

const void *rig_in_bytes(rig *r, const void *host, size_t bytes) {
  return host ? add_buffer(r, host, bytes, 1) : NULL;
}

const float *rig_in(rig *r, const float *host, size_t n) {
  return rig_in_bytes(r, host, n * sizeof *host);
}

const int32_t *rig_in_int(rig *r, const int32_t *host, size_t n) {
  return rig_in_bytes(r, host, n * sizeof *host);
}

float *rig_out(rig *r, size_t n) {
  return add_buffer(r, NULL, n * sizeof(float), 0);
}

int32_t *rig_out_int(rig *r, size_t n) {
  return add_buffer(r, NULL, n * sizeof(int32_t), 0);
}

float *rig_inout(rig *r, const float *host, size_t n) {
  return host ? add_buffer(r, host, n * sizeof *host, 0) : NULL;
}

static void check_guard(const char *what, const char *guard, const char *side, size_t bytes) {
  for (size_t i = 0; i < GUARD; i++)
    cr_assert((unsigned char)guard[i] == SENTINEL_BYTE, "%s: wrote %s a buffer of %zu bytes (guard byte %zu is %02x)",
              what, side, bytes, i, (unsigned char)guard[i]);
}

static void check_buffer(rig *r, const rig_buffer *buffer, const char *what) {
  size_t total = GUARD + buffer->bytes + GUARD;
  char *image = must_alloc(total);
  must(r, r->ops->download(r->be, image, buffer->device, total), "download");
  must(r, r->ops->sync(r->be), "sync");
  check_guard(what, image, "before", buffer->bytes);
  check_guard(what, image + GUARD + buffer->bytes, "after", buffer->bytes);
  if (buffer->before)
    cr_assert(memcmp(image, buffer->before, total) == 0, "%s: changed an input of %zu bytes", what, buffer->bytes);
  free(image);
}

void rig_check(rig *r, const char *what, solid_status status) {
  must(r, status, what);
  must(r, r->ops->sync(r->be), what);
  for (const rig_buffer *buffer = r->buffers; buffer; buffer = buffer->next) check_buffer(r, buffer, what);
}

static void *host_memory(rig *r, size_t bytes) {
  rig_copy *copy = must_alloc(sizeof *copy + bytes);
  copy->next = r->copies;
  r->copies = copy;
  return copy->data;
}

float *rig_normal(rig *r, seed_rng *rng, size_t n, float scale) {
  float *x = host_memory(r, n * sizeof *x);
  if (tape_play(r->common, x, n * sizeof *x)) {
    cr_assert(tape_play(r->common, rng, sizeof *rng));
    return x;
  }
  seed_fill_normal(rng, x, n, scale);
  tape_record(r->common, x, n * sizeof *x);
  tape_record(r->common, rng, sizeof *rng);
  return x;
}

int rig_recall(rig *r, double *x, size_t n) {
  return tape_play(r->common, x, n * sizeof *x);
}

void rig_keep(rig *r, const double *x, size_t n) {
  tape_record(r->common, x, n * sizeof *x);
}

double *rig_widen(rig *r, const float *x, size_t n) {
  double *wide = host_memory(r, n * sizeof *wide);
  for (size_t i = 0; i < n; i++) wide[i] = (double)x[i];
  return wide;
}

double *rig_zeros(rig *r, size_t n) {
  double *x = host_memory(r, n * sizeof *x);
  memset(x, 0, n * sizeof *x);
  return x;
}

static const void *read_bytes(rig *r, const void *device, size_t bytes) {
  void *host = host_memory(r, bytes);
  if (bytes > 0) must(r, r->ops->download(r->be, host, device, bytes), "download");
  must(r, r->ops->sync(r->be), "sync");
  read_log_add(&r->log, host, bytes);
  return host;
}

const float *rig_read(rig *r, const float *device, size_t n) {
  return read_bytes(r, device, n * sizeof *device);
}

const int32_t *rig_read_int(rig *r, const int32_t *device, size_t n) {
  return read_bytes(r, device, n * sizeof *device);
}
