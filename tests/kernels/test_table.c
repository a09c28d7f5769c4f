/* The tables themselves: no empty slot, memory, options, levels, the pool. */
#include "kernels/cpu/cpu.h"
#include "tests/support/rig.h"
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check_slots(rig *r) {
  const sk_backend_ops *ops = rig_ops(r);
  cr_expect_not_null(sk_backend_find(ops->name));
#define CHECK_SLOT(op) cr_expect(ops->op != NULL, "%s has no %s", ops->name, #op);
  SK_OPS(CHECK_SLOT)
#undef CHECK_SLOT
  cr_expect(ops->probe && ops->open && ops->close && ops->alloc && ops->free);
  cr_expect(ops->upload && ops->download && ops->copy && ops->zero && ops->sync);
  cr_expect(ops->alloc_host && ops->free_host && ops->memory && ops->replay && ops->forget);
  cr_expect(ops->lane && ops->join);
  cr_expect_gt(ops->tile_rows, 0);
}

Test(table, has_no_empty_slot) {
  rig_each(check_slots);
}

Test(table, unknown_name_is_not_found) {
  cr_expect_null(sk_backend_find("no such device"));
  cr_expect_null(sk_backend_find(""));
  cr_expect_null(sk_cpu_table("x86-64-v9"));
}

static void check_memory(rig *r) {
  const sk_backend_ops *ops = rig_ops(r);
  sk_backend *be = rig_backend(r);
  const char text[] = "sixteen letters!", zeros[16] = {0};
  char back[16];
  void *a = NULL, *b = NULL, *none = &a;
  cr_assert_eq(ops->alloc(be, &none, 0), SOLID_OK);
  cr_expect_null(none, "0 bytes must give NULL");
  ops->free(be, none);
  cr_assert_eq(ops->alloc(be, &a, 16), SOLID_OK);
  cr_assert_eq(ops->alloc(be, &b, 16), SOLID_OK);
  cr_expect_eq((uintptr_t)a % 64, 0);
  cr_expect_eq((uintptr_t)b % 64, 0);
  cr_assert_eq(ops->upload(be, a, text, 16), SOLID_OK);
  cr_assert_eq(ops->copy(be, b, a, 16), SOLID_OK);
  cr_assert_eq(ops->download(be, back, b, 16), SOLID_OK);
  cr_assert_eq(ops->sync(be), SOLID_OK);
  cr_expect_arr_eq(back, text, 16);
  cr_assert_eq(ops->zero(be, b, 16), SOLID_OK);
  cr_assert_eq(ops->download(be, back, b, 16), SOLID_OK);
  cr_assert_eq(ops->sync(be), SOLID_OK);
  cr_expect_arr_eq(back, zeros, 16);
  if (ops->unified) cr_expect_arr_eq(a, text, 16, "a unified device whose memory the host cannot read");
  void *host = NULL;
  cr_assert_eq(ops->alloc_host(be, &host, 16), SOLID_OK);
  cr_assert_eq(ops->upload(be, b, memcpy(host, text, 16), 16), SOLID_OK);
  cr_assert_eq(ops->download(be, host, b, 16), SOLID_OK);
  cr_assert_eq(ops->sync(be), SOLID_OK);
  cr_expect_arr_eq(host, text, 16);
  ops->free_host(be, host);
  cr_expect_eq(ops->copy(be, NULL, NULL, 0), SOLID_OK);
  cr_expect_eq(ops->zero(be, NULL, 0), SOLID_OK);
  ops->free(be, a);
  ops->free(be, b);
}

Test(table, moves_memory) {
  rig_each(check_memory);
}

typedef struct recording {
  rig *r;
  float *x, *y;
  int calls;
} recording;

/* y += x */
static solid_status add(void *user) {
  recording *rec = user;
  sk_blend_args args = {.n = 4, .a = 1, .b = 1, .x = rec->x, .y = rec->y};
  rec->calls++;
  return rig_ops(rec->r)->blend(rig_backend(rec->r), &args);
}

