/* The walk of events and questions over any store: events -> pipeline -> store -> recommender, judged by the naive
 * model in double on plain lists of what each user did. */
#ifndef TESTS_WALK_WALK_H
#define TESTS_WALK_WALK_H

#include "tests/support/serving.h"

/* Another handle on the one store of the test; each is closed by who opened it. */
typedef struct walk_store {
  solid_store *(*open)(const serving *s);
} walk_store;

#define WALK_CASES(X)                                                                                                  \
  X(answers_follow_the_events)                                                                                         \
  X(answers_follow_the_events_in_low_rank)                                                                             \
  X(one_click_changes_the_answer)                                                                                      \
  X(a_lost_write_is_repaired)                                                                                          \
  X(a_new_model_takes_over)                                                                                            \
  X(models_of_two_ranks_share_a_store)                                                                                 \
  X(threads_share_one_model)

#define WALK_DECLARE(name) void walk_##name(const walk_store *walk);
WALK_CASES(WALK_DECLARE)
#undef WALK_DECLARE

#endif
