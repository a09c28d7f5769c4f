/* On a GPU also what the device does of a call whose users are in its memory, AT_ONCE times in one recording: the
 * product of the scores, what is done once a request (the whole operation for users who have nothing left), and the
 * rest of the operation, which is the decoding. What trie, filter, guide and choice cost in a step of it is told in two
 * ways: the decoding of a decoder without blocks (which has the step's frame in it as well), and what the decoding
 * takes more than that of as many items as rows under one node, where there is nothing to choose but which is left. */
#include "kernels/slate.h"
#include "solid/model/model_parts.h"
#include <string.h>
#define BENCH "bench_slate"
#include "tests/bench/bench.h"
#include "tests/bench/bench_slate.h"

enum { AT_ONCE = 20, REPLAYS = 9 };

typedef enum part_kind { SCORES, OPERATION, CHOICE } part_kind; /* choice: the operation of a decoder without blocks */

typedef struct part {
  bench *b;
  sol_fused *of;
  part_kind kind;
  float guide;
} part;

static solid_status enqueue_once(const part *p) {
  sk_slate_args args;
  if (p->kind == SCORES) return sol_fused_score(p->of, p->b->n);
  if (p->kind == OPERATION) return sol_fused_enqueue(p->of, p->guide, p->b->n);
  sol_fused_arguments(p->of, p->guide, p->b->n, &args);
  args.net.blocks = args.net.out_heads = 0;
  return p->b->be->ops->slate(p->b->be, &args);
}

static solid_status enqueue(void *user) {
  solid_status status = SOLID_OK;
  for (int i = 0; i < AT_ONCE && !status; i++) status = enqueue_once(user);
  return status;
}

static double time_part(bench *b, sol_fused *of, part_kind kind, float guide) {
  part p = {b, of, kind, guide};
  sk_graph *graph = NULL;
  double us[REPLAYS];
  for (int i = -2; i < REPLAYS; i++) {
    double began = now_us();
    must(b->be->ops->replay(b->be, &graph, enqueue, &p), "replay");
    must(b->be->ops->sync(b->be), "sync");
    if (i >= 0) us[i] = (now_us() - began) / AT_ONCE;
  }
  b->be->ops->forget(b->be, graph);
  qsort(us, REPLAYS, sizeof *us, bench_by_size);
  return us[REPLAYS / 2];
}

/* `excluded` of every user; NULL = the user's own. */
static void send(bench *b, sol_fused *to, const uint64_t *excluded) {
  for (size_t i = 0; i < b->n; i++) {
    b->fused_users[i] = (sol_fused_user){.h = b->questions[i].state,
                                         .u = b->questions[i].vector,
                                         .excluded = excluded ? excluded : b->questions[i].excluded,
                                         .top = to == b->fused ? b->questions[i].best : NULL,
                                         .n_top = to == b->fused ? (uint32_t)b->questions[i].count : 0,
                                         .out = b->out + i * b->args.rows};
    b->fused_list[i] = &b->fused_users[i];
  }
  must(sol_fused_send(to, b->fused_list, b->n), "send");
}

void bench_time_parts(bench *b, const sol_grid_shape *shape, parts *us) {
  const float guides[] = {0, 0.9f};
  sol_grid grid;
  uint64_t *all = room(b->words, sizeof *all), none = 0;
  memset(all, 0xff, b->words * sizeof *all);
  must(sol_grid_make(&grid, shape), "grid");
  must(sol_fused_set_grid(b->fused, &grid), "grid");
  must(sol_fused_set_grid(b->plain, &grid), "grid");
  send(b, b->fused, all);
  send(b, b->plain, all);
  us->scores = time_part(b, b->fused, SCORES, 0);
  must(sol_fused_score(b->plain, b->n), "scores");
  for (int g = 0; g < 2; g++) {
    us->once[g] = time_part(b, b->fused, OPERATION, guides[g]);
    us->start[g] = time_part(b, b->plain, OPERATION, guides[g]);
  }
  send(b, b->fused, NULL);
  send(b, b->plain, &none);
  for (int g = 0; g < 2; g++) {
    us->decoding[g] = time_part(b, b->fused, OPERATION, guides[g]) - us->once[g];
    us->plain[g] = time_part(b, b->plain, OPERATION, guides[g]) - us->start[g];
    us->choice[g] = time_part(b, b->fused, CHOICE, guides[g]) - us->once[g];
  }
  sol_grid_clear(&grid);
  free(all);
}
