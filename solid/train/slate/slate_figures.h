/* The users to evaluate, the items each took next, and the figures of a list. Items are indices of the model. */
#ifndef SOLID_TRAIN_SLATE_SLATE_FIGURES_H
#define SOLID_TRAIN_SLATE_SLATE_FIGURES_H

#include "solid/train/slate/likeness.h"
#include "solid/train/slate_evaluate.h"

typedef struct sol_slate_asked {
  uint32_t users, rows;  /* rows: K */
  uint32_t *who;         /* (users) of the dataset */
  size_t *known;         /* (users + 1) into items: what a user had, */
  size_t *targets;       /* (users) and from here items the user took next: distinct, new */
  uint32_t *items;       /* known items and targets, user after user */
  uint32_t *category_at; /* (V + 1) */
  uint32_t *category;    /* of the items, by item */
  uint32_t categories;
  int judged_apart; /* 1 = likeness is counted on other users */
} sol_slate_asked;

solid_status sol_slate_ask(sol_slate_asked *asked, const solid_model *model, const solid_dataset *dataset,
                           const solid_slate_asking *asking);
void sol_slate_asked_clear(sol_slate_asked *asked);

solid_status sol_slate_report_open(solid_slate_report *report, uint32_t users);

/* Figures of the i-th user's list (rows), into the report; marks its items in shown (V). */
void sol_slate_judge(solid_slate_report *report, const sol_slate_asked *asked, uint32_t i, const solid_scored *list,
                     double log_p, const sol_likeness judged[SOLID_ALIKES], uint8_t *shown);

/* Means and intervals. */
solid_status sol_slate_report_finish(solid_slate_report *report, uint32_t resamples, uint64_t seed);

#endif
