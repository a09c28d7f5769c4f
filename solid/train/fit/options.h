/* How a model is trained. The defaults are the recipe for the sparse Amazon sets. */
#ifndef SOLID_TRAIN_FIT_OPTIONS_H
#define SOLID_TRAIN_FIT_OPTIONS_H

#include "solid/model/config.h"

typedef struct sol_train_options {
  uint32_t epochs;    /* at most so many */
  uint32_t patience;  /* stop after so many epochs without a better validation NDCG@10; 0 = never */
  uint32_t check;     /* validate after every so many epochs, and after the last */
  uint32_t batch;     /* users a step */
  uint64_t seed;      /* of initial weights, order and dropout */
  float rate;         /* Adam's learning rate */
  float rate_end;     /* what a half cosine over all `epochs` leaves of it; 1 = constant */
  float decay;        /* decoupled weight decay, of all but the generator */
  float max_norm;     /* of the whole gradient; it is scaled down to this */
  float dropout;      /* embeddings, attention, feed-forward, the generator's inputs */
  float dropout_z;    /* inside and after the generator's MLPs */
  float dropout_y;    /* output of the generated layers */
  float smoothing;    /* of the labels */
  float item_dropout; /* share of the id embeddings that a step does without: those items are known by codes and
                         attributes */
  float average;      /* moving average of weights: how much of it each step keeps, e.g. 0.999; 0 = none */
  float cuts; /* how often a user of more events than the window gives a random cut, not the newest; 0 = never */
  float swap; /* how often one of an item's mates stands for it in a window, see mates.h; 0 = never */
  uint32_t
      learn_codes;   /* the codes follow what was learned after every so many epochs, see codebook_learn.h; 0 = never */
  float learn_share; /* length of the learned part beside the parts of a content vector */
  float learn_keep;  /* how much of a centroid an update keeps */
  uint32_t refit;    /* not 0: train on the validation events too, so many epochs, and keep what comes out */
} sol_train_options;

#define SOL_TRAIN_OPTIONS_INIT                                                                                         \
  {                                                                                                                    \
    .epochs = 200, .patience = 20, .check = 1, .batch = 256, .seed = 0, .rate = 1e-3f, .rate_end = 1, .decay = 0,      \
    .max_norm = 5, .dropout = 0.5f, .dropout_z = 0.5f, .dropout_y = 0.5f, .smoothing = 0.1f, .item_dropout = 0,        \
    .average = 0, .learn_share = 1, .learn_keep = 0.9f                                                                 \
  }

/* ERANGE with the name and the value that is wrong. */
solid_status sol_train_options_check(const sol_train_options *options);

/* What step `number` (from 1) of `total` trains with: the rate of the schedule, and a moving average that forgets the
 * initial weights: it keeps at most (1 + number) / (10 + number). */
sol_train_options sol_train_options_at(const sol_train_options *options, uint64_t number, uint64_t total);

#endif
