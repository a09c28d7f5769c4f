/* Questions to a recommender over a tiny model, and the model run directly, which judges the answers. */
#ifndef TESTS_SOLID_SERVE_ASKING_H
#define TESTS_SOLID_SERVE_ASKING_H

#include "solid/recommender.h"
#include "tests/support/serving.h"
#include <stddef.h>
#include <stdint.h>

enum { K = 6, MOST_ITEMS = 4096 };

extern const uint32_t anna_items[5], ben_items[2], session_items[2]; /* what users saw, in this order */

solid_recommender *asking_recommender(const serving *s, solid_store *store, size_t max_batch);
/* Window and parameters as the pipeline leaves them. */
void asking_push(const serving *s, const char *user, const uint32_t *items, size_t n);
solid_answer asking_answer(solid_recommender *rec, const char *user, const solid_query *query, solid_scored *out);
void asking_expect(const solid_answer *answer, solid_source source, uint64_t params_seq, uint64_t window_seq,
                   size_t count);
const uint8_t *asking_skip(const uint32_t *items, size_t n, const uint32_t *more, size_t n_more);
/* The model run directly: window `seen` under the layers generated from `of`, everything of the window left out. */
void asking_judge(const serving *s, const char *what, const solid_scored *got, size_t k, const uint32_t *window,
                  size_t n, const uint32_t *of, size_t n_of, const uint8_t *skip);
solid_query asking_query(uint32_t k);
/* Ids of items, borrowed from the model. */
const solid_bytes *asking_ids(const serving *s, const uint32_t *items, size_t n);

#endif
