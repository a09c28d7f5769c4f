#include "tests/support/recording_backend.h"
#include "tests/support/apart_memory.h"
#include <stdlib.h>
#include <string.h>

typedef enum step_kind {
#define KIND(op) STEP_##op,
  SK_OPS(KIND)
#undef KIND
      STEP_copy,
  STEP_zero,
  STEP_upload,
  STEP_download
} step_kind;

typedef struct transfer {
  void *to;
  const void *from;
  size_t bytes;
  void *kept; /* what was uploaded from memory that is not pinned; freed afterwards */
} transfer;

typedef struct step {
  step_kind kind;
  union {
#define MEMBER(op) sk_##op##_args op;
    SK_OPS(MEMBER)
#undef MEMBER
    transfer memory;
  } args;
} step;

enum { MAX_STEPS = 256, MAX_PINNED = 256 };

struct sk_graph {
  int count;
  step steps[MAX_STEPS];
};

/* What a queue was given and has not done: all queues' in one list, in the order of the calls. */
typedef struct waiting {
  sk_backend *be;
  step step;
} waiting;

typedef struct pinned {
  const char *base;
  size_t bytes;
} pinned;

static const sk_backend_ops *inner;
static sk_backend_ops table;
static sk_graph *taking; /* the recording under way, if any */
static recording_counts counts;
static waiting *queue;
static size_t queued, queue_room;
static pinned hosts[MAX_PINNED];
static size_t n_hosts;

/* ---- The queue ---- */

static solid_status take_step(sk_backend *be, step s) {
  const transfer *t = &s.args.memory;
  switch (s.kind) {
#define CASE(op)                                                                                                       \
  case STEP_##op:                                                                                                      \
    apart_memory_find_all(&s.args.op, sizeof s.args.op);                                                               \
    return inner->op(be, &s.args.op);
    SK_OPS(CASE)
#undef CASE
  case STEP_copy:
    return inner->copy(be, apart_memory_real(t->to), apart_memory_real(t->from), t->bytes);
  case STEP_zero:
    return inner->zero(be, apart_memory_real(t->to), t->bytes);
  case STEP_upload:
    return inner->upload(be, apart_memory_real(t->to), t->kept ? t->kept : t->from, t->bytes);
  case STEP_download:
    return inner->download(be, t->to, apart_memory_real(t->from), t->bytes);
  }
  return SOLID_EINTERNAL;
}

static solid_status enqueue(sk_backend *be, const step *s) {
  if (queued == queue_room) {
    size_t room = queue_room ? 2 * queue_room : MAX_STEPS;
    waiting *grown = realloc(queue, room * sizeof *grown);
    if (!grown) return sk_fail(be, SOLID_ENOMEM, "no room for a queue");
    queue = grown, queue_room = room;
  }
  queue[queued++] = (waiting){be, *s};
  return SOLID_OK;
}

/* Does what the queue of `be`, or every queue, was given. Behind a failure nothing is done. */
static solid_status work_off(const sk_backend *be) {
  solid_status status = SOLID_OK;
  size_t left = 0;
  for (size_t i = 0; i < queued; i++) {
    waiting *w = &queue[i];
    if (be && w->be != be) {
      queue[left++] = *w;
      continue;
    }
    if (!status) status = take_step(w->be, w->step);
    if (w->step.kind == STEP_upload) free(w->step.args.memory.kept);
  }
  queued = left;
  return status;
}

static solid_status sync_queue(sk_backend *be) {
  solid_status status = work_off(be);
  return status ? status : inner->sync(be);
}

static void close_queue(sk_backend *be) {
  if (be) (void)work_off(be);
  inner->close(be);
}

/* ---- Operations ---- */

static solid_status keep(sk_backend *be, const step *s) {
  if (taking && taking->count == MAX_STEPS)
    return sk_fail(be, SOLID_EINTERNAL, "a recording of more than %d steps", MAX_STEPS);
  if (taking) taking->steps[taking->count++] = *s;
  return enqueue(be, s);
}

