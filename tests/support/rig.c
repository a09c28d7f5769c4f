#include "tests/support/rig.h"
#include "kernels/cpu/cpu.h"
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

/* Hash of every rig_read so far, in order. */
typedef struct rig_log {
  uint64_t *hashes;
  size_t count, room;
} rig_log;

struct rig {
  const sk_backend_ops *ops;
  const char *level; /* of the CPU's table, or "" */
  int threads;
  sk_backend *be;
  rig_log log;
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
  free(r->log.hashes);
  free(r);
}

sk_backend *rig_backend(rig *r) {
  return r->be;
}

const sk_backend_ops *rig_ops(rig *r) {
  return r->ops;
}

static int is_required(const char *name) {
  const char *required = getenv("SOLID_REQUIRE");
  return required && strstr(required, name) != NULL;
}

static void compare_logs(const rig *first, const rig *second, const char *what) {
  cr_assert(first->log.count == second->log.count, "%s: the body reads %zu buffers, then %zu", what, first->log.count,
            second->log.count);
  for (size_t i = 0; i < first->log.count; i++)
    cr_assert(first->log.hashes[i] == second->log.hashes[i], "%s: read %zu of the body differs", what, i);
}

static void run_cpu(const sk_backend_ops *ops, void (*body)(rig *r)) {
  rig *one = rig_open(ops, NULL);
  one->level = sk_cpu_level();
  body(one);
  for (int threads = 2; threads <= 3; threads++) {
    rig *many = rig_open(ops, &(sk_options){.threads = threads});
    many->level = sk_cpu_level();
    body(many);
    compare_logs(one, many, threads == 2 ? "1 and 2 threads" : "1 and 3 threads");
    rig_close(many);
  }
  rig_close(one);
  const char *const levels[] = {"x86-64-v3", "baseline"};
  for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
    const sk_backend_ops *lower = sk_cpu_table(levels[i]);
    if (!lower || lower == ops) continue;
    rig *r = rig_open(lower, NULL);
    r->level = levels[i];
    body(r);
    rig_close(r);
  }
}

static void run_device(const sk_backend_ops *ops, void (*body)(rig *r), int times) {
  rig *first = rig_open(ops, NULL);
  body(first);
  if (times > 1) {
    rig *second = rig_open(ops, NULL);
    body(second);
    compare_logs(first, second, "two runs");
    rig_close(second);
  }
  rig_close(first);
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
    } else if (strcmp(*name, "cpu") == 0) {
      run_cpu(ops, body);
    } else {
      run_device(ops, body, only ? 1 : 2);
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
  seed_fill_normal(rng, x, n, scale);
  return x;
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

/* FNV-1a */
static void log_read(rig *r, const unsigned char *bytes, size_t size) {
  uint64_t hash = 0xcbf29ce484222325ULL;
  for (size_t i = 0; i < size; i++) hash = (hash ^ bytes[i]) * 0x100000001b3ULL;
  if (r->log.count == r->log.room) {
    r->log.room = r->log.room ? 2 * r->log.room : 64;
    r->log.hashes = realloc(r->log.hashes, r->log.room * sizeof *r->log.hashes);
    cr_assert(r->log.hashes, "no room for %zu hashes", r->log.room);
  }
  r->log.hashes[r->log.count++] = hash;
}

static const void *read_bytes(rig *r, const void *device, size_t bytes) {
  void *host = host_memory(r, bytes);
  if (bytes > 0) must(r, r->ops->download(r->be, host, device, bytes), "download");
  must(r, r->ops->sync(r->be), "sync");
  log_read(r, host, bytes);
  return host;
}

const float *rig_read(rig *r, const float *device, size_t n) {
  return read_bytes(r, device, n * sizeof *device);
}

const int32_t *rig_read_int(rig *r, const int32_t *device, size_t n) {
  return read_bytes(r, device, n * sizeof *device);
}
