/* What the files of the pipeline share: pipeline.c takes batches of events, pipeline_users.c goes through the users of
 * one. */
#ifndef SOLID_SERVE_PIPELINE_PARTS_H
#define SOLID_SERVE_PIPELINE_PARTS_H

#include "solid/infer/worker/worker.h"
#include "solid/pipeline.h"
#include "solid/serve/follow.h"
#include "solid/serve/forgetting.h"
#include "solid/serve/grouping.h"
#include "solid/serve/states/keeper.h"
#include "solid/serve/stream_batch.h"

/* A sub-batch of users, sized once; U = max_batch. */
typedef struct sol_user_batch {
  solid_append *appends;  /* (U) */
  solid_window *windows;  /* (U) */
  size_t *applied;        /* (U) */
  solid_status *statuses; /* (U) what the store says of each user */
  solid_step *steps;      /* (U, tail) behind the windows */
  uint32_t *offsets;      /* (U + 1) */
  uint32_t *items;        /* (U, L or tail) packed */
  solid_bytes *users;     /* (U) whose parameters are written */
  solid_params *params;   /* (U) */
  sol_wish *wishes;       /* (U), with a keeper */
  float *h;               /* (U, d) likewise */
} sol_user_batch;

/* What identifies a call that is repeated after a failure. */
typedef struct sol_failed_call {
  size_t n; /* 0 = none */
  solid_position first, last;
} sol_failed_call;

struct solid_pipeline {
  const solid_model *model;
  solid_store *store;
  solid_worker *worker;
  sol_keeper *keeper; /* of attention states; NULL: the worker encodes windows */
  uint64_t state_cache;
  size_t tail; /* steps that a window has at most */
  solid_model_info info;
  size_t max_batch;
  uint32_t element;
  solid_generate generate;
  solid_item_log *items; /* may be NULL */
  sol_follower follower;
  sol_groups groups;
  sol_stream_batch stream;
  sol_user_batch batch;
  char *memory;               /* behind `batch` */
  sol_failed_call failed;     /* the previous call, if it failed */
  char newer[SOL_NEWER_TEXT]; /* of this call: what the store said of a record of a later version; "" = of none */
  int is_again; /* this call repeats the failed one: events that the failed call applied are no duplicates */
  solid_pipeline_stats stats;
};

/* Of an event of which nothing is known yet: at the end of a call that failed it gets the call's status. */
#define SOL_NOT_DONE SOLID_ECANCELLED

/* One sub-batch, groups first .. first + n, whose steps are laid out: append, read back, generate, store. Who is due
 * follows from what the store has, even if the append found nothing new: a crash between the append and the write
 * leaves a window without its parameters, and replaying the same events repairs it. verdicts: those of the call, or
 * NULL. */
solid_status sol_pipeline_users(solid_pipeline *pipeline, size_t first, size_t n, solid_status *verdicts);

#endif
