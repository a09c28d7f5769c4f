#include "tests/support/recording_backend.h"
#include <stdlib.h>

typedef enum step_kind {
#define KIND(op) STEP_##op,
  SK_OPS(KIND)
#undef KIND
      STEP_copy,
  STEP_zero
} step_kind;

typedef struct transfer {
  void *to;
  const void *from;
  size_t bytes;
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

enum { MAX_STEPS = 256 };

struct sk_graph {
  int count;
  step steps[MAX_STEPS];
};

static const sk_backend_ops *inner;
static sk_backend_ops table;
static sk_graph *taking; /* the recording under way, if any */
static recording_counts counts;

static solid_status keep(sk_backend *be, const step *s) {
  if (!taking) return SOLID_OK;
  if (taking->count == MAX_STEPS) return sk_fail(be, SOLID_EINTERNAL, "a recording of more than %d steps", MAX_STEPS);
  taking->steps[taking->count++] = *s;
  return SOLID_OK;
}

#define KEEPING(op)                                                                                                    \
  static solid_status keeping_##op(sk_backend *be, const sk_##op##_args *a) {                                          \
    step s = {.kind = STEP_##op, .args.op = *a};                                                                       \
    solid_status status = keep(be, &s);                                                                                \
    return status ? status : inner->op(be, a);                                                                         \
  }
SK_OPS(KEEPING)
#undef KEEPING

static solid_status keeping_copy(sk_backend *be, void *to, const void *from, size_t bytes) {
  step s = {.kind = STEP_copy, .args.memory = {to, from, bytes}};
  solid_status status = keep(be, &s);
  return status ? status : inner->copy(be, to, from, bytes);
}

static solid_status keeping_zero(sk_backend *be, void *to, size_t bytes) {
  step s = {.kind = STEP_zero, .args.memory = {to, NULL, bytes}};
  solid_status status = keep(be, &s);
  return status ? status : inner->zero(be, to, bytes);
}

static solid_status counted_download(sk_backend *be, void *to, const void *from, size_t bytes) {
  counts.downloads++;
  return inner->download(be, to, from, bytes);
}

static solid_status take_step(sk_backend *be, const step *s) {
  switch (s->kind) {
#define CASE(op)                                                                                                       \
  case STEP_##op:                                                                                                      \
    return inner->op(be, &s->args.op);
    SK_OPS(CASE)
#undef CASE
  case STEP_copy:
    return inner->copy(be, s->args.memory.to, s->args.memory.from, s->args.memory.bytes);
  case STEP_zero:
    return inner->zero(be, s->args.memory.to, s->args.memory.bytes);
  }
  return SOLID_EINTERNAL;
}

static solid_status replay(sk_backend *be, sk_graph **graph, sk_body body, void *user) {
  solid_status status = SOLID_OK;
  if (*graph) {
    counts.replayed++;
    for (int i = 0; i < (*graph)->count && !status; i++) status = take_step(be, &(*graph)->steps[i]);
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
  table.copy = keeping_copy;
  table.zero = keeping_zero;
  table.download = counted_download;
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