/* Replays see what the buffers hold at the time, and allocate nothing. */
static void check_replay(rig *r) {
  const sk_backend_ops *ops = rig_ops(r);
  sk_backend *be = rig_backend(r);
  const float zeros[4] = {0};
  recording rec = {.r = r, .x = rig_inout(r, zeros, 4), .y = rig_inout(r, zeros, 4)};
  sk_graph *graph = NULL;
  float *host = NULL, want = 0;
  void *memory = NULL;
  cr_assert_eq(ops->alloc_host(be, &memory, 4 * sizeof *host), SOLID_OK, "%s", be->err);
  host = memory;
  cr_expect_eq((uintptr_t)host % 64, 0);
  uint64_t allocations = 0;
  for (int i = 0; i < 4; i++) {
    for (int j = 0; j < 4; j++) host[j] = (float)(i + j);
    want += (float)(i + 3);
    cr_assert_eq(ops->upload(be, rec.x, host, 4 * sizeof *host), SOLID_OK);
    cr_assert_eq(ops->replay(be, &graph, add, &rec), SOLID_OK, "%s", be->err);
    cr_assert_eq(ops->download(be, host, rec.y, 4 * sizeof *host), SOLID_OK);
    cr_assert_eq(ops->sync(be), SOLID_OK, "%s", be->err);
    cr_expect_eq(host[3], want, "replay %d gives %g, not %g", i, (double)host[3], (double)want);
    if (i == 0) allocations = be->allocations;
  }
  cr_expect_eq(be->allocations, allocations, "a replay allocates");
  cr_expect_eq(rec.calls, ops->records ? 2 : 4, "the body ran %d times", rec.calls);
  cr_expect_eq(graph != NULL, ops->records != 0);
  ops->forget(be, graph);
  ops->forget(be, NULL);
  ops->free_host(be, host);
  ops->free_host(be, NULL);
}

Test(table, replays_what_was_enqueued) {
  rig_each(check_replay);
}

enum { FLOATS = 1 << 20 };

typedef struct forked {
  rig *r;
  float *x, *y[SK_LANES];
} forked;

static solid_status scale(const forked *f, float by, const float *x, float *y) {
  return rig_ops(f->r)->blend(rig_backend(f->r), &(sk_blend_args){.n = FLOATS, .a = by, .x = x, .y = y});
}

/* x = 2 x; y_lane = (lane + 1) x, twice over in its lane; y_0 += all others */
static solid_status fork_and_join(void *user) {
  const forked *f = user;
  const sk_backend_ops *ops = rig_ops(f->r);
  sk_backend *be = rig_backend(f->r);
  solid_status status = scale(f, 2, f->x, f->x);
  for (int lane = SK_LANES; lane-- > 0 && status == SOLID_OK;) {
    status = ops->lane(be, lane);
    if (status == SOLID_OK) status = scale(f, (float)(lane + 1), f->x, f->y[lane]);
  }
  for (int lane = 1; lane < SK_LANES && status == SOLID_OK; lane++) {
    status = ops->lane(be, lane);
    if (status == SOLID_OK) status = scale(f, 2, f->y[lane], f->y[lane]);
  }
  solid_status joined = ops->join(be);
  for (int lane = 1; lane < SK_LANES && status == SOLID_OK && joined == SOLID_OK; lane++)
    status = ops->blend(be, &(sk_blend_args){.n = FLOATS, .a = 1, .b = 1, .x = f->y[lane], .y = f->y[0]});
  return status == SOLID_OK ? joined : status;
}

/* As they are, recorded, and replayed: (1 + 2 (2 + ... + lanes)) times x, doubled each time. */
static void check_lanes(rig *r) {
  const sk_backend_ops *ops = rig_ops(r);
  sk_backend *be = rig_backend(r);
  forked f = {.r = r};
  float *ones = malloc(FLOATS * sizeof *ones);
  cr_assert_not_null(ones);
  for (int i = 0; i < FLOATS; i++) ones[i] = 1;
  f.x = rig_inout(r, ones, FLOATS);
  free(ones);
  for (int lane = 0; lane < SK_LANES; lane++) f.y[lane] = rig_out(r, FLOATS);
  sk_graph *graph = NULL;
  uint64_t allocations = 0;
  for (int i = 0; i < 4; i++) {
    float want = (float)(SK_LANES * (SK_LANES + 1) - 1) * (float)(2 << i);
    cr_assert_eq(ops->replay(be, &graph, fork_and_join, &f), SOLID_OK, "%s", be->err);
    const float *y = rig_read(r, f.y[0], FLOATS);
    for (int j = 0; j < FLOATS; j++)
      cr_assert_eq(y[j], want, "pass %d: float %d is %g, not %g", i, j, (double)y[j], (double)want);
    if (i > 0) cr_expect_eq(be->allocations, allocations, "lanes allocate");
    allocations = be->allocations;
  }
  ops->forget(be, graph);
}

Test(table, lanes_join) {
  rig_each(check_lanes);
}

static solid_status refuse(void *user) {
  return sk_fail(rig_backend(user), SOLID_EUNSUPPORTED, "no such thing");
}

static void check_refusal(rig *r) {
  sk_graph *graph = NULL;
  cr_expect_eq(rig_ops(r)->replay(rig_backend(r), &graph, refuse, r), SOLID_EUNSUPPORTED);
  cr_expect_str_eq(rig_backend(r)->err, "no such thing");
  cr_expect_null(graph);
}

