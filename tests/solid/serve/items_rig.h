/* Processes that share one store: a model, an item log, a store's handle, a pipeline and a recommender each, over one
 * memory. */
#ifndef TESTS_SOLID_SERVE_ITEMS_RIG_H
#define TESTS_SOLID_SERVE_ITEMS_RIG_H

#include "solid/item_log.h"
#include "solid/pipeline.h"
#include "solid/recommender.h"

enum { K = 8, SPARE = 24 };

extern solid_context *items_ctx;
extern solid_store *items_root;
extern int items_slates; /* 1: models from here on decode slates of up to 12 rows in raster, 2: near-to-far */

typedef struct process {
  solid_store *store;
  solid_model *model;
  solid_item_log *log;
  solid_pipeline *pipeline;
  solid_recommender *rec;
} process;

/* .init and .fini of a suite. */
void items_begin_long(void); /* a model of sparse attention over 256 steps, and a store that keeps histories */
solid_bytes items_text(const char *s);
solid_model *items_model(uint32_t spare);
process items_start_over(solid_store *store, uint32_t spare);
process items_start(void);
void items_stop(process *p);
void items_begin(void);
void items_end(void);
solid_status items_say(process *p, solid_item_change kind, const char *id, const char *title, const char *attribute,
                       const float *vector);
void items_add(process *p, const char *id, const char *attribute);
solid_status items_push(process *p, const char *user, const char *item);
solid_answer items_ask(process *p, const char *user, const char *category, uint32_t k, solid_scored *best);
int items_place(process *p, const char *user, const char *category, const char *item);
void items_same_answers(process *a, process *b, const char *user);

/* 0, saying so, where this machine has no GPU and SOLID_REQUIRE does not name it; else processes started from here on
 * are on it. */
int items_use_gpu(void);

#endif
