/* The parts of a recommender, for its two kinds of answers: a list (recommender.c) and a slate (slate/slate.c). */
#ifndef SOLID_SERVE_RECOMMENDER_H
#define SOLID_SERVE_RECOMMENDER_H

#include "solid/infer/slate/slater.h"
#include "solid/serve/answer.h"

struct solid_recommender {
  sol_answerer answerer;
  solid_recommender_stats stats;
  uint64_t *common;  /* (words) items that the current query leaves out for every user */
  uint32_t *session; /* (L) of the current query */

  /* Of slates, NULL before the first. */
  sol_slater *slater;
  sol_slate_user *slates;  /* (B) */
  float *states, *vectors; /* (B, d) */
  solid_scored *listed;    /* (B, slate_rows) the ranker's own lists */
};

/* Takes the caller's query and resolves its names: *ask points into rec. Statuses as solid_recommend_batch. */
solid_status sol_recommender_ask(solid_recommender *rec, const solid_bytes *users, size_t n, const solid_query *query,
                                 const solid_scored *out, sol_ask *ask);

/* Reads what the store has of these users, and resolves the query's names again where new items came with it. */
solid_status sol_recommender_read(solid_recommender *rec, const solid_bytes *users, size_t n, const solid_query *query,
                                  const solid_scored *out, sol_ask *ask);

/* Ends what a recommender has for slates. */
void sol_recommender_free_slates(solid_recommender *rec);

/* EINVAL unless each of n answers, which stand as far apart as the first one's struct_size says, has its size. */
solid_status sol_check_answers(void *answers, size_t n, size_t known, const char *what);

/* The i-th of them. */
static inline void *sol_answer_at(void *answers, size_t i) {
  uint32_t size;
  __builtin_memcpy(&size, answers, sizeof size);
  return (unsigned char *)answers + i * size;
}

#endif
