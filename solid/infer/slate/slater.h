/* From users' states and vectors to slates: a model's trie, its decoder and the memory for some users at a time. One
 * slater a thread; everything is taken when it is made. */
#ifndef SOLID_INFER_SLATE_SLATER_H
#define SOLID_INFER_SLATE_SLATER_H

#include "solid/infer/slate/plan.h"
#include "solid/infer/slate/stepper.h"
#include "solid/model.h"

typedef struct sol_slater sol_slater;

typedef struct sol_slate_user {
  const float *h, *u;       /* (d) */
  const uint64_t *excluded; /* as in a ranking; NULL = nothing */
  const solid_scored *top;  /* the ranker's own list of what is allowed, best first; NULL = it is not known */
  uint32_t n_top;
  solid_scored *out; /* room for K: item and u . e_v in the order of the rows; what remains is SOLID_NO_ITEM */
  uint32_t *codes;   /* room for (K, columns) codes of the rows, or NULL */

  /* Set by the call. */
  uint32_t count;   /* rows of the slate: K, or what is left */
  int32_t forwards; /* of the decoder */
  double log_p;     /* of the slate by the decoder, over open codes; 0 where the decoder was not asked */
} sol_slate_user;

/* For up to `users` users a call, some of them at a time. EUNSUPPORTED: the model has no decoder. */
solid_status sol_slater_new(sol_slater **out, const solid_model *model, size_t users);
void sol_slater_free(sol_slater *slater);

/* Bytes that it holds on the device. */
uint64_t sol_slater_bytes(const sol_slater *slater);

/* 1 where the model's decoder can go in this order: raster and ZipAR are one training, near-to-far is another. */
int sol_slater_has(const sol_slater *slater, sol_order order);

const sol_trie *sol_slater_trie(const sol_slater *slater);

/* ERANGE: rows, window, guide, temperature, top_p. EUNSUPPORTED: the order. */
solid_status sol_slater_check(const sol_slater *slater, const sol_slate_plan *plan);

/* Decodes. Forwards are 0 where nothing but the guide counts (how.guide = 1) and the decoder is not asked. With an
 * adaptive window users go one by one. Statuses as sol_slater_check's. */
solid_status sol_slater_decode(sol_slater *slater, const sol_slate_plan *plan, sol_slate_user *users, size_t n);

#endif
