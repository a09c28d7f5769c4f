/* A grid of trainings of paper models, several at once, and the table of the results. */
#ifndef EXAMPLES_PAPER_PAPER_RUNS_H
#define EXAMPLES_PAPER_PAPER_RUNS_H

#include "examples/common/reading.h"
#include "examples/paper/fit.h"
#include <pthread.h>
#include <stdio.h>

typedef struct paper_arguments {
  const char *data, *format, *backbones, *heads, *forms, *seeds, *out, *log, *device;
  int64_t jobs, epochs, first_epochs, batch, width, attention, window, clusters, semantic_rows, negatives, threads;
  double rate, clip, weight;
  int source; /* a sol_paper_source */
  reading_options reading;
  items_options items;
} paper_arguments;

enum { PAPER_MAX_SEEDS = 32, PAPER_CELLS = 3 * 3 * 2 };

/* The result of one training. */
typedef struct paper_result {
  int done;
  sol_paper_epoch last, best; /* best: the epoch with the highest test AUC */
} paper_result;

/* Trainings that follow from each other, in one thread: the heads of one backbone, form and seed. */
typedef struct paper_job {
  sol_paper_backbone backbone;
  sol_paper_form form;
  int seed;       /* place in the list */
  unsigned heads; /* bit h: the figures of head h are wanted */
  int duet_first; /* solid is wanted as well */
} paper_job;

typedef struct paper_runs {
  const paper_arguments *args;
  uint64_t seeds[PAPER_MAX_SEEDS];
  int n_seeds;
  unsigned backbones, heads, forms; /* bits */
  paper_job *jobs;
  size_t n_jobs, next;                           /* next: to be taken, under the lock */
  paper_result result[3][2][3][PAPER_MAX_SEEDS]; /* backbone, form, head, seed */
  const solid_dataset *dataset;
  FILE *log;
  pthread_mutex_t lock;
  solid_status status; /* the first failure, and its text */
  char error[256];
} paper_runs;

/* EINVAL: a list. EIO: the log. */
solid_status paper_runs_plan(paper_runs *runs, const paper_arguments *args);
solid_status paper_runs_train(paper_runs *runs, const solid_dataset *dataset);
void paper_runs_print(const paper_runs *runs);
void paper_runs_clear(paper_runs *runs);

#endif