Test(table, a_body_that_fails_is_not_recorded) {
  rig_each(check_refusal);
}

/* Two devices under one thread: each backend works on its own, whichever was used last. */
static void check_second_device(rig *r) {
  const sk_backend_ops *ops = rig_ops(r);
  if (strcmp(ops->name, "cuda") != 0) return;
  char why[256] = "";
  sk_backend *other = NULL;
  if (ops->open(&other, &(sk_options){.threads = 1, .device = 1, .why = why, .why_size = sizeof why}) != SOLID_OK) {
    fprintf(stderr, "[SKIP] second device: %s\n", why);
    return;
  }
  recording rec = {.r = r, .x = rig_inout(r, (float[4]){1, 2, 3, 4}, 4), .y = rig_inout(r, (float[4]){0}, 4)};
  void *there = NULL;
  sk_graph *graph = NULL;
  for (int i = 0; i < 3; i++) {
    cr_assert_eq(ops->alloc(other, &there, 64), SOLID_OK, "%s", other->err);
    cr_assert_eq(ops->zero(other, there, 64), SOLID_OK, "%s", other->err);
    cr_assert_eq(ops->sync(other), SOLID_OK, "%s", other->err);
    ops->free(other, there);
    cr_assert_eq(ops->replay(rig_backend(r), &graph, add, &rec), SOLID_OK, "%s", rig_backend(r)->err);
  }
  cr_expect_eq(rig_read(r, rec.y, 4)[3], 12.0f);
  ops->forget(rig_backend(r), graph);
  ops->close(other);
}

Test(table, second_device_changes_nothing_for_the_first) {
  rig_each(check_second_device);
}

typedef struct neighbour {
  const sk_backend_ops *ops;
  atomic_int stop;
  int rounds;
  char err[256];
} neighbour;

static void *come_and_go(void *user) {
  neighbour *n = user;
  solid_status status = SOLID_OK;
  do {
    sk_backend *be = NULL;
    void *memory = NULL, *host = NULL;
    status = n->ops->open(&be, &(sk_options){.threads = 1, .why = n->err, .why_size = sizeof n->err});
    if (status != SOLID_OK) break;
    status = n->ops->alloc(be, &memory, 1 << 20);
    if (status == SOLID_OK) status = n->ops->alloc_host(be, &host, 4096);
    if (status == SOLID_OK) status = n->ops->sync(be);
    if (status != SOLID_OK) snprintf(n->err, sizeof n->err, "%s", be->err);
    n->ops->free(be, memory);
    n->ops->free_host(be, host);
    n->ops->close(be);
    n->rounds++;
  } while (status == SOLID_OK && !atomic_load(&n->stop));
  return status == SOLID_OK ? NULL : n->err;
}

/* What another thread opens, takes and closes on the device meanwhile does not end a recording. */
static void check_neighbour(rig *r) {
  const sk_backend_ops *ops = rig_ops(r);
  sk_backend *be = rig_backend(r);
  recording rec = {.r = r, .x = rig_inout(r, (float[4]){1, 2, 3, 4}, 4), .y = rig_inout(r, (float[4]){0}, 4)};
  neighbour n = {.ops = ops};
  pthread_t thread;
  void *failed = NULL;
  enum { RECORDINGS = 300 };
  cr_assert_eq(pthread_create(&thread, NULL, come_and_go, &n), 0);
  solid_status status = SOLID_OK;
  for (int i = 0; i < RECORDINGS && status == SOLID_OK; i++) {
    sk_graph *graph = NULL;
    for (int j = 0; j < 2 && status == SOLID_OK; j++) status = ops->replay(be, &graph, add, &rec);
    ops->forget(be, graph);
  }
  atomic_store(&n.stop, 1);
  pthread_join(thread, &failed);
  cr_assert_eq(status, SOLID_OK, "%s", be->err);
  cr_expect_null(failed, "the other thread: %s", n.err);
  cr_expect_gt(n.rounds, 0);
  cr_expect_eq(rig_read(r, rec.y, 4)[0], 2.0f * RECORDINGS);
}

Test(table, records_while_other_threads_come_and_go) {
  rig_each(check_neighbour);
}

static void check_sizes(rig *r) {
  size_t left = 0, total = 0;
  cr_assert_eq(rig_ops(r)->memory(rig_backend(r), &left, &total), SOLID_OK);
  cr_expect_gt(left, 0);
  cr_expect_leq(left, total);
}

Test(table, knows_its_memory) {
  rig_each(check_sizes);
}