#define KEEPING(op)                                                                                                    \
  static solid_status keeping_##op(sk_backend *be, const sk_##op##_args *a) {                                          \
    return keep(be, &(step){.kind = STEP_##op, .args.op = *a});                                                        \
  }
SK_OPS(KEEPING)
#undef KEEPING

static solid_status keeping_copy(sk_backend *be, void *to, const void *from, size_t bytes) {
  return keep(be, &(step){.kind = STEP_copy, .args.memory = {to, from, bytes, NULL}});
}

static solid_status keeping_zero(sk_backend *be, void *to, size_t bytes) {
  return keep(be, &(step){.kind = STEP_zero, .args.memory = {to, NULL, bytes, NULL}});
}

/* ---- Memory ---- */

static solid_status alloc_apart(sk_backend *be, void **out, size_t bytes) {
  void *real = NULL;
  solid_status status = inner->alloc(be, &real, bytes);
  if (!status) *out = apart_memory_show(real, bytes);
  return status;
}

/* As on a GPU, memory is given back when nothing uses it any more. */
static void free_apart(sk_backend *be, void *device) {
  if (device) (void)work_off(NULL);
  inner->free(be, apart_memory_take_back(device));
}

static solid_status alloc_pinned(sk_backend *be, void **out, size_t bytes) {
  if (n_hosts == MAX_PINNED) return sk_fail(be, SOLID_ENOMEM, "more than %d pieces of pinned memory", MAX_PINNED);
  solid_status status = inner->alloc_host(be, out, bytes);
  if (!status && *out) hosts[n_hosts++] = (pinned){*out, bytes};
  return status;
}

static void free_pinned(sk_backend *be, void *host) {
  if (host) (void)work_off(NULL);
  for (size_t i = 0; i < n_hosts; i++)
    if (hosts[i].base == host) hosts[i] = hosts[--n_hosts];
  inner->free_host(be, host);
}

static int is_pinned(const char *at) {
  for (size_t i = 0; i < n_hosts; i++)
    if (at >= hosts[i].base && at < hosts[i].base + hosts[i].bytes) return 1;
  return 0;
}

/* Pinned memory is read when the queue comes to it, other memory at once. */
static solid_status upload(sk_backend *be, void *device, const void *host, size_t bytes) {
  step s = {.kind = STEP_upload, .args.memory = {device, host, bytes, NULL}};
  if (!bytes) return SOLID_OK;
  if (!is_pinned(host)) {
    s.args.memory.kept = malloc(bytes);
    if (!s.args.memory.kept) return sk_fail(be, SOLID_ENOMEM, "no room for an upload");
    memcpy(s.args.memory.kept, host, bytes);
  }
  return enqueue(be, &s);
}

/* Other memory than pinned has it when the call returns. */
static solid_status download(sk_backend *be, void *host, const void *device, size_t bytes) {
  counts.downloads++;
  if (!bytes) return SOLID_OK;
  solid_status status = enqueue(be, &(step){.kind = STEP_download, .args.memory = {host, device, bytes, NULL}});
  return status || is_pinned(host) ? status : work_off(be);
}

/* ---- Recordings ---- */

static solid_status replay(sk_backend *be, sk_graph **graph, sk_body body, void *user) {
  solid_status status = SOLID_OK;
  if (*graph) {
    counts.replayed++;
    for (int i = 0; i < (*graph)->count && !status; i++) status = enqueue(be, &(*graph)->steps[i]);
    return status;
  }
  sk_graph *made = calloc(1, sizeof *made);
  if (!made) return sk_fail(be, SOLID_ENOMEM, "no room for a recording");
  taking = made;
  status = body(user);
  taking = NULL;
  if (status) {
    free(made);
    return status;
  }
  counts.recorded++;
  be->allocations++;
  *graph = made;
  return SOLID_OK;
}

static void forget(sk_backend *be, sk_graph *graph) {
  (void)be;
  free(graph);
}

static solid_status open_table(sk_backend **out, const sk_options *options) {
  solid_status status = inner->open(out, options);
  if (status == SOLID_OK) (*out)->ops = &table;
  return status;
}

const sk_backend_ops *recording_backend(void) {
  inner = sk_backend_find("cpu");
  table = *inner;
  table.records = 1;
  table.unified = 0; /* callers transfer, as they would */
  table.open = open_table;
  table.close = close_queue;
  table.alloc = alloc_apart;
  table.free = free_apart;
  table.alloc_host = alloc_pinned;
  table.free_host = free_pinned;
  table.upload = upload;
  table.download = download;
  table.sync = sync_queue;
  table.copy = keeping_copy;
  table.zero = keeping_zero;
  table.replay = replay;
  table.forget = forget;
#define FILL(op) table.op = keeping_##op;
  SK_OPS(FILL)
#undef FILL
  return &table;
}

recording_counts recording_backend_counts(void) {
  return counts;
}
