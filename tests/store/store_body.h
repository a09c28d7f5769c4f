/* One body of tests for everything that implements solid/store.h, in the files body_*.c: each case gets a maker that
 * opens an empty store. */
#ifndef TESTS_STORE_STORE_BODY_H
#define TESTS_STORE_STORE_BODY_H

#include "solid/store.h"

enum { BODY_WINDOW = 5, BODY_WIDTH = 7, BODY_PARAMS = 75 };

typedef struct store_maker {
  /* A handle for windows of BODY_WINDOW on what the first call of a test began with, which is nothing. */
  solid_store *(*open)(int64_t ttl_ms);
  void (*pass_time)(int64_t ms);
  /* The same for a window and a history of one's own. */
  solid_store *(*open_history)(uint32_t window, uint32_t history, int64_t ttl_ms);
} store_maker;

#define STORE_CASES(X)                                                                                                 \
  X(appends_and_trims)                                                                                                 \
  X(skips_what_was_applied)                                                                                            \
  X(keeps_a_mark_per_stream)                                                                                           \
  X(applies_reordered_steps_once)                                                                                      \
  X(always_applies_without_a_stream)                                                                                   \
  X(takes_all_bits_of_a_position)                                                                                      \
  X(survives_random_replays)                                                                                           \
  X(empty_append_only_reads)                                                                                           \
  X(append_longer_than_the_window)                                                                                     \
  X(batch_of_users)                                                                                                    \
  X(unknown_user)                                                                                                      \
  X(newer_params_win)                                                                                                  \
  X(other_generation_is_a_miss)                                                                                        \
  X(params_bring_their_sizes)                                                                                          \
  X(refuses_bad_sizes)                                                                                                 \
  X(elements_round_trip)                                                                                               \
  X(refuses_values_that_are_not_finite)                                                                                \
  X(takes_halves_as_they_stand)                                                                                        \
  X(refuses_halves_that_it_cannot_keep)                                                                                \
  X(ids_of_all_kinds)                                                                                                  \
  X(refuses_bad_ids)                                                                                                   \
  X(users_expire)                                                                                                      \
  X(use_renews_the_time)                                                                                               \
  X(lists_who_is_held)                                                                                                 \
  X(other_handle_sees_the_same)                                                                                        \
  X(saves_streams_that_nobody_changed)                                                                                 \
  X(refuses_bad_streams)                                                                                               \
  X(keeps_the_marks_of_eight_streams)                                                                                  \
  X(params_of_a_lost_window_are_none)                                                                                  \
  X(params_tell_when_they_were_made)                                                                                   \
  X(windows_name_their_params)                                                                                         \
  X(a_new_epoch_takes_records_as_empty)                                                                                \
  X(dislikes_lie_beside_the_window)                                                                                    \
  X(the_newest_word_about_an_item_counts)                                                                              \
  X(keeps_the_newest_dislikes)                                                                                         \
  X(forgets_all_of_a_user)                                                                                             \
  X(a_replay_brings_nobody_back)                                                                                       \
  X(what_comes_later_is_a_new_user)                                                                                    \
  X(forgets_by_an_event_once)                                                                                          \
  X(forgets_ids_of_all_kinds)                                                                                          \
  X(params_of_an_earlier_life_are_none)                                                                                \
  X(forgets_many)                                                                                                      \
  X(survives_random_forgetting)                                                                                        \
  X(begins_an_epoch_once)                                                                                              \
  X(keeps_a_history_in_pages)                                                                                          \
  X(drops_the_oldest_pages)                                                                                            \
  X(takes_long_histories_at_once)                                                                                      \
  X(a_history_survives_random_replays)                                                                                 \
  X(a_new_epoch_ends_a_history)                                                                                        \
  X(knows_all_that_was_ever_taken)                                                                                     \
  X(begins_anew_where_too_many_items_were_taken)                                                                       \
  X(knows_all_that_was_ever_taken_of_long_histories)                                                                   \
  X(short_windows_know_what_they_hold)                                                                                 \
  X(one_long_history_beside_short_ones)                                                                                \
  X(histories_expire_as_a_whole)                                                                                       \
  X(refuses_bad_histories)                                                                                             \
  X(keeps_a_state)                                                                                                     \
  X(changes_parts_of_a_state)                                                                                          \
  X(a_state_of_something_else_is_told)                                                                                 \
  X(newer_states_win)                                                                                                  \
  X(a_state_needs_a_history)                                                                                           \
  X(refuses_bad_states)                                                                                                \
  X(items_come_back_as_they_were)                                                                                      \
  X(dropped_items_are_passed_over)                                                                                     \
  X(items_are_appended_once)                                                                                           \
  X(questions_bring_the_log)                                                                                           \
  X(reads_a_long_log_in_pieces)                                                                                        \
  X(refuses_bad_items)

#define STORE_DECLARE(name) void body_##name(const store_maker *maker);
STORE_CASES(STORE_DECLARE)
#undef STORE_DECLARE

#endif
