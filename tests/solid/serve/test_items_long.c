/* Items that come and go, and users whose attention states are kept: a state holds items that joined under their names,
 * and knows what its maker did not know. */
#include "solid/model/model_parts.h"
#include "solid/serve/recommender.h"
#include "solid/serve/states/keeper.h"
#include "tests/solid/serve/items_rig.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>

TestSuite(items_long, .init = items_begin_long, .fini = items_end, .timeout = 600);

enum { ALL = 40 + SPARE };

/* n events of the user: of trained items, and every third one `item`. */
static void push_many(process *p, const char *user, const char *item, int first, int n) {
  char name[16];
  for (int i = first; i < first + n; i++) {
    snprintf(name, sizeof name, "item-%d", i * 7 % 40);
    cr_assert_eq(items_push(p, user, i % 3 ? name : item), SOLID_OK, "event %d", i);
  }
}

/* Scores of `user` and a session, which asks for his state, in the process p: those of `of`, who has the same history
 * in `fresh`, to `tolerance`. */
static void judge(const char *what, process *p, const char *user, process *fresh, const char *of, double tolerance) {
  solid_scored got[ALL], want[ALL];
  solid_query query = SOLID_QUERY_INIT;
  const solid_bytes session = items_text("item-5");
  query.k = ALL, query.exclude_seen = 0, query.session = &session, query.n_session = 1;
  solid_answer mine = {.struct_size = sizeof mine}, yours = mine;
  cr_assert_eq(solid_recommend(p->rec, items_text(user), &query, got, &mine), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(solid_recommend(fresh->rec, items_text(of), &query, want, &yours), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(mine.count, yours.count, "%s: %zu and %zu items", what, mine.count, yours.count);
  double by_item[ALL], most = 0;
  for (uint32_t i = 0; i < mine.count; i++) {
    by_item[want[i].item] = (double)want[i].score;
    most = fmax(most, fabs((double)want[i].score));
  }
  for (uint32_t i = 0; i < mine.count; i++)
    cr_assert(fabs((double)got[i].score - by_item[got[i].item]) <= tolerance * most,
              "%s: item %u has %.6f, want %.6f, of up to %.3f", what, got[i].item, (double)got[i].score,
              by_item[got[i].item], most);
}

/* The writer's states hold an item that joined; a reader that has another order of rows reads them from the store. */
Test(items_long, that_joined_are_in_states_under_their_names) {
  process writer = items_start(), reader = items_start(), other = items_start();
  items_add(&writer, "new", "third");
  push_many(&writer, "anna", "new", 0, 200);
  push_many(&other, "twin", "new", 0, 200);
  judge("stored by the writer", &reader, "anna", &other, "twin", 6e-2);
  solid_state_stats stats = sol_keeper_get_stats(reader.rec->answerer.keeper);
  cr_assert(stats.read == 1 && !stats.refused && !stats.made, "%d read, %d refused, %d made", (int)stats.read,
            (int)stats.refused, (int)stats.made);
  items_stop(&other);
  items_stop(&reader);
  items_stop(&writer);
}

/* Taken before the model knew it; the writer's state and the stored one lack it until they are made again. */
Test(items_long, that_came_later_than_a_state_are_in_the_next_one) {
  process writer = items_start(), reader = items_start();
  items_add(&writer, "bare", "unheard of"); /* accepted, and unknown to the model */
  push_many(&writer, "anna", "bare", 0, 200);
  items_add(&writer, "bare", "even");
  process other = items_start();
  push_many(&other, "twin", "bare", 0, 200);
  judge("read from the store", &reader, "anna", &other, "twin", 6e-2);
  push_many(&writer, "anna", "bare", 200, 1);
  push_many(&other, "twin", "bare", 200, 1);
  judge("kept by the writer", &writer, "anna", &other, "twin", 6e-2);
  items_stop(&other);
  items_stop(&reader);
  items_stop(&writer);
}

/* A removed item is in the writer's state, which is made again without it. */
Test(items_long, that_are_removed_spoil_no_answer) {
  process writer = items_start(), reader = items_start();
  items_add(&writer, "new", "third");
  push_many(&writer, "anna", "new", 0, 200);
  cr_assert_eq(items_say(&writer, SOLID_ITEM_REMOVED, "new", NULL, NULL, NULL), SOLID_OK);
  cr_assert_eq(items_place(&reader, "anna", NULL, "new"), -1);
  push_many(&writer, "anna", "item-1", 200, 3);
  process never = items_start();
  for (int i = 0; i < 200; i++)
    if (i % 3) push_many(&never, "cleo", "", i, 1);
  push_many(&never, "cleo", "item-1", 200, 3);
  judge("without it", &reader, "anna", &never, "cleo", 6e-2);
  items_stop(&never);
  cr_assert_eq(items_place(&reader, "anna", NULL, "new"), -1);
  items_add(&writer, "new", "even");
  push_many(&writer, "anna", "new", 203, 4);
  cr_assert_eq(items_place(&reader, "anna", NULL, "new"), -1, "taken");
  process other = items_start();
  push_many(&other, "twin", "new", 0, 200);
  for (int i = 200; i < 203; i++) push_many(&other, "twin", "item-1", i, 1);
  push_many(&other, "twin", "new", 203, 4);
  judge("after all", &reader, "anna", &other, "twin", 6e-2);
  solid_state_stats stats = sol_keeper_get_stats(reader.rec->answerer.keeper);
  cr_assert_eq(stats.refused, 0, "%d: the writer stored what it cannot be", (int)stats.refused);
  items_stop(&other);
  items_stop(&reader);
  items_stop(&writer);
}

/* The states of a pipeline go with its model: the larger copy has rows that the former one has not. */
Test(items_long, beyond_the_spare_rows_are_in_states_of_a_larger_model) {
  process writer = items_start(), reader = items_start();
  char id[16];
  solid_model *larger = NULL;
  for (int i = 0; i <= SPARE + 5; i++) {
    snprintf(id, sizeof id, "new-%d", i);
    items_add(&writer, id, i % 2 ? "third" : "even");
  }
  push_many(&writer, "anna", "new-1", 0, 100);
  cr_assert_eq(solid_model_grow(&larger, writer.model, 64), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(solid_item_log_apply(writer.log, larger, SIZE_MAX, NULL), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(solid_pipeline_switch(writer.pipeline, larger), SOLID_OK, "%s", solid_last_error());
  solid_recommender_free(writer.rec);
  writer.rec = NULL;
  solid_model_free(writer.model);
  writer.model = larger;
  push_many(&writer, "anna", id, 100, 20);
  push_many(&writer, "ben", id, 0, 20);
  cr_assert_eq(items_ask(&reader, "ben", NULL, 1, &(solid_scored){0}).params_seq, 20);
  items_stop(&reader);
  items_stop(&writer);
}
