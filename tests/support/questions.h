/* Drawn questions of every kind, and their answers by the separate stages. */
#ifndef TESTS_SUPPORT_QUESTIONS_H
#define TESTS_SUPPORT_QUESTIONS_H

#include "tests/support/seed.h"
#include "tests/support/serving.h"

enum { QUESTIONS = 80, QUESTION_KINDS = 9 };

typedef struct questions {
  solid_question row[QUESTIONS];
  size_t n, k, words;
  float *h, *params; /* (QUESTIONS, d), (QUESTIONS, P) as stored */
  uint32_t *items;   /* behind the windows */
  uint64_t *masks;   /* (QUESTIONS, words) */
  solid_scored *best;
} questions;

questions *questions_new(const serving *s);
void questions_free(questions *q);

/* n rows of kinds 0 .. QUESTION_KINDS - 1, of one kind where `kind` is not negative; some rows with a mask unless
 * `masks` is 0. Kinds 3, 4 and 5 have neither state nor layers; what is made is wanted but of kind 5. */
void questions_draw(questions *q, const serving *s, seed_rng *rng, size_t n, size_t k, int kind, int masks);

/* What generate, encode, apply and rank make of it one after the other, each called once; made_h (n, d) and made_params
 * (n, P) get the rows that are generated. */
typedef struct stages {
  solid_scored *best; /* (n, k) */
  size_t counts[QUESTIONS];
  float *made_h, *made_params, *u;
} stages;

stages *stages_new(const serving *s);
void stages_free(stages *by);
void stages_answer(stages *by, solid_worker *worker, const serving *s, const questions *q);

#endif
