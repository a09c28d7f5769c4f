/* The parts of solid_ask: what is asked, and the answer as people or programs read it. */
#ifndef EXAMPLES_ASK_ASK_H
#define EXAMPLES_ASK_ASK_H

#include "examples/common/growing.h"
#include "examples/common/id_list.h"
#include "examples/common/slate_options.h"
#include "examples/common/store_options.h"
#include "solid/solid.h"

typedef struct ask_arguments {
  const char *model, *device, *user, *category, *session, *blocked;
  int64_t k, history, until_seq, timeout;
  int seen, exclude_seen, quiet, json, categories, forget;
  slate_options slate;
  store_options store; /* ttl_s stays 0: a question renews no time to live */
} ask_arguments;

extern const solid_program ask_program;

typedef struct asking {
  ask_arguments args;
  id_list session, blocked;
  int code; /* to end with, should what is done now fail */
  solid_context *ctx;
  solid_model *model;
  solid_model_info info;
  solid_store *store;
  solid_recommender *rec;
  solid_item_log *items;
} asking;

/* An answer: a ranking, or a slate. */
typedef struct ask_answer {
  const solid_scored *items;
  size_t count;
  uint32_t source; /* solid_source */
  uint64_t window_seq, params_seq;
  const solid_window *history;     /* its newest args.history steps are shown; NULL = none */
  const solid_slate_answer *slate; /* NULL = a ranking */
  double guide;
} ask_answer;

void ask_print(const asking *a, const ask_answer *answer);
/* ENOMEM. */
solid_status ask_print_json(const asking *a, const ask_answer *answer);

/* The names of the model's categories with their numbers of items, the largest first. ENOMEM. */
solid_status ask_print_categories(const asking *a);

#endif
