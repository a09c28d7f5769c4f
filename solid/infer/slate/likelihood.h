/* What a model's raster decoder thinks of lists, however they were made: log p of a list's codes in raster order, each
 * over the codes that are open there. */
#ifndef SOLID_INFER_SLATE_LIKELIHOOD_H
#define SOLID_INFER_SLATE_LIKELIHOOD_H

#include "solid/model.h"

typedef struct sol_likelihood sol_likelihood;

typedef struct sol_likelihood_user {
  const float *h, *u;        /* (d) */
  const uint64_t *excluded;  /* as in a ranking; NULL = nothing */
  const solid_scored *items; /* (rows) distinct and none of them excluded; SOLID_NO_ITEM behind the last one */
  double log_p;              /* set */
} sol_likelihood_user;

/* For lists of `rows` items, of up to `users` users a call. EUNSUPPORTED: no decoder, or one that was trained
 * near-to-far. ERANGE: more rows than it has. */
solid_status sol_likelihood_new(sol_likelihood **out, const solid_model *model, uint32_t rows, size_t users);
void sol_likelihood_free(sol_likelihood *likelihood);

/* EINVAL: an item that is excluded, there twice, or joined the model after the likelihood was made. */
solid_status sol_likelihood_of(sol_likelihood *likelihood, sol_likelihood_user *users, size_t n);

#endif