/* The text of a failed allocation does not stay behind for the next operation. */
static void check_after_huge(rig *r) {
  void *out = NULL;
  cr_assert_eq(rig_ops(r)->alloc(rig_backend(r), &out, SIZE_MAX - 8), SOLID_ENOMEM);
  cr_expect(strcmp(rig_ops(r)->name, "cuda") != 0 || strstr(rig_backend(r)->err, "cudaErrorMemoryAllocation"),
            "\"%s\" does not name the error", rig_backend(r)->err);
  recording rec = {.r = r, .x = rig_inout(r, (float[4]){1, 2, 3, 4}, 4), .y = rig_inout(r, (float[4]){0}, 4)};
  cr_expect_eq(add(&rec), SOLID_OK, "%s", rig_backend(r)->err);
  rig_check(r, "add", SOLID_OK);
}

Test(table, goes_on_after_an_allocation_that_failed) {
  rig_each(check_after_huge);
}

static void check_huge(rig *r) {
  void *out = r;
  solid_status status = rig_ops(r)->alloc(rig_backend(r), &out, SIZE_MAX - 8);
  cr_expect_eq(status, SOLID_ENOMEM, "%s", solid_status_name(status));
  cr_expect_eq(out, (void *)r, "*out was written by a call that failed");
  cr_expect_neq(rig_backend(r)->err[0], 0, "no text");
}

Test(table, allocation_that_cannot_be_is_out_of_memory) {
  rig_each(check_huge);
}

Test(table, cpu_refuses_a_count_of_threads_that_is_none) {
  const int32_t counts[] = {0, -1, 100000};
  for (int i = 0; i < 3; i++) {
    sk_backend *be = NULL;
    char why[64] = "";
    sk_options options = {.threads = counts[i], .why = why, .why_size = sizeof why};
    solid_status status = sk_backend_find("cpu")->open(&be, &options);
    cr_expect(strstr(why, "threads"), "\"%s\"", why);
    cr_expect_eq(status, SOLID_EINVAL, "%d threads: %s", counts[i], solid_status_name(status));
    cr_expect_null(be);
  }
}

Test(table, cpu_level_is_the_one_behind_the_name) {
  char text[64];
  cr_assert_not_null(sk_cpu_table("baseline"));
  cr_expect_eq(sk_cpu_table(sk_cpu_level()), sk_backend_find("cpu"));
  cr_assert_eq(sk_backend_find("cpu")->probe(text, sizeof text), SOLID_OK);
  cr_expect(strstr(text, sk_cpu_level()), "\"%s\" does not name %s", text, sk_cpu_level());
}

enum { BLOCKS = 1000, JOBS = 300 };

/* Adds to a count of its own: only a block that runs twice, or not at all, is seen. */
static void count_block(const void *arg, int64_t block, void *local) {
  int *const *counts = arg;
  *(int64_t *)local = block;
  (*counts)[block]++;
  cr_assert_eq(*(int64_t *)local, block, "scratch is shared between threads");
}

Test(pool, runs_every_block_of_every_job_once) {
  for (int threads = 1; threads <= 5; threads++) {
    const sk_backend_ops *ops = sk_backend_find("cpu");
    sk_backend *be = NULL;
    int *counts = calloc(BLOCKS, sizeof *counts);
    cr_assert_eq(ops->open(&be, &(sk_options){.threads = threads}), SOLID_OK);
    cr_assert_eq(sk_cpu_reserve(be, sizeof(int64_t), 0), SOLID_OK);
    for (int job = 0; job < JOBS; job++) sk_cpu_parallel(be, job % 3 == 0 ? 2 : BLOCKS, count_block, &counts);
    sk_cpu_parallel(be, 0, count_block, &counts);
    for (int i = 0; i < BLOCKS; i++) {
      int want = i < 2 ? JOBS : JOBS - JOBS / 3;
      cr_assert_eq(counts[i], want, "block %d of %d threads ran %d times, not %d", i, threads, counts[i], want);
    }
    ops->close(be);
    free(counts);
  }
}

Test(pool, scratch_grows_only) {
  const sk_backend_ops *ops = sk_backend_find("cpu");
  sk_backend *be = NULL;
  cr_assert_eq(ops->open(&be, &(sk_options){.threads = 2}), SOLID_OK);
  cr_assert_eq(sk_cpu_reserve(be, 64, 1000), SOLID_OK);
  void *before = sk_cpu_shared(be);
  cr_assert_eq(sk_cpu_reserve(be, 10, 900), SOLID_OK);
  cr_expect_eq(sk_cpu_shared(be), before);
  cr_expect_eq(sk_cpu_reserve(be, 0, SIZE_MAX - 8), SOLID_ENOMEM);
  cr_expect_eq(sk_cpu_shared(be), before, "a failed reserve must leave the scratch");
  ops->close(be);
}

Test(pool, null_is_closed_for_free) {
  sk_backend_find("cpu")->close(NULL);
}
